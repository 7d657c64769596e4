"""CRAIG: against naive greedy, brute force and apricot; weights, prefixes, (near-)duplicates, given rows."""

import itertools

import pytest
import torch

from coreset_explore import LastLayer, Pool, greedy, reweigh, select
from coreset_explore.progress import Cancelled, listening
from tests.peers import apricot

NONE = torch.tensor([], dtype=torch.int64)


def gradients(n, c=4, d=6, seed=0, steps=1, integers=False):
    rng = torch.Generator().manual_seed(seed)
    if integers:
        r, h = (torch.randint(-3, 4, (steps, n, m), generator=rng).float() for m in (c, d))
    else:
        y = torch.randint(0, c, (n,), generator=rng)
        r = torch.softmax(2 * torch.randn(steps, n, c, generator=rng), 2) - torch.nn.functional.one_hot(y, c)
        h = torch.relu(torch.randn(steps, n, d, generator=rng))
    return LastLayer(r, h)


def pairwise(grads):
    x = grads.dense().double()
    return (x[:, None] - x[None]).norm(dim=2)


def naive(matrix, k, given=()):
    """Facility location by its definition: every gain anew at every pick, the first of equals."""
    matrix = matrix.double()
    nearest = matrix[list(given)].min(0).values if len(given) else matrix.max().expand(len(matrix))
    picks, gains = [], []
    for _ in range(k):
        gain = (nearest[None] - matrix).clamp_min(0).sum(1)
        gain[picks + list(given)] = -1
        picks.append(int((gain == gain.max()).nonzero()[0]))
        gains.append(float(gain.max()))
        nearest = torch.minimum(nearest, matrix[picks[-1]])
    return picks, gains


def cost(matrix, rows):
    return float(matrix.double()[torch.as_tensor(rows)].min(0).values.sum())


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("steps", [1, 3])
def test_distances_equal_those_of_the_built_matrix(compiled, steps):
    grads = gradients(300, steps=steps)
    found = greedy.distances(grads, compiled=compiled)
    assert torch.allclose(found.double(), pairwise(grads), rtol=1e-5, atol=1e-6)
    assert torch.equal(found, found.T)
    assert (found.diagonal() == 0).all()


@pytest.mark.parametrize("compiled", [True, False])
def test_distances_of_features(compiled):
    x = torch.randn(200, 7, generator=torch.Generator().manual_seed(1))
    found = greedy.distances(Pool.of(x).vectors("emb"), compiled=compiled)
    assert torch.allclose(found.double(), torch.cdist(x.double(), x.double()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("compiled", [True, False])
def test_near_duplicates_keep_their_distance(compiled):
    """Features that differ by 1e-4 of themselves: the expanded square has no digit left in float32."""
    one = gradients(100, d=64, seed=2)
    both = LastLayer(one.r.repeat(1, 2, 1), torch.cat([one.h, one.h * 1.0001], 1))
    found = greedy.distances(both, compiled=compiled)
    x = both.dense().double()
    true = (x[:100] - x[100:]).norm(dim=1)
    assert torch.allclose(found[torch.arange(100), torch.arange(100, 200)].double(), true, rtol=1e-2)
    assert true.max() < 1e-2


def test_more_rows_than_one_panel_and_one_chunk(monkeypatch):
    grads = gradients(2500, c=3, d=5, seed=3, integers=True)
    whole = greedy.distances(grads)
    monkeypatch.setattr("coreset_explore.greedy.facility.STEP", 1e6)
    assert torch.equal(greedy.distances(grads), whole)
    assert torch.allclose(whole, greedy.distances(grads, compiled=False), rtol=3e-7, atol=0)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_lazy_equals_naive_on_integers(compiled, seed):
    rng = torch.Generator().manual_seed(seed)
    matrix = torch.randint(0, 30, (120, 120), generator=rng).float()
    matrix = (matrix + matrix.T).fill_diagonal_(0)
    picks, gains, owner = greedy.cover(matrix, 60, NONE, compiled=compiled)
    want, saved = naive(matrix, 60)
    assert picks.tolist() == want
    assert gains.tolist() == saved
    assert torch.equal(matrix[picks[owner.long()], torch.arange(120)], matrix[picks].min(0).values)


@pytest.mark.parametrize("room", [1, 16, 10**9])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_lazy_equals_naive_whatever_is_gathered(monkeypatch, room, threads):
    """Rows of a plane, of which few matter soon: in room for all, for some and for none, by pieces on threads."""
    monkeypatch.setattr("coreset_explore.greedy.facility.ROOM", room)
    monkeypatch.setattr("coreset_explore.greedy.facility.PASS", 5_000)
    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    points = torch.randint(0, 99, (350, 2), generator=torch.Generator().manual_seed(room % 7)).float()
    points[150:] = points[:200].clone()
    matrix = torch.cdist(points, points).round()
    given = torch.tensor([5, 300]) if threads == 3 else NONE
    picks, gains, owner = greedy.cover(matrix, 250, given)
    want, saved = naive(matrix, 250, given.tolist())
    assert picks.tolist() == want and gains.tolist() == saved
    nearest, own = matrix[torch.cat([picks, given])].min(0).values, owner >= 0
    assert torch.equal(matrix[picks[owner[own].long()], own.nonzero()[:, 0]], nearest[own])
    assert torch.equal(matrix[given].min(0).values[~own] if len(given) else nearest[~own], nearest[~own])


@pytest.mark.parametrize("compiled", [True, False])
def test_every_row_is_picked_once_and_owns_itself(compiled):
    matrix = greedy.distances(gradients(90, seed=4))
    picks, _, owner = greedy.cover(matrix, 90, NONE, compiled=compiled)
    assert sorted(picks.tolist()) == list(range(90))
    assert torch.equal(owner[picks].long(), torch.arange(90))


@pytest.mark.parametrize("seed", range(3))
def test_at_least_63_percent_of_the_best_saving(seed):
    matrix = pairwise(gradients(12, seed=seed))
    worst = 12 * float(matrix.max())
    picks, gains, _ = greedy.cover(matrix.float(), 3, NONE)
    best = worst - min(cost(matrix, rows) for rows in itertools.combinations(range(12), 3))
    assert worst - cost(matrix, picks) >= (1 - 1 / 2.718281828) * best
    assert float(gains.sum()) == pytest.approx(worst - cost(matrix, picks), rel=1e-5)


def test_objective_equals_naive_on_real_valued_gradients():
    grads = gradients(400, seed=5)
    matrix = pairwise(grads)
    chosen = select("craig", Pool.of(grads=grads), 40)
    plain, _ = naive(matrix, 40)
    assert cost(matrix, chosen.indices) == pytest.approx(cost(matrix, plain), rel=1e-6)
    other = greedy.cover(greedy.distances(grads, compiled=False), 40, NONE, compiled=False)[0]
    assert cost(matrix, other) == pytest.approx(cost(matrix, plain), rel=1e-6)


def test_objective_equals_apricot():
    matrix = pairwise(gradients(250, seed=6))
    similar = (matrix.max() - matrix).numpy()
    with apricot() as peer:
        theirs = (
            peer.FacilityLocationSelection(25, metric="precomputed", optimizer="lazy").fit(similar).ranking
        )
    ours = greedy.cover(matrix.float(), 25, NONE)[0]
    assert cost(matrix, ours) == pytest.approx(cost(matrix, theirs.copy()), rel=1e-5)


def test_first_pick_is_the_medoid():
    grads = gradients(150, seed=7)
    chosen = select("craig", Pool.of(grads=grads), 1)
    assert chosen.indices[0] == pairwise(grads).sum(1).argmin()
    assert chosen.weights.tolist() == [150.0]


@pytest.mark.parametrize("steps", ["last", "all"])
def test_weights_are_cluster_sizes_and_restated_alike(steps):
    grads = gradients(300, seed=8, steps=2)
    pool = Pool.of(grads=grads)
    chosen = select("craig", pool, 30, steps=steps)
    owner = pairwise(grads if steps == "all" else grads.last)[chosen.indices].argmin(0)
    assert torch.equal(chosen.weights, torch.bincount(owner, minlength=30).double())
    assert float(chosen.weights.sum()) == 300
    assert torch.equal(reweigh(pool, chosen).weights, chosen.weights)


@pytest.mark.parametrize("wrap", [(), [("per_class", {})], [("per_class", {"view": "own_class"})]])
def test_prefix_is_the_answer_for_the_smaller_budget(wrap):
    y = torch.arange(240) % 4
    pool = Pool.of(grads=gradients(240, seed=9), y=y)
    long, short = select("craig", pool, 60, wrap=wrap), select("craig", pool, 23, wrap=wrap)
    assert torch.equal(long.indices[:23], short.indices)
    assert torch.equal(reweigh(pool, long[:23]).weights, short.weights)
    assert float(long.weights.sum()) == 240
    if wrap:
        assert torch.bincount(y[long.indices]).tolist() == [15] * 4


def test_per_batch_takes_whole_batches():
    pool = Pool.of(grads=gradients(200, seed=10))
    chosen = select("craig", pool, 50, wrap=[("per_batch", {"size": 10})])
    assert len(chosen) == 50 and float(chosen.weights.sum()) == pytest.approx(200)
    assert len(torch.unique(chosen.weights)) <= 5


@pytest.mark.parametrize("compiled", [True, False])
def test_duplicates_are_never_picked_twice(compiled):
    one = gradients(7, seed=11)
    grads = LastLayer(one.r.repeat(1, 4, 1), one.h.repeat(1, 4, 1))
    matrix = greedy.distances(grads, compiled=compiled)
    picks, gains, owner = greedy.cover(matrix, 28, NONE, compiled=compiled)
    assert sorted(picks.tolist()) == list(range(28))
    assert set((picks[:7] % 7).tolist()) == set(range(7)) and max(picks[:7]) < 7
    assert torch.allclose(gains[7:], torch.zeros(21, dtype=torch.float64), atol=1e-6)
    assert torch.bincount(owner.long()).tolist() == [1] * 28


def test_all_zero_gradients_and_one_row():
    zero = LastLayer(torch.zeros(1, 5, 3), torch.ones(1, 5, 2))
    assert select("craig", Pool.of(grads=zero), 5).indices.tolist() == [0, 1, 2, 3, 4]
    one = select("craig", Pool.of(grads=gradients(1)), 1)
    assert one.indices.tolist() == [0] and one.weights.tolist() == [1.0]


@pytest.mark.parametrize("compiled", [True, False])
def test_given_rows_cover_already(compiled):
    matrix = greedy.distances(gradients(100, seed=12, integers=True)).round()
    given = torch.tensor([4, 50])
    picks, gains, _ = greedy.cover(matrix, 20, given, compiled=compiled)
    want, saved = naive(matrix, 20, [4, 50])
    assert picks.tolist() == want and gains.tolist() == saved


def test_given_rows_in_select():
    pool = Pool.of(grads=gradients(80, seed=13))
    chosen = select("craig", pool, 10, given=[1, 2, 3])
    assert not set(chosen.indices.tolist()) & {1, 2, 3}
    assert float(chosen.weights.sum()) == 80


def test_row_order_changes_nothing():
    grads, shuffle = gradients(200, seed=14), torch.randperm(200, generator=torch.Generator().manual_seed(2))
    one = select("craig", Pool.of(grads=grads), 30)
    other = select("craig", Pool.of(grads=grads[shuffle], ids=shuffle), 30)
    assert torch.equal(one.ids, other.ids)
    assert torch.equal(one.weights, other.weights)


def test_feature_space_needs_features_only():
    x = torch.randn(100, 5, generator=torch.Generator().manual_seed(3))
    chosen = select("craig", Pool.of(x), 10, space="emb")
    matrix = torch.cdist(x, x)
    assert cost(matrix, chosen.indices) == pytest.approx(cost(matrix, naive(matrix, 10)[0]), rel=1e-5)


def test_cancelled_in_the_middle():
    asked = iter(range(10**6))
    with listening(should_stop=lambda: next(asked) > 40), pytest.raises(Cancelled):
        select("craig", Pool.of(grads=gradients(1500)), 700)


def test_refused_when_the_matrix_cannot_fit():
    grads = LastLayer(torch.zeros(1, 1, 2).expand(1, 600_000, 2), torch.zeros(1, 1, 2).expand(1, 600_000, 2))
    with pytest.raises(MemoryError, match="craig would need about 1508.* per_class"):
        select("craig", Pool.of(grads=grads), 10)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_row_as_far_from_every_pick_as_can_be_belongs_to_the_first(compiled):
    """Three corners of an equilateral triangle: whoever is picked, the others are at the largest distance."""
    matrix = 1.0 - torch.eye(3)
    picks, _, owner = greedy.cover(matrix, 2, NONE, compiled=compiled)
    assert picks.tolist() == [0, 1] and owner.tolist() == [0, 1, 0]
