"""Each row's gradient by hooks on the layers, and count sketches of it, against functional autograd."""

import pytest
import torch
from torch import nn

from coreset_explore import initial_gradients
from coreset_explore.datasets import Data
from coreset_explore.recording.extras import full_gradients
from coreset_explore.recording.initial import projected
from coreset_explore.recording.per_example import _layers, built, pieces
from coreset_explore.recording.sketch import draws, sketched
from coreset_explore.training import models
from coreset_explore.training import run as training


def images(n: int = 9, size: int = 12, channels: int = 1) -> Data:
    rng = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (n, channels, size, size), dtype=torch.uint8, generator=rng)
    return Data(x, torch.arange(n) % 3, tuple("abc"), None, None, "images", "made")


class Odd(nn.Module):
    """Convolutions with groups, strides and dilations, some without bias, a frozen one, statistics of their own."""

    def __init__(self):
        super().__init__()
        make = nn.utils.skip_init
        self.trunk = nn.Sequential(
            make(nn.Conv2d, 3, 6, 3, stride=2, padding=1, groups=3, bias=False), nn.ReLU(inplace=True),
            make(nn.Conv2d, 6, 5, (2, 3), dilation=(2, 1)), make(nn.BatchNorm2d, 5), nn.ReLU(inplace=True),
            make(nn.Conv2d, 5, 3, 1), nn.Flatten(), nn.LazyLinear(6), nn.Tanh(),
        )  # fmt: skip
        self.head = make(nn.Linear, 6, 3)


def odd(data: Data) -> nn.Module:
    """Adapted, drawn from a seed, with running statistics that are not 0 and 1."""
    rng = torch.Generator().manual_seed(1)
    inside = Odd()
    net = nn.Sequential(inside.trunk, inside.head)
    net.eval()
    with torch.no_grad():
        net(data.x.float())
        for p in net.parameters():
            p.copy_(0.4 * torch.randn(p.shape, generator=rng))
        net[0][3].running_mean.copy_(torch.randn(5, generator=rng))
        net[0][3].running_var.copy_(0.5 + torch.rand(5, generator=rng))
    net[0][5].weight.requires_grad_(False)
    return models.adapt(net, data.x)


def made(name: str, data: Data) -> nn.Module:
    return training.made(name, data, torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", ["mlp", "lenet", "cnn", "odd"])
def test_gradients_by_hooks_are_autograds(name):
    data = images(channels=3 if name == "odd" else 1, size=16 if name == "cnn" else 12)
    net = odd(data) if name == "odd" else made(name, data)
    wanted = torch.cat(list(full_gradients(net, data.x, data.y)))
    assert _layers(net, data.x[:1]) is not None, "every layer is of a kind that is known"
    for rows in (4, 100):
        found = torch.cat([built(parts) for parts in pieces(net, data.x, data.y, rows)])
        assert found.shape == wanted.shape and float((found - wanted).abs().max() / wanted.abs().max()) < 1e-5
    assert not any(m._forward_hooks for m in net.modules())


class Other(nn.Module):
    """A layer that is used twice, and one of a kind without a rule."""

    def __init__(self, norm: bool):
        super().__init__()
        self.body, self.head = nn.utils.skip_init(nn.Linear, 6, 6), nn.utils.skip_init(nn.Linear, 6, 3)
        self.norm = nn.LayerNorm(6) if norm else nn.Identity()
        models.init_(self, torch.Generator().manual_seed(0))

    def forward(self, x):
        return self.head(self.norm(self.body(self.body(x))))


@pytest.mark.parametrize("norm", [False, True])
def test_other_networks_are_differentiated_a_row_at_a_time(norm):
    x, y = torch.randn(7, 6, generator=torch.Generator().manual_seed(0)), torch.arange(7) % 3
    net = models.adapt(Other(norm), x)
    assert _layers(net, x[:1]) is None
    found = torch.cat([built(parts) for parts in pieces(net, x, y)])
    torch.testing.assert_close(found, torch.cat(list(full_gradients(net, x, y))))


@pytest.mark.parametrize("name", ["mlp", "lenet", "odd"])
def test_a_sketch_adds_every_parameter_to_its_bucket(name):
    data = images(channels=3 if name == "odd" else 1)
    net = odd(data) if name == "odd" else made(name, data)
    g = torch.cat(list(full_gradients(net, data.x, data.y))).double()
    bucket, sign = draws(g.shape[1], 40, 3, "sketch")
    wanted = torch.zeros(9, 40, dtype=torch.float64).index_add_(1, bucket.long(), g * sign)
    for compiled in (True, False):
        found = sketched(net, data.x, data.y, 40, seed=3, compiled=compiled).g
        assert float((found - wanted).abs().max() / wanted.abs().max()) < 1e-5


def test_inner_products_of_sketches_and_signs_are_right_on_average():
    """Over 150 draws of 20 numbers a row, either way the mean is nearer by √150 than one draw: no bias is left."""
    data = images(6)
    net = made("mlp", Data(data.x[:, :, :2, :2], data.y, data.classes, None, None, "images", "made"))
    x = data.x[:, :, :2, :2]
    g = torch.cat(list(full_gradients(net, x, data.y))).double()
    exact, size = g @ g.T, g.norm(dim=1)[:, None] * g.norm(dim=1)
    for embed, draw in ((sketched, 150), (projected, 150)):
        grams = torch.stack([embed(net, x, data.y, 20, seed=s).gram().double() for s in range(draw)])
        one = ((grams - exact) / size).square().mean().sqrt()
        mean = ((grams.mean(0) - exact) / size).square().mean().sqrt()
        assert 0.5 < float(one) * 20**0.5 < 2
        assert float(mean) < 2.5 * float(one) / draw**0.5


def test_rows_of_a_stream_are_embedded_by_the_networks_of_the_whole():
    data = images(12)
    for how in ("sketched", "projected", "last layer"):
        whole = initial_gradients(data, model="lenet", inits=2, width=30, how=how, show=False)
        rows = torch.tensor([7, 2, 11])
        part = initial_gradients(data, model="lenet", inits=2, width=30, how=how, rows=rows, show=False)
        torch.testing.assert_close(part.gram(), whole.gram(rows, rows), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(part.sum(), whole[rows].sum(), rtol=1e-5, atol=1e-6)
