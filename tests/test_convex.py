"""Convex models: the optimum is scikit-learn's, the loop's estimates are unbiased, and it gets there."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import coreset_explore as cx
from coreset_explore.compiled import descent as loop
from coreset_explore.datasets import Data
from coreset_explore.inputs.checks import gathered
from coreset_explore.labs.training import questions
from coreset_explore.labs.training.convergence import tuned
from coreset_explore.labs.training.convex import MODELS, Table
from coreset_explore.labs.training.descent import OPTIMIZERS, descend
from coreset_explore.plots import convex as plots
from tests.test_plots_names import drawn
from tests.training_grids import table

KINDS = [(model, classes) for model in MODELS for classes in (2, 3)]


def weighted(n=60, seed=0):
    """Half of the rows with uneven weights, one of them 0."""
    rows = np.random.default_rng(seed).permutation(n)[: n // 2]
    weights = np.random.default_rng(seed + 1).exponential(size=len(rows))
    weights[3] = 0
    return cx.Selection.of(rows, weights)


def gradient(problem, w):
    """By differences of the loss."""
    found, far = np.zeros_like(w), 1e-6
    for place in np.ndindex(w.shape):
        move = np.zeros_like(w)
        move[place] = far
        found[place] = (problem.loss(w + move) - problem.loss(w - move)) / (2 * far)
    return found


def somewhere(problem, seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, (problem.lines, problem.x.shape[1]))


@pytest.mark.parametrize("subset", [None, weighted()])
@pytest.mark.parametrize("model, classes", KINDS)
def test_the_optimum_has_no_gradient_and_is_scikit_learns(model, classes, subset):
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    problem = Table.of(table(60, classes), model, 0.05).problem(subset)[1]
    w = problem.optimum()
    assert np.abs(gradient(problem, w)).max() < 1e-7
    how = {"C": 1 / (0.05 * problem.weights.sum()), "tol": 1e-8, "fit_intercept": False}
    theirs = LinearSVC(dual=False, random_state=0, **how) if model == "svm" else LogisticRegression(**how)
    used = problem.weights > 0
    theirs.fit(problem.x[used], problem.y[used], sample_weight=problem.weights[used])
    assert theirs.coef_ == pytest.approx(w, abs=2e-4)


def test_the_svms_optimum_is_found_where_newtons_whole_steps_go_round_in_circles():
    x = torch.randn(300, 40, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] + 2 * torch.randn(300, generator=torch.Generator().manual_seed(1)) > 0).long()
    ground = Table.of((x, y), "svm", 1e-6)
    for many, seed in ((70, 0), (100, 2)):
        rows = torch.randperm(300, generator=torch.Generator().manual_seed(seed))[:many]
        problem = ground.problem(rows)[1]
        assert np.abs(gradient(problem, problem.optimum())).max() < 1e-7


@pytest.mark.parametrize("optimizer", ["svrg", "saga"])
@pytest.mark.parametrize("model, classes", KINDS)
def test_svrg_and_saga_reach_the_optimum_of_weighted_rows(model, classes, optimizer):
    ground = Table.of(table(60, classes), model, 0.5)
    done = descend(ground, weighted(), optimizer=optimizer, epochs=400, show=False)
    assert done.loss == pytest.approx(done.problem.loss(done.problem.optimum()), abs=1e-9)
    assert done.w == pytest.approx(done.problem.optimum(), abs=1e-4)


def test_sgd_comes_near_and_is_last():
    ground = Table.of(table(60), "logistic", 0.05)
    best = ground.whole.loss(ground.whole.optimum())
    far = {o: descend(ground, optimizer=o, epochs=100, show=False).loss - best for o in OPTIMIZERS}
    assert abs(far["saga"]) < 1e-6 and abs(far["svrg"]) < 1e-6 < far["sgd"] < 0.2


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model, classes", KINDS)
def test_the_mean_step_over_all_rows_is_along_the_gradient(model, classes, optimizer):
    problem = Table.of(table(60, classes), model, 0.05).problem(weighted())[1]
    w, before = somewhere(problem), somewhere(problem, 1)
    k, facts = len(problem.y), (problem.x, problem.y, problem.weights)
    memory, mean, steps = np.zeros((k, problem.lines)), np.zeros_like(w), []
    if optimizer != "sgd":
        loop.remember(problem.kind, *facts, np.arange(k), before, memory, mean)
        assert mean + 0.05 * before == pytest.approx(gradient(problem, before), abs=1e-6)
    for i in range(k):
        moved, held, average = w.copy(), memory.copy(), mean.copy()
        loop.descend(
            problem.kind, optimizer == "saga", *facts, np.array([i]), moved, 1e-3, 0.05, held, average
        )
        steps.append((w - moved) / 1e-3)
        if optimizer == "saga":
            assert average == pytest.approx(held.T @ problem.x / k) and (held != memory).any(1).sum() <= 1
        else:
            assert (held == memory).all() and (average == mean).all()
    assert np.mean(steps, 0) == pytest.approx(gradient(problem, w), abs=1e-6)
    spread = np.var(steps, 0).sum()
    if optimizer != "sgd":  # at the anchor itself nothing is left to chance
        still = before.copy()
        loop.descend(problem.kind, False, *facts, np.array([0]), still, 1e-3, 0.05, memory, mean)
        assert (before - still) / 1e-3 == pytest.approx(gradient(problem, before), abs=1e-6)
    assert spread > 0


@pytest.mark.parametrize("model", MODELS)
def test_doubling_a_row_is_doubling_its_weight(model):
    data = table(30)
    twice = Data(
        torch.cat([data.x, data.x[:5]]),
        torch.cat([data.y, data.y[:5]]),
        data.classes,
        None,
        None,
        "table",
        "made",
    )
    doubled = Table.of(twice, model, 0.05).problem(None)[1]
    weights = np.where(np.arange(30) < 5, 2.0, 1.0)
    once = Table.of(twice, model, 0.05).problem(cx.Selection.of(np.arange(30), weights))[1]
    w = somewhere(once)
    assert once.loss(w) == pytest.approx(doubled.loss(w), abs=1e-12)
    assert once.optimum() == pytest.approx(doubled.optimum(), abs=1e-8)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_order_of_the_rows_changes_nothing_and_a_seed_repeats(optimizer):
    chosen, how = weighted(), {"optimizer": optimizer, "epochs": 3, "seed": 4, "show": False}
    other = torch.randperm(len(chosen), generator=torch.Generator().manual_seed(1))
    turned = cx.Selection.of(chosen.indices[other], chosen.weights[other])
    state = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    one, two = (descend(table(60), subset, **how).w for subset in (chosen, turned))
    assert (one == two).all() and (descend(table(60), chosen, **{**how, "seed": 5}).w != one).any()
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.random.get_state()[1].tolist() == state[1]  # noqa: NPY002
    whole = descend(table(60), **how).w
    assert (descend(table(60), torch.arange(60).flip(0), **how).w == whole).all()
    even = cx.Selection.of(torch.arange(60), torch.full((60,), 7.0))
    assert descend(table(60), even, **how).w == pytest.approx(whole)


def test_what_was_looked_at_is_counted_in_rows_and_epochs():
    def seen(optimizer):
        done = descend(table(60), torch.arange(40), optimizer=optimizer, epochs=2, looks=2, show=False)
        assert [look.seconds for look in done.looks] == sorted(look.seconds for look in done.looks)
        assert [look.epoch for look in done.looks] == [0, 0.5, 1, 1.5, 2]
        return [look.visits for look in done.looks]

    assert seen("sgd") == [0, 20, 40, 60, 80]
    assert seen("svrg") == [0, 60, 80, 140, 160]  # the whole gradient before each epoch
    assert seen("saga") == [0, 60, 80, 100, 120]  # and once, to remember by


def test_a_rate_that_is_too_high_says_so():
    with pytest.warns(UserWarning, match="saga diverged in epoch 1: lower rate=1e"):
        done = descend(table(60), model="svm", optimizer="saga", rate=1e6, show=False)
    assert done.stopped and math.isinf(done.loss) and len(done.looks) == 1


def test_it_tells_how_far_it_is_and_stops_where_it_is_told():
    told = []
    with cx.listening(lambda share, text: told.append((share, text)), interval=0):
        descend(table(60), epochs=3, show=False)
    assert told[0][0] == 0 and told[-1][0] == 1 and "look 2 of 4" in [text for _, text in told]
    ground = Table.of(table(60))
    for call in (
        lambda: descend(ground, epochs=10**9, show=False),
        lambda: questions.convergence(table(60), "CRAIG", budgets=12, show=False),
    ):
        asked = []

        def enough(asked=asked):
            asked.append(1)
            return len(asked) > 30

        with pytest.raises(cx.Cancelled), cx.listening(should_stop=enough, interval=0):
            call()


@pytest.mark.parametrize(
    "given, says",
    [
        ({"model": "svn"}, "model is one of 'logistic', 'svm', not 'svn'; did you mean 'svm'?"),
        ({"optimizer": "adam"}, "optimizer is one of 'sgd', 'svrg', 'saga', not 'adam'"),
        ({"ridge": 0}, "ridge=0 leaves no one optimum to measure from; give a number above 0"),
        ({"rate": -1.0}, "rate=-1 is no step; give a number above 0"),
        ({"epochs": 0}, "epochs is a whole number"),
        ({"decay": -1}, "decay is a number"),
        ({"subset": []}, "the subset is empty"),
        ({"subset": [0, 99]}, "99"),
        ({"subset": cx.Selection.of([0, 1], [2.0, -1.0])}, "1 weights are negative, and a loss with such weights"),
        ({"subset": cx.Selection.of([0, 1], [0.0, 0.0])}, "the weights sum to 0"),
        ({"data": (torch.ones(4, 2), ["a"] * 4)}, "one class only"),
        ({"data": cx.Pool.of(torch.ones(4, 2))}, "training and recording take data"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(given, says):
    with pytest.raises(ValueError) as caught:
        descend(**{"data": table(60), "show": False, **given})
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_picks_of_one_class_and_constant_columns_are_odd_and_no_mistake():
    data = table(60)
    data = Data(torch.cat([data.x, torch.ones(60, 1)], 1), data.y, data.classes, None, None, "table", "made")
    for model in MODELS:
        done = descend(Table.of(data, model, 0.05), [0, 3, 6], optimizer="saga", epochs=400, show=False)
        assert done.loss == pytest.approx(done.problem.loss(done.problem.optimum()), abs=1e-6)
        assert (done.w[:, 6] == 0).all()
    assert math.isnan(Table.of(data).error(done.w))


# -- the question -----------------------------------------------------------------------------------------------------

METHODS = ["CRAIG", "Random, over all classes"]


@pytest.fixture(scope="module")
def found():
    return questions.convergence(table(), METHODS, budgets=[24], epochs=6, ridge=0.05, seeds=2, show=False)


def test_every_run_stands_beside_all_rows_from_choosing_to_the_last_epoch(found):
    assert list(found.method.unique()) == ["Full", *METHODS]
    assert len(found) == 2 * 3 * (31 + 2 * 7)  # Full is looked at five times an epoch, as n / k is five
    first = found[found.epoch == 0]
    assert (first.seconds == first.selecting).all() and (first.visits == 0).all()
    assert (first[first.method != "Full"].selecting > 0).all() and (found.residual > -1e-12).all()
    assert found[found.method == "Full"].floor.eq(0).all()
    ground = Table.of(table(), "logistic", 0.05)
    best = ground.whole.loss(ground.whole.optimum())
    picks = cx.select("CRAIG", cx.Pool.of(ground.features, table().y), 24, seed=1)
    rate = found[(found.method == "CRAIG") & (found.optimizer == "saga")].rate.iloc[0]
    done = descend(ground, picks, optimizer="saga", epochs=6, seed=1, rate=rate, show=False)
    mine = found[(found.method == "CRAIG") & (found.optimizer == "saga") & (found.seed == 1)].iloc[-1]
    assert mine.residual == pytest.approx(ground.whole.loss(done.w) - best)
    assert mine.error == pytest.approx(1 - (((ground.x_test @ done.w.T).argmax(1)) == ground.y_test).mean())
    assert mine.floor == pytest.approx(ground.whole.loss(ground.problem(picks)[1].optimum()) - best)


def test_the_rate_is_the_ladders_best_by_its_own_rows():
    ground, how = Table.of(table(), "svm", 0.05), {"optimizer": "svrg", "epochs": 4, "seed": 0}
    best, safe = tuned(ground, None, **how), ground.whole.safe_rate()
    with gathered():
        losses = {m: descend(ground, rate=safe * 4**m, show=False, **how).loss for m in range(4)}
    assert best == safe * 4 ** min(losses, key=losses.get)
    fixed = questions.convergence(
        table(), "CRAIG", budgets=12, optimizers="sgd", epochs=1, rate=0.01, seeds=[3], show=False
    )
    assert set(fixed.rate) == {0.01} and set(fixed.optimizer) == {"sgd"} and set(fixed.seed) == {3}


def test_a_speedup_is_the_time_to_what_both_reach(found):
    rows = [("Full", 100, e, e * 2.0, r) for e, r in enumerate([8, 4, 2, 1])]
    rows += [("A", 10, e, 0.5 + e / 10, r) for e, r in enumerate([8, 3, 3, 3])]
    rows += [("B", 10, e, 9.0, 9) for e in range(4)]
    import pandas

    made = pandas.DataFrame(rows, columns=["method", "budget", "epoch", "seconds", "residual"])
    fast = questions.speedup(made.assign(optimizer="sgd", seed=0)).set_index("method")
    assert (fast.residual["A"], fast.seconds["A"], fast.full_seconds["A"]) == (3, 0.6, 4.0)
    assert fast.speedup["A"] == pytest.approx(4 / 0.6) and math.isnan(fast.speedup["B"])
    assert len(questions.speedup(found)) == 2 * 3 * 2


@pytest.mark.parametrize("x", ["seconds", "epoch"])
def test_the_figure_draws_means_an_optimizer_a_column(found, x):
    figure = plots.convergence(found, x=x, dark=x == "epoch")
    assert [axes.get_title("left") for axes in figure.axes] == ["SGD", "SVRG", "SAGA", "", "", ""]
    lines = figure.axes[2].lines  # SAGA's residuals
    assert len([line for line in lines if line.get_gid() == "floor"]) == 2
    full = next(line for line in lines if line.get_gid() != "floor")
    mine = found[(found.optimizer == "saga") & (found.method == "Full")]
    mine = mine.assign(at=mine[x]).groupby("epoch")[["at", "residual"]].mean()
    shown = mine[(mine["at"] > 0) | (x == "epoch")]
    assert full.get_xdata() == pytest.approx(shown["at"].to_numpy())
    assert full.get_ydata() == pytest.approx(shown.residual.to_numpy())


def test_the_figure_is_drawn_whole(found):
    figure = plots.convergence(found[found.optimizer == "sgd"], title="A title, $5")
    texts, inside = drawn(figure), figure.bbox.padded(1)
    assert {"SGD", "Full", "CRAIG"} <= {words for words, _, _ in texts}
    for words, box, _ in texts:
        assert "mathdefault" not in words
        assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1), words
