"""The neighbor list: by brute force in every space and metric, with duplicates, and for some rows alone."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import coreset_explore as cx
from coreset_explore import Dense, Pool, neighbor_list, select
from tests.pools import gradients, make

POOL = make(50)
POOL = POOL.add(grads=gradients(POOL.logits / 9, POOL.y, POOL.emb))  # of a model that is sure of nothing


def brute(far: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest first, of equals the first row, itself left out."""
    far = far.copy()
    np.fill_diagonal(far, np.inf)
    rows = np.argsort(far, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(far, rows, 1)


def distances(x: torch.Tensor, metric: str) -> np.ndarray:
    x = x.double()
    if metric == "cosine":
        x = x / x.norm(dim=1, keepdim=True)
        return (1 - x @ x.T).numpy()
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").numpy()


@pytest.mark.parametrize("asked", [None, [7, 3, 49], [-1]])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("space", ["emb", "grads"])
def test_as_by_brute_force(space, metric, asked):
    x = POOL.emb if space == "emb" else POOL.grads.last.dense()
    rows, far = brute(distances(x, metric), 4)
    found = neighbor_list(POOL, 4, asked, space=space, metric=metric)
    asked = slice(None) if asked is None else asked
    assert found.rows.tolist() == rows[asked].tolist()
    assert np.allclose(found.distance, far[asked], rtol=1e-4, atol=1e-6)


def test_duplicates_leave_no_row_on_its_own_list():
    x = torch.zeros(8, 2)
    x[7] = 5.0
    for pool in (Pool.of(x), Pool.of(grads=Dense(x))):
        for asked in (None, list(range(8))):
            found = neighbor_list(pool, 3, asked)
            assert not (found.rows == torch.arange(8)[:, None]).any()
            assert (found.distance[:7] == 0).all() and (found.distance[7] > 7).all()
            assert all(len(set(row)) == 3 for row in found.rows.tolist())


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
def test_by_a_similarity_given(make):
    s = np.random.default_rng(0).permutation(144).reshape(12, 12) / 8
    rows, far = brute(s.max() - s, 3)
    for asked in (None, [5, 0]):
        found = neighbor_list(Pool.of(similarity=make(s)), 3, asked)
        assert found.rows.tolist() == rows[slice(None) if asked is None else asked].tolist()
        assert np.allclose(found.distance, far[slice(None) if asked is None else asked])


def test_a_sparse_one_names_those_that_are_stored():
    s = sp.csr_matrix(np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.25, 0.75, 0.0]]))
    found = neighbor_list(Pool.of([[0.0], [9.0], [1.0]], similarity=s), 2)
    assert found.rows.tolist() == [[1, -1], [-1, -1], [1, 0]]
    assert found.distance.tolist() == [[0.5, torch.inf], [torch.inf, torch.inf], [0.25, 0.75]]


def test_uniqueness_is_made_of_it():
    found = neighbor_list(POOL, 3, metric="cosine").distance.double()
    value = found @ torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    score = select("uniqueness", POOL, 5, show=False).score
    assert torch.allclose(score, value / value.max(), rtol=1e-6)


def test_mistakes():
    for k, sentence in (
        (50, "50 neighbors asked for among 49 other rows; ask for 49 at most"),
        (0, "k, the number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            neighbor_list(POOL, k)
    with pytest.raises(ValueError, match="space is one of 'similarity', 'emb', 'grads', not 'pixels'"):
        neighbor_list(POOL, 2, space="pixels")
    with pytest.raises(
        ValueError, match="metric is one of 'euclidean', 'cosine', not 'cosin'; did you mean 'cosine'"
    ):
        neighbor_list(POOL, 2, metric="cosin")
    with pytest.raises(ValueError, match="rows is a list of row numbers from 0 to 49, and row 50"):
        neighbor_list(POOL, 2, [50])
    with pytest.raises(cx.Missing, match="this needs 'emb'"):
        neighbor_list(Pool.of(logits=[[0.0], [1.0]]), 1)
    assert (
        neighbor_list(POOL, 2, []).rows.shape
        == (0, 2)
        == neighbor_list(POOL, 2, [], space="grads").rows.shape
    )
