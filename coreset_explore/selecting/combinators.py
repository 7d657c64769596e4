"""Combinators: each takes a method and returns a method, `method(pool, k, *, rng, given=()) -> Selection`.

The method is a name, a Method, a Strategy or any such function.

They split `rng` by group in a fixed order, translate `given` into group rows, slice the target by class and restate
weights for the whole pool.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from coreset_explore.inputs import checks
from coreset_explore.params import Param, Range, check_params, parameters
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Method, UnknownMethod, find
from coreset_explore.selecting.bare import bind
from coreset_explore.selecting.parts import allocate, interleave, split, stated
from coreset_explore.selecting.views import Batches, batch_groups, class_groups
from coreset_explore.selection import Selection

Select = Callable[..., Selection] | Method | str


def per_class(
    method: Select,
    *,
    view: Annotated[Literal["own_class", "pseudo_label"] | None, "what the method sees of each class"] = None,
    rule: Annotated[
        Literal["proportional", "equal"], "how the budget is shared among the classes"
    ] = "proportional",
) -> Select:
    """Run the method in each class with its share of the budget; picks interleave as the budget was allocated.

    Weights are each class's own: they add up to the rows of the classes that have a pick, so with fewer picks than
    classes to less than n.

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[0.0], [1.0], [3.0], [4.0], [10.0], [12.0]], ["cat"] * 4 + ["dog"] * 2)
    >>> cx.select(cx.per_class("kcenter"), pool, 3).indices.tolist()  # two cats, as they are twice as many
    [1, 4, 3]
    >>> cx.select("kcenter", pool, 3, wrap=["per_class"]).indices.tolist()  # the same, by name
    [1, 4, 3]
    """
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
        return interleave(pool, classes, sequence, picked, {"view": view, "rule": rule})

    return select


def per_batch(
    method: Select,
    *,
    size: Annotated[int, Range(2, 4096), "rows a batch"] = 128,
    seed: Annotated[int | None, Range(0, 2**31 - 1), "deals the rows into batches; drawn unless told"] = None,
) -> Select:
    """Run the method on mini-batches' summed gradients (GRAD-MATCHPB, CRAIGPB); the last batch is cut to fit k.

    Weights are those of the batches as they are cut: matched by the gradient of the rows that are kept, counted in
    rows by the mean of these, or n/k each. A ridge counts on the batches' sums, as in print; a GLISTER step goes along
    their means.

    Which rows form a batch is drawn from `rng`: `info["batch_seed"]` says how they were dealt (by class name within
    `per_class`), so that weights are stated anew for the same batches; told as `seed` it deals them again. What there
    is to match stays the pool's target.

    >>> import torch, coreset_explore as cx
    >>> pool = cx.Pool.of(grads=cx.Dense(torch.eye(6)))
    >>> len(cx.select(cx.per_batch("gradmatch", size=2), pool, 4))  # two whole batches
    4
    """
    method = _bound(method)

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        if isinstance(pool, Batches):
            raise ValueError(
                "per_batch was asked for batches of batches, whose rows are in none; give it once, with a larger size"
            )
        dealt = int(torch.randint(2**31 - 1, (), generator=rng)) if seed is None else seed
        groups = batch_groups(pool, size, dealt)
        held = _mask(len(pool), given)
        free = [rows[~held[rows.cpu()]] for rows in groups]
        taken = [number for number, rows in enumerate(free) if len(rows) == 0]
        batches = Batches.of_rows(pool, groups, size)
        most, wanted, start = len(groups) - len(taken), math.ceil(k / size), rng.get_state()
        while True:
            rng.set_state(start)
            chosen = method(batches, min(wanted, most), rng=rng, given=taken)
            order = chosen.indices.tolist()
            gap = k - sum(len(free[b]) for b in order)
            if gap <= 0 or wanted >= most or len(order) < wanted:
                break
            wanted += math.ceil(gap / size)  # a short last batch, or rows already held
        none = torch.empty(
            0, dtype=torch.int64, device=pool.device
        )  # a method may stop before its first batch
        rows = torch.cat([none, *(free[b] for b in order)]).cpu()[:k]
        told, found = ({}, {"batch_seed": dealt}) if seed is None else ({"seed": seed}, {})
        found["batches"] = "weighed as cut"
        return stated(pool, rows, k, {**chosen.info, **found}, "per_batch", {"size": size, **told})

    return select


def two_stage(
    method: Select,
    *,
    first: Select,
    factor: Annotated[float, Range(1, 100), "candidates per pick"] = 4.0,
) -> Select:
    """Let `first` propose factor·k candidates and the method choose among them (Small-GAN is random, then k-center).

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[float(i)] for i in range(100)])
    >>> small_gan = cx.two_stage("kcenter", first="random", factor=10)
    >>> cx.select(small_gan, pool, 5).info["wrap"]
    [['two_stage', {'factor': 10}]]
    """
    method, first = _bound(method), _bound(first)

    def select(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        one, two = split(rng, 2)
        held = torch.tensor(sorted(given), dtype=torch.int64)
        many = min(len(pool) - len(held), math.ceil(factor * k))
        proposed = first(pool, many, rng=one, given=given).indices
        rows = torch.cat([proposed, held]).sort().values
        local = torch.searchsorted(rows, held).tolist()
        second = method(pool[rows.to(pool.device)], min(k, len(proposed)), rng=two, given=local)
        return stated(
            pool, rows[second.indices], k, second.info, "two_stage", {"factor": factor}, second.gains
        )

    return select


def merge_reduce(
    method: Select,
    *,
    parts: Annotated[int, Range(1, 10_000), "how many parts to select from separately"] = 4,
    map: Callable = map,
) -> Select:
    """Select k rows from each part, then k from the union; `map` may be a cluster's. Memory is one part's.

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[float(i)] for i in range(100)])
    >>> cx.select(cx.merge_reduce("kcenter", parts=4), pool, 5).info["wrap"]
    [['merge_reduce', {'parts': 4}]]
    """
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
        return stated(pool, rows[final.indices], k, final.info, "merge_reduce", {"parts": parts}, final.gains)

    return select


COMBINATORS: dict[str, Callable[..., Select]] = {
    "per_class": per_class,
    "per_batch": per_batch,
    "two_stage": two_stage,
    "merge_reduce": merge_reduce,
}


def known(name: str) -> dict[str, Param]:
    """The parameters of a combinator that a form may set."""
    return parameters(COMBINATORS[name], skip=("first", "map"))


def checked(wrap: Any) -> list[checks.Named]:
    """Combinators' names and options as `wrap` lists them, innermost first; ValueError for those that cannot be."""
    found = []
    for name, options in checks.names(wrap, "wrap"):
        if name not in COMBINATORS:
            raise UnknownMethod("combinator", name, COMBINATORS)
        first = {"first": find(options.pop("first", "random"))} if name == "two_stage" else {}
        found.append((name, {**first, **check_params(name, known(name), options)}))
    outside = [name for name, _ in found]
    if "per_batch" in outside and "per_class" in outside[: outside.index("per_batch")]:
        raise ValueError(
            "per_batch around per_class has no classes to tell apart, since a batch holds several; wrap is listed "
            'innermost first: write wrap=["per_batch", "per_class"], for batches within each class'
        )
    if sum(options.get("view") == "own_class" for _, options in found) > 1:
        raise ValueError('own_class leaves one output of each gradient; give view="own_class" once')
    return found


def _bound(method: Select) -> Callable[..., Selection]:
    return bind(method) if isinstance(method, str | Method) else method


def _mask(n: int, rows: Sequence[int]) -> Tensor:
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.as_tensor(list(rows), dtype=torch.int64)] = True
    return mask


_NOTHING = Selection(torch.empty(0, dtype=torch.int64))
