"""Maps: PCA against the singular value decomposition, seeded layouts, placing, the cache, cancelling, small data."""

import importlib
import time
import warnings

import numpy as np
import pytest
import torch

from coreset_explore.pool import Missing, Pool
from coreset_explore.progress import Cancelled, listening
from coreset_explore.projection import layouts, place, project, sample
from coreset_explore.projection import run as projection


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path))


def clusters(n=300, d=12, groups=4, seed=0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % groups
    return torch.randn(groups, d, generator=rng)[y] * 6 + torch.randn(n, d, generator=rng), y


def agreement(x: torch.Tensor, xy: torch.Tensor, y: torch.Tensor) -> float:
    """Share of rows whose nearest other row on the map has the same label."""
    apart = torch.cdist(xy, xy).fill_diagonal_(torch.inf)
    return float((y[apart.argmin(1)] == y).double().mean())


@pytest.mark.parametrize(("n", "d"), [(60, 12), (30, 1200), (1100, 1100)])
def test_pca_is_the_singular_value_decomposition(n, d):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(1)) + 40
    x[:, :3] *= torch.tensor([90.0, 60.0, 40.0])  # axes well apart
    left, values, _ = torch.linalg.svd((x - x.mean(0)).double(), full_matrices=False)
    found = layouts.pca(x, 3).double()
    expected = left[:, :3] * values[:3]
    expected = expected * torch.sign((expected * found).sum(0))
    assert torch.allclose(found, expected, atol=2e-3 * float(expected.abs().max()))


def test_pca_has_a_fixed_sign_and_zeros_beyond_the_rank():
    x, _ = clusters()
    xy = project(x).xy
    centered = (x - x.mean(0)).double()
    axes = torch.linalg.lstsq(xy.double(), centered).solution  # (2, d)
    assert (axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all()
    assert torch.allclose(project(x.flip(0)).xy.flip(0), xy, atol=1e-3)
    line = project(torch.arange(5.0)[:, None]).xy
    assert line.shape == (5, 2) and (line[:, 1] == 0).all()
    assert line[:, 0].tolist() == pytest.approx([-2, -1, 0, 1, 2])


@pytest.mark.parametrize("how", ["pca", "umap", "tsne"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_points_are_shown_by_pca(how, n):
    found = project(torch.randn(n, 3, generator=torch.Generator().manual_seed(0)), how)
    assert found.how == "pca" and found.xy.shape == (n, 2) and torch.isfinite(found.xy).all()
    assert how == "pca" or "too few for" in found.note


def test_constant_features_fall_on_one_place():
    found = project(torch.full((50, 4), 7.0), "umap")
    assert found.xy.abs().max() == 0 and "all 50 points are the same" in found.note


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(bad):
    x = torch.ones(30, 3)
    x[7, 1] = bad
    with pytest.raises(ValueError, match="row.* 7"):
        project(x, "umap")
    with pytest.raises(ValueError, match="rows 7 hold NaN or infinity"):
        project(Pool({"ids": torch.arange(30), "emb": x}))
    with pytest.raises(ValueError, match="rows 7 hold NaN or infinity"):
        place(torch.ones(2, 3), x, torch.zeros(30, 2))


def test_mistakes_are_answered():
    with pytest.raises(ValueError, match="'pca', 'umap', 'tsne', not 'isomap'"):
        project(torch.ones(3, 2), "isomap")
    with pytest.raises(Missing, match="emb"):
        project(Pool.of(y=[0, 1]))
    with pytest.raises(ValueError, match="one place for each of the 4 old rows, got 3"):
        place(torch.ones(1, 2), torch.ones(4, 2), torch.zeros(3, 2))


def test_sample_keeps_every_class_in_proportion():
    y = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    rows = sample(1000, 100, 3, y)
    assert len(torch.unique(rows)) == 100 and torch.equal(rows, rows.sort().values)
    assert (torch.bincount(y[rows]) - torch.tensor([90, 9, 1])).abs().max() <= 1
    assert torch.equal(rows, sample(1000, 100, 3, y)) and not torch.equal(rows, sample(1000, 100, 4, y))
    assert torch.equal(sample(50, 100), torch.arange(50))


def test_place_takes_the_weighted_mean_of_five_neighbors():
    old = torch.arange(6.0)[:, None] * 10
    xy = torch.stack([torch.arange(6.0), torch.zeros(6)], 1)
    near = place(torch.tensor([[20.0], [21.0]]), old, xy)
    assert near[0].tolist() == [2.0, 0.0]  # a twin falls on its twin
    weights = 1 / torch.tensor([1.0, 9.0, 11.0, 19.0, 21.0])
    expected = (weights * torch.tensor([2.0, 3.0, 1.0, 4.0, 0.0])).sum() / weights.sum()
    assert near[1].tolist() == pytest.approx([float(expected), 0.0], rel=1e-5)
    assert place(torch.tensor([[3.0]]), old[:1], xy[:1]).tolist() == [[0.0, 0.0]]
    assert place(torch.empty(0, 1), old, xy).shape == (0, 2)


@pytest.mark.slow
def test_umap_is_seeded_cached_placed_and_cancelled(monkeypatch):
    """One test for all of it, since UMAP takes seconds to be imported, and more where it is compiled."""
    x, y = clusters()
    pool = Pool.of(x, y)
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    torch_state = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = project(pool, "umap", seed=3)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert torch.get_num_threads() == threads, "numba has as many as there are cores"
    assert first.how == "umap" and first.xy.shape == (300, 2) and first.xy.dtype == torch.float32
    assert agreement(x, first.xy, y) > 0.95 and "12" not in first.note and not first.cached

    compiled = importlib.import_module("umap.umap_").smooth_knn_dist
    assert compiled.stats.cache_path and sum(
        map(len, (compiled.stats.cache_hits, compiled.stats.cache_misses))
    ), "its machine code is kept for the next process"
    kept = project(pool, "umap", seed=3)
    assert kept.cached and torch.equal(kept.xy, first.xy) and kept.note == first.note
    assert torch.equal(project(pool, "umap", seed=3, cache=False).xy, first.xy)
    assert not torch.equal(project(pool, "umap", seed=4, cache=False).xy, first.xy)
    moved = x.clone()
    moved[0, 0] += 1e-3
    assert not project(moved, "umap", seed=3).cached

    part = project(pool, "umap", limit=200, cache=False)
    assert "laid out for 200 of 300 points" in part.note and agreement(x, part.xy, y) > 0.95
    placed = torch.ones(300, dtype=torch.bool)
    placed[sample(300, 200, 0, y)] = False
    assert (part.xy[placed] <= part.xy[~placed].max(0).values).all()

    import umap.layouts

    bar = umap.layouts.tqdm
    seen = []
    start = time.monotonic()

    def report(fraction: float, text: str) -> None:
        seen.append(text)

    with listening(report, lambda: any("epoch 50" in t for t in seen), interval=0), pytest.raises(Cancelled):
        project(pool, "umap", cache=False)
    assert time.monotonic() - start < 5 and "UMAP epoch" in seen[-1] and umap.layouts.tqdm is bar


def test_tsne_is_seeded_and_reports():
    x, y = clusters(150)
    seen = []
    with listening(lambda fraction, text: seen.append((fraction, text)), interval=0):
        first = project(x, "tsne", seed=1)
    assert agreement(x, first.xy, y) > 0.95 and first.xy.dtype == torch.float32
    iterations = [text for _, text in seen if text.startswith("t-SNE iteration")]
    assert len(iterations) > 50 and iterations[-1].endswith("of 750")
    assert project(x, "tsne", seed=1).cached
    assert torch.equal(project(x, "tsne", seed=1, cache=False).xy, first.xy)


def test_tsne_is_cancelled_within_half_a_second():
    x, _ = clusters(3000)
    began = {}

    def report(fraction: float, text: str) -> None:
        if "iteration" in text:
            began.setdefault("at", time.monotonic())

    def stop() -> bool:
        return "at" in began and time.monotonic() - began["at"] > 0.2

    with listening(report, stop, interval=0), pytest.raises(Cancelled):
        project(x, "tsne")
    assert time.monotonic() - began["at"] < 0.2 + 0.5


def test_twins_do_not_stop_a_layout():
    x = torch.cat([torch.zeros(60, 3), torch.randn(60, 3, generator=torch.Generator().manual_seed(0))])
    assert torch.isfinite(project(x, "tsne").xy).all()


def test_missing_packages_are_named(monkeypatch):
    def without(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", without)
    with pytest.raises(ImportError, match=r"UMAP needs umap: pip install 'coreset-explore\[panel\]'"):
        layouts._import("umap", "UMAP")
    assert projection.NAMES["tsne"] == "t-SNE"
