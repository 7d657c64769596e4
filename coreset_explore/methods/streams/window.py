"""Sliding window: the newest rows. What a memory has to beat, and what forgets everything else."""

from __future__ import annotations

import torch

from coreset_explore.pool import Pool
from coreset_explore.registry import stream
from coreset_explore.streaming import Memory


@stream(
    needs="",
    weights="uniform",
    draws=False,
    purpose="baseline",
    title="Sliding window",
    bytes=lambda n, d, c, k: 16 * n,
)
def window(memory: Memory, batch: Pool, capacity: int, *, rng: torch.Generator) -> Memory:
    """The last rows that came, as many as fit.

    O(n) for a batch of n. Its `weights`, seen / m each, let the newest rows stand for all: on a stream that drifts
    they do not.
    """
    return memory.keep(torch.arange(len(memory) + len(batch))[-capacity:], batch)
