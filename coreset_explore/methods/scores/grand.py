"""GraNd: the norm of a row's loss gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import scorer


@scorer(
    needs="grads", title="GraNd", paper="Paul, Ganguli & Dziugaite 2021, arXiv:2107.07075, Definition 2.1"
)
def grand(pool: Pool) -> Tensor:
    """Mean over the recorded steps of ‖g_i‖; for a last layer ‖r_i‖·√(‖h_i‖² + 1), n·(c + d) operations a step.

    Where we differ: the last layer's gradient stands for all parameters' (the paper finds the scores correlate).
    Steps that are initializations (`signals(inits=10, epochs=…)`) give the paper's expectation; at initialization
    itself the score carries next to no signal.
    """
    return torch.stack([step.norm() for step in pool.need("grads").steps]).mean(0)
