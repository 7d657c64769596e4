"""PBCS: a chance for each row to be drawn, learnt so that models fitted to what is drawn err least on all rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch

from coreset_explore import greedy
from coreset_explore.greedy.capped import onto_capped_simplex
from coreset_explore.greedy.ridge import regressions
from coreset_explore.params import Inner, Kernel, Sigma
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection


@selector(
    needs="emb,y",
    weights="uniform",
    purpose="cover",
    title="Probabilistic bilevel coreset (PBCS)",
    paper="Zhou, Pi, Zhang, Lin, Chen & Zhang 2022, Probabilistic Bilevel Coreset Selection, ICML, algorithm 1",
    bytes=lambda n, d, c, k: 8 * n * (3 * d + 4 * c + 48) + 40 * d * d + 2**24,
)
def pbcs(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    iterations: Annotated[int, Range(1, 10_000), "steps of the chances"] = 100,
    samples: Annotated[int, Range(2, 10_000), "coresets drawn for each step"] = 8,
    rate: Annotated[float, Range(0.001, 10, log=True), "length of the first step, as a part of √k"] = 0.2,
    ridge: Inner = 1e-3,
    kernel: Kernel = "linear",
    sigma: Sigma = None,
) -> Selection:
    """Rows that are drawn most surely once chances of being drawn are learnt by policy gradient.

    min_p E_{m ~ p} L(θ(m)), 0 ≤ p_i ≤ 1, Σ p ≤ k: rows come with chance p_i, independently, θ(m) is the model fitted to
    those that came, L its mean squared error over all n rows. ∇ = E[L ∇ln P(m|p)], ∇ln P = (m_i − p_i)/(p_i(1 − p_i)),
    is estimated from `samples` draws less their mean loss, followed for a step and projected onto the capped simplex. p
    is k/n at first and nearly 0 or 1 in the end. The inner model is a ridge regression of one-hot classes on features
    z (n, D), D = d + 1, in closed form. iterations·samples·(k·D·min(k, D) + D²·c) operations, 24·n·D bytes; with "rbf"
    D is n, n³ more beforehand, and 2,000 rows at most. Rows in `given` come with every draw.

    For hundreds to a few thousand rows: what is learnt of a row comes from the draws that hold it, some
    iterations·samples·k/n. Differs from the paper: a ridge regression for the network; steps of length rate·√k along
    the gradient, falling to 0 by a cosine, where it has Adam's, clipped; the k surest rows, where it takes the best of
    some last draws, of which none has just k. It wants two classes or more.
    """
    vectors, order, held = greedy.by_id(pool.vectors("emb"), pool.ids, given)
    model, told = regressions(vectors, pool.need("y").cpu()[order], ridge, kernel, sigma)
    free = np.ones(len(pool), dtype=bool)
    free[held.numpy()] = False
    rows, masks = np.flatnonzero(free), np.tile(~free, (samples, 1))
    p = np.full(len(rows), k / len(rows))
    rank = p
    for turn in track(range(iterations), "policy gradient"):
        drawn = torch.rand(samples, len(rows), generator=rng, dtype=torch.float64).numpy() < p
        masks[:, rows] = drawn
        slope = policy_gradient(p, drawn, model.drawn(masks))
        if (size := float(np.linalg.norm(slope))) > 0:
            length = rate * math.sqrt(k) * (1 + math.cos(math.pi * turn / iterations)) / 2
            rank = p - length / size * slope
            p = np.clip(rank, 0, 1)
            p = p if p.sum() <= k else onto_capped_simplex(rank, k)
    picks = rows[np.argsort(-rank, kind="stable")[:k]]
    weights = torch.full((k,), len(pool) / max(k, 1), dtype=torch.float64)
    return Selection(order[torch.from_numpy(picks)], weights, info=told)


def policy_gradient(p: np.ndarray, drawn: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """An unbiased estimate of ∇ E[L] at p (n,), from s draws (s, n) and their losses (s,), s > 1.

    Each loss counts less the mean, which takes noise away and, divided by s − 1, no part of the gradient. A row whose
    chance is 0 or 1 has none.
    """
    spread = p * (1 - p)
    score = np.divide(drawn - p, spread, out=np.zeros(drawn.shape), where=spread > 0)
    return (losses - losses.mean()) @ score / (len(losses) - 1)
