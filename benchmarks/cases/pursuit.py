"""Matching pursuit (GRAD-MATCH, GMC) beside scikit-learn and the loop that solves least squares anew at every pick."""

from __future__ import annotations

import numpy as np
import torch

import coreset_explore as cx
from cases.data import NONE, at_hand, gradients, linear_gradients
from cases.plain_pursuit import Fit, extrapolated, in_float64, plain_loop, plain_nonnegative
from cases.race import Bench, Run, case
from coreset_explore import LastLayer, Pool, greedy


def ours(vectors: LastLayer, target: torch.Tensor, k: int, **form) -> Fit:
    picks, _, weights, _ = greedy.pursue(vectors, target, k, NONE, **form)
    return picks.numpy(), weights.numpy()


def gram_path(vectors: LastLayer, target: torch.Tensor, k: int, dtype=np.float32) -> Fit:
    """scikit-learn's pursuit on the Gram matrix, which is made from the factors and counts."""
    from sklearn.linear_model import orthogonal_mp_gram

    r, h = (part[0].numpy().astype(dtype) for part in (vectors.r, vectors.h))
    gram = (h @ h.T + 1) * (r @ r.T)
    wanted = vectors.dot(target).numpy().astype(dtype)
    weights = orthogonal_mp_gram(gram, wanted, n_nonzero_coefs=k, copy_Gram=False, copy_Xy=False)
    picks = np.flatnonzero(weights)
    return picks, weights[picks].astype(np.float64)


def judged(vectors: LastLayer, target: torch.Tensor):
    """‖Σ w g − target‖ / ‖target‖ in float64."""

    def error(fit: Fit) -> float:
        rows, weights = (torch.from_numpy(np.asarray(part)) for part in fit)
        left = vectors[rows].sum(weights.double()) - target
        return float(left.norm() / target.norm())

    return error


def lower_bound(vectors: LastLayer, k: int) -> list[tuple[float, float]]:
    """A Gram column a pick and its product with the picks' columns so far."""
    n, width = len(vectors), vectors.r.shape[2] + vectors.h.shape[2]
    return [(2.0 * n * k * width, 4.0 * n * k * width + 2.0 * n * k * k)]


def same(picks: np.ndarray, exact: np.ndarray) -> int:
    """How many picks are the same before the first that is not."""
    differ = np.flatnonzero(picks[: len(exact)] != exact[: len(picks)])
    return int(differ[0]) if len(differ) else min(len(picks), len(exact))


def race(bench: Bench, vectors: LastLayer, k: int, size: str, more=()) -> dict:
    target = vectors.sum()
    return bench.race(
        f"matching pursuit, {size}",
        [
            Run("ours", lambda: ours(vectors, target, k, absolute=True)),
            Run(
                "scikit-learn",
                lambda: gram_path(vectors, target, k),
                "sklearn",
                note="float32 Gram matrix from the factors, in time",
            ),
            *more,
        ],
        objective="gradient error ‖Σ w g − Σ g‖ / ‖Σ g‖",
        judge=judged(vectors, target),
        stages=lower_bound(vectors, k),
    )


@case("pursuit-5000")
def pursuit(bench: Bench) -> None:
    n, k, few = bench.size(5000, 80), bench.size(500, 8), bench.size(120, 4)
    vectors = gradients(n, d=bench.size(512, 12))
    target = vectors.sum()
    error = judged(vectors, target)
    built, flat = vectors.dense().numpy(), target.float().flatten().numpy()
    more = [
        Run(
            "scikit-learn, float64",
            lambda: gram_path(vectors, target, k, np.float64),
            "sklearn",
            note="float64 Gram matrix from the factors, in time",
        ),
        Run(
            "least squares anew",
            lambda: plain_loop(built, flat, k)[0],
            note="numpy's lstsq on the picks' gradients, float32",
        ),
    ]
    size = f"n={n:,}, k={k:,}"
    found = race(bench, vectors, k, size, more)
    bench.target(f"pursuit, {size}, seconds", found["ours"]["median_s"], most=0.3)
    if "scikit-learn" in found:
        bench.target(f"pursuit, {size}, times scikit-learn", found["scikit-learn"]["ratio"], least=3)
    loop = found["least squares anew"]["ratio"]
    bench.target(f"pursuit, {size}, times least squares anew", loop, least=500)
    few_note = (
        f"a·k + b·k³ from the seconds at {few // 2} and {few} picks; its objective is that of {few} picks"
    )
    anew = bench.race(
        f"matching pursuit, non-negative with ridge, {size}",
        [
            Run("ours", lambda: ours(vectors, target, k, nonnegative=True, ridge=0.5)),
            Run(
                "least squares anew",
                lambda: plain_nonnegative(built, flat, few, 0.5),
                whole=lambda found, seconds: extrapolated(found[1], k),
                judge=lambda found: error(found[0]),
                note=f"scipy's nnls; {few_note}",
            ),
        ],
        objective="gradient error ‖Σ w g − Σ g‖ / ‖Σ g‖",
        judge=error,
        stages=lower_bound(vectors, k),
    )
    loop = anew["least squares anew"]["ratio"]
    bench.target(f"pursuit, non-negative, {size}, times least squares anew (extrapolated)", loop, least=500)
    agree = same(ours(vectors, target, k, absolute=True)[0], in_float64(vectors, target, k))
    bench.target(f"pursuit, {size}: first picks that are a float64 run's", agree, least=k)
    if at_hand("fashion-mnist") and not bench.tiny:
        real = linear_gradients()
        k = len(real) // 20
        race(bench, real, k, f"n={len(real):,}, k={k:,} (one Fashion-MNIST class, linear classifier)")


FORMS = {
    "signed": {},
    "normalized": {"absolute": True, "normalized": True},
    "ridge": {"absolute": True, "ridge": 0.5},
    "non-negative": {"nonnegative": True},
    "non-negative, ridge": {"nonnegative": True, "ridge": 0.5},
}


@case("pursuit-forms")
def forms(bench: Bench) -> None:
    n, k = bench.size(5000, 80), bench.size(500, 8)
    vectors = gradients(n, d=bench.size(512, 12))
    target, pool = vectors.sum(), Pool.of(grads=vectors)

    def chosen() -> Fit:
        found = cx.select("gradmatch", pool, k, show=False)
        return found.indices.numpy(), found.weights.numpy()

    size = f"n={n:,}, k={k:,}"
    found = bench.race(
        f"matching pursuit, its forms, {size}",
        [
            Run("free (ours)", lambda: ours(vectors, target, k, absolute=True)),
            *(
                Run(f"{name} (ours)", lambda form=form: ours(vectors, target, k, **form))
                for name, form in FORMS.items()
            ),
            Run(
                "GRAD-MATCH as it stands (ours)",
                chosen,
                note="select(): non-negative, ridge, weights restated",
            ),
        ],
        objective="gradient error ‖Σ w g − Σ g‖ / ‖Σ g‖",
        judge=judged(vectors, target),
        stages=lower_bound(vectors, k),
    )
    for name in FORMS:
        bench.target(
            f"pursuit, {name}, {size}, times the free form", found[f"{name} (ours)"]["ratio"], most=3
        )


@case("pursuit-20000")
def pursuit_large(bench: Bench) -> None:
    n, k = bench.size(20_000, 90), bench.size(1000, 9)
    vectors = gradients(n, d=bench.size(512, 12))
    size, target = f"n={n:,}, k={k:,}", vectors.sum()
    found = race(bench, vectors, k, size)
    bench.target(f"pursuit, {size}, peak MB", found["ours"]["peak_mb"], most=600)
    if "scikit-learn" in found:
        theirs = found["scikit-learn"]
        bench.target(f"pursuit, {size}, times scikit-learn", theirs["ratio"], least=4)
        worse = found["ours"]["objective"] / theirs["objective"] - 1
        bench.target(f"pursuit, {size}, objective above scikit-learn's (relative)", worse, most=1e-4)
    mine, exact = ours(vectors, target, k, absolute=True), in_float64(vectors, target, k)
    bench.target(f"pursuit, {size}: first picks that are a float64 run's", same(mine[0], exact), least=k)
