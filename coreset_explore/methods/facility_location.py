"""Facility location on similarities: every row should be like one of the picks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.params import AnySpace, Likeness, Sigma, Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

BLOCK = 1 << 20  # entries of one block of gains


@selector(
    needs="grads|emb|similarity",
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
    space: AnySpace = "grads",
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

    Of similarities given, s_ij >= 0 is how like row i row j is, and need not be s_ji; rows that are like no pick count
    for none. A sparse one costs what is stored of it, in time and memory.

    CRAIG is the same with Euclidean distances. Where a common default of ε = 0.9 samples 0.1 n/k rows, which is
    random selection, ours is 0.01.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    near = greedy.likeness(vectors, similarity, sigma)
    if isinstance(near, greedy.Given):
        near.not_negative("facility_location")
    if isinstance(near, greedy.Given) and near.vectors.sparse:
        covered = greedy.SparseCover(near.vectors, held)
        if optimizer == "lazy":
            free = torch.ones(len(pool), dtype=torch.bool)
            free[held] = False
            picks, gains = covered.lazily(k, free)
        else:
            picks, gains = stochastic(covered, k, held, rng, epsilon)
    else:
        apart, top = near.matrix(apart=True), near.top if isinstance(near, greedy.Given) else 1.0
        if optimizer == "lazy":
            picks, gains, _ = greedy.cover(apart, k, held.to(apart.device))
            if not len(held):  # counted from the largest distance there; here from no similarity at all
                gains[0] += len(pool) * (top - float(apart.max()))
        else:
            picks, gains = stochastic(Apart(apart, top, held), k, held, rng, epsilon)
    counted = greedy.counted(greedy.owner(near, picks), k)
    info = {"nested": False} if optimizer == "stochastic" else {}
    return Selection(order[picks], counted, gains=gains, info=info | near.told)


class Apart:
    """Σ_i max_{j ∈ S} s_ij, on how far rows are from each other, `top` − s (n, n); `greedy.SparseCover` if dense."""

    def __init__(self, apart: Tensor, top: float, given: Tensor):
        self.apart, self.nearest = apart, torch.full_like(apart[0], top)
        for row in given.tolist():
            self.take(row)

    def __len__(self) -> int:
        return len(self.apart)

    def gains(self, rows: Tensor) -> Tensor:
        """What each of `rows` would add (m,) float64."""
        saved = []
        for part in rows.to(self.apart.device).split(max(1, BLOCK // len(self.apart))):
            check()
            saved.append((self.nearest - self.apart[part]).clamp_min_(0).sum(1, dtype=torch.float64))
        return torch.cat(saved).cpu()

    def take(self, row: int) -> None:
        self.nearest = torch.minimum(self.nearest, self.apart[row])


def stochastic(
    covered: Apart | greedy.SparseCover, k: int, given: Tensor, rng: torch.Generator, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Picks (k,) and gains (k,): each the best of (n/k)·ln(1/ε) free rows drawn for it."""
    free = torch.ones(len(covered), dtype=torch.bool)
    free[given] = False
    size = max(1, math.ceil(len(free) / k * math.log(1 / epsilon)))
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "stochastic greedy"):
        rest = free.nonzero().flatten()
        sample = rest[torch.randperm(len(rest), generator=rng)[:size]].sort().values
        added = covered.gains(sample)
        best = greedy.first_best(added)
        picks[made], gains[made] = sample[best], added[best]
        free[picks[made]] = False
        covered.take(int(picks[made]))
    return picks, gains
