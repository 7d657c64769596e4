"""Facility location on similarities: every row should be like one of the picks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.params import Likeness, Sigma, Space, Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

BLOCK = 1 << 20  # entries of one block of gains


@selector(
    needs="grads|emb",
    weights="counts",
    objective="dissimilarity",
    nested=True,
    draws="optimizer=stochastic",
    purpose="cover",
    title="Facility Location",
    paper="Wei, Iyer & Bilmes 2015, ICML (v37/wei15); stochastic: Mirzasoleiman et al. 2015, arXiv:1409.7938",
    bytes=lambda n, d, c, k: 4.5 * n * n + 16 * n * (c + d) + 2**26,
)
def facility_location(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Space = "grads",
    steps: Steps = "last",
    similarity: Likeness = "cosine",
    sigma: Sigma = None,
    optimizer: Annotated[
        Literal["lazy", "stochastic"], "exact, or the best of a fresh sample for each pick"
    ] = "lazy",
    epsilon: Annotated[
        float, Range(1e-6, 0.99, log=True), "stochastic: loss allowed in the guarantee 1 − 1/e − ε"
    ] = 0.01,
) -> Selection:
    """Facility location: each row counts by its similarity to the pick it is most like.

    Greedily maximizes Σ_i max_{j ∈ S} s_ij, s in [0, 1], from 0 with nothing picked; `gains` are what each pick adds.
    "lazy" gives naive greedy's picks, at least (1 − 1/e) of the best; "stochastic" looks at (n/k)·ln(1/ε) rows
    drawn anew for each pick, and a prefix of its picks is not the answer for that budget. Weights count the rows
    most similar to each pick. n²·(c + d) operations, 4.5 n² bytes: use per_class on large pools.

    CRAIG is the same with Euclidean distances. Where a common default of ε = 0.9 samples 0.1 n/k rows, which is
    random selection, ours is 0.01.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    near = greedy.Similarity(vectors, similarity, sigma)
    apart = near.matrix(apart=True)
    if optimizer == "lazy":
        picks, gains, _ = greedy.cover(apart, k, held.to(apart.device))
        if not len(held):  # counted from the largest distance there; here from no similarity at all
            gains[0] += len(pool) * (1.0 - float(apart.max()))
    else:
        picks, gains = stochastic(apart, k, held, rng, epsilon)
    counted = torch.bincount(greedy.owner(near, picks).cpu(), minlength=k).double()
    info = {"nested": False} if optimizer == "stochastic" else {}
    return Selection(order[picks], counted, gains=gains, info=info | near.told)


def stochastic(
    apart: Tensor, k: int, given: Tensor, rng: torch.Generator, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Picks (k,) and gains (k,): each the best of (n/k)·ln(1/ε) free rows drawn for it; `apart` is 1 − s (n, n)."""
    n = len(apart)
    size = max(1, math.ceil(n / k * math.log(1 / epsilon)))
    nearest = apart[given.to(apart.device)].min(0).values if len(given) else torch.ones_like(apart[0])
    free = torch.ones(n, dtype=torch.bool)
    free[given] = False
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "stochastic greedy"):
        rest = free.nonzero().flatten()
        sample = rest[torch.randperm(len(rest), generator=rng)[:size]].sort().values
        saved = []
        for part in sample.to(apart.device).split(max(1, BLOCK // n)):
            check()
            saved.append((nearest - apart[part]).clamp_min_(0).sum(1, dtype=torch.float64))
        saved = torch.cat(saved).cpu()
        best = greedy.first_best(saved)
        picks[made], gains[made] = sample[best], saved[best]
        free[picks[made]] = False
        nearest = torch.minimum(nearest, apart[picks[made]])
    return picks, gains
