"""EL2N: the length of the error vector, early in training."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import scorer


@scorer(needs="history", title="EL2N", paper="Paul, Ganguli & Dziugaite 2021, arXiv:2107.07075")
def el2n(
    pool: Pool,
    over: Annotated[Literal["mean", "last"], "the mean of all recorded epochs, or the last one"] = "mean",
) -> Tensor:
    """‖p − one-hot(y)‖₂ of the softmax p, averaged over the recorded epochs: 0 when right and certain, at most √2.

    Where we differ: the paper averages over ten initializations at one early epoch (10 to 20); the history is one
    run, so its epochs are averaged. Record few epochs: late in training the score only finds mislabeled rows.
    """
    values = pool.need("history").el2n
    return values.mean(1) if over == "mean" else values[:, -1]
