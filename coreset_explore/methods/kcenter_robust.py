"""Robust k-Center: farthest first that leaves the farthest rows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch

from coreset_explore import greedy
from coreset_explore.greedy.farthest import nearest_to_mean
from coreset_explore.greedy.vectors import products, squared_between, squared_norms
from coreset_explore.params import Metric, Space, Steps
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selecting.weights import counts
from coreset_explore.selection import Selection


@selector(
    needs="emb|grads",
    weights="counts",
    objective="radius",
    nested=True,
    draws=False,
    purpose="cover",
    title="Robust k-Center",
    paper="Sener & Savarese 2018, arXiv:1708.00489; Ding, Yu & Wang 2019, k-Center with Outliers",
    bytes=lambda n, d, c, k: 4 * n * (2 * d + 2 * c) + 4 * 2**22 + 100 * n,
)
def kcenter_robust(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    outliers: Annotated[float, Range(0, 0.5), "share of all rows that may stay uncovered"] = 0.01,
    space: Space = "emb",
    metric: Metric = "euclidean",
    steps: Steps = "last",
) -> Selection:
    """Farthest first, with the m rows that are farthest at each pick left out as outliers.

    Each pick is the row with the (m + 1)-th largest distance to its nearest pick, m = ⌊outliers·n⌋ of the pool; with
    m = 0 it is k-Center. `gains` are those distances: the radius that covers all but m rows before the pick. Outliers
    are picked when nothing else is left. Weights are how many rows, outliers too, each pick is nearest to. About
    n·d operations a pick, O(n) memory beside the vectors.

    Where we differ: Sener & Savarese repair the greedy answer with a mixed-integer program that leaves outliers out,
    Ding et al. draw each pick among the (1 + ε)·m farthest, which a chance of picking outliers buys a bound for;
    taking the next one behind the m farthest is the limit ε → 0, without a bound. The first pick is the row nearest
    to the mean.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    vectors = greedy.points(vectors, metric)
    norms = squared_norms(vectors)
    n, device = len(vectors), vectors.device
    nearest = torch.full((n,), torch.inf, device=device)
    free = torch.ones(n, dtype=torch.bool, device=device)
    free[held.to(device)] = False

    def approach(row: int) -> None:
        both = norms + norms[row]
        squared = both - 2 * products(vectors, torch.tensor([row], device=device))[0].float()
        close = (squared < 2**-7 * both).nonzero().flatten()  # cancelled: measured again by differences
        for part in close.split(4096):
            squared[part] = squared_between(vectors[part], vectors[row : row + 1]).float()
        torch.minimum(nearest, squared.clamp_min_(0), out=nearest)

    for row in track(held.tolist(), "given"):
        approach(row)
    left_out = int(outliers * n)
    picks = torch.zeros(k, dtype=torch.int64)
    reach = torch.zeros(k, dtype=torch.float64)
    for made in track(range(k), "robust farthest first"):
        if made == 0 and len(held) == 0:
            row = nearest_to_mean(vectors, norms, free)
        else:
            some = min(left_out + 1, n - len(held) - made)
            far = torch.where(free, nearest, -torch.inf)
            limit = far.topk(some).values[-1]
            row = int((far == limit).nonzero()[0])
            reach[made] = float(limit) ** 0.5
        picks[made], free[row] = row, False
        approach(row)
    if len(held) == 0 and k > 1:
        reach[0] = reach[1]
    rows = order[picks]
    weights = counts(pool, rows, {"space": space, "metric": metric, "steps": steps})
    return Selection(rows, weights, gains=reach)
