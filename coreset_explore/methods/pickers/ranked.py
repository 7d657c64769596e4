"""Pickers turn any score into a selection."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import picker


@picker(title="Highest first", draws=False)
def top(pool: Pool, scores: Tensor, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Tensor:
    """The k highest scores, highest first; ties go to the smaller id."""
    return _ranked(pool, scores, k, given, descending=True)


@picker(title="Lowest first", draws=False)
def bottom(pool: Pool, scores: Tensor, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Tensor:
    """The k lowest scores, lowest first; ties go to the smaller id."""
    return _ranked(pool, scores, k, given, descending=False)


@picker(title="Nearest to the median", draws=False, paper="Xia et al. 2023, Moderate Coreset, ICLR 2023")
def middle(pool: Pool, scores: Tensor, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Tensor:
    """The k scores nearest to the median of all scores, nearest first; ties go to the smaller id.

    Among an even number of rows the median lies half way between the two in the middle. Under `per_class` it is
    each class's own.
    """
    s = scores.double()
    low, high = s.sort().values[[(len(s) - 1) // 2, len(s) // 2]]
    # twice the distance to (low + high) / 2, written so that low and high themselves are equally far
    return _ranked(pool, ((s - low) + (s - high)).abs(), k, given, descending=False)


@picker(title="In proportion to the score", paper="Efraimidis & Spirakis 2006")
def proportional(
    pool: Pool, scores: Tensor, k: int, *, rng: torch.Generator, given: Sequence[int] = ()
) -> Tensor:
    """k rows drawn one after another without replacement, each with chances in proportion to the scores left.

    Each row draws E ~ Exp(1) in id order and the smallest E/s come first, which is that draw in one pass, nested in
    k. Rows with score 0 come last, in random order. Chances cannot be negative: where some scores are, all are
    raised by as much as makes the lowest 0.
    """
    by_id = torch.argsort(pool.ids.cpu())
    s = scores.detach().double().cpu()[by_id]
    s = s - s.min().clamp(max=0.0)
    wait = torch.empty(len(s), dtype=torch.float64).exponential_(generator=rng)
    shuffled = torch.argsort(wait)
    order = by_id[shuffled[torch.argsort((wait.log() - s.log())[shuffled], stable=True)]]
    free = torch.ones(len(pool), dtype=torch.bool)
    free[list(given)] = False
    return order[free[order]][:k]


def _ranked(pool: Pool, scores: Tensor, k: int, given: Sequence[int], descending: bool) -> Tensor:
    by_id = torch.argsort(pool.ids)
    order = by_id[torch.argsort(scores[by_id], descending=descending, stable=True)]
    free = torch.ones(len(pool), dtype=torch.bool, device=scores.device)
    free[list(given)] = False
    return order[free[order]][:k]
