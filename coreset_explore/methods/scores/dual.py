"""Dyn-Unc and DUAL: how much the true class's probability moves within windows of epochs, and how low it stays."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import Range, scorer

Window = Annotated[int, Range(2, 100), "epochs a window; all of them where fewer were recorded"]


def windows(values: Tensor, length: int, what: str) -> Tensor:
    """Every run of `length` epochs of (n, T) values: (n, T − length + 1, length), the last axis the epochs."""
    epochs = values.shape[1]
    if epochs < 2:
        raise ValueError(
            f"{what} looks at changes between epochs and the history holds {epochs}; record at least 2"
        )
    return values.unfold(1, min(length, epochs), 1)


@scorer(needs="history", title="Dyn-Unc", paper="He et al. 2023, arXiv:2306.05175, eq. 2-3")
def dyn_unc(pool: Pool, window: Window = 10) -> Tensor:
    """The mean over windows of J epochs of the standard deviation (n − 1) of p(y) within the window. O(n·T·J)."""
    return windows(pool.need("history").p_true, window, "dyn_unc").std(2, correction=1).mean(1)


@scorer(needs="history", title="DUAL", paper="Cho et al. 2025, arXiv:2502.06905, eq. 3-4")
def dual(pool: Pool, window: Window = 10) -> Tensor:
    """The mean over windows of J epochs of std · (1 − mean) of p(y): rows that are uncertain and difficult.

    The difficulty factor brings the rows that matter to the top early, so a first part of training is enough (the
    paper records 30 of 200 epochs). Constant factors of the authors' code are left out. O(n·T·J).
    """
    parts = windows(pool.need("history").p_true, window, "dual")
    return (parts.std(2, correction=1) * (1.0 - parts.mean(2))).mean(1)
