"""ZCore: rows that random points in random planes fall next to, less those that stand close to them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, scorer

PLANES = 500  # pairs of dimensions at most: each costs a sort and a search tree
POINTS = 20  # in a plane at least
MOST = 1_000_000  # points in all, the authors' number


@scorer(
    needs="emb",
    purpose="cover",
    title="ZCore",
    paper="Griffin, Marks & Corso 2026, Zero-Shot Coreset Selection, arXiv:2411.15349",
)
def zcore(
    pool: Pool,
    draws: Annotated[int, Range(1, 1000), "random points a row (a million in all at most)"] = 10,
    neighbors: Annotated[int, Range(1, 1000), "neighbors that share a covered row's penalty"] = 50,
    exponent: Annotated[int, Range(1, 8), "how fast a neighbor's share falls with distance"] = 4,
    start: Annotated[int, Range(0, 2**31 - 1), "seed of the random planes and points"] = 0,
) -> Tensor:
    """Coverage less redundancy, sampled in random planes of two features; needs no labels and no training.

    A point is drawn in a plane, each coordinate triangular between the feature's minimum and maximum with its peak
    at the median. The row nearest to it (L1) gains 1, and its own nearest rows in that plane lose 1 in all, in
    proportion to distance^−4. Features x (n, d). A search tree a plane: n log n, then log n a point; O(n·d) memory.

    Where we differ: points share at most 500 planes, not one plane each, and there are 10 a row, not a million;
    50 neighbors share the penalty, not 1,000, whose far ones have next to no part in it. Rows at one place of a plane
    share what falls to it and lose it again to each other, where the authors' code gives and takes one row
    each (on features with many zeros that is always the same one). The authors' random start breaks ties; here
    ties go to the smaller id.
    """
    order = torch.argsort(pool.ids.cpu())
    x = pool.need("emb").detach().float().cpu()[order].numpy()
    n, d = x.shape
    rng = torch.Generator().manual_seed(start)
    many = min(draws * n, MOST)
    planes = min(PLANES, max(1, many // POINTS), max(1, d * (d - 1) // 2))
    low, middle, high = x.min(0).astype(float), np.median(x, axis=0).astype(float), x.max(0).astype(float)
    score = np.zeros(n)
    points = np.diff(np.linspace(0, many, planes + 1).round().astype(int))
    for count in track(points.tolist(), "planes"):
        axes = torch.randperm(d, generator=rng)[:2].numpy()
        chance = torch.rand(count, len(axes), dtype=torch.float64, generator=rng).numpy()
        drawn = triangular(chance, low[axes], middle[axes], high[axes])
        score += plane(x[:, axes].astype(float), drawn, neighbors, exponent)
    out = torch.empty(n, dtype=torch.float64)
    out[order] = torch.from_numpy(score)
    return out.to(pool.device)


def triangular(chance: np.ndarray, low: np.ndarray, peak: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Values of the triangular distribution at these cumulative chances; a column without width stays where it is."""
    width = np.maximum(high - low, 1e-300)
    rising = low + np.sqrt(chance * width * (peak - low))
    falling = high - np.sqrt((1.0 - chance) * width * (high - peak))
    return np.where(chance * width < peak - low, rising, falling)


def plane(x: np.ndarray, drawn: np.ndarray, neighbors: int, exponent: int) -> np.ndarray:
    """What the points `drawn` (m, 2) in one plane add to the score of the rows x (n, 2)."""
    from scipy.spatial import KDTree

    # complex numbers: many times faster to sort than rows of two
    at, place, rows = np.unique(x[:, 0] + 1j * x[:, -1], return_inverse=True, return_counts=True)
    places = np.stack([at.real, at.imag], 1)[:, : x.shape[1]]
    tree = KDTree(places, leafsize=16, balanced_tree=False, compact_nodes=False)
    hits = np.bincount(tree.query(drawn, p=1)[1], minlength=len(places)).astype(float)
    hits[rows > 1] = 0.0  # gained and lost among the rows at one place
    value = hits.copy()
    covered = hits.nonzero()[0]
    if len(covered) and len(places) > 1:
        many = min(neighbors, len(places) - 1) + 1
        distance, near = (v[:, 1:] for v in tree.query(places[covered], k=many, p=1))
        share = rows[near] * (distance[:, :1] / distance) ** exponent
        share *= (hits[covered] / share.sum(1))[:, None]
        value -= np.bincount(near.ravel(), share.ravel(), minlength=len(places))
    return (value / rows)[place]
