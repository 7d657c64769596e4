"""Combinators: each takes a method and returns a method, `method(pool, k, *, rng, given=()) -> Selection`.

The method is a name, a Method, one bound to parameters (`bind("craig", space="emb")`) or any such function.

They split `rng` by group in a fixed order, translate `given` into group rows, slice the target by class and restate
weights for the whole pool.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore.bound import bind
from coreset_explore.params import Range
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Method
from coreset_explore.selection import Selection
from coreset_explore.weights import batch_groups, batch_pool, class_groups, restate

Select = Callable[..., Selection] | Method | str


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


def per_class(
    method: Select,
    *,
    view: Annotated[Literal["own_class", "pseudo_label"] | None, "what the method sees of each class"] = None,
    rule: Annotated[
        Literal["proportional", "equal"], "how the budget is shared among the classes"
    ] = "proportional",
) -> Select:
    """Run the method in each class with its share of the budget; picks interleave as the budget was allocated."""
    method = _bound(method)

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        groups = class_groups(pool, view)
        held = _mask(len(pool), given)
        members = [rows.cpu() for rows in groups.members.values()]
        local = [held[rows].nonzero().flatten().tolist() for rows in members]
        sizes = [len(rows) for rows in members]
        free = [size - len(taken) for size, taken in zip(sizes, local, strict=True)]
        sequence = allocate(sizes, k, rule == "equal", free)
        shares = torch.bincount(sequence, minlength=len(groups)).tolist()
        rngs = split(rng, len(groups))
        picked = []
        for number in track(range(len(groups)), "class"):
            part, share = groups[number][2], shares[number]
            picked.append(method(part, share, rng=rngs[number], given=local[number]) if share else _NOTHING)
        classes = dict(zip(groups.members, members, strict=True))
        return _interleave(pool, classes, sequence, picked, {"view": view, "rule": rule})

    return select


def per_batch(
    method: Select,
    *,
    size: Annotated[int, Range(2, 4096), "rows a batch"] = 128,
    seed: Annotated[int, Range(0, 2**31 - 1), "how the rows are dealt into batches"] = 0,
) -> Select:
    """Run the method on mini-batches' summed gradients (GRAD-MATCHPB, CRAIGPB); the last batch is cut to fit k."""
    method = _bound(method)

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        groups = batch_groups(pool, size, seed)
        held = _mask(len(pool), given)
        free = [rows[~held[rows.cpu()]] for rows in groups]
        taken = [number for number, rows in enumerate(free) if len(rows) == 0]
        batches = batch_pool(pool, groups, size)
        most, wanted, start = len(groups) - len(taken), math.ceil(k / size), rng.get_state()
        while True:
            rng.set_state(start)
            chosen = method(batches, min(wanted, most), rng=rng, given=taken)
            order = chosen.indices.tolist()
            gap = k - sum(len(free[b]) for b in order)
            if gap <= 0 or wanted >= most or len(order) < wanted:
                break
            wanted += math.ceil(gap / size)  # a short last batch, or rows already held
        rows = torch.cat([free[b] for b in order]).cpu()[:k]
        return _stated(pool, rows, k, chosen.info, "per_batch", {"size": size, "seed": seed})

    return select


def two_stage(
    method: Select,
    *,
    first: Select,
    factor: Annotated[float, Range(1, 100), "candidates per pick"] = 4.0,
) -> Select:
    """Let `first` propose factor·k candidates and the method choose among them (Small-GAN is random, then k-center)."""
    method, first = _bound(method), _bound(first)

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        one, two = split(rng, 2)
        held = torch.tensor(sorted(given), dtype=torch.int64)
        many = min(len(pool) - len(held), math.ceil(factor * k))
        proposed = first(pool, many, rng=one, given=given).indices
        rows = torch.cat([proposed, held]).sort().values
        local = torch.searchsorted(rows, held).tolist()
        second = method(pool[rows.to(pool.device)], min(k, len(proposed)), rng=two, given=local)
        return _stated(
            pool, rows[second.indices], k, second.info, "two_stage", {"factor": factor}, second.gains
        )

    return select


def merge_reduce(
    method: Select,
    *,
    parts: Annotated[int, Range(1, 10_000), "how many parts to select from separately"] = 4,
    map: Callable = map,
) -> Select:
    """Select k rows from each part, then k from the union; `map` may be a cluster's. Memory is one part's."""
    method = _bound(method)

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        count = max(1, min(parts, len(pool) // max(k, 1)))
        shuffled = torch.argsort(pool.ids.cpu())[torch.randperm(len(pool), generator=rng)]
        *rngs, last = split(rng, count + 1)
        held = _mask(len(pool), given)
        groups = [rows.sort().values for rows in shuffled.tensor_split(count)]

        def work(task) -> Tensor:
            rows, generator = task
            local = held[rows].nonzero().flatten().tolist()
            share = min(k, len(rows) - len(local))
            part = pool[rows.to(pool.device)]
            return rows[method(part, share, rng=generator, given=local).indices] if share else rows[:0]

        union = torch.cat(list(map(work, track(list(zip(groups, rngs, strict=True)), "part"))))
        rows = torch.cat([union, held.nonzero().flatten()]).sort().values
        local = held[rows].nonzero().flatten().tolist()
        final = method(pool[rows.to(pool.device)], min(k, len(union)), rng=last, given=local)
        return _stated(
            pool, rows[final.indices], k, final.info, "merge_reduce", {"parts": parts}, final.gains
        )

    return select


COMBINATORS: dict[str, Callable[..., Select]] = {
    "per_class": per_class,
    "per_batch": per_batch,
    "two_stage": two_stage,
    "merge_reduce": merge_reduce,
}


def _bound(method: Select) -> Callable[..., Selection]:
    return bind(method) if isinstance(method, str | Method) else method


def _mask(n: int, rows: Sequence[int]) -> Tensor:
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.as_tensor(list(rows), dtype=torch.int64)] = True
    return mask


def _interleave(
    pool: Pool, classes: Mapping[int, Tensor], sequence: Tensor, picked: list[Selection], options: dict
) -> Selection:
    """The classes' picks in the order of the allocation sequence; weights and gains are each class's own."""
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
    info = next((dict(s.info) for s in picked if len(s)), {})
    stops = [
        f"class {pool.classes[label] if label < len(pool.classes) else label}: {s.info['stopped']}"
        for label, s in zip(classes, picked, strict=True)
        if s.info.get("stopped")
    ]
    info.pop("stopped", None)
    info["wrap"] = [*info.get("wrap", ()), ["per_class", options]]
    if len(where) < len(sequence):
        info["stopped"] = "; ".join(stops)
    indices = torch.tensor([int(rows[g][i]) for g, i in where], dtype=torch.int64)
    weights, gains = gather([s.weights for s in picked]), gather([s.gains for s in picked])
    return Selection(indices, weights, gains, score, info)


def _stated(
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


_NOTHING = Selection(torch.empty(0, dtype=torch.int64))
