"""Saturated coverage: every row should be like the picks, up to a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.inputs.similarities import Similarities
from coreset_explore.params import AnySpace, Likeness, Sigma, Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

BLOCK = 1 << 20  # similarities read together
ROWS = 1 << 12  # rows of a sparse one read together
NOTHING = 1e-6  # of what all rows ask for: a gain below it is rounding


@selector(
    needs="grads|emb|similarity",
    weights="uniform",
    objective="gains",
    nested=True,
    draws=False,
    purpose="cover",
    title="Saturated coverage",
    paper="Lin & Bilmes 2011, ACL (P11-1052)",
    bytes=lambda n, d, c, k: 4 * n * n + 16 * n * (c + d) + 2**26,
)
def saturated_coverage(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: AnySpace = "grads",
    steps: Steps = "last",
    similarity: Likeness = "cosine",
    sigma: Sigma = None,
    alpha: Annotated[
        float, Range(1e-4, 1, log=True), "share of a row's likeness to all rows that is enough for it"
    ] = 0.1,
) -> Selection:
    """Saturated coverage: each row counts by its likeness to all picks together, until it has enough.

    Greedily maximizes Σ_i min(Σ_{j ∈ S} s_ij, α Σ_j s_ij), s in [0, 1]; at least (1 − 1/e) of the best. With k well
    below α n no row has enough and the picks are those most like all rows, so choose α near k/n; above it all rows
    have enough at some pick, and there it stops. Exact; n²·(c + d) operations, 4 n² bytes: use per_class on
    large pools. Of similarities given, s_ij is s_ji >= 0; a sparse one costs what is stored of it.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    near = greedy.likeness(vectors, similarity, sigma)
    if isinstance(near, greedy.Given):
        near.not_negative("saturated_coverage").both_ways("saturated_coverage")
    if isinstance(near, greedy.Given) and near.vectors.sparse:
        share, picks, gains = saturate_sparse(near.vectors, k, held, alpha)
    else:
        share, picks, gains = saturate(near.matrix(), k, held, alpha)
    info = dict(near.told)
    if len(picks) < k:
        info["stopped"] = (
            f"every row has enough after {len(picks):,} of {k:,} picks; ask for more with alpha above {alpha:g}"
        )
    weights = torch.full((len(picks),), len(pool) / max(len(picks), 1), dtype=torch.float64)
    return Selection(order[picks], weights, gains=gains, info={**info, "saturated": share})


def saturate(matrix: Tensor, k: int, given: Tensor, alpha: float) -> tuple[float, Tensor, Tensor]:
    """The share of rows that have enough, picks and gains on similarities (n, n), symmetric.

    Every gain is current: a row that lacks more than any similarity counts in full, one that has enough not at all,
    so that after a pick only the few rows between are looked at.
    """
    n, device = len(matrix), matrix.device
    blocks = torch.arange(n, device=device).split(max(1, BLOCK // n))
    full = torch.cat([matrix[rows].sum(1, dtype=torch.float64) for rows in track(blocks, "sums")])
    enough, most = alpha * full, torch.cat([matrix[rows].amax(1) for rows in track(blocks, "largest")])
    lacking, ample = enough.clone(), torch.ones(n, dtype=torch.bool, device=device)

    def gains() -> Tensor:
        tight = ample & (lacking < most)
        for rows in tight.nonzero().flatten().split(max(1, BLOCK // n)):
            check()
            full.sub_(matrix[rows].sum(0, dtype=torch.float64))
        ample[tight] = False
        found = full.clone()
        for rows in (~ample & (lacking > 0)).nonzero().flatten().split(max(1, BLOCK // n)):
            check()
            found += torch.minimum(matrix[rows].double(), lacking[rows, None]).sum(0)
        return found

    for row in track(given.tolist(), "given"):
        lacking.sub_(matrix[row]).clamp_min_(0.0)
    free = torch.ones(n, dtype=torch.bool, device=device)
    free[given.to(device)] = False
    picks, gained, least = [], [], NOTHING * float(enough.sum())
    for _ in track(range(k), "saturated coverage"):
        now = torch.where(free, gains(), -torch.inf)
        row = greedy.first_best(now)
        if now[row] <= least:
            break
        picks.append(row)
        gained.append(float(now[row]))
        free[row] = False
        lacking.sub_(matrix[row]).clamp_min_(0.0)
    share = float((lacking <= NOTHING * enough).double().mean())
    return share, torch.tensor(picks, dtype=torch.int64), torch.tensor(gained, dtype=torch.float64)


def saturate_sparse(s: Similarities, k: int, given: Tensor, alpha: float) -> tuple[float, Tensor, Tensor]:
    """The same on sparse similarities: lazy, as what a row lacks only shrinks and with it every gain."""
    enough = alpha * s.sums()
    lacking = enough.clone()

    def gains(rows: Tensor) -> Tensor:
        check()
        line, column, value = s.entries(rows.to(s.device))
        found = torch.zeros(len(rows), dtype=torch.float64, device=s.device)
        return found.index_add_(0, line, torch.minimum(value.double(), lacking[column]))

    def take(row: int) -> None:
        _, column, value = s.entries(torch.tensor([row], device=s.device))
        lacking[column] = (lacking[column] - value.double()).clamp_min_(0.0)

    for row in track(given.tolist(), "given"):
        take(row)
    free = torch.ones(len(s), dtype=torch.bool)
    free[given] = False
    bound = torch.cat([gains(rows) for rows in track(torch.arange(len(s)).split(ROWS), "first gains")])
    start, least = lacking.clone(), NOTHING * float(enough.sum())
    picks, gained = greedy.lazy_greedy(bound, gains, take, k, free)
    made = int((gained > least).cumprod(0).sum())  # gains only shrink: what comes after them is rounding
    lacking[:] = start
    for row in picks[:made].tolist():
        take(row)
    return float((lacking <= NOTHING * enough).double().mean()), picks[:made], gained[:made]
