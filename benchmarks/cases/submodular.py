"""The other submodular functions, where a peer has the same one: features in, picks out.

Peers that want a matrix get it from numpy, in their time. A matrix that is ready goes to ours as well where ours has
a part that starts there.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch

import coreset_explore as cx
from cases.data import NONE, features
from cases.peers import apricot, maximize, submodlib
from cases.race import Bench, Run, case
from coreset_explore import Pool
from coreset_explore.methods.saturated_coverage import saturate


def half_cosine(x: torch.Tensor, dtype=np.float32) -> np.ndarray:
    """0.5 + 0.5 cos (n, n), as one writes it in numpy."""
    unit = x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True)
    return (0.5 + 0.5 * (unit @ unit.T)).astype(dtype)


def ridged(x: torch.Tensor) -> np.ndarray:
    return half_cosine(x) + 0.1 * np.eye(len(x), dtype=np.float32)


def euclidean(x: torch.Tensor) -> np.ndarray:
    products, norms = x.numpy() @ x.numpy().T, x.square().sum(1).numpy()
    apart = np.sqrt(np.maximum(norms[:, None] + norms - 2 * products, 0))
    np.fill_diagonal(apart, 0)
    return apart


def picks_of(name: str, pool: Pool, k: int, **options) -> np.ndarray:
    return cx.select(name, pool, k, show=False, **options).indices.numpy()


def rows(bench: Bench, n: int = 5000, k: int = 500) -> tuple[torch.Tensor, Pool, int, str]:
    n, k = bench.size(n, 80), bench.size(k, 8)
    x = features(n, bench.size(512, 12))
    return x, Pool.of(x), k, f"n={n:,}, k={k:,}"


@case("graph_cut")
def graph_cut(bench: Bench) -> None:
    x, pool, k, size = rows(bench)
    n, exact = len(x), half_cosine(x.double(), np.float64)
    bench.race(
        f"graph cut, {size}",
        [
            Run("ours", lambda: picks_of("graph_cut", pool, k, space="emb")),
            Run(
                "apricot",
                lambda: apricot("GraphCutSelection", k, half_cosine(x, np.float64), alpha=1.0),
                "apricot",
            ),
            Run(
                "submodlib",
                lambda: maximize(
                    submodlib(
                        "GraphCutFunction", n=n, ggsijs=half_cosine(x), lambdaVal=1.0, separate_rep=False
                    ),
                    k,
                ),
                "submodlib",
            ),
        ],
        objective="Σ s_ij to all, less Σ s_jj' among the picks",
        judge=lambda p: float(exact[p].sum() - exact[np.ix_(p, p)].sum()),
        stages=[(2.0 * n * k * x.shape[1], 4.0 * n * k * x.shape[1])],
    )


@case("log_determinant")
def log_determinant(bench: Bench) -> None:
    x, pool, k, size = rows(bench, k=200)
    n, exact = len(x), half_cosine(x.double(), np.float64)
    bench.race(
        f"log determinant, ridge 0.1, {size}",
        [
            Run("ours", lambda: picks_of("log_determinant", pool, k, space="emb", ridge=0.1)),
            Run(
                "submodlib",
                lambda: maximize(submodlib("LogDeterminantFunction", n=n, sijs=ridged(x), lambdaVal=0), k),
                "submodlib",
            ),
        ],
        objective="log det of the picks' similarities",
        judge=lambda p: float(np.linalg.slogdet(exact[np.ix_(p, p)] + 0.1 * np.eye(len(p)))[1]),
        stages=[(2.0 * n * k * x.shape[1], 4.0 * n * k * x.shape[1] + 4.0 * n * k * k)],
    )


@case("saturated_coverage")
def saturated_coverage(bench: Bench) -> None:
    x, pool, k, size = rows(bench)
    n = len(x)
    narrow = half_cosine(x)
    matrix, wide = torch.from_numpy(narrow), narrow.astype(np.float64)
    enough = 0.1 * wide.sum(1)

    def judge(picks: np.ndarray) -> float:
        return float(np.minimum(wide[picks].sum(0), enough).sum())

    def by_apricot(similar: np.ndarray) -> np.ndarray:
        return apricot("SaturatedCoverageSelection", k, similar, alpha=0.1)

    bench.race(
        f"saturated coverage, greedy alone, {size}",
        [
            Run("ours", lambda: saturate(matrix, k, NONE, 0.1)[1].numpy()),
            Run("apricot", lambda: by_apricot(wide), "apricot"),
        ],
        objective="Σ min(Σ_S s_ij, 0.1 Σ_j s_ij)",
        judge=judge,
        stages=[(0, 4.0 * n * n + 4.0 * n * k)],
    )
    bench.race(
        f"saturated coverage, from features, {size}",
        [
            Run("ours", lambda: picks_of("saturated_coverage", pool, k, space="emb", alpha=0.1)),
            Run("apricot", lambda: by_apricot(half_cosine(x, np.float64)), "apricot"),
        ],
        objective="Σ min(Σ_S s_ij, 0.1 Σ_j s_ij)",
        judge=judge,
        stages=[(1.0 * n * n * x.shape[1], 4.0 * n * n), (0, 4.0 * n * n + 4.0 * n * k)],
    )


@case("feature_based")
def feature_based(bench: Bench) -> None:
    x, _, k, size = rows(bench)
    low = x.min(0).values
    x = (x - low) / (x.max(0).values - low).clamp_min(1e-9)  # submodlib scales its features so by itself
    pool, wide, n = Pool.of(x), x.double().numpy(), len(x)

    def by_submodlib() -> np.ndarray:
        import submodlib as library
        from submodlib_cpp import FeatureBased

        options = {"numFeatures": x.shape[1], "sparse": False, "mode": FeatureBased.squareRoot}
        return maximize(library.FeatureBasedFunction(n=n, features=wide.tolist(), **options), k)

    bench.race(
        f"feature-based, √, {size}",
        [
            Run("ours", lambda: picks_of("feature_based", pool, k, negative="refuse")),
            Run("apricot", lambda: apricot("FeatureBasedSelection", k, wide, concave_func="sqrt"), "apricot"),
            Run("submodlib", by_submodlib, "submodlib"),
        ],
        objective="Σ √(Σ_S x_if)",
        judge=lambda p: float(np.sqrt(wide[p].sum(0)).sum()),
        stages=[(0, 4.0 * n * x.shape[1] + 4.0 * k * x.shape[1])],
    )


@case("disparity")
def disparity(bench: Bench) -> None:
    x, pool, k, size = rows(bench, k=200)
    n, exact = len(x), euclidean(x.double())

    def smallest(picks: np.ndarray) -> float:
        return float((exact[np.ix_(picks, picks)] + 1e9 * np.eye(len(picks))).min())

    def summed(picks: np.ndarray) -> float:
        return float(exact[np.ix_(picks, picks)].sum() / 2)

    for name, function, objective, judge in (
        ("disparity_min", "DisparityMinFunction", "smallest distance between picks", smallest),
        ("disparity_sum", "DisparitySumFunction", "summed distance between picks", summed),
    ):

        def peer(function: str = function) -> np.ndarray:
            # it takes similarities and calls 1 − s_ij the distance
            return maximize(submodlib(function, n=n, sijs=1 - euclidean(x)), k, "NaiveGreedy")

        bench.race(
            f"{name}, {size}",
            [
                Run("ours", lambda name=name: picks_of(name, pool, k)),
                Run("submodlib", peer, "submodlib", note="starts at the last row"),
            ],
            objective=objective,
            judge=judge,
            stages=[(2.0 * n * k * x.shape[1], 4.0 * n * x.shape[1])],
        )


def nearest_fifty(similar: np.ndarray) -> sp.csr_matrix:
    """Each row's 50 most alike, of both sides: what a graph of neighbors leaves of a similarity."""
    many = min(50, len(similar))
    places = np.argpartition(-similar, many - 1, axis=1)[:, :many]
    rows = np.repeat(np.arange(len(similar)), many)
    kept = sp.csr_matrix((similar[rows, places.ravel()], (rows, places.ravel())), shape=similar.shape)
    return kept.maximum(kept.T).tocsr()


@case("similarity_given")
def similarity_given(bench: Bench) -> None:
    """Facility location on a similarity that is there: all of it, and 50 neighbors a row."""
    x, _, k, size = rows(bench)
    n, dense = len(x), half_cosine(x.double(), np.float64)
    sparse = nearest_fifty(dense)
    for kind, similar in (("dense", dense), ("sparse", sparse)):
        wide = similar if kind == "dense" else similar.toarray()

        def ours(similar=similar) -> np.ndarray:
            return picks_of("facility_location", Pool.of(similarity=similar), k)

        bench.race(
            f"facility location on a similarity given, {kind}, {size}",
            [
                Run("ours", ours),
                Run(
                    "apricot",
                    lambda similar=similar: apricot("FacilityLocationSelection", k, similar),
                    "apricot",
                ),
            ],
            objective="Σ_i max_S s_ij",
            judge=lambda picks, wide=wide: float(wide[:, picks].max(1).sum()),
            stages=[(0, 8.0 * n * n if kind == "dense" else 12.0 * sparse.nnz)],
        )
