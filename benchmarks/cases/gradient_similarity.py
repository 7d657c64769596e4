"""GradSimCore's counting and BADGE's draws, on factored gradients."""

from __future__ import annotations

import numpy as np
import torch

import coreset_explore as cx
from cases.data import features, gradients
from cases.peers import unlabeled
from cases.race import Bench, Run, case
from coreset_explore import LastLayer, Pool


def unit_factors(vectors: LastLayer, step: int, dtype=np.float32) -> tuple[np.ndarray, np.ndarray]:
    r, h = vectors.r[step].numpy().astype(dtype), vectors.h[step].numpy().astype(dtype)
    h = np.concatenate([h, np.ones((len(h), 1), dtype)], 1)
    return r / np.linalg.norm(r, axis=1, keepdims=True), h / np.linalg.norm(h, axis=1, keepdims=True)


def counted(vectors: LastLayer, phi: float, steps=None, dtype=np.float32) -> np.ndarray:
    """How many others have a cosine above phi, summed over checkpoints: factored, as one writes it in numpy."""
    count = np.zeros(len(vectors), dtype=np.int64)
    for step in range(len(vectors.r)) if steps is None else steps:
        r, h = unit_factors(vectors, step, dtype)
        count += ((r @ r.T) * (h @ h.T) > phi).sum(1) - 1
    return count


def by_neighbors(vectors: LastLayer, phi: float) -> np.ndarray:
    """scikit-learn's radius neighbors on the built unit gradients of the first checkpoint."""
    from sklearn.neighbors import NearestNeighbors

    r, h = unit_factors(vectors, 0)
    built = (r[:, :, None] * h[:, None]).reshape(len(r), -1)
    search = NearestNeighbors(radius=float(np.sqrt(2 - 2 * phi)), algorithm="brute").fit(built)
    return np.array([len(rows) - 1 for rows in search.radius_neighbors(built, return_distance=False)])


def gradsim_race(bench: Bench, c: int) -> dict:
    n, d, steps = bench.size(5000, 100), bench.size(512, 12), bench.size(5, 2)
    vectors = gradients(n, d, c, steps)
    pool, k = Pool.of(grads=vectors), n // 10
    phi = cx.select("gradsim", pool, k, show=False).info["threshold"]
    exact = counted(vectors, phi, dtype=np.float64)
    first = counted(vectors, phi, [0], np.float64)

    def ours() -> np.ndarray:
        return cx.select("gradsim", pool, k, show=False, threshold=phi).score.floor().long().numpy()

    runs = [
        Run("ours", ours, note="with its selection of k rows"),
        Run("numpy, factored", lambda: counted(vectors, phi), note="three lines a checkpoint, n x n arrays"),
        Run(
            "scikit-learn",
            lambda: by_neighbors(vectors, phi),
            "sklearn",
            whole=lambda found, seconds: seconds * steps,
            judge=lambda found: float((found != first).sum()),
            note=f"radius neighbors of built gradients, one checkpoint, times {steps}; its objective is that one's",
        ),
    ]
    return bench.race(
        f"GradSimCore, n={n:,}, {c} classes, {steps} checkpoints",
        runs if c <= 10 else runs[:2],  # built, 100 classes are 1 GB a checkpoint
        objective="rows whose count is not that of float64",
        judge=lambda found: float((found != exact).sum()),
        stages=[(1.0 * steps * n * n * (c + d), 4.0 * steps * n * (c + d))],
    )


@case("gradsim")
def gradsim(bench: Bench) -> None:
    for c in (10, 100):
        found = gradsim_race(bench, c)
        ratio = found["numpy, factored"]["ratio"]
        bench.target(f"GradSimCore, {c} classes, times factored numpy", ratio, least=1.0)
        bench.target(f"GradSimCore, {c} classes, times its floor", found["ours"]["of_floor"], most=2.5)


def nearest_squared(vectors: LastLayer, picks: np.ndarray) -> float:
    """Mean squared distance of all gradients to the nearest pick."""
    rows, norms, parts = torch.from_numpy(np.asarray(picks)), vectors.squared_norm(), []
    for start in range(0, len(vectors), 4096):
        part = slice(start, start + 4096)
        parts.append((norms[part, None] + norms[rows] - 2 * vectors.gram(part, rows)).amin(1))
    return float(torch.cat(parts).clamp_min(0).double().mean())


def draw(vectors: LastLayer, k: int) -> np.ndarray:
    """k-means++ by one product with the factors a draw."""
    rng, norms = torch.Generator().manual_seed(0), vectors.squared_norm()
    picks = [int(torch.randint(len(vectors), (1,), generator=rng))]
    nearest = torch.full_like(norms, torch.inf)
    for _ in range(k - 1):
        row = torch.tensor(picks[-1:])
        torch.minimum(nearest, norms + norms[row] - 2 * vectors.gram(row)[0], out=nearest)
        nearest.clamp_min_(0)[row] = 0
        picks.append(int(torch.multinomial(nearest, 1, generator=rng)))
    return np.array(picks)


def by_sklearn(vectors: LastLayer, k: int) -> np.ndarray:
    from sklearn.cluster import kmeans_plusplus

    return kmeans_plusplus(vectors.dense().numpy(), k, n_local_trials=1, random_state=0)[1]


def by_activeml(x: np.ndarray, p: np.ndarray, k: int) -> np.ndarray:
    """scikit-activeml's Badge, given the probabilities by a classifier that has them."""
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Badge

    class Known(SkactivemlClassifier):
        def fit(self, X, y, sample_weight=None):
            return self

        def predict_proba(self, X):
            return p

    known = Known(classes=np.arange(p.shape[1]))
    return np.array(Badge(random_state=0).query(x, unlabeled(len(x)), known, fit_clf=False, batch_size=k))


@case("badge")
def badge(bench: Bench) -> None:
    n, d, c = bench.size(60_000, 300), bench.size(512, 12), 10
    k, few = bench.size(1000, 20), bench.size(20, 5)
    vectors = gradients(n, d, c)
    pool, size = Pool.of(grads=vectors), f"{n:,} x {d}, {c} classes, k={k:,}"
    found = bench.race(
        f"BADGE, {size}",
        [
            Run("ours", lambda: cx.select("badge", pool, k, show=False).indices.numpy()),
            Run("one product a draw", lambda: draw(vectors, k), note="torch, factored"),
            Run(
                "scikit-learn",
                lambda: by_sklearn(vectors, few),
                "sklearn",
                whole=lambda found, seconds: seconds * k / few,
                note=f"k-means++ on built gradients, {few} draws, times {k / few:g}; its objective is that of {few}",
            ),
        ],
        objective="mean squared distance to the nearest pick",
        judge=lambda picks: nearest_squared(vectors, picks),
        stages=[(2.0 * n * k * (c + d), 4.0 * n * (c + d))],
    )
    bench.target(f"BADGE, {size}, seconds", found["ours"]["median_s"], most=1.5)

    n, k = bench.size(10_000, 200), bench.size(100, 5)
    x = features(n, d)
    p = np.random.default_rng(0).dirichlet(np.full(c, 0.3), n)
    r = torch.from_numpy(p - np.eye(c)[p.argmax(1)]).float()
    small = LastLayer(r[None], x[None])
    pool = Pool.of(grads=small)
    bench.race(
        f"BADGE, {n:,} x {d}, {c} classes, k={k:,}",
        [
            Run("ours", lambda: cx.select("badge", pool, k, show=False).indices.numpy()),
            Run(
                "scikit-activeml", lambda: by_activeml(x.numpy(), p, k), "skactiveml", note="gradients built"
            ),
        ],
        objective="mean squared distance to the nearest pick",
        judge=lambda picks: nearest_squared(small, picks),
        stages=[(2.0 * n * k * (c + d), 4.0 * n * (c + d))],
    )
