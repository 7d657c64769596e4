"""ASER: Shapley values by the recursion against their definition over all subsets, and its rule written out."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from coreset_explore import Memory, Pool, observe
from coreset_explore.methods.streams.aser import knn_shapley
from coreset_explore.registry import STREAMS
from tests.pools import make

POOL = make(60, target=False)


def worth(rows: tuple[int, ...], near: list[float], right: list[bool], k: int) -> float:
    """1/K for each of the K nearest of a set that has the right class."""
    return sum(right[i] for i in sorted(rows, key=lambda i: near[i])[:k]) / k


@pytest.mark.parametrize("k", [1, 2, 4, 9])
def test_the_recursion_gives_shapley_values_as_they_are_defined(k):
    """Mean gain over all subsets, also of fewer candidates than neighbors."""
    rng = torch.Generator().manual_seed(k)
    for n in (1, 3, 6):
        apart, y = torch.rand(2, n, generator=rng), torch.randint(2, (n,), generator=rng)
        found = knn_shapley(apart, torch.tensor([0, 1]), y, k)
        for e in range(2):
            near, right = apart[e].tolist(), (y == e).tolist()
            for i in range(n):
                others = [j for j in range(n) if j != i]
                value = 0.0
                for size in range(n):
                    share = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                    for rows in combinations(others, size):
                        value += share * (worth((*rows, i), near, right, k) - worth(rows, near, right, k))
                assert float(found[e, i]) == pytest.approx(value, abs=1e-12)


def test_values_of_a_row_add_up_to_what_all_candidates_are_worth():
    rng = torch.Generator().manual_seed(0)
    apart, y, k = torch.rand(4, 300, generator=rng), torch.randint(3, (300,), generator=rng), 5
    classes = torch.tensor([0, 1, 2, 0])
    wanted = [worth(tuple(range(300)), apart[e].tolist(), (y == classes[e]).tolist(), k) for e in range(4)]
    assert knn_shapley(apart, classes, y, k).sum(1).tolist() == pytest.approx(wanted)


def rule(pool: Pool, capacity: int, size: int, evaluate: int, k: int, rng: torch.Generator) -> list[int]:
    """The update, a minibatch, a class and a candidate at a time."""
    x, y, kept = pool.emb.double().numpy(), pool.y.tolist(), []
    for start in range(0, len(pool), size):
        rows = list(range(start, min(start + size, len(pool))))
        free = capacity - len(kept)
        kept, rows = kept + rows[:free], rows[free:]
        if not rows:
            continue
        order = torch.randperm(len(kept), generator=rng).tolist()
        shown = []
        for label in sorted({y[row] for row in kept}):
            own = [kept[i] for i in order if y[kept[i]] == label]
            shown += own[: min(evaluate, math.ceil(len(own) / 2))]
        drawn = list(shown)
        threshold = float(torch.rand(1, generator=rng)) / len({y[row] for row in kept + rows})
        shown += [row for row in rows if sum(y[i] == y[row] for i in kept) / len(kept) < threshold]
        candidates = [row for row in kept if row not in drawn] + rows
        value = dict.fromkeys(candidates, 0.0)
        for e in shown:
            near = sorted(candidates, key=lambda row: np.linalg.norm(x[row] - x[e]))
            n, inner = len(near), 0.0
            for i in range(n, 0, -1):
                following = y[near[i]] == y[e] if i < n else 0
                inner += ((y[near[i - 1]] == y[e]) - following) * min(k, i) / (k * i)
                value[near[i - 1]] += inner
        candidates.sort(key=lambda row: -value[row])
        kept = sorted(drawn + candidates[: capacity - len(drawn)])
    return kept


@pytest.mark.parametrize("capacity, size, evaluate, k", [(12, 10, 2, 3), (9, 4, 1, 1), (20, 7, 3, 5)])
def test_aser_is_its_rule_written_out(capacity, size, evaluate, k):
    rng, memory = torch.Generator().manual_seed(5), Memory()
    how = {"size": size, "evaluate": evaluate, "neighbors": k}
    for start in range(0, 60, 4 * size):
        memory = STREAMS["aser"](memory, POOL[start : start + 4 * size], capacity, rng=rng, **how)
    wanted = rule(POOL, capacity, size, evaluate, k, torch.Generator().manual_seed(5))
    assert memory.pool.ids.tolist() == POOL.ids[wanted].tolist()
    assert max(wanted) >= capacity, "some came in later"


def test_a_mislabeled_row_goes_and_a_new_class_comes_in():
    """One of class 1 among those of class 0 is worth less than nothing; rows of a class not there are predicted."""
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 3, generator=rng), torch.zeros(60, dtype=torch.int64)
    x[::2, 0] += 20
    y[::2] = 1
    y[4] = 0
    memory = observe("aser", None, Pool.of(x[:20], y[:20]), 20)
    assert 4 in memory.pool.ids
    memory = observe("aser", memory, Pool.of(x[20:], y[20:], ids=range(20, 60)), 20)
    assert 4 not in memory.pool.ids
    other = Pool.of(torch.randn(20, 3, generator=rng) - 20, torch.full((20,), 2), ids=range(60, 80))
    assert int((observe("aser", memory, other, 20).pool.y == 2).sum()) >= 5
