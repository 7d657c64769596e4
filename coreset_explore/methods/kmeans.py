"""k-means: the row nearest to the mean of each of k clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch

from coreset_explore import greedy, neighbors
from coreset_explore.greedy.vectors import squared_norms
from coreset_explore.pool import Pool
from coreset_explore.registry import Range, selector
from coreset_explore.selecting.weights import counts
from coreset_explore.selection import Selection


@selector(
    needs="emb",
    weights="counts",
    purpose="cover",
    title="k-means",
    paper="MacQueen 1967; Lloyd 1982; Arthur & Vassilvitskii 2007 (k-means++)",
    bytes=lambda n, d, c, k: 4 * (4 * n + 3 * k) * d + 64 * n + 4 * 1024 * k,
)
def kmeans(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Annotated[Literal["emb"], "where distances are measured"] = "emb",
    iterations: Annotated[int, Range(1, 300), "rounds of Lloyd's algorithm at most"] = 25,
) -> Selection:
    """The row nearest to the mean of each of k clusters, the largest cluster first.

    Lloyd's algorithm on x (n, d) from a k-means++ start that tries several rows for each center; each cluster gives
    the row of its own that is nearest to its mean, so rows are distinct. With fewer distinct rows than clusters an
    empty cluster gives the first row left. Rows in `given` are left out beforehand. Weights are how many rows each
    pick is nearest to. O(iterations·n·k·d), O((n + k)·d) memory.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space), pool.ids, given)
    free = torch.ones(len(pool), dtype=torch.bool)
    free[held] = False
    squared_norms(vectors)  # refuses what no distance can be computed from
    x, order = vectors.g[free.to(pool.device)].float(), order[free]
    centers, label = neighbors.kmeans(x, k, rng, iterations)
    distance = (x - centers[label]).square().sum(1).cpu()
    label = label.cpu()
    ranked = torch.argsort(distance, stable=True)
    ranked = ranked[torch.argsort(label[ranked], stable=True)]
    sizes = torch.bincount(label, minlength=k)
    first = ranked[(sizes.cumsum(0) - sizes)[sizes > 0]]
    rows = first[torch.argsort(sizes[sizes > 0], descending=True, stable=True)]
    if len(rows) < k:
        left = torch.ones(len(x), dtype=torch.bool)
        left[rows] = False
        rows = torch.cat([rows, left.nonzero().flatten()[: k - len(rows)]])
    rows = order[rows]
    return Selection(rows, counts(pool, rows, {"space": space}))
