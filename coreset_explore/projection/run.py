"""Maps: features laid out in the plane by PCA, UMAP or t-SNE. Pictures: their distances are not to be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import torch
from torch import Tensor

from coreset_explore.inputs import checks
from coreset_explore.machine import cache as results
from coreset_explore.neighbors import knn
from coreset_explore.pool import Pool
from coreset_explore.progress import check
from coreset_explore.projection.layouts import pca, tsne, umap

How = Literal["pca", "umap", "tsne"]
LIMIT = {"umap": 20_000, "tsne": 10_000}  # rows laid out; the others are placed by their neighbors
FEWEST = 8  # rows that a neighbor graph needs
REDUCED = 50  # principal components given to UMAP and t-SNE
NAMES = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}
_PACKAGES = {"umap": "umap-learn", "tsne": "openTSNE"}


@dataclass(frozen=True, eq=False)
class Map:
    """Coordinates `xy` (n, 2) float32, how they were made, a `note` for the caption, and the seconds it took."""

    xy: Tensor
    how: How
    note: str
    seed: int
    seconds: float
    cached: bool = False

    def __repr__(self) -> str:
        return f"Map({len(self.xy):,} points: {self.note})"


def project(
    pool,
    how: How = "pca",
    *,
    seed: int = 0,
    cache: bool = True,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    perplexity: float = 30.0,
    limit: int | None = None,
    runner: Callable[..., Tensor] | None = None,
) -> Map:
    """Lay out a pool's features, or an array (n, d), in the plane.

    "pca" is at once and has a fixed sign. "umap" and "tsne" start from it, see 50 principal components, lay
    out up to `limit` rows (20,000 and 10,000 unless told: a seeded sample with every class in proportion) and
    place the rest by their neighbors; the note says so. The same seed gives the same map on one machine.
    Results are kept on disk by content and settings. Fewer than 8 rows, or rows that are all the same, are
    shown by PCA.

    Cancelling stops t-SNE and UMAP between two iterations; UMAP's graph, and its first compilation (some ten
    seconds), run to their end first. With `runner=projection.worker.Worker()` they run in a process of their
    own, where a cancel is immediate and this interpreter stays free. Raises ValueError for NaN or infinite
    features, naming the rows.

    >>> import coreset_explore as cx
    >>> found = cx.project(cx.Pool.of([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]]))
    >>> found
    Map(3 points: PCA)
    >>> tuple(found.xy.shape)
    (3, 2)
    """
    checks.choice(how, "how", NAMES)
    seed, n_neighbors = checks.seed(seed), checks.whole(n_neighbors, "n_neighbors", 2)
    min_dist, perplexity = checks.real(min_dist, "min_dist", 0, 1), checks.real(perplexity, "perplexity", 1)
    limit = None if limit is None else checks.whole(limit, "limit", FEWEST)
    pool = Pool.of(pool)
    x = _finite(pool.need("emb")).detach().cpu().float()
    y = None if pool.y is None else pool.y.cpu()
    start = time.perf_counter()
    if how != "pca" and (n := len(x)) < FEWEST:
        return _as_pca(
            x, seed, start, f"PCA, since {n} point{'s are' if n > 1 else ' is'} too few for {NAMES[how]}"
        )
    if how != "pca" and bool((x == x[0]).all()):
        return _as_pca(x, seed, start, f"PCA, since all {len(x):,} points are the same")
    if how == "pca":
        return _as_pca(x, seed, start, "PCA")
    limit = LIMIT[how] if limit is None else limit
    settings: dict[str, Any] = (
        {"n_neighbors": n_neighbors, "min_dist": min_dist} if how == "umap" else {"perplexity": perplexity}
    )
    key = None
    if cache:
        key = results.key(
            "projection", how, x, y, {**settings, "seed": seed, "limit": limit, "v": _version(how)}
        )
        if (kept := results.read("projection", key)) is not None:
            return Map(
                torch.as_tensor(kept["xy"]), how, str(kept["note"]), seed, time.perf_counter() - start, True
            )
    rows = sample(len(x), limit, seed, y)
    reduced = pca(x, REDUCED)
    check()
    if runner is None:
        laid = (umap if how == "umap" else tsne)(reduced[rows], seed, **settings)
    else:
        laid = runner(how, reduced[rows], seed, **settings)
    note = f"{NAMES[how]} of {'the features' if x.shape[1] <= REDUCED else f'{REDUCED} principal components'}"
    if len(rows) < len(x):
        xy = torch.empty(len(x), 2)
        xy[rows] = laid
        others = torch.ones(len(x), dtype=torch.bool)
        others[rows] = False
        xy[others] = place(reduced[others], reduced[rows], laid)
        note += f", laid out for {len(rows):,} of {len(x):,} points, the others placed by their neighbors"
    else:
        xy = laid
    if key is not None:
        results.write("projection", key, {"xy": xy, "note": note})
    return Map(xy, how, note, seed, time.perf_counter() - start)


def place(new, old, xy: Tensor, k: int = 5) -> Tensor:
    """Coordinates (m, 2) for `new` features (m, d): the distance-weighted mean of their `k` nearest `old` rows' (n, 2).

    A row that equals an old one falls on it. Works with every layout; deterministic.
    """
    new, old = _finite(new), _finite(old)
    if len(old) != len(xy):
        raise ValueError(f"xy wants one place for each of the {len(old):,} old rows, got {len(xy):,}")
    if len(new) == 0:
        return torch.empty(0, 2)
    distances, ids = knn(old, min(k, len(old)), queries=new)
    distances = distances.double()
    weights = 1 / distances.clamp_min(1e-12)
    hit = distances[:, :1] <= 1e-9 * distances[:, -1:].clamp_min(1e-30)  # a twin: the others have no say
    weights = torch.where(hit, (distances == distances[:, :1]).double(), weights)
    weights = weights / weights.sum(1, keepdim=True)
    return (weights[:, :, None] * xy.double()[ids]).sum(1).float()


def sample(n: int, limit: int, seed: int = 0, y: Tensor | None = None) -> Tensor:
    """Up to `limit` of n rows (sorted), drawn by seed, every class in proportion to within one row."""
    if n <= limit:
        return torch.arange(n)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    if y is not None:
        order = order[torch.argsort(y[order], stable=True)]
    every = (
        torch.arange(limit, dtype=torch.float64) * (n / limit)
    ).long()  # systematic: evenly along the classes
    return order[every].sort().values


def warm_umap() -> None:
    """Import and compile UMAP on 64 points, so that the first map asked for need not wait: for an install.

    Half a minute and more the first time (numba keeps the result on disk), then some seconds.
    """
    points = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))
    umap(points, 0, n_neighbors=5, min_dist=0.1)


def _as_pca(x: Tensor, seed: int, start: float, note: str) -> Map:
    return Map(pca(x), "pca", note, seed, time.perf_counter() - start)


def _finite(x) -> Tensor:
    x = torch.as_tensor(x)
    bad = (~torch.isfinite(x)).any(1).nonzero().flatten() if x.ndim == 2 else torch.empty(0)
    if x.ndim != 2 or len(bad):
        what = (
            f"rows {', '.join(str(int(i)) for i in bad[:5])} hold NaN or infinity"
            if len(bad)
            else f"got {tuple(x.shape)}"
        )
        raise ValueError(f"a map is drawn from finite features (n, d), and {what}; drop or mend them first")
    return x


def _version(how: str) -> str:
    return version(_PACKAGES[how])
