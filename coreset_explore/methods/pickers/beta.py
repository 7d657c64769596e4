"""Ratio-adaptive Beta sampling: the smaller the budget, the easier the rows that are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import Range, picker

ANCHOR = 10  # rows of highest score whose mean probability says where difficult rows lie
EDGE = 1e-6  # mean probabilities of 0 and 1, where a Beta density may be infinite, count as this far inside


@picker(
    needs="history",
    nested=False,
    title="Beta sampling",
    paper="Cho et al. 2025, arXiv:2502.06905, ratio-adaptive sampling",
)
def beta(
    pool: Pool,
    scores: Tensor,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    rate: Annotated[
        float, Range(0.1, 50), "how late the draw turns to easy rows as more is pruned (c)"
    ] = 4.0,
    concentration: Annotated[float, Range(1, 100), "how narrow the density is (C)"] = 15.0,
) -> Tensor:
    """Draw without replacement with chances in proportion to score · Beta(μ; a, b), μ a row's mean p(y) over training.

    b = C (1 − μ*) (1 − r^c) and a = C + 1 − b, where r is the share of rows pruned and μ* the mean of μ over the ten
    highest scores: at r = 0 the density sits where the score is high, as r grows it moves to easy rows. Drawn by
    exponential keys in id order; rows of score 0 last. The authors use c = 4 for CIFAR-100. O(n·T + n log n).

    Where we differ: μ of exactly 0 or 1 counts as 10⁻⁶ inside, since the density is infinite there for b < 1; where
    some scores are negative all are raised to start from 0.
    """
    by_id = torch.argsort(pool.ids.cpu())
    mean = pool.need("history").p_true.double().mean(1).cpu()[by_id]
    s = scores.detach().double().cpu()[by_id]
    a, b = shape(s, mean, 1.0 - (k + len(given)) / len(pool), rate, concentration)
    inside = mean.clamp(EDGE, 1.0 - EDGE)
    chance = (s - s.min().clamp(max=0.0)).log() + (a - 1.0) * inside.log() + (b - 1.0) * torch.log1p(-inside)
    wait = torch.empty(len(s), dtype=torch.float64).exponential_(generator=rng)
    shuffled = torch.argsort(wait)
    order = by_id[shuffled[torch.argsort((wait.log() - chance)[shuffled], stable=True)]]
    free = torch.ones(len(pool), dtype=torch.bool)
    free[list(given)] = False
    return order[free[order]][:k]


def shape(
    scores: Tensor, mean: Tensor, pruned: float, rate: float, concentration: float
) -> tuple[float, float]:
    """The Beta distribution's a and b for a share `pruned` of rows left out."""
    hardest = torch.argsort(scores, descending=True, stable=True)[:ANCHOR]
    b = concentration * (1.0 - float(mean[hardest].mean())) * (1.0 - pruned**rate)
    return concentration + 1.0 - b, b
