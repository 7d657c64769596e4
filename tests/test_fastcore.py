"""FastCore and its relatives: weights, prefixes, awkward pools, and the cost beside CRAIG's and random's."""

import pytest
import torch

from coreset_explore import Dense, Pool, load, select
from coreset_explore.greedy import nearest_pick
from tests.pools import make

BOUNDS = ["centroid", "true", "paper"]
GROUPED = [("fastcore", {"bound": bound}) for bound in BOUNDS] + [("fastcore_hull", {})]
EVERY = [*GROUPED, ("fastcore", {"groups": "kmeans"}), ("craig_pq", {}), ("stratified_lsh", {})]


def uneven(n=900, d=10, seed=0):
    """Clusters of very different sizes and widths, as in real tables."""
    rng = torch.Generator().manual_seed(seed)
    center = (40 * torch.rand(n, generator=rng) ** 3).long()
    width = torch.rand(40, generator=rng)[center.clamp_max(39), None]
    return 2 * torch.randn(41, d, generator=rng)[center] + width * torch.randn(n, d, generator=rng)


def cost(x, rows):
    """Σ_i min_{j ∈ S} ‖x_i − x_j‖: what CRAIG makes small."""
    return float(nearest_pick(Dense(x), rows)[1].double().sum())


@pytest.mark.parametrize(("name", "params"), EVERY)
def test_weights_sum_to_n_and_prefixes_are_answers(name, params):
    x = uneven(300)
    whole = select(name, Pool.of(x), 60, **params)
    assert whole.weights.sum() == pytest.approx(300, abs=1e-9)
    if name != "stratified_lsh":
        assert whole.weights.sum() == 300 and (whole.weights == whole.weights.round()).all()
    for j in (1, 13):
        assert select(name, Pool.of(x), j, **params).indices.tolist() == whole.indices[:j].tolist()


@pytest.mark.parametrize(("name", "params"), GROUPED)
def test_a_weight_is_the_size_of_the_groups_a_pick_stands_for(name, params):
    chosen = select(name, Pool.of(uneven(300)), 25, most=40, **params)
    assert chosen.info["groups"] <= 40 and chosen.info["bound_error"] >= 0
    assert chosen.info["idle"] == int((chosen.weights == 0).sum())
    few = select(name, Pool.of(uneven(300)), 25, most=4, **params)
    assert few.info["groups"] <= 4 and few.info["idle"] >= 21 and few.weights.sum() == 300


@pytest.mark.parametrize(("name", "params"), EVERY)
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_few_rows_duplicates_and_constant_features(name, params, rows):
    for x in (torch.randn(rows, 3, generator=torch.Generator().manual_seed(0)), torch.ones(rows, 3)):
        for k in {1, rows}:
            chosen = select(name, Pool.of(x), k, **params)
            assert len(chosen) == k == len(chosen.indices.unique())
            assert chosen.weights.sum() == pytest.approx(rows)
    half = torch.tensor([[0.0, 0.0], [5.0, 1.0]])[torch.arange(40) % 2]
    chosen = select(name, Pool.of(half), 2, **params)
    if name != "stratified_lsh":
        assert len(half[chosen.indices].unique(dim=0)) == 2 and chosen.weights.tolist() == [20, 20]


@pytest.mark.parametrize(("name", "params"), EVERY)
def test_another_seed_and_one_feature(name, params):
    x = uneven(200, 1)
    one, two = (select(name, Pool.of(x), 9, seed=seed, **params) for seed in (0, 0))
    assert one.indices.tolist() == two.indices.tolist()
    assert len(select(name, Pool.of(x), 9, seed=5, **params)) == 9


@pytest.mark.parametrize(("name", "params"), EVERY)
def test_rows_that_cannot_be_measured_are_refused(name, params):
    x = torch.full((6, 2), 1e30)
    with pytest.raises(ValueError, match="too large to square"):
        select(name, Pool.of(x), 2, **params)


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_cost_is_near_exact_craigs_and_far_below_randoms(bound):
    x = uneven()
    for k in (20, 60):
        craig = cost(x, select("craig", Pool.of(x), k, space="emb").indices)
        random = cost(x, select("random", Pool.of(x), k).indices)
        mine = cost(x, select("fastcore", Pool.of(x), k, bound=bound).indices)
        assert mine < craig + (0.15 if bound == "centroid" else 0.5) * (random - craig)


def test_fine_groups_and_every_candidate_make_fastcore_craig():
    """With a group a row the centers are the rows, and the greedy over all candidates is CRAIG's."""
    x = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    params = {"groups": "kmeans", "most": 10_000, "sample": 1000}
    chosen, craig = select("fastcore", Pool.of(x), 30, **params), select("craig", Pool.of(x), 30, space="emb")
    assert chosen.info["groups"] == 200
    assert chosen.indices.tolist() == craig.indices.tolist()
    assert chosen.weights.tolist() == craig.weights.tolist()


def test_craig_on_exact_codes_is_craig():
    x = torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
    chosen, craig = select("craig_pq", Pool.of(x), 12), select("craig", Pool.of(x), 12, space="emb")
    assert chosen.indices.tolist() == craig.indices.tolist() and chosen.info["codes"] == 100
    assert chosen.weights.tolist() == craig.weights.tolist()


def test_gradients_are_read_dense_and_refused_where_they_do_not_fit():
    pool = make()
    dense = Pool.of(pool.grads.last.dense(), ids=pool.ids)
    for name in ("fastcore", "craig_pq", "stratified_lsh"):
        chosen = select(name, pool, 8, space="grads")
        assert chosen.indices.tolist() == select(name, dense, 8).indices.tolist()
    wide = make(40, d=600, c=3, steps=1)
    n = 1 << 20
    huge = wide.grads.r[:, :1].expand(1, n, -1), wide.grads.h[:, :1].expand(1, n, -1)
    grads = type(wide.grads)(*huge)
    pool = Pool({"ids": torch.arange(n), "grads": grads})
    with pytest.raises(ValueError, match=r"GB as a dense matrix; .*per_class"):
        from coreset_explore import METHODS

        METHODS["stratified_lsh"](pool, 5, rng=torch.Generator(), space="grads")


def test_stratified_takes_each_groups_share():
    x = torch.cat([torch.zeros(60, 2) - 9, torch.zeros(30, 2) + 9, torch.tensor([[9.0, -9.0]] * 30)])
    x = x + 0.01 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    x[:60] = x[0]
    chosen = select("stratified_lsh", Pool.of(x), 12, bits=1)
    assert chosen.info["groups"] == 2
    code = x[chosen.indices, 0] < 0
    assert int(code.sum()) == 6, "half of the rows lie in one group, so half of the picks do"


@pytest.mark.data("covertype")
def test_real_covertype_within_five_percent_of_craig():
    data = load("covertype")
    x = torch.as_tensor(data.x).float()
    spread = x.std(0)
    x = (x - x.mean(0)) / torch.where(spread > 0, spread, 1.0)
    rows = (torch.as_tensor(data.y) == 2).nonzero()[:, 0]
    x = x[rows]
    for share in (0.01, 0.05):
        craig = cost(x, select("craig", Pool.of(x), share, space="emb").indices)
        mine = cost(x, select("fastcore", Pool.of(x), share).indices)
        random = cost(x, select("random", Pool.of(x), share).indices)
        assert mine < 1.05 * craig and mine < 0.8 * random
