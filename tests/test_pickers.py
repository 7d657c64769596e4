"""Pickers against plain loops: budgets, messages and chances by hand; ties, given rows, every row, one row."""

import math

import numpy as np
import pytest
import torch

import coreset_explore as cx
from coreset_explore.methods.pickers.beta import beta, shape
from coreset_explore.methods.pickers.ccs import ccs, fill, strata_of
from coreset_explore.methods.pickers.d2 import d2
from coreset_explore.methods.pickers.ranked import middle, proportional
from coreset_explore.methods.scores.moderate import class_distance
from coreset_explore.registry import PICKERS
from tests.pools import make

POOL = make()
N = len(POOL)
ALL = ("top", "bottom", "middle", "proportional", "ccs", "d2", "beta")


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, dtype=torch.float64, generator=rng(seed))


def bare(n: int) -> cx.Pool:
    return cx.Pool.of(torch.zeros(n, 1))


@pytest.mark.parametrize("name", ALL)
def test_k_distinct_rows_that_are_not_given(name):
    scores = draw(N, 1) - 0.3
    for k, given in ((1, ()), (7, (3, 9, 50)), (N - 3, (3, 9, 50)), (N, ())):
        rows = PICKERS[name].fn(POOL, scores, k, rng=rng(), given=given).tolist()
        assert len(set(rows)) == len(rows) == k and not set(rows) & set(given)


@pytest.mark.parametrize("name", ALL)
def test_row_order_changes_nothing(name):
    scores, shuffled = draw(N, 2), torch.randperm(N, generator=rng(3))
    one = PICKERS[name].fn(POOL, scores, 12, rng=rng(1))
    other = PICKERS[name].fn(POOL[shuffled], scores[shuffled], 12, rng=rng(1))
    assert POOL.ids[one].tolist() == POOL[shuffled].ids[other].tolist()


@pytest.mark.parametrize("name", ALL)
def test_one_row_and_equal_scores(name):
    assert PICKERS[name].fn(POOL[:1], torch.zeros(1), 1, rng=rng()).tolist() == [0]
    for value in (0.0, 2.0, -1.0):
        rows = PICKERS[name].fn(POOL, torch.full((N,), value), N, rng=rng())
        assert sorted(rows.tolist()) == list(range(N))


@pytest.mark.parametrize("name", ALL)
def test_a_prefix_is_the_answer_for_fewer_where_promised(name):
    scores = draw(N, 4)
    whole, part = (PICKERS[name].fn(POOL, scores, k, rng=rng(2)) for k in (30, 11))
    if PICKERS[name].nested:
        assert torch.equal(whole[:11], part)
    else:
        assert name in ("ccs", "beta")


@pytest.mark.parametrize("name", ALL)
def test_through_select_and_per_class(name):
    for wrap in ([], [("per_class", {})]):
        chosen = cx.select("el2n", POOL, 9, pick=name, wrap=wrap)
        assert len(chosen) == 9 and chosen.info["pick"] == [name, {}]
        assert float(chosen.weights.sum()) == pytest.approx(N)


# -- middle -----------------------------------------------------------------------------------------------------------


def test_middle_is_nearest_to_the_median():
    scores = torch.tensor([0.0, 10.0, 4.0, 5.0, 7.0])
    assert middle(bare(5), scores, 5, rng=rng()).tolist() == [3, 2, 4, 0, 1]
    even = torch.tensor([1.0, 2.0, 4.0, 9.0])  # the median is 3: ties go to the smaller id
    assert middle(bare(4), even, 3, rng=rng()).tolist() == [1, 2, 0]


def test_moderate_takes_each_classs_median_distance():
    chosen = cx.select("class_distance", POOL, 6, pick="middle", wrap=[("per_class", {})])
    for label, rows in POOL.by_class().items():
        x = POOL.emb[rows].double()
        distance = (x - x.mean(0)).norm(dim=1)
        median = (distance.sort().values[[9, 10]]).mean()
        wanted = rows[torch.argsort((distance - median).abs())[:2]].tolist()
        picked = [r for r in chosen.indices.tolist() if int(POOL.y[r]) == label]
        assert set(picked) == set(wanted), "the two in the middle"
        assert POOL.ids[picked].tolist() == sorted(POOL.ids[picked].tolist()), (
            "equally far: the smaller id first"
        )


@pytest.mark.parametrize("center", ["mean", "median"])
def test_class_distance_as_a_plain_loop(center):
    score = class_distance(POOL, center)
    for row in range(0, N, 7):
        members = POOL.emb[POOL.y == POOL.y[row]].double().numpy()
        at = members.mean(0) if center == "mean" else np.median(members, axis=0)
        assert float(score[row]) == pytest.approx(math.dist(POOL.emb[row].tolist(), at), rel=1e-5)


def test_class_distance_wants_labels():
    with pytest.raises(cx.Missing, match="labels"):
        cx.select("class_distance", cx.Pool.of(torch.rand(5, 2)), 2)


# -- proportional -----------------------------------------------------------------------------------------------------


def test_proportional_draws_as_often_as_the_score_says():
    scores, pool = torch.tensor([1.0, 2.0, 3.0, 4.0, 0.0]), bare(5)
    first = torch.zeros(5)
    second = torch.zeros(5)
    for seed in range(3000):
        rows = proportional(pool, scores, 5, rng=rng(seed))
        assert rows[-1] == 4, "a row of score 0 comes last"
        first[rows[0]] += 1
        second[rows[1]] += 1
    expected = scores / 10
    # P(second = j) = sum over the first i of p_i p_j / (1 - p_i)
    after = torch.tensor(
        [sum(expected[i] * expected[j] / (1 - expected[i]) for i in range(4) if i != j) for j in range(5)]
    )
    for seen, wanted in ((first, expected), (second, after)):
        chi = ((seen[:4] - 3000 * wanted[:4]) ** 2 / (3000 * wanted[:4])).sum()
        assert chi < 16.3  # chi-square with 3 degrees of freedom at 0.001


def test_proportional_raises_negative_scores_to_zero():
    scores = torch.tensor([-3.0, -1.0, 2.0])
    for seed in range(20):
        rows = proportional(bare(3), scores, 3, rng=rng(seed))
        assert rows[-1] == 0
        assert torch.equal(rows, proportional(bare(3), scores + 3, 3, rng=rng(seed)))


# -- CCS --------------------------------------------------------------------------------------------------------------


def test_budgets_fill_from_the_smallest_stratum_up():
    assert fill([10, 2, 0, 5], 12) == [5, 2, 0, 5]
    assert fill([10, 2, 0, 5], 5) == [2, 1, 0, 2]
    assert fill([3, 3, 3], 8) == [2, 3, 3]
    assert fill([4], 4) == [4]
    for seed in range(50):
        sizes = torch.randint(0, 9, (7,), generator=rng(seed)).tolist()
        for k in range(sum(sizes) + 1):
            budgets = fill(sizes, k)
            assert sum(budgets) == k and all(b <= s for b, s in zip(budgets, sizes))


@pytest.mark.parametrize("beta", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("k", [5, 17, 33])
def test_ccs_budgets_as_a_plain_loop(beta, k):
    scores = (10 * draw(N, 5) ** 3).tolist()
    rows = ccs(POOL, torch.tensor(scores, dtype=torch.float64), k, rng=rng(), beta=beta, strata=6)
    kept = sorted(range(N), key=lambda i: scores[i])[: N - min(int(beta * N), N - k)]
    low, high = min(scores[i] for i in kept), max(scores[i] for i in kept)
    groups = [[] for _ in range(6)]
    for i in kept:
        groups[min(int((scores[i] - low) / (high - low) * 6), 5)].append(i)
    left, budgets = k, {}
    for place, g in enumerate(sorted(range(6), key=lambda g: len(groups[g]))):
        budgets[g] = min(len(groups[g]), left // (6 - place))
        left -= budgets[g]
    assert left == 0
    for g in range(6):
        assert len(set(rows.tolist()) & set(groups[g])) == budgets[g]


def test_ccs_prunes_the_hardest_and_fewer_where_rows_run_short():
    scores = torch.arange(20.0)
    assert max(ccs(bare(20), scores, 5, rng=rng(), beta=0.5).tolist()) < 10
    assert sorted(ccs(bare(20), scores, 15, rng=rng(), beta=0.5).tolist()) == list(range(15))
    same = ccs(bare(20), torch.ones(20), 15, rng=rng(), beta=0.25)
    assert sorted(same.tolist()) == list(range(15)), "of equal scores the larger ids are pruned"


def test_ccs_draws_evenly_within_a_stratum():
    seen = torch.zeros(10)
    for seed in range(2000):
        seen[ccs(bare(10), torch.arange(10.0) // 5, 4, rng=rng(seed), beta=0.0, strata=2)] += 1
    assert ((seen - 800) ** 2 / 800).sum() < 30


def test_strata_are_of_equal_width_and_the_highest_score_is_in_the_last():
    assert strata_of(torch.tensor([-4.0, -3.1, -3.0, -1.0, 0.0]), 4).tolist() == [0, 0, 1, 3, 3]
    assert strata_of(torch.zeros(3), 4).tolist() == [0, 0, 0]


# -- D2 ---------------------------------------------------------------------------------------------------------------


def d2_by_hand(x, scores, k, neighbors, forward, reverse, given=()):
    """The paper's messages on dictionaries, from all n² distances."""
    n = len(x)
    far = [[math.dist(x[i], x[j]) for j in range(n)] for i in range(n)]
    links = {
        i: sorted((j for j in range(n) if j != i), key=lambda j: far[i][j])[:neighbors] for i in range(n)
    }
    s = {i: scores[i] + sum(math.exp(-forward * far[i][j]) * scores[j] for j in links[i]) for i in range(n)}
    sent = dict(s)
    for i in given:
        for j in links[i]:
            s[j] -= math.exp(-reverse * far[i][j]) * sent[i]
    picks = []
    while len(picks) < k:
        i = max((i for i in range(n) if i not in picks and i not in given), key=lambda i: (s[i], -i))
        picks.append(i)
        for j in links[i]:
            s[j] -= math.exp(-reverse * far[i][j]) * max(s[i], 0.0)
    return picks


@pytest.mark.parametrize(("neighbors", "forward", "reverse"), [(1, 1.0, 0.1), (5, 1.0, 0.1), (5, 0.3, 2.0)])
@pytest.mark.parametrize("given", [(), (4, 11)])
def test_d2_as_a_plain_loop(neighbors, forward, reverse, given):
    x = torch.randn(30, 3, generator=rng(6))
    scores = draw(30, 7)
    rows = d2(
        cx.Pool.of(x),
        scores,
        28,
        rng=rng(),
        given=given,
        neighbors=neighbors,
        forward=forward,
        reverse=reverse,
    )
    wanted = d2_by_hand(x.double().tolist(), scores.tolist(), 28, neighbors, forward, reverse, given)
    assert rows.tolist() == wanted


def test_d2_discounts_duplicates_fully():
    x = torch.tensor([[0.0], [0.0], [5.0], [9.0]])
    scores = torch.tensor([3.0, 3.0, 1.0, 0.5])
    rows = d2(cx.Pool.of(x), scores, 4, rng=rng(), neighbors=1)
    assert rows.tolist() == [0, 2, 1, 3], "row 1 is left with nothing, row 3 with less"


def test_d2_in_units_of_the_mean_distance_does_not_depend_on_scale():
    scores = draw(N, 8)
    one = d2(POOL, scores, 20, rng=rng(), unit="mean")
    large = d2(cx.Pool.of(1000 * POOL.emb, ids=POOL.ids), scores, 20, rng=rng(), unit="mean")
    assert torch.equal(one, large)


def test_d2_wants_features():
    with pytest.raises(cx.Missing, match="emb"):
        cx.select("el2n", POOL.only("history"), 5, pick="d2")


# -- Beta sampling ----------------------------------------------------------------------------------------------------


def history_pool(p: list[float]) -> cx.Pool:
    p_true = torch.tensor(p, dtype=torch.float64)[:, None].expand(-1, 3)
    zeros = torch.zeros_like(p_true)
    return cx.Pool.of(history=cx.History(p_true > 0.5, p_true, zeros, zeros, zeros, zeros))


def test_beta_shape_is_the_papers():
    mean, scores = torch.linspace(0.05, 0.95, 40), draw(40, 9)
    anchor = sum(float(mean[i]) for i in sorted(range(40), key=lambda i: -float(scores[i]))[:10]) / 10
    a, b = shape(scores, mean, 0.9, 4.0, 15.0)
    assert b == pytest.approx(15 * (1 - anchor) * (1 - 0.9**4)) and a + b == pytest.approx(16)


def test_beta_chances_are_score_times_density():
    """First draws follow score · Beta(μ; a, b), with SciPy's density."""
    from scipy.stats import beta as law

    mean, scores = [0.2, 0.5, 0.7, 0.9, 0.97], torch.tensor([1.0, 0.8, 0.5, 0.9, 0.0])
    pool = history_pool(mean)
    a, b = shape(scores.double(), torch.tensor(mean, dtype=torch.float64), 1 - 1 / 5, 4.0, 15.0)
    chance = torch.tensor([float(s) * law.pdf(m, a, b) for s, m in zip(scores, mean)])
    chance /= chance.sum()
    seen = torch.zeros(5)
    for seed in range(3000):
        seen[beta(pool, scores, 1, rng=rng(seed))] += 1
    assert seen[4] == 0
    large = chance > 0.005
    assert ((seen - 3000 * chance)[large] ** 2 / (3000 * chance[large])).sum() < 18
    assert seen[~large].sum() <= 3000 * float(chance[~large].sum()) + 15


def test_beta_turns_to_easy_rows_as_the_budget_shrinks():
    p = torch.linspace(0.02, 1.0, 400)
    pool, scores = history_pool(p.tolist()), torch.ones(400)
    easy = [float(p[beta(pool, scores, k, rng=rng(1))].mean()) for k in (300, 100, 20)]
    assert easy[0] < easy[1] < easy[2]


def test_beta_wants_a_history():
    with pytest.raises(cx.Missing, match="epochs"):
        cx.select("entropy", POOL.only("logits"), 5, pick="beta")
