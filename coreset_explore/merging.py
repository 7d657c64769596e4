"""How the answers for parts of a pool become one answer for all of it: picks, weights, gains and what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.selection import Selection
from coreset_explore.weights import restate

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
        if any(v is None for v, s in zip(values, picked, strict=True) if len(s)):
            return None
        return torch.tensor([float(values[g][i]) for g, i in where], dtype=torch.float64)

    score = None
    if picked and all(s.score is not None for s in picked if len(s)) and any(len(s) for s in picked):
        score = torch.empty(len(pool), dtype=torch.float64)
        for members, s in zip(classes.values(), picked, strict=True):
            score[members] = float("nan") if s.score is None else s.score.double().cpu()
    names = [pool.classes[label] if label < len(pool.classes) else str(label) for label in classes]
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
    info = {**info, "wrap": [*info.get("wrap", ()), [name, options]]}
    if len(rows) == k:
        info.pop("stopped", None)
    elif not info.get("stopped"):
        info["stopped"] = (
            f"{name} came to {len(rows):,} of {k:,} rows: its parts had stopped before their budgets"
        )
    weights = (
        restate(pool, rows, info.get("weights"), info.get("params", {}), info["wrap"]) if len(rows) else None
    )
    return Selection(rows, weights, gains, info=info)


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
