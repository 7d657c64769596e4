"""AUM: the area under the margin, low for rows whose label the model resists."""

from __future__ import annotations

from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import scorer


@scorer(needs="history", title="AUM", paper="Pleiss et al. 2020, arXiv:2001.10528, eq. 1-2")
def aum(pool: Pool) -> Tensor:
    """−(1/T) Σ_t [z_y − max_{j≠y} z_j]: minus the mean logit margin over T epochs, so that higher is harder.

    The paper looks for mislabeled rows at the low end of the area itself; they are the highest scores here.
    O(n·T).
    """
    return -pool.need("history").logit_margin.mean(1)
