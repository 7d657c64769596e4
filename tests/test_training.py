"""Training: one tensor, even batches, weights honoured, seeds, the steps of torch.optim."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coreset_explore import progress
from coreset_explore.datasets import Data, load
from coreset_explore.machine.seeds import generator
from coreset_explore.selection import Selection
from coreset_explore.training import models, recipes
from coreset_explore.training import run as training
from coreset_explore.training.evaluation import evaluate, logits_features
from coreset_explore.training.optimizers import SGD, Adam
from coreset_explore.training.recipes import RECIPES
from tests.test_epochs import shuffled

ROOT = Path(__file__).resolve().parent.parent


def table(n=60, classes=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % classes
    x = torch.randn(n, 5, generator=rng) + 2 * F.one_hot(y, 5)
    return Data(x, y, tuple("abc"[:classes]), x[:20], y[:20], "table", "made")


def _images(n=24):
    x = torch.randint(0, 256, (n, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Data(x, torch.arange(n) % 3, tuple("abc"), None, None, "images", "made")


def weights_of(fit):
    return torch.cat([p.detach().flatten() for p in fit.model.parameters()])


def test_an_mlp_learns_the_digits():
    fit = training.fit("mlp", "digits", epochs=8)
    assert fit.accuracy > 0.92
    assert [e.epoch for e in fit.epochs] == list(range(1, 9))
    assert fit.epochs[-1].loss < fit.epochs[0].loss / 3 and fit.epochs[-1].train_accuracy > 0.92
    assert fit.accuracy == evaluate(fit.model, load("digits").x_test, load("digits").y_test)
    assert fit.epochs[0].lr > fit.epochs[-1].lr > 0 and fit.epochs[-1].updates == 8 * 45
    assert list(fit.frame()["epoch"]) == list(range(1, 9)) and not fit.model.training


@pytest.mark.parametrize("optimizer", training.OPTIMIZERS)
def test_weights_count_like_repeated_rows(optimizer):
    data = table()
    rows, counts = torch.tensor([3, 10, 25, 41]), torch.tensor([1.0, 3.0, 2.0, 4.0])
    rule = {"epochs": 6, "batch_size": 100, "optimizer": optimizer, "seed": 3}
    weighted = training.fit("mlp", data, Selection(rows, 7 * counts), **rule)
    repeated = training.fit("mlp", data, rows.repeat_interleave(counts.long()), **rule)
    plain = training.fit("mlp", data, rows, **rule)
    torch.testing.assert_close(weights_of(weighted), weights_of(repeated), atol=2e-5, rtol=1e-3)
    assert not torch.allclose(weights_of(weighted), weights_of(plain), atol=1e-3)


def test_a_selection_is_read_in_the_original_datasets_rows():
    data = table()
    pooled = Selection([0, 1], ids=torch.tensor([8, 31]))
    one, two = (training.fit("logistic", data, subset, epochs=2) for subset in (pooled, [8, 31]))
    assert torch.equal(weights_of(one), weights_of(two))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("model, data", [("mlp", table()), ("lenet", _images(60))])
def test_the_same_rows_in_another_order_train_to_the_same_model(model, data, seed):
    """A law of every subset: as row numbers, as a Selection with weights, with rows that stand in it twice."""
    rng = torch.Generator().manual_seed(seed)
    rows = torch.randperm(60, generator=rng)[:23]
    weights, order = torch.rand(23, generator=rng) * 10 + 0.01, torch.randperm(23, generator=rng)
    repeated = torch.cat([rows, rows[:5]])
    again = torch.randperm(28, generator=rng)
    whole = torch.randperm(60, generator=rng)
    pairs = {
        "rows": (rows, rows[order]),
        "a Selection": (Selection(rows, weights), Selection(rows[order], weights[order])),
        "repeated rows": (repeated, repeated[again].tolist()),
        "all rows": (None, whole),
    }
    rule = {"updates": 7, "batch_size": 8, "seed": seed, "augment": "crop" if data.kind == "images" else None}
    for what, pair in pairs.items():
        one, two = (training.fit(model, data, subset, **rule) for subset in pair)
        # a matrix library rounds by where its operands lie in memory
        torch.testing.assert_close(weights_of(one), weights_of(two), rtol=1e-5, atol=1e-6, msg=what)
        told = [[e.loss for e in fit.epochs] for fit in (one, two)]
        assert told[0] == pytest.approx(told[1], rel=1e-5), what


def test_weights_go_with_their_rows():
    rows, weights = torch.tensor([41, 3, 25]), torch.tensor([1.0, 2.0, 6.0])
    rule = {"epochs": 4, "batch_size": 100}
    right = training.fit("mlp", table(), Selection(rows, weights), **rule)
    sorted_ = training.fit("mlp", table(), Selection([3, 25, 41], [2.0, 6.0, 1.0]), **rule)
    wrong = training.fit("mlp", table(), Selection([3, 25, 41], weights), **rule)
    assert torch.equal(weights_of(right), weights_of(sorted_))
    assert not torch.allclose(weights_of(right), weights_of(wrong), atol=1e-3)


def test_same_seed_same_model_and_global_generators_untouched():
    before = torch.get_rng_state()
    one, same, other = (training.fit("mlp", table(), epochs=2, batch_size=16, seed=s) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(weights_of(one), weights_of(same)) and not torch.equal(
        weights_of(one), weights_of(other)
    )
    draws = [torch.rand(3, generator=generator(*args)) for args in ((0, "a"), (0, "b"), (1, "a"), (0, "a"))]
    assert (
        torch.equal(draws[0], draws[3])
        and not torch.equal(draws[0], draws[1])
        and not torch.equal(draws[0], draws[2])
    )


def test_batches_are_even_and_cover_every_row_once_an_epoch():
    sizes, seen = [], []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(5, 3)

        def forward(self, x):
            if self.training:
                sizes.append(len(x))
                seen.append(x.detach())
            return self.head(x)

    data = table(65)
    training.fit(Spy(), data, epochs=1, batch_size=16, test_every=0)
    assert sorted(sizes) == [13] * 5
    assert torch.equal(torch.cat(seen).sort(0).values, data.x.sort(0).values)


def test_updates_make_subsets_train_equally_long():
    fits = [training.fit("logistic", table(), range(k), updates=25, batch_size=8) for k in (8, 20, 60)]
    assert [fit.info["updates"] for fit in fits] == [25, 25, 25]
    assert [len(fit.epochs) for fit in fits] == [25, 9, 4]
    assert all(fit.epochs[-1].updates == 25 for fit in fits)


def test_a_module_is_trained_in_place_and_reported_epoch_by_epoch():
    module, told = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)), []
    before = module[0].weight.clone()
    (module(torch.randn(4, 5)).sum() * 1e6).backward()  # gradients brought along must not count
    fit = training.fit(
        module, table(), epochs=12, batch_size=8, on_epoch=lambda record, net: told.append((record, net))
    )
    assert not torch.equal(before, module[0].weight) and fit.accuracy > 0.5
    assert [record for record, _ in told] == list(fit.epochs) and told[0][1] is fit.model


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (
            lambda p: SGD(p, decay=0.01),
            lambda p: torch.optim.SGD(p, 0.1, 0.9, weight_decay=0.01, nesterov=True),
        ),
        (lambda p: Adam(p, decay=0.01), lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.01)),
    ],
)
def test_steps_equal_torch_optims(ours, theirs):
    start = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    mine, other = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    unused = nn.Parameter(torch.zeros(2))
    own, reference = ours([mine, unused]), theirs([other])
    for _ in range(7):
        for p in (mine, other):
            (p.sin().square().sum() + p.prod()).backward()
        own.step(0.1)
        reference.step()
        reference.zero_grad()
        assert mine.grad is None and torch.equal(unused, torch.zeros(2))
    torch.testing.assert_close(mine, other)


def test_a_gradient_laid_out_otherwise_steps_its_own_numbers():
    """As a hook of one's own may leave it: torch's kernel would read it in the order of memory."""
    start, slope = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0)).unbind()
    ends = []
    for grad in (slope.clone(), slope.T.contiguous().T):
        p = nn.Parameter(start.clone())
        p.grad = grad
        SGD([p]).step(0.1)
        ends.append(p.detach())
    assert torch.equal(*ends) and not torch.equal(ends[0], start)


REAL = {
    "sgd": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, 1e-3, weight_decay=5e-4),
}


@pytest.mark.parametrize("optimizer", REAL)
@pytest.mark.parametrize("model, data", [("mlp", table(100)), ("lenet", _images(100))])
def test_fit_agrees_with_torchs_optimizer_in_a_plain_loop(model, data, optimizer):
    rows = torch.arange(0, 100, 2)
    weights = torch.rand(50, generator=torch.Generator().manual_seed(1)) + 0.5
    fit = training.fit(model, data, Selection(rows, weights), updates=30, batch_size=16, optimizer=optimizer,
                       schedule="constant", seed=4, test_every=0)  # fmt: skip
    net = training.made(model, data, generator(4, "init"))
    before = torch.cat([p.detach().flatten() for p in net.parameters()])
    x, y, w = data.x[rows], data.y[rows], weights / weights.mean()
    steps, shuffle = REAL[optimizer](net.parameters()), generator(4, "batches")
    batches = [b for _ in range(8) for b in shuffled(100, rows, shuffle).tensor_split(4)][:30]
    net.train()
    for batch in batches:
        steps.zero_grad()
        (F.cross_entropy(net(x[batch])[0], y[batch], reduction="none") * w[batch]).mean().backward()
        steps.step()
    after = torch.cat([p.detach().flatten() for p in net.parameters()])
    assert (after - before).abs().max() > 0.01
    torch.testing.assert_close(weights_of(fit), after, atol=1e-5, rtol=0)


def test_training_loads_no_compiler():
    code = (
        "import sys, coreset_explore as cx\n"
        "for rule in ('sgd', 'adam'): cx.fit('mlp', 'digits', optimizer=rule, epochs=1, show=False)\n"
        "print([name for name in sys.modules if name.startswith(('torch._dynamo', 'torch._inductor', 'sympy'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_moved_shifts_and_mirrors_and_keeps_the_rest():
    x = torch.arange(2 * 6 * 6, dtype=torch.uint8).reshape(1, 2, 6, 6).repeat(64, 1, 1, 1)
    got = training.moved(x, generator(0, "test"), flip=True, reach=1)
    padded = F.pad(x[:1].float(), (1, 1, 1, 1), mode="reflect")
    windows = [padded[..., i : i + 6, j : j + 6] for i in range(3) for j in range(3)]
    allowed = {bytes(v.to(torch.uint8).numpy()) for w in windows for v in (w, w.flip(3))}
    found = {bytes(image.contiguous().numpy()) for image in got}
    assert found <= allowed and len(found) > 12
    fit = training.fit("lenet", _images(), epochs=1, augment="crop+flip")
    assert fit.info["augment"] == "crop+flip"
    with pytest.raises(ValueError, match="is a table"):
        training.fit("mlp", table(), augment="crop")


def test_logits_and_features_in_blocks_equal_the_whole_and_modes_come_back():
    data = load("digits")
    net = models.build("cnn", Data(data.x.repeat(1, 1, 2, 2), data.y, data.classes, None, None, "images", "big"),
                       torch.Generator().manual_seed(0))  # fmt: skip
    net.train()
    net.trunk[1].eval()  # a frozen layer stays frozen
    x = data.x.repeat(1, 1, 2, 2)[:1100]
    logits, features = logits_features(net, x)
    assert net.training and not net.trunk[1].training and not logits.requires_grad
    with torch.no_grad():
        whole = net.eval()(x)
    torch.testing.assert_close(logits, whole[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(features, whole[1], atol=1e-5, rtol=1e-4)


class Cramped(nn.Module):
    """Has memory for so many rows at a time."""

    def __init__(self, most):
        super().__init__()
        self.head, self.most, self.refused = nn.Linear(5, 3), most, 0

    def forward(self, x):
        if len(x) > self.most:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.head(x)


def test_out_of_memory_asks_for_fewer_rows_at_a_time_from_then_on_and_says_so():
    data, net = table(60), Cramped(16)
    with pytest.warns(
        UserWarning, match="out of memory for 60 rows at a time: the model is asked of 15, "
    ) as told:
        logits, features = logits_features(net, data.x)
    assert len(told) == 1 and net.refused == 2
    torch.testing.assert_close(logits, net.head(data.x).detach())
    assert torch.equal(features, data.x)
    with pytest.warns(UserWarning, match="asked of 15"):
        assert evaluate(net, data.x, data.y) == int((logits.argmax(1) == data.y).sum()) / 60
    with pytest.raises(torch.OutOfMemoryError):
        logits_features(Cramped(0), data.x)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"subset": []}, "the subset is empty"),
        ({"subset": [0, 60]}, "row numbers from 0 to 59, and row 60 was asked for"),
        ({"subset": Selection([0, 1], [1.0, -1.0])}, "weights sum to 0"),
        ({"epochs": 0}, "epochs is a whole number from 1, not 0"),
        ({"updates": -1}, "updates is a whole number from 1"),
        ({"optimizer": "adamw"}, "optimizer is one of 'sgd', 'adam', not 'adamw'; did you mean 'adam'"),
        ({"model": "mpl"}, "nearest: mlp"),
        ({"model": nn.Linear(5, 2)}, "tells 2 classes apart, and made has 3"),
        (
            {"data": Data(torch.ones(4, 5), torch.zeros(4).long(), ("a",), None, None, "table", "flat")},
            "one class only",
        ),
        ({"data": Data(torch.ones(4, 5), None, (), None, None, "table", "bare")}, "bare has no labels"),
    ],
)
def test_a_mistake_gets_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        training.fit(**{"model": "mlp", "data": table(), **arguments})


def test_uneven_weights_warn_and_negative_ones_are_taken():
    rows = torch.arange(40)
    uneven = torch.ones(40)
    uneven[0] = 400.0
    with pytest.warns(UserWarning, match="count like 1.2 even ones"):
        training.fit("logistic", table(), Selection(rows, uneven), epochs=1)
    signed = torch.ones(40)
    signed[5] = -0.5
    with pytest.warns(
        UserWarning, match="1 weights are negative, so that training drives those rows' losses up"
    ):
        assert training.fit("logistic", table(), Selection(rows, signed), epochs=1).info["weighted"]


def test_a_run_that_diverges_stops_and_says_so():
    with pytest.warns(UserWarning, match="training stopped: the loss was not finite"):
        fit = training.fit("mlp", table(), epochs=50, batch_size=8, lr=1e6)
    assert len(fit.epochs) < 50 and "lower lr" in fit.info["stopped"]


def test_one_row_and_batch_norm():
    assert len(training.fit("resnet18", _images(), [3], epochs=1).epochs) == 1


def test_cancel_stops_between_updates():
    asked = iter(range(1000))
    with pytest.raises(progress.Cancelled), progress.listening(should_stop=lambda: next(asked) > 12):
        training.fit("logistic", table(), epochs=100, batch_size=8)
    assert next(asked) < 20


def test_progress_is_told():
    told = []
    with progress.listening(lambda fraction, text: told.append((fraction, text)), interval=0.0):
        training.fit("logistic", table(), epochs=4, batch_size=8)
    assert any("epoch 2 of 4, training, update 3 of 8" in text for _, text in told)
    assert 0 <= min(told)[0] and max(told)[0] <= 1.0


@pytest.mark.parametrize("name", RECIPES)
def test_a_papers_recipe_is_a_plain_dictionary_that_fit_takes(name):
    how = {**RECIPES[name], "updates": 3}
    assert json.loads(json.dumps(RECIPES[name])) == RECIPES[name] and name in (recipes.__doc__ or "")
    model = "logistic" if name == "fastcore" else "lenet"
    done = training.fit(model, _images(), **how)
    told = {word: done.info[word] for word in RECIPES[name] if word not in ("epochs", "batch_size")}
    assert told == {word: RECIPES[name][word] for word in told}
    assert done.info["batch_size"] == (RECIPES[name]["batch_size"] or 32)


def test_the_optimizers_under_the_recipes_have_the_momentum_that_they_speak_of():
    assert SGD([]).rule["momentum"] == 0.9 and Adam([]).rule["beta1"] == 0.9
