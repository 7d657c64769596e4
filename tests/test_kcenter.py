"""k-center: against brute force and the plain loop; duplicates, prefixes, ties, given rows, both spaces."""

import itertools

import pytest
import torch

from coreset_explore import LastLayer, Pool, greedy, select
from coreset_explore.progress import Cancelled, listening
from coreset_explore.selecting.weights import reweigh
from tests.pools import make, rng

NONE = torch.tensor([], dtype=torch.int64)


def draw(n, d, seed=0, integers=False):
    rng = torch.Generator().manual_seed(seed)
    return (
        torch.randint(-4, 5, (n, d), generator=rng).float() if integers else torch.randn(n, d, generator=rng)
    )


def gradients(n, c, d, seed=0, steps=1, integers=False):
    r = draw(steps * n, c, seed, integers).reshape(steps, n, c)
    return LastLayer(r, draw(steps * n, d, seed + 1, integers).reshape(steps, n, d))


def plain(x, k, first):
    """Farthest first as the textbook has it, in float64."""
    x = x.double()
    picks, nearest = [first], (x - x[first]).norm(dim=1)
    while len(picks) < k:
        far = int((nearest == nearest.max()).nonzero()[0])
        picks.append(far)
        nearest = torch.minimum(nearest, (x - x[far]).norm(dim=1))
    return picks


def radius(x, rows):
    return torch.cdist(x, x[torch.as_tensor(rows)]).min(1).values.max()


@pytest.mark.parametrize("seed", range(3))
def test_at_most_twice_the_smallest_radius(seed):
    x = draw(11, 2, seed)
    chosen = select("kcenter", Pool.of(x), 3)
    smallest = min(radius(x, rows) for rows in itertools.combinations(range(11), 3))
    assert radius(x, chosen.indices) <= 2 * smallest + 1e-6


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("integers", [True, False])
def test_equals_the_plain_loop(compiled, integers):
    x = draw(300, 5, 1, integers)
    mean = x.double().mean(0)
    first = int((x.double() - mean).norm(dim=1).argmin())
    picks, _, _ = greedy.farthest_first(Pool.of(x).vectors("emb"), 80, NONE, compiled=compiled)
    assert picks.tolist() == plain(x, 80, first)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("steps", [1, 3])
def test_gradient_space_equals_the_built_matrix(compiled, steps):
    grads = gradients(150, 4, 6, 2, steps, integers=True)
    factored = greedy.farthest_first(grads, 40, NONE, compiled=compiled)
    dense = greedy.farthest_first(Pool.of(grads.dense()).vectors("emb"), 40, NONE, compiled=compiled)
    assert torch.equal(factored[0], dense[0])
    assert torch.allclose(factored[1], dense[1], rtol=1e-6)
    assert torch.equal(factored[2].long(), dense[2].long())


def test_cosine_looks_at_directions_only():
    x = draw(200, 6, 3)
    scale = torch.linspace(0.1, 10, 200)[:, None]
    one = select("kcenter", Pool.of(x), 30, metric="cosine")
    other = select("kcenter", Pool.of(x * scale), 30, metric="cosine")
    directions = torch.nn.functional.normalize(x)
    assert one.indices[:1].tolist() + plain(directions, 30, int(one.indices[0]))[1:] == one.indices.tolist()
    assert torch.equal(one.indices, other.indices)
    assert torch.equal(reweigh(Pool.of(x), one).weights, one.weights)


def test_near_duplicates_far_from_the_origin_are_told_apart():
    """‖a‖² + ‖b‖² − 2⟨a, b⟩ in float32 has no digit left here."""
    x = 1000 + 0.01 * draw(400, 20, 4)
    picks, reach, _ = greedy.farthest_first(Pool.of(x).vectors("emb"), 50, NONE)
    first = int((x.double() - x.double().mean(0)).norm(dim=1).argmin())
    assert picks.tolist() == plain(x, 50, first)
    true = torch.cdist(x[picks[20:21]].double(), x[picks[:20]].double()).min()
    assert reach[20] == pytest.approx(float(true), rel=1e-5)


def test_gains_are_the_radius_before_each_pick():
    x = draw(120, 3, 5)
    chosen = select("kcenter", Pool.of(x), 20)
    assert chosen.gains[0] == chosen.gains[1]
    for j in (1, 5, 19):
        assert chosen.gains[j] == pytest.approx(float(radius(x, chosen.indices[:j])), rel=1e-5)


def test_weights_are_cluster_sizes_and_restated_alike():
    pool = Pool.of(draw(500, 4, 6))
    chosen = select("kcenter", pool, 40)
    owner = torch.cdist(pool.emb, pool.emb[chosen.indices]).argmin(1)
    assert torch.equal(chosen.weights, torch.bincount(owner, minlength=40).double())
    assert torch.equal(reweigh(pool, chosen).weights, chosen.weights)
    assert float(reweigh(pool, chosen[:7]).weights.sum()) == 500


def test_prefix_is_the_answer_for_the_smaller_budget():
    pool = Pool.of(draw(400, 8, 7))
    long, short = select("kcenter", pool, 90), select("kcenter", pool, 33)
    assert torch.equal(long.indices[:33], short.indices)
    assert torch.equal(reweigh(pool, long[:33]).weights, short.weights)


@pytest.mark.parametrize("compiled", [True, False])
def test_duplicates_are_never_picked_twice(compiled):
    x = draw(6, 3, 8, integers=True).repeat(5, 1)
    picks, reach, owner = greedy.farthest_first(Pool.of(x).vectors("emb"), 30, NONE, compiled=compiled)
    assert sorted(picks.tolist()) == list(range(30))
    different = len(torch.unique(x, dim=0))
    assert (reach[:different] > 0).all() and (reach[different:] == 0).all()
    assert picks[different:].tolist() == sorted(picks[different:].tolist())
    assert torch.bincount(owner.long(), minlength=30).sum() == 30 and (owner[picks] == torch.arange(30)).all()


@pytest.mark.parametrize("n", [1, 2])
def test_tiny_pools(n):
    chosen = select("kcenter", Pool.of(torch.zeros(n, 3)), n)
    assert chosen.indices.tolist() == list(range(n))
    assert chosen.weights.tolist() == [1.0] * n


def test_every_row():
    chosen = select("kcenter", Pool.of(draw(150, 4, 9)), 150)
    assert sorted(chosen.indices.tolist()) == list(range(150))
    assert (chosen.weights == 1).all()


@pytest.mark.parametrize("compiled", [True, False])
def test_given_rows_are_centers_already(compiled):
    x = draw(200, 4, 10, integers=True)
    given = torch.tensor([3, 77, 140])
    picks, _, owner = greedy.farthest_first(Pool.of(x).vectors("emb"), 20, given, compiled=compiled)
    nearest = torch.cdist(x, x[given]).min(1).values
    for number, pick in enumerate(picks.tolist()):
        nearest[given], nearest[picks[:number]] = -1, -1
        assert nearest[pick] == nearest.max()
        nearest = torch.minimum(nearest, (x - x[pick]).norm(dim=1))
    assert not torch.isin(picks, given).any() and (owner[given] == -1).all()


def test_given_rows_in_select():
    pool = Pool.of(draw(200, 4, 11))
    chosen = select("kcenter", pool, 10, given=[0, 5, 9])
    assert not set(chosen.indices.tolist()) & {0, 5, 9}
    assert float(chosen.weights.sum()) == 200


def test_row_order_changes_nothing():
    x, shuffle = draw(250, 6, 12), torch.randperm(250, generator=torch.Generator().manual_seed(1))
    one = select("kcenter", Pool.of(x), 40)
    other = select("kcenter", Pool.of(x[shuffle], ids=shuffle), 40)
    assert torch.equal(one.ids, other.ids)
    assert torch.equal(one.weights, other.weights)


def test_ties_go_to_the_smaller_id():
    """The corners of a square are equally far from the middle."""
    x = torch.tensor([[1.0, 1], [-1, 1], [0, 0], [1, -1], [-1, -1]])
    chosen = select("kcenter", Pool.of(x), 2)
    assert chosen.indices.tolist() == [2, 0]
    renamed = select("kcenter", Pool.of(x, ids=[9, 4, 1, 0, 7]), 2)
    assert renamed.ids.tolist() == [1, 0]


def test_composes_per_class():
    y = torch.arange(300) % 3
    pool = Pool.of(draw(300, 5, 13), y)
    chosen = select("kcenter", pool, 30, wrap=[("per_class", {})])
    assert torch.bincount(y[chosen.indices]).tolist() == [10, 10, 10]
    assert torch.equal(chosen[:12].indices, select("kcenter", pool, 12, wrap=[("per_class", {})]).indices)


def test_cancelled_in_the_middle():
    asked = iter(range(10**6))
    with listening(should_stop=lambda: next(asked) > 20), pytest.raises(Cancelled):
        select("kcenter", Pool.of(draw(5000, 16, 14)), 2000)


def test_vectors_that_cannot_be_measured():
    pool = Pool.of(torch.full((4, 2), 1e30))
    with pytest.raises(ValueError, match="4 rows hold NaN, infinity or values too large"):
        select("kcenter", pool, 2)


def test_cosines_of_gradients_too_small_to_be_squared_are_those_of_the_same_gradients_scaled():
    """A row the model is sure of has a gradient of 1e-25, whose square float32 takes for 0."""
    pool = make(60, steps=1)
    scale = torch.linspace(0, -100, 60).round().exp2()[torch.randperm(60, generator=rng())]
    tiny = pool.add(grads=LastLayer(pool.grads.r * scale[None, :, None], pool.grads.h))
    for method in ("kcenter", "kcenter_robust"):
        one, two = (select(method, p, 20, space="grads", metric="cosine", show=False) for p in (pool, tiny))
        assert one.indices.tolist() == two.indices.tolist() and one.weights.tolist() == two.weights.tolist()
