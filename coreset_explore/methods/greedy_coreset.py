"""Greedy Coreset: rows on which a ridge regression, fitted to them, errs least on all rows, by bilevel optimization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch

from coreset_explore import greedy
from coreset_explore.greedy.ridge import regressions
from coreset_explore.params import Inner, Kernel, Sigma
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection


@selector(
    needs="emb,y",
    weights="ridge",
    objective="gains",
    nested=True,
    draws=False,
    purpose="cover",
    title="Greedy Coreset",
    paper="Borsos, Mutný & Krause 2020, arXiv:2006.03875, algorithm 1",
    bytes=lambda n, d, c, k: 8 * n * (3 * d + 4 * c + 8) + 40 * d * d + 2**24,
)
def greedy_coreset(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    ridge: Inner = 1e-3,
    rounds: Annotated[int, Range(0, 10_000), "steps that fit the weights after each pick; 0: all alike"] = 5,
    kernel: Kernel = "linear",
    sigma: Sigma = None,
) -> Selection:
    """Each pick is the row that most lowers the loss on all rows of a model fitted to the picks.

    min_{S, w} L(θ(w)), L the mean squared error over all n rows, θ(w) = argmin Σ_S w_i ‖z_iθ − y_i‖² + λn‖θ‖²: a ridge
    regression of one-hot classes on features z (n, D), D = d + 1, whose answer is closed. Cone-constrained matching
    pursuit: weights are fitted to the picks by projected gradient (`Ridge.weigh`), then the row of most negative
    ∂L/∂w_i at w_i = 0 is taken, by the implicit function and exactly; the first by a model that knows nothing. `gains`
    are what L falls by, with weights fitted. About k·(n·D·c + 2·rounds·k·D·min(k, D)) operations, 24·n·D bytes; with
    "rbf" D is n, n³ more beforehand, and 2,000 rows at most.

    Differs from the paper: squared error of a ridge regression in both levels, where it also has cross-entropy; weights
    add up to n; all rows are candidates and not a sample of them; weights start alike after each pick, as in the
    authors' code, and the first pick is no random row. It wants two classes or more: within one (`per_class`) there is
    nothing to tell apart.
    """
    vectors, order, held = greedy.by_id(pool.vectors("emb"), pool.ids, given)
    model, told = regressions(vectors, pool.need("y").cpu()[order], ridge, kernel, sigma)
    chosen, losses = held.tolist(), []
    weights, fit = model.weigh(np.array(chosen, dtype=np.int64), rounds)
    for _ in track(range(k), "bilevel"):
        slope = torch.from_numpy(model.slope(fit))
        slope[chosen] = torch.inf
        chosen.append(greedy.first_best(-slope))
        losses.append(model.loss(fit))
        weights, fit = model.weigh(np.array(chosen), rounds)
    losses.append(model.loss(fit))
    picks = chosen[len(held) :]
    if len(held):  # they count in what the picks are, and the picks stand for all rows by themselves
        weights = model.weigh(np.array(picks), rounds)[0]
    gains = -torch.tensor(losses, dtype=torch.float64).diff()
    return Selection(order[torch.tensor(picks)], torch.from_numpy(weights), gains=gains, info=told)
