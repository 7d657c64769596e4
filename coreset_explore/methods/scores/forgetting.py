"""Forgetting: how often a row that was right became wrong again."""

from __future__ import annotations

from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import scorer


@scorer(needs="history", title="Forgetting", paper="Toneva et al. 2019, arXiv:1812.05159, Algorithm 1")
def forgetting(pool: Pool) -> Tensor:
    """The number of epochs at which a row learnt before is unlearnt; a row never learnt is harder than all others.

    Σ_t [correct at t − 1 and wrong at t] over T epochs; a row that was never right scores T, more than any count
    can reach (a well-known reimplementation gives it 0, the easiest score).

    Where we differ: the paper counts at every presentation in training, under augmentation; here accuracy is read
    once an epoch, for all rows with the same weights. Few epochs leave many ties, which go to the smaller id.
    """
    correct = pool.need("history").correct.bool()
    forgotten = (correct[:, :-1] & ~correct[:, 1:]).sum(1)
    forgotten[~correct.any(1)] = correct.shape[1]
    return forgotten.double()
