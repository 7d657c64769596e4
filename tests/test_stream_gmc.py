"""Continual GMC against the paper's algorithm written out in float64, and against GMC and GRAD-MATCH of one batch."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from coreset_explore import PRESETS, Dense, Memory, Pool, Strategy, greedy, observe, select
from tests.pools import make

POOL = make(90, d=9, steps=3, target=False)
BATCHES = POOL[:40], POOL[40:55], POOL[55:]
DENSE = POOL.add(grads=Dense(torch.randn(90, 30, generator=torch.Generator().manual_seed(1)) + 0.3))


def pursuit(g: np.ndarray, target: np.ndarray, k: int, nonnegative: bool) -> tuple[list[int], np.ndarray]:
    """Algorithm 1: least squares anew at every pick."""
    picks, weights = [], np.zeros(0)
    while len(picks) < k:
        score = g @ (target - weights @ g[picks]) / np.linalg.norm(g, axis=1)
        score[picks] = -np.inf
        picks.append(int(score.argmax()))
        a = g[picks].T
        weights = nnls(a, target)[0] if nonnegative else np.linalg.lstsq(a, target, rcond=None)[0]
    return picks, weights


def continual(pool: Pool, cuts: list[int], capacity: int, nonnegative: bool) -> tuple[list[int], np.ndarray]:
    """Algorithm 2, by rows of the whole."""
    g = pool.grads.dense().double().numpy()
    target, core, weights = np.zeros(g.shape[1]), [], np.zeros(0)
    for start, stop in zip([0, *cuts], [*cuts, len(pool)], strict=True):
        target = target + g[start:stop].sum(0)
        dictionary = core + list(range(start, stop))
        picks, weights = pursuit(g[dictionary], target, capacity, nonnegative)
        core = [dictionary[i] for i in picks]
    return core, weights


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("pool", [POOL, DENSE], ids=["factored", "dense"])
def test_gmc_is_algorithm_2(pool, nonnegative):
    memory = Memory()
    for batch in (pool[:40], pool[40:55], pool[55:]):
        memory = observe("gmc", memory, batch, 12, nonnegative=nonnegative)
    rows, weights = continual(pool, [40, 55], 12, nonnegative)
    assert memory.pool.ids.tolist() == pool.ids[rows].tolist()
    np.testing.assert_allclose(memory.weights.numpy(), weights, rtol=1e-6, atol=1e-8)
    assert torch.allclose(memory.state["target"], pool.grads.sum()), "the target is the sum of all seen"


@pytest.mark.parametrize("nonnegative", [True, False])
def test_on_one_batch_it_is_gmc(nonnegative):
    memory = observe("gmc", None, DENSE, 20, nonnegative=nonnegative)
    wanted = Strategy.of(PRESETS["GMC"], nonnegative=nonnegative)(DENSE, 20, rng=torch.Generator())
    assert memory.pool.ids.tolist() == DENSE.ids[wanted.indices].tolist()
    assert torch.allclose(memory.weights, wanted.weights, rtol=1e-8)


@pytest.mark.parametrize("name", ["gmc", "gmc_local"])
def test_while_everything_fits_everything_is_kept(name):
    memory = Memory()
    for batch in BATCHES:
        memory = observe(name, memory, batch, 90)
    assert memory.pool.ids.tolist() == POOL.ids.tolist() and not memory.stopped
    assert torch.equal(memory.pool.grads.sum(memory.weights), POOL.grads.sum()), "an error of 0"


def test_local_gmc_is_gradmatch_on_the_snapshot():
    memory = observe("gmc_local", None, BATCHES[0], 10)
    wanted = select("gradmatch", BATCHES[0], 10, show=False)
    assert memory.pool.ids.tolist() == wanted.ids.tolist()
    assert torch.allclose(memory.weights, wanted.weights, rtol=1e-8)
    both = Pool.join(memory.pool, BATCHES[1])
    after = observe("gmc_local", memory, BATCHES[1], 10)
    target = memory.pool.grads.last.sum(memory.weights) + BATCHES[1].grads.last.sum()
    nothing = torch.zeros(0, dtype=torch.int64)
    rows, _, weights, _ = greedy.pursue(both.grads.last, target, 10, nothing, nonnegative=True, ridge=0.5)
    assert after.pool.ids.tolist() == both.ids[rows].tolist() and torch.allclose(after.weights, weights)


def test_what_came_first_is_still_matched_when_the_stream_has_moved_on():
    """The error against everything seen is far below a reservoir's, and rows of the first batch are still there."""
    y, rng = torch.arange(90) // 30, torch.Generator().manual_seed(3)
    g = torch.randn(3, 40, generator=rng)[y] + 0.7 * torch.randn(90, 40, generator=rng)
    pool, errors = Pool.of(grads=Dense(g), y=y), {}
    for name in ("gmc", "reservoir"):
        memory = Memory()
        for batch in (pool[:30], pool[30:60], pool[60:]):
            memory = observe(name, memory, batch, 15)
        missed = memory.pool.grads.sum(memory.weights) - pool.grads.sum()
        errors[name] = float(missed.norm() / pool.grads.sum().norm())
        assert {0, 1, 2} == set(memory.pool.y.tolist())
    assert errors["gmc"] < 0.5 * errors["reservoir"]


def test_fewer_dimensions_than_places_are_told():
    pool = POOL.add(grads=Dense(torch.randn(90, 6, generator=torch.Generator().manual_seed(2))))
    memory = observe("gmc", None, pool, 20, nonnegative=False)
    assert len(memory) == 6 and "6 gradient dimensions" in memory.stopped and "raise inits=" in memory.stopped
    assert torch.allclose(memory.pool.grads.sum(memory.weights), pool.grads.sum(), atol=1e-4)
    after = observe("gmc", memory, pool.add(ids=torch.arange(1000, 1090)), 20)
    assert after.seen == 180 and torch.isfinite(after.weights).all()


def test_a_memory_of_another_stream_is_refused():
    memory = observe("reservoir", None, POOL[:30], 5)
    with pytest.raises(ValueError, match="kept by 'reservoir', and 'gmc' goes on from"):
        observe("gmc", memory, POOL[30:], 5)
