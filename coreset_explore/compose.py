"""Combinators: each takes a method and returns a method, `method(pool, k, *, rng, given=()) -> Selection`.

They split `rng` by group in a fixed order, translate `given` into group rows, slice the target by class and restate
weights for the whole pool.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range
from coreset_explore.selection import Selection
from coreset_explore.weights import batch_groups, batch_pool, class_groups, restate

Select = Callable[..., Selection]


def allocate(sizes: Sequence[int], k: int, equal: bool = False) -> Tensor:
    """The group (k,) that each successive pick belongs to, by Sainte-Laguë: the largest n_g / (2a_g + 1) is next.

    a_g is what the group has already, never above n_g; ties go to the first group. House-monotone: the first j
    entries are the answer for j, so interleaving by this sequence keeps nested methods nested (largest remainders
    would take picks away again as k grows). `equal` gives every group the same claim. O(Σ n_g log) time.
    """
    if k > sum(sizes):
        raise ValueError(f"cannot allocate {k:,} picks to groups that hold {sum(sizes):,} rows")
    quotients, groups = [], []
    for group, size in enumerate(sizes):
        held = torch.arange(min(size, k), dtype=torch.float64)
        quotients.append((1.0 if equal else float(size)) / (2 * held + 1))
        groups.append(torch.full((len(held),), group, dtype=torch.int64))
    order = torch.sort(torch.cat(quotients), descending=True, stable=True).indices
    return torch.cat(groups)[order[:k]]


def split(rng: torch.Generator, parts: int) -> list[torch.Generator]:
    """One generator a group, drawn from `rng` in a fixed order."""
    seeds = torch.randint(2**62, (parts,), generator=rng).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def per_class(
    method: Select,
    *,
    view: Annotated[Literal["own_class", "pseudo_label"] | None, "what the method sees of each class"] = None,
    rule: Annotated[Literal["proportional", "equal"], "how the budget is shared among the classes"] = "proportional",
) -> Select:
    """Run the method in each class with its share of the budget, and interleave the picks by the allocation sequence."""

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        groups = class_groups(pool, view)
        sequence = allocate([len(members) for _, members, _ in groups], k, rule == "equal")
        shares = torch.bincount(sequence, minlength=len(groups)).tolist()
        held = _mask(len(pool), given)
        rngs = split(rng, len(groups))
        picked: list[Selection] = []
        for number, (_, members, part) in enumerate(track(groups, "class")):
            local = held[members.cpu()].nonzero().flatten().tolist()
            share = min(shares[number], len(members) - len(local))
            picked.append(method(part, share, rng=rngs[number], given=local) if share else _nothing())
        return _interleave(pool, groups, sequence, picked, k)

    return select


def per_batch(
    method: Select,
    *,
    size: Annotated[int, Range(2, 4096), "rows a batch"] = 128,
    seed: Annotated[int, Range(0, 2**31 - 1), "how the rows are dealt into batches"] = 0,
) -> Select:
    """Run the method on mini-batches (GRAD-MATCHPB, CRAIGPB): summed gradients, ⌈k / size⌉ batches, the last cut to fit k."""

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        groups = batch_groups(pool, size, seed)
        held = _mask(len(pool), given)
        free = [rows[~held[rows.cpu()]] for rows in groups]
        taken = [number for number, rows in enumerate(free) if len(rows) == 0]
        batches = batch_pool(pool, groups, size)
        wanted = min(math.ceil(k / size), len(groups) - len(taken))
        chosen = method(batches, wanted, rng=rng, given=taken)
        order = chosen.indices.tolist()
        short = sum(len(free[b]) for b in order) < k and len(order) == wanted
        if short:  # the short last batch, or rows already held, left a gap: one batch more
            chosen = method(batches, min(wanted + 1, len(groups) - len(taken)), rng=rng, given=taken)
            order = chosen.indices.tolist()
        rows = torch.cat([free[b] for b in order]).cpu()[:k]
        info = dict(chosen.info)
        if len(rows) == k:
            info.pop("stopped", None)
        weights = _restated(pool, rows, info, "per_batch", {"size": size, "seed": seed})
        return Selection(rows, weights, info=info)

    return select


def two_stage(
    method: Select,
    *,
    first: Select,
    factor: Annotated[float, Range(1, 100), "candidates per pick"] = 4.0,
) -> Select:
    """Let `first` propose factor·k candidates and the method choose among them (Small-GAN is random, then k-center)."""

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        one, two = split(rng, 2)
        held = torch.tensor(sorted(given), dtype=torch.int64)
        many = min(len(pool) - len(held), math.ceil(factor * k))
        proposed = first(pool, many, rng=one, given=given).indices
        rows = torch.cat([proposed, held]).sort().values
        local = torch.searchsorted(rows, held).tolist()
        second = method(pool[rows.to(pool.device)], min(k, len(proposed)), rng=two, given=local)
        return _lifted(pool, second, rows, "two_stage", {"factor": factor})

    return select


def merge_reduce(
    method: Select,
    *,
    parts: Annotated[int, Range(1, 10_000), "how many parts to select from separately"] = 4,
    map: Callable = map,
) -> Select:
    """Select k rows from each part, then k from the union; `map` may be a cluster's. Memory is one part's."""

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        count = max(1, min(parts, len(pool) // max(k, 1)))
        shuffled = torch.argsort(pool.ids.cpu())[torch.randperm(len(pool), generator=rng)]
        *rngs, last = split(rng, count + 1)
        held = _mask(len(pool), given)
        groups = [rows.sort().values for rows in shuffled.tensor_split(count)]

        def work(task) -> Tensor:
            rows, generator = task
            local = held[rows].nonzero().flatten().tolist()
            return rows[method(pool[rows.to(pool.device)], min(k, len(rows) - len(local)), rng=generator, given=local).indices]

        union = torch.cat(list(map(work, track(list(zip(groups, rngs, strict=True)), "part"))))
        rows = torch.cat([union, held.nonzero().flatten()]).sort().values
        local = held[rows].nonzero().flatten().tolist()
        final = method(pool[rows.to(pool.device)], min(k, len(union)), rng=last, given=local)
        return _lifted(pool, final, rows, "merge_reduce", {"parts": parts})

    return select


COMBINATORS: dict[str, Callable[..., Select]] = {
    "per_class": per_class,
    "per_batch": per_batch,
    "two_stage": two_stage,
    "merge_reduce": merge_reduce,
}


def _mask(n: int, rows: Sequence[int]) -> Tensor:
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.as_tensor(list(rows), dtype=torch.int64)] = True
    return mask


def _nothing() -> Selection:
    return Selection(torch.empty(0, dtype=torch.int64))


def _interleave(pool: Pool, groups, sequence: Tensor, picked: list[Selection], k: int) -> Selection:
    taken = [0] * len(groups)
    where: list[tuple[int, int]] = []
    for group in sequence.tolist():
        if taken[group] < len(picked[group]):
            where.append((group, taken[group]))
            taken[group] += 1
    rows = [members.cpu()[s.indices] for (_, members, _), s in zip(groups, picked, strict=True)]

    def gather(values: list[Tensor | None]) -> Tensor | None:
        if any(v is None for v, s in zip(values, picked, strict=True) if len(s)):
            return None
        return torch.tensor([float(values[g][i]) for g, i in where], dtype=torch.float64)

    score = None
    if picked and all(s.score is not None for s in picked if len(s)) and any(len(s) for s in picked):
        score = torch.full((len(pool),), float("nan"))
        for (_, members, _), s in zip(groups, picked, strict=True):
            if s.score is not None:
                score[members.cpu()] = s.score.float().cpu()
    info = next((dict(s.info) for s in picked if len(s)), {})
    names = pool.classes or tuple(str(g) for g in range(pool.n_classes))
    stops = [
        f"class {names[label]}: {s.info['stopped']}"
        for (label, _, _), s in zip(groups, picked, strict=True)
        if s.info.get("stopped")
    ]
    info.pop("stopped", None)
    if len(where) < k:
        info["stopped"] = "; ".join(stops) or f"only {len(where):,} of {k:,} rows were left to choose from"
    indices = torch.tensor([int(rows[g][i]) for g, i in where], dtype=torch.int64)
    return Selection(indices, gather([s.weights for s in picked]), gather([s.gains for s in picked]), score, info)


def _lifted(pool: Pool, part: Selection, rows: Tensor, name: str, options: dict) -> Selection:
    """A selection of some rows as one of the whole pool, its weights restated for all of it."""
    indices = rows[part.indices]
    info = dict(part.info)
    return replace(part, indices=indices, score=None, info=info, weights=_restated(pool, indices, info, name, options))


def _restated(pool: Pool, rows: Tensor, info: dict, name: str, options: dict) -> Tensor | None:
    wrap = [*info.get("wrap", ()), (name, options)]
    return restate(pool, rows, info.get("weights"), info.get("params", {}), wrap) if len(rows) else None
