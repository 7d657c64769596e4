"""Methods that read only features, each against brute force on small inputs; duplicates, zeros, one row, every row."""

import itertools
import math

import numpy as np
import pytest
import torch

import coreset_explore as cx
from coreset_explore import neighbors
from coreset_explore.greedy import tiles
from coreset_explore.methods import maxherding, probcover, typiclust
from coreset_explore.methods.scores import zcore
from coreset_explore.methods.scores.fiftyone import representativeness, uniqueness
from tests.pools import make

SELECTORS = ("kmeans", "typiclust", "maxherding", "probcover", "kcenter_robust")
RANKINGS = ("uniqueness", "representativeness", "zcore", "class_distance")


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(n: int, d: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=rng(seed))


def blobs(sizes: list[int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Tight clusters around points far from each other and from 0."""
    y = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    centers = 30 * torch.eye(len(sizes))
    return centers[y] + draw(len(y), len(sizes), seed), y


def unit(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(x.double(), dim=1)


def dist(x: torch.Tensor) -> torch.Tensor:
    return (x.double()[:, None] - x.double()[None]).norm(dim=2)


@pytest.mark.parametrize("name", SELECTORS)
def test_zero_features_give_distinct_rows_or_a_reason(name):
    for n, k in ((1, 1), (6, 1), (6, 4), (6, 6)):
        chosen = cx.select(name, cx.Pool.of(torch.zeros(n, 3)), k)
        rows = chosen.indices.tolist()
        if name in ("kmeans", "typiclust"):  # k-means breaks equal rows into clusters by its seed
            rows = sorted(rows) if k == n else list(range(len(set(rows))))
        assert rows == list(range(len(chosen))), "ties go to the smaller id"
        assert len(chosen) == k or chosen.info["stopped"]


@pytest.mark.parametrize("name", SELECTORS)
def test_every_row_and_duplicates(name):
    x = draw(7, 3, 1).repeat(3, 1)
    chosen = cx.select(name, cx.Pool.of(x), 21, **({"delta": 0.05} if name == "probcover" else {}))
    if name == "probcover":
        assert len(chosen) <= 7 and "every row lies within" in chosen.info["stopped"]
    else:
        assert sorted(chosen.indices.tolist()) == list(range(21))
        assert float(chosen.weights.sum()) == pytest.approx(21)


@pytest.mark.parametrize("name", SELECTORS)
def test_values_too_large_are_refused_in_a_sentence(name):
    with pytest.raises(ValueError, match="3 rows hold NaN, infinity or values too large"):
        cx.select(name, cx.Pool.of(torch.full((3, 2), 1e30)), 1)


@pytest.mark.parametrize("name", [*SELECTORS, *RANKINGS])
def test_cancelled_in_the_middle(name):
    asked = iter(range(10**6))
    pool = cx.Pool.of(draw(3000, 8, 2), torch.arange(3000) % 3)
    with cx.listening(should_stop=lambda: next(asked) > 3), pytest.raises(cx.Cancelled):
        cx.select(name, pool, 1000)
    assert next(asked) < 30, "stopped soon after it was asked to"


# -- k-means ----------------------------------------------------------------------------------------------------------


def test_kmeans_gives_the_row_nearest_to_each_clusters_mean():
    x = draw(80, 3, 3)
    chosen = cx.select("kmeans", cx.Pool.of(x), 9, seed=5)
    centers, label = neighbors.kmeans(x, 9, rng(5))
    wanted = {}
    for row in range(80):
        at = float((x[row] - centers[label[row]]).norm())
        best = wanted.get(int(label[row]))
        if best is None or at < best[0]:
            wanted[int(label[row])] = (at, row)
    by_size = sorted(wanted, key=lambda c: (-int((label == c).sum()), c))
    assert [int(label[r]) for r in chosen.indices] == by_size
    assert set(chosen.indices.tolist()) == {row for _, row in wanted.values()}


def test_kmeans_takes_one_row_of_each_blob_and_weighs_it_by_size():
    x, y = blobs([40, 10, 25, 5])
    chosen = cx.select("kmeans", cx.Pool.of(x), 4)
    assert y[chosen.indices].tolist() == [0, 2, 1, 3], "the largest cluster first"
    assert chosen.weights.tolist() == [40, 25, 10, 5]


# -- TypiClust --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [(), (3, 17, 40)])
@pytest.mark.parametrize("clusters", [500, 6])
def test_typiclust_as_a_plain_loop(clusters, given):
    x = draw(70, 4, 4)
    chosen = cx.select("typiclust", cx.Pool.of(x), 20, seed=7, given=given, clusters=clusters, neighbors=5)
    many = min(20 + len(given), clusters)
    label = neighbors.kmeans(unit(x).float(), many, rng(7))[1].tolist()
    members = {c: [i for i in range(70) if label[i] == c] for c in range(many)}
    far = dist(unit(x)).tolist()

    def typicality(i):
        others = sorted(far[i][j] for j in members[label[i]] if j != i)[:5]
        return 1 / (sum(others) / len(others)) if others and sum(others) else math.inf

    held = {c: sum(label[i] == c for i in given) for c in range(many)}
    free = {c: [i for i in members[c] if i not in given] for c in range(many)}
    picks = []
    while len(picks) < 20:
        c = min(
            (c for c in range(many) if free[c]),
            key=lambda c: (len(members[c]) < 5, held[c], -len(members[c])),
        )
        best = max(free[c], key=typicality)
        free[c].remove(best)
        held[c] += 1
        picks.append(best)
    assert chosen.indices.tolist() == picks


def test_typiclust_starts_in_the_middle_of_the_largest_blob():
    x, y = blobs([30, 60, 8])
    chosen = cx.select("typiclust", cx.Pool.of(x), 3)
    assert y[chosen.indices].tolist() == [1, 0, 2]
    spread = typiclust.mean_distance(unit(x).float(), y, 20)
    assert int(chosen.indices[0]) == 30 + int(spread[30:90].argmin())


# -- MaxHerding -------------------------------------------------------------------------------------------------------


def kernel(x: torch.Tensor, sigma: float) -> torch.Tensor:
    return torch.exp(-(dist(x) ** 2) / (2 * sigma**2))


def value(k: torch.Tensor, rows) -> float:
    return float(k[:, list(rows)].max(1).values.mean()) if len(rows) else 0.0


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("given", [(), (2, 30)])
def test_maxherding_is_the_naive_greedy(metric, given, monkeypatch):
    monkeypatch.setattr(maxherding, "ROWS", 8)  # portions and tiles of a few rows, the last ones short
    monkeypatch.setattr(tiles, "ROWS", 7)
    monkeypatch.setattr(tiles, "COLUMNS", 13)
    x = draw(61, 4, 5)
    chosen = cx.select("maxherding", cx.Pool.of(x), 25, metric=metric, given=given)
    k = kernel(unit(x) if metric == "cosine" else x, chosen.info["sigma"])
    have = list(given)
    for pick, gain in zip(chosen.indices.tolist(), chosen.gains.tolist()):
        gains = {i: value(k, [*have, i]) - value(k, have) for i in range(61) if i not in have}
        assert gains[pick] == pytest.approx(max(gains.values()), abs=3e-6)
        assert gain == pytest.approx(gains[pick], abs=3e-6)
        have.append(pick)


@pytest.mark.parametrize("seed", range(3))
def test_maxherding_reaches_the_bound_of_greedy(seed):
    x = draw(11, 2, seed)
    chosen = cx.select("maxherding", cx.Pool.of(x), 3, sigma=0.5, metric="euclidean")
    k = kernel(x, 0.5)
    best = max(value(k, rows) for rows in itertools.combinations(range(11), 3))
    assert value(k, chosen.indices) >= (1 - 1 / math.e) * best
    assert float(chosen.gains.sum()) == pytest.approx(value(k, chosen.indices), abs=1e-5)


def test_maxherdings_default_width_is_where_a_ball_holds_one_percent():
    x = draw(900, 3, 6)
    sigma = cx.select("maxherding", cx.Pool.of(x), 2).info["sigma"]
    held = (dist(unit(x)) <= sigma * (1 + 1e-5)).sum(1).double().median()
    assert 9 <= float(held) <= 11  # itself and 9 more
    assert maxherding.width(torch.zeros(5, 2)) == 1.0
    many = torch.cat([torch.zeros(90, 2), torch.ones(10, 2)])
    assert maxherding.width(many) == pytest.approx(math.sqrt(2) / 10, rel=1e-3)


def test_maxherding_weights_count_the_nearest_rows():
    x = draw(120, 4, 7)
    chosen = cx.select("maxherding", cx.Pool.of(x), 10)
    owner = torch.cdist(unit(x), unit(x[chosen.indices])).argmin(1)
    assert torch.equal(chosen.weights, torch.bincount(owner, minlength=10).double())


# -- tiles of distances -----------------------------------------------------------------------------------------------


def test_compiled_tiles_equal_plain_tensor_operations():
    x = draw(90, 3, 4)
    x[40:45] = x[0]
    near = tiles.Tiles(x)(slice(0, 70))
    for own in (0, 30, 90):
        plain, fast = (tiles.count_above(near, -0.5, own, compiled=c) for c in (False, None))
        assert all(torch.equal(a.long(), b.long()) for a, b in zip(plain, fast, strict=True))
    level = torch.linspace(-13.8, -0.01, 70)
    for high in (level, level / 2, torch.zeros(70)):
        plain, fast = (tiles.lost(near, level, high, compiled=c) for c in (False, None))
        torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-6)
    assert tiles.lost(near, level, level).abs().max() < 1e-6


def test_every_pair_of_rows_stands_in_one_tile(monkeypatch):
    monkeypatch.setattr(tiles, "ROWS", 8)
    monkeypatch.setattr(tiles, "COLUMNS", 11)
    x, seen = draw(45, 3, 2), torch.zeros(45, 45)
    for rows, columns, own, tile in tiles.Tiles(x).pairs("pairs"):
        torch.testing.assert_close(tile.double(), -(dist(x)[rows, columns] ** 2) / 2, rtol=1e-4, atol=1e-5)
        seen[rows, columns] += 1
        seen[columns.start + own : columns.stop, rows] += 1
    assert (seen == 1).all()


# -- ProbCover --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [(), (0, 44)])
def test_probcover_as_a_plain_loop(given, monkeypatch):
    monkeypatch.setattr(tiles, "ROWS", 9)  # tiles of 9 rows, the last of 2: it has neighbors too
    monkeypatch.setattr(tiles, "COLUMNS", 30)
    x = draw(101, 3, 8)
    chosen = cx.select("probcover", cx.Pool.of(x), 60, delta=0.6, metric="euclidean", given=given)
    ball = [set((dist(x)[i] < 0.6).nonzero().flatten().tolist()) | {i} for i in range(101)]
    covered = set().union(*(ball[i] for i in given)) if given else set()
    for pick, gain in zip(chosen.indices.tolist(), chosen.gains.tolist()):
        best = max(range(101), key=lambda i: (len(ball[i] - covered) if i not in given else -1, -i))
        assert pick == best and gain == len(ball[best] - covered)
        covered |= ball[pick]
    assert chosen.info["uncovered"] == 101 - len(covered)


def test_probcover_stops_when_all_is_covered():
    x, y = blobs([20, 12, 7])
    chosen = cx.select("probcover", cx.Pool.of(x), 10, delta=0.5)
    assert y[chosen.indices].tolist() == [0, 1, 2] and chosen.gains.tolist() == [20, 12, 7]
    assert "3 of 10" in chosen.info["stopped"] and chosen.info["uncovered"] == 0


@pytest.mark.parametrize("purity", [0.95, 0.8, 1.0])
def test_probcovers_radius_is_the_largest_of_that_purity(purity):
    x, label = draw(150, 2, 9), neighbors.kmeans(draw(150, 2, 9), 4, rng())[1]
    delta = probcover.pure_radius(x, label, purity)

    def pure(radius):
        inside = dist(x) < radius
        return float((inside & (label[:, None] != label[None])).any(1).logical_not().double().mean())

    assert pure(delta * (1 - 1e-4)) >= purity > pure(delta * (1 + 1e-3)) - 1e-9
    if purity < 1:
        assert pure(delta * 1.05) < purity


def test_probcover_reads_its_radius_from_as_many_clusters_as_classes_are_named():
    x, y = blobs([30, 30, 30])
    named = cx.Pool.of(x, [("red", "green", "blue")[i] for i in y])
    assert cx.select("probcover", named, 3).info["delta"] > 1
    assert len(set(y[cx.select("probcover", named, 3).indices].tolist())) == 3


# -- robust k-center --------------------------------------------------------------------------------------------------


def robust_radius(x: torch.Tensor, rows, left_out: int) -> float:
    nearest = dist(x)[:, torch.as_tensor(rows)].min(1).values.sort().values
    return float(nearest[len(nearest) - left_out - 1])


@pytest.mark.parametrize("outliers", [0.0, 0.05, 0.3])
def test_robust_kcenter_as_a_plain_loop(outliers):
    x = draw(60, 3, 10)
    chosen = cx.select("kcenter_robust", cx.Pool.of(x), 60, outliers=outliers)
    far = dist(x)
    picks = [int((x.double() - x.double().mean(0)).norm(dim=1).argmin())]
    while len(picks) < 60:
        free = [i for i in range(60) if i not in picks]
        ranked = sorted(free, key=lambda i: -float(far[i, picks].min()))
        picks.append(ranked[min(int(outliers * 60), len(ranked) - 1)])
        assert chosen.gains[len(picks) - 1] == pytest.approx(
            float(far[picks[-1], picks[:-1]].min()), rel=1e-4
        )
    assert chosen.indices.tolist() == picks


def test_robust_kcenter_without_outliers_is_kcenter():
    pool = make()
    for space in ("emb", "grads"):
        robust = cx.select("kcenter_robust", pool, 30, outliers=0.0, space=space)
        plain = cx.select("kcenter", pool, 30, space=space)
        assert torch.equal(robust.indices, plain.indices)
        assert torch.equal(robust.weights, plain.weights)
        assert torch.allclose(robust.gains.float(), plain.gains.float(), rtol=1e-4)


def test_robust_kcenter_leaves_far_rows_out():
    x = torch.cat([draw(195, 2, 11), 50 + 40 * draw(5, 2, 12)])
    plain = cx.select("kcenter", cx.Pool.of(x), 6)
    robust = cx.select("kcenter_robust", cx.Pool.of(x), 6, outliers=5 / 200)
    assert (plain.indices >= 195).sum() >= 4 and (robust.indices < 195).all()
    assert robust_radius(x, robust.indices, 5) < 0.6 * robust_radius(x, plain.indices, 5)
    every = cx.select("kcenter_robust", cx.Pool.of(x), 200, outliers=5 / 200)
    assert set(every.indices[-5:].tolist()) == set(range(195, 200)), "picked when nothing else is left"


@pytest.mark.parametrize("seed", range(3))
def test_robust_kcenter_is_near_the_best_that_leaves_two_out(seed):
    x = torch.cat([draw(9, 2, seed), torch.tensor([[40.0, 0.0], [0.0, -60.0]])])
    chosen = cx.select("kcenter_robust", cx.Pool.of(x), 3, outliers=2 / 11)
    smallest = min(robust_radius(x, rows, 2) for rows in itertools.combinations(range(11), 3))
    assert robust_radius(x, chosen.indices, 2) <= 2 * smallest + 1e-6


# -- FiftyOne's rankings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_uniqueness_as_scikit_learn_finds_neighbors(metric):
    from sklearn.neighbors import NearestNeighbors

    x = draw(90, 5, 13)
    near = NearestNeighbors(n_neighbors=4, metric=metric).fit(x.numpy()).kneighbors(x.numpy())[0][:, 1:]
    wanted = (near * [0.6, 0.3, 0.1]).mean(1)
    score = uniqueness(cx.Pool.of(x), metric)
    assert score.numpy() == pytest.approx(wanted / wanted.max(), rel=1e-3, abs=1e-5)


def test_uniqueness_of_few_and_of_equal_rows():
    assert uniqueness(cx.Pool.of(draw(3))).tolist() == [1, 1, 1]
    assert uniqueness(cx.Pool.of(torch.ones(9, 2))).tolist() == [0] * 9
    x = torch.cat([torch.ones(8, 2), torch.tensor([[1.0, -1.0]])])
    assert uniqueness(cx.Pool.of(x)).tolist() == [0] * 8 + [1]


def test_representativeness_is_highest_at_a_center_and_nothing_at_the_rim():
    x, y = blobs([30, 20, 10])
    score = representativeness(cx.Pool.of(x), clusters=3)
    for c in range(3):
        rows = (y == c).nonzero().flatten()
        at = (x[rows] - x[rows].mean(0)).norm(dim=1)
        assert score[rows].numpy() == pytest.approx((1 - at / at.max()).numpy(), abs=1e-4)
    assert representativeness(cx.Pool.of(torch.zeros(4, 2))).tolist() == [1] * 4


# -- ZCore ------------------------------------------------------------------------------------------------------------


def test_zcore_in_a_plane_as_a_plain_loop():
    x, drawn = draw(40, 2, 14).double().numpy(), draw(25, 2, 15).double().numpy()
    wanted = np.zeros(40)
    for point in drawn:
        hit = np.abs(x - point).sum(1).argmin()
        wanted[hit] += 1
        away = np.abs(x - x[hit]).sum(1)
        nearest = [j for j in np.argsort(away, kind="stable") if j != hit][:6]
        share = away[nearest] ** -4.0
        wanted[nearest] -= share / share.sum()
    got = zcore.plane(x, drawn, neighbors=6, exponent=4)
    assert got == pytest.approx(wanted, abs=1e-9) and got.sum() == pytest.approx(0)


def test_zcore_rows_at_one_place_share_what_falls_to_it():
    x = np.array([[0.0, 0.0]] * 3 + [[5.0, 5.0], [9.0, 9.0]])
    got = zcore.plane(x, np.array([[0.1, 0.0], [5.0, 5.1]]), neighbors=3, exponent=4)
    far, near = 10.0**-4 * 3, 8.0**-4
    assert got[:3] == pytest.approx(-far / (far + near) / 3)
    assert got[3] == 1 and got[4] == pytest.approx(-near / (far + near))


def test_zcore_draws_triangular_points():
    from scipy.stats import triang

    chance = np.linspace(0.01, 0.99, 40)[:, None]
    low, peak, high = np.array([-1.0]), np.array([0.5]), np.array([2.0])
    got = zcore.triangular(chance, low, peak, high)[:, 0]
    assert got == pytest.approx(triang.ppf(chance[:, 0], 0.5, -1.0, 3.0))
    assert zcore.triangular(chance, low, low, low) == pytest.approx(-1.0)
    for edge in (low, high):
        assert np.isfinite(zcore.triangular(chance, low, edge, high)).all()


def test_zcore_by_seed_and_on_degenerate_features():
    pool = make()
    score = cx.SCORES["zcore"](pool)
    assert torch.equal(score, cx.SCORES["zcore"](pool)) and not torch.equal(
        score, cx.SCORES["zcore"](pool, start=1)
    )
    for x in (torch.zeros(5, 3), torch.zeros(1, 1), draw(20, 1)):
        assert torch.isfinite(cx.SCORES["zcore"](cx.Pool.of(x))).all()
    crowd = torch.cat([0.01 * draw(200, 2, 16), 3 * draw(20, 2, 17)])
    top = cx.select("zcore", cx.Pool.of(crowd), 20, draws=100).indices
    assert (top >= 200).sum() >= 12, "sparse regions cover more of the space"


@pytest.mark.parametrize("name", SELECTORS)
def test_features_put_into_a_pool_by_hand_may_be_of_float64(name):
    x = draw(60, 4, 17)
    one, two = (
        cx.select(name, cx.Pool({"ids": torch.arange(60), "emb": emb}), 9, show=False)
        for emb in (x, x.double())
    )
    assert one.indices.tolist() == two.indices.tolist()
    assert torch.allclose(one.weights, two.weights)


COSINE = [
    "kcenter",
    "kcenter_robust",
    "maxherding",
    "probcover",
    "typiclust",
    "disparity_min",
    "disparity_sum",
]


@pytest.mark.parametrize("name", COSINE)
@pytest.mark.parametrize("offset", [100.0, 3000.0, 1e5])
def test_directions_that_are_nearly_one_are_told_apart(name, offset):
    """Cosines of rows with a large mean: the picks are those of the unit vectors themselves, taken apart in float64."""
    x = (draw(200, 6, 18) * 16).round() / 16 + offset
    u = unit(x)
    u = u - u.mean(0)
    scale = float(u.norm(dim=1).max())
    more = {"space": "emb"} if "disparity" in name else {}
    near, far = ({"delta": 0.4 * scale}, {"delta": 0.4}) if name == "probcover" else ({}, {})
    one = cx.select(name, cx.Pool.of(x), 12, metric="cosine", show=False, **more, **near)
    two = cx.select(name, cx.Pool.of(u / scale), 12, metric="euclidean", show=False, **more, **far)
    assert one.indices.tolist() == two.indices.tolist()
    assert torch.allclose(one.weights, two.weights)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_rows_of_fewer_kinds_than_pseudo_classes_get_a_radius_that_tells_the_kinds_apart(offset):
    x = (draw(7, 4, 19) * 16).round().repeat(100, 1) / 16 + offset
    for metric in ("euclidean", "cosine"):
        chosen = cx.select("probcover", cx.Pool.of(x), 20, metric=metric, show=False)
        assert sorted((chosen.indices % 7).tolist()) == list(range(7)) and chosen.info["uncovered"] == 0
        assert chosen.gains.tolist() == [100.0] * 7
        assert "only 7 rows are distinct" in chosen.info["delta_collapsed"] and "stopped" in chosen.info
    assert "delta_collapsed" not in cx.select("probcover", cx.Pool.of(draw(200, 4, 20)), 5, show=False).info


def test_equal_rows_in_several_pseudo_classes_leave_the_radius_to_the_others():
    """As rounding may split them: the quantile is taken over rows that can have a pure ball at all."""
    x = torch.cat([torch.zeros(30, 2), draw(30, 2, 21) + 5, draw(30, 2, 22) - 5])
    label = torch.cat([torch.arange(30) % 2, torch.full((30,), 2), torch.full((30,), 3)])
    assert probcover.pure_radius(x, label, 0.9) == 0.0
    apart = dist(x)
    apart[label[:, None] == label[None]] = torch.inf
    nearest = apart.amin(1)
    wanted = nearest[nearest > 0.01].sort().values[6]
    assert probcover.pure_radius(x, label, 0.9, 0.01) == pytest.approx(float(wanted), rel=1e-4)


def test_a_width_that_collapses_says_so_and_one_far_row_does_not_make_it():
    many = torch.cat([torch.zeros(90, 3), draw(10, 3, 23)])
    info = cx.select("maxherding", cx.Pool.of(many), 5, metric="euclidean", show=False).info
    assert "most rows equal 1% of all or more" in info["sigma_collapsed"] and info["sigma"] > 0.1
    equal = cx.select("maxherding", cx.Pool.of(torch.ones(9, 3)), 3, show=False).info
    assert (equal["sigma"], equal["sigma_collapsed"]) == (1.0, "σ is 1, as all rows are equal")
    far = torch.cat([draw(300, 3, 24), torch.full((1, 3), 1e4)])
    info = cx.select("maxherding", cx.Pool.of(far), 5, metric="euclidean", show=False).info
    assert info["sigma"] < 1 and "sigma_collapsed" not in info


@pytest.mark.parametrize(
    "method", ["graph_cut", "facility_location", "log_determinant", "saturated_coverage"]
)
def test_a_kernels_width_that_collapses_says_so(method):
    how = {"space": "emb", "similarity": "rbf", "show": False}
    many = torch.cat([torch.zeros(90, 3), draw(10, 3, 23)])
    assert "the median is 0" in cx.select(method, cx.Pool.of(many), 3, **how).info["sigma_collapsed"]
    assert "sigma_collapsed" not in cx.select(method, cx.Pool.of(draw(90, 3, 23)), 3, **how).info
    assert "sigma_collapsed" not in cx.select(method, cx.Pool.of(many), 3, sigma=1.0, **how).info
