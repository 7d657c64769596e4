"""Pool: row-aligned facts about n candidates. Missing: a fact nobody recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from coreset_explore.gradients import Dense, LastLayer
from coreset_explore.inputs import fields as facts
from coreset_explore.inputs import frames, joining, similarities
from coreset_explore.inputs.checks import rows as checked_rows
from coreset_explore.inputs.checks import shown
from coreset_explore.inputs.classes import class_names, numbered
from coreset_explore.inputs.labels import code_labels

RECORDED = {
    "emb": "Pool.of(X) takes features as they are; cx.signals(data) records them from a model",
    "y": "pass labels: Pool.of(X, y)",
    "logits": "cx.signals(data) records them; Pool.of(X, y, logits=...) takes your own",
    "grads": "cx.signals(data) records them, cx.signals(X, y, model='logistic') for any features",
    "history": "cx.signals(data, epochs=5) records one value an epoch",
    "similarity": "Pool.of(similarity=S) takes n x n of them, an array or a sparse matrix of scipy's",
    "target": "cx.signals(data, holdout=0.1) sets validation rows aside from the training set",
}


class Missing(ValueError):
    """A method needs a field that this pool does not hold; the message names the call that makes it.

    `wanted_by` names the combinator that needs it, where that is not the method: it can be left out.
    """

    def __init__(self, name: str, pool: Pool, wanted_by: str = ""):
        held = ", ".join(k for k in pool.fields if k != "ids") or "no fields"
        how = RECORDED.get(name, f"cx.signals(data, extras=('{name}',)) or pool.add({name}=values)")
        whose = "the pool"
        if pool.info.get("role") == "target":
            whose = "the target, the validation rows in pool.target,"
            how = (
                f"{RECORDED['target']}; of your own: Pool.of(X, y, target=Pool.of(X_val, y_val, {name}=...))"
            )
        if wanted_by:
            how = f"{how}, or leave it out"
        super().__init__(f"{wanted_by or 'this'} needs {name!r}, and {whose} holds {held}; {how}")
        self.name, self.wanted_by = name, wanted_by


@dataclass(frozen=True, eq=False)
class Pool:
    """Row-aligned facts about n candidates, in one dictionary of fields.

    `ids` (n,) int64 rows of the original dataset, `y` (n,) int64, `emb` (n, d) float32, `logits` (n, c) of the last
    step, `grads` (LastLayer or Dense), `history`, and any named extra (n, …). `pool[rows]` slices every field.
    `similarity` (n, n), dense or sparse, is aligned with rows both ways: `pool[rows]` keeps those rows and columns.
    `target` is not row-aligned: the validation Pool that GLISTER and validation GRAD-MATCH match. Nor is `test`:
    held-out test rows, for judging alone, which no method reads. `index` is what a frame calls its rows, that of id i
    at i; a selection tells it in `keys`.

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], ["cat", "dog", "cat"])
    >>> pool
    Pool(unnamed: 3 rows, emb (3, 2), y (3,), ids (3,))
    >>> pool[pool.y == 0].emb.tolist()
    [[0.0, 1.0], [4.0, 5.0]]
    """

    fields: Mapping[str, Any]
    classes: tuple[str, ...] = ()
    target: Pool | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    test: Pool | None = None
    index: Any = None

    def __post_init__(self) -> None:
        n = len(self.fields["ids"])
        for name in ("target", "test"):
            part = getattr(self, name)
            if part is not None and not isinstance(part, Pool):
                raise ValueError(
                    f"{name} is a Pool of its own rows, not {shown(part)}; Pool.of(X, y) makes one"
                )
        if self.target is not None and self.target.info.get("role") != "target":
            # so that what the target lacks is not looked for in the pool
            told = replace(self.target, info={**self.target.info, "role": "target"})
            object.__setattr__(self, "target", told)
        for name, value in self.fields.items():
            if hasattr(Pool, name):
                raise ValueError(
                    f"a pool has a {name!r} of its own, which is no field; give yours another name"
                )
            if len(value) != n:
                raise ValueError(
                    f"pool field {name!r} has {len(value):,} rows, ids have {n:,}; one row a candidate"
                )
        if self.y is not None and n and (low := int(self.y.min())) < 0:
            raise ValueError(
                f"labels are class numbers from 0, got {low}; leave unlabelled rows out of the pool"
            )

    @classmethod
    def of(
        cls, X=None, y=None, *, ids=None, classes: Sequence[str] | None = None, target=None, info=None, **more
    ) -> Pool:
        """Wrap arrays, tensors or a data frame: features `X` (n, d), labels `y` (n,) of any kind (strings are coded).

        Of a frame, of whatever make, `y` may name a column; the frame's index tells which row of a Series is which.
        `more` takes `logits`, `grads`, `history`, `similarity` and named extras. Raises ValueError for NaN or infinite
        features, logits, gradients or similarities (naming the rows), for lengths that disagree, for ids that stand
        twice, and for an empty pool. A Pool comes back as it is, or with what else is given in place of its own.

        `similarity` is s (n, n), how like row i row j is: an array, or a sparse matrix of scipy's or torch's, which
        stays sparse and whose absent entries are 0. The methods that sum similarities (facility location, graph cut,
        saturated coverage, log determinant, disparity) read it in place of their own.

        >>> import coreset_explore as cx
        >>> pool = cx.Pool.of([[0.0, 1.0], [2.0, 3.0]], ["dog", "cat"], ids=[70, 71], risk=[0.1, 0.9])
        >>> pool.classes, pool.y.tolist()
        (('cat', 'dog'), [1, 0])
        >>> pool.risk.tolist(), pool.ids.tolist()
        ([0.1, 0.9], [70, 71])
        >>> alike = [[1.0, 0.9, 0.0], [0.9, 1.0, 0.2], [0.0, 0.2, 1.0]]
        >>> cx.select("facility_location", cx.Pool.of(similarity=alike), 2).indices.tolist()
        [1, 2]
        """
        found: dict[str, Any] = {}
        coded, index = False, None
        if isinstance(X, Pool):
            if all(v is None for v in (y, ids, classes, target, info, *more.values())):
                return X
            found, index = dict(X.fields), X.index
        elif frames.is_frame(X):
            parts = frames.parted(X, y, None, None, facts.LABELS)
            found["emb"], y, index = parts.x, parts.y, parts.index
        elif X is not None:
            found["emb"] = facts.features(X)
        called = X.keys if isinstance(X, Pool) else index
        y, ids = frames.aligned(y, called, "y"), frames.aligned(ids, called, "ids")
        more = {name: _aligned(value, called, name) for name, value in more.items()}
        if y is not None:
            found["y"], classes, coded = code_labels(y, classes)
        elif classes is not None:
            classes = class_names(classes)
        found |= {name: facts.field(name, value) for name, value in more.items() if value is not None}
        if y is not None and classes is not None and (outputs := facts.outputs_of(found)):
            found["y"], classes = numbered(found["y"], classes, coded, outputs, "the model of these logits")
            if len(found["y"]) and int(found["y"].max()) >= outputs:
                raise ValueError(
                    f"the logits or gradients tell {outputs} classes apart, and y holds class {int(found['y'].max())}; "
                    "give those of the model that knows these classes"
                )
        if not found:
            raise ValueError(
                "an empty pool: pass features X (n, d), or grads=, logits=, history=, similarity="
            )
        n = len(next(iter(found.values())))
        if n == 0:
            raise ValueError("a pool needs at least one row, got none")
        if ids is not None or "ids" not in found:
            found["ids"] = torch.arange(n) if ids is None else facts.field("ids", ids)
        given = {
            "classes": None if classes is None else tuple(classes),
            "target": target,
            "info": None if info is None else dict(info),
        }
        held = X if isinstance(X, Pool) else cls(found)
        index = index if ids is None else None  # ids of one's own say which row is which
        return replace(held, fields=found, index=index, **{k: v for k, v in given.items() if v is not None})

    @staticmethod
    def join(*pools: Pool) -> Pool:
        """One pool of all rows of several, in the order given: `Pool.join(p[:20], p[20:])` is p again.

        Every field is put together, gradients and history too, so all pools hold the same ones; `a.only("emb", "y")`
        leaves out what the others lack. Nothing is guessed: ids that stand twice, other widths, steps, dtypes or
        devices, and class lists of which none begins the other are each refused in one sentence (ValueError).

        `target` and `test` belong to no row: they stay where every pool that has one has the same, and two different
        ones are refused. `info` keeps what all tell alike. Copies every field once, n·(widths) numbers, and sorts the
        ids; `emb` and gradients that shared memory before no longer do.

        >>> import coreset_explore as cx
        >>> memory = cx.Pool.of([[0.0], [1.0]], ["cat", "dog"], ids=[4, 7])
        >>> batch = cx.Pool.of([[2.0]], ["dog"], ids=[9], classes=["cat", "dog"])
        >>> cx.Pool.join(memory, batch).ids.tolist()
        [4, 7, 9]
        """
        for one in pools:
            if not isinstance(one, Pool):
                raise ValueError(f"Pool.join takes pools, not {shown(one)}; Pool.of(X, y) makes one")
        if len(pools) == 0:
            raise ValueError(
                "Pool.join takes one pool or more, got none; give those whose rows to put together"
            )
        first = pools[0]
        if len(pools) == 1:
            return first
        ids = joining.joined_ids([pool.ids for pool in pools])
        fields = joining.joined_fields([pool.fields for pool in pools])
        return replace(
            first,
            fields={**fields, "ids": ids},
            classes=joining.shared_classes([p.classes for p in pools], [p.y for p in pools]),
            target=_one(pools, "target"),
            test=_one(pools, "test"),
            info=joining.shared_info([pool.info for pool in pools]),
            index=first.index if all(pool.index is first.index for pool in pools) else None,
        )

    def __len__(self) -> int:
        return len(self.fields["ids"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "fields":
            raise AttributeError(name)
        if name in self.fields:
            return self.fields[name]
        if name in ("y", "emb", "logits", "grads", "history"):
            return None
        raise AttributeError(f"the pool has no field {name!r}; it holds {', '.join(self.fields)}")

    def __getitem__(self, rows) -> Pool:
        """The same facts for some rows (a slice, a mask or indices); `target` and `test` are kept whole."""
        if isinstance(rows, str):
            raise ValueError(f"pool[rows] takes rows, not {rows!r}; a field is pool.need({rows!r})")
        if not isinstance(rows, slice):
            rows = checked_rows(rows, "pool[rows]", len(self), negative=True).to(self.device)
        return replace(self, fields={k: v[rows] for k, v in self.fields.items()})

    def __repr__(self) -> str:
        held = ", ".join(
            f"{k} {tuple(v.shape)}" if isinstance(v, Tensor | similarities.Similarities) else k
            for k, v in self.fields.items()
        )
        return f"Pool({self.info.get('name', 'unnamed')}: {len(self):,} rows, {held})"

    @property
    def device(self) -> torch.device:
        return self.fields["ids"].device

    @property
    def n_classes(self) -> int:
        """Number of classes: named ones, else the largest label plus one, else 1 without labels."""
        if self.classes:
            return len(self.classes)
        return 1 if self.y is None else int(self.y.max()) + 1

    @property
    def keys(self) -> Any:
        """What a frame's index calls the rows of this pool, a pandas Index; None where it came from no frame."""
        return None if self.index is None else self.index[self.ids.cpu().numpy()]

    def need(self, name: str) -> Any:
        """The field (or `target`), or `Missing`, which names the call that makes it.

        >>> import coreset_explore as cx
        >>> cx.Pool.of([[0.0], [1.0]]).need("y")
        Traceback (most recent call last):
        coreset_explore.pool.Missing: this needs 'y', and the pool holds emb; pass labels: Pool.of(X, y)
        """
        value = self.target if name == "target" else self.fields.get(name)
        if value is None:
            raise Missing(name, self)
        return value

    def vectors(self, space: str = "grads", steps: str = "last") -> LastLayer | Dense:
        """What a method measures in: gradients at the last or at all steps, or the features as Dense rows.

        In the space "similarity" there are no vectors: the Similarities themselves are what is compared.
        """
        if space == "emb":
            return Dense(self.need("emb"))
        if space == "similarity":
            return self.need("similarity")
        grads = self.need("grads")
        return grads.last if steps == "last" else grads

    def add(self, **extra) -> Pool:
        """The pool with more row-aligned fields."""
        extra = {name: _aligned(value, self.keys, name) for name, value in extra.items()}
        found = {name: facts.field(name, value) for name, value in extra.items()}
        return replace(self, fields={**self.fields, **found})

    def only(self, *names: str) -> Pool:
        """The pool with just these fields (and ids)."""
        return replace(self, fields={k: self.fields[k] for k in ("ids", *names) if k in self.fields})

    def to(self, device) -> Pool:
        target, test = (None if part is None else part.to(device) for part in (self.target, self.test))
        return replace(
            self, fields={k: v.to(device) for k, v in self.fields.items()}, target=target, test=test
        )

    def by_class(self) -> dict[int, Tensor]:
        """Rows of each class that has any, in class order."""
        y = self.need("y")
        order = torch.argsort(y, stable=True)
        labels, sizes = torch.unique_consecutive(y[order], return_counts=True)
        return dict(zip(labels.tolist(), order.split(sizes.tolist()), strict=True))

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits of shapes, ids, labels and 4,096 seeded rows of every field."""
        return hashlib.sha256("".join(self.digests.values()).encode()).hexdigest()[:12]

    @cached_property
    def digests(self) -> dict[str, str]:
        """Twelve hex digits a field, by name: of its shape and 4,096 seeded rows, of ids and labels all."""
        rows = torch.randperm(len(self), generator=torch.Generator().manual_seed(0))[:4096].sort().values
        found = {}
        for name in sorted(self.fields):
            digest, held, whole = hashlib.sha256(), self.fields[name], name in ("ids", "y")
            if isinstance(held, LastLayer) and not held.bias:
                digest.update(f"{name} without bias".encode())
            for part in facts.parts_of(held):
                value = part if whole else part.index_select(facts.row_axis(held), rows.to(part.device))
                value = value.detach().cpu().contiguous()
                digest.update(f"{name}{tuple(part.shape)}{part.dtype}".encode())
                if value.numel():
                    digest.update(value.view(torch.uint8).numpy().data)
            found[name] = digest.hexdigest()[:12]
        return found


def _aligned(value: Any, index: Any, name: str) -> Any:
    """A field of a frame's kind in the order of the frame's rows; of similarities the columns too."""
    return similarities.aligned(value, index) if name == "similarity" else frames.aligned(value, index, name)


def _one(pools: Sequence[Pool], name: str) -> Pool | None:
    """The target (or test rows) that all pools share which have any."""
    held = [(number, part) for number, pool in enumerate(pools) if (part := getattr(pool, name)) is not None]
    for number, part in held[1:]:
        where, first = held[0]
        if part is not first and part.fingerprint != first.fingerprint:
            raise ValueError(
                f"{joining.place(where)} and {joining.place(number)} have different {name} rows; give both the same, "
                f"dataclasses.replace(pool, {name}=…), or None"
            )
    return held[0][1] if held else None
