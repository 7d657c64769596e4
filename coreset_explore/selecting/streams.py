"""observe(): one batch of a stream into a memory."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from coreset_explore.gradients import LastLayer
from coreset_explore.inputs import checks
from coreset_explore.machine.ram import available_bytes
from coreset_explore.machine.seeds import generator
from coreset_explore.pool import Missing, Pool
from coreset_explore.registry import STREAMS, Method
from coreset_explore.selecting.answer import MEMORY_SHARE
from coreset_explore.selecting.bare import absent
from coreset_explore.streaming import Memory


def observe(
    stream: str | Method | Callable[..., Memory],
    memory: Memory | None,
    batch: Any,
    capacity: int,
    *,
    seed: int = 0,
    **params: Any,
) -> Memory:
    """The memory of at most `capacity` rows after one more batch, by a named stream.

    `memory` is what the last call gave, or `Memory()` (or None) before the first; `batch` a Pool of rows that did not
    come before, of which an empty one changes nothing. The rule sees these two and nothing else. What it draws depends
    on `seed` and on how many rows were seen, so a memory that was saved and loaded goes on as it would have.

    Raises ValueError (`Missing` for a field the batch lacks) with what to do, MemoryError before what would not fit.

    >>> import coreset_explore as cx
    >>> memory = cx.Memory()
    >>> for day in range(10):
    ...     batch = cx.Pool.of([[day + i / 100] for i in range(100)], ids=range(100 * day, 100 * day + 100))
    ...     memory = cx.observe("reservoir", memory, batch, capacity=20)
    >>> memory, float(memory.weights.sum())
    (Memory(20 of 1,000 rows seen by reservoir), 1000.0)
    """
    method = found(stream)
    memory = Memory() if memory is None else memory
    if not isinstance(memory, Memory):
        raise ValueError(f"a stream goes on from a Memory, not {checks.shown(memory)}; begin with Memory()")
    if memory.seen and memory.stream not in ("", method.name):
        raise ValueError(
            f"this memory was kept by {memory.stream!r}, and {method.name!r} goes on from what it wrote down "
            "itself; begin with Memory()"
        )
    capacity, seed, batch = checks.whole(capacity, "capacity", 1), checks.seed(seed), Pool.of(batch)
    params = method.settled(method.checked(params))
    if not len(batch):
        return memory
    for fields in method.alternatives()[:1]:
        for name in fields:
            if absent(batch, name):
                raise Missing(name, batch)
    _refuse_too_large(method, memory, batch, capacity)
    rng = generator(seed, f"{method.name} after {memory.seen} rows")
    after = method.fn(memory, batch, capacity, rng=rng, **params)
    if not isinstance(after, Memory) or len(after) > capacity:
        raise ValueError(
            f"{method.name} answered {after!r} where a Memory of at most {capacity:,} rows was asked for; end it with "
            "memory.keep(rows[:capacity], batch)"
        )
    return replace(after, stream=method.name)


def found(stream: str | Method | Callable[..., Memory]) -> Method:
    """The stream of that name, or what was given, as a Method; ValueError where it is none."""
    if isinstance(stream, Method) and stream.kind == "stream":
        return stream
    if isinstance(stream, str):
        return STREAMS[stream]
    known = [method for method in STREAMS.values() if method.fn is stream]
    if known:
        return known[0]
    if not callable(stream) or list(inspect.signature(stream).parameters)[:3] != [
        "memory",
        "batch",
        "capacity",
    ]:
        raise ValueError(
            f"a stream is a name ({', '.join(STREAMS)}) or a function update(memory, batch, capacity, *, rng), not "
            f"{checks.shown(stream)}"
        )
    name = getattr(stream, "__name__", type(stream).__name__)
    return Method(name, "stream", stream, name, weights="uniform", declared=False)


def _refuse_too_large(method: Method, memory: Memory, batch: Pool, capacity: int) -> None:
    """MemoryError where the method declares that it needs more than there is."""
    if method.bytes is None:
        return
    widths = [1] if batch.emb is None else [batch.emb.shape[1]]
    if batch.grads is not None:
        factored = isinstance(batch.grads, LastLayer)
        widths.append(len(batch.grads.r) * batch.grads.h.shape[2] if factored else batch.grads.dim)
    need = method.bytes(memory.held + len(batch), max(widths), batch.n_classes, capacity)
    if need > MEMORY_SHARE * (free := available_bytes()):
        raise MemoryError(
            f"{method.name} would need about {need / 2**30:.1f} GB and {free / 2**30:.1f} GB are free; hand over fewer "
            "rows at a time, or lower the capacity"
        )
