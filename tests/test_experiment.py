"""The probe against scikit-learn's objective, and the accuracy curve's frame."""

import functools
import math
from dataclasses import replace

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from coreset_explore.datasets import Data, load
from coreset_explore.experiment import accuracy_curve, grid, judging, probe, probes
from coreset_explore.experiment import linear_probe as linear
from coreset_explore.experiment.runs import strategies_of, with_random
from coreset_explore.measures import prefixes
from coreset_explore.pool import Missing, Pool
from coreset_explore.progress import Cancelled, listening
from coreset_explore.registry import find, selector
from coreset_explore.selecting.run import select
from coreset_explore.selection import Selection
from coreset_explore.training import run as training

CLASSES = 4


def rows(n: int, seed: int = 0, d: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    centers = 1.2 * torch.randn(CLASSES, d, generator=torch.Generator().manual_seed(99))
    y = torch.randint(CLASSES, (n,), generator=rng)
    y[:CLASSES] = torch.arange(CLASSES)
    return centers[y] + torch.randn(n, d, generator=rng), y


def make_pool(n: int = 300, tests: int = 200) -> Pool:
    pool = Pool.of(*rows(n))
    return replace(pool, test=Pool.of(*rows(tests, seed=1))) if tests else pool


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def objective(x, y, weights, ridge, coefficients, intercept) -> float:
    losses = torch.nn.functional.cross_entropy(
        x.double() @ coefficients.double().T + intercept.double(), y, reduction="none"
    )
    share = weights.double() / weights.sum()
    return float((share * losses).sum() + ridge / 2 * coefficients.double().square().sum())


@pytest.mark.parametrize("ridge", [1e-3, 1e-1])
def test_the_probe_minimizes_what_scikit_learn_minimizes(ridge):
    x, y = rows(120)
    weights = torch.rand(120, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 5
    ours = objective(x, y, weights, ridge, *linear.logistic(x, y, weights, ridge))
    share = (weights / weights.sum()).numpy()
    theirs = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=5000).fit(
        x.double().numpy(), y.numpy(), share
    )
    best = objective(x, y, weights, ridge, *map(torch.from_numpy, (theirs.coef_, theirs.intercept_)))
    assert ours == pytest.approx(best, rel=1e-3) and ours >= best - 1e-9


def test_a_weight_is_so_many_copies_of_a_row():
    x, y = rows(40)
    copies = torch.randint(1, 5, (40,), generator=torch.Generator().manual_seed(3))
    weighted = linear.logistic(x, y, copies.double())
    repeated = linear.logistic(
        x.repeat_interleave(copies, 0), y.repeat_interleave(copies), torch.ones(int(copies.sum()))
    )
    scores = [x @ w.T + b for w, b in (weighted, repeated)]
    assert torch.allclose(*(s.softmax(1) for s in scores), atol=2e-2)
    plain = linear.logistic(x, y, torch.ones(40))
    assert not torch.allclose((x @ plain[0].T + plain[1]).softmax(1), scores[0].softmax(1), atol=2e-2)


def test_the_probe_is_deterministic_and_judged_by_test_rows():
    pool = make_pool()
    chosen = select("random", pool, 100)
    found = probe(pool, chosen)
    assert found == probe(pool, chosen) and found.judged == "200 test rows" and found.n == 100
    assert 0.7 < found.accuracy <= 1
    everything = probe(pool, Selection.of(range(300)))
    theirs = LogisticRegression(C=1 / (1e-3 * 300)).fit(pool.emb.numpy(), pool.y.numpy())
    assert everything.accuracy == pytest.approx(
        theirs.score(pool.test.emb.numpy(), pool.test.y.numpy()), abs=0.02
    )
    assert probes(pool, [chosen, chosen[:10]])[0] == found


def test_without_test_rows_held_out_rows_judge_and_are_not_trained_on():
    pool = make_pool(tests=0)
    found = probe(pool, Selection.of(range(300)))
    assert found.judged == "60 held-out rows of the pool" or "held-out rows of the pool" in found.judged
    held = 300 - found.n
    assert (
        str(held) in found.judged and found.note == f"{held} picks among the held-out rows are not trained on"
    )
    assert probe(pool, Selection.of(range(300)), seed=1) != found


def test_a_random_selection_does_not_draw_the_rows_that_judge_it():
    pool = make_pool(tests=0)
    shares = [probe(pool, select("random", pool, 60, seed=seed), seed=seed).n / 60 for seed in range(8)]
    assert 0.7 < sum(shares) / 8 < 0.9  # four fifths, were draws independent


def test_odd_weights_and_absent_classes():
    pool = make_pool()
    of = pool.by_class()
    one_class = probe(pool, Selection.of(of[2][:5]))
    assert one_class.accuracy == float((pool.test.y == 2).double().mean())
    two = probe(pool, Selection.of([*of[1][:20].tolist(), *of[3][:20].tolist()]))
    assert two.accuracy <= float(((pool.test.y == 1) | (pool.test.y == 3)).double().mean())
    mixed = list(range(40))
    negative = probe(pool, Selection.of(mixed, [1.0] * 30 + [-1.0] * 10))
    assert negative.accuracy == probe(pool, Selection.of(mixed[:30])).accuracy
    assert negative.note == "10 negative weights count as 0" and negative.n == 30
    zeros = probe(pool, Selection.of(mixed, [0.0] * 40))
    assert zeros.accuracy == probe(pool, Selection.of(mixed)).accuracy and "count equally" in zeros.note
    assert math.isnan(probe(pool, Selection.of([])).accuracy)


def test_constant_features_and_missing_facts():
    x, y = rows(60)
    x[:, 0] = 3.0
    assert probe(replace(Pool.of(x, y), test=Pool.of(x, y)), Selection.of(range(60))).accuracy > 0.6
    with pytest.raises(Missing, match="labels"):
        probe(Pool.of(x), Selection.of([0]))
    with pytest.raises(Missing, match="emb"):
        probe(Pool.of(y=y), Selection.of([0]))


def test_the_curve_is_tidy_and_random_is_always_in_it():
    pool = make_pool()
    frame = accuracy_curve(pool, ["kcenter"], [10, 0.2, 30], seeds=2)
    assert tuple(frame.columns) == grid.COLUMNS
    assert list(frame.groupby(["method", "budget", "seed"]).size()) == [1] * 12
    assert set(frame.method) == {"kcenter", "Random"} and sorted(set(frame.budget)) == [10, 30, 60]
    assert (frame.n == frame.budget).all() and set(frame.regime) == {"probe"} == set(frame.model)
    assert set(frame.judged) == {"200 test rows"} and frame.accuracy.between(0.2, 1).all()
    assert (frame.selection_seconds >= 0).all() and (frame.train_seconds > 0).all()
    random = frame[frame.method == "Random"].pivot(index="budget", columns="seed", values="accuracy")
    assert (random[0] != random[1]).any()


def test_each_row_is_what_select_and_probe_say():
    pool = make_pool()
    frame = accuracy_curve(
        pool, [{"method": "random", "wrap": [["per_class", {}]], "label": "mine"}], [12, 40], seeds=[7]
    )
    whole = select("random", pool, 40, seed=7, wrap=[("per_class", {})])
    expected = [probe(pool, part).accuracy for part in prefixes(pool, whole, [12, 40])]
    assert frame.accuracy.tolist() == expected and list(frame.method) == ["mine", "mine"]


def test_random_follows_the_others_per_class_rule():
    def random_of(methods):
        return with_random(strategies_of(methods))[-1]

    assert random_of(["kcenter"]).wrap == ()
    assert random_of([]).name == "Random"
    wrapped = {"method": "kcenter", "wrap": [["per_class", {"rule": "equal"}]]}
    assert random_of([wrapped]).wrap == (("per_class", {"rule": "equal"}),)
    assert random_of(["kcenter", "Random"]).name == "Random"
    assert len(with_random(strategies_of(["random"]))) == 1


def test_methods_come_as_names_presets_dicts_and_selections():
    pool = make_pool()
    own = Selection.of(range(20), name="by hand")
    methods = {"a": "kcenter", "b": {"method": "herding", "params": {}}, "c": own}
    assert [s.name for s in with_random(strategies_of(methods))] == ["a", "b", "c", "Random"]
    found = with_random(strategies_of(["k-center per class", own, find("herding")]))
    assert [s.name for s in found] == ["k-center per class", "by hand", "herding", "Random"]
    assert found[0].wrap == (("per_class", {}),)
    frame = accuracy_curve(pool, [own], [5, 20, 50], seeds=1)
    assert frame[frame.method == "by hand"].n.tolist() == [5, 20, 20]


def test_a_pool_without_test_rows_sets_some_aside_before_selecting():
    pool = make_pool(tests=0)
    own = Selection.of(range(300))
    frame = accuracy_curve(pool, ["kcenter", own], [20, 200], seeds=1)
    assert "held-out rows of the pool" in frame.judged[0]
    held = int(frame.judged[0].split()[0])
    assert (frame[frame.method == "kcenter"].n == [20, 200]).all()
    with pytest.raises(ValueError, match=f"asked for 300 of {300 - held} rows"):
        accuracy_curve(pool, ["kcenter"], [300])


def test_only_what_draws_is_selected_again_for_each_seed():
    margin, random = strategies_of(["margin", "random"])
    assert random.draws and not margin.draws
    in_stages = {"method": "margin", "wrap": [["two_stage", {}]]}
    assert strategies_of([in_stages])[0].draws


def with_logits() -> Pool:
    return make_pool().add(logits=torch.randn(300, CLASSES, generator=torch.Generator().manual_seed(0)))


def test_a_method_that_is_not_nested_runs_at_every_budget():
    calls = []

    @selector(needs="emb", weights=None, nested=False, draws=False)
    def last_rows_for_a_test(pool, k, *, rng, given=()):
        """The last k rows, in order: budget 2 is no prefix of budget 3."""
        calls.append(k)
        return Selection(torch.arange(len(pool) - k, len(pool)))

    from coreset_explore.registry import METHODS

    try:
        frame = accuracy_curve(make_pool(), ["last_rows_for_a_test"], [10, 30], seeds=3)
    finally:
        METHODS._found.pop("last_rows_for_a_test")
    assert calls == [10, 30]  # once: it does not draw
    assert len(frame[frame.method == "last_rows_for_a_test"]) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"methods": ["kcentre"]}, "did you mean 'kcenter'"),
        ({"methods": [{"method": "kcenter", "parms": {}}]}, "not 'parms'"),
        ({"methods": [{"method": "kcenter", "params": {"metrik": "cosine"}}]}, "metrik"),
        ({"methods": ["kcenter", "kcenter"]}, "two methods are called 'kcenter'"),
        ({"methods": ["entropy"]}, "this needs 'logits'"),
        ({"methods": [Selection.of([999])]}, "row 999 of a pool of 300"),
        ({"budgets": [0]}, "at least 1 row"),
        ({"budgets": [301]}, "asked for 301 of 300"),
        ({"budgets": []}, "no budgets"),
        ({"seeds": []}, "no seeds"),
        ({"equal": "steps"}, "one of 'epochs', 'updates', not 'steps'"),
        ({"model": "mlp"}, "needs the data"),
    ],
)
def test_mistakes_are_answered_before_anything_runs(arguments, message):
    given = {"methods": ["kcenter"], "budgets": [10], **arguments}
    with pytest.raises(ValueError, match=message):
        accuracy_curve(make_pool(), given.pop("methods"), given.pop("budgets"), **given)


def test_training_for_real_with_equal_epochs_and_equal_updates(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path))
    from coreset_explore.recording.run import signals

    pool = signals(digits, epochs=1)
    options = {"data": digits, "model": "mlp", "seeds": [0], "recipe": {"optimizer": "adam"}}
    frame = accuracy_curve(pool, ["margin"], [100, 400], epochs=8, **options)
    assert set(frame.regime) == {"equal epochs: 8"} and set(frame.model) == {"mlp"}
    assert (frame.accuracy_best >= frame.accuracy).all() and frame.accuracy.between(0, 1).all()
    assert (
        frame.accuracy[frame.method == "Random"] > 0.3
    ).all()  # margin's rows, the hardest, teach 100 nothing
    assert set(frame.judged) == {f"{len(digits.x_test)} test rows"}
    same = accuracy_curve(pool, ["margin"], [100, 400], epochs=8, **options)
    assert same.accuracy.tolist() == frame.accuracy.tolist()
    longer = accuracy_curve(pool, ["margin"], [100, 400], epochs=8, equal="updates", **options)
    assert set(longer.regime) == {"equal updates: 104"}
    small = (longer.budget == 100) & (longer.method == "Random")
    assert longer.accuracy[small].item() > frame.accuracy[small].item()  # four times as many updates
    with pytest.raises(ValueError, match="no test rows to judge by"):
        accuracy_curve(pool, [], [10], data=replace(digits, x_test=None, y_test=None), model="mlp")


@pytest.mark.parametrize("recipe, batch", [({}, 32), ({"batch_size": 50}, 50)])
@pytest.mark.parametrize("equal", ["epochs", "updates"])
def test_all_budgets_are_trained_in_batches_of_one_size(monkeypatch, equal, recipe, batch):
    """Alone a budget of 5,000 rows takes batches of 32, and one of 6,000 of 128: they would differ in two things."""
    seen = []

    @functools.wraps(training.fit)  # whose signature says what a recipe may hold
    def fit(net, data, chosen, *, batch_size, epochs=None, updates=None, **rest):
        seen.append((len(chosen), batch_size, epochs, updates))
        return training.Fit(nn.Identity(), (training.Epoch(1, 1, 0.0, 0.0, 0.5, 0.5, 0.0),), {})

    monkeypatch.setattr(judging, "fit", fit)
    pool = make_pool(6000)
    data = Data(pool.emb, pool.y, tuple("abcd"), pool.emb[:9], pool.y[:9], "table", "made")
    accuracy_curve(
        pool, [], [100, 6000], data=data, model="mlp", seeds=1, equal=equal, epochs=2, recipe=recipe
    )
    steps = 2 * math.ceil(6000 / batch)
    how = (2, None) if equal == "epochs" else (None, steps)
    assert seen == [(100, batch, *how), (6000, batch, *how)]


def test_a_dataset_is_recorded_first(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path))
    frame = accuracy_curve(digits, [], [200], seeds=1, show=False)
    assert frame.method.tolist() == ["Random"] and frame.accuracy[0] > 0.8


def test_the_curve_can_be_cancelled_and_reports():
    seen = []

    def stop() -> bool:
        return len(seen) > 3

    with listening(lambda f, t: seen.append(t), stop, interval=0), pytest.raises(Cancelled):
        accuracy_curve(make_pool(), ["kcenter"], [10, 20], seeds=5)
    assert any("method" in text for text in seen)
