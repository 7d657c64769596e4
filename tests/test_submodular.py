"""Facility location, graph cut, log determinant, feature-based, saturated coverage, disparity: by the definition,
by brute force, and against apricot and submodlib."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from coreset_explore import METHODS, Cancelled, LastLayer, Pool, greedy, listening, reweigh, select
from coreset_explore.experiment.runs import picks
from coreset_explore.gradients import Dense
from coreset_explore.methods.facility_location import Apart, stochastic
from coreset_explore.methods.feature_based import Seen
from coreset_explore.methods.saturated_coverage import saturate
from coreset_explore.selecting.strategy import Strategy, presets
from tests.peers import apricot

NAMES = (
    "facility_location graph_cut log_determinant feature_based saturated_coverage disparity_min disparity_sum"
).split()
NONE = torch.zeros(0, dtype=torch.int64)


def features(n: int, d: int = 4, seed: int = 0) -> torch.Tensor:
    """Clustered, of whole numbers, none 0."""
    rng = torch.Generator().manual_seed(seed)
    centers = torch.randint(-6, 7, (3, d), generator=rng)
    x = centers[torch.arange(n) % 3] + torch.randint(-2, 3, (n, d), generator=rng)
    x[:, 0] = x[:, 0].abs() + 1
    return x.float()


def gradients(n: int, seed: int = 0) -> LastLayer:
    rng = torch.Generator().manual_seed(seed)
    return LastLayer(torch.randn(2, n, 3, generator=rng), torch.randn(2, n, 4, generator=rng))


def cosine(x: torch.Tensor) -> np.ndarray:
    """0.5 + 0.5 cos by the definition, in float64."""
    x = x.double().numpy()
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x / np.where(norm > 0, norm, 1)
    s = 0.5 + 0.5 * unit @ unit.T
    np.fill_diagonal(s, 1.0)
    return s


def objective(name: str, x: torch.Tensor, **params):
    """The set function by its definition: rows -> value."""
    s, apart = (
        cosine(x),
        torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist").numpy(),
    )
    lam, ridge, alpha = params.get("lam", 1.0), params.get("ridge", 0.0), params.get("alpha", 0.1)
    split = np.concatenate([np.maximum(x.double().numpy(), 0), np.maximum(-x.double().numpy(), 0)], 1)
    concave = np.sqrt if params.get("concave", "sqrt") == "sqrt" else np.log1p

    def value(rows) -> float:
        rows = list(rows)
        if not rows:
            return 0.0
        own = np.ix_(rows, rows)
        if name == "facility_location":
            return float(s[:, rows].max(1).sum())
        if name == "graph_cut":
            return float(lam * s[:, rows].sum() - s[own].sum())
        if name == "log_determinant":
            return float(np.linalg.slogdet(s[own] + ridge * np.eye(len(rows)))[1])
        if name == "feature_based":
            return float(concave(split[rows].sum(0)).sum())
        if name == "saturated_coverage":
            return float(np.minimum(s[:, rows].sum(1), alpha * s.sum(1)).sum())
        if name == "disparity_sum":
            return float(apart[own].sum() / 2)
        assert name == "disparity_min"
        return float(min((apart[i, j] for i, j in itertools.combinations(rows, 2)), default=0.0))

    return value


def naive(value, n: int, k: int, start: list[int]) -> list[int]:
    """Plain greedy from the definition; the first of equals."""
    chosen = list(start)
    while len(chosen) < k:
        found = np.array([value([*chosen, j]) if j not in chosen else -np.inf for j in range(n)])
        gain = found - value(chosen)
        chosen.append(int(np.flatnonzero(gain >= gain.max() - 1e-8 * max(1.0, abs(gain.max())))[0]))
    return chosen[len(start) :]


SETTINGS = [
    ("facility_location", {}),
    ("graph_cut", {}),
    ("graph_cut", {"lam": 0.3}),
    ("log_determinant", {"ridge": 0.5}),
    ("feature_based", {}),
    ("feature_based", {"concave": "log"}),
    ("saturated_coverage", {"alpha": 0.2}),
    ("disparity_sum", {}),
]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("given", [[], [3, 17]])
@pytest.mark.parametrize("name, params", SETTINGS)
def test_picks_of_naive_greedy_on_whole_numbers(name, params, given, seed):
    x = features(32, seed=seed)
    answer = select(name, Pool.of(x), 9, space="emb", given=given, show=False, **params)
    value = objective(name, x, **params)
    first = (
        []
        if name != "disparity_sum" or given
        else [int((x.double() - x.double().mean(0)).norm(dim=1).argmax())]
    )
    plain = first + naive(value, 32, 9 + len(given), given + first)
    # of equal gains the smallest id is picked, and rounding can hide that gains are equal: compare what is reached
    at, other = list(given), list(given)
    for ours, theirs in zip(answer.indices.tolist(), plain[: len(answer)], strict=True):
        at, other = [*at, ours], [*other, theirs]
        assert value(at) == pytest.approx(value(other), rel=1e-6, abs=1e-6)
    gained = value(at) - value(given)
    assert float(answer.gains.sum()) == pytest.approx(gained, rel=1e-5, abs=1e-5)
    if name not in ("feature_based", "log_determinant"):
        assert answer.indices.tolist() == plain[: len(answer)]


MONOTONE = [
    ("facility_location", {}),
    ("facility_location", {"optimizer": "stochastic", "epsilon": 1e-6}),  # a sample of everything
    ("log_determinant", {"ridge": 1.0}),
    ("feature_based", {}),
    ("saturated_coverage", {"alpha": 0.3}),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name, params", MONOTONE)
def test_at_least_63_percent_of_the_best(name, params, seed):
    x = torch.randn(12, 5, generator=torch.Generator().manual_seed(seed))
    value = objective(name, x, **params)
    best = max(value(rows) for rows in itertools.combinations(range(12), 4))
    got = select(name, Pool.of(x), 4, space="emb", show=False, **params).indices.tolist()
    assert value(got) >= (1 - 1 / math.e) * best


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["disparity_min", "disparity_sum"])
def test_at_least_half_of_the_best_distance(name, seed):
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(seed))
    value = objective(name, x)
    for k in (2, 4):
        best = max(value(rows) for rows in itertools.combinations(range(12), k))
        assert value(select(name, Pool.of(x), k, show=False).indices.tolist()) >= best / 2


@pytest.fixture(scope="module")
def two_hundred():
    x = torch.randn(200, 8, generator=torch.Generator().manual_seed(4))
    return x, cosine(x)


def test_objectives_equal_apricots(two_hundred):
    x, s = two_hundred
    shown, given = x.abs(), {"graph_cut": {"lam": 0.7}, "saturated_coverage": {"alpha": 0.08}}
    with apricot() as peer:
        peers = {
            "facility_location": peer.FacilityLocationSelection(20, metric="precomputed"),
            "graph_cut": peer.GraphCutSelection(20, metric="precomputed", alpha=0.7),
            "saturated_coverage": peer.SaturatedCoverageSelection(20, metric="precomputed", alpha=0.08),
        }
        rankings = {name: one.fit(s).ranking.tolist() for name, one in peers.items()}
        features = peer.FeatureBasedSelection(20, concave_func="sqrt").fit(shown.double().numpy())
    for name, theirs in rankings.items():
        params = given.get(name, {})
        ours = select(name, Pool.of(x), 20, space="emb", show=False, **params)
        value = objective(name, x, **params)
        assert value(ours.indices.tolist()) == pytest.approx(value(theirs), rel=1e-5), name
    ours = select("feature_based", Pool.of(shown), 20, negative="refuse", show=False)
    assert ours.indices.tolist() == features.ranking.tolist()
    assert float(ours.gains.sum()) == pytest.approx(features.gains.sum(), rel=1e-5)


def test_objectives_equal_submodlibs(two_hundred):
    submodlib = pytest.importorskip(
        "submodlib", reason="submodlib-py has few builds; compared where it is installed"
    )
    x, s = two_hundred
    s32, options = s.astype(np.float32), {"n": 200, "mode": "dense", "separate_rep": False}
    peers = {
        "facility_location": submodlib.FacilityLocationFunction(sijs=s32, **options),
        "graph_cut": submodlib.GraphCutFunction(ggsijs=s32, lambdaVal=1.0, **options),
    }
    for name, peer in peers.items():
        theirs = [row for row, _ in peer.maximize(20, optimizer="NaiveGreedy", show_progress=False)]
        value, ours = objective(name, x), select(name, Pool.of(x), 20, space="emb", show=False)
        assert value(ours.indices.tolist()) == pytest.approx(value(theirs), rel=1e-5)


# -- similarity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cosine", "rbf"])
def test_similarity_by_rows_and_as_a_matrix_is_that_of_dense_gradients(kind):
    grads = gradients(40)
    dense = grads.dense()
    near = greedy.Similarity(grads, kind, 3.0)
    wanted = (
        cosine(dense) if kind == "cosine" else np.exp(-(torch.cdist(*[dense.double()] * 2).numpy() ** 2) / 18)
    )
    np.testing.assert_allclose(near.rows(torch.arange(40)), wanted, atol=1e-6)
    np.testing.assert_allclose(near.matrix(), wanted, atol=1e-6)
    np.testing.assert_allclose(near.matrix(apart=True), 1 - wanted, atol=1e-6)
    np.testing.assert_allclose(near.sums(), wanted.sum(1), rtol=1e-6)
    picks = torch.tensor([5, 30, 2])
    owner = greedy.owner(near, picks)
    assert owner[picks].tolist() == [0, 1, 2]
    assert owner.tolist() == wanted[:, picks].argmax(1).tolist()


@pytest.mark.parametrize("wrapped", [Dense, lambda x: LastLayer(x[None], torch.zeros(1, len(x), 2))])
def test_a_row_of_zeros_has_cosine_0_with_others_and_tiny_rows_keep_their_direction(wrapped):
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3e-25, 4e-25], [-3.0, -4.0], [0.0, 0.0]])
    near = greedy.Similarity(wrapped(x))
    wanted = cosine(x)
    assert wanted[0].tolist() == [1.0, 0.5, 0.5, 0.5, 0.5]
    np.testing.assert_allclose(near.rows(torch.arange(5)), wanted, atol=1e-6)
    np.testing.assert_allclose(near.matrix(), wanted, atol=1e-6)
    np.testing.assert_allclose(near.sums(), wanted.sum(1), atol=1e-5)
    assert greedy.owner(near, torch.tensor([0, 1])).tolist() == [0, 1, 1, 0, 0]


def test_the_width_of_the_kernel_is_the_median_distance():
    x = features(60)
    apart = torch.cdist(x, x)[torch.ones(60, 60).triu(1) > 0]
    answer = select("graph_cut", Pool.of(x), 3, space="emb", similarity="rbf", show=False)
    assert answer.info["sigma"] == pytest.approx(float(apart.median()), rel=1e-5)
    same = select("graph_cut", Pool.of(torch.ones(6, 2)), 3, space="emb", similarity="rbf", show=False)
    assert same.info["sigma"] == 1.0 and same.indices.tolist() == [0, 1, 2]


# -- facility location -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"similarity": "rbf"}, {"similarity": "rbf", "sigma": 100.0}])
def test_facility_locations_gains_sum_to_its_objective(params):
    grads = gradients(80, seed=3)
    pool = Pool.of(grads=grads)
    answer = select("facility_location", pool, 12, steps="all", show=False, **params)
    near = greedy.Similarity(grads, answer.info["params"]["similarity"], answer.info.get("sigma"))
    whole = near.matrix()[:, answer.indices].double()
    assert float(answer.gains.sum()) == pytest.approx(float(whole.max(1).values.sum()), rel=1e-5)
    assert answer.weights.tolist() == whole.argmax(1).bincount(minlength=12).tolist()
    assert torch.equal(reweigh(pool, answer).weights, answer.weights)


def test_weights_are_right_where_a_row_of_zeros_is_picked():
    """By distance of unit vectors a row of zeros would win rows at cosine 0.3 to another pick."""
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.3, 0.954], [0.3, -0.954]])
    pool = Pool.of(x)
    answer = select("facility_location", pool, 4, space="emb", show=False)
    assert sorted(answer.weights.tolist()) == [1.0] * 4
    owner = greedy.owner(greedy.Similarity(Dense(x)), torch.tensor([0, 1]))
    assert owner.tolist() == [0, 1, 1, 1]


def test_stochastic_greedy_looks_at_so_many_rows_and_comes_close():
    x = torch.randn(300, 6, generator=torch.Generator().manual_seed(5))
    pool, value = Pool.of(x), objective("facility_location", x)
    exact = value(select("facility_location", pool, 20, space="emb", show=False).indices.tolist())
    drawn = select(
        "facility_location", pool, 20, space="emb", optimizer="stochastic", epsilon=0.05, show=False
    )
    assert len(drawn.indices.unique()) == 20 and drawn.info["nested"] is False
    assert exact >= value(drawn.indices.tolist()) >= (1 - 1 / math.e - 0.05) * exact
    loose = select(
        "facility_location", pool, 20, space="emb", optimizer="stochastic", epsilon=0.9, show=False
    )
    assert value(loose.indices.tolist()) < value(drawn.indices.tolist())
    everything = select("facility_location", pool, 300, space="emb", optimizer="stochastic", show=False)
    assert sorted(everything.indices.tolist()) == list(range(300))


def test_a_curve_asks_stochastic_greedy_anew_for_each_budget():
    pool, params = Pool.of(features(90)), {"space": "emb", "optimizer": "stochastic", "epsilon": 0.5}
    drawn = Strategy.of("facility_location", **params)
    for part, size in zip(picks(drawn, pool, [5, 20], 3)[1], [5, 20], strict=True):
        assert part.ids.tolist() == drawn.select(pool, size, seed=3).ids.tolist()
    exact = Strategy.of("facility_location", space="emb")
    assert drawn.draws and not exact.draws
    short, long = [part.ids.tolist() for part in picks(exact, pool, [5, 20], 3)[1]]
    assert long[:5] == short


@pytest.mark.parametrize("given", [[], [1, 2]])
def test_a_sample_of_everything_is_exact_greedy(given):
    rng = torch.Generator().manual_seed(6)
    apart = torch.randint(0, 9, (40, 40), generator=rng).float() / 8
    apart = torch.minimum(apart, apart.T).fill_diagonal_(0)
    held = torch.tensor(given, dtype=torch.int64)
    picks, gains = stochastic(Apart(apart, 1.0, held), 10, held, rng, 1e-6)
    want, saved, _ = greedy.cover(apart, 10, held)
    assert picks.tolist() == want.tolist()
    assert float(gains[1:].sum()) == pytest.approx(float(saved[1:].sum()))


def test_facility_location_is_refused_when_its_matrix_cannot_fit():
    with pytest.raises(
        MemoryError, match="facility_location would need about .* per_class, two_stage or merge_reduce"
    ):
        select("facility_location", Pool.of(torch.ones(1, 2).expand(700_000, 2)), 10, space="emb")
    for name in ("graph_cut", "log_determinant", "feature_based", "disparity_sum", "disparity_min"):
        assert METHODS[name].bytes(60_000, 512, 10, 600) < 2e9, "works without an n x n array"


# -- graph cut, log determinant ----------------------------------------------------------------------------------------


def test_graph_cut_with_much_weight_on_likeness_picks_the_most_central_rows():
    x = features(50)
    order = np.argsort(-cosine(x).sum(1), kind="stable")[:5]
    picks = select("graph_cut", Pool.of(x), 5, space="emb", lam=100.0, show=False).indices
    sums = cosine(x).sum(1)
    assert sums[picks].sum() == pytest.approx(sums[order].sum(), rel=2e-2)
    spread = select("graph_cut", Pool.of(x), 5, space="emb", lam=0.0, show=False).indices
    assert cosine(x)[np.ix_(spread, spread)].sum() < cosine(x)[np.ix_(picks, picks)].sum()


def clusters() -> torch.Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.eye(3, 8).repeat_interleave(10, 0) + 0.05 * torch.randn(30, 8, generator=rng)


def test_log_determinant_picks_one_row_a_cluster_and_the_wrong_sign_does_not():
    x = clusters()
    value, s = objective("log_determinant", x), cosine(x)
    right = select("log_determinant", Pool.of(x), 3, space="emb", show=False).indices.tolist()
    assert sorted(row // 10 for row in right) == [0, 1, 2]
    wrong: list[int] = [right[0]]
    while len(wrong) < 3:  # the gain s_jj + s_jS s_SS⁻¹ s_Sj, which a much used implementation maximizes
        inner = np.linalg.inv(s[np.ix_(wrong, wrong)])
        gain = 1 + np.einsum("js,st,jt->j", s[:, wrong], inner, s[:, wrong])
        gain[wrong] = -np.inf
        wrong.append(int(gain.argmax()))
    assert len({row // 10 for row in wrong}) == 1
    assert value(wrong) < value(right) - 3


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_log_determinants_gains_sum_to_it_and_it_stops_when_all_is_explained(ridge):
    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(7))
    answer = select("log_determinant", Pool.of(x), 20, space="emb", ridge=ridge, show=False)
    value = objective("log_determinant", x, ridge=ridge)
    assert float(answer.gains.sum()) == pytest.approx(value(answer.indices.tolist()), rel=1e-5)
    assert (answer.gains.diff() <= 1e-9).all()
    if ridge:
        assert len(answer) == 20
    else:  # 0.5 + 0.5 cos has one dimension more than the features
        assert len(answer) == 7 and "volume exhausted after 7 of 20 picks" in answer.info["stopped"]


def test_log_determinant_explained_by_given_rows_stops_at_once():
    x = torch.eye(4).repeat(2, 1)
    answer = select("log_determinant", Pool.of(x), 4, space="emb", given=[0, 1, 2, 3], show=False)
    assert len(answer) == 0 and "volume exhausted after 0 of 4" in answer.info["stopped"]


# -- feature-based, saturated coverage ---------------------------------------------------------------------------------


def test_feature_based_on_factored_gradients_equals_the_dense_ones_split_by_sign():
    grads = gradients(50, seed=8)
    dense = grads.last.dense()
    parts = torch.cat([dense.clamp_min(0), (-dense).clamp_min(0)], 1)
    one = select("feature_based", Pool.of(grads=grads), 10, space="grads", show=False)
    two = select("feature_based", Pool.of(parts), 10, negative="refuse", show=False)
    assert one.indices.tolist() == two.indices.tolist()
    assert torch.allclose(one.gains, two.gains, rtol=1e-6)


@pytest.mark.parametrize("concave", ["sqrt", "log"])
@pytest.mark.parametrize("kind", ["any", "equal rows", "whole numbers"])
def test_feature_based_compiled_picks_as_plain_greedy_does(monkeypatch, concave, kind):
    monkeypatch.setattr("coreset_explore.methods.feature_based.BLOCK", 20)  # two looks at a time
    x = torch.randn(150, 7, generator=torch.Generator().manual_seed(9))
    x = x.round() if kind == "whole numbers" else x
    x[75:] = x[:75] if kind == "equal rows" else x[75:]
    held = torch.zeros(150, dtype=torch.bool)
    held[[3, 80]] = True

    def picks(compiled: bool) -> tuple[torch.Tensor, torch.Tensor]:
        seen = Seen(Dense(x), concave, True, compiled)
        for row in held.nonzero()[:, 0].tolist():
            seen.take(row)
        return seen.lazily(seen.gains(torch.arange(150)), 60, ~held)

    (rows, gains), (plain, other) = picks(True), picks(False)
    assert (
        rows.tolist() == plain.tolist() or kind == "whole numbers"
    )  # where rounding decides between equal gains
    assert torch.allclose(gains.sum(), other.sum(), rtol=1e-9 if kind != "whole numbers" else 1e-3)


def test_feature_based_refuses_negative_features_where_asked():
    with pytest.raises(ValueError, match="wants features of 0 or more, got -2; use negative='split'"):
        select("feature_based", Pool.of([[1.0, 2.0], [0.0, -2.0]]), 1, negative="refuse", show=False)


@pytest.mark.parametrize("given", [[], [2, 9]])
@pytest.mark.parametrize("seed", range(3))
def test_saturated_coverage_equals_naive_on_whole_numbers(given, seed):
    rng = torch.Generator().manual_seed(seed)
    s = torch.randint(0, 9, (40, 40), generator=rng).float()
    s = s + s.T
    enough = 0.25 * s.sum(1)

    def value(rows):
        return float(torch.minimum(s[:, rows].sum(1), enough).sum())

    share, picks, gains = saturate(s, 30, torch.tensor(given, dtype=torch.int64), 0.25)
    plain = naive(value, 40, len(picks) + len(given), given)
    assert picks.tolist() == plain
    assert float(gains.sum()) == value(given + plain) - value(given)
    assert len(picks) < 30 and share == 1.0


def test_saturated_coverage_stops_when_every_row_has_enough():
    x = features(60)
    answer = select("saturated_coverage", Pool.of(x), 30, space="emb", alpha=0.1, show=False)
    assert len(answer) < 30 and "every row has enough after" in answer.info["stopped"]
    assert answer.info["saturated"] == 1.0
    value = objective("saturated_coverage", x, alpha=0.1)
    assert value(answer.indices.tolist()) == pytest.approx(0.1 * cosine(x).sum(), rel=1e-5)


def test_saturated_coverage_far_from_saturation_picks_the_most_central_rows():
    x = features(60)
    answer = select("saturated_coverage", Pool.of(x), 5, space="emb", alpha=1.0, show=False)
    assert cosine(x).sum(1)[answer.indices].sum() == pytest.approx(
        np.sort(cosine(x).sum(1))[-5:].sum(), rel=1e-6
    )
    assert len(answer) == 5 and answer.info["saturated"] == 0.0


# -- disparity ---------------------------------------------------------------------------------------------------------


def test_disparity_min_differs_from_k_center_in_the_first_pick():
    x = torch.tensor([[0.0], [4.0], [5.0], [6.0], [11.0]])
    assert select("kcenter", Pool.of(x), 1, show=False).indices.tolist() == [2]
    answer = select("disparity_min", Pool.of(x), 3, show=False)
    assert answer.indices.tolist() == [4, 0, 2]
    assert answer.gains.tolist() == [0.0, 11.0, 5.0]
    given = [0]
    held = select("disparity_min", Pool.of(x), 3, given=given, show=False)
    assert held.indices.tolist() == select("kcenter", Pool.of(x), 3, given=given, show=False).indices.tolist()


@pytest.mark.parametrize("name", ["disparity_min", "disparity_sum"])
def test_disparity_on_gradients_and_by_direction(name):
    grads = gradients(30, seed=9)
    dense = Pool.of(grads.last.dense())
    for metric in ("euclidean", "cosine"):
        one = select(name, Pool.of(grads=grads), 8, space="grads", metric=metric, show=False)
        two = select(name, dense, 8, metric=metric, show=False)
        assert one.indices.tolist() == two.indices.tolist()


# -- all ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_duplicates_are_picked_after_what_is_new_and_by_id(name):
    x = features(6, d=6, seed=3)
    ids = torch.arange(24).flip(0)
    answer = select(name, Pool.of(x.repeat(4, 1), ids=ids), 12, space="emb", show=False)
    assert len(answer.ids.unique()) == len(answer)
    first = {}
    for one in answer.ids.tolist():  # of rows that are equal the smallest id goes first
        same = (23 - one) % 6
        assert one == first.get(same, -6 + 5 - same) + 6
        first[same] = one


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("similarity", ["cosine", "rbf"])
def test_all_zero_gradients(name, similarity):
    pool = Pool.of(grads=LastLayer(torch.zeros(1, 9, 3), torch.ones(1, 9, 2)))
    more = {"similarity": similarity} if "similarity" in METHODS[name].params else {}
    answer = select(name, pool, 4, space="grads", show=False, **more)
    assert answer.indices.tolist() == list(range(len(answer)))
    assert len(answer) == 4 or answer.info["stopped"]
    assert torch.isfinite(answer.gains).all()


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_cannot_be_measured_are_refused(name):
    bad = torch.ones(5, 3)
    bad[2, 1] = math.nan
    with pytest.raises(ValueError, match="1 rows hold NaN, infinity"):
        METHODS[name](Pool({"ids": torch.arange(5), "emb": bad}), 2, rng=torch.Generator(), space="emb")


@pytest.mark.parametrize("name", NAMES)
def test_cancelled_in_the_middle(name):
    asked = iter(range(10**6))
    pool = Pool.of(features(400, d=30))
    with listening(should_stop=lambda: next(asked) > 25), pytest.raises(Cancelled):
        select(name, pool, 300, space="emb", show=False)


@pytest.mark.parametrize("method", NAMES)
def test_each_has_a_preset_that_runs(method):
    one = next(p for p in presets().values() if p.method == method)
    assert one.name == METHODS[method].title and one.help.endswith(".")
    pool = Pool.of(features(60), torch.arange(60) % 2, grads=gradients(60))
    answer = select(one.method, pool, 6, wrap=one.wrap, show=False, **one.params)
    assert 0 < len(answer) <= 6
