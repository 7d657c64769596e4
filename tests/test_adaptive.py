"""Training on what is chosen anew: the laws of fit, what a policy promises, and what it refuses."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import coreset_explore as cx
from coreset_explore import Policy, Selection
from coreset_explore.datasets import Data
from coreset_explore.machine.seeds import generator
from coreset_explore.training import fit
from coreset_explore.training.epochs import systematic
from coreset_explore.training.weighing import Weighing
from tests.test_epochs import started

RULE = {"epochs": 12, "batch_size": 8, "seed": 5, "show": False}
GRADMATCH = {"method": "gradmatch", "wrap": ["per_class"], "params": {"ridge": 0.0}}


def table(n=90, classes=3):
    y = torch.arange(n) % classes
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(0)) + 2 * F.one_hot(y, 6)
    return Data(x, y, tuple("abc"[:classes]), x[:30], y[:30], "table", "made")


def curve(fit):
    return [record.loss for record in fit.epochs]


def weights_of(fit):
    return torch.cat([p.detach().flatten() for p in fit.model.parameters()])


def same_training(one, two):
    assert curve(one) == curve(two) and torch.equal(weights_of(one), weights_of(two))


# -- laws of fit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["loss", "drawn"])
def test_weights_of_ones_equal_none(way):
    rows = torch.arange(0, 90, 4)
    one = fit("mlp", table(), Selection(rows, torch.full((23,), 7.0)), weights=way, **RULE)
    same_training(one, fit("mlp", table(), rows, **RULE))


def test_doubling_a_row_is_doubling_its_weight_in_a_full_batch():
    rows, rule = torch.arange(0, 90, 4), {**RULE, "batch_size": 100}
    weights = torch.ones(23)
    weights[[3, 9]] = 2.0
    one = fit("mlp", table(), Selection(rows, weights), **rule)
    two = fit("mlp", table(), torch.cat([rows, rows[[3, 9]]]), **rule)
    torch.testing.assert_close(weights_of(one), weights_of(two), atol=1e-5, rtol=1e-4)


def test_the_same_seed_is_the_same_curve_and_its_choices_and_another_is_not():
    policy = Policy("GRAD-MATCHPB", 32, every=3)
    one, two, other = (fit("mlp", table(), policy, **{**RULE, "seed": seed}) for seed in (5, 5, 6))
    same_training(one, two)
    assert [c.rows.tolist() for c in one.choices] == [c.rows.tolist() for c in two.choices]
    assert curve(one) != curve(other)


def test_all_rows_chosen_again_and_again_is_full_training():
    same_training(fit("mlp", table(), Policy("random", 90, every=2), **RULE), fit("mlp", table(), **RULE))


def test_a_warm_start_that_never_ends_is_full_training():
    policy = Policy("CRAIG", 16, every=2, warm=1.0)
    one, two = fit("mlp", table(), policy, **RULE), fit("mlp", table(), **{**RULE, "updates": 24})
    same_training(one, two)
    assert one.choices == () and one.epochs[-1].updates == 24


def test_choosing_anew_after_the_end_is_choosing_once_and_is_the_fixed_subset():
    once, late = (fit("mlp", table(), Policy("random", 16, every=every), **RULE) for every in (None, 12))
    with pytest.warns(UserWarning, match="every=50 epochs is longer than the run of 12, so that one choice"):
        later = fit("mlp", table(), Policy("random", 16, every=50), **RULE)
    fixed = fit("mlp", table(), once.choices[0].selection, **RULE)
    for other in (late, later, fixed):
        same_training(once, other)
    assert [len(found.choices) for found in (once, late, later)] == [1, 1, 1]


def test_rows_that_two_runs_share_are_seen_in_one_order_from_one_start():
    data, seen = table(), {}

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(6, 3)

        def forward(self, x):
            if self.training:
                seen[self.name] += [int((data.x == row).all(1).nonzero()[0]) for row in x]
            return self.head(x)

    for name, subset in {"all": None, "some": torch.arange(0, 90, 5), "few": torch.arange(0, 90, 10)}.items():
        spy = Spy()
        spy.name, seen[name] = name, []
        fit(spy, data, subset, **{**RULE, "epochs": 1})
    assert [row for row in seen["all"] if row % 5 == 0] == seen["some"]
    assert [row for row in seen["some"] if row % 10 == 0] == seen["few"] and len(seen["few"]) == 9


# -- what a policy promises -------------------------------------------------------------------------------------------


def test_a_choice_is_made_at_update_0_and_every_r_epochs_of_k_rows_after_a_share_on_everything():
    at = [[c.update for c in fit("mlp", table(), Policy("CRAIG", 16, every=3, warm=w), **RULE).choices]
          for w in (0, 0.5)]  # fmt: skip
    assert at == [[0, 6, 12, 18], [12, 18]]


def test_a_warm_start_may_be_shorter_than_an_epoch():
    """κTk/n = 0.25 · 12 · 16 / 90 is half an epoch: 6 updates of the 12 that a pass over 90 rows takes."""
    found = fit("mlp", table(), Policy("CRAIG", 16, every=6, warm=0.25), **RULE)
    assert [c.update for c in found.choices] == [6, 18]
    assert [r.updates for r in found.epochs] == [6, 8, 10, 12, 14, 16, 18, 20, 22, 24]
    assert found.info["updates"] == 24 and found.info["policy"]["warm"] == 0.25


def test_a_choice_is_what_the_method_answers_for_the_model_of_that_moment():
    data = table()
    policy = Policy(GRADMATCH, 16, every=4)
    nets = {}

    def keep(record, net):
        nets[record.updates] = {k: v.clone() for k, v in net.state_dict().items()}

    found = fit("mlp", data, policy, on_epoch=keep, **RULE)
    choice = found.choices[1]
    net = found.model
    net.load_state_dict(nets[choice.update])
    pool = cx.snapshot(net, data)
    expected = cx.select("gradmatch", pool, 16, wrap=["per_class"], ridge=0.0)
    assert choice.rows.tolist() == expected.indices.tolist()
    assert choice.gradient_error == pytest.approx(cx.gradient_error(pool, expected), rel=1e-5)
    stale = cx.gradient_error(pool, found.choices[0].selection)
    assert choice.stale == pytest.approx(stale, rel=1e-5)
    assert found.choices[0].stale is None
    assert choice.forward_seconds > 0 and choice.choosing_seconds > 0 and choice.looked == 90
    weights = choice.selection.weights.double()
    assert choice.effective_size == pytest.approx(float(weights.sum() ** 2 / weights.square().sum()))


def test_rows_set_aside_are_the_target_and_are_never_trained_on():
    seen = []

    def spy(pool, k, *, rng):
        seen.append((pool.ids.tolist(), pool.target.ids.tolist()))
        return Selection(torch.arange(k))

    found = fit("mlp", table(), Policy(spy, 12, every=6, warm=0.2, holdout=0.3), **RULE)
    (ids, held), again = seen[0], seen[1]
    assert len(held) == 27 and sorted(ids + held) == list(range(90)) and again == (ids, held)
    assert not set(held) & {row for c in found.choices for row in c.rows.tolist()}
    assert found.choices[0].looked == 63
    inverse = Policy({"method": "gradmatch", "params": {"against": "validation"}}, 12, every=6, holdout=0.3)
    other = fit("mlp", table(), inverse, **RULE)
    mine = fit("mlp", table(), Policy("gradmatch", 12, every=6, holdout=0.3), **RULE)
    assert other.choices[0].rows.tolist() != mine.choices[0].rows.tolist()


def test_a_warm_start_trains_on_no_row_that_is_set_aside():
    data, seen = table(), []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(6, 3)

        def forward(self, x):
            if self.training:
                seen.append(x.detach())
            return self.head(x)

    chooser = Policy("Random", 12, warm=1.0, holdout=0.3).start(data, 5)
    fit(Spy(), data, Policy("Random", 12, warm=1.0, holdout=0.3), **{**RULE, "updates": 16})
    trained = {int((data.x == row).all(1).nonzero()[0]) for row in torch.cat(seen)}
    assert trained == set(chooser.rows.tolist()) and len(chooser.held) == 27


def test_a_policy_is_json_and_comes_back():
    policy = Policy(
        {"method": "gradmatch", "wrap": [("per_batch", {"size": 16})], "name": "mine"}, 0.1, 7, 0.5, 0.2, 0.9
    )
    assert Policy(**json.loads(json.dumps(policy.plain()))) == policy


def test_a_share_of_the_rows_may_be_looked_at_drawn_anew_each_time():
    looked = []

    def spy(pool, k, *, rng):
        looked.append(pool.ids.tolist())
        return Selection(torch.arange(k))

    found = fit("mlp", table(), Policy(spy, 16, every=4, look=0.3), **RULE)
    assert [len(ids) for ids in looked] == [27, 27, 27] and len({tuple(ids) for ids in looked}) == 3
    assert [choice.looked for choice in found.choices] == [27] * 3
    assert all(
        math.isfinite(choice.stale) for choice in found.choices[1:]
    )  # of rows that are not looked at now


def test_a_method_that_asks_nothing_of_the_model_costs_no_pass_and_a_fixed_order_none_either():
    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.asked = nn.Linear(6, 3), 0

        def forward(self, x):
            self.asked += len(x) * (not self.training)
            return self.head(x)

    net = Counted()
    found = fit(net, table(), Policy("Random", 16, every=4), test_every=0, **RULE)
    assert (
        net.asked < 10 and len(found.choices) == 3
    )  # a row now and then, for how many classes it tells apart
    assert found.choices[1].gradient_error is None and found.choices[1].stale is None


def test_rows_drawn_by_weight_are_trained_on_as_often_as_their_weights_say():
    chances = torch.tensor([0.25, 0.5, 1.0, 2.25, 1.0])
    rng = generator(0, "test")
    counts = torch.stack([torch.bincount(systematic(chances, rng), minlength=5) for _ in range(2000)])
    assert (counts.sum(1) == 5).all()
    assert (counts >= chances.floor()).all() and (counts <= chances.ceil()).all()
    torch.testing.assert_close(counts.double().mean(0), chances.double(), atol=0.04, rtol=0)


def test_copies_of_a_row_are_spread_over_the_epoch():
    """Side by side they would meet in one batch, which then sees nothing else."""
    run = started(size=8)
    run.on(torch.arange(8).repeat_interleave(8))
    first = torch.arange(8).repeat_interleave(8)[run._order()]
    assert sorted(first.tolist()) == sorted(torch.arange(8).repeat_interleave(8).tolist())
    assert min(len(set(part.tolist())) for part in first.split(16)) >= 4


def test_a_run_on_drawn_rows_is_resumed_as_it_went_on():
    chances = torch.linspace(0.2, 1.8, 20)
    whole, first, second = started(size=8), started(size=8), started(size=8, seed=9)
    for run in (whole, first, second):
        run.on(torch.arange(20), chances, drawn=True)
    expected = [record.loss for record in whole.epochs(until=12)]
    assert [record.loss for record in first.epochs(until=6)] == expected[:2]
    second.restore(first.state())
    assert [record.loss for record in second.epochs(until=12)] == expected[2:]


def test_drawn_training_sees_heavy_rows_more_often_and_weighs_no_loss():
    seen = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(6, 3)

        def forward(self, x):
            if self.training:
                seen.append(x.detach())
            return self.head(x)

    data, weights = table(), torch.tensor([1.0, 1.0, 2.0, 4.0])
    fit(Spy(), data, Selection([0, 31, 62, 44], weights), weights="drawn", **{**RULE, "epochs": 100})
    rows = torch.cat(seen)
    times = [int((rows == data.x[row]).all(1).sum()) for row in (0, 31, 62, 44)]
    assert sum(times) == 400 and times[3] == 200 and times[2] == 100 and abs(times[0] - 50) < 25


def test_a_row_drawn_twice_counts_as_two_rows_and_not_as_four():
    rule = {**RULE, "batch_size": 100}
    drawn = fit("mlp", table(), Selection([0, 31, 62], [2.0, 1.0, 0.0]), weights="drawn", **rule)
    torch.testing.assert_close(weights_of(drawn), weights_of(fit("mlp", table(), [0, 0, 31], **rule)))


def test_weights_are_tempered_and_then_clipped_and_what_they_are_worth_is_told_once():
    weigh = Weighing("loss", 0.5)
    found = weigh(torch.tensor([1.0, 4.0, 9.0, 0.0]))
    torch.testing.assert_close(found, torch.tensor([1.0, 2.0, 3.0, 0.0]) * 4 / 6)
    assert weigh.effective == pytest.approx(36 / 14)
    clipped = Weighing(clip=2.0)(torch.tensor([1.0, 1.0, 1.0, 13.0]))
    torch.testing.assert_close(clipped, torch.tensor([1.0, 1.0, 1.0, 8.0]) * 4 / 11)
    assert Weighing("drawn", 0.0)(torch.tensor([5.0, 1.0])).tolist() == [1.0, 1.0]

    def uneven(pool, k, *, rng):
        return Selection(torch.arange(k), torch.tensor([500.0] + [1.0] * (k - 1)))

    with pytest.warns(UserWarning, match="count like 1.1 even ones") as told:
        found = fit("mlp", table(), Policy(uneven, 18, every=2), weights="drawn", **RULE)
    assert len(told) == 1 and len(found.choices) == 6
    assert all(choice.effective_size == pytest.approx(1.07, abs=0.01) for choice in found.choices)


def test_a_user_of_nothing_but_a_function_has_an_adaptive_method():
    def hardest(pool, k, *, rng):
        return Selection(pool.grads.norm().argsort(descending=True)[:k])

    found = fit("mlp", table(), Policy(hardest, 0.2, every=3), **{**RULE, "epochs": 6})
    assert found.info["rows"] == 18 and len(found.choices) == 2
    assert found.info["policy"]["strategy"]["method"] == "hardest"


# -- what is refused --------------------------------------------------------------------------------------------------


def outside(pool, k, *, rng):
    return Selection(torch.arange(k) + len(pool))


@cx.selector(needs="emb,texture")
def textured(pool, k, *, rng, given=()):
    """Reads what nobody records."""
    return Selection(torch.arange(k))


cx.METHODS._found.pop("textured")


@pytest.mark.parametrize(
    "policy, message",
    [
        (lambda: Policy("EL2N", 16), "EL2N reads history, which a whole training tells"),
        (lambda: Policy("AUM", 16, warm=0.5), "AUM reads history"),
        (lambda: Policy("GLISTER", 16), r"GLISTER reads validation rows.* give Policy\(…, holdout=0.1\)"),
        (lambda: Policy(cx.registry.Method("textured", "selector", textured, "t", needs="emb,texture"), 9),
         "textured reads texture, which no snapshot of a model holds"),
        (lambda: Policy("CRAIG", 91), "asked for 91 of 90 rows"),
        (lambda: Policy("CRAIG", 80, holdout=0.2), "asked for 80 of 72 rows"),
        (lambda: Policy("CRAIG", 16, every=0), "every, epochs between two choices, is a whole number from 1"),
        (lambda: Policy("CRAIG", 16, warm=1.5), "warm, the share of updates on everything, lies between 0 and 1"),
        (lambda: Policy("CRAIG", 16, look=0), "look=0 leaves no row to choose from"),
        (lambda: Policy("CRAIG", 16, holdout=1), "holdout=1 leaves no row to choose from"),
        (lambda: Policy("CRAIG", 16, holdout=0.001), "sets none aside"),
        (lambda: Policy("CRAGI", 16), "CRAIG"),
        (lambda: Policy(outside, 16), "outside picked row 105 of a pool of 90 rows"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_followed_says_why_before_anything_is_trained(policy, message):
    trained = []
    with pytest.raises(ValueError, match=message):
        fit("mlp", table(), policy(), on_epoch=lambda *_: trained.append(1), **RULE)
    assert trained == []


@pytest.mark.parametrize(
    "weights, more, message",
    [
        (
            [1.0, -0.5, 1.0],
            {"weights": "drawn"},
            "1 weights are negative, and none of them has a chance of being",
        ),
        ([1.0, -0.5, 1.0], {"temper": 0.5}, "1 weights are negative, and none of them has a power"),
        ([0.0, 0.0, 0.0], {}, "the weights sum to 0, so the weighted loss points nowhere"),
        ([1.0, math.nan, 1.0], {}, "weights must be finite"),
        ([1.0, 1.0, 1.0], {"weights": "lost"}, "weights is one of 'loss', 'drawn', not 'lost'"),
        ([1.0, 1.0, 1.0], {"clip": 0.5}, "clip is a number from 1"),
        ([1.0, 1.0, 1.0], {"temper": 2}, "temper lies between 0 and 1"),
    ],
)
def test_weights_that_say_nothing_are_refused(weights, more, message):
    with pytest.raises(ValueError, match=message):
        fit("mlp", table(), Selection([0, 1, 2], weights), **RULE, **more)


def test_what_is_odd_and_goes_on_is_said_once():
    with pytest.warns(UserWarning, match="a budget of 12 rows is below a batch of 32.* pass batch_size=3"):
        fit("mlp", table(), Policy("CRAIG", 12, every=4), **{**RULE, "batch_size": 32})

    def one_class(pool, k, *, rng):
        return Selection((pool.y == 1).nonzero().flatten()[:k])

    with pytest.warns(
        UserWarning, match="holds none of class a, c, which the model then cannot learn"
    ) as told:
        fit("mlp", table(), Policy(one_class, 16, every=2), **RULE)
    assert len(told) == 1


def test_a_run_that_diverges_between_two_choices_stops_and_says_so():
    with pytest.warns(UserWarning, match="training stopped: the (loss|model) was not finite"):
        found = fit("mlp", table(), Policy("CRAIG", 16, every=1), **{**RULE, "lr": 1e20})
    assert found.info["stopped"] and len(found.epochs) < 12


def test_a_model_without_a_final_linear_is_refused_before_it_is_trained():
    with pytest.raises(ValueError, match="Linear"):
        fit(nn.Sequential(nn.Linear(6, 3), nn.Softmax(1)), table(), Policy("CRAIG", 16), **RULE)
