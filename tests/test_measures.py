"""Measures against brute force in float64, and paths against their pointwise calls."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_explore import measures
from coreset_explore.gradients import LastLayer
from coreset_explore.pool import Missing, Pool
from coreset_explore.progress import Cancelled, listening
from coreset_explore.selecting.run import select
from coreset_explore.selecting.weights import reweigh
from coreset_explore.selection import Selection

N, D, C, K = 240, 30, 3, 40
BUDGETS = [40, 1, 7, 20, 7]


def make_pool(n=N, d=D, steps=2, seed=0, shift=0.0) -> Pool:
    rng = torch.Generator().manual_seed(seed)
    h = torch.randn(steps, n, d, generator=rng) + shift
    y = torch.randint(C, (n,), generator=rng)
    y[:C] = torch.arange(C)
    r = torch.randn(steps, n, C, generator=rng).softmax(2)
    r[:, torch.arange(n), y] -= 1.0
    return Pool.of(h[-1], y, grads=LastLayer(r, h))


def order(pool: Pool, k=K, seed=1, **info) -> Selection:
    rows = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))[:k]
    chosen = Selection(rows, info={"weights": "uniform", **info})
    return reweigh(pool, chosen)


KINDS = {
    "uniform": {"weights": "uniform"},
    "uniform per class": {"weights": "uniform", "wrap": [["per_class", {}]]},
    "counts": {"weights": "counts", "params": {"space": "grads", "steps": "all"}},
    "counts in emb": {"weights": "counts", "params": {"space": "emb"}},
    "counts per class": {"weights": "counts", "wrap": [["per_class", {}]], "params": {"space": "grads"}},
    "match": {"weights": "match", "params": {"nonnegative": False}},
    "match per class and output": {"weights": "match", "wrap": [["per_class", {"view": "own_class"}]]},
    "match in two stages": {"weights": "match", "wrap": [["two_stage", {}]]},
    "match by batch": {"weights": "match", "wrap": [["per_batch", {"size": 16}]]},
}


@pytest.mark.parametrize("step", ["last", "all", 0, -1])
def test_gradient_error_is_the_definition(step):
    pool = make_pool()
    chosen = order(pool, weights="counts")
    dense = {"last": pool.grads.last, "all": pool.grads, 0: pool.grads.steps[0], -1: pool.grads.last}[step]
    g = dense.dense().double()
    expected = (chosen.weights @ g[chosen.indices] - g.sum(0)).norm() / g.sum(0).norm()
    assert measures.gradient_error(pool, chosen, step) == pytest.approx(float(expected), rel=1e-6)


def test_gradient_error_by_gradients_that_selecting_did_not_use():
    pool, later = make_pool(), make_pool(seed=5)
    chosen = order(pool)
    direct = measures.gradient_error(later, chosen)
    assert measures.gradient_error(pool, chosen, grads=later) == direct
    assert measures.gradient_error(pool, chosen, grads=later.grads) == direct
    assert direct != measures.gradient_error(pool, chosen)
    with pytest.raises(ValueError, match="same 240 rows, got 10"):
        measures.gradient_error(pool, chosen, grads=later[:10])


def test_gradient_error_at_the_edges():
    pool = make_pool()
    everything = Selection.of(range(N))
    assert measures.gradient_error(pool, everything) < 1e-12
    assert measures.gradient_error(pool, Selection.of([])) == 1.0
    r, h = torch.tensor([[[1.0], [-1.0]]]), torch.ones(1, 2, 3)
    flat = Pool.of(h[0], grads=LastLayer(r, h))  # the gradients cancel
    assert measures.gradient_error(flat, Selection.of([0, 1])) == 0.0
    assert measures.gradient_error(flat, Selection.of([0])) == math.inf
    with pytest.raises(ValueError, match="'last', 'all' or a number from 0 to 1, got 2"):
        measures.gradient_error(pool, everything, 2)
    with pytest.raises(Missing, match="cx.signals"):
        measures.gradient_error(Pool.of(torch.ones(3, 2)), Selection.of([0]))


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_path_equals_reweighing_at_each_budget(kind):
    pool = make_pool()
    chosen = order(pool, **KINDS[kind])
    path = measures.gradient_path(pool, chosen, BUDGETS)
    assert path.budgets == tuple(BUDGETS)
    for b, error, part in zip(BUDGETS, path.errors, path.at, strict=True):
        expected = reweigh(pool, chosen[:b])
        assert torch.equal(part.indices, expected.indices)
        assert torch.allclose(part.weights, expected.weights, rtol=1e-6, atol=1e-9)
        assert error == pytest.approx(measures.gradient_error(pool, expected), rel=1e-6)


def test_gradient_path_of_a_real_method_keeps_its_own_weights():
    pool = make_pool()
    chosen = select("random", pool, 30, wrap=[("per_class", {})])
    path = measures.gradient_path(pool, chosen, [5, 30, 300])
    assert torch.allclose(path.at[1].weights, chosen.weights)
    assert len(path.at[2]) == 30 and path.errors[1] == path.errors[2]
    assert path.at[0].info["k"] == 5 and path.at[1].ids is not None


def test_own_weights_hold_at_their_own_budget_only():
    pool = make_pool()
    mine = Selection.of([3, 5, 8], [100.0, 100.0, 40.0])
    path = measures.gradient_path(pool, mine, [1, 3])
    assert path.at[0].weights is None and path.at[1].weights.tolist() == [100.0, 100.0, 40.0]
    assert path.errors[1] == measures.gradient_error(pool, mine)


def counted(pool: Pool, rows: torch.Tensor, how: str, space: str) -> tuple[torch.Tensor, torch.Tensor]:
    """How many rows each pick is nearest to (k,), and each row's distance to its own (n,), by dense float64 vectors."""
    vectors = (pool.emb if space == "emb" else pool.grads.last.dense()).double()
    if how == "cosine":
        vectors = vectors / vectors.norm(dim=1, keepdim=True)
    near = (vectors[:, None] - vectors[rows]).norm(dim=2)
    return near.argmin(1).bincount(minlength=len(rows)).double(), near.min(1).values


COUNTING = [
    ("craig", {"space": "grads"}, "euclidean"),
    ("craig", {"space": "emb"}, "euclidean"),
    *(
        (method, {"space": space, "metric": metric}, metric)
        for method, spaces in (("kcenter", 2), ("kcenter_robust", 2), ("maxherding", 1))
        for space in ("emb", "grads")[:spaces]
        for metric in ("euclidean", "cosine")
    ),
    *(
        ("facility_location", {"space": space, "similarity": kind}, kind)
        for space in ("emb", "grads")
        for kind in ("cosine", "rbf")
    ),
    ("kmeans", {}, "euclidean"),
]


@pytest.mark.parametrize(
    "method, params, how", COUNTING, ids=lambda v: str(v) if isinstance(v, str) else None
)
@pytest.mark.parametrize("wrap", [(), [("per_class", {})]], ids=["whole", "per class"])
def test_counts_at_every_budget_are_those_of_the_methods_own_distance(method, params, how, wrap):
    """Rows lie off the origin and differ in length, so that distances and cosines name other picks."""
    pool = make_pool(60, 4, shift=0.5)
    pool = pool.add(emb=pool.emb * torch.linspace(0.2, 5, 60)[:, None])
    chosen = select(method, pool, 20, wrap=wrap, show=False, **params)
    space = chosen.info["params"].get("space", "emb")
    groups = pool.by_class().values() if wrap else [torch.arange(60)]
    for part in measures.prefixes(pool, chosen, [1, 3, 8, 20]):
        for rows in groups:
            mine = torch.isin(part.indices, rows)
            if mine.any():
                local = torch.searchsorted(rows, part.indices[mine])
                wanted, _ = counted(pool[rows], local, how, space)
                assert part.weights[mine].tolist() == wanted.tolist()
    owner, distance = measures.represent(pool, chosen)
    assert owner.bincount(minlength=20).tolist() == chosen.weights.tolist()
    for rows in groups:
        local = torch.searchsorted(rows, chosen.indices[torch.isin(chosen.indices, rows)])
        torch.testing.assert_close(
            distance[rows].double(), counted(pool[rows], local, how, space)[1], atol=1e-6, rtol=1e-5
        )


def test_a_picked_row_of_zeros_stands_for_none_but_itself_under_cosine_similarity():
    """Its cosine with every other row is 0; by distance of unit vectors it would win rows at cosine 0.3."""
    pool = Pool.of(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.3, 0.954], [0.3, -0.954], [0.0, 0.0]]))
    info = {"weights": "counts", "params": {"space": "emb", "similarity": "cosine"}}
    chosen = Selection([0, 1], info=info)
    owner, distance = measures.represent(pool, chosen)
    assert owner.tolist() == [0, 1, 1, 1, 0]
    assert distance.tolist() == pytest.approx([0, 0, math.sqrt(1.4), math.sqrt(1.4), math.sqrt(2)], abs=1e-3)
    assert [p.weights.tolist() for p in measures.prefixes(pool, chosen, [1, 2])] == [[5.0], [2.0, 3.0]]


COARSE = {
    "fastcore": {"most": 20},
    "fastcore_hull": {"most": 20},
    "craig_pq": {"centroids": 4, "subspaces": 2},
}


@pytest.mark.parametrize("method", COARSE)
def test_a_methods_own_weights_are_left_alone_at_its_own_budget(method):
    """These count by bounded or quantized distances; CRAIG's exact counts are not theirs."""
    rng = torch.Generator().manual_seed(2)
    pool = Pool.of(torch.randn(300, 8, generator=rng), torch.arange(300) % 3)
    chosen = select(method, pool, 24, wrap=[("per_class", {})], show=False, **COARSE[method])
    exact = reweigh(pool, chosen)
    assert chosen.weights.tolist() != exact.weights.tolist(), "the two ways of counting tell apart"
    assert exact.info["reweighed"] is True and "reweighed" not in chosen.info
    short, whole = measures.prefixes(pool, chosen, [9, 24])
    assert whole is chosen
    assert short.info["reweighed"] is True and float(short.weights.sum()) == 300
    assert "reweighed" not in short[:3].info and short[:3].weights is None
    (again,) = measures.prefixes(pool, chosen[:9], [9])  # has no weights to leave alone
    assert again.weights.tolist() == short.weights.tolist() and again.info["reweighed"] is True


def test_weights_are_stated_on_the_rows_that_were_picked():
    """Not on others, nor in another order; other fields, gradients or labels of the same rows may be meant."""
    pool = make_pool()
    chosen = select("craig", pool, 12, show=False)
    for other in (pool[torch.randperm(N, generator=torch.Generator().manual_seed(0))], pool[1:]):
        with pytest.raises(
            ValueError, match=r"row \d+ of this pool has id \d+, and id \d+ was picked; give the pool"
        ):
            reweigh(other, chosen[:5])
    with pytest.raises(ValueError, match=r"names row \d+ and this pool has 3 rows; give the pool"):
        measures.prefixes(pool[:3], chosen, [4])
    later = pool.add(grads=make_pool(seed=5).grads, y=pool.y.flip(0), hardness=torch.zeros(N))
    assert reweigh(later, chosen[:5]).weights.sum() == N
    assert chosen.weights.tolist() == reweigh(pool.only("grads"), chosen).weights.tolist()


def brute_distances(pool: Pool, space: str) -> torch.Tensor:
    vectors = (pool.emb if space == "emb" else pool.grads.last.dense()).double()
    return (vectors[:, None] - vectors[None]).norm(dim=2)


@pytest.mark.parametrize("space", ["emb", "grads"])
@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_coverage_is_the_definition(space, shift, monkeypatch):
    monkeypatch.setattr("coreset_explore.greedy.nearest.ROWS", 50)  # several blocks
    monkeypatch.setattr("coreset_explore.greedy.nearest.WIDTH", 6)
    pool = make_pool(shift=shift if space == "emb" else 0.0)
    chosen = order(pool)
    apart = brute_distances(pool, space)
    path = measures.coverage_path(pool, chosen, BUDGETS, space)
    for b, found in zip(BUDGETS, path, strict=True):
        near = apart[:, chosen.indices[:b]].min(1).values
        assert found.radius == pytest.approx(float(near.max()), rel=1e-6)
        assert found.mean_distance == pytest.approx(float(near.mean()), rel=1e-6)
        assert found == measures.coverage(pool, chosen[:b], space)


def test_coverage_of_everything_and_of_duplicates_is_zero():
    pool = Pool.of(torch.ones(9, 4) * 1000)
    assert measures.coverage(pool, Selection.of([2])) == (0.0, 0.0)
    assert measures.coverage(make_pool(), Selection.of(range(N))) == (0.0, 0.0)
    one = Pool.of(torch.ones(1, 4))
    assert measures.coverage(one, Selection.of([0])) == (0.0, 0.0)


@pytest.mark.parametrize("budgets", [[0], [], [-3, 4]])
def test_budgets_are_numbers_of_picks(budgets):
    with pytest.raises(ValueError, match="budgets are numbers of picks from 1"):
        measures.coverage_path(make_pool(), order(make_pool()), budgets)
    with pytest.raises(ValueError, match="budgets are numbers of picks from 1"):
        measures.gradient_path(make_pool(), order(make_pool()), budgets)


def test_empty_selections_and_unknown_spaces_are_refused():
    pool = make_pool()
    with pytest.raises(ValueError, match="empty selection"):
        measures.coverage(pool, Selection.of([]))
    with pytest.raises(ValueError, match="empty selection"):
        measures.represent(pool, Selection.of([]))
    with pytest.raises(ValueError, match="'emb' or 'grads', not 'pixels'"):
        measures.coverage(pool, order(pool), "pixels")


def test_facility_location_orders_selections_as_the_definition_does():
    pool = make_pool()
    apart = brute_distances(pool, "grads")
    vectors = pool.grads.last.dense().double()
    reach = 2 * (vectors - vectors.mean(0)).norm(dim=1).max()
    assert reach >= apart.max()
    chosen = order(pool)
    values = []
    for k in (1, 5, 40):
        expected = (reach - apart[:, chosen.indices[:k]].min(1).values).sum()
        values.append(measures.facility_location(pool, chosen[:k]))
        assert values[-1] == pytest.approx(float(expected), rel=1e-6)
    assert 0 == measures.facility_location(pool, Selection.of([])) < values[0] < values[1] < values[2]
    assert measures.facility_location(pool, chosen, "emb") > 0


def test_class_balance_counts_picks_and_weights():
    pool = Pool.of(
        torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), ["a", "b", "b", "c", "c", "c"]
    )
    found = measures.class_balance(pool, Selection.of([1, 2, 0], [1.0, 2.0, 1.0]))
    assert found.counts.tolist() == [1, 2, 0] and found.pool_counts.tolist() == [1, 2, 3]
    assert found.share.tolist() == pytest.approx([1 / 3, 2 / 3, 0])
    assert found.weight.tolist() == pytest.approx([0.25, 0.75, 0])
    assert found.pool_share.tolist() == pytest.approx([1 / 6, 1 / 3, 1 / 2])
    with pytest.raises(Missing, match="labels"):
        measures.class_balance(Pool.of(torch.ones(2, 2)), Selection.of([0]))


def test_class_balance_of_nothing_is_zero_shares():
    found = measures.class_balance(Pool.of(torch.ones(3, 2), ["a", "b", "b"]), Selection.of([]))
    assert found.counts.tolist() == found.share.tolist() == found.weight.tolist() == [0, 0]
    assert found.pool_share.tolist() == pytest.approx([1 / 3, 2 / 3])


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=30))
def test_effective_size_lies_between_one_and_k(values):
    found = measures.effective_size(torch.tensor(values))
    live = sum(v != 0 for v in values)
    assert (found == 0.0 and not live) or 1 - 1e-6 <= found <= live * (1 + 1e-6)


def test_effective_size_in_closed_form():
    assert measures.effective_size(torch.full((8,), 3.0)) == pytest.approx(8)
    assert measures.effective_size([3.0, 1.0]) == pytest.approx(16 / 10)
    assert measures.effective_size([1.0, -1.0]) == pytest.approx(2)
    assert measures.effective_size(Selection.of([4, 5, 6])) == 3.0
    assert measures.effective_size(Selection.of([4, 5], [2.0, 0.0])) == pytest.approx(1)
    assert measures.effective_size([0.0, 0.0]) == 0.0


rows = st.lists(st.integers(0, 30), unique=True, max_size=20)


@settings(max_examples=50)
@given(rows, rows)
def test_jaccard_is_set_algebra(a, b):
    union = set(a) | set(b)
    expected = len(set(a) & set(b)) / len(union) if union else 1.0
    assert measures.jaccard(a, b) == expected
    assert measures.jaccard(Selection.of(a), torch.tensor(b, dtype=torch.int64)) == expected


def test_overlap_of_selections_from_different_pools_reads_the_original_rows():
    pool = Pool.of(torch.arange(10.0)[:, None])
    a, b = select("random", pool[4:], 6, seed=0), select("random", pool[:6], 6, seed=0)
    assert measures.jaccard(a, b) == 2 / 10
    matrix = measures.overlap_matrix({"a": a, "b": b, "none": Selection.of([])})
    assert matrix.tolist() == [[1.0, 0.2, 0.0], [0.2, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert torch.equal(matrix[:2, :2], measures.overlap_matrix([a, b]))


@pytest.mark.parametrize("kind", ["counts", "counts in emb", "counts per class"])
def test_represent_counts_as_the_weights_do(kind):
    pool = make_pool()
    chosen = order(pool, **KINDS[kind])
    owner, distance = measures.represent(pool, chosen)
    assert torch.equal(torch.bincount(owner, minlength=K).double(), chosen.weights)
    assert torch.equal(owner[chosen.indices], torch.arange(K)) and (distance[chosen.indices] == 0).all()


@pytest.mark.parametrize("space", ["emb", "grads"])
def test_represent_finds_the_nearest_pick(space):
    pool = make_pool()
    chosen = order(pool)
    apart = brute_distances(pool, space)[:, chosen.indices]
    owner, distance = measures.represent(pool, chosen, space)
    assert torch.equal(owner, apart.argmin(1))
    assert torch.allclose(distance.double(), apart.min(1).values, atol=1e-5)


def test_represent_sends_a_class_without_a_pick_to_the_nearest_of_all():
    pool = make_pool()
    rows = (pool.y != 2).nonzero().flatten()[:12]
    chosen = Selection(
        rows, info={"weights": "counts", "wrap": [["per_class", {}]], "params": {"space": "emb"}}
    )
    owner, _ = measures.represent(pool, chosen)
    apart = brute_distances(pool, "emb")[:, rows]
    without = pool.y == 2
    assert torch.equal(owner[without], apart.argmin(1)[without])
    assert (pool.y[rows][owner[~without]] == pool.y[~without]).all()
    assert int(torch.bincount(owner, minlength=12).sum()) == N


def test_represent_of_ones_own_selection_reads_the_features():
    pool = make_pool()
    mine = Selection.of([1, 2, 3])
    assert torch.equal(measures.represent(pool, mine)[0], measures.represent(pool, mine, "emb")[0])
    only_grads = pool.only("grads", "y")
    assert torch.equal(measures.represent(only_grads, mine)[0], measures.represent(pool, mine, "grads")[0])


def test_duplicates_belong_to_the_earlier_pick_and_picks_to_themselves():
    pool = Pool.of(torch.tensor([[0.0], [0.0], [0.0], [5.0]]))
    owner, _ = measures.represent(pool, Selection.of([2, 0, 3]), "emb")
    assert owner.tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize("call", ["coverage_path", "gradient_path", "represent", "facility_location"])
def test_measures_can_be_cancelled(call):
    pool = make_pool()
    chosen = order(pool, weights="counts", params={"space": "grads"})
    arguments = (BUDGETS,) if call.endswith("path") else ()
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        getattr(measures, call)(pool, chosen, *arguments)


def test_measures_report_progress():
    seen = []
    pool = make_pool()
    with listening(lambda fraction, text: seen.append((fraction, text)), interval=0.0):
        measures.coverage_path(pool, order(pool), BUDGETS)
    assert seen[-1][0] == 1.0 and "coverage" in seen[0][1]
