"""GLISTER against the validation loss itself, on a linear model where one step can be taken for real."""

import math

import pytest
import torch
import torch.nn.functional as F

from coreset_explore import Dense, LastLayer, Missing, Pool, select
from coreset_explore.gradients import residuals
from coreset_explore.methods.glister import _Validation, glister
from coreset_explore.selecting.views import batch_groups
from tests.pools import make

N, D, C = 40, 4, 3


def linear(seed: int = 0) -> tuple[Pool, torch.Tensor]:
    """Candidates and validation rows of one linear model θ (c, d + 1), in float64."""
    rng = torch.Generator().manual_seed(seed)
    theta = torch.randn(C, D + 1, generator=rng, dtype=torch.float64)

    def rows(n: int) -> Pool:
        x = torch.randn(n, D, generator=rng, dtype=torch.float64)
        y = torch.randint(C, (n,), generator=rng)
        r = (x @ theta[:, :-1].T + theta[:, -1]).softmax(1) - F.one_hot(y, C)
        return Pool.of(x, y, ids=torch.randperm(n, generator=rng), grads=LastLayer(r[None], x[None]))

    pool, target = rows(N), rows(15)
    return Pool(pool.fields, tuple("abc"), target), theta


def loss(theta: torch.Tensor, target: Pool) -> float:
    h = target.grads.h[0]
    return float(F.cross_entropy(h @ theta[:, :-1].T + theta[:, -1], target.y))


def stepped(pool: Pool, theta: torch.Tensor, rows: list[int], eta: float) -> torch.Tensor:
    return theta - eta * pool.grads[rows].sum()[0] if rows else theta


@pytest.mark.parametrize("eta", [0.0, 0.01, 0.2])
def test_each_pick_lowers_the_validation_loss_most(eta):
    """Every candidate's true decrease by a short step, taken from where the picks so far have led."""
    pool, theta = linear()
    answer = select("glister", pool, 12, eta=eta)
    short = 1e-6
    for made, (row, gain) in enumerate(zip(answer.indices.tolist(), answer.gains.tolist())):
        before = answer.indices[:made].tolist()
        at = stepped(pool, theta, before, eta)
        start = loss(at, pool.target)
        saved = [
            (start - loss(stepped(pool, at, [i], short), pool.target)) / short if i not in before else -9.0
            for i in range(N)
        ]
        assert saved[row] == pytest.approx(max(saved), abs=1e-5)
        assert gain == pytest.approx(saved[row], abs=1e-5)


@pytest.mark.parametrize("block", [1, 4])
def test_of_a_sample_the_best_is_picked(block):
    """Against the paper's loop, written out with the same draws."""
    pool, theta = linear(3)
    k, epsilon, rng = 10, 0.2, torch.Generator().manual_seed(7)
    how = {"block": block, "optimizer": "stochastic", "eta": 0.2}
    answer = glister(pool, k, rng=torch.Generator().manual_seed(7), epsilon=epsilon, **how)
    by_id = pool.ids.argsort().tolist()
    size, left, picks, gains = math.ceil(N / k * math.log(1 / epsilon)), by_id.copy(), [], []
    for made in range(0, k, block):
        many = min(block, k - made)
        drawn = sorted(torch.randperm(len(left), generator=rng)[: max(many, size * many)].tolist())
        at, short = stepped(pool, theta, picks, 0.2), 1e-6
        saved = {
            row: (loss(at, pool.target) - loss(stepped(pool, at, [row], short), pool.target)) / short
            for row in (left[place] for place in drawn)
        }
        best = sorted(saved, key=lambda row: -saved[row])[:many]
        picks += best
        gains += [saved[row] for row in best]
        left = [row for row in left if row not in best]
    assert answer.indices.tolist() == picks and answer.gains.tolist() == pytest.approx(gains, abs=1e-5)
    other = glister(pool, k, rng=torch.Generator().manual_seed(8), epsilon=epsilon, **how)
    assert other.indices.tolist() != picks and answer.info["nested"] is False
    whole = glister(pool, k, rng=rng, epsilon=1e-6, **how)
    assert whole.indices.tolist() == select("glister", pool, k, block=block, eta=0.2).indices.tolist()


def test_the_gain_is_the_steps_decrease_up_to_its_square():
    pool, theta = linear(1)
    errors = []
    for eta in (0.02, 0.01, 0.005):
        answer = select("glister", pool, 1, eta=eta)
        true = loss(theta, pool.target) - loss(
            stepped(pool, theta, answer.indices.tolist(), eta), pool.target
        )
        errors.append(abs(true - eta * float(answer.gains[0])))
    assert errors[0] > 3 * errors[1] > 9 * errors[2] and errors[0] < 0.02


def test_the_validation_gradient_is_updated_and_that_pays():
    pool, theta = linear(2)
    once, updated = (select("glister", pool, 20, eta=eta) for eta in (0.0, 0.2))
    assert (once.gains.diff() <= 0).all(), "without update it is a ranking"
    assert once.indices.tolist() != updated.indices.tolist()
    lost = [
        loss(stepped(pool, theta, s.indices.tolist(), 0.2), pool.target)
        for s in (updated, once, *(select("random", pool, 20, seed=i) for i in range(5)))
    ]
    assert lost[0] == min(lost) and lost[0] < loss(theta, pool.target)


def test_a_block_is_picked_with_one_gradient_and_prefixes_agree():
    pool, theta = linear(3)
    answer = select("glister", pool, 14, eta=0.1, block=5)
    for start in range(0, 14, 5):
        before = answer.indices[:start].tolist()
        at = stepped(pool, theta, before, 0.1)
        h = pool.target.grads.h[0]
        r = (h @ at[:, :-1].T + at[:, -1]).softmax(1) - F.one_hot(pool.target.y, C)
        g = LastLayer(r[None], h[None]).sum()[0] / len(h)
        gain = pool.grads.dense() @ g.flatten()
        gain[before] = -torch.inf
        wanted = gain.argsort(descending=True)[: min(5, 14 - start)]
        assert answer.indices[start : start + 5].tolist() == wanted.tolist()
    assert select("glister", pool, 7, eta=0.1, block=5).indices.tolist() == answer.indices[:7].tolist()
    assert len(select("glister", pool, 3, block=1000)) == 3


def test_rows_given_have_taken_their_step():
    pool, _ = linear(4)
    whole = select("glister", pool, 10, eta=0.1)
    rest = select("glister", pool, 4, eta=0.1, given=whole.indices[:6].tolist())
    assert rest.indices.tolist() == whole.indices[6:].tolist()


def test_confident_validation_rows_stay_finite():
    """A softmax of exactly 0 and 1 has no logarithm; its residual is 0."""
    pool, _ = linear(5)
    sure = LastLayer(torch.zeros(1, 15, C, dtype=torch.float64), pool.target.grads.h)
    pool = Pool(pool.fields, pool.classes, pool.target.add(grads=sure))
    answer = select("glister", pool, N, eta=0.1)
    assert torch.isfinite(answer.gains).all() and 0 <= answer.gains[0] < 1e-30


def test_each_class_matches_its_own_validation_rows():
    pool = make(60)
    answer = select("glister", pool, 9, wrap=[("per_class", {})])
    for label, rows in pool.by_class().items():
        own = (pool.target.y == label).nonzero().flatten()
        part = Pool(pool[rows].fields, pool.classes, pool.target[own])
        mine = [i for i in answer.indices.tolist() if int(pool.y[i]) == label]
        assert rows[select("glister", part, 3).indices].tolist() == mine


def test_dense_gradients_of_the_last_layer_will_do_for_candidates():
    pool, _ = linear(6)
    dense = select("glister", pool.add(grads=Dense(pool.grads.dense())), 12, eta=0.1)
    assert dense.indices.tolist() == select("glister", pool, 12, eta=0.1).indices.tolist()


@pytest.mark.parametrize("wrap", [[], [("per_class", {})]])
def test_a_batch_steps_along_its_mean_gradient_to_the_same_validation_rows(wrap):
    """Each batch's gain is ⟨mean gradient, validation gradient⟩, worked out by hand; short batches count for less."""
    pool = make(62, steps=2)  # two recorded steps: the last one counts
    answer = select("glister", pool, 20, eta=0.0, wrap=[("per_batch", {"size": 8, "seed": 0}), *wrap])
    assert len(answer) == 20
    if wrap:
        return
    wanted = pool.target.grads.last.sum()[0] / len(pool.target)
    gains = pool.grads.last.dense().double() @ wanted.flatten()
    groups = batch_groups(pool, 8, 0)
    best = sorted(groups, key=lambda rows: -float(gains[rows].sum()))[:3]
    assert answer.indices.tolist() == torch.cat(best)[:20].tolist()


def test_what_cannot_be_matched_is_said_in_one_sentence():
    pool, _ = linear()
    per_class = [("per_class", {})]
    with pytest.raises(Missing, match="holdout=0.1"):
        select("glister", Pool(pool.fields, pool.classes), 3)
    without = Pool(pool.fields, pool.classes, pool.target[pool.target.y != 2])
    with pytest.raises(ValueError, match="no validation row belongs to this group; set more rows aside"):
        select("glister", without, 6, wrap=per_class)
    for n, h, what in ((C, D + 2, "6 features and the candidates 4"), (C + 1, D, "4 classes .* 3")):
        other = LastLayer(torch.zeros(1, 15, n), torch.zeros(1, 15, h))
        wide = Pool(pool.fields, pool.classes, pool.target.add(grads=other))
        with pytest.raises(ValueError, match=what):
            select("glister", wide, 3)
    dense = Dense(pool.target.grads.dense())
    with pytest.raises(ValueError, match="wants the validation rows' factored gradients"):
        select("glister", Pool(pool.fields, pool.classes, pool.target.add(grads=dense)), 3)
    with pytest.raises(ValueError, match="have 15 numbers and the candidates' 14"):
        select("glister", pool.add(grads=Dense(pool.grads.dense()[:, 1:])), 3)
    with pytest.raises(ValueError, match="leave own_class out"):
        select("glister", make(30), 6, wrap=[("per_class", {"view": "own_class"})])
    for name, value in (("block", 0), ("eta", -1.0)):
        with pytest.raises(ValueError, match=f"{name} lies between"):
            select("glister", pool, 3, **{name: value})


def scores(theta: torch.Tensor, target: Pool) -> torch.Tensor:
    return target.grads.h[0] @ theta[:, :-1].T + theta[:, -1]


def test_a_row_that_is_very_wrong_keeps_the_loss_that_its_logits_say():
    """log p_y = −20 to −30: a float32 residual is −1 for each, and says of none how wrong it is."""
    pool, theta = linear()
    logits = scores(theta, pool.target)
    wrong = (pool.target.y[:3, None] != torch.arange(logits.shape[1])).double()
    logits[:3] = wrong * torch.tensor([20.0, 25.0, 30.0])[:, None]
    r = residuals(logits, pool.target.y).float()
    target = pool.target.add(logits=logits, grads=LastLayer(r[None], pool.target.grads.last.h.float()))
    held = Pool(pool.fields, pool.classes, target)
    kept = _Validation(held, pool.grads.last)
    wanted = torch.nn.functional.cross_entropy(logits.double(), target.y, reduction="none")
    found = torch.nn.functional.cross_entropy(kept.logits.T, target.y, reduction="none")
    torch.testing.assert_close(found, wanted)
    # steps that mend these rows would not mend rows at log p = −87, where residuals alone put them
    bare = Pool(pool.fields, pool.classes, Pool(target.only("y", "grads").fields))
    one, two = (select("glister", p, 20, eta=10.0, show=False).gains for p in (held, bare))
    assert not torch.allclose(one, two)


def test_logits_of_another_step_than_the_gradients_are_not_read():
    pool, theta = linear()
    other = pool.target.add(logits=3 * scores(theta, pool.target))
    bare = Pool(pool.target.only("y", "grads").fields)
    one, two = (
        select("glister", Pool(pool.fields, pool.classes, target), 12, eta=0.5, show=False)
        for target in (other, bare)
    )
    assert one.indices.tolist() == two.indices.tolist() and torch.equal(one.gains, two.gains)
