"""ProbCover: balls of one radius, small enough to be pure, that cover as many rows as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore import greedy, neighbors
from coreset_explore.greedy.rows import squared_norms
from coreset_explore.params import Metric
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

ENTRIES = 1 << 22  # distances computed together
PROBES = 2000  # rows whose balls' purity is looked at


@selector(
    needs="emb",
    weights="uniform",
    nested=True,
    purpose="cover",
    title="ProbCover",
    paper="Yehuda et al. 2022, arXiv:2205.11320, Algorithm 1",
    bytes=lambda n, d, c, k: 4 * 4 * n * d + 3 * 4 * ENTRIES + 100 * n,
)
def probcover(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    delta: Annotated[
        float | None, Range(0, 1e6), "radius of the balls; by default the purest large one"
    ] = None,
    purity: Annotated[
        float, Range(0.5, 1), "share of balls that hold one pseudo-class, if no radius is given"
    ] = 0.95,
    clusters: Annotated[
        int | None, Range(2, 1000), "pseudo-classes; by default one a named class, or 10"
    ] = None,
    metric: Metric = "cosine",
) -> Selection:
    """Each pick is the row whose δ-ball holds the most rows not covered yet; it stops when all are covered.

    Rows i, j of features x (n, d), scaled to length 1 for "cosine", are in each other's ball if ‖x_i − x_j‖ < δ, and
    a row is in its own. The graph is never stored: every row's ball is computed when degrees are counted and once
    more when it is covered and leaves its neighbors' degrees, twice n²·d operations in blocks and O(n) memory.
    `gains` are rows newly covered. At least (1 − 1/e) of the best cover.

    δ is the largest radius with which a share `purity` of the balls is pure: a ball is pure while no row of another
    k-means cluster is in it, so δ is a quantile of the distances to the nearest such row, read from up to 2,000 rows.

    Where we differ: the authors search δ on a grid; their code leaves the last incomplete block of 500 rows without
    neighbors; when all is covered it goes on with rows that add nothing, and this stops and says so.
    """
    vectors, order, held = greedy.by_id(pool.vectors("emb"), pool.ids, given)
    squared_norms(vectors)
    x = greedy.unit(vectors).g if metric == "cosine" else vectors.g - vectors.g.mean(0)
    if delta is None:
        many = min(clusters or len(pool.classes) or 10, len(x))
        delta = pure_radius(x, neighbors.kmeans(x, max(many, 1), rng)[1], purity)
    balls = Balls(x, delta)
    uncovered = torch.ones(len(x), dtype=torch.bool, device=x.device)
    degree = balls.count(torch.arange(len(x), device=x.device), "degrees")
    for row in track(held.tolist(), "given"):
        _cover(balls, row, uncovered, degree)
    degree[held.to(x.device)] = -1
    picks: list[int] = []
    gains: list[int] = []
    for _ in track(range(k), "covering"):
        while (most := degree.max()) > 0:
            row = int((degree == most).nonzero()[0])
            found = _cover(balls, row, uncovered, degree)
            degree[row] = -1
            if found:  # else rounding at a ball's rim had counted a row that is covered
                picks.append(row)
                gains.append(found)
                break
        else:
            break
    info = {"delta": float(delta), "uncovered": int(uncovered.sum())}
    if len(picks) < k:
        info["stopped"] = f"every row lies within {delta:.4g} of {len(picks):,} of {k:,} picks"
    rows = order[torch.tensor(picks, dtype=torch.int64)]
    weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
    return Selection(rows, weights, gains=torch.tensor(gains, dtype=torch.float64), info=info)


def _cover(balls: Balls, row: int, uncovered: Tensor, degree: Tensor) -> int:
    """Cover a row's ball: what is newly covered leaves the degrees of all rows around it. How many that were."""
    new = (balls(torch.tensor([row], device=degree.device))[0] & uncovered).nonzero().flatten()
    if len(new):
        uncovered[new] = False
        degree -= balls.count(new)
    return len(new)


class Balls:
    """Which rows of x (n, d) lie closer than delta to which, a block at a time."""

    def __init__(self, x: Tensor, delta: float):
        self.x, self.limit = x, float(delta) ** 2
        self.norms = x.square().sum(1)

    def __call__(self, rows: Tensor) -> Tensor:
        """Whether each row is in each ball, (rows, n) bool; in its own always."""
        squared = (self.x[rows] @ self.x.T).mul_(-2.0).add_(self.norms[rows][:, None]).add_(self.norms[None])
        inside = squared < self.limit
        inside[torch.arange(len(rows), device=rows.device), rows] = True
        return inside

    def count(self, rows: Tensor, label: str = "") -> Tensor:
        """How many of `rows` are in each row's ball (n,) int64; every row is asked, the last block too."""
        total = torch.zeros(len(self.x), dtype=torch.int64, device=self.x.device)
        blocks = rows.split(max(1, ENTRIES // len(self.x)))
        for block in track(blocks, label) if label else blocks:
            check()
            # float32 counts to 2^24 exactly and is summed much faster than bool
            total += self(block).float().sum(0).long()
        return total


def pure_radius(x: Tensor, label: Tensor, purity: float) -> float:
    """The largest δ with which a share `purity` of the balls {j: ‖x_i − x_j‖ < δ} holds one label only.

    Row i's ball is pure up to its distance from the nearest row of another label. Where there is one
    label the balls hold everything.
    """
    n = len(x)
    probes = torch.linspace(0, n - 1, min(n, PROBES), dtype=torch.float64).long().to(x.device)
    nearest = []
    for rows in track(probes.split(max(1, ENTRIES // n)), "purity"):
        distance = torch.cdist(x[rows], x, compute_mode="use_mm_for_euclid_dist")
        nearest.append(distance.masked_fill_(label[rows, None] == label[None], torch.inf).amin(1))
    ranked = torch.cat(nearest).double().sort().values
    delta = float(ranked[min(int((1.0 - purity) * len(ranked) + 1e-9), len(ranked) - 1)])
    return min(delta, 4.0 * float(x.norm(dim=1).max()) + 1.0)
