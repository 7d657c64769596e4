"""Gradient-based sample selection by integer quadratic programming: rows whose unit gradients add up to least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch

from coreset_explore.gradients import cosine
from coreset_explore.greedy.capped import onto_capped_simplex
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, stream
from coreset_explore.streaming import Memory

STEPS = 200  # of the relaxation at most
CLOSE = 1e-4  # of the objective: a relaxation this near its own bound is done
LEAST = 1e-9  # a smaller gain is rounding


@stream(
    needs="grads",
    at="current",
    weights="uniform",
    draws=False,
    purpose="cover",
    title="Gradient-based sample selection (GSS-IQP)",
    paper="Aljundi, Lin, Goujaud & Bengio 2019, arXiv:1903.08671, algorithm 1",
    bytes=lambda n, d, c, k: 8 * n * (d + c + 8) + 48 * (k + 128) ** 2,
    skips={
        "a_batch_cut_in_two_leaves_the_same_memory": "it chooses from the memory and `size` new rows together: cut "
        "elsewhere, other rows meet"
    },
)
def gss_iqp(
    memory: Memory,
    batch: Pool,
    capacity: int,
    *,
    rng: torch.Generator,
    size: Annotated[int, Range(1, 100_000), "new rows that are chosen from together with the memory"] = 100,
    nodes: Annotated[
        int, Range(0, 1_000_000), "nodes of the search for the exact answer; 0: relaxed, rounded, exchanged"
    ] = 0,
) -> Memory:
    """Of kept rows and `size` new ones those whose gradients point apart: the least Σ of cosines between all pairs.

    argmin_x Σ_ij x_i x_j cos(g_i, g_j), x ∈ {0, 1}, Σ x = capacity: the paper's surrogate for the smallest solid angle
    that the constraints g_i leave. It is ‖Σ_S g_i/‖g_i‖‖², so its relaxation 0 ≤ x ≤ 1 is convex; accelerated projected
    gradient solves that. Its largest shares, and the memory as it was, are then improved by the best exchange of one
    row for another until none helps, and the better stays. So the answer is near, and not sure to be the least:
    `memory.state` tells "worth", the sum over the rows kept, and "bound", below which no choice at the last step came
    (on 1,100 rows they differed by 10⁻⁵ of it). With `nodes` branch and bound brings both together, which proves the
    answer exact, or says how far it came.

    Of m = capacity + `size` rows: m²·(c + d) operations for cosines (m²·D dense ones), up to 200·m² for the relaxation
    and for each node, capacity·size for an exchange; 48·m² bytes. `weights` are seen / m each.

    Differs from the paper: its authors' code lets a solver branch at most 1,000 times, to tolerances of 10⁻³, and tells
    no bound. A row without gradient has cosine 0 with all, itself included.
    """
    pool, m = memory.joined(batch, "grads"), len(memory)
    vectors = pool.vectors("grads")
    kept, told = torch.arange(m), {}
    for rows in track(torch.arange(m, len(pool)).split(size), "quadratic program"):
        kept = torch.cat([kept, rows])
        if len(kept) > capacity:
            some = vectors[kept.to(vectors.device)].map(torch.Tensor.double)
            found = least_pairs(cosine(some).cpu().numpy(), capacity, nodes)
            kept = kept[torch.from_numpy(found.rows)]
            told = {"worth": found.worth, "bound": found.bound}
    return memory.keep(kept, batch, **told)


@dataclass(frozen=True)
class Least:
    """k rows in ascending order, Σ G_ij over them, and what no k rows come below."""

    rows: np.ndarray
    worth: float
    bound: float


def least_pairs(gram: np.ndarray, k: int, nodes: int = 0) -> Least:
    """k of n rows with a small Σ_ij G_ij, 0 < k < n, G (n, n) positive semidefinite; the least where worth is bound.

    The relaxation rounded, and the first k rows, each improved by exchanges; then up to `nodes` of branch and bound.
    """
    curved = float(np.abs(gram).sum(1).max())  # no eigenvalue is larger, of a part neither
    shares, bound = _relaxed(gram, np.zeros(len(gram)), k, curved)
    best = _exchanged(gram, np.arange(len(gram)) < k)
    other = _exchanged(gram, _largest(shares, k))
    if _worth(gram, other) < _worth(gram, best) - LEAST:
        best = other
    if nodes and not _reached(bound, _worth(gram, best)):
        best, bound = _searched(gram, k, curved, best, nodes)
    worth = _worth(gram, best)
    return Least(np.flatnonzero(best), worth, worth if _reached(bound, worth) else bound)


def _relaxed(gram: np.ndarray, linear: np.ndarray, k: int, curved: float) -> tuple[np.ndarray, float]:
    """Shares x (n,) in the capped simplex with nearly the least xᵀGx + 2·linear·x, and what none comes below.

    By accelerated projected gradient with restarts; the bound is f(x) + min_s ⟨∇f(x), s − x⟩, true at every step.
    """
    x = np.full(len(gram), k / len(gram))
    ahead, at_x, at_ahead = x, gram @ x, gram @ x
    pace, bound = 1.0, -np.inf
    for _ in range(STEPS):
        check()
        new = onto_capped_simplex(ahead - (at_ahead + linear) / curved, k) if curved else x
        at_new = gram @ new
        slope = 2 * (at_new + linear)
        value = float(new @ (slope - at_new))
        bound = max(bound, value - float(new @ slope) + float(np.partition(slope, k - 1)[:k].sum()))
        if value - bound <= CLOSE * max(1.0, abs(value)):
            return new, bound
        if float((ahead - new) @ (new - x)) > 0:  # it overshot
            pace = 1.0
        later = (1 + (1 + 4 * pace * pace) ** 0.5) / 2
        push = (pace - 1) / later
        ahead, at_ahead = new + push * (new - x), at_new + push * (at_new - at_x)
        x, at_x, pace = new, at_new, later
    return x, bound


def _exchanged(gram: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The mask after the best exchange of one row for another, again and again, until none helps."""
    chosen, own, sums = chosen.copy(), np.diagonal(gram), gram[:, chosen].sum(1)
    while True:
        check()
        inside, outside = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        change = (own - 2 * sums)[inside, None] + (own + 2 * sums)[outside]
        change -= 2 * gram[np.ix_(inside, outside)]
        old, new = np.unravel_index(int(change.argmin()), change.shape)
        if change[old, new] > -LEAST * max(1.0, _worth(gram, chosen)):
            return chosen
        chosen[inside[old]], chosen[outside[new]] = False, True
        sums += gram[:, outside[new]] - gram[:, inside[old]]


def _searched(
    gram: np.ndarray, k: int, curved: float, best: np.ndarray, nodes: int
) -> tuple[np.ndarray, float]:
    """Branch and bound from a mask to better: depth first, at the share nearest to a half, taken before left out."""
    worth, nothing = _worth(gram, best), np.zeros(len(gram), dtype=bool)
    ahead = [(-np.inf, nothing, nothing)]  # what is below, the rows that are in, those that are out
    for _ in track(range(nodes), "branch and bound"):
        while ahead and _reached(ahead[-1][0], worth):
            ahead.pop()
        if not ahead:
            return best, worth
        _, inside, outside = ahead.pop()
        free, missing = np.flatnonzero(~inside & ~outside), k - int(inside.sum())
        if missing in (0, len(free)):
            found, shares = inside.copy(), np.zeros(0)
            found[free] = missing > 0
            below = _worth(gram, found)
        else:
            linear = gram[np.ix_(free, np.flatnonzero(inside))].sum(1)
            shares, below = _relaxed(gram[np.ix_(free, free)], linear, missing, curved)
            below += _worth(gram, inside)
            found = inside.copy()
            found[free[_largest(shares, missing)]] = True
            found = _exchanged(gram, found)
        if _worth(gram, found) < worth - LEAST:
            best, worth = found, _worth(gram, found)
        if len(shares) and not _reached(below, worth):
            split = free[np.abs(shares - 0.5).argmin()]
            row = np.arange(len(gram)) == split
            ahead += [(below, inside, outside | row), (below, inside | row, outside)]
    return best, min([worth, *(below for below, _, _ in ahead)])


def _largest(shares: np.ndarray, k: int) -> np.ndarray:
    """A mask of the k largest; of equals the first."""
    mask = np.zeros(len(shares), dtype=bool)
    mask[np.argsort(-shares, kind="stable")[:k]] = True
    return mask


def _worth(gram: np.ndarray, chosen: np.ndarray) -> float:
    rows = np.flatnonzero(chosen)
    return float(gram[np.ix_(rows, rows)].sum())


def _reached(bound: float, worth: float) -> bool:
    """Whether nothing above `bound` can be better, but for rounding."""
    return bound >= worth - LEAST * max(1.0, worth)
