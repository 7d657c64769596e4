"""Matching pursuit: against scikit-learn, scipy and a plain float64 loop in every variant; exhaustion, duplicates."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from coreset_explore import LastLayer, Pool, gradient_error, greedy, reweigh, select
from coreset_explore.gradients import Dense
from coreset_explore.greedy.columns import KEPT_DOUBT, Columns, Whole, WideColumns
from coreset_explore.greedy.factored import Factored
from coreset_explore.greedy.pursuit import fastest
from coreset_explore.greedy.residual import Built
from coreset_explore.progress import Cancelled, listening

NONE = torch.tensor([], dtype=torch.int64)


def gradients(n, c=4, d=30, seed=0, steps=1):
    rng = torch.Generator().manual_seed(seed)
    y = torch.randint(0, c, (n,), generator=rng)
    r = torch.softmax(2 * torch.randn(steps, n, c, generator=rng), 2) - torch.nn.functional.one_hot(y, c)
    return LastLayer(r, torch.relu(torch.randn(steps, n, d, generator=rng)))


def fitted(a, b, nonnegative, ridge):
    """argmin ‖Aᵀw − b‖² + ridge‖w‖² for picks as the rows of A, by stacking √ridge·I."""
    stacked = np.concatenate([a.T, np.sqrt(ridge) * np.eye(len(a))])
    wanted = np.concatenate([b, np.zeros(len(a))])
    return nnls(stacked, wanted)[0] if nonnegative else np.linalg.lstsq(stacked, wanted, rcond=None)[0]


def plain(grads, target, k, *, nonnegative=False, absolute=False, normalized=False, ridge=0.0, given=()):
    """The pursuit as a textbook has it: the built matrix in float64, least squares anew at every pick."""
    g = grads.dense().double().numpy()
    norms, target = np.linalg.norm(g, axis=1), target.flatten().numpy()
    picks, weights = list(given), np.zeros(0)
    if given:
        weights = fitted(g[picks], target, nonnegative, ridge)
    while len(picks) < k + len(given):
        residual = target - weights @ g[picks] if picks else target
        score = g @ residual
        score = np.abs(score) if absolute else score
        score = score / norms if normalized else score
        score[picks] = -np.inf
        picks.append(int(score.argmax()))
        weights = fitted(g[picks], target, nonnegative, ridge)
    return picks[len(given) :], weights


VARIANTS = [
    {"nonnegative": nonnegative, "absolute": absolute, "normalized": normalized, "ridge": ridge}
    for nonnegative in (False, True)
    for absolute in (False, True)
    for normalized in (False, True)
    for ridge in (0.0, 0.5)
    if not (nonnegative and absolute)
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: "-".join(f"{n[:4]}{x:g}" for n, x in v.items()))
@pytest.mark.parametrize("way", [Built, Factored, Columns])
@pytest.mark.parametrize("steps", [1, 2])
def test_every_variant_equals_the_plain_loop(variant, steps, way):
    grads = gradients(200, seed=1, steps=steps)
    target = grads.sum()
    picks, gains, weights, why = greedy.pursue(grads, target, 30, NONE, way=way, **variant)
    want, fit = plain(grads, target, 30, **variant)
    assert picks.tolist() == want and not why
    np.testing.assert_allclose(weights.numpy(), fit, rtol=1e-6, atol=1e-8)
    assert (gains > 0).all() or variant["absolute"]


def test_absolute_with_nonnegative_weights_gives_zeros_to_what_points_away():
    grads = gradients(200, seed=2)
    target = gradients(200, seed=21).sum()
    picks, _, weights, _ = greedy.pursue(grads, target, 15, NONE, nonnegative=True, absolute=True)
    want, fit = plain(grads, target, 15, nonnegative=True, absolute=True)
    assert picks.tolist() == want
    np.testing.assert_allclose(weights.numpy(), fit, atol=1e-7)
    assert (weights == 0).any()


def test_equals_scikit_learn_when_free():
    from sklearn.linear_model import orthogonal_mp_gram

    grads = gradients(300, d=40, seed=3)
    built = grads.dense().double()
    target = grads.sum()
    theirs = orthogonal_mp_gram(
        (built @ built.T).numpy(), (built @ target.flatten()).numpy(), n_nonzero_coefs=40
    )
    picks, _, weights, _ = greedy.pursue(grads, target, 40, NONE, absolute=True)
    assert sorted(picks.tolist()) == np.flatnonzero(theirs).tolist()
    np.testing.assert_allclose(weights.numpy(), theirs[picks], rtol=1e-6)


def orthogonal(grads, target, k):
    """Signless pursuit with free weights in float64 throughout, by Gram-Schmidt done twice."""
    g = grads.dense().double().numpy()
    basis, residual, chosen = np.zeros((k, g.shape[1])), target.flatten().numpy().copy(), []
    for i in range(k):
        score = np.abs(g @ residual)
        score[chosen] = -1
        chosen.append(int(score.argmax()))
        new = g[chosen[-1]].copy()
        for _ in range(2):
            new -= (basis[:i] @ new) @ basis[:i]
        basis[i] = new / np.linalg.norm(new)
        residual -= (basis[i] @ residual) * basis[i]
    return chosen, residual


def test_five_hundred_picks_of_five_thousand_equal_a_float64_run():
    grads = gradients(5000, c=10, d=64, seed=4)
    target = grads.sum()
    picks, gains, _, _ = greedy.pursue(grads, target, 500, NONE, absolute=True)
    chosen, residual = orthogonal(grads, target, 500)
    assert picks.tolist() == chosen
    total = float(target.square().sum())
    assert total - float(gains.sum()) == pytest.approx(float(residual @ residual), abs=1e-10 * total)


@pytest.mark.parametrize(
    "variant", [{"nonnegative": True}, {"nonnegative": True, "ridge": 0.5}, {"ridge": 0.5}, {}]
)
def test_a_hundred_picks_of_fifteen_hundred_equal_the_plain_loop(variant):
    grads = gradients(1500, c=5, d=24, seed=22)
    target = gradients(400, c=5, d=24, seed=23).sum()
    picks, _, weights, _ = greedy.pursue(grads, target, 100, NONE, **variant)
    want, fit = plain(grads, target, 100, **variant)
    assert picks.tolist() == want
    np.testing.assert_allclose(weights.numpy(), fit, rtol=1e-4, atol=1e-6)  # G squares the condition


@pytest.mark.parametrize("spread", [1e-3, 1e-4, 1e-6])
def test_to_the_last_dimension_where_the_residual_falls_by_many_orders(spread):
    """A spectrum that falls and 120 dimensions for 119 picks: the residual is built anew on the way, and often."""
    rng = torch.Generator().manual_seed(24)
    scale = torch.logspace(0, float(np.log10(spread)), 39)
    grads = LastLayer(torch.randn(1, 300, 3, generator=rng), torch.randn(1, 300, 39, generator=rng) * scale)
    target = grads.sum()
    picks, _, _, why = greedy.pursue(grads, target, 119, NONE, absolute=True, way=Built)
    assert (
        len(picks) == 119 or "no row left" in why
    )  # of the directions below 1e-5 of the longest nothing is found
    assert picks.tolist() == orthogonal(grads, target, 119)[0][: len(picks)]
    for way in (Factored, Columns):
        other, _, _, also = greedy.pursue(grads, target, 119, NONE, absolute=True, way=way)
        assert picks.tolist() == other.tolist() and why == also


def test_more_equals_than_are_settled_one_by_one():
    """A hundred copies of every row: ties go to the first, whichever way the residual is kept."""
    one = gradients(12, seed=25)
    grads = LastLayer(one.r.repeat_interleave(100, 1), one.h.repeat_interleave(100, 1))
    for variant in ({"ridge": 0.5, "nonnegative": True}, {"absolute": True}):
        picks = greedy.pursue(grads, one.sum(), 30, NONE, way=Built, **variant)[0]
        assert picks[0] % 100 == 0
        for way in (Factored, Columns):
            assert greedy.pursue(grads, one.sum(), 30, NONE, way=way, **variant)[0].tolist() == picks.tolist()


def test_dense_gradients_answer_alike():
    grads = gradients(150, seed=5)
    one = greedy.pursue(grads, grads.sum(), 20, NONE, nonnegative=True, ridge=0.5)
    built = Dense(grads.dense())
    other = greedy.pursue(built, built.sum(), 20, NONE, nonnegative=True, ridge=0.5)
    assert torch.equal(one[0], other[0])
    assert torch.allclose(one[2], other[2], rtol=1e-5)


@pytest.mark.parametrize(
    "variant", VARIANTS[::3], ids=lambda v: "-".join(f"{n[:4]}{x:g}" for n, x in v.items())
)
def test_dense_columns_pick_what_the_built_residual_does(variant):
    """More picks than are looked ahead, and columns kept: the same rows, whole numbers and equals among them."""
    rng = torch.Generator().manual_seed(9)
    real = torch.randn(260, 90, generator=rng) + 0.5
    few = torch.randn(100, 400, generator=rng) + 0.5  # whose products are taken at once
    for g, columns in ((real, WideColumns), (few, Whole)):
        for rows in (g, g.round().repeat(2, 1)):
            one, other = (
                greedy.pursue(Dense(rows), Dense(rows).sum(), 80, NONE, way=way, **variant)
                for way in (columns, Built)
            )
            assert one[0].tolist() == other[0].tolist() and one[3] == other[3]
            np.testing.assert_allclose(one[2].numpy(), other[2].numpy(), rtol=1e-6, atol=1e-8)
    long, wide = Dense(torch.ones(400, 800)), Dense(torch.ones(400, 700))
    assert [fastest(long, 200), fastest(wide, 200), fastest(long, 90)] == [Whole, WideColumns, Built]


def test_no_matrix_product_is_further_off_than_columns_of_dense_rows_allow():
    """Of long, nearly equal rows, whose products round most."""
    g = 0.1 + 1e-3 * torch.randn(64, 9000, generator=torch.Generator().manual_seed(0))
    exact = g.double() @ g.double().T
    far = ((g @ g.T).double() - exact).abs() / exact.diagonal().sqrt() / exact.diagonal().sqrt()[:, None]
    assert float(far.max()) < KEPT_DOUBT


@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_nonnegative_weights_are_the_optimum_on_their_support(seed, ridge):
    """The data are nearly parallel, so that many weights end at 0 and picks leave and come back."""
    rng = torch.Generator().manual_seed(seed)
    g = torch.randn(1, 12, generator=rng) + 0.3 * torch.randn(60, 12, generator=rng)
    target = (g[:10].sum(0) - g[10:19].sum(0) + torch.randn(12, generator=rng)).double()
    picks, _, weights, _ = greedy.pursue(
        Dense(g), target, 25, NONE, nonnegative=True, absolute=True, ridge=ridge
    )
    a = g[picks].double().numpy()
    best = fitted(a, target.numpy(), True, ridge)
    loss = [np.sum((a.T @ w - target.numpy()) ** 2) + ridge * w @ w for w in (weights.numpy(), best)]
    assert (weights >= 0).all() and (best == 0).any()
    assert loss[0] == pytest.approx(loss[1], rel=1e-8)
    again = greedy.solve(
        torch.from_numpy(a @ a.T), torch.from_numpy(a @ target.numpy()), nonnegative=True, ridge=ridge
    )
    again = again.numpy()
    assert np.sum((a.T @ again - target.numpy()) ** 2) + ridge * again @ again == pytest.approx(
        loss[1], rel=1e-8
    )


@pytest.mark.parametrize("seed", range(20))
def test_solve_equals_scipy(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((8, 40)) + (seed % 3)
    b = rng.standard_normal(40)
    for nonnegative in (False, True):
        for ridge in (0.0, 2.0):
            found = greedy.solve(
                torch.from_numpy(a @ a.T), torch.from_numpy(a @ b), nonnegative=nonnegative, ridge=ridge
            )
            np.testing.assert_allclose(found.numpy(), fitted(a, b, nonnegative, ridge), atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_solve_where_the_gram_matrix_is_nearly_singular(seed):
    """Gradients of a trained model look like this: a spectrum over ten orders of magnitude, half of the weights 0."""
    rng = np.random.default_rng(seed)
    a = (
        (1 + rng.standard_normal((120, 60)))
        @ np.diag(np.logspace(0, -5, 60))
        @ rng.standard_normal((60, 300))
    )
    b = a.T @ (1 + 2 * rng.standard_normal(120))
    found = greedy.solve(torch.from_numpy(a @ a.T), torch.from_numpy(a @ b), nonnegative=True).numpy()
    best = nnls(a.T, b, maxiter=10_000)[0]
    assert (found >= 0).all() and (best == 0).sum() > 20
    error = [np.linalg.norm(a.T @ w - b) / np.linalg.norm(b) for w in (found, best)]
    assert error[0] <= error[1] * (1 + 1e-4) + 1e-7


def test_solve_with_duplicates_and_nothing():
    a = torch.tensor([[1.0, 2, 0], [1, 2, 0], [0, 0, 3]]).double()
    wanted = a @ torch.tensor([2.0, 4, 3]).double()
    for nonnegative in (False, True):
        found = greedy.solve(a @ a.T, wanted, nonnegative=nonnegative)
        assert torch.allclose(found @ a, torch.tensor([2.0, 4, 3]).double(), atol=1e-4)
    assert len(greedy.solve(torch.zeros(0, 0), torch.zeros(0))) == 0
    assert greedy.solve(torch.zeros(2, 2), torch.zeros(2), nonnegative=True).tolist() == [0, 0]


def test_paper_defaults_and_gradient_error():
    grads = gradients(500, seed=6)
    pool = Pool.of(grads=grads)
    chosen = select("gradmatch", pool, 60)
    total = grads.sum()
    error = float((grads[chosen.indices].sum(chosen.weights) - total).norm() / total.norm())
    random = select("random", pool, 60)
    other = float((grads[random.indices].sum(random.weights) - total).norm() / total.norm())
    assert (chosen.weights >= 0).all() and chosen.info["params"]["ridge"] == 0.5
    assert error < 0.2 * other


@pytest.mark.parametrize("wrap", [(), [("per_class", {})], [("per_class", {"view": "own_class"})]])
def test_prefix_is_the_answer_for_the_smaller_budget(wrap):
    y = torch.arange(240) % 3
    pool = Pool.of(grads=gradients(240, c=3, seed=7), y=y)
    long, short = select("gradmatch", pool, 45, wrap=wrap), select("gradmatch", pool, 20, wrap=wrap)
    assert torch.equal(long.indices[:20], short.indices)
    assert torch.equal(reweigh(pool, long[:20]).weights, short.weights)
    assert torch.equal(reweigh(pool, long).weights, long.weights)
    if wrap:
        assert torch.bincount(y[long.indices]).tolist() == [15] * 3


def test_own_class_stops_at_its_dimensions():
    """d + 1 = 9 numbers a gradient: nothing can be left after nine free picks."""
    y = torch.arange(120) % 2
    pool = Pool.of(grads=gradients(120, c=2, d=8, seed=8), y=y)
    wrap = [("per_class", {"view": "own_class"})]
    chosen = select("gradmatch", pool, 60, wrap=wrap, nonnegative=False, ridge=0.0, absolute=True)
    assert len(chosen) == 18
    assert "class 0: residual exhausted after 9 of 30" in chosen.info["stopped"]
    assert "9 gradient dimensions" in chosen.info["stopped"]
    total = pool.grads[(y == 0).nonzero().flatten()]
    own = LastLayer(total.r[:, :, :1], total.h).sum()
    zero = chosen.indices[y[chosen.indices] == 0]
    picked = LastLayer(pool.grads.r[:, zero, :1], pool.grads.h[:, zero])
    fit = picked.sum(chosen.weights[y[chosen.indices] == 0])
    assert float((fit - own).norm() / own.norm()) < 1e-6


@pytest.mark.parametrize("dim", [3, 85])
def test_free_pursuit_stops_when_the_residual_is_exhausted(dim):
    g = torch.randn(400, dim, generator=torch.Generator().manual_seed(9))
    picks, _, _, why = greedy.pursue(Dense(g), Dense(g).sum(), 300, NONE, absolute=True)
    assert len(picks) == dim
    assert why.startswith(f"residual exhausted after {dim} of 300") and f"({dim} gradient dimensions)" in why


def test_fewer_dimensions_than_the_gradient_has_numbers():
    """Rank 5 in 40 dimensions: no pick is made on rounding."""
    rng = torch.Generator().manual_seed(10)
    g = (
        torch.randint(-3, 4, (200, 5), generator=rng).float()
        @ torch.randint(-3, 4, (5, 40), generator=rng).float()
    )
    picks, _, _, why = greedy.pursue(Dense(g), Dense(g).sum(), 50, NONE, absolute=True)
    assert len(picks) == 5 and why.startswith("residual exhausted after 5 of 50")


def test_nonnegative_stops_when_no_row_points_along_the_residual():
    g = torch.tensor([[1.0, 0, 0], [1, 1, 0], [2, -1, 0], [0, 0, -1]])
    target = torch.tensor([3.0, 0, 2]).double()
    picks, _, weights, why = greedy.pursue(Dense(g), target, 4, NONE, nonnegative=True)
    assert "no row left points along it" in why or "nothing is left" in why
    fit = weights.numpy() @ g[picks].numpy()
    np.testing.assert_allclose(fit, [3, 0, 0], atol=1e-9)


def test_tolerance_ends_the_pursuit():
    grads = gradients(300, seed=11)
    pool = Pool.of(grads=grads)
    chosen = select("gradmatch", pool, 100, tolerance=0.05, ridge=0.0)
    assert len(chosen) < 100 and "the error is below the tolerance" in chosen.info["stopped"]
    total = grads.sum()

    def error(j):
        part = reweigh(pool, chosen[:j])
        return float((grads[part.indices].sum(part.weights) - total).square().sum() / total.square().sum())

    assert error(len(chosen)) <= 0.05 < error(len(chosen) - 1)


@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_duplicates_are_never_picked_twice_by_index(nonnegative, ridge):
    one = gradients(20, seed=12)
    grads = LastLayer(one.r.repeat(1, 3, 1), one.h.repeat(1, 3, 1))
    chosen = select("gradmatch", Pool.of(grads=grads), 60, nonnegative=nonnegative, ridge=ridge)
    assert len(torch.unique(chosen.indices)) == len(chosen)
    assert torch.isfinite(chosen.weights).all()
    assert chosen.indices[0] < 20  # the first of equals
    if not ridge:
        assert len(chosen) <= 20 and "residual exhausted" in chosen.info["stopped"]


def test_all_zero_gradients_give_nothing_and_say_so():
    zero = LastLayer(torch.zeros(1, 6, 3), torch.ones(1, 6, 2))
    chosen = select("gradmatch", Pool.of(grads=zero), 3)
    assert len(chosen) == 0 and chosen.info["stopped"].startswith("residual exhausted after 0 of 3")


def test_some_zero_gradients_are_left_alone():
    grads = gradients(50, seed=13)
    grads.r[:, ::2] = 0
    chosen = select("gradmatch", Pool.of(grads=grads), 40, normalized=True)
    assert (chosen.indices % 2 == 1).all() and len(chosen) <= 25


def test_one_row():
    chosen = select("gradmatch", Pool.of(grads=gradients(1)), 1, ridge=0.0)
    assert chosen.indices.tolist() == [0] and chosen.weights.tolist() == pytest.approx([1.0])


def test_every_row_with_ridge():
    chosen = select("gradmatch", Pool.of(grads=gradients(40, d=60, seed=14)), 40, nonnegative=False)
    assert sorted(chosen.indices.tolist()) == list(range(40))


def test_given_rows_take_part_in_the_fit():
    grads = gradients(200, seed=15)
    given = [3, 60, 61]
    picks = greedy.pursue(grads, grads.sum(), 20, torch.tensor(given), nonnegative=True)[0]
    assert picks.tolist() == plain(grads, grads.sum(), 20, nonnegative=True, given=given)[0]
    chosen = select("gradmatch", Pool.of(grads=grads), 20, given=given, ridge=0.0)
    assert chosen.indices.tolist() == picks.tolist()


def test_validation_target():
    pool = Pool.of(grads=gradients(200, seed=16), y=torch.arange(200) % 4)
    target = Pool.of(grads=gradients(40, seed=17), y=torch.arange(40) % 4)
    held = Pool(pool.fields, pool.classes, target)
    chosen = select("gradmatch", held, 20, against="validation")
    want = plain(pool.grads, target.grads.sum() * 5, 20, nonnegative=True, ridge=0.5)
    assert chosen.indices.tolist() == want[0]
    np.testing.assert_allclose(chosen.weights.numpy(), want[1], rtol=1e-5, atol=1e-6)
    per_class = select("gradmatch", held, 20, against="validation", wrap=[("per_class", {})])
    assert torch.equal(reweigh(held, per_class).weights, per_class.weights)
    with pytest.raises(ValueError, match="holdout"):
        select("gradmatch", pool, 5, against="validation")


def test_target_of_another_width():
    pool = Pool.of(grads=gradients(50, d=10))
    held = Pool(pool.fields, (), Pool.of(grads=gradients(20, d=12)))
    with pytest.raises(ValueError, match="the target has 52 numbers and the gradients 44"):
        select("gradmatch", held, 5, against="validation")


def test_per_batch_takes_whole_batches():
    pool = Pool.of(grads=gradients(205, seed=18))
    chosen = select("gradmatch", pool, 50, wrap=[("per_batch", {"size": 10})])
    assert len(chosen) == 50
    assert torch.allclose(reweigh(pool, chosen).weights, chosen.weights)


@pytest.mark.parametrize("normalized", [False, True])
def test_row_order_changes_nothing(normalized):
    grads, shuffle = gradients(200, seed=19), torch.randperm(200, generator=torch.Generator().manual_seed(2))
    one = select("gradmatch", Pool.of(grads=grads), 30, normalized=normalized)
    other = select("gradmatch", Pool.of(grads=grads[shuffle], ids=shuffle), 30, normalized=normalized)
    assert torch.equal(one.ids, other.ids)
    assert torch.allclose(one.weights, other.weights, rtol=1e-8)


def test_cancelled_in_the_middle():
    asked = iter(range(10**6))
    with listening(should_stop=lambda: next(asked) > 40), pytest.raises(Cancelled):
        select("gradmatch", Pool.of(grads=gradients(1500)), 100)


def test_gradients_too_large_to_measure():
    grads = gradients(30)
    grads.h[0, 7] = 1e30
    for method in ("gradmatch", "craig"):
        with pytest.raises(ValueError, match="1 rows hold NaN, infinity or values too large"):
            select(method, Pool.of(grads=grads), 5)


def test_a_twin_of_a_pick_is_taken_after_the_residual_was_built_anew():
    once = gradients(40)
    grads = LastLayer(torch.cat([once.r, once.r], 1), torch.cat([once.h, once.h], 1))  # every row has a twin
    left = Columns(grads, grads.sum(), 8, False)
    picks = []
    for _ in range(3):
        row, _ = left.foremost(False)
        left.take(row)
        left.forbid(row)
        picks.append(row)
        left.move(np.full(len(picks), 0.01))
    left._build()
    row, _ = left.foremost(False)
    left.take((picks[-1] + 40) % 80)
    g = grads.dense().double()[[*picks, (picks[-1] + 40) % 80]]
    assert left.gram[:4, :4] == pytest.approx((g @ g.T).numpy())


@pytest.mark.parametrize("way", [Built, Factored, Columns])
@pytest.mark.parametrize("many", [1, 40])
def test_rows_too_short_for_a_weight_are_passed_over(many, way):
    """By direction they correlate most of all, and no weight that float64 holds makes anything of them."""
    grads = gradients(60, seed=30)
    target = grads.sum()
    along = (target / target.norm()).float()  # of rank c, so as a sum of rows: one an output
    rows, short = [], torch.zeros(1, many * 4, 4)
    for output in range(4):
        short[0, output * many : (output + 1) * many, output] = 1e-22
        rows += [along[0, output, :-1] / along[0, output, -1]] * many
    both = LastLayer(torch.cat([short, grads.r], 1), torch.cat([torch.stack(rows)[None], grads.h], 1))
    how = {"nonnegative": True, "normalized": True, "ridge": 0.5}
    picks, _, _, why = greedy.pursue(both, target, 20, torch.tensor([4 * many + 8]), way=way, **how)
    assert not why and (picks - 4 * many).tolist() == plain(grads, target, 20, given=[8], **how)[0]
    everything = greedy.pursue(both, target, 4 * many + 50, NONE, way=way, **how)
    assert "would weigh nothing" in everything[3] or len(everything[0]) == 4 * many + 50


@pytest.mark.parametrize("way", [Built, Factored, Columns])
def test_a_row_that_depends_on_the_picks_does_not_end_the_pursuit(way):
    """Twins of every pick but for rounding: each is passed over once, and the picks are those without the twins."""
    one = gradients(50, seed=31)
    grads = LastLayer(torch.cat([one.r, one.r * (1 + 1e-7)], 1), torch.cat([one.h, one.h], 1))
    picks, _, _, why = greedy.pursue(grads, one.sum(), 30, NONE, normalized=True, way=way)
    want = greedy.pursue(one, one.sum(), 30, NONE, normalized=True, way=way)[0]
    assert not why and (picks % 50).tolist() == want.tolist()


def test_where_the_ridge_binds_it_says_so():
    """Gradients of a model that is sure: λ = 0.5 costs more than they can match, and nothing else is said than that."""
    sure, unsure = gradients(200, seed=32), gradients(200, seed=32)
    sure.r.mul_(1e-2)
    chosen = select("gradmatch", Pool.of(grads=sure), 30, show=False)
    said = chosen.info["ridge_binds"]
    total = float(chosen.weights.sum())
    assert (
        total < 50
        and f"add up to {total:,.0f} of 200 rows" in said
        and "lower ridge" in said
        and "λ = 0.5" in said
    )
    fit = sure[chosen.indices].sum(chosen.weights)
    larger = 1 + 0.5 * float(chosen.weights.square().sum() / fit.square().sum())
    assert f"{larger:,.2f} times as large" in said
    best = float((fit * sure.sum()).sum() / fit.square().sum())
    assert best == pytest.approx(larger, rel=1e-6)  # the factor by which the fit is nearest to the target
    for pool, ridge in ((sure, 0.0), (unsure, 0.5)):
        assert "ridge_binds" not in select("gradmatch", Pool.of(grads=pool), 30, ridge=ridge, show=False).info


def test_grad_matchpb_is_nearest_of_all_that_pick_batches_or_random_rows():
    """As in Table 8 of the paper, where its ridge is too: on the sums of the batches."""
    grads = gradients(960, c=6, d=20, seed=33)
    grads.r.mul_(0.05)  # late in training
    pool = Pool.of(grads=grads, y=torch.arange(960) % 6)

    def error(name, **params):
        picked = [select(name, pool, 96, seed=seed, show=False, **params) for seed in range(5)]
        return np.mean([gradient_error(pool, one) for one in picked])

    batches = error("GRAD-MATCHPB")
    assert batches < 0.8 * min(error(name) for name in ("CRAIGPB", "Random", "Random, over all classes"))
    assert batches < 1.1 * error("GRAD-MATCHPB", ridge=0.0)
    assert batches < 0.8 * error(
        "GRAD-MATCHPB", ridge=0.09 * 32**2
    )  # as if λ = 0.09 counted on the batches' means


# -- what its user should know -----------------------------------------------------------------------------------------


def test_a_free_weight_out_of_all_proportion_is_told():
    """The row whose direction is best has a length of 2e-14: to match 8 with it, it weighs 4e14."""
    rows = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2e-14, 0.0], [3.0, 8.0, 2.0], [-3.0, 0.0, -2.0]])
    pool = Pool.of(grads=Dense(rows))
    with pytest.warns(
        UserWarning, match=r"gradmatch: one pick weighs [34]\.?\d*e\+14, where all rows together"
    ):
        free = select("gradmatch", pool, 1, nonnegative=False, normalized=True, ridge=0.0, show=False)
    assert free.indices.tolist() == [1] and free.remarks == (free.info["heavy"],)
    sober = select("gradmatch", pool, 2, show=False)
    assert float(sober.weights.abs().max()) < 30 and "heavy" not in sober.info


@pytest.mark.parametrize("wrap", [[], ["per_class"], [("per_batch", {"size": 4})]])
def test_one_step_is_not_what_gmc_matches(wrap):
    grads = gradients(24)
    labels = torch.arange(len(grads)) % 3
    with pytest.warns(UserWarning, match=r"one step's; GMC .*A\.4.*initial_gradients"):
        one = select("GMC", Pool.of(y=labels, grads=grads), 6, wrap=wrap, show=False)
    assert len(one.remarks) >= 1
    several = select("GMC", Pool.of(y=labels, grads=gradients(24, steps=3)), 6, wrap=wrap, show=False)
    plain = select("GRAD-MATCH", Pool.of(y=labels, grads=grads), 6, show=False)
    assert "few_steps" not in several.info and "few_steps" not in plain.info
