"""The compiled loops by themselves, where a mistake would hide: chunk borders, ties, factors that rows leave."""

import numpy as np
import pytest
import torch

from coreset_explore import LastLayer
from coreset_explore.compiled import distances as kernels
from coreset_explore.compiled import facility as coverage
from coreset_explore.compiled import pursuit
from coreset_explore.compiled.distances import _argmax
from coreset_explore.compiled.fit import factor_drop, factor_grow, refit
from coreset_explore.compiled.loop import CHUNK


@pytest.mark.parametrize("size", [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_argmax_is_the_first_of_equals(size):
    rng = np.random.default_rng(size)
    for _ in range(5):
        values = rng.integers(0, 4, size).astype(np.float32)
        assert _argmax(values) == values.argmax()
    values[:] = -np.inf
    assert _argmax(values) == 0
    values[-1] = -1
    assert _argmax(values) == size - 1


def test_squared_distance_of_nearly_equal_rows():
    rng = torch.Generator().manual_seed(0)
    r, h = torch.randn(2, 2, 5, generator=rng), torch.randn(2, 2, 9, generator=rng)
    r[:, 1], h[:, 1] = r[:, 0] + 1e-4 * r[:, 1], h[:, 0] + 1e-4 * h[:, 1]
    built = LastLayer(r, h).dense().double()
    double = LastLayer(r.double(), h.double()).dense()
    true = float((double[0] - double[1]).square().sum())
    found = kernels.squared_distance(r.numpy(), h.numpy(), np.float32(1), 0, 1)
    assert found == pytest.approx(true, rel=1e-4)
    assert found == kernels.squared_distance(r.numpy(), h.numpy(), np.float32(1), 1, 0)
    assert kernels.squared_distance(r.numpy(), h.numpy(), np.float32(1), 1, 1) == 0
    assert built.shape == (2, 100)


def gram_of(rows, seed):
    a = np.random.default_rng(seed).standard_normal((rows, rows + 3))
    return a @ a.T


def test_factor_grows_and_shrinks_like_a_fresh_one():
    """Twelve rows enter, seven leave from everywhere, two come back: always the factor of what is inside."""
    gram, ridge = gram_of(12, 1), 0.3
    factor, active, size = np.zeros((12, 12)), np.zeros(12, dtype=np.int64), 0

    def holds():
        part = gram[np.ix_(active[:size], active[:size])] + ridge * np.eye(size)
        np.testing.assert_allclose(np.tril(factor[:size, :size]), np.linalg.cholesky(part), atol=1e-10)

    for j in range(12):
        size = factor_grow(gram, ridge, factor, active, size, j)
        holds()
    for q in (11, 0, 5, 3, 3, 0, 1):
        gone = active[q]
        size = factor_drop(factor, active, size, q)
        assert gone not in active[:size]
        holds()
    for j in (0, 11):
        size = factor_grow(gram, ridge, factor, active, size, j)
        holds()
    assert size == 7


def test_factor_refuses_a_row_that_depends_on_the_others():
    a = np.random.default_rng(2).standard_normal((3, 10))
    a = np.concatenate([a, a[:1] + 2 * a[1:2]])
    factor, active, size = np.zeros((4, 4)), np.zeros(4, dtype=np.int64), 0
    for j in range(4):
        size = factor_grow(a @ a.T, 0.0, factor, active, size, j)
    assert size == 3 and active[:3].tolist() == [0, 1, 2]
    assert factor_grow(a @ a.T + np.eye(4), 0.0, factor, active, size, 3) == 4


@pytest.mark.parametrize("seed", range(30))
def test_refit_is_the_nonnegative_optimum_at_every_size(seed):
    """Strongly correlated rows and a target with negative parts: rows leave and return as others come."""
    from scipy.optimize import nnls

    rng = np.random.default_rng(seed)
    rows = 1.5 + rng.standard_normal((25, 15 if seed % 2 else 40))
    target = rng.standard_normal(rows.shape[1]) + 0.5
    gram, wanted = rows @ rows.T, rows @ target
    ridge = 0.1 if seed % 3 else (0.0 if rows.shape[1] > 25 else 1e-3)
    factor, active, size = np.zeros((25, 25)), np.zeros(25, dtype=np.int64), 0
    weights, zeros = np.zeros(25), 0
    for total in range(1, 26):
        size = refit(gram, wanted, ridge, True, weights, factor, active, size, total)
        stacked = np.concatenate([rows[:total].T, np.sqrt(ridge) * np.eye(total)])
        best = nnls(stacked, np.concatenate([target, np.zeros(total)]))[0]
        np.testing.assert_allclose(weights[:total], best, atol=1e-7)
        zeros += int((best == 0).sum())
    assert zeros > 20


def grid_distances(n, seed=3):
    points = torch.randint(0, 50, (n, 2), generator=torch.Generator().manual_seed(seed)).float()
    return torch.cdist(points, points).round().numpy()


def test_lazy_coverage_stops_where_it_is_told_and_goes_on():
    matrix = grid_distances(300)

    def run(pieces):
        nearest, owner, bound = matrix[0].copy(), np.zeros(300, dtype=np.int32), np.zeros(300)
        gathered = np.full(300, -1), np.zeros(300, dtype=np.int64)
        gathered += np.empty(9000, dtype=np.int32), np.empty(9000, dtype=np.float32), np.array([0, 9000, 0])
        state = (matrix, nearest, *gathered)
        coverage.gains(*state, 0, 300, bound)
        heap = np.lexsort((np.arange(300), -bound))
        picks, gains, made, size = np.zeros(60, dtype=np.int64), np.zeros(60), 0, 300
        calls = 0
        while made < 60:
            made, size = coverage.lazy(*state, owner, heap, size, bound, picks, gains, made, 60, pieces)
            calls += 1
        return picks.tolist(), gains.tolist(), calls

    whole, pieces = run(10**6), run(3)
    assert whole[:2] == pieces[:2]
    assert whole[2] == 1 and pieces[2] > 20
    assert all(a >= b for a, b in zip(whole[1], whole[1][1:]))


@pytest.mark.parametrize("size", [1, coverage.LINE - 1, coverage.LINE, 5 * coverage.LINE + 3])
def test_a_row_is_gathered_once_few_entries_count_and_read_alike(size):
    """Full, sparse and empty rows; what is kept is what is below, whichever way it was found."""
    rng = np.random.default_rng(size)
    nearest = rng.integers(1, 9, size).astype(np.float32)
    matrix = rng.integers(0, 9, (6, size)).astype(np.float32)
    matrix[2:4] = np.where(rng.random((2, size)) < 0.05, matrix[2:4], 9)
    matrix[4:] = 9
    first, sizes, far = np.full(6, -1), np.zeros(6, dtype=np.int64), np.zeros(6 * size + 1, dtype=np.float32)
    places, room, bound = np.zeros(6 * size + 1, dtype=np.int32), np.array([0, 6 * size + 1, 0]), np.zeros(6)
    state = (matrix, nearest, first, sizes, places, far, room)
    for _ in range(3):
        coverage.gains(*state, 0, 6, bound)
        np.testing.assert_array_equal(bound, np.maximum(nearest - matrix, 0).sum(1))
        for j in range(6):
            below = np.flatnonzero(matrix[j] < nearest)
            if len(below) * coverage.KEEP <= size:
                kept = slice(first[j], first[j] + sizes[j])
                assert first[j] >= 0 and places[kept].tolist() == below.tolist()
                np.testing.assert_array_equal(far[kept], matrix[j][below])
        nearest[rng.random(size) < 0.5] -= 1
        if room[2]:
            order = np.argsort(first)[(first < 0).sum() :]
            room[0], room[2] = coverage.tidy(order, first, sizes, places, far), 0
            assert room[0] == sizes[first >= 0].sum()


def test_row_sums_and_the_largest_entry():
    matrix = grid_distances(130)
    found = np.zeros(130)
    tops = [coverage.sums(matrix, matrix.view(np.int32), *part, found) for part in ((0, 50), (50, 130))]
    np.testing.assert_array_equal(found, matrix.astype(np.float64).sum(1))
    assert max(tops) == matrix.max().view(np.int32)


def test_warm_compiles_what_the_methods_call():
    """Afterwards no kernel meets a type it has not been compiled for."""
    from coreset_explore import Pool, greedy, select

    greedy.warm()
    loops = [kernels.farthest, kernels.distances, refit]
    loops += [coverage.sums, coverage.gains, coverage.tidy, coverage.lazy]
    loops += [
        pursuit.columns,
        pursuit.advance,
        pursuit.foremost,
        pursuit.against,
        pursuit.line,
        pursuit.moved,
    ]
    before = [len(loop.signatures) for loop in loops]
    assert all(before)
    rng = torch.Generator().manual_seed(4)
    grads = LastLayer(torch.randn(2, 40, 3, generator=rng), torch.randn(2, 40, 6, generator=rng))
    pool = Pool.of(torch.randn(40, 6, generator=rng), torch.arange(40) % 2, grads=grads)
    for method in ("kcenter", "craig", "gradmatch"):
        select(method, pool, 10)
        select(method, pool, 10, wrap=[("per_class", {})], steps="all")
    select("craig", pool, 10, space="emb")
    select("kcenter", pool, 10, space="grads", metric="cosine")
    assert [len(loop.signatures) for loop in loops] == before
