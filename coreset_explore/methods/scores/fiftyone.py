"""FiftyOne's two rankings of images: how far from its neighbors, how near to a cluster's center."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from coreset_explore import neighbors
from coreset_explore.params import Metric
from coreset_explore.pool import Pool
from coreset_explore.registry import Range, scorer

WEIGHTS = (0.6, 0.3, 0.1)  # of the three nearest neighbors' distances


@scorer(needs="emb", purpose="cover", title="Uniqueness", paper="Voxel51, FiftyOne Brain, compute_uniqueness")
def uniqueness(
    pool: Pool,
    metric: Metric = "cosine",
) -> Tensor:
    """0.6 d₁ + 0.3 d₂ + 0.1 d₃ of the distances to the three nearest rows, divided by the largest such value.

    Features (n, d); duplicates score 0, up to three rows 1 each. O(n²·d) time, O(n) memory.
    """
    order = torch.argsort(pool.ids)
    x = pool.need("emb")[order]
    score = torch.ones(len(x), dtype=torch.float64, device=x.device)
    if len(x) > len(WEIGHTS):
        near = neighbors.knn(x, len(WEIGHTS) + 1, metric=metric)[0][:, 1:].double()
        value = near @ torch.tensor(WEIGHTS, dtype=torch.float64, device=x.device)
        score[order] = value / value.max().clamp_min(1e-30)
    return score


@scorer(
    needs="emb",
    purpose="typical",
    title="Representativeness",
    paper="Voxel51, FiftyOne Brain, compute_representativeness",
)
def representativeness(
    pool: Pool,
    clusters: Annotated[int, Range(1, 1000), "clusters of k-means"] = 20,
    start: Annotated[int, Range(0, 2**31 - 1), "seed of where k-means starts"] = 0,
) -> Tensor:
    """1 − d / (largest d in the cluster), d the distance to the center of the row's k-means cluster.

    Features (n, d), 20 clusters: 1 at a center, 0 at each cluster's rim. O(n·clusters·d) a round.

    Where we differ: the library's code as published returns d / largest d itself, which ranks the rim first, and not
    the central rows that its description promises.
    """
    order = torch.argsort(pool.ids)
    x = pool.need("emb")[order]
    rng = torch.Generator().manual_seed(start)
    centers, label = neighbors.kmeans(x, min(clusters, len(x)), rng)
    distance = (x - centers[label]).norm(dim=1).double()
    rim = torch.zeros(len(centers), dtype=torch.float64, device=x.device)
    rim = rim.scatter_reduce(0, label, distance, "amax").clamp_min(1e-30)
    score = torch.empty_like(distance)
    score[order] = 1.0 - distance / rim[label]
    return score
