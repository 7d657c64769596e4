"""Other readings of the same pool: its classes, each perhaps through a view (`per_class(view=…)`), and its batches.

Separate from `combinators`, because stating weights anew has to look at a class or batch as selecting did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from coreset_explore.gradients import Dense, LastLayer, residuals
from coreset_explore.pool import Missing, Pool

PER_CLASS = 'per_class ("Within each class" under the panel\'s ⚙)'


def own_class(pool: Pool, label: int) -> Pool:
    """Only the gradient of class `label`'s own output row: d + 1 numbers an example (d without a bias), not c(d + 1).

    GRAD-MATCH's "per gradient" approximation (Killamsetty et al. 2021, appendix A.2.1). The target, if any, is seen
    the same way.
    """
    grads = pool.need("grads")
    if type(grads) is not LastLayer:  # all layers of a network are one too, and have no row a class
        raise ValueError(
            "own_class reads one output row of a last layer, and these gradients are not factored"
        )
    target = None if pool.target is None or pool.target.grads is None else own_class(pool.target, label)
    seen = pool.add(grads=replace(grads, r=grads.r[:, :, label : label + 1]))
    return Pool(seen.fields, pool.classes, target, pool.info)


def pseudo_label(pool: Pool, label: int | None = None) -> Pool:
    """Labels and gradients as the model believes them, for data nobody labelled: y = argmax, r = p − one-hot(y)."""
    logits = pool.need("logits")
    y = logits.argmax(1)
    fields = {"y": y}
    if type(pool.grads) is LastLayer:
        fields["grads"] = replace(pool.grads.last, r=residuals(logits, y)[None])
    return pool.add(**fields)


VIEWS: dict[str, Callable[[Pool, int], Pool]] = {"own_class": own_class, "pseudo_label": pseudo_label}


@dataclass(frozen=True, eq=False)
class ClassGroups(Sequence):
    """The classes of a pool, each as (label, its rows, the sub-pool seen through the view); cut when asked for.

    So that the classes' copies of a large pool do not all exist at once. The target is sliced by class.
    """

    pool: Pool
    members: Mapping[int, Tensor]
    view: str | None = None

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, number: int) -> tuple[int, Tensor, Pool]:
        label, rows = list(self.members.items())[number]
        part = self.pool[rows]
        if self.pool.target is not None:
            own = (self.pool.target.need("y") == label).nonzero().flatten()
            part = replace(part, target=self.pool.target[own])
        return label, rows, VIEWS[self.view](part, label) if self.view else part


def class_groups(pool: Pool, view: str | None = None) -> ClassGroups:
    """Every class present. Pseudo-labels also say which rows form a class: they are for data nobody labelled."""
    if view == "pseudo_label":
        pool, view = VIEWS[view](pool), None
    if pool.y is None:
        raise Missing("y", pool, PER_CLASS)
    return ClassGroups(pool, pool.by_class(), view)


def class_names(pool: Pool, labels: Iterable[int]) -> list[str]:
    """What each class is called in a selection's `info`; classes of one name are told apart by their number."""
    times = Counter(pool.classes)

    def called(label: int) -> str:
        if label >= len(pool.classes):
            return str(label)
        name = pool.classes[label]
        return name if times[name] == 1 else f"{name} ({label})"

    return [called(label) for label in labels]


@dataclass(frozen=True, eq=False)
class Batches(Pool):
    """A pool of mini-batches: a batch's gradients and features are its rows', summed and divided by the nominal size.

    By the nominal size, so that a short last batch is not inflated; `rows` says how many rows each has. Other fields
    have no meaning for a batch and are dropped. The target stays: what batches are to match is the same validation
    rows' gradient that rows are to match. `width` is the length of one step's gradient, which sums of several steps,
    being dense, no longer tell; `unit` is the nominal size.
    """

    width: int = 0
    unit: int = 1

    def need(self, name: str) -> Any:
        """As Pool's, but for what rows alone have."""
        if name == "similarity":
            raise ValueError(
                "batches of rows have no similarity to each other; leave per_batch out, or compare by space='emb' or "
                "space='grads'"
            )
        return super().need(name)

    @property
    def count(self) -> float:
        """How many batches of the nominal size these rows would make."""
        return float(self.fields["rows"].sum()) / self.unit

    def vectors(self, space: str = "grads", steps: str = "last") -> LastLayer | Dense:
        """As Pool's; the last step's sums are the last `width` columns."""
        found = super().vectors(space, steps)
        last = space == "grads" and steps == "last"
        return Dense(found.g[:, -self.width :]) if last else found

    @classmethod
    def of_rows(cls, pool: Pool, groups: Sequence[Tensor], size: int) -> Batches:
        """One row a group of rows, for groups of the nominal `size`."""
        device = pool.device
        fields: dict[str, Any] = {"ids": torch.arange(len(groups), device=device)}
        fields["rows"] = torch.tensor([len(rows) for rows in groups], device=device)
        if pool.grads is not None:
            fields["grads"] = Dense(pool.grads.sums(groups).g / size)
        if pool.emb is not None:
            fields["emb"] = torch.stack([pool.emb[rows].sum(0) / size for rows in groups])
        width = 0 if pool.grads is None else pool.grads.last.dim
        return cls(fields, (), pool.target, pool.info, width=width, unit=size)

    def cut(self, pool: Pool, kept: Mapping[int, Tensor]) -> Batches:
        """The same with some batches cut to the rows that are kept of them; their rests follow, as batches too."""
        if not kept:
            return self
        parts, places = Batches.of_rows(pool, list(kept.values()), self.unit), torch.tensor(list(kept))
        places = places.to(self.device)

        def told(name: str, pack: Callable = lambda x: x, read: Callable = lambda x: x) -> Any:
            every, some = read(self.fields[name]).clone(), read(parts.fields[name])
            rest, every[places] = every[places] - some, some
            return pack(torch.cat([every, rest]))

        fields = {name: told(name) for name in ("rows", "emb") if name in self.fields}
        if self.grads is not None:
            fields["grads"] = told("grads", Dense, lambda grads: grads.g)
        ids = torch.arange(len(self) + len(kept), device=self.device)
        return replace(self, fields={"ids": ids, **fields})

    def means(self) -> Batches:
        """The same with each batch's mean in place of its sum, whatever its size."""
        share = (self.unit / self.fields["rows"].clamp_min(1))[:, None]
        fields = dict(self.fields)
        if self.grads is not None:
            fields["grads"] = Dense(self.grads.g * share)
        if self.emb is not None:
            fields["emb"] = self.emb * share
        return replace(self, fields=fields)


def batch_groups(pool: Pool, size: int, seed: int) -> list[Tensor]:
    """The rows in seeded batches of `size`, drawn in id order so that row order changes nothing; one may be short."""
    by_id = torch.argsort(pool.ids.cpu())
    shuffled = by_id[torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))]
    return list(shuffled.to(pool.device).split(size))
