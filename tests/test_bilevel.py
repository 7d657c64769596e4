"""Bilevel coresets: the inner problem, its implicit gradient, the policy gradient; each method against all subsets."""

from __future__ import annotations

from functools import cache
from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.kernel_ridge import KernelRidge

from coreset_explore import Dense, Pool, observe, online, reweigh, select
from coreset_explore.greedy.ridge import MOST, Ridge, regressions
from coreset_explore.methods.bcsr import largest
from coreset_explore.methods.pbcs import policy_gradient
from tests.pools import make

POOL = make(60)
METHODS = ("greedy_coreset", "pbcs", "bcsr")


def model_of(pool: Pool, ridge: float = 0.05, **kernel) -> Ridge:
    return regressions(Dense(pool.emb), pool.y, ridge, **kernel)[0]


def loss(model: Ridge, rows, weights=None) -> float:
    rows = np.asarray(rows)
    weights = np.full(len(rows), len(model) / len(rows)) if weights is None else np.asarray(weights)
    return model.loss(model.fit(rows, weights))


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("m", [3, 30])
def test_the_inner_model_is_scikit_learns_kernel_ridge(kernel, m):
    """Of weighted rows, by as many unknowns as rows or as features; and the loss is that of its predictions."""
    model = model_of(POOL, kernel=kernel, sigma=2.0)
    x = POOL.emb.double().numpy()
    if kernel == "linear":
        x = x - x.mean(0)
        gram = x @ x.T / np.square(x).sum(1).mean() + 1
    else:
        gram = np.exp(-np.square(x[:, None] - x[None]).sum(2) / 8) + 1
    rows, weights = np.arange(0, 2 * m, 2), np.random.default_rng(m).random(m) + 0.1
    hot = np.eye(3)[POOL.y.numpy()]
    peer = KernelRidge(alpha=0.05 * 60, kernel="precomputed")
    peer.fit(gram[np.ix_(rows, rows)], hot[rows], sample_weight=weights)
    guess = peer.predict(gram[:, rows])
    np.testing.assert_allclose(model.z @ model.fit(rows, weights).theta, guess, atol=1e-8)
    assert loss(model, rows, weights) == pytest.approx(np.square(guess - hot).sum(1).mean())


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("m", [3, 30])
def test_the_implicit_gradient_is_that_of_finite_differences(kernel, m):
    """Also of rows that weigh nothing; an empty coreset has one too."""
    model, rows = model_of(POOL, kernel=kernel), np.arange(m)
    weights, every = np.zeros(60), np.arange(60)
    weights[:m] = np.random.default_rng(0).random(m) + 0.5
    for start, found in (
        (weights, model.slope(model.fit(rows, weights[:m]))),
        (np.zeros(60), model.slope(model.fit(rows[:0], weights[:0]))),
    ):
        for i in (0, 2, 40, 59):
            step = np.zeros(60)
            step[i] = 1e-5
            up = loss(model, every, start + step)
            if start[i] > 0:  # on both sides where there is another side
                wanted = (up - loss(model, every, start - step)) / 2e-5
            else:
                wanted = (
                    4 * up - loss(model, every, start + 2 * step) - 3 * loss(model, every, start)
                ) / 2e-5
            assert found[i] == pytest.approx(wanted, rel=1e-4, abs=1e-9)


def test_several_draws_are_fitted_to_as_each_alone():
    model, rng = model_of(POOL), np.random.default_rng(1)
    masks = rng.random((7, 60)) < np.array([0.02, 0.05, 0.1, 0.3, 0.5, 1.0, 0.0])[:, None]
    wanted = [loss(model, np.flatnonzero(mask)) if mask.any() else model.power for mask in masks]
    np.testing.assert_allclose(model.drawn(masks), wanted)


def test_fitted_weights_add_up_to_all_rows_and_are_as_good_as_another_solvers():
    model, rows = model_of(POOL), np.array([1, 4, 9, 20, 33, 47])
    weights, fit = model.weigh(rows, rounds=300)
    assert weights.sum() == pytest.approx(60) and weights.min() >= 0
    assert model.loss(fit) == pytest.approx(loss(model, rows, weights))
    other = minimize(
        lambda w: loss(model, rows, np.maximum(w, 0)),
        np.full(6, 10.0),
        bounds=[(0, None)] * 6,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 60},
        options={"ftol": 1e-12, "maxiter": 300},
    )
    assert model.loss(fit) <= other.fun + 1e-6 < loss(model, rows)
    assert model.weigh(rows, rounds=0)[0].tolist() == [10.0] * 6


def naive(model: Ridge, k: int, rounds: int) -> list[int]:
    """Algorithm 1: weights fitted to the picks, then the row whose first bit of weight lowers the loss most."""
    picks: list[int] = []
    for _ in range(k):
        held = np.zeros(len(model))
        held[picks] = model.weigh(np.array(picks, dtype=int), rounds)[0]
        gain = {}
        for i in set(range(len(model))) - set(picks):
            more = held.copy()
            more[i] = 1e-6
            gain[i] = loss(model, np.arange(len(model)), held) - loss(model, np.arange(len(model)), more)
        picks.append(max(gain, key=gain.__getitem__))
    return picks


@pytest.mark.parametrize("rounds", [0, 5])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_greedy_coreset_takes_what_lowers_the_loss_most(kernel, rounds):
    pool = POOL[POOL.ids.argsort()][:25]
    answer = select("greedy_coreset", pool, 6, ridge=0.05, rounds=rounds, kernel=kernel, show=False)
    model = model_of(pool, kernel=kernel)
    assert answer.indices.tolist() == naive(model, 6, rounds)
    left = model.power - float(answer.gains.sum())
    assert left == pytest.approx(loss(model, answer.indices, answer.weights))
    assert float(answer.weights.sum()) == pytest.approx(25)
    if rounds == 0:
        assert answer.weights.tolist() == [25 / 6] * 6


def test_greedy_coreset_goes_on_from_rows_given_and_weighs_its_picks_alone():
    whole = select("greedy_coreset", POOL, 6, show=False)
    rest = select("greedy_coreset", POOL, 4, given=whole.indices[:2].tolist(), show=False)
    assert rest.indices.tolist() == whole.indices[2:].tolist()
    assert torch.allclose(rest.weights, reweigh(POOL, rest).weights, rtol=1e-6)


@cache
def tiny() -> list[tuple[Pool, Ridge, np.ndarray]]:
    """Pools of 12 rows, with the losses of all 495 subsets of 4."""
    pools = [make(12, seed=seed, target=False) for seed in range(5)]
    subsets = np.array([np.isin(np.arange(12), rows) for rows in combinations(range(12), 4)])
    return [(pool, model := model_of(pool), model.drawn(subsets)) for pool in pools]


@pytest.mark.parametrize("name, most", [("greedy_coreset", 0.3), ("pbcs", 0.12), ("bcsr", 0.08)])
def test_of_all_subsets_few_are_better(name, most):
    """The share of them on which a model errs less than on the picks."""
    more = {} if name == "bcsr" else {"ridge": 0.05}
    more |= {"rounds": 0} if name == "greedy_coreset" else {}
    shares = []
    for pool, model, every in tiny():
        found = select(name, pool, 4, show=False, **more)
        shares.append((every < loss(model, found.indices) - 1e-9).mean())
    assert np.mean(shares) < most


def test_the_policy_gradient_is_that_of_the_expected_loss():
    """Over all subsets of 5 rows, each as often as it is drawn, and two at a time, as the mean wants."""
    model, p = model_of(POOL[:5]), np.array([0.2, 0.7, 0.5, 0.9, 0.4])
    sets = np.array(list(product([False, True], repeat=5)))
    losses = model.drawn(sets)

    def expected(p: np.ndarray) -> float:
        return float(np.where(sets, p, 1 - p).prod(1) @ losses)

    chances, found = np.where(sets, p, 1 - p).prod(1), np.zeros(5)
    for i in range(len(sets)):
        for j in range(len(sets)):
            found += chances[i] * chances[j] * policy_gradient(p, sets[[i, j]], losses[[i, j]])
    wanted = [(expected(p + e) - expected(p - e)) / 2e-6 for e in 1e-6 * np.eye(5)]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    sure = policy_gradient(
        np.array([0.0, 1.0, 0.5]), np.array([[0, 1, 1], [0, 1, 0]]) > 0, np.array([1.0, 3.0])
    )
    assert sure[:2].tolist() == [0.0, 0.0] and sure[2] < 0


def test_the_slope_of_the_smoothed_sum_of_the_largest_is_its_gradient():
    """E over the noise by many draws of it, against differences of the same mean."""
    w, noise = np.array([1.0, 1.2, 0.7, 0.95]), np.random.default_rng(0).normal(size=(20_000, 4))

    def smoothed(w: np.ndarray) -> float:
        return float(np.sort(w + 0.3 * noise, axis=1)[:, 2:].sum(1).mean())

    found = np.mean([largest(w + 0.3 * one, 2) for one in noise], axis=0)
    wanted = [(smoothed(w + e) - smoothed(w - e)) / 2e-4 for e in 1e-4 * np.eye(4)]
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert largest(np.array([2.0, 5, 2, 2]), 2).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("name", METHODS)
def test_a_model_learns_more_from_the_picks_than_from_random_rows(name):
    model = model_of(POOL)
    random = [loss(model, select("random", POOL, 8, seed=seed, show=False).indices) for seed in range(20)]
    found = select(name, POOL, 8, show=False, **({} if name == "bcsr" else {"ridge": 0.05}))
    assert loss(model, found.indices, found.weights) < np.quantile(random, 0.1)


def test_bilevel_methods_are_streams_through_online():
    pool = POOL[POOL.y.argsort(stable=True)]
    memory = None
    for start in range(0, 60, 20):
        memory = observe(online("greedy_coreset"), memory, pool[start : start + 20], 9)
    assert memory.pool.y.bincount().min() >= 2 and float(memory.weights.sum()) == pytest.approx(60)


def test_a_kernel_of_too_many_rows_is_refused():
    pool = Pool.of(torch.zeros(MOST + 1, 1), torch.zeros(MOST + 1, dtype=torch.int64))
    with pytest.raises(
        ValueError, match=r"2,001 rows are more than 2,000; use kernel='linear', or smaller groups"
    ):
        select("greedy_coreset", pool, 3, kernel="rbf", show=False)
