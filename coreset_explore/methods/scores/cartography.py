"""Confidence over training: the mean probability of the true class."""

from __future__ import annotations

from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import scorer


@scorer(
    needs="history",
    title="True-class probability",
    paper="Swayamdipta et al. 2020, arXiv:2009.10795, section 2",
)
def p_true(pool: Pool) -> Tensor:
    """1 − (1/T) Σ_t p_t(y): one minus dataset cartography's confidence, so that higher is harder. O(n·T)."""
    return 1.0 - pool.need("history").p_true.mean(1)
