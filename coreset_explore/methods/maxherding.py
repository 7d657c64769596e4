"""MaxHerding: facility location with a Gaussian kernel, as a generalized coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore._greedy_rows import squared_norms
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection
from coreset_explore.weights import counts

ENTRIES = 1 << 22  # kernel values computed together
BATCH = 64  # stale gains computed anew together
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
    bytes=lambda n, d, c, k: 4 * n * (2 * d + 5 * BATCH) + 16 * ENTRIES + 100 * n,
)
def maxherding(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Annotated[Literal["emb"], "where distances are measured"] = "emb",
    metric: Annotated[Literal["cosine", "euclidean"], "cosine compares directions only"] = "cosine",
    sigma: Annotated[
        float | None, Range(1e-6, 1e6, log=True), "width of the kernel; by default from the data"
    ] = None,
) -> Selection:
    """Each pick raises the mean over rows of the largest kernel to a pick, mean_x max_{s ∈ S} k(x, s), the most.

    k(x, s) = exp(−‖x − s‖² / 2σ²) of features x (n, d), scaled to length 1 for "cosine"; `gains` are what each pick
    adds to the mean. Exact lazy greedy: all gains once in blocks, from half of the pairs (n²·d operations), then
    only those that could lead, 64 together; at least (1 − 1/e) of the best. No n x n array. Weights are how many
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
    for rows in held.split(BATCH) if len(held) else ():
        reached = torch.maximum(reached, kernel(rows.to(x.device)).amax(0))
    bound = kernel.gains(reached).cpu()
    bound[held] = -torch.inf
    fresh = torch.ones(len(x), dtype=torch.bool)
    picks, gains = torch.zeros(k, dtype=torch.int64), torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "lazy greedy"):
        while not fresh[row := int(bound.numpy().argmax())]:
            check()
            stale = bound.masked_fill(fresh, -torch.inf).topk(min(BATCH, len(x))).indices
            stale = stale[(bound[stale] > -torch.inf) & ~fresh[stale]]
            added = raised(kernel(stale.to(x.device)), reached).sum(1, dtype=torch.float64)
            bound[stale], fresh[stale] = added.cpu(), True
        picks[made], gains[made], bound[row] = row, bound[row] / len(x), -torch.inf
        fresh[:] = False
        reached = torch.maximum(reached, kernel(torch.tensor([row], device=x.device))[0])
    rows = order[picks]
    weights = counts(pool, rows, {"space": space, "metric": metric})
    return Selection(rows, weights, gains=gains, info={"sigma": kernel.sigma})


class Kernel:
    """exp(−‖x_i − x_j‖² / 2σ²) between rows of x (n, d), a block at a time."""

    def __init__(self, x: Tensor, sigma: float):
        self.x, self.sigma = x, sigma
        self.scale = 1.0 / (2.0 * sigma * sigma)
        self.norms = x.square().sum(1)

    def __call__(self, rows: Tensor | slice, columns: slice = slice(None)) -> Tensor:
        """Kernel values (rows, columns) float32."""
        squared = (self.x[rows] @ self.x[columns].T).mul_(-2.0)
        squared.add_(self.norms[rows][:, None]).add_(self.norms[columns][None]).clamp_min_(0.0)
        return squared.mul_(-self.scale).exp_()

    def gains(self, reached: Tensor) -> Tensor:
        """Σ_x max(k(x, j) − reached_x, 0) (n,) float64 for every row j, from the upper triangle in blocks."""
        n = len(self.x)
        total = torch.zeros(n, dtype=torch.float64, device=self.x.device)
        size = max(1, ENTRIES // n)
        for start in track(range(0, n, size), "first gains"):
            rows, beyond = slice(start, min(start + size, n)), slice(min(start + size, n), n)
            block = self(rows, slice(start, n))
            own = block[:, : rows.stop - start]
            total[rows] += raised(own, reached[rows]).sum(1, dtype=torch.float64)
            block = block[:, rows.stop - start :]
            total[rows] += raised(block, reached[beyond]).sum(1).double()
            total[beyond] += raised(block, reached[rows, None]).sum(0).double()
        return total


def raised(values: Tensor, reached: Tensor) -> Tensor:
    """By how much kernel values are above what is reached; what float32 cannot tell from nothing is nothing."""
    return (values - reached).sub_(NOISE).clamp_min_(0.0)


def width(x: Tensor) -> float:
    """The median over up to 1,000 rows, evenly spaced, of the distance within which 1 % of the rows lie.

    Where that is next to 0 (many duplicates) a tenth of the largest distance; 1 where all rows are equal.
    """
    n = len(x)
    probes = torch.linspace(0, n - 1, min(n, PROBES), dtype=torch.float64).long().to(x.device)
    nearest = min(n, 1 + max(1, round(SHARE * n)))  # a row is its own first neighbor
    reach, largest = [], 0.0
    for rows in track(probes.split(max(1, ENTRIES // n)), "kernel width"):
        distance = torch.cdist(x[rows], x, compute_mode="use_mm_for_euclid_dist")
        distance[torch.arange(len(rows), device=x.device), rows] = 0.0
        reach.append(distance.kthvalue(nearest, dim=1).values)
        largest = max(largest, float(distance.max()))
    middle, shortest = float(torch.cat(reach).median()), 0.01 * float(x.norm(dim=1).max())
    if middle > shortest:
        return middle
    return largest / 10 if largest > shortest else 1.0
