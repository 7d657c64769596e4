"""TypiClust: from every cluster the row with the nearest neighbors, the largest clusters first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore import neighbors as near
from coreset_explore.greedy.vectors import squared_norms
from coreset_explore.params import Metric
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

SMALL = 5  # a cluster of fewer rows than this is no mode of the data: it gives a row only when all others are used up


@selector(
    needs="emb",
    weights="uniform",
    purpose="typical",
    title="TypiClust",
    paper="Hacohen, Dekel & Weinshall 2022, arXiv:2202.02794, Algorithm 1",
    bytes=lambda n, d, c, k: 4 * 5 * n * d + 600 * n + 4 * 1024 * 500,
)
def typiclust(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    clusters: Annotated[int, Range(1, 10_000), "clusters at most; else one a pick"] = 500,
    neighbors: Annotated[int, Range(1, 500), "neighbors in its cluster that a row's typicality counts"] = 20,
    metric: Metric = "cosine",
    iterations: Annotated[int, Range(1, 300), "rounds of k-means at most"] = 25,
) -> Selection:
    """The most typical row of each cluster, from the clusters with fewest picks and of those the largest.

    k-means into min(k + given, 500) clusters; a row's typicality is 1 / mean distance to its 20 nearest neighbors in
    its cluster. Clusters of fewer than five rows come after all others. O(iterations·n·clusters·d +
    Σ cluster²·d), O(n·d) memory. Rows in `given` count as their clusters' picks.

    Where we differ: the authors take half a small cluster's rows as neighbors at most, here all of them; small
    clusters come last instead of never, so that there are always k rows.
    """
    vectors, order, held = greedy.by_id(pool.vectors("emb"), pool.ids, given)
    squared_norms(vectors)
    x = greedy.points(vectors, metric).g
    many = min(k + len(held), clusters, len(x))
    label = near.kmeans(x, many, rng, iterations)[1].cpu()
    spread = mean_distance(x, label, neighbors)
    sizes = torch.bincount(label, minlength=many)
    free = torch.ones(len(x), dtype=torch.bool)
    free[held] = False
    ranked = free.nonzero().flatten()
    for key in (spread, label):  # by cluster, the most typical first
        ranked = ranked[torch.argsort(key[ranked], stable=True)]
    mine = label[ranked]
    count = torch.bincount(mine, minlength=many)
    before = torch.arange(len(ranked)) - (count.cumsum(0) - count)[mine]  # how many of its cluster come first
    turn = before + (sizes - count)[mine]  # rows given have had their turn
    best = torch.arange(len(ranked))
    for key in (-sizes[mine], turn, (sizes[mine] < SMALL).long()):  # the last key decides first
        best = best[torch.argsort(key[best], stable=True)]
    rows = order[ranked[best[:k]]]
    return Selection(rows, torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64))


def mean_distance(x: Tensor, label: Tensor, neighbors: int) -> Tensor:
    """Mean distance (n,) of each row to its nearest neighbors in its own cluster; 0 for a row alone."""
    spread = torch.zeros(len(x), dtype=torch.float64)
    sizes = torch.bincount(label).tolist()
    for rows in track(torch.argsort(label, stable=True).split(sizes), "typicality"):
        if len(rows) > 1:
            found = near.knn(x[rows.to(x.device)], min(neighbors + 1, len(rows)))[0]
            spread[rows] = found[:, 1:].double().mean(1).cpu()
    return spread
