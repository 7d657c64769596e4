"""GradSimCore: the rows whose gradients point the way most others do, counted over checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Dense, Gradients, directions
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

ROWS, COLUMNS = 512, 4096  # one panel of cosines: 8 MB, which stays in a core's cache
ONE_STEP = (
    "neighbors were counted at one checkpoint, and Algorithm 1 sums over several: record them with "
    "cx.signals(data, checkpoints='each')"
)
PAIRS = 4096  # seeded pairs a step that the quantile is read from


@selector(
    needs="grads",
    weights="uniform",
    nested=True,
    draws="threshold=None",
    purpose="typical",
    title="GradSimCore",
    paper="Anonymous, GradSimCore: Gradient Similarity Based Representative Instances as Coreset, Algorithm 1",
    bytes=lambda n, d, c, k: 4 * n * (2 * d + 2 * c) + 16 * ROWS * COLUMNS + 64 * n,
)
def gradsim(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    threshold: Annotated[float | None, Range(-1, 1), "cosine above which two rows are neighbors (Φ)"] = None,
    quantile: Annotated[
        float, Range(0, 1), "Φ as this quantile of all pairs' cosines, if no Φ is given"
    ] = 0.5,
) -> Selection:
    """The rows with the most neighbors in gradient direction, summed over the recorded steps.

    f(x_i) = Σ_t #{j ≠ i : cos(g_i, g_j at θ_t) > Φ}, the paper's eq. 5 and Algorithm 1, which runs per class:
    `per_class(gradsim)`. Last-layer cosines factor, cos(r_i, r_j)·cos([h_i, 1], [h_j, 1]), so a step costs
    n²(c + d) operations, in panels of the upper triangle: no n x n array.

    Where we differ: the paper names no Φ, so by default it is the median of the pairs' cosines, read from seeded
    pairs of all steps (of each class, under `per_class`): there the count is nearest to the mean cosine that it
    stands for (eq. 4), and a higher Φ gathers the picks in the densest spot. Counts tie often, so ties go to the
    larger mean cosine, then to the smaller id. The score's whole part is the count, its fraction the tie-break.
    """
    grads = pool.need("grads")
    greedy.squared_norms(directions(grads))  # refuses what no cosine can be computed from
    by_id = torch.argsort(pool.ids)
    phi = _quantile(grads, by_id, quantile, rng) if threshold is None else threshold
    count = torch.zeros(len(pool), dtype=torch.int64, device=grads.device)
    mean = torch.zeros(len(pool), dtype=torch.float64, device=grads.device)
    for step in track(grads.steps, "checkpoint"):
        count += neighbor_counts(unit_factors(step), phi)
        mean += mean_cosine(step)
    score = count + 0.49 * (1.0 + (mean / len(grads.steps)).clamp(-1.0, 1.0))
    left = torch.ones(len(pool), dtype=torch.bool, device=grads.device)
    left[list(given)] = False
    order = by_id[torch.argsort(score[by_id], descending=True, stable=True)]
    rows = order[left[order]][:k]
    weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
    info: dict = {"threshold": float(phi)}
    if len(grads.steps) == 1:
        info["few_steps"] = ONE_STEP
    return Selection(rows, weights, score=score.cpu(), info=info)


def unit_factors(step: Gradients) -> list[Tensor]:
    """Matrices of unit rows whose Gram matrices multiply, entry by entry, to the cosines."""
    step = directions(step)
    if isinstance(step, Dense):
        return [_unit(step.g)]
    return [_unit(step.r[0]), _unit(step.entering()[0])]


def neighbor_counts(factors: Sequence[Tensor], phi: float) -> Tensor:
    """#{j ≠ i : Π_f ⟨u_i, u_j⟩ > phi} for every row (n,), from the upper triangle in panels."""
    n = len(factors[0])
    found = torch.zeros(n, dtype=torch.int64, device=factors[0].device)
    for start in track(range(0, n, ROWS), "panel"):
        rows = slice(start, min(start + ROWS, n))
        for left in range(start, n, COLUMNS):
            check()
            columns = slice(left, min(left + COLUMNS, n))
            cosines = factors[0][rows] @ factors[0][columns].T
            for f in factors[1:]:
                cosines *= f[rows] @ f[columns].T
            if left == start:
                cosines.fill_diagonal_(-2.0)  # no row is its own neighbor
            near = cosines.gt_(phi)  # stays float32, whose sums are vectorized, and exact for a panel
            found[rows] += near.sum(1).long()
            beyond = slice(max(left, rows.stop), columns.stop)  # the diagonal panel holds both triangles
            found[beyond] += near[:, beyond.start - left :].sum(0).long()
    return found


def mean_cosine(step: Gradients) -> Tensor:
    """Mean cosine of each row with all rows (n,), through the sum of unit gradients: n·c·d operations, no pairs."""
    step = directions(step)
    norm = step.norm().double()
    scale = torch.where(norm > 0, 1.0 / norm, 0.0)
    return step.dot(step.sum(scale)) * scale / len(step)


def _quantile(grads: Gradients, by_id: Tensor, quantile: float, rng: torch.Generator) -> float:
    n = len(grads)
    if n < 2:
        return 1.0
    first = torch.randint(n, (PAIRS,), generator=rng)
    second = (first + 1 + torch.randint(n - 1, (PAIRS,), generator=rng)) % n
    first, second = by_id[first.to(by_id.device)], by_id[second.to(by_id.device)]
    cosines = []
    for step in grads.steps:
        pair = [(f[first] * f[second]).sum(1) for f in unit_factors(step)]
        cosines.append(pair[0] if len(pair) == 1 else pair[0] * pair[1])
    return float(torch.quantile(torch.cat(cosines).cpu().double(), quantile))


def _unit(x: Tensor) -> Tensor:
    x = x.float()  # Φ is one of the pairs' own cosines: all are rounded alike
    norm = x.norm(dim=1, keepdim=True)
    return x / torch.where(norm > 0, norm, 1.0)
