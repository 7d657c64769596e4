"""Streams that compare features: iCaRL's exemplars, online k-means and the sieve, against their definitions."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from coreset_explore import Dense, Memory, Pool, greedy, observe, select
from tests.pools import make

POOL = make(60, target=False)


def herded(x: torch.Tensor, mean: torch.Tensor, k: int) -> list[int]:
    """Algorithm 4: each pick brings the mean of the picks nearest to `mean`."""
    picks: list[int] = []
    for _ in range(k):
        free = [i for i in range(len(x)) if i not in picks]
        far = [float((mean - x[[*picks, i]].mean(0)).norm()) for i in free]
        picks.append(free[int(np.argmin(far))])
    return picks


def test_a_class_that_comes_whole_is_herded_and_then_cut_to_its_best():
    x, y = POOL.emb.double(), POOL.y
    a, b = (y == 0).nonzero().flatten(), (y == 1).nonzero().flatten()
    memory = observe("icarl", None, POOL[a], 8, normalize=False)
    first = a[herded(x[a], x[a].mean(0), 8)]
    assert memory.pool.ids.tolist() == POOL.ids[first].tolist()
    memory = observe("icarl", memory, POOL[b], 8, normalize=False)
    second = b[herded(x[b], x[b].mean(0), 4)]
    assert memory.pool.ids.tolist() == POOL.ids[torch.cat([first[:4], second])].tolist()
    wanted = select("herding", POOL[b], 4, normalize=True, show=False)  # another way to the same picks
    scaled = observe("icarl", observe("icarl", None, POOL[a], 8), POOL[b], 8)
    assert scaled.pool.ids[4:].tolist() == wanted.ids.tolist()


def test_a_class_that_comes_again_is_remembered_by_its_exemplars():
    """Its mean is that of the new rows and of the kept ones, which count for all that were there."""
    rows = (POOL.y == 0).nonzero().flatten()
    old, new = rows[:12], rows[12:]
    memory = observe("icarl", None, POOL[old], 3, normalize=False)
    x = torch.cat([memory.pool.emb, POOL.emb[new]]).double()
    mean = (12 * x[:3].mean(0) + x[3:].sum(0)) / len(rows)
    after = observe("icarl", memory, POOL[new], 3, normalize=False)
    ids = torch.cat([memory.pool.ids, POOL.ids[new]])
    assert after.pool.ids.tolist() == ids[herded(x, mean, 3)].tolist()


def test_herding_towards_a_mean_of_ones_own():
    x = POOL.emb + 50
    mean = x[:9].double().mean(0)
    for compiled in (True, False):
        picks = greedy.herd(Dense(x), 12, torch.zeros(0, dtype=torch.int64), mean=mean, compiled=compiled)
        assert picks.tolist() == herded(x.double(), mean, 12)


def kmeans(x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """MacQueen's of one class: centroids and the rows each was moved by."""
    centroids, counts = x[:k].clone(), torch.ones(k, dtype=torch.float64)
    for row in x[k:]:
        near = int((centroids - row).square().sum(1).argmin())
        counts[near] += 1
        centroids[near] += (row - centroids[near]) / counts[near]
    return centroids, counts


def test_online_kmeans_of_one_class_is_macqueens():
    single = POOL[POOL.y == 2]
    memory = Memory()
    for batch in (single[:3], single[3:11], single[11:]):
        memory = observe("online_kmeans", memory, batch, 5)
    centroids, counts = kmeans(single.emb.double(), 5)
    assert torch.allclose(memory.state["centroids"], centroids, rtol=1e-12)
    assert torch.equal(memory.weights, counts)


def test_online_kmeans_gives_each_class_its_places_and_counts_every_row():
    pool, memory = POOL[POOL.y.argsort(stable=True)], Memory()
    for start in range(0, 60, 15):
        memory = observe("online_kmeans", memory, pool[start : start + 15], 9)
    assert memory.pool.y.bincount().tolist() == [3, 3, 3]
    held = torch.zeros(3, dtype=torch.float64).index_add_(0, memory.pool.y, memory.weights)
    assert held.tolist() == pool.y.bincount().tolist()
    centers = torch.stack(
        [memory.weights[memory.pool.y == c] @ memory.state["centroids"][memory.pool.y == c] for c in range(3)]
    )
    means = torch.stack([pool.emb[pool.y == c].double().sum(0) for c in range(3)])
    assert torch.allclose(centers, means), "a centroid is the mean of its rows"


def covered(like: np.ndarray, rows) -> float:
    return float(like[list(rows)].max(0).mean())


@pytest.mark.parametrize("epsilon", [0.05, 0.3])
@pytest.mark.parametrize("similarity", ["cosine", "rbf"])
def test_the_sieve_is_worth_half_of_the_best_less_epsilon(similarity, epsilon):
    """Brute force over all answers of 3 of 9 rows, in orders from the worst rows first to the best."""
    for seed in range(6):
        rng = torch.Generator().manual_seed(seed)
        x = torch.randn(9, 2, generator=rng) * torch.tensor([3.0, 1.0])
        if similarity == "cosine":
            unit = x.double() / x.double().norm(dim=1, keepdim=True)
            like = (0.5 + 0.5 * unit @ unit.T).numpy()
        else:
            like = (-torch.cdist(x.double(), x.double()).square() / 2).exp().numpy()
        best = max(covered(like, rows) for rows in combinations(range(9), 3))
        order = like.mean(1).argsort()
        for rows in (order, order[::-1].copy(), np.arange(9)):
            memory = observe(
                "sieve",
                None,
                Pool.of(x[rows], ids=rows),
                3,
                epsilon=epsilon,
                similarity=similarity,
                sigma=1.0,
            )
            assert covered(like, memory.pool.ids.tolist()) >= (0.5 - epsilon) * best


def test_what_a_sieve_holds_besides_is_counted_and_said():
    memory = Memory()
    for start in range(0, 60, 20):
        memory = observe("sieve", memory, POOL[start : start + 20], 6, sample=25)
    extra = len(memory.aside)
    assert memory.held == len(memory) + extra > 25 and not torch.isin(memory.aside.ids, memory.pool.ids).any()
    assert f"{extra} more held aside" in repr(memory)
    own = {row for _, members in memory.state["sieves"] for row in members} | set(memory.state["reference"])
    assert own == set(memory.aside.ids.tolist()) | set(memory.pool.ids.tolist())
    with pytest.raises(ValueError, match="held still"):
        observe("sieve", memory, memory.aside, 6)


def test_with_less_room_sieves_that_hold_more_begin_again_with_what_is_held():
    memory = observe("sieve", None, POOL[:40], 12)
    after = observe("sieve", memory, POOL[40:41], 2)
    assert len(after) == 2 and all(len(members) <= 2 for _, members in after.state["sieves"])


@pytest.mark.parametrize("similarity", ["cosine", "rbf"])
def test_a_row_like_one_that_a_sieve_holds_adds_nothing(similarity):
    """Batches of other sizes round products otherwise, which is no gain."""
    x, memory = torch.randn(60, 200, generator=torch.Generator().manual_seed(0)), Memory()
    for turn, rows in enumerate((range(60), range(3, 12), range(2, 3), range(60), range(7, 50))):
        batch = Pool.of(x[list(rows)], ids=[100 * turn + i for i in rows])
        memory = observe("sieve", memory, batch, 80, epsilon=0.5, similarity=similarity)
    for _, members in memory.state["sieves"]:
        assert len(members) == len({row % 100 for row in members})


def test_rainbow_keeps_every_degree_of_doubt():
    """Algorithm 1: a class sorted by doubt, of which each ⌊n/k⌋-th row is kept."""
    memory, held = Memory(), []
    for start, stop in ((0, 25), (25, 60)):
        memory = observe("rainbow", memory, POOL[start:stop], 12)
        union, held = held + list(range(start, stop)), []
        for label in range(3):
            own = [row for row in union if POOL.y[row] == label]
            own.sort(key=lambda row: -float(POOL.logits[row].double().softmax(0).max()))
            held += [own[math.floor(i * len(own) / 4)] for i in range(4)]
    assert memory.pool.ids.tolist() == POOL.ids[held].tolist()
    surest = [max(POOL.logits[POOL.y == label].softmax(1).amax(1)) for label in range(3)]
    for label, sure in enumerate(surest):
        assert sure in memory.pool.logits[memory.pool.y == label].softmax(1).amax(1)
