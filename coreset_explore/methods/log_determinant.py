"""Log determinant: picks that span the largest volume (the likeliest set of a determinantal point process)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch

from coreset_explore import greedy
from coreset_explore.params import AnySpace, Likeness, Sigma, Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

NOTHING = 1e-8  # of the diagonal: a residual below it is rounding
ROUNDED, INDEFINITE = (
    32,
    1e-2,
)  # the same of similarities given, in their own precision; below minus that it is none


@selector(
    needs="grads|emb|similarity",
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
    space: AnySpace = "grads",
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

    Similarities given, with s_ij = s_ji, have to be positive semidefinite; the first pick is then the largest s_jj.

    Mind the sign: with d² + c² instead, as in a much used implementation, each pick is the most redundant row.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    near = greedy.likeness(vectors, similarity, sigma)
    n, device = len(vectors), vectors.device
    left = near.own() + ridge  # d²
    nothing = NOTHING
    if isinstance(near, greedy.Given):
        scale, values = float(near.both_ways("log_determinant").own().abs().max()), near.vectors.values
        nothing = max(NOTHING, ROUNDED * torch.finfo(values.dtype).eps) * scale
        _refuse_indefinite(left, scale)
    factor = torch.empty(len(held) + k, n, dtype=torch.float64, device=device)
    made = 0

    def take(row: int) -> None:
        nonlocal made
        known = factor[:made]
        line = near.row(row)
        line[row] += ridge
        factor[made] = (line - known[:, row] @ known) / left[row].sqrt()
        left.sub_(factor[made].square())
        if isinstance(near, greedy.Given):
            _refuse_indefinite(left, scale)
        made += 1

    for row in track(held.tolist(), "given"):
        if left[row] > nothing:
            take(row)
    free = torch.ones(n, dtype=torch.bool, device=device)
    free[held.to(device)] = False
    picks, gains = [], []
    for _ in track(range(k), "log determinant"):
        row = greedy.first_best(torch.where(free, left, -torch.inf))
        if left[row] <= nothing:
            break
        picks.append(row)
        gains.append(math.log(left[row]))
        take(row)
        free[row] = False
    info = dict(near.told)
    if len(picks) < k:
        more = "" if isinstance(near, greedy.Given) else " or similarity='rbf'"
        info["stopped"] = (
            f"volume exhausted after {len(picks):,} of {k:,} picks: similarities have {made:,} dimensions; "
            f"set ridge above 0{more}"
        )
    rows = order[torch.tensor(picks, dtype=torch.int64)]
    weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
    return Selection(rows, weights, gains=torch.tensor(gains, dtype=torch.float64), info=info)


def _refuse_indefinite(left: torch.Tensor, scale: float) -> None:
    """Raise where a residual is negative, which none of a positive semidefinite matrix is."""
    if (low := float(left.min())) < -INDEFINITE * scale:
        raise ValueError(
            f"log_determinant wants similarities that are positive semidefinite, as inner products and Gaussians are, "
            f"and what is left of a row came to {low:.2g}; set ridge to that much more, or use another method"
        )
