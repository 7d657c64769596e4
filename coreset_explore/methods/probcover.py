"""ProbCover: balls of one radius, small enough to be pure, that cover as many rows as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore import greedy, neighbors
from coreset_explore.greedy.tiles import Tiles, count_above
from coreset_explore.greedy.vectors import squared_norms
from coreset_explore.params import Metric
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

ENTRIES = 1 << 20  # distances to other clusters computed together
ROUNDING = 2e-3  # of ‖x‖: what rounding makes of the distance 0
PROBES = 2000  # rows whose balls' purity is looked at


@selector(
    needs="emb",
    weights="uniform",
    objective="gains",
    nested=True,
    draws="delta=None",
    purpose="cover",
    title="ProbCover",
    paper="Yehuda et al. 2022, arXiv:2205.11320, Algorithm 1",
    bytes=lambda n, d, c, k: 4 * 5 * n * d + 2**26 + 100 * n,
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
    a row is in its own. The graph is never stored: distances are computed when degrees are counted, n²·d operations
    in tiles, and those of newly covered rows to the rows within 2δ of a pick once more. O(n) memory.
    `gains` are rows newly covered. At least (1 − 1/e) of the best cover.

    δ is the largest radius with which a share `purity` of the balls is pure: a ball is pure while no row of another
    k-means cluster is in it, so δ is a quantile of the distances to the nearest such row, read from up to 2,000 rows.
    Where equal rows lie in several clusters that quantile is 0: then δ is chosen again, and `info["delta_collapsed"]`
    says how.

    Where we differ: the authors search δ on a grid; their code leaves the last incomplete block of 500 rows without
    neighbors; when all is covered it goes on with rows that add nothing, and this stops and says so.
    """
    vectors, order, held = greedy.by_id(pool.vectors("emb"), pool.ids, given)
    squared_norms(vectors)
    x = greedy.points(vectors, metric).g
    told = {}
    if delta is None:
        delta, collapsed = automatic(x, clusters or len(pool.classes) or 10, purity, rng)
        told = {"delta_collapsed": collapsed} if collapsed else {}
    balls = Balls(x, float(delta))
    for row in track(held.tolist(), "given"):
        balls.take(row)
    balls.degree[held.to(x.device)] = -1
    picks: list[int] = []
    gains: list[int] = []
    for _ in track(range(k), "covering"):
        while (most := balls.degree.max()) > 0:
            row = int((balls.degree == most).nonzero()[0])
            found = balls.take(row)
            balls.degree[row] = -1
            if found:  # else rounding at a ball's rim had counted a row that is covered
                picks.append(row)
                gains.append(found)
                break
        else:
            break
    info = {"delta": float(delta), "uncovered": int(balls.uncovered.sum()), **told}
    if len(picks) < k:
        info["stopped"] = f"every row lies within {delta:.4g} of {len(picks):,} of {k:,} picks"
    rows = order[torch.tensor(picks, dtype=torch.int64)]
    weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
    return Selection(rows, weights, gains=torch.tensor(gains, dtype=torch.float64), info=info)


class Balls:
    """How many rows that are not covered yet lie closer than δ to each row of x (n, d), as `degree` (n,) int64."""

    def __init__(self, x: Tensor, delta: float):
        self.tiles, self.limit = Tiles(x), -(delta**2) / 2
        self.uncovered = torch.ones(len(x), dtype=torch.bool, device=x.device)
        # rounding must not put a row out of its own ball, nor a ball of radius 0 hold even its center
        self.degree = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        for rows, columns, own, tile in self.tiles.pairs("degrees"):
            tile[:, :own].fill_diagonal_(torch.inf)
            by_row, by_column = count_above(tile, self.limit, own)
            self.degree[rows] += by_row
            self.degree[columns.start + own : columns.stop] += by_column

    def take(self, row: int) -> int:
        """Cover a row's ball: what is newly covered leaves the degrees of the rows around it. How many that were.

        Whoever is within δ of these is within 2δ of the row.
        """
        near = self.tiles.row(row)
        inside = near > self.limit
        inside[row] = True
        new = (inside & self.uncovered).nonzero().flatten()
        self.uncovered[new] = False
        around = (near > 4 * self.limit - 5 * self.tiles.slack).nonzero().flatten()
        for rows, columns, tile in self.tiles.blocks(new, around):
            at = torch.arange(len(self.degree), device=new.device)[columns]
            tile.masked_fill_(rows[:, None] == at[None], torch.inf)
            self.degree[columns] -= count_above(tile, self.limit, 0)[1]
        return len(new)


def automatic(x: Tensor, clusters: int, purity: float, rng: torch.Generator) -> tuple[float, str]:
    """δ from as many pseudo-classes, and ""; or, where that is 0, one chosen otherwise and a sentence that says so."""
    many = max(1, min(clusters, len(x)))
    label = neighbors.kmeans(x, many, rng)[1]
    delta, least = pure_radius(x, label, purity), ROUNDING * float(x.norm(dim=1).median())
    if delta > least:
        return delta, ""
    distinct, place = torch.unique(x, dim=0, return_inverse=True)
    if len(distinct) <= many:  # each is a pseudo-class of its own, and δ a little below their distances
        again = 0.999 * pure_radius(x, place, purity)
        return again, (
            f"with {many:,} pseudo-classes δ came to 0, as only {len(distinct):,} rows are distinct: each of these is "
            f"one, and δ is {again:.4g}"
        )
    again = pure_radius(x, label, purity, least)
    return again, (
        f"δ came to {delta:.4g}, as rows equal others in another of {many:,} pseudo-classes: {again:.4g} is what the "
        "remaining rows allow"
    )


def pure_radius(x: Tensor, label: Tensor, purity: float, above: float = -1.0) -> float:
    """The largest δ with which a share `purity` of the balls {j: ‖x_i − x_j‖ < δ} holds one label only.

    Row i's ball is pure up to its distance from the nearest row of another label; rows where that is not `above` do not
    count. Where there is one label the balls hold everything.
    """
    n = len(x)
    probes = torch.linspace(0, n - 1, min(n, PROBES), dtype=torch.float64).long().to(x.device)
    nearest = []
    for rows in track(probes.split(max(1, ENTRIES // n)), "purity"):
        distance = torch.cdist(x[rows], x, compute_mode="use_mm_for_euclid_dist")
        nearest.append(distance.masked_fill_(label[rows, None] == label[None], torch.inf).amin(1))
    ranked = torch.cat(nearest).double().sort().values
    ranked = ranked[ranked > above] if bool((ranked > above).any()) else ranked
    delta = float(ranked[min(int((1.0 - purity) * len(ranked) + 1e-9), len(ranked) - 1)])
    return min(delta, 4.0 * float(x.norm(dim=1).max()) + 1.0)
