"""CRAIG and facility location: the distances, the greedy on a given matrix, and all of it from gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch

import coreset_explore as cx
from cases.data import NONE, at_hand, gradients, pixels
from cases.peers import apricot, maximize, submodlib
from cases.race import Bench, Run, case
from coreset_explore import LastLayer, Pool, greedy

PEERS = ("apricot, as it comes", "apricot", "submodlib")


def numpy_distances(vectors: LastLayer) -> np.ndarray:
    """Distances (n, n) float32 of factored gradients, as one writes them in numpy."""
    r, h = vectors.r[0].numpy(), vectors.h[0].numpy()
    inner = (h @ h.T + 1) * (r @ r.T)
    norms = np.diag(inner)
    return np.sqrt(np.maximum(norms[:, None] + norms - 2 * inner, 0))


def similarity(apart: np.ndarray, dtype) -> np.ndarray:
    return (apart.max() - apart).astype(dtype)


def submodlib_facility(similar: np.ndarray):
    return submodlib("FacilityLocationFunction", n=len(similar), sijs=similar, separate_rep=False)


def weighted(apart: np.ndarray, picks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return picks, np.bincount(apart[picks].argmin(0), minlength=len(picks))


def greedy_alone(bench: Bench, matrix: torch.Tensor, k: int, size: str) -> dict:
    """The greedy on the same distances (n, n), which the peers hold as similarities already."""
    n, apart = len(matrix), matrix.numpy()
    wide = similarity(apart, np.float64)
    ready = lru_cache(lambda: submodlib_facility(similarity(apart, np.float32)))  # made while warming
    return bench.race(
        f"facility location, greedy alone, {size}",
        [
            Run("ours", lambda: greedy.cover(matrix, k, NONE)[0].numpy()),
            Run(
                "apricot",
                lambda: apricot("FacilityLocationSelection", k, wide, optimizer="lazy"),
                "apricot",
                note="what it compiles at every fit kept, as warmed",
            ),
            Run(
                "apricot, as it comes",
                lambda: apricot("FacilityLocationSelection", k, wide, optimizer="lazy", anew=True),
                "apricot",
                note="compiling at every fit",
            ),
            Run("submodlib", lambda: maximize(ready(), k), "submodlib"),
        ],
        objective="mean distance to the nearest pick",
        judge=lambda picks: float(apart[picks].min(0).astype(np.float64).mean()),
        stages=[(0, 4.0 * n * n + 4.0 * n * k)],
    )


def from_vectors(bench: Bench, pool: Pool, k: int, space: str, plain: Callable, cost: tuple, size: str):
    """End to end: vectors in, picks and weights out; the peers are fed by `plain`, distances made with numpy."""
    n, apart = len(pool), plain()

    def by_apricot(anew: bool):
        apart = plain()
        similar = similarity(apart, np.float64)
        return weighted(apart, apricot("FacilityLocationSelection", k, similar, optimizer="lazy", anew=anew))

    def by_submodlib():
        apart = plain()
        return weighted(apart, maximize(submodlib_facility(similarity(apart, np.float32)), k))

    def ours():
        chosen = cx.select("craig", pool, k, space=space, show=False)
        return chosen.indices.numpy(), chosen.weights.numpy()

    found = bench.race(
        f"CRAIG, {space} to picks and weights, {size}",
        [
            Run("ours", ours),
            Run(
                "apricot",
                lambda: by_apricot(False),
                "apricot",
                note="distances by numpy, in time; what it compiles kept",
            ),
            Run(
                "apricot, as it comes",
                lambda: by_apricot(True),
                "apricot",
                note="the same, compiling at every fit",
            ),
            Run("submodlib", by_submodlib, "submodlib", note="distances by numpy, in time"),
        ],
        objective="mean distance to the nearest pick",
        judge=lambda found: float(apart[found[0]].min(0).astype(np.float64).mean()),
        stages=[cost, (0, 4.0 * n * n + 4.0 * n * k)],
    )
    return found


def _ratio(found: dict, who: str) -> float | None:
    return found[who]["ratio"] if who in found else None


def distances_alone(bench: Bench, vectors: LastLayer, size: str) -> tuple[dict, tuple[float, float]]:
    n, width = len(vectors), vectors.h.shape[2] + vectors.r.shape[2]
    cost = (1.0 * n * n * width, 4.0 * n * n)  # half of the products, every distance written once
    some = torch.arange(0, n, max(1, n // 200))
    wide = LastLayer(vectors.r.double(), vectors.h.double())
    norms = wide.squared_norm()
    exact = (norms[some, None] + norms - 2 * wide.gram(some)).clamp_min(0).sqrt().numpy()
    runs = [
        Run("ours", lambda: greedy.distances(vectors).numpy()),
        Run("numpy", lambda: numpy_distances(vectors)),
    ]
    found = bench.race(
        f"distances of gradients, {size}",
        runs if n < 10_000 else runs[:1],  # numpy's temporaries would be 8 GB
        objective="largest error, of the largest distance",
        judge=lambda found: float(np.abs(found[some] - exact).max() / exact.max()),
        stages=[cost],
    )
    return found, cost


@case("craig-5000")
def craig(bench: Bench) -> None:
    n, k = bench.size(5000, 80), bench.size(500, 8)
    size, vectors = f"n={n:,}, k={k:,}", gradients(n, d=bench.size(512, 12))
    _, cost = distances_alone(bench, vectors, f"n={n:,}")
    alone = greedy_alone(bench, greedy.distances(vectors), k, size)
    whole = from_vectors(
        bench, Pool.of(grads=vectors), k, "grads", lambda: numpy_distances(vectors), cost, size
    )
    for peer in PEERS:
        bench.target(f"greedy alone, {size}, times {peer}", _ratio(alone, peer), least=30)
    for peer in PEERS:
        bench.target(f"end to end, {size}, times {peer}", _ratio(whole, peer), least=6)
    bench.target(f"end to end, {size}, seconds", whole["ours"]["median_s"], most=0.25)
    if at_hand("fashion-mnist"):
        x = pixels(bench.size(6000, 80), only=0)

        def plain() -> np.ndarray:
            products, norms = x.numpy() @ x.numpy().T, x.square().sum(1).numpy()
            return np.sqrt(np.maximum(norms[:, None] + norms - 2 * products, 0))

        cost = (1.0 * len(x) ** 2 * x.shape[1], 4.0 * len(x) ** 2)
        k = len(x) // 10
        size = f"n={len(x):,}, k={k:,} (one Fashion-MNIST class)"
        from_vectors(bench, Pool.of(x), k, "emb", plain, cost, size)


@case("craig-20000")
def craig_large(bench: Bench) -> None:
    n, k = bench.size(20_000, 90), bench.size(1000, 9)
    size, vectors = f"n={n:,}, k={k:,}", gradients(n, d=bench.size(512, 12))
    found, _ = distances_alone(bench, vectors, f"n={n:,}")
    bench.target(f"distances, n={n:,}, times their floor", found["ours"]["of_floor"], most=3)
    alone = greedy_alone(bench, greedy.distances(vectors), k, size)
    for peer, least in zip(PEERS, (10, 10, 30)):
        bench.target(f"greedy alone, {size}, times {peer}", _ratio(alone, peer), least=least)
