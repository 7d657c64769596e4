"""Log determinant: picks that span the largest volume (the likeliest set of a determinantal point process)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch

from coreset_explore import greedy
from coreset_explore.params import Likeness, Sigma, Space, Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

NOTHING = 1e-8  # of the diagonal: a residual below it is rounding


@selector(
    needs="grads|emb",
    weights="uniform",
    objective="gains",
    nested=True,
    draws=False,
    purpose="cover",
    title="Log determinant",
    paper="Chen, Zhang & Zhou 2018, arXiv:1709.05135, Algorithm 1",
    bytes=lambda n, d, c, k: 24 * n * (c + d) + 8 * n * k + 100 * n + 2**26,
)
def log_determinant(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Space = "grads",
    steps: Steps = "last",
    similarity: Likeness = "cosine",
    sigma: Sigma = None,
    ridge: Annotated[float, Range(0, 10), "added to the diagonal; above 0 the volume never runs out"] = 0.0,
) -> Selection:
    """Log determinant: each pick is the row least explained by the picks so far.

    Greedily maximizes log det(s_S + ridge·I), s (n, n) positive semidefinite. The gain of j is log d_j²,
    d_j² = s_jj + ridge − s_jS (s_SS + ridge·I)⁻¹ s_Sj, kept for all rows by one more row of the Cholesky factor a pick
    (c_j ← (s_jr − ⟨c_j, c_r⟩)/d_r, d_j² ← d_j² − c_j²): k·n·(c + d) + k²·n operations, 8 n k bytes. All rows being
    equally long, the first pick is the smallest id. Stops when every row is explained: cosines span one dimension
    more than the vectors have.

    Mind the sign: with d² + c² instead, as in a much used implementation, each pick is the most redundant row.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    near = greedy.Similarity(vectors, similarity, sigma)
    n, device = len(vectors), vectors.device
    left = torch.full((n,), 1.0 + ridge, dtype=torch.float64, device=device)  # d²
    factor = torch.empty(len(held) + k, n, dtype=torch.float64, device=device)
    made = 0

    def take(row: int) -> None:
        nonlocal made
        known = factor[:made]
        line = near.row(row)
        line[row] += ridge
        factor[made] = (line - known[:, row] @ known) / left[row].sqrt()
        left.sub_(factor[made].square())
        made += 1

    for row in track(held.tolist(), "given"):
        if left[row] > NOTHING:
            take(row)
    free = torch.ones(n, dtype=torch.bool, device=device)
    free[held.to(device)] = False
    picks, gains = [], []
    for _ in track(range(k), "log determinant"):
        row = greedy.first_best(torch.where(free, left, -torch.inf))
        if left[row] <= NOTHING:
            break
        picks.append(row)
        gains.append(math.log(left[row]))
        take(row)
        free[row] = False
    info = dict(near.told)
    if len(picks) < k:
        info["stopped"] = (
            f"volume exhausted after {len(picks):,} of {k:,} picks: similarities have {made:,} dimensions; "
            "set ridge above 0 or similarity='rbf'"
        )
    rows = order[torch.tensor(picks, dtype=torch.int64)]
    weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
    return Selection(rows, weights, gains=torch.tensor(gains, dtype=torch.float64), info=info)
