"""Models: shapes, sizes, initialisation from one generator, adapters; last-layer gradients against autograd."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coreset_explore.datasets import Data
from coreset_explore.gradients import LastLayer
from coreset_explore.training import models
from coreset_explore.training.evaluation import logits_features

SHAPES = {
    "digits": (1, 8, 8),
    "grey": (1, 28, 28),
    "colour": (3, 32, 32),
    "photo": (3, 64, 64),
    "table": (54,),
}


def rows(shape, n=12, classes=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    if len(shape) == 3:
        x, kind = torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=rng), "images"
    else:
        x, kind = torch.randn(n, *shape, generator=rng) * 50 + 1000, "table"
    return Data(x, torch.arange(n) % classes, tuple("abcdefghij"[:classes]), None, None, kind, "made")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("where", SHAPES)
@pytest.mark.parametrize("name", models.MODELS)
def test_every_model_takes_the_datasets_sizes_or_says_which_do(name, where):
    data = rows(SHAPES[where])
    if models.fits(name, SHAPES[where]):
        net = models.build(name, data, rng())
        logits, features = net(data.x)
        assert logits.shape == (12, 4) and torch.isfinite(logits).all()
        torch.testing.assert_close(logits, features @ net.head.weight.T + net.head.bias)
        assert not torch.allclose(logits[0], logits[1]), "the rows must matter"
    else:
        with pytest.raises(
            ValueError, match=f"{name} needs images of at least .* models that fit: logistic, mlp"
        ):
            models.build(name, data, rng())


def test_what_does_not_fit_is_what_is_expected():
    unfit = {(m, s) for m in models.MODELS for s in SHAPES if not models.fits(m, SHAPES[s])}
    assert unfit == {("lenet", "digits"), ("cnn", "digits")} | {
        (m, "table") for m in ("lenet", "cnn", "resnet18")
    }


@pytest.mark.parametrize(
    "size, name", [(12, "lenet"), (13, "lenet"), (16, "cnn"), (8, "resnet18"), (29, "lenet")]
)
def test_the_smallest_and_odd_sizes_work(size, name):
    assert models.build(name, rows((3, size, size)), rng())(rows((3, size, size)).x)[0].shape == (12, 4)


def test_default_follows_the_data():
    chosen = {where: models.default(rows(shape)) for where, shape in SHAPES.items()}
    assert chosen == {"digits": "mlp", "grey": "lenet", "colour": "lenet", "photo": "cnn", "table": "mlp"}


def test_unknown_model_names_the_nearest():
    with pytest.raises(ValueError, match="no model is called 'lenett'; nearest: lenet"):
        models.build("lenett", rows((1, 28, 28)), rng())


@pytest.mark.parametrize("name", ["mlp", "lenet", "resnet18"])
def test_building_draws_from_its_own_generator_alone(name):
    data, before = rows((1, 28, 28)), torch.get_rng_state()
    first, again, other = (models.build(name, data, rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters())]
    assert all(same)
    assert not torch.equal(first.head.weight, other.head.weight)
    for value in first.state_dict().values():
        assert torch.isfinite(value).all(), "memory nobody initialised"


def test_initialisation_is_pytorchs_own_distribution():
    ours = models.init_(nn.Linear(400, 300), rng())
    assert ours.weight.abs().max() <= 1 / 20 and ours.bias.abs().max() <= 1 / 20
    assert abs(ours.weight.std().item() * 20 - 3**-0.5) < 0.01


def test_layers_nobody_can_start_are_refused():
    with pytest.raises(ValueError, match=r"cannot initialise 1 \(PReLU\)"):
        models.init_(nn.Sequential(nn.Linear(3, 3), nn.PReLU()), rng())


def test_input_is_standardised_per_channel_and_per_column():
    images = rows((3, 10, 10), n=700).x
    images[:, 1] = 7  # a constant channel
    ready = models.Prepare.of(images)(images)
    torch.testing.assert_close(ready.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        ready.std((0, 2, 3), correction=0), torch.tensor([1.0, 0.0, 1.0]), atol=1e-4, rtol=0
    )
    table = rows((5,), n=700).x
    table[:, 2] = 1e-3  # constant, and no power of two
    ready = models.Prepare.of(table)(table)
    torch.testing.assert_close(ready.std(0, correction=0), torch.tensor([1.0, 1, 0, 1, 1]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 3, 9, 7)])
def test_pooling_is_the_same_with_and_without_gradients(shape):
    x = torch.randn(shape, generator=rng())
    with torch.no_grad():
        without = models.MaxPool()(x)
    assert torch.equal(without, F.max_pool2d(x, 2)) and torch.equal(models.MaxPool()(x), without)


@pytest.mark.parametrize("name", models.MODELS)
def test_last_layer_gradients_equal_autograds_row_by_row(name):
    data = rows((1, 16, 16), n=5)
    net = models.build(name, data, rng())
    logits, features = logits_features(net, data.x)
    residual = logits.softmax(1) - F.one_hot(data.y, 4)
    factored = LastLayer(residual[None], features[None]).dense().reshape(5, 4, -1)
    net.eval()
    for i in range(5):
        loss = F.cross_entropy(net(data.x[i : i + 1])[0], data.y[i : i + 1])
        weight, bias = torch.autograd.grad(loss, [net.head.weight, net.head.bias])
        torch.testing.assert_close(factored[i], torch.cat([weight, bias[:, None]], 1), atol=1e-5, rtol=1e-4)


class Backwards(nn.Module):
    """Names its head first, so that the order of registration says nothing."""

    def __init__(self):
        super().__init__()
        self.head, self.body = nn.Linear(6, 3), nn.Linear(4, 6)

    def forward(self, x):
        return self.head(self.body(x).relu())


def test_adapt_finds_the_layer_that_comes_last_and_leaves_no_trace():
    module, x = Backwards().train(), torch.randn(7, 4, generator=rng())
    keys, training = list(module.state_dict()), [m.training for m in module.modules()]
    net = models.adapt(module, x)
    logits, features = net(x)
    torch.testing.assert_close(features, module.body(x).relu())
    torch.testing.assert_close(logits, module(x))
    assert list(module.state_dict()) == keys and [m.training for m in module.modules()] == training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    assert models.adapt(net, x) is net


def test_ones_own_module_sees_images_from_0_to_1():
    seen = []

    class Spy(nn.Sequential):
        def forward(self, x):
            seen.append(x)
            return super().forward(x)

    data = rows((1, 8, 8))
    models.adapt(Spy(nn.Flatten(), nn.Linear(64, 4)), data.x)(data.x)
    torch.testing.assert_close(seen[-1], data.x.float() / 255)


@pytest.mark.parametrize(
    "module, message",
    [
        (nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), "must end in a Linear layer"),
        (nn.Sequential(nn.ReLU()), "must end in a Linear layer"),
        (nn.Linear(9, 3), "Linear does not take rows of shape"),
        (lambda x: x, "a model is one of logistic, mlp, lenet, cnn, resnet18 or a torch.nn.Module"),
    ],
)
def test_modules_without_a_last_linear_layer_are_refused(module, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        models.adapt(module, torch.zeros(2, 4))
