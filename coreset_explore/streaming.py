"""Memory: what a stream keeps of the rows that came by, of fixed size; saved and loaded between two batches."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Dense, LastLayer
from coreset_explore.inputs import checks
from coreset_explore.inputs.fields import History
from coreset_explore.inputs.jsonable import jsonable
from coreset_explore.pool import Pool


@dataclass(frozen=True, eq=False)
class Memory:
    """Rows kept of a stream, what each weighs, and what the rule that keeps them remembers besides.

    `pool` the rows kept (m), None before the first · `weights` (m,) float64 with Σ_m w_i f_i ≈ Σ f_i over all rows
    seen, so they sum to about `seen` · `seen` how many rows came by · `state` what the rule itself writes down: tensors
    and JSON only · `aside` rows that it holds without keeping them (a sieve's candidates), which are no part of the
    memory and count against no capacity: `held` counts both · `stream` whose memory it is. A Memory never changes; an
    update gives another one.

    >>> import coreset_explore as cx
    >>> memory = cx.Memory()
    >>> for start in range(0, 12, 4):
    ...     batch = cx.Pool.of([[float(i)] for i in range(start, start + 4)], ids=range(start, start + 4))
    ...     memory = cx.observe("window", memory, batch, capacity=5)
    >>> memory
    Memory(5 of 12 rows seen by window)
    >>> memory.pool.ids.tolist(), memory.weights.tolist()
    ([7, 8, 9, 10, 11], [2.4, 2.4, 2.4, 2.4, 2.4])
    >>> cx.Memory.load(memory.save("memory.npz"))
    Memory(5 of 12 rows seen by window)
    """

    pool: Pool | None = None
    weights: Tensor | None = None
    seen: int = 0
    state: Mapping[str, Any] = field(default_factory=dict)
    aside: Pool | None = None
    stream: str = ""

    def __len__(self) -> int:
        return 0 if self.pool is None else len(self.pool)

    def __repr__(self) -> str:
        aside = f", {self.held - len(self):,} more held aside" if self.held > len(self) else ""
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        by = f" by {self.stream}" if self.stream else ""
        return f"Memory({len(self):,} of {self.seen:,} rows seen{by}{aside}{stopped})"

    @property
    def held(self) -> int:
        """How many rows are stored in all, those aside too: what the memory really takes."""
        held = [part.ids for part in (self.pool, self.aside) if part is not None]
        return len(torch.unique(torch.cat(held))) if held else 0

    @property
    def stopped(self) -> str:
        """Why fewer rows are kept than there was room for, where the rule says so."""
        return str(self.state.get("stopped", ""))

    def joined(self, batch: Pool, *names: str) -> Pool:
        """The rows kept, then those of the batch: all that an update may choose from; with these fields, or with all.

        Raises ValueError for a row that comes a second time, as far as the memory can tell: one that was let go is
        forgotten, and counts as another row. Copies what it joins.
        """
        _refuse_repeated(self, batch.ids)
        parts = [
            replace(part, target=None, test=None, index=None)
            for part in (self.pool, batch)
            if part is not None
        ]
        return Pool.join(*(part.only(*names) if names else part for part in parts))

    def keep(
        self,
        rows: Tensor,
        batch: Pool,
        weights: Tensor | None = None,
        *,
        aside: Pool | None = None,
        **state: Any,
    ) -> Memory:
        """The memory after `batch`: those rows of `joined(batch)`, with these weights, or seen/m each, and this state.

        Only the rows that are kept are copied.
        """
        m, rows, seen = len(self), rows.cpu(), self.seen + len(batch)
        new = rows >= m
        own = self if self.pool is None else replace(self, pool=self.pool[rows[~new]])
        pool = own.joined(batch[rows[new] - m])
        _refuse_repeated(self, batch.ids)
        order = torch.cat([(~new).nonzero().flatten(), new.nonzero().flatten()])
        if bool((order.diff() < 0).any()):
            pool = pool[torch.argsort(order)]
        if weights is None:
            weights = torch.full((len(rows),), seen / max(len(rows), 1), dtype=torch.float64)
        return Memory(pool, weights, seen, state, aside, self.stream)

    def to(self, device) -> Memory:
        """The same on another device; weights and what the rule drew stay with the CPU's generator."""
        pool, aside = (None if part is None else part.to(device) for part in (self.pool, self.aside))
        return replace(self, pool=pool, aside=aside)

    def save(self, path: str | Path) -> Path:
        """Write everything to `path`, an `.npz`: a stream goes on from it as if it had never stopped."""
        path, arrays = _npz(path), {}
        meta: dict[str, Any] = {"seen": self.seen, "stream": self.stream, "state": {}, "pools": {}}
        if self.weights is not None:
            arrays["weights"] = self.weights.cpu().numpy()
        for name, value in self.state.items():
            if isinstance(value, Tensor):
                arrays[f"state/{name}"] = value.cpu().numpy()
            else:
                meta["state"][name] = jsonable(value, f"state[{name!r}]")
        for place, pool in (("pool", self.pool), ("aside", self.aside)):
            if pool is not None:
                meta["pools"][place] = told = {"classes": list(pool.classes), "fields": {}}
                told["info"] = jsonable(pool.info, "info")
                for name, value in pool.fields.items():
                    told["fields"][name], parts = _written(name, value)
                    arrays |= {
                        f"{place}/{name}/{part}": tensor.cpu().numpy() for part, tensor in parts.items()
                    }
        np.savez(path, meta=np.array(json.dumps(meta, allow_nan=False)), **arrays)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Memory:
        """Read what `save` wrote, onto the CPU."""
        path = _npz(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: torch.from_numpy(file[name]) for name in file.files if name != "meta"}
                meta = json.loads(str(file["meta"]))
            pools = {place: _pool(place, told, arrays) for place, told in meta["pools"].items()}
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f"{path.name} is no memory that this library saved, or it is damaged: {error}"
            ) from error
        state = {name.partition("/")[2]: held for name, held in arrays.items() if name.startswith("state/")}
        state = {**meta["state"], **state}
        found = {"pool": pools.get("pool"), "aside": pools.get("aside"), "weights": arrays.get("weights")}
        return cls(**found, seen=meta["seen"], state=state, stream=meta["stream"])


def _refuse_repeated(memory: Memory, ids: Tensor) -> None:
    found, times = torch.unique(ids, return_counts=True)
    if len(found) < len(ids):
        twice = int(found[times > 1][0])
        raise ValueError(
            f"the batch brings row {twice} twice; a stream hands over each row once: leave one out"
        )
    for part in (memory.pool, memory.aside):
        if part is not None and bool((again := torch.isin(part.ids, ids)).any()):
            raise ValueError(
                f"row {int(part.ids[again][0])} came before and is held still; a stream hands over each row once: "
                "leave it out, batch[~torch.isin(batch.ids, memory.pool.ids)], or number other rows otherwise, "
                "Pool.of(batch, ids=…)"
            )


def _npz(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"a memory is saved as .npz, not {path.suffix or path.name!r}; name it memory.npz")
    return path


def _written(name: str, value: Any) -> tuple[Any, dict[str, Tensor]]:
    """What kind of field it is, as JSON, and its tensors by name."""
    if isinstance(value, Tensor):
        return None, {"value": value}
    kind = type(value)
    if not isinstance(value, LastLayer | Dense | History) or not kind.__module__.startswith(
        f"{__package__}."
    ):
        raise ValueError(
            f"{name!r} is {checks.shown(value)}, which no file of a memory can hold; leave it out, pool.only(…)"
        )
    parts = {f.name: getattr(value, f.name) for f in fields(value)}
    plain = {part: held for part, held in parts.items() if not isinstance(held, Tensor)}
    kept = {part: held for part, held in parts.items() if isinstance(held, Tensor)}
    return [kind.__module__, kind.__qualname__, plain], kept


def _pool(place: str, told: Mapping[str, Any], arrays: Mapping[str, Tensor]) -> Pool:
    found = {}
    for name, kind in told["fields"].items():
        start = f"{place}/{name}/"
        parts = {key[len(start) :]: held for key, held in arrays.items() if key.startswith(start)}
        found[name] = parts["value"] if kind is None else _kind(*kind[:2])(**parts, **kind[2])
    return Pool(found, tuple(told["classes"]), info=told["info"])


def _kind(module: str, name: str) -> type:
    """A kind of gradients or a History of this library, by where it is defined: nothing else is called."""
    if not module.startswith(f"{__package__}."):
        raise ValueError(f"{module}.{name} is no kind of field that this library has")
    kind = getattr(importlib.import_module(module), name)
    if not (isinstance(kind, type) and issubclass(kind, LastLayer | Dense | History)):
        raise ValueError(f"{module}.{name} is no kind of field that this library has")
    return kind
