"""Pickers turn any score into a selection."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import picker


@picker(title="Highest first")
def top(pool: Pool, scores: Tensor, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Tensor:
    """The k highest scores, highest first; ties go to the smaller id."""
    return _ranked(pool, scores, k, given, descending=True)


@picker(title="Lowest first")
def bottom(pool: Pool, scores: Tensor, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Tensor:
    """The k lowest scores, lowest first; ties go to the smaller id."""
    return _ranked(pool, scores, k, given, descending=False)


def _ranked(pool: Pool, scores: Tensor, k: int, given: Sequence[int], descending: bool) -> Tensor:
    by_id = torch.argsort(pool.ids)
    order = by_id[torch.argsort(scores[by_id], descending=descending, stable=True)]
    free = torch.ones(len(pool), dtype=torch.bool, device=scores.device)
    free[list(given)] = False
    return order[free[order]][:k]
