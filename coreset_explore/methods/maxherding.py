"""MaxHerding: facility location with a Gaussian kernel, as a generalized coverage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.greedy.tiles import ROWS, Tiles, lost
from coreset_explore.greedy.vectors import first_max, squared_norms
from coreset_explore.params import Metric
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selecting.weights import counts
from coreset_explore.selection import Selection

ENTRIES = 1 << 20  # distances that the kernel's width is read from together
PROBES = 1000  # rows that the width of the kernel is read from
NOISE = 1e-6  # a kernel value's rounding error
ROUNDING = 2e-3  # of ‖x‖: what rounding makes of the distance 0
SHARE = 0.01  # of all rows, which a ball of that width should hold


@selector(
    needs="emb",
    weights="counts",
    objective="gains",
    nested=True,
    draws=False,
    purpose="cover",
    title="MaxHerding",
    paper="Bae, Noh & Sutherland 2024, Generalized Coverage, arXiv:2407.12212",
    bytes=lambda n, d, c, k: 4 * n * (4 * d + 64) + 2**25,
)
def maxherding(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Annotated[Literal["emb"], "where distances are measured"] = "emb",
    metric: Metric = "cosine",
    sigma: Annotated[
        float | None, Range(1e-6, 1e6, log=True), "width of the kernel; by default from the data"
    ] = None,
) -> Selection:
    """Each pick raises the mean over rows of the largest kernel to a pick, mean_x max_{s ∈ S} k(x, s), the most.

    k(x, s) = exp(−‖x − s‖² / 2σ²) of features x (n, d), scaled to length 1 for "cosine"; `gains` are what each pick
    adds to the mean. Exact greedy with every gain kept current: all of them once from half of the pairs (n²·d
    operations), then a pick costs the rows that it comes nearest to times the rows near these, some three times n²·d
    in all; at least (1 − 1/e) of the best. No n x n array. Weights are how many rows each pick is nearest to.

    Where we differ: σ is by default the median distance at which a ball around a row holds 1 % of all rows, read
    from up to 1,000 rows; on unit vectors 1/d for 1/2σ², a common default, is nearly flat. Where most rows have so many
    equals that this is 0, `info["sigma_collapsed"]` says what was taken.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space), pool.ids, given)
    squared_norms(vectors)
    x = greedy.points(vectors, metric).g
    told: dict[str, str] = {}
    sigma = sigma or width(x, told)
    cover = Coverage(x / sigma)
    for row in track(held.tolist(), "given"):
        cover.take(row)
    free = torch.ones(len(x), dtype=torch.bool, device=x.device)
    free[held.to(x.device)] = False
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "greedy"):
        row = int(first_max(torch.where(free, cover.gains, -torch.inf)))
        picks[made], gains[made], free[row] = row, cover.gains[row] / len(x), False
        cover.take(row)
    rows = order[picks]
    weights = counts(pool, rows, {"space": space, "metric": metric})
    return Selection(rows, weights, gains=gains.clamp_min_(0.0), info={"sigma": sigma, **told})


class Coverage:
    """How much each row of z (n, d) would add to Σ_x max_s exp(−‖z_x − z_s‖²/2), kept current from pick to pick.

    `level` (n,) is the logarithm of the largest kernel that x has to a pick; what float32 cannot tell from no gain
    counts as none.
    """

    def __init__(self, z: Tensor):
        self.tiles = Tiles(z)
        self.level = torch.full((len(z),), math.log(NOISE), device=z.device)
        self.gains = torch.zeros(len(z), dtype=torch.float64, device=z.device)
        for rows, columns, own, tile in self.tiles.pairs("gains"):
            values = tile.exp_().sub_(NOISE).clamp_min_(0.0)
            self.gains[rows] += values.sum(1)
            self.gains[columns.start + own : columns.stop] += values[:, own:].sum(0)

    def take(self, row: int) -> None:
        """Pick a row: rows that are nearer to it than to all before lose what others could have added for them.

        A row x loses to those nearer to x than its nearest pick was, so to nobody farther from the new pick than x is
        and that much more: rows are taken by this reach, each portion with the columns it can matter to.
        """
        near = self.tiles.row(row)
        changed = (near > self.level).nonzero().flatten()
        high = (near.exp() + NOISE).log_()
        away, reach = (-2.0 * near).sqrt_(), (-2.0 * self.level.clamp_max(0.0)).sqrt_()
        far = (away + reach)[changed]
        for part in far.argsort().split(ROWS) if len(far) else ():
            some = changed[part]
            columns = (away <= far[part[-1]] + 2 * math.sqrt(2 * self.tiles.slack)).nonzero().flatten()
            for rows, mine, tile in self.tiles.blocks(some, columns):
                self.gains[mine] -= lost(tile, self.level[rows], high[rows])
        self.level[changed] = high[changed]


def width(x: Tensor, told: dict[str, str] | None = None) -> float:
    """The median over up to 1,000 rows, evenly spaced, of the distance within which 1 % of the rows lie.

    Where most of these rows equal so many others that it is 0, a tenth of the largest distance; where all rows are
    equal, 1; and `told` says so.
    """
    told = {} if told is None else told
    n = len(x)
    probes = torch.linspace(0, n - 1, min(n, PROBES), dtype=torch.float64).long().to(x.device)
    nearest = min(n, 1 + max(1, round(SHARE * n)))  # a row is its own first neighbor
    reach, largest, norms = [], 0.0, x.norm(dim=1)
    for rows in track(probes.split(max(1, ENTRIES // n)), "kernel width"):
        distance = torch.cdist(x[rows], x, compute_mode="use_mm_for_euclid_dist")
        distance.masked_fill_(distance <= ROUNDING * (norms[rows, None] + norms), 0.0)
        distance[torch.arange(len(rows), device=x.device), rows] = 0.0
        reach.append(distance.kthvalue(nearest, dim=1).values)
        largest = max(largest, float(distance.max()))
    if (middle := float(torch.cat(reach).median())) > 0:
        return middle
    if largest:
        told["sigma_collapsed"] = (
            f"σ is a tenth of the largest distance: most rows equal {SHARE:.0%} of all or more"
        )
    elif n > 1:
        told["sigma_collapsed"] = "σ is 1, as all rows are equal"
    return largest / 10 or 1.0
