"""Batch methods as streams, `online`, and streams as batch methods, `offline`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch

from coreset_explore.inputs import checks
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Method
from coreset_explore.selecting.parts import allocate
from coreset_explore.selecting.strategy import Strategy
from coreset_explore.selecting.streams import found
from coreset_explore.selection import Selection
from coreset_explore.streaming import Memory

SPLIT = {
    "a_batch_cut_in_two_leaves_the_same_memory": "it picks within each batch, and within what was kept before"
}


def online(strategy: Any, *, at: Literal["initial", "current"] = "initial", **options: Any) -> Method:
    """Any batch method as a stream: it picks within the memory and within the batch, and each has its share.

    `strategy` and `options` are those of `Strategy.of`, `at` says whose features and gradients it compares (see
    `stream`). The capacity is shared by how many rows each part stands for, the memory for all seen before: by
    Sainte-Laguë, `allocate([seen, batch], capacity)`. To choose anew from the union of both would forget the past
    exponentially. Weights are those of the parts' picks, scaled to the rows that the part stands for; while everything
    fits, everything is kept. Cost: the method's, of the memory and of the batch.

    >>> import coreset_explore as cx
    >>> rule, memory = cx.online("kcenter"), None
    >>> for day in range(5):
    ...     batch = cx.Pool.of([[day + i / 10] for i in range(10)], ids=range(10 * day, 10 * day + 10))
    ...     memory = cx.observe(rule, memory, batch, capacity=10)
    >>> memory
    Memory(10 of 50 rows seen by online kcenter)
    >>> memory.pool.emb.flatten().floor().int().bincount().tolist()  # of each day
    [2, 2, 2, 2, 2]
    """
    chosen = Strategy.of(strategy, **options)
    if chosen.own is not None:
        raise ValueError("picks of your own know no rows to come; online() takes a method")
    if "target" in chosen.reads:
        raise ValueError(
            f"{chosen.name} matches validation rows, which no memory holds; choose another method for it"
        )

    def update(memory: Memory, batch: Pool, capacity: int, *, rng: torch.Generator) -> Memory:
        m, n = len(memory), len(batch)
        if memory.seen + n == m + n <= capacity:
            return memory.keep(torch.arange(m + n), batch, torch.ones(m + n, dtype=torch.float64))
        memory.joined(batch, "ids")  # a row that comes twice is refused before anything is chosen
        shares = torch.bincount(allocate([memory.seen, n], min(capacity, m + n), free=[m, n]), minlength=2)
        parts = (memory.pool, memory.seen, memory.weights, 0), (batch, n, None, m)
        rows, weights, told, stood = [], [], [], 0
        for (pool, stands, before, start), k in zip(parts, shares.tolist(), strict=True):
            if pool is not None and k:
                own, stated, why = _part(chosen, pool, k, stands, before, rng)
                rows.append(own + start)
                weights.append(stated)
                told += [why] if why else []
                stood += stands
        scale = (memory.seen + n) / stood  # a part that is left without a row is stood for by the other
        return memory.keep(torch.cat(rows), batch, torch.cat(weights) * scale, stopped="; ".join(told))

    update.__doc__ = f"{chosen.name} in memory and in the batch apart, each with its share of the capacity."
    return Method(
        name=f"online {chosen.name}",
        kind="stream",
        fn=update,
        title=f"{chosen.name}, online",
        needs=",".join(chosen.reads),
        weights="match" if chosen.declared.weights == "match" else "counts",
        purpose=chosen.purpose,
        paper=chosen.paper,
        draws=chosen.draws,
        skips=SPLIT,
        at=at,
    )


def _part(
    chosen: Strategy, pool: Pool, k: int, stands: int, before: torch.Tensor | None, rng: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, str]:
    """k rows of a pool that stands for so many, what they weigh, why they are fewer; all weigh as they did `before`."""
    if k == len(pool):
        own, stated = torch.arange(k), before
        scale, why = 1.0, ""
    else:
        answer = chosen(pool, k, rng=rng)
        own, stated, why = answer.indices, answer.weights, str(answer.info.get("stopped", ""))
        scale = stands / len(pool)
    if stated is None:
        scale, stated = 1.0, torch.full((len(own),), stands / max(len(own), 1), dtype=torch.float64)
    return own, stated.double() * scale, why


def offline(
    stream: str | Method | Callable[..., Memory], *, size: int = 128, **params: Any
) -> Callable[..., Selection]:
    """A stream as a batch method: the pool's rows pass in the order of their ids, `size` at a time.

    `params` are the stream's. Weights are the memory's. For `select`, `Strategy.of`, and what combines methods.

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]])
    >>> cx.select(cx.offline("window"), pool, 2).indices.tolist()
    [4, 5]
    """
    method, size = found(stream), checks.whole(size, "size", 1)
    params = method.settled(method.checked(params))

    def passed(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
        if len(given):
            raise ValueError(f"a stream begins with an empty memory; leave given out of {method.name}")
        order, memory = torch.argsort(pool.ids.cpu(), stable=True), Memory()
        for rows in track(order.split(size), "batch"):
            memory = method.fn(memory, pool[rows], k, rng=rng, **params)
        place = {row: i for i, row in enumerate(pool.ids.tolist())}
        kept = [] if memory.pool is None else [place[row] for row in memory.pool.ids.tolist()]
        info = {"stopped": memory.stopped} if memory.stopped else {}
        return Selection(torch.tensor(kept, dtype=torch.int64), memory.weights, info=info)

    passed.__name__, passed.__doc__ = f"offline_{method.name}", method.fn.__doc__
    return passed
