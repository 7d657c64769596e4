"""Random: the baseline every other method has to beat. Stratified random is `per_class(random)`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from coreset_explore.pool import Pool
from coreset_explore.progress import check
from coreset_explore.registry import selector
from coreset_explore.selection import Selection


@selector(
    needs="",
    weights="uniform",
    nested=True,
    purpose="baseline",
    title="Random",
    bytes=lambda n, d, c, k: 24 * n,
)
def random(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
    """Uniformly at random without replacement.

    Each row draws a key, in id order, and the k smallest keys are picked: O(n log n), nested in k, and the same rows
    whatever order they stand in.
    """
    check()
    keys = torch.empty(len(pool), dtype=torch.float64)
    keys[torch.argsort(pool.ids.cpu())] = torch.rand(len(pool), dtype=torch.float64, generator=rng)
    keys[list(given)] = torch.inf
    rows = torch.argsort(keys)[:k]
    return Selection(rows, torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64))
