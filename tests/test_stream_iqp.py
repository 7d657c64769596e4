"""GSS-IQP: the projection, the relaxation's bound and the search against brute force, and the stream against both."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from coreset_explore import Dense, Memory, Pool, observe
from coreset_explore.greedy.capped import onto_capped_simplex
from coreset_explore.methods.streams.gss_iqp import least_pairs
from tests.pools import make

POOL = make(40, target=False)


@pytest.mark.parametrize("k", [1, 2, 2.5, 5])
def test_projection_onto_the_capped_simplex_is_the_nearest_point(k):
    for seed in range(4):
        v = np.random.default_rng(seed).normal(size=6) * (1 + 3 * (seed % 2))
        found = onto_capped_simplex(v, k)
        wanted = minimize(
            lambda x, v=v: ((x - v) ** 2).sum(),
            np.full(6, k / 6),
            jac=lambda x, v=v: 2 * (x - v),
            bounds=[(0, 1)] * 6,
            constraints={"type": "eq", "fun": lambda x: x.sum() - k},
            options={"ftol": 1e-14},
        )
        assert found.sum() == pytest.approx(k, abs=1e-12) and found.min() >= 0 and found.max() <= 1
        np.testing.assert_allclose(found, wanted.x, atol=1e-6)


def test_projection_of_what_is_there_already_of_equals_and_of_all_or_nothing():
    inside = np.array([0.2, 0.9, 0.4, 0.5])
    np.testing.assert_allclose(onto_capped_simplex(inside, 2), inside, atol=1e-15)
    np.testing.assert_allclose(onto_capped_simplex(np.full(5, 1e9), 2), 0.4)
    assert onto_capped_simplex(inside, 0).tolist() == [0.0] * 4
    assert onto_capped_simplex(inside, 4).tolist() == [1.0] * 4
    np.testing.assert_allclose(onto_capped_simplex(np.array([9.0, 8, -9, 0]), 2), [1, 1, 0, 0])


def program(n: int, d: int, seed: int) -> np.ndarray:
    """Cosines of n directions that lean one way."""
    x = np.random.default_rng(seed).normal(size=(n, d)) + 0.5
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x @ x.T


def least(gram: np.ndarray, k: int) -> float:
    return min(gram[np.ix_(rows, rows)].sum() for rows in combinations(range(len(gram)), k))


@pytest.mark.parametrize("d", [2, 3, 8])
def test_the_search_finds_the_least_of_all_subsets_and_proves_it(d):
    """Without it the answer is no better than its bound allows, and here rarely worse than the best of all."""
    exact = 0
    for seed in range(5):
        gram, k = program(11, d, seed), 2 + seed
        best = least(gram, k)
        relaxed, searched = least_pairs(gram, k), least_pairs(gram, k, nodes=10_000)
        assert searched.worth == pytest.approx(best, abs=1e-8) and searched.bound == searched.worth
        assert relaxed.bound <= best + 1e-8 and relaxed.worth >= best - 1e-8
        assert gram[np.ix_(searched.rows, searched.rows)].sum() == pytest.approx(searched.worth)
        exact += relaxed.worth < best + 1e-8
    assert exact >= 4


def test_a_search_that_is_cut_short_says_how_far_it_came():
    gram = program(30, 20, 0)
    none, some, all_ = (least_pairs(gram, 10, nodes) for nodes in (0, 20, 200))
    assert none.bound < some.bound < some.worth and some.worth <= none.worth
    assert all_.bound == all_.worth and some.bound <= all_.worth <= some.worth


@pytest.mark.parametrize(
    "pool", [POOL, POOL.add(grads=Dense(POOL.grads.last.dense()))], ids=["factored", "dense"]
)
def test_gss_iqp_keeps_the_least_of_memory_and_new_rows(pool):
    g = pool.grads.last.dense().double().numpy()
    unit = g / np.linalg.norm(g, axis=1, keepdims=True)
    memory, kept = Memory(), []
    for start in range(0, 40, 20):
        memory = observe("gss_iqp", memory, pool[start : start + 20], 4, size=10, nodes=10_000)
        for first in range(start, start + 20, 10):
            held = kept + list(range(first, first + 10))
            kept = min(
                combinations(held, 4), key=lambda rows: float(np.square(unit[list(rows)].sum(0)).sum())
            )
            kept = list(kept)
        assert memory.pool.ids.tolist() == pool.ids[kept].tolist()
        assert memory.state["worth"] == memory.state["bound"]
        assert memory.state["worth"] == pytest.approx(float(np.square(unit[kept].sum(0)).sum()), abs=1e-6)


def test_rows_without_gradient_are_at_right_angles_to_all():
    """They add nothing, not even themselves: they are kept before any other."""
    g = torch.eye(4)[torch.tensor([0, 0, 1, 2, 3, 0])]
    g[4:] = 0
    memory = observe("gss_iqp", None, Pool.of(grads=Dense(g)), 4, nodes=100)
    assert memory.state["worth"] == 2.0 and {4, 5} <= set(memory.pool.ids.tolist())
