"""CCS: leave out the hardest rows, then take as evenly as possible from all levels of difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import Range, picker


@picker(nested=False, title="CCS", paper="Zheng et al. 2023, arXiv:2210.15809, Algorithm 1")
def ccs(
    pool: Pool,
    scores: Tensor,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    beta: Annotated[float, Range(0, 0.99), "share of the hardest rows that is left out (β)"] = 0.3,
    strata: Annotated[int, Range(1, 10_000), "score ranges of equal width"] = 50,
) -> Tensor:
    """Coverage-centric: prune the β·n highest scores, then share k over strata of equal width of the scores left.

    Budgets are filled from the smallest stratum up: a stratum gets ⌊budget left / strata left⌋ or all it has, and
    the rest goes to the larger ones, so they sum to k exactly. Within a stratum the draw is uniform; keys are drawn
    in id order. O(n log n).

    Where we differ: where pruning would leave fewer than k rows, fewer are pruned; of equal scores the larger ids
    are pruned; the highest score belongs to the last stratum (the authors stretch the range by a factor, which
    loses the highest rows of a negative score). Their default β rises to 0.3 at small budgets, ours is 0.3.
    """
    by_id = torch.argsort(pool.ids.cpu())
    key = torch.empty(len(pool), dtype=torch.float64)
    key[by_id] = torch.rand(len(pool), dtype=torch.float64, generator=rng)
    free = torch.ones(len(pool), dtype=torch.bool)
    free[list(given)] = False
    rows = by_id[free[by_id]]
    s = scores.detach().double().cpu()
    pruned = min(int(beta * len(rows)), len(rows) - k)
    rows = rows[torch.argsort(s[rows], stable=True)][: len(rows) - pruned]
    stratum = strata_of(s[rows], strata)
    budgets = fill(torch.bincount(stratum, minlength=strata).tolist(), k)
    shuffled = torch.argsort(key[rows])
    chosen = [shuffled[stratum[shuffled] == number][:share] for number, share in enumerate(budgets) if share]
    picks = rows[torch.cat(chosen)]
    return picks[torch.argsort(key[picks])]


def strata_of(scores: Tensor, strata: int) -> Tensor:
    """The stratum (n,) of each score: `strata` ranges of equal width from the lowest to the highest."""
    low, high = scores.min(), scores.max()
    if low == high:
        return torch.zeros(len(scores), dtype=torch.int64)
    return ((scores - low) / (high - low) * strata).long().clamp_(max=strata - 1)


def fill(sizes: Sequence[int], k: int) -> list[int]:
    """How many of k rows each group gives: as evenly as possible, from the smallest group up (the first of equals)."""
    budgets, left = [0] * len(sizes), k
    for place, group in enumerate(sorted(range(len(sizes)), key=lambda g: sizes[g])):
        budgets[group] = min(sizes[group], left // (len(sizes) - place))
        left -= budgets[group]
    return budgets
