"""Inputs at the edge, which every method meets alike: a sentence for a mistake, an answer for what is merely odd."""

import pytest
import torch

from coreset_explore import METHODS, Dense, LastLayer, Pool, select
from tests.pools import constant, make

PER_CLASS = [("per_class", {})]
DRAWN = {
    "random",
    "badge",
    "fastcore",
    "fastcore_hull",
    "stratified_lsh",
    "kmeans",
    "typiclust",
}  # by their seed
MATCHING = {"glister": {}, "gradmatch": {"against": "validation"}}


@pytest.mark.parametrize("name, params", MATCHING.items())
def test_a_class_without_validation_rows_is_named_with_what_to_do(name, params):
    pool = make(30)
    without = Pool(pool.fields, pool.classes, pool.target[pool.target.y != 1])
    with pytest.raises(ValueError, match="no validation row belongs to this group; set more rows aside"):
        select(name, without, 6, wrap=PER_CLASS, show=False, **params)


@pytest.mark.parametrize("name, params", MATCHING.items())
def test_a_target_of_another_width_is_told_both_widths(name, params):
    pool, other = make(30, d=5), make(30, d=7).target
    with pytest.raises(ValueError, match="(36 numbers|7 features|24 numbers).* (36|18|5)"):
        select(name, Pool(pool.fields, pool.classes, other), 6, show=False, **params)


@pytest.mark.parametrize("threshold", [-1.0, 1.0])
def test_equal_counts_of_similar_gradients_leave_the_mean_cosine_to_decide(threshold):
    """Above −1 all rows are neighbors of all, above 1 none is: counts are equal and say nothing."""
    pool = make(40)
    answer = select("gradsim", pool, 40, threshold=threshold, show=False)
    means = []
    for step in pool.grads.steps:
        dense = step.dense().double()
        unit = dense / dense.norm(dim=1, keepdim=True)  # some are 1e-14 long
        means.append(unit @ unit.mean(0))
    assert answer.indices.tolist() == torch.stack(means).mean(0).argsort(descending=True).tolist()


@pytest.mark.parametrize("name", sorted(set(METHODS) - DRAWN))
def test_equal_rows_are_picked_once_each_and_by_id(name):
    pool = constant(1.0, 14)
    shuffled = pool[torch.randperm(14, generator=torch.Generator().manual_seed(1))]
    answer = select(name, shuffled, 14, show=False)
    assert len(answer.indices.unique()) == len(answer)
    assert answer.ids.tolist() == sorted(answer.ids.tolist()) and (not len(answer) or answer.ids[0] == 0)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_pairs_of_equal_rows_never_give_one_row_twice(name):
    pool = make(30)[torch.arange(30).repeat(2)]
    pool = Pool({**pool.fields, "ids": torch.arange(60)}, pool.classes, pool.target)
    for k in (20, 60):
        answer = select(name, pool, k, show=False)
        assert len(answer.indices.unique()) == len(answer) and (len(answer) == k or answer.info["stopped"])


@pytest.mark.parametrize("name", sorted(METHODS))
def test_gradients_and_features_of_zeros_give_every_row_or_a_reason(name):
    pool = constant(0.0, 14)
    for k in (1, 14):
        answer = select(name, pool, k, show=False)
        assert len(answer) == k or (len(answer) < k and len(answer.info["stopped"]) > 10)
        assert answer.weights is None or torch.isfinite(answer.weights).all()


@pytest.mark.parametrize("name", ["fastcore", "craig_pq"])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_fewer_rows_than_codewords(name, rows):
    pool = Pool.of(torch.randn(rows, 8, generator=torch.Generator().manual_seed(0)))
    more = {"bound": "true"} if name == "fastcore" else {}
    answer = select(name, pool, rows, centroids=256, show=False, **more)
    assert sorted(answer.indices.tolist()) == list(range(rows)) and float(answer.weights.sum()) == rows


def test_gradients_that_do_not_belong_to_the_features_are_told_apart():
    with pytest.raises(ValueError, match=r"LastLayer wants r \(steps, n, classes\)"):
        LastLayer(torch.zeros(1, 4, 3), torch.zeros(1, 5, 2))
    with pytest.raises(ValueError, match=r"one row a gradient, \(n, p\)"):
        Dense(torch.zeros(4))


@pytest.mark.parametrize("space", ["emb", "grads"])
@pytest.mark.parametrize("name", ["herding", "kcenter", "uniqueness", "cal", "gradsim"])
def test_numbers_too_large_to_square_are_refused_alike(name, space):
    """Squared they are infinite: distances all 0 or infinite say nothing, and no argmin is to be tried on them."""
    pool = make(60)
    grads = LastLayer(pool.grads.r, pool.grads.h * 1e25)
    pool = pool.add(emb=pool.emb * 1e25, grads=grads)
    params = {"space": space} if name in ("herding", "kcenter") else {}
    params |= {"metric": "euclidean"} if name == "uniqueness" else {}
    with pytest.raises(ValueError, match="60 rows hold NaN, infinity or values too large to square"):
        select(name, pool, 9, show=False, **params)


def test_directions_of_large_numbers_are_those_of_small_ones():
    """Cosines need no square of a length: features of 1e25 rank and are picked as the same features divided by it."""
    pool = make(60)
    large = pool.add(emb=pool.emb * 2.0**83)
    for name, params in (
        ("uniqueness", {"metric": "cosine"}),
        ("herding", {"normalize": True}),
        ("kcenter", {"metric": "cosine"}),
    ):
        one, two = (select(name, p, 20, show=False, **params) for p in (pool, large))
        assert one.indices.tolist() == two.indices.tolist()
        assert one.score is None or torch.allclose(one.score, two.score)
