"""TDDS: how unsteadily a row's prediction moves from epoch to epoch, late epochs counting most."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import Range, scorer


@scorer(needs="history", title="TDDS", paper="Zhang et al. 2024, arXiv:2311.13613, eq. 6-9")
def tdds(
    pool: Pool,
    window: Annotated[int, Range(2, 100), "changes a window; all of them where fewer were recorded"] = 10,
    decay: Annotated[float, Range(0.01, 1.0), "weight of the newest window in the moving average"] = 0.9,
) -> Tensor:
    """Moving average over windows of J epoch-to-epoch changes of ‖ |KL| − mean |KL| ‖₂ within the window.

    KL(p_t ‖ p_{t−1}) measures a change; window w has R_w = ‖d − d̄‖₂, and v_w = decay·R_w + (1 − decay)·v_{w−1} from
    v = 0, the last v being the score. With the authors' decay of 0.9 only the last two windows count. O(n·T·J).

    Where we differ: in the authors' code a change is Σ_c |p_c log(p_c / q_c)|, of terms that cancel in the KL
    divergence, which is what a History keeps; and its window of J epochs holds J − 1 changes, so that `window=9` is its
    J = 10.
    """
    change = pool.need("history").kl[:, 1:].abs()
    if change.shape[1] < 2:
        raise ValueError(
            f"tdds compares changes between epochs and the history holds {change.shape[1]}; record at least 3 epochs"
        )
    parts = change.unfold(1, min(window, change.shape[1]), 1)
    deviation = (parts - parts.mean(2, keepdim=True)).norm(dim=2)
    ages = torch.arange(deviation.shape[1] - 1, -1, -1, dtype=deviation.dtype, device=deviation.device)
    return (deviation * (decay * (1.0 - decay) ** ages)).sum(1)
