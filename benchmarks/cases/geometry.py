"""Choosing by distance in feature space: k-center, herding, k-means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

import coreset_explore as cx
from cases.data import at_hand, features, pixels
from cases.peers import unlabeled
from cases.race import Bench, Run, case
from coreset_explore import Pool


def picks_of(name: str, pool: Pool, k: int, **options) -> np.ndarray:
    return cx.select(name, pool, k, show=False, **options).indices.numpy()


def nearest(x: Tensor, picks: np.ndarray) -> Tensor:
    """Distances (n,) of all rows to the nearest pick."""
    chosen = x[torch.from_numpy(np.asarray(picks))].double()
    parts = [torch.cdist(part.double(), chosen).amin(1) for part in x.split(4096)]
    return torch.cat(parts)


def keeping_all(x: Tensor, k: int, start: int) -> np.ndarray:
    """Farthest first with the distances of all picks so far kept, k x n, and their minimum taken at every pick."""
    apart, free = torch.full((k, len(x)), torch.inf), torch.ones(len(x), dtype=torch.bool)
    picks = [start]
    for made in range(k):
        free[picks[-1]] = False
        apart[made, free] = torch.cdist(x[picks[-1] :][:1], x[free])[0]
        if made < k - 1:
            smallest = apart[: made + 1].min(0).values
            picks.append(int(torch.where(free, smallest, -1.0).argmax()))
    return np.array(picks)


def keeping_one(x: Tensor, k: int, start: int) -> np.ndarray:
    """Farthest first with the smallest distance so far kept, n numbers, by one matrix-vector product a pick."""
    norms, picks = x.square().sum(1), [start]
    smallest = torch.full((len(x),), torch.inf)
    for _ in range(k - 1):
        row = picks[-1]
        torch.minimum(smallest, norms + norms[row] - 2 * (x @ x[row]), out=smallest)
        picks.append(int(smallest.argmax()))
    return np.array(picks)


def by_core_set(x: Tensor, k: int, start: int) -> np.ndarray:
    from skactiveml.pool import CoreSet

    labels = unlabeled(len(x))
    labels[start] = 0
    more = CoreSet(random_state=0).query(x.numpy(), labels, batch_size=k - 1)
    return np.concatenate([[start], more])


def race(bench: Bench, x: Tensor, k: int, size: str, few: int, many: int, more=()) -> dict:
    """Ours, the loop that keeps one distance a row, at `many` picks, and the one that keeps k x n, at `few`."""
    pool = Pool.of(x)
    start, n = int(picks_of("kcenter", pool, 1)[0]), len(x)

    def loop(who: str, plain: Callable, made: int, note: str) -> Run:
        if made >= k:
            return Run(who, lambda: plain(x, k, start), note=note)
        return Run(
            who,
            lambda: plain(x, made, start),
            whole=lambda found, seconds: seconds * k / made,
            note=f"{note}; {made} picks, times {k / made:g}; its objective is that of {made}",
        )

    return bench.race(
        f"k-center, {size}",
        [
            Run("ours", lambda: picks_of("kcenter", pool, k)),
            loop("one product a pick", keeping_one, many, "torch, n distances kept"),
            loop(
                "k x n distances",
                keeping_all,
                few,
                "torch, minimum over all picks so far, which grows with k",
            ),
            *more,
        ],
        objective="largest distance to the nearest pick",
        judge=lambda picks: float(nearest(x, picks).max()),
        stages=[(2.0 * n * k * x.shape[1], 4.0 * n * x.shape[1])],
    )


@case("kcenter-600")
def kcenter(bench: Bench) -> None:
    n, d = bench.size(60_000, 300), bench.size(512, 12)
    x, k, few = features(n, d), bench.size(600, 20), bench.size(60, 10)
    start = int(picks_of("kcenter", Pool.of(x), 1)[0])
    size = f"{n:,} x {d}, k={few:,}"
    core = Run("scikit-activeml", lambda: by_core_set(x, few, start), "skactiveml", note="CoreSet")
    race(bench, x, few, size, few, few, [core])
    size = f"{n:,} x {d}, k={k:,}"
    found = race(bench, x, k, size, few, k)
    bench.target(f"k-center, {size}, seconds", found["ours"]["median_s"], most=1.2)
    bench.target(
        f"k-center, {size}, times k x n distances (extrapolated)", found["k x n distances"]["ratio"], least=50
    )
    if at_hand("fashion-mnist"):
        real = pixels(n)
        race(bench, real, k, f"{len(real):,} x 784, k={k:,} (Fashion-MNIST pixels)", few, k)


@case("kcenter-6000")
def kcenter_large(bench: Bench) -> None:
    n, d, k = bench.size(60_000, 300), bench.size(512, 12), bench.size(6000, 60)
    few, many = bench.size(60, 10), bench.size(300, 20)
    x, size = features(n, d), f"{n:,} x {d}, k={k:,}"
    found = race(bench, x, k, size, few, many)
    bench.target(f"k-center, {size}, seconds", found["ours"]["median_s"], most=12)


@case("herding")
def herding(bench: Bench) -> None:
    n, d, k, few = bench.size(60_000, 300), bench.size(512, 12), bench.size(1000, 10), bench.size(20, 2)
    x = features(n, d)
    pool, mean = Pool.of(x), x.double().mean(0)

    def streaming() -> None:
        for _ in range(k):
            x.sum()

    def plain() -> np.ndarray:
        rows, center, total, picks = x.numpy(), mean.float().numpy(), np.zeros(d, np.float32), []
        for made in range(1, few + 1):
            away = np.linalg.norm(center - (rows + total) / made, axis=1)
            away[picks] = np.inf
            picks.append(int(away.argmin()))
            total += rows[picks[-1]]
        return np.array(picks)

    size = f"{n:,} x {d}, k={k:,}"
    found = bench.race(
        f"herding, {size}",
        [
            Run("ours", lambda: picks_of("herding", pool, k)),
            Run("X read k times", streaming, judge=lambda _: None, note="its sum, nothing else"),
            Run(
                "numpy, as defined",
                plain,
                whole=lambda found, seconds: seconds * k / few,
                note=f"{few} picks, times {k / few:g}; its objective is that of {few} picks",
            ),
        ],
        objective="distance of the picks' mean to the mean",
        judge=lambda p: float((x[torch.from_numpy(p)].double().mean(0) - mean).norm()),
        stages=[(0, 4.0 * n * k * d)],
    )
    ratio = found["X read k times"]["ratio"]
    bench.target(f"herding, {size}, times reading X k times", ratio and round(1 / ratio, 2), most=1.5)


@case("kmeans")
def kmeans(bench: Bench) -> None:
    n, d, k = bench.size(20_000, 300), bench.size(512, 12), bench.size(200, 10)
    x = features(n, d)
    pool = Pool.of(x)

    def theirs() -> np.ndarray:
        from sklearn.cluster import KMeans
        from sklearn.metrics import pairwise_distances_argmin

        found = KMeans(k, n_init=1, max_iter=25, tol=0, algorithm="lloyd", random_state=0).fit(x.numpy())
        return pairwise_distances_argmin(found.cluster_centers_, x.numpy())

    bench.race(
        f"k-means and the rows nearest to its centers, {n:,} x {d}, k={k:,}",
        [
            Run("ours", lambda: picks_of("kmeans", pool, k)),
            Run("scikit-learn", theirs, "sklearn", note="k-means++, 25 rounds at most, as ours"),
        ],
        objective="mean squared distance to the nearest pick",
        judge=lambda p: float(nearest(x, p).square().mean()),
        stages=[(2.0 * 25 * n * k * d, 4.0 * n * d)],
    )
