"""MaxHerding: facility location with a Gaussian kernel, as a generalized coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.greedy.rows import squared_norms
from coreset_explore.params import Metric
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection
from coreset_explore.weights import counts

ROWS, COLUMNS = 256, 4096  # one tile of kernel values: 4 MB, which stays in the cache
FEW = 8  # stale gains computed anew at first; twice as many each time that is not enough
PROBES = 1000  # rows that the width of the kernel is read from
NOISE = 1e-6  # a kernel value's rounding error
SHARE = 0.01  # of all rows, which a ball of that width should hold


@selector(
    needs="emb",
    weights="counts",
    nested=True,
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
    adds to the mean. Exact lazy greedy: all gains once in blocks, from half of the pairs (n²·d operations), then
    only those that could lead; at least (1 − 1/e) of the best. No n x n array. Weights are how many
    rows each pick is nearest to.

    Where we differ: σ is by default the median distance at which a ball around a row holds 1 % of all rows, read
    from up to 1,000 rows; on unit vectors 1/d for 1/2σ², a common default, is nearly flat.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space), pool.ids, given)
    squared_norms(vectors)
    x = vectors.g - vectors.g.double().mean(0).to(vectors.g.dtype)  # about the mean fewer digits cancel
    x = greedy.unit(vectors).g if metric == "cosine" else x
    kernel = Kernel(x, sigma or width(x))
    reached = torch.zeros(len(x), device=x.device)
    for row in track(held.tolist(), "given"):
        reached = torch.maximum(reached, kernel.row(row))
    bound = kernel.gains(reached).cpu()
    bound[held] = -torch.inf
    fresh = torch.ones(len(x), dtype=torch.bool)
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "lazy greedy"):
        few = FEW
        while not fresh[row := int(bound.numpy().argmax())]:  # the first of equals: rows stand in id order
            leading = bound[fresh].max() if fresh.any() else -torch.inf
            stale = ((bound >= leading) & ~fresh & (bound > -torch.inf)).nonzero().flatten()
            if few > FEW and len(stale) > len(x) // 2:
                new = kernel.gains(reached).cpu()
                bound, fresh[:] = torch.where(bound > -torch.inf, new, bound), True
                continue
            stale = stale[bound[stale].topk(min(few, len(stale))).indices]
            bound[stale], fresh[stale] = kernel.added(stale.to(x.device), reached).cpu(), True
            few = min(2 * few, ROWS)
        picks[made], gains[made], bound[row] = row, bound[row] / len(x), -torch.inf
        fresh[:] = False
        reached = torch.maximum(reached, kernel.row(row))
    rows = order[picks]
    weights = counts(pool, rows, {"space": space, "metric": metric})
    return Selection(rows, weights, gains=gains, info={"sigma": kernel.sigma})


class Kernel:
    """k(x_i, x_j) = exp(−‖x_i − x_j‖² / 2σ²) of rows x (n, d), in tiles.

    With z = x/σ the exponent is ⟨z_i, z_j⟩ − ‖z_i‖²/2 − ‖z_j‖²/2, one inner product of rows with two more columns.
    What float32 cannot tell from no gain counts as none.
    """

    def __init__(self, x: Tensor, sigma: float):
        self.sigma = sigma
        z = x / sigma
        half, one = z.square().sum(1, keepdim=True) / -2, torch.ones_like(z[:, :1])
        self.left, self.right = torch.cat([z, half, one], 1), torch.cat([z, one, half], 1)

    def tile(self, rows: Tensor | slice, columns: slice = slice(None)) -> Tensor:
        """Kernel values (rows, columns) float32."""
        return (self.left[rows] @ self.right[columns].T).clamp_max_(0.0).exp_()

    def row(self, row: int) -> Tensor:
        """k(x_row, ·) (n,)."""
        return self.tile(slice(row, row + 1))[0]

    def added(self, rows: Tensor, reached: Tensor) -> Tensor:
        """Σ_x max(k(x, j) − reached_x, 0) (rows,) float64 for some rows j."""
        total = torch.zeros(len(rows), dtype=torch.float64, device=reached.device)
        floor = reached + NOISE
        for start in range(0, len(reached), COLUMNS):
            check()
            columns = slice(start, min(start + COLUMNS, len(reached)))
            total += self.tile(rows, columns).sub_(floor[columns]).clamp_min_(0.0).sum(1)
        return total

    def gains(self, reached: Tensor) -> Tensor:
        """The same for all rows (n,), each pair's kernel computed once."""
        n = len(reached)
        total = torch.zeros(n, dtype=torch.float64, device=reached.device)
        floor = reached + NOISE
        for start in track(range(0, n, ROWS), "gains"):
            rows = slice(start, min(start + ROWS, n))
            for left in range(start, n, COLUMNS):
                check()
                columns = slice(left, min(left + COLUMNS, n))
                values = self.tile(rows, columns)
                # the diagonal tile holds its rows' pairs both ways: only columns beyond them answer for themselves
                beyond = max(rows.stop, columns.start)
                other = values[:, beyond - left :] - floor[rows, None]
                total[beyond : columns.stop] += other.clamp_min_(0.0).sum(0)
                total[rows] += values.sub_(floor[columns]).clamp_min_(0.0).sum(1)
        return total


def width(x: Tensor) -> float:
    """The median over up to 1,000 rows, evenly spaced, of the distance within which 1 % of the rows lie.

    Where that is next to 0 (many duplicates) a tenth of the largest distance; 1 where all rows are equal.
    """
    n = len(x)
    probes = torch.linspace(0, n - 1, min(n, PROBES), dtype=torch.float64).long().to(x.device)
    nearest = min(n, 1 + max(1, round(SHARE * n)))  # a row is its own first neighbor
    reach, largest = [], 0.0
    for rows in track(probes.split(max(1, ROWS * COLUMNS // n)), "kernel width"):
        distance = torch.cdist(x[rows], x, compute_mode="use_mm_for_euclid_dist")
        distance[torch.arange(len(rows), device=x.device), rows] = 0.0
        reach.append(distance.kthvalue(nearest, dim=1).values)
        largest = max(largest, float(distance.max()))
    middle, shortest = float(torch.cat(reach).median()), 0.01 * float(x.norm(dim=1).max())
    if middle > shortest:
        return middle
    return largest / 10 if largest > shortest else 1.0
