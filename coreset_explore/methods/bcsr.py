"""BCSR: weights of all rows for a model that errs least on all, pressed into k by a smoothed top-k regularizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch

from coreset_explore import greedy
from coreset_explore.greedy.capped import onto_capped_simplex
from coreset_explore.greedy.ridge import TRIES, regressions
from coreset_explore.params import Inner, Kernel, Sigma
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection


@selector(
    needs="emb,y",
    weights="uniform",
    purpose="cover",
    title="Bilevel coreset by regularization (BCSR)",
    paper="Hao, Ji & Liu 2023, Bilevel Coreset Selection in Continual Learning, NeurIPS, algorithm 1",
    bytes=lambda n, d, c, k: 8 * n * (6 * d + 6 * c + 24) + 40 * d * d + 2**24,
)
def bcsr(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    iterations: Annotated[int, Range(1, 10_000), "steps of the weights"] = 200,
    beta: Annotated[float, Range(0, 100), "λ of the paper: what weight among the k largest is worth"] = 1.0,
    delta: Annotated[
        float, Range(0, 10), "δ: noise that smooths it at first, as a part of the mean weight"
    ] = 1.0,
    ridge: Inner = 0.1,
    kernel: Kernel = "linear",
    sigma: Sigma = None,
) -> Selection:
    """The k rows of the largest weights, learnt for all rows together and pressed into few.

    min_w L(θ(w)) − β·E_z Σ_{i ≤ k} (w + δz)_[i] over the simplex, z standard normal, [i] the i-th largest: θ(w) is the
    model fitted to rows weighed by w, L its mean squared error over all n rows. Projected gradient: ∂L/∂w by the
    implicit function, exactly, and −β for the rows among the k largest of w + δz, z drawn at each step. The inner model
    is a ridge regression of one-hot classes on features z (n, D), D = d + 1, in closed form. iterations·n·D·(D + c)
    operations or some more, 48·n·D bytes; with "rbf" D is n, n³ more beforehand, and 2,000 rows at most. Rows in
    `given` are left out beforehand.

    Differs from the paper: a ridge regression solved, for some steps of a network, so no series for the inverse; β
    grows to its value and δ falls to 0 step by step, as the objective has many minima, and among equal weights noise
    would choose the k largest; steps are shortened until the objective falls; the k largest weights are picked, where
    its code draws by them. With a small `ridge` tiny weights teach as much as large ones, and what is left outside the
    k largest then does the work: so it is larger here than elsewhere, and of k far below D one of the other bilevel
    methods chooses better. It wants two classes or more.
    """
    vectors, order, held = greedy.by_id(pool.vectors("emb"), pool.ids, given)
    free = torch.ones(len(pool), dtype=torch.bool)
    free[held] = False
    order = order[free]
    model, told = regressions(
        vectors[free.to(vectors.device)], pool.need("y").cpu()[order], ridge, kernel, sigma
    )
    n, every = len(order), np.arange(len(order))
    weights = np.ones(n)  # n·w: 1 on average
    rank, fit, length = weights, model.fit(every, weights), 0.0
    loss = model.loss(fit)
    for turn in track(range(iterations if k < n else 0), "top-k regularizer"):
        press = beta * (turn + 1) / iterations / n
        noise = torch.randn(n, generator=rng, dtype=torch.float64).numpy() * (delta * (1 - turn / iterations))
        slope = model.slope(fit) - press * largest(weights + noise, k)
        slope -= slope.mean()  # along the simplex
        if not length:
            length = 1 / (float(np.abs(slope).max()) or 1.0)
        worth = loss - press * _sum_of_largest(weights + noise, k)
        for _ in range(TRIES):
            ahead = weights - length * slope
            new = n * onto_capped_simplex(ahead / n, 1)
            some = np.flatnonzero(new)
            found = model.fit(some, new[some])
            value = model.loss(found)
            least = worth + 1e-4 * float(slope @ (new - weights))
            if value - press * _sum_of_largest(new + noise, k) <= least:
                rank, weights, fit, loss = ahead, new, found, value
                length *= 2
                break
            length /= 4
    picks = np.argsort(-rank, kind="stable")[:k]
    stated = torch.full((k,), len(pool) / max(k, 1), dtype=torch.float64)
    return Selection(order[torch.from_numpy(picks)], stated, info=told)


def largest(weights: np.ndarray, k: int) -> np.ndarray:
    """1 for the k largest (n,), of equals the first, else 0: the slope of their sum."""
    found = np.zeros(len(weights))
    found[np.argsort(-weights, kind="stable")[:k]] = 1.0
    return found


def _sum_of_largest(weights: np.ndarray, k: int) -> float:
    return float(np.partition(weights, len(weights) - k)[len(weights) - k :].sum())
