"""Streams that compare the model's gradients, OCS, GSS and GCR, against their papers' rules written out."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from coreset_explore import Dense, Memory, Pool, observe
from coreset_explore.registry import STREAMS
from tests.pools import make

POOL = make(60, target=False)
DENSE = POOL.add(grads=Dense(POOL.grads.last.dense()))
BATCHES = (0, 25, 40), (25, 40, 60)


def matrix(pool: Pool) -> np.ndarray:
    return pool.grads.last.dense().double().numpy()


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def ranked(g: np.ndarray, rows: list[int], held: list[int], tau: float) -> list[int]:
    """Equation 8 of OCS, a row and a pair at a time."""
    score = {}
    for n in rows:
        similar = cosine(g[n], g[rows].mean(0))
        diverse = -sum(cosine(g[n], g[p]) for p in rows if p != n) / (len(rows) - 1)
        affine = cosine(g[n], g[held].mean(0)) if held else 0.0
        score[n] = similar + diverse + tau * affine
    return sorted(rows, key=lambda n: -score[n])


@pytest.mark.parametrize("pool", [POOL, DENSE], ids=["factored", "dense"])
@pytest.mark.parametrize("tau", [0.0, 2.0])
def test_ocs_keeps_the_best_of_each_minibatch_and_then_of_all(pool, tau):
    g, memory = matrix(pool), observe("ocs", None, pool[:25], 12, tau=tau, size=10)
    best = [
        n
        for a in (0, 10, 20)
        for n in ranked(g, list(range(a, min(a + 10, 25))), [], tau)[: 5 if a < 20 else 3]
    ]
    assert memory.pool.ids.tolist() == pool.ids[ranked(g, best, [], tau)[:12]].tolist()
    held = [pool.ids.tolist().index(row) for row in memory.pool.ids.tolist()]
    after = observe("ocs", memory, pool[25:55], 12, tau=tau, size=30, kappa=1.0)
    wanted = ranked(g, list(range(25, 55)), held, tau)
    ids = after.pool.ids.tolist()
    new = [row for row in ids if row not in memory.pool.ids]
    assert 5 <= len(new) <= 8, "each batch's share is that of its rows"
    assert new == pool.ids[wanted[: len(new)]].tolist()
    assert [row for row in ids if row in memory.pool.ids] == memory.pool.ids[: 12 - len(new)].tolist()


def test_ocs_compares_each_minibatch_with_rows_drawn_from_the_memory():
    """With τ alone and minibatches of 2, of which one stays, candidates are those nearer to what was drawn."""
    g = matrix(DENSE)
    memory = observe("ocs", None, DENSE[:20], 6)
    held = [DENSE.ids.tolist().index(row) for row in memory.pool.ids.tolist()]
    rng = torch.Generator().manual_seed(3)
    candidates = []
    for start in range(20, 60, 2):
        drawn = [held[i] for i in torch.randperm(6, generator=rng).tolist()[:2]]
        candidates.append(ranked(g, [start, start + 1], drawn, 1e6)[0])
    after = STREAMS["ocs"](memory, DENSE[20:], 6, rng=torch.Generator().manual_seed(3), tau=1e6, size=2)
    new = [row for row in after.pool.ids.tolist() if row not in memory.pool.ids]
    assert new == DENSE.ids[ranked(g, candidates, held, 1e6)[: len(new)]].tolist() and len(new) >= 3


def test_ocs_of_many_small_batches_keeps_the_first_as_often_as_the_last():
    counts = torch.zeros(60)
    for seed in range(12):
        memory = Memory()
        for start in range(0, 60, 2):
            memory = observe("ocs", memory, DENSE[start : start + 2], 10, seed=seed)
        counts += torch.isin(DENSE.ids, memory.pool.ids)
    thirds = counts.reshape(3, 20).sum(1)
    assert float(thirds.sum()) == 120 and float(thirds.min()) > 22  # 40 expected, 5 their deviation


def greedy(g: np.ndarray, capacity: int, draws: list[list[float]]) -> list[int]:
    """Algorithm 2 of GSS, a row at a time; a first row scores 1."""
    kept, scores = [], []
    for row, (which, chance, *places) in enumerate(draws):
        others = [kept[math.floor(place * len(kept))] for place in places] if kept else []
        c = max((cosine(g[row], g[other]) for other in others), default=0.0) + 1
        if len(kept) < capacity:
            kept.append(row)
            scores.append(c)
        elif c < 1:
            i, sum_ = 0, scores[0]
            while sum_ <= which * sum(scores):
                i += 1
                sum_ += scores[i]
            if chance < scores[i] / (scores[i] + c):
                kept[i], scores[i] = row, c
    return kept


@pytest.mark.parametrize("pool", [POOL, DENSE], ids=["factored", "dense"])
def test_gss_is_algorithm_2(pool):
    draws = torch.rand(60, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64).tolist()
    rng, memory = torch.Generator().manual_seed(2), Memory()
    for start, stop in zip(*BATCHES, strict=True):
        memory = STREAMS["gss"](memory, pool[start:stop], 9, rng=rng, compare=3)
    wanted = greedy(matrix(pool), 9, draws)
    assert memory.pool.ids.tolist() == pool.ids[wanted].tolist()
    assert max(wanted) > 40 and min(wanted) < 9, "some came in late, some stayed"


def test_gss_lets_no_row_in_that_points_as_those_kept_do():
    g = torch.rand(40, 6, generator=torch.Generator().manual_seed(0)) + 0.1
    pool = Pool.of(grads=Dense(torch.cat([g, -g[:1]])))
    memory = observe("gss", None, pool[:40], 5, compare=40)
    assert memory.pool.ids.tolist() == [0, 1, 2, 3, 4]
    assert 40 in observe("gss", memory, pool[40:], 5, compare=40).pool.ids, (
        "the only one at more than a right angle"
    )


def matched(g: np.ndarray, target: np.ndarray, k: int, ridge: float) -> tuple[list[int], np.ndarray]:
    """Matching pursuit with non-negative weights, ridge λ, least squares anew at every pick."""
    picks, weights = [], np.zeros(0)
    while len(picks) < k:
        score = g @ (target - weights @ g[picks])
        score[picks] = -np.inf
        picks.append(int(score.argmax()))
        a = np.concatenate([g[picks].T, math.sqrt(ridge) * np.eye(len(picks))])
        weights = nnls(a, np.concatenate([target, np.zeros(len(picks))]))[0]
    return picks, weights


@pytest.mark.parametrize("pool", [POOL, DENSE], ids=["factored", "dense"])
def test_gcr_matches_each_class_by_its_weighted_rows(pool):
    g, y, memory = matrix(pool), pool.y.numpy(), Memory()
    kept, weights = np.zeros(0, dtype=int), np.zeros(0)
    for start, stop in zip(*BATCHES, strict=True):
        memory = observe("gcr", memory, pool[start:stop], 9, ridge=0.1)
        held, w = (
            np.concatenate([kept, np.arange(start, stop)]),
            np.concatenate([weights, np.ones(stop - start)]),
        )
        kept, weights = held[:0], weights[:0]
        for label in range(3):
            own = y[held] == label
            picks, fitted = matched(g[held[own]], w[own] @ g[held[own]], 3, 0.1)
            kept, weights = np.append(kept, held[own][picks]), np.append(weights, fitted)
        assert memory.pool.ids.tolist() == pool.ids[kept].tolist()
        np.testing.assert_allclose(memory.weights.numpy(), weights, rtol=1e-5, atol=1e-7)
    assert memory.pool.y.bincount().tolist() == [3, 3, 3]


def test_gcr_keeps_a_class_that_fits_as_it_is():
    order = torch.cat([(POOL.y == 0).nonzero().flatten()[:2], (POOL.y == 1).nonzero().flatten()])
    memory = observe("gcr", None, POOL[order], 6)
    assert memory.pool.y.bincount().tolist() == [2, 4] and memory.weights[:2].tolist() == [1.0, 1.0]
