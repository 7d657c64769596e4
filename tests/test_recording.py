"""Recording: what the pool holds equals a recomputation by hand; targets, tests and rows stay apart; bad input."""

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coreset_explore import progress
from coreset_explore.datasets import Data, load
from coreset_explore.inputs.fields import parts_of
from coreset_explore.machine.seeds import generator
from coreset_explore.pool import Missing
from coreset_explore.recording import extras
from coreset_explore.recording.run import signals
from coreset_explore.training import models
from coreset_explore.training import run as training
from coreset_explore.training.evaluation import logits_features


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))


def table(n=90, classes=3, seed=0, test=30):
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(n + test) % classes
    x = torch.randn(n + test, 5, generator=rng) + F.one_hot(y, 5)
    return Data(x[:n], y[:n], tuple("abc"[:classes]), x[n:], y[n:], "table", "made")


def equal(a, b):
    """Whether two pools hold the same numbers to the last bit."""
    assert set(a.fields) == set(b.fields)
    for name, value in a.fields.items():
        other = b.fields[name]
        assert getattr(value, "bias", None) == getattr(other, "bias", None)
        if not all(torch.equal(p, q) for p, q in zip(parts_of(value), parts_of(other), strict=True)):
            return False
    return True


def replay(data, epochs, total=None, seed=0, model="mlp"):
    """Logits and features after each epoch of the run that `signals` makes, taken by another road."""
    kept = []

    def each(record, net):
        with torch.no_grad():
            net.eval()
            kept.append([part.clone() for part in net(data.x)])

    training.fit(model, data, epochs=epochs, seed=seed, on_epoch=each)
    return kept


def test_the_pool_holds_what_a_recomputation_gives():
    data = table()
    pool = signals(data, model="mlp", epochs=3, checkpoints="each")
    steps = replay(data, 3)
    assert (
        pool.ids.tolist() == list(range(90)) and torch.equal(pool.y, data.y) and pool.classes == data.classes
    )
    torch.testing.assert_close(pool.emb, steps[-1][1])
    torch.testing.assert_close(pool.logits, steps[-1][0])
    assert pool.grads.r.shape == (3, 90, 3) and pool.grads.h.shape == (3, 90, 128)
    for t, (logits, features) in enumerate(steps):
        torch.testing.assert_close(pool.grads.h[t], features)
        torch.testing.assert_close(pool.grads.r[t], logits.softmax(1) - F.one_hot(data.y, 3))
    assert torch.equal(pool.grads.h[-1], pool.emb)


def test_history_by_hand():
    data = table()
    history, steps = signals(data, model="mlp", epochs=3).history, replay(data, 3)
    assert history.epochs == 3 and len(history) == 90
    before = None
    for t, (logits, _) in enumerate(steps):
        p = logits.double().softmax(1)
        for i in range(0, 90, 7):
            y = int(data.y[i])
            others = [float(logits[i, c]) for c in range(3) if c != y]
            assert bool(history.correct[i, t]) == (int(logits[i].argmax()) == y)
            assert float(history.p_true[i, t]) == pytest.approx(float(p[i, y]), rel=1e-4)
            assert float(history.logit_margin[i, t]) == pytest.approx(
                float(logits[i, y]) - max(others), abs=1e-4
            )
            assert float(history.loss[i, t]) == pytest.approx(-float(p[i, y].log()), abs=1e-4)
            wrong = sum((float(p[i, c]) - (c == y)) ** 2 for c in range(3)) ** 0.5
            assert float(history.el2n[i, t]) == pytest.approx(wrong, abs=1e-4)
            divergence = 0.0 if before is None else float((p[i] * (p[i] / before[i]).log()).sum())
            assert float(history.kl[i, t]) == pytest.approx(divergence, abs=1e-4)
        before = p
    assert history.kl[:, 1:].max() > 1e-3


@pytest.mark.parametrize(
    "checkpoints, steps", [("last", [4]), ("each", [1, 2, 3, 4]), ([3, 0, 1], [0, 1, 3]), ((2,), [2])]
)
def test_gradients_at_the_chosen_checkpoints(checkpoints, steps):
    pool = signals(table(), model="mlp", epochs=4, checkpoints=checkpoints)
    whole = signals(table(), model="mlp", epochs=4, checkpoints=range(5))
    assert torch.equal(pool.grads.h, whole.grads.h[steps]) and torch.equal(pool.grads.r, whole.grads.r[steps])
    assert pool.info["checkpoints"] == steps and pool.history.epochs == 4
    assert torch.equal(pool.emb, whole.grads.h[steps[-1]]), "features are those of the last step kept"
    assert pool.test.info["checkpoints"] == steps and pool.test.emb.shape == (30, 128)


def test_initialisations_are_fixed_by_the_seed_and_leave_features_to_the_trained_model():
    trained = signals(table(), model="mlp", epochs=2)
    both = signals(table(), model="mlp", epochs=2, inits=3)
    alone = signals(table(), model="mlp", epochs=0, inits=3)
    more = signals(table(), model="mlp", epochs=0, inits=4)
    assert torch.equal(both.emb, trained.emb) and torch.equal(both.history.loss, trained.history.loss)
    assert both.grads.h.shape == (3, 90, 128) and torch.equal(both.grads.h, alone.grads.h)
    assert torch.equal(more.grads.h[:3], alone.grads.h), (
        "the first initialisations do not depend on how many follow"
    )
    assert not torch.equal(alone.grads.h[0], alone.grads.h[1])
    assert alone.history is None and torch.equal(alone.emb, alone.grads.h[-1])
    assert alone.info["steps"] == ["initialisation 1", "initialisation 2", "initialisation 3"]


def test_untrained_model_is_recorded_at_its_initialisation():
    pool = signals(table(), model="mlp", epochs=0)
    assert pool.history is None and len(pool.grads.r) == 1 and pool.info["steps"] == ["initialisation"]
    net = models.build("mlp", table(), generator(0, "init"))
    torch.testing.assert_close(pool.logits, logits_features(net, table().x)[0])
    with pytest.raises(Missing, match="history"):
        pool.need("history")


def test_target_rows_candidates_and_test_rows_are_disjoint():
    data = table(test=45)
    x = torch.cat([data.x, torch.arange(90.0)[:, None]], 1)
    x_test = torch.cat([data.x_test, -torch.arange(1.0, 46)[:, None]], 1)
    marked = Data(x, data.y, data.classes, x_test, data.y_test, "table", "marked")
    # logistic keeps its inputs as features, so that each row can be recognised in the pool
    pool = signals(marked, model="logistic", epochs=2, holdout=0.2, checkpoints="each")
    seen = [set(part.ids.tolist()) for part in (pool, pool.target)]
    assert seen[0] | seen[1] == set(range(90)) and not seen[0] & seen[1]
    assert len(pool.target) == 18 and pool.target.y.bincount().tolist() == [6, 6, 6], (
        "every class gives its share"
    )
    mark = [part.emb[:, -1] for part in (pool, pool.target, pool.test)]
    assert not set(mark[1].tolist()) & set(mark[2].tolist()), "a test row among the validation rows"
    ids = torch.cat([pool.ids, pool.target.ids]).double()
    line = torch.cat(mark[:2]).double()
    slope = (line.max() - line.min()) / 89
    torch.testing.assert_close(line, line.min() + slope * ids, atol=1e-4, rtol=0)
    assert mark[2].max() < mark[0].min() and pool.test.grads is None and pool.test.target is None
    assert pool.target.grads.h.shape == (2, 18, 6) and pool.target.history.epochs == 2
    assert pool.target.info["role"] == "target" and pool.test.info["role"] == "test"
    assert torch.equal(pool.target.y, data.y[pool.target.ids])


def test_held_out_rows_are_not_trained_on():
    data = table()
    held = signals(data, model="mlp", epochs=2, holdout=0.3).target.ids
    x, y = data.x.clone(), data.y.clone()
    x[held], y[held] = -5.0, (y[held] + 1) % 3
    changed = Data(x, data.y, data.classes, data.x_test, data.y_test, "table", "made")
    one, two = (signals(d, model="mlp", epochs=2, holdout=0.3) for d in (data, changed))
    assert equal(one, two) and not torch.equal(one.target.emb, two.target.emb)


def test_the_test_pool_judges():
    pool = signals("digits", epochs=2)
    data = load("digits")
    assert torch.equal(pool.test.y, data.y_test) and pool.test.emb.shape == (len(data.y_test), 128)
    right = (pool.test.logits.argmax(1) == data.y_test).double().mean().item()
    assert pool.info["accuracy"][-1]["test"] == pytest.approx(right) and right > 0.7
    assert pool[:10].test is pool.test and len(pool.to("cpu").test) == len(pool.test)
    assert [row["epoch"] for row in pool.info["accuracy"]] == [1, 2]


def test_ones_own_arrays_with_names_for_labels():
    data = table()
    pool = signals(data.x.numpy(), [f"kind {int(v)}" for v in data.y], model="logistic", epochs=3)
    assert pool.classes == ("kind 0", "kind 1", "kind 2") and torch.equal(pool.y, data.y)
    assert pool.emb.shape == (90, 5) and pool.grads.r.shape == (1, 90, 3) and pool.test is None
    pair = signals((data.x.numpy(), data.y.numpy()), model="logistic", epochs=3)
    assert torch.equal(pair.grads.r, pool.grads.r)


def test_a_trained_module_is_recorded_and_left_alone():
    module = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3)).train()
    module[1].eval()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    modes = [m.training for m in module.modules()]
    recorded = signals(table(), model=module, epochs=0)
    trained = signals(table(), model=module, epochs=1)
    fresh = signals(table(), model=module, epochs=0, inits=2)
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert [m.training for m in module.modules()] == modes and module[0].weight.grad is None
    with torch.no_grad():
        torch.testing.assert_close(recorded.logits, module.eval()(table().x))
    assert recorded.info["model"] == "Sequential" and recorded.history is None
    assert trained.history.epochs == 1 and not torch.equal(trained.logits, recorded.logits)
    assert not torch.equal(fresh.grads.h[0], fresh.grads.h[1])


def test_same_seed_same_pool_and_global_generator_untouched():
    before = torch.get_rng_state()
    one, same, other = (signals(table(), epochs=2, holdout=0.1, seed=s, cache=False) for s in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert equal(one, same) and equal(one.target, same.target) and equal(one.test, same.test)
    assert not torch.equal(one.ids, other.ids) and one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize("name, size", [("mlp", 8), ("lenet", 12), ("cnn", 16), ("resnet18", 8)])
def test_full_gradient_norms_equal_autograds(name, size):
    x = torch.randint(
        0, 256, (6, 1, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    data = Data(x, torch.arange(6) % 3, tuple("abc"), None, None, "images", "made")
    net = models.build(name, data, torch.Generator().manual_seed(0))
    found = extras.full_grad_norm(net, data.x, data.y)
    net.eval()
    for i in range(6):
        loss = F.cross_entropy(net(x[i : i + 1])[0], data.y[i : i + 1])
        grads = torch.autograd.grad(loss, list(net.parameters()))
        assert float(found[i]) == pytest.approx(float(sum(g.square().sum() for g in grads).sqrt()), rel=1e-3)


def test_an_extra_becomes_a_field_of_every_row():
    pool = signals(table(), model="mlp", epochs=1, holdout=0.2, extras="full_grad_norm")
    assert pool.full_grad_norm.shape == (72,) and pool.target.full_grad_norm.shape == (18,)
    assert (pool.full_grad_norm >= pool.grads.norm() - 1e-5).all(), (
        "the last layer is a part of all parameters"
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"model": "lenett"}, "no model is called 'lenett'; nearest: lenet"),
        (
            {"model": "lenet"},
            "lenet needs images .* made is a table of 5 features; models that fit: logistic, mlp",
        ),
        ({"model": nn.Linear(5, 2)}, "Linear tells 2 classes apart, and made has 3"),
        ({"model": nn.Linear(4, 3)}, r"does not take rows of shape \(5,\)"),
        ({"model": 7}, "a model is one of logistic"),
        ({"model": nn.Sequential(nn.PReLU(), nn.Linear(5, 3)), "inits": 2, "epochs": 0}, "cannot initialise"),
        ({"epochs": -1}, "epochs is a whole number from 0, not -1"),
        ({"epochs": 2.5}, "epochs is a whole number from 0, not 2.5"),
        ({"inits": -3}, "inits is a whole number from 0, not -3"),
        ({"checkpoints": [1, 6]}, "epochs from 0 to 5"),
        ({"checkpoints": []}, "epochs from 0 to 5"),
        ({"checkpoints": "every"}, "'last', 'each' or a list of epochs"),
        ({"checkpoints": "each", "inits": 2}, "leave one out"),
        ({"holdout": 1.0}, "holdout is the share"),
        ({"holdout": 0.001}, "sets none aside"),
        ({"extras": ("colour",)}, "no extra is called 'colour'; there is full_grad_norm, deepfool"),
        ({"recipe": {"rate": 1}}, "the recipe has no parameter 'rate'; it takes batch_size, optimizer"),
        ({"data": "digitz"}, "did you mean digits"),
    ],
)
def test_a_mistake_gets_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        signals(**{"data": table(), "epochs": 5, **arguments})


def test_data_that_teaches_nothing_is_refused():
    x = torch.randn(5, 4)
    with pytest.raises(ValueError, match="no labels, .* Pool.of"):
        signals(x.numpy())
    with pytest.raises(ValueError, match="one class only"):
        signals(x.numpy(), [0] * 5)
    with pytest.raises(ValueError, match="one class only"):
        signals(x.numpy()[:1], [0])
    x[2, 1] = torch.nan
    with pytest.raises(ValueError, match="NaN or infinite features in row 2"):
        signals(x.numpy(), [0, 1, 0, 1, 1])


def test_one_row_of_several_classes_and_a_class_without_rows():
    lonely = Data(torch.randn(1, 4), torch.tensor([2]), tuple("abc"), None, None, "table", "lonely")
    pool = signals(lonely, epochs=2)
    assert len(pool) == 1 and torch.isfinite(pool.grads.r).all() and pool.grads.r.abs().sum() > 0
    gap = Data(torch.randn(8, 4), torch.arange(8) % 2 * 2, tuple("abc"), None, None, "table", "gap")
    assert signals(gap, epochs=2).logits.shape == (8, 3)


@pytest.mark.parametrize("layout", ["float64", "channels last"])
def test_images_of_another_layout_are_converted_or_refused(layout):
    images = torch.randint(0, 256, (30, 12, 12, 3), generator=torch.Generator().manual_seed(0)).numpy()
    given = images.astype("float64") if layout == "float64" else images.astype("uint8")
    try:
        data = load((given, [0, 1, 2] * 10))
    except ValueError as error:
        assert "shape" in str(error) or "float64" in str(error) or "pixels" in str(error)
    else:
        assert data.x.shape == (30, 3, 12, 12) and data.x.dtype == torch.uint8
        assert signals(data, model="lenet", epochs=1).emb.shape == (30, 84)


def test_a_diverging_recipe_is_no_pool():
    with (
        pytest.warns(UserWarning, match="training stopped"),
        pytest.raises(ValueError, match="cannot be recorded"),
    ):
        signals(table(), model="mlp", epochs=40, recipe={"lr": 1e6, "batch_size": 8})


def test_cancel_leaves_no_file_and_no_thread(tmp_path):
    running, asked = threading.active_count(), iter(range(10**6))
    with pytest.raises(progress.Cancelled), progress.listening(should_stop=lambda: next(asked) > 60):
        signals("digits", epochs=50)
    assert next(asked) < 70 and threading.active_count() == running
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").iterdir())


@pytest.mark.data("fashion-mnist")
def test_fashion_mnist_with_a_lenet():
    data = load("fashion-mnist")
    part = Data(
        data.x[:2000], data.y[:2000], data.classes, data.x_test[:1000], data.y_test[:1000], "images", "part"
    )
    pool = signals(part, epochs=5, holdout=0.1)
    assert (
        pool.info["model"] == "lenet"
        and pool.grads.h.shape == (1, len(pool), 84)
        and len(pool) + len(pool.target) == 2000
    )
    assert pool.info["accuracy"][-1]["test"] > 0.5
    easy, hard = pool.history.correct.all(1), ~pool.history.correct.any(1)
    assert pool.grads.norm()[easy].mean() < pool.grads.norm()[hard].mean()
