"""Choosing what is dense in feature space, beside scikit-activeml: TypiClust, MaxHerding, ProbCover."""

from __future__ import annotations

import numpy as np
import torch

from cases.data import features
from cases.geometry import nearest, picks_of
from cases.peers import unlabeled
from cases.race import Bench, Run, case
from coreset_explore import Pool


@case("typiclust")
def typiclust(bench: Bench) -> None:
    n, d, k = bench.size(5000, 200), bench.size(128, 12), bench.size(100, 5)
    x = features(n, d)
    pool = Pool.of(x)

    def theirs() -> np.ndarray:
        from skactiveml.pool import TypiClust

        return TypiClust(k=20, cluster_algo_dict={"n_init": 1}, random_state=0).query(
            x.numpy(), unlabeled(n), batch_size=k
        )

    def crowded(picks: np.ndarray) -> float:
        apart = torch.cdist(x[torch.from_numpy(picks)].double(), x.double())
        return float(apart.topk(21, largest=False).values[:, 1:].mean())

    bench.race(
        f"TypiClust, {n:,} x {d}, k={k:,}",
        [
            Run("ours", lambda: picks_of("typiclust", pool, k, metric="euclidean")),
            Run("scikit-activeml", theirs, "skactiveml"),
        ],
        objective="mean distance of a pick to its 20 nearest rows",
        judge=crowded,
    )


@case("maxherding")
def maxherding(bench: Bench) -> None:
    n, d, k = bench.size(5000, 200), bench.size(128, 12), bench.size(100, 5)
    x = features(n, d)
    unit = torch.nn.functional.normalize(x).double()

    def theirs() -> np.ndarray:
        from skactiveml.pool import MaxHerding

        method = MaxHerding(metric="rbf", metric_dict={"gamma": 1 / (2 * 0.5**2)}, random_state=0)
        return method.query(x.numpy(), unlabeled(n), batch_size=k)

    pool = Pool.of(x)
    bench.race(
        f"MaxHerding, {n:,} x {d}, k={k:,}",
        [
            Run("ours", lambda: picks_of("maxherding", pool, k, sigma=0.5)),
            Run("scikit-activeml", theirs, "skactiveml"),
        ],
        objective="mean largest kernel to a pick",
        judge=lambda p: float(torch.exp(-2 * nearest(unit, p).square()).mean()),
        stages=[(1.0 * n * n * d, 0)],
    )


@case("probcover")
def probcover(bench: Bench) -> None:
    n, d, k = bench.size(5000, 200), bench.size(128, 12), bench.size(100, 5)
    x = features(n, d)
    probes = torch.cdist(x[:: max(1, n // 500)].double(), x.double())
    delta = float(
        torch.quantile(probes.flatten()[:1_000_000], 0.02)
    )  # balls that hold a fiftieth of the rows

    def theirs() -> np.ndarray:
        from skactiveml.pool import ProbCover

        return ProbCover(n_classes=10, deltas=[delta], random_state=0).query(
            x.numpy(), unlabeled(n), batch_size=k
        )

    pool = Pool.of(x)
    bench.race(
        f"ProbCover, {n:,} x {d}, k={k:,}",
        [
            Run("ours", lambda: picks_of("probcover", pool, k, metric="euclidean", delta=delta)),
            Run("scikit-activeml", theirs, "skactiveml"),
        ],
        objective="share of rows covered",
        judge=lambda p: float((nearest(x, p) < delta).double().mean()),
        stages=[(2.0 * n * n * d, 0)],
    )
