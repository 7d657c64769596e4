"""GradSimCore against brute force and against scikit-learn's radius neighbors."""

import numpy as np
import pytest
import torch

from coreset_explore import Dense, LastLayer, Pool, select
from coreset_explore.gradients import cosine
from coreset_explore.methods.gradsim import COLUMNS, ROWS, mean_cosine, neighbor_counts, unit_factors
from tests.pools import make


def by_hand(grads, phi: float) -> torch.Tensor:
    """Eq. 5 as written: for every step and row, how many other rows' cosines exceed Φ."""
    total = torch.zeros(len(grads), dtype=torch.int64)
    for step in grads.steps:
        g = step.dense().double()
        for i in range(len(g)):
            for j in range(len(g)):
                cos = (g[i] @ g[j]) / (g[i].norm() * g[j].norm()).clamp_min(1e-300)
                total[i] += int(cos > phi and i != j)
    return total


@pytest.mark.parametrize("phi", [-0.5, 0.0, 0.2, 0.7])
def test_the_score_counts_neighbors_over_all_steps(phi):
    pool = make(40, steps=3)
    answer = select("gradsim", pool, 10, threshold=phi)
    assert answer.score.floor().long().tolist() == by_hand(pool.grads, phi).tolist()
    assert answer.info["threshold"] == phi


def test_ties_go_to_the_larger_mean_cosine_then_to_the_smaller_id():
    pool = make(40, steps=2)
    answer = select("gradsim", pool, 40, threshold=0.4)
    count = by_hand(pool.grads, 0.4).tolist()
    mean = sum(cosine(step).double().mean(1) for step in pool.grads.steps).tolist()
    wanted = sorted(range(40), key=lambda i: (-count[i], -mean[i], int(pool.ids[i])))
    assert answer.indices.tolist() == wanted

    same = pool[torch.zeros(6, dtype=torch.int64)]
    same = Pool({**same.fields, "ids": torch.tensor([5, 3, 9, 1, 7, 4])})
    assert select("gradsim", same, 6, threshold=0.5).ids.tolist() == [1, 3, 4, 5, 7, 9]


def test_mean_cosine_needs_no_pairs():
    step = make(50, steps=1).grads
    torch.testing.assert_close(mean_cosine(step), cosine(step).double().mean(1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [1, ROWS - 1, ROWS + 1, COLUMNS + 700])
def test_panels_equal_the_whole_matrix(n):
    """Fewer rows than a panel, one more, and more columns than a panel has."""
    step = make(n, d=8, c=4, steps=1, target=False).grads
    exact = cosine(step).double()
    for phi in (-0.1, 0.3, 0.8):
        counts = neighbor_counts(unit_factors(step), phi)
        exact.fill_diagonal_(-2.0)
        least, most = (
            (exact > phi + 1e-6).sum(1),
            (exact > phi - 1e-6).sum(1),
        )  # float32 decides within the band
        assert (least <= counts).all() and (counts <= most).all()


def test_rows_that_the_model_is_sure_of_still_have_a_direction():
    """Gradients of 1e-30 square to 0 in float32; their cosines are those of the same gradients, scaled."""
    grads = make(40, steps=1).grads
    tiny = LastLayer(grads.r * torch.logspace(0, -30, 40)[None, :, None], grads.h)
    for phi in (-0.2, 0.4):
        assert torch.equal(
            neighbor_counts(unit_factors(tiny), phi), neighbor_counts(unit_factors(grads), phi)
        )
    torch.testing.assert_close(mean_cosine(tiny), mean_cosine(grads))
    torch.testing.assert_close(cosine(tiny), cosine(grads))
    nothing = LastLayer(grads.r * 0, grads.h)
    assert not neighbor_counts(unit_factors(nothing), 0.0).any() and not cosine(nothing).any()


def test_counts_are_scikit_learns_radius_neighbors_on_dense_gradients():
    from sklearn.neighbors import NearestNeighbors

    pool, phi = make(120, d=6, steps=2), 0.35

    def counted(radius: float) -> np.ndarray:
        total = np.zeros(120)
        for step in pool.grads.steps:
            g = step.dense().double().numpy()
            g /= np.linalg.norm(g, axis=1, keepdims=True)  # scikit-learn takes rows below 1e-15 for zeros
            search = NearestNeighbors(metric="cosine", radius=radius).fit(g)
            total += [len(near) - 1 for near in search.radius_neighbors(g, return_distance=False)]
        return total

    counts = select("gradsim", pool, 10, threshold=phi).score.floor().numpy()
    assert (counted(1 - phi - 1e-6) <= counts).all() and (counts <= counted(1 - phi + 1e-6)).all()


def test_dense_gradients_count_as_factored_ones():
    pool = make(60, steps=1)
    built = pool.add(grads=Dense(pool.grads.dense()))
    one, two = (select("gradsim", p, 20, threshold=0.3) for p in (pool, built))
    assert one.indices.tolist() == two.indices.tolist()
    torch.testing.assert_close(one.score, two.score, rtol=1e-5, atol=1e-5)


def test_the_threshold_is_a_quantile_of_the_pairs_cosines():
    pool = make(200, steps=2)
    pairs = torch.cat(
        [cosine(s)[torch.triu_indices(200, 200, 1).unbind()] for s in pool.grads.steps]
    ).double()
    for quantile in (0.5, 0.9):
        got = select("gradsim", pool, 5, quantile=quantile).info["threshold"]
        assert abs(float((pairs < got).double().mean()) - quantile) < 0.03


def test_per_class_is_the_papers_algorithm():
    """Counts within each class, each class's best rows, and a score for every row of the pool."""
    pool = make(60, steps=2)
    answer = select("gradsim", pool, 9, wrap=[("per_class", {})], threshold=0.6)
    for label, members in pool.by_class().items():
        count = by_hand(pool[members].grads, 0.6)
        assert answer.score[members].floor().long().tolist() == count.tolist()
        best = count.sort(descending=True).values[:3].tolist()
        mine = [i for i in answer.indices.tolist() if int(pool.y[i]) == label]
        assert sorted(answer.score[mine].floor().tolist(), reverse=True) == best


def test_a_typical_row_ranks_first_and_a_mislabeled_one_last():
    rng = torch.Generator().manual_seed(1)
    r = torch.tensor([-0.5, 0.4, 0.1]).repeat(30, 1) + 0.02 * torch.randn(30, 3, generator=rng)
    r[7] = torch.tensor([0.3, -0.9, 0.6])
    pool = Pool.of(grads=LastLayer(r[None], 1 + 0.1 * torch.rand(1, 30, 4, generator=rng)))
    answer = select("gradsim", pool, 30, threshold=0.5)
    assert answer.indices[-1] == 7 and answer.score[7] < 1 and (answer.score[:7] > 28).all()


@pytest.mark.parametrize("wrap", [[], ["per_class"]])
def test_one_checkpoint_is_less_than_algorithm_1_sums(wrap):
    with pytest.warns(
        UserWarning, match="gradsim: neighbors were counted at one checkpoint.*checkpoints='each'"
    ):
        one = select("gradsim", make(30, steps=1), 6, wrap=wrap, show=False)
    assert one.remarks == (one.said("few_steps")[0],)
    assert select("gradsim", make(30, steps=2), 6, wrap=wrap, show=False).remarks == ()
