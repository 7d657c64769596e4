"""Neighbors against all distances, duplicates and offsets included; k-means against its own definition."""

import pytest
import torch

from coreset_explore import Cancelled, listening, neighbors
from coreset_explore.gradients import Dense
from coreset_explore.greedy.kmeanspp import spread, spread_greedily
from coreset_explore.neighbors import kmeans, knn

X = (
    torch.randn(700, 9, generator=torch.Generator().manual_seed(0)) + 50
)  # an offset that eats float32's digits
X[40:45] = X[3]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbors_are_exact(metric):
    queries = X[:60] + 0.1
    distances, rows = knn(X, 8, queries, metric)
    a, b = queries.double(), X.double()
    if metric == "cosine":
        every = 1 - torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=2)
    else:
        every = (a[:, None] - b[None]).norm(dim=2)
    tolerance = {"rtol": 1e-5, "atol": 1e-7}
    torch.testing.assert_close(distances.double(), every.sort(1).values[:, :8], **tolerance)
    torch.testing.assert_close(every.gather(1, rows), distances.double(), **tolerance)


def test_each_row_is_its_own_first_neighbor_among_duplicates():
    distances, rows = knn(X, 4)
    assert rows[:, 0].tolist() == list(range(len(X))) and (distances[:, 0] == 0).all()
    assert (distances[3] == 0).all() and set(rows[3].tolist()) <= {3, 40, 41, 42, 43, 44}
    assert all(len(set(row)) == 4 for row in rows.tolist())
    assert (distances[100, 1:] > 1e-3).all() and (distances.diff(dim=1) >= 0).all()


def test_one_row_is_its_own_neighbor():
    assert [v.tolist() for v in knn(torch.ones(1, 3), 1)] == [[[0.0]], [[0]]]


def test_neighbors_say_what_was_wrong_and_can_be_stopped():
    with pytest.raises(ValueError, match="701 neighbors asked for among 700 rows"):
        knn(X, 701)
    with pytest.raises(ValueError, match="queries have 3 features, the rows 9"):
        knn(X, 1, X[:, :3])
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        knn(X, 3)


def test_kmeans_finds_separate_clusters_the_same_way_each_time():
    rng = torch.Generator().manual_seed(1)
    x = torch.cat([torch.randn(50, 3, generator=rng) + 30 * i for i in range(4)])
    centers, label = kmeans(x, 4, torch.Generator().manual_seed(0))
    assert sorted(label.bincount().tolist()) == [50, 50, 50, 50]
    assert all(len(label[50 * i : 50 * i + 50].unique()) == 1 for i in range(4))
    for i in range(4):
        torch.testing.assert_close(centers[i], x[label == i].mean(0))
    again = kmeans(x, 4, torch.Generator().manual_seed(0))
    assert torch.equal(again[0], centers) and torch.equal(again[1], label)


def test_kmeans_with_fewer_distinct_rows_than_centers():
    centers, label = kmeans(torch.ones(6, 2), 3, torch.Generator().manual_seed(0))
    assert torch.isfinite(centers).all() and label.shape == (6,) and label.max() < 3
    with pytest.raises(ValueError, match="7 clusters asked for among 6 rows"):
        kmeans(torch.ones(6, 2), 7, torch.Generator())


def test_parts_searched_one_after_another_give_the_whole_answer(monkeypatch):
    monkeypatch.setattr(neighbors, "WORK", 1)
    monkeypatch.setattr(neighbors, "ROWS", 500)
    x = torch.randn(2600, 3, generator=torch.Generator().manual_seed(3))
    distance, rows = knn(x, 4)  # three parts, six blocks of queries
    exact = torch.cdist(x.double(), x.double()).topk(4, largest=False)
    assert torch.equal(rows, exact.indices)
    assert torch.allclose(distance.double(), exact.values, atol=1e-5)


def squared_to_nearest(x, rows):
    return float(torch.cdist(x.double(), x[rows].double()).square().min(1).values.sum())


def test_a_greedy_start_is_nearer_to_all_rows_than_a_plain_one():
    """Blobs of which plain draws miss some: over seeds the sum of squares is lower, and no row is taken twice."""
    rng = torch.Generator().manual_seed(5)
    x = 6 * torch.randn(40, 8, generator=rng)[torch.arange(6000) % 40] + torch.randn(6000, 8, generator=rng)
    x -= x.mean(0)
    none, greedily, plainly = torch.zeros(0, dtype=torch.int64), [], []
    for seed in range(8):
        rows = spread_greedily(x, 40, torch.Generator().manual_seed(seed))
        assert len(rows.unique()) == 40
        greedily.append(squared_to_nearest(x, rows))
        plainly.append(squared_to_nearest(x, spread(Dense(x), 40, none, torch.Generator().manual_seed(seed))))
    assert sum(greedily) < 0.9 * sum(plainly)


def test_a_greedy_start_finds_rare_rows_and_fills_up_with_equal_ones():
    """Seven distinct rows among 20,000, some so rare that a sample misses them; then whatever is left."""
    x = torch.zeros(20_000, 3)
    x[:6] = torch.randn(6, 3, generator=torch.Generator().manual_seed(6))
    rows = spread_greedily(x - x.mean(0), 10, torch.Generator().manual_seed(0))
    assert len(rows.unique()) == 10 and set(range(6)) <= set(rows.tolist())
    assert len(spread_greedily(x[:1], 1, torch.Generator().manual_seed(0))) == 1
