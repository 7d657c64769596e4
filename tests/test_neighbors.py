"""Neighbors against all distances, duplicates and offsets included; k-means against its own definition."""

import pytest
import torch

from coreset_explore import Cancelled, listening, neighbors
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
