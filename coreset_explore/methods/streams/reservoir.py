"""Reservoir sampling: at any time the memory is a uniform sample of all rows seen."""

from __future__ import annotations

import torch

from coreset_explore.pool import Pool
from coreset_explore.registry import stream
from coreset_explore.streaming import Memory


@stream(
    needs="",
    weights="uniform",
    purpose="baseline",
    title="Reservoir",
    paper="Vitter 1985, doi:10.1145/3147.3165",
    bytes=lambda n, d, c, k: 40 * n,
)
def reservoir(memory: Memory, batch: Pool, capacity: int, *, rng: torch.Generator) -> Memory:
    """Each row seen is kept with the same chance, capacity / seen.

    Every row draws a key once and for all, and the rows of the `capacity` largest keys are kept: n log n for a batch
    of n. `weights` are seen / m each.

    The law is that of Vitter's algorithm R, which replaces the row at place j, drawn from 0 to seen; drawn from 0 to
    seen − 1, as one public library does, early rows are kept too rarely. The keys are part of the memory, so one that
    was saved and loaded goes on with the right chances. A sample cannot grow later: more capacity than before, once
    rows were let go, is refused.
    """
    keys = memory.state.get("keys", torch.empty(0, dtype=torch.float64))
    if len(memory) < min(capacity, memory.seen):
        raise ValueError(
            f"this reservoir held {len(memory):,} of {memory.seen:,} rows and is asked for {capacity:,}; rows "
            f"let go do not come back: keep a capacity of {len(memory):,}, or begin with Memory()"
        )
    keys = torch.cat([keys, torch.rand(len(batch), generator=rng, dtype=torch.float64)])
    rows = torch.topk(keys, min(capacity, len(keys))).indices.sort().values
    return memory.keep(rows, batch, keys=keys[rows])
