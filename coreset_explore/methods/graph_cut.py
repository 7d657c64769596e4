"""Graph cut: picks that are like all rows and unlike each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch

from coreset_explore import greedy
from coreset_explore.params import AnySpace, Likeness, Sigma, Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection


@selector(
    needs="grads|emb|similarity",
    weights="uniform",
    objective="gains",
    nested=True,
    draws=False,
    purpose="cover",
    title="GraphCut",
    paper="Iyer & Bilmes 2013, NIPS; Iyer et al. 2021, arXiv:2006.15412",
    bytes=lambda n, d, c, k: 24 * n * (c + d) + 100 * n + 2**26,
)
def graph_cut(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: AnySpace = "grads",
    steps: Steps = "last",
    similarity: Likeness = "cosine",
    sigma: Sigma = None,
    lam: Annotated[float, Range(0, 100), "λ: how much likeness to all rows counts"] = 1.0,
) -> Selection:
    """Graph cut: likeness to all rows, less likeness among the picks.

    Greedily maximizes λ Σ_i Σ_{j ∈ S} s_ij − Σ_{j, j' ∈ S} s_jj', s in [0, 1]. The gain of j is
    λ Σ_i s_ij − 2 Σ_{j' ∈ S} s_jj' − s_jj: a column sum and a running sum, so the greedy is exact with one row of
    similarities a pick and no n x n array. n·(c + d) operations a pick; with "rbf" n²·(c + d) for the column sums
    beforehand. Not monotone: gains fall below 0 where picks are many (from about λ n/2), and picking goes on. Of
    similarities given, s_ij is s_ji, of any size and sign; a sparse one is read a row at a time.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    near = greedy.likeness(vectors, similarity, sigma)
    if isinstance(near, greedy.Given):
        near.both_ways("graph_cut")
    score = lam * near.sums() - near.own()
    for row in track(held.tolist(), "given"):
        score -= 2.0 * near.row(row)
    score[held.to(score.device)] = -torch.inf
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    alike = greedy.Ahead(near.rows)
    for made in track(range(k), "graph cut"):
        row = greedy.first_best(score)
        picks[made], gains[made] = row, score[row]
        score.sub_(alike(row, score), alpha=2.0)
        score[row] = -torch.inf
    weights = torch.full((k,), len(pool) / k, dtype=torch.float64)
    return Selection(order[picks], weights, gains=gains, info=dict(near.told))
