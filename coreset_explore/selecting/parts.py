"""How the answers for parts of a pool become one answer for all of it: picks, weights, gains and what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.selecting.views import class_names
from coreset_explore.selecting.weights import combined, restate
from coreset_explore.selection import Selection

# What the call gave to every class alike; anything else in `info` is what the method found out about one class.
SHARED = ("method", "weights", "params", "space", "pick", "wrap", "nested")


def interleave(
    pool: Pool, classes: Mapping[int, Tensor], sequence: Tensor, picked: Sequence[Selection], options: dict
) -> Selection:
    """The classes' picks in the order of the allocation `sequence`; weights and gains are each class's own.

    `classes` are the rows of each, `picked` their answers. What these tell in `info` comes by class name:
    `info["bound_error"]` is {"shirt": 0.12, …}; classes without a pick tell nothing.
    """
    taken = [0] * len(classes)
    where: list[tuple[int, int]] = []
    for group in sequence.tolist():
        if taken[group] < len(picked[group]):
            where.append((group, taken[group]))
            taken[group] += 1
    rows = [members[s.indices] for members, s in zip(classes.values(), picked, strict=True)]

    def gather(values: list[Tensor | None]) -> Tensor | None:
        known = {group: value for group, value in enumerate(values) if value is not None}
        if any(len(s) and group not in known for group, s in enumerate(picked)):
            return None
        return torch.tensor([float(known[g][i]) for g, i in where], dtype=torch.float64)

    score = None
    if picked and all(s.score is not None for s in picked if len(s)) and any(len(s) for s in picked):
        score = torch.empty(len(pool), dtype=torch.float64)
        for members, s in zip(classes.values(), picked, strict=True):
            score[members] = float("nan") if s.score is None else s.score.double().cpu()
    names = class_names(pool, classes)
    info = _merged({name: s.info for name, s in zip(names, picked, strict=True)})
    stops = info.pop("stopped", {})
    info["wrap"] = [*info.get("wrap", ()), ["per_class", options]]
    if len(where) < len(sequence):
        info["stopped"] = "; ".join(f"class {name}: {why}" for name, why in stops.items() if why)
    indices = torch.tensor([int(rows[g][i]) for g, i in where], dtype=torch.int64)
    weights, gains = gather([s.weights for s in picked]), gather([s.gains for s in picked])
    return Selection(indices, weights, gains, score, info)


def stated(
    pool: Pool, rows: Tensor, k: int, info: Mapping, name: str, options: dict, gains: Tensor | None = None
) -> Selection:
    """A selection of the whole pool's rows, with weights restated for all of it and the combinator noted in `info`."""
    told: dict[str, Any] = {**info, "wrap": [*info.get("wrap", ()), [name, options]]}
    if len(rows) == k:
        told.pop("stopped", None)
    elif not told.get("stopped"):
        told["stopped"] = (
            f"{name} came to {len(rows):,} of {k:,} rows: its parts had stopped before their budgets"
        )
    kind = told.get("weights") if len(rows) else None
    weights = restate(pool, rows, kind, told.get("params", {}), combined(told))
    return Selection(rows, weights, gains, info=told)


def _merged(infos: Mapping[str, Mapping]) -> dict:
    """What all were given, once; what each found out, by class name."""
    told: dict = {}
    for name, info in infos.items():
        for key, value in info.items():
            if key in SHARED:
                told.setdefault(key, value)
            else:
                told.setdefault(key, {})[name] = value
    return told


def allocate(sizes: Sequence[int], k: int, equal: bool = False, free: Sequence[int] | None = None) -> Tensor:
    """The group (k,) that each successive pick belongs to, by Sainte-Laguë: the largest n_g / (2a_g + 1) is next.

    a_g is what the group has already, never above n_g (nor above `free`, the rows it can still give); ties go to
    the first group. House-monotone: the first j entries are the answer for j, so interleaving by this sequence
    keeps nested methods nested (largest remainders would take picks away again as k grows). `equal` gives every
    group the same claim. Sorts at most k quotients a group.
    """
    free = sizes if free is None else free
    if k > sum(free):
        raise ValueError(f"cannot allocate {k:,} picks to groups that hold {sum(free):,} rows")
    quotients, groups = [], []
    for group, (size, most) in enumerate(zip(sizes, free, strict=True)):
        held = torch.arange(min(most, k), dtype=torch.float64)
        claim = torch.tensor(
            1.0 if equal else size, dtype=torch.float64
        )  # number / tensor would not round equally
        quotients.append(claim / (2 * held + 1))
        groups.append(torch.full((len(held),), group, dtype=torch.int64))
    order = torch.sort(torch.cat(quotients), descending=True, stable=True).indices
    return torch.cat(groups)[order[:k]]


def split(rng: torch.Generator, parts: int) -> list[torch.Generator]:
    """One generator a group, drawn from `rng` in a fixed order."""
    seeds = torch.randint(2**62, (parts,), generator=rng).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]
