"""Each row's gradient by hooks on the layers, and count sketches of it, against functional autograd."""

import pytest
import torch
from torch import nn

from coreset_explore import initial_gradients
from coreset_explore.datasets import Data
from coreset_explore.recording.extras import full_gradients
from coreset_explore.recording.initial import layered, projected
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
    assert _layers(net, data.x[:4], data.y[:4]) is not None, "every layer is of a kind that is known"
    for rows in (4, 100):
        found = torch.cat([built(parts) for parts in pieces(net, data.x, data.y, rows)])
        assert found.shape == wanted.shape and float((found - wanted).abs().max() / wanted.abs().max()) < 1e-5
    assert not any(m._forward_hooks for m in net.modules())


class Other(nn.Module):
    """Two linear layers and a head, used in ways that no rule for a layer knows."""

    def __init__(self, how: str):
        super().__init__()
        make, self.how = nn.utils.skip_init, how
        self.one, self.two, self.head = make(nn.Linear, 6, 6), make(nn.Linear, 6, 6), make(nn.Linear, 6, 3)
        self.norm = nn.LayerNorm(6) if how == "a kind without a rule" else nn.Identity()
        if how == "a layer called twice":
            self.two = nn.Identity()
        if how == "weights of two layers":
            self.two.weight = self.one.weight
        if how == "a kind of one's own":
            self.two = Doubled(6, 6)
        models.init_(self, torch.Generator().manual_seed(0))
        if how == "weights normalized":
            nn.utils.parametrizations.weight_norm(self.two)
        if how == "a hook that changes its output":
            self.two.register_forward_hook(lambda module, given, output: 3 * output)

    def forward(self, x):
        x = self.two(self.one(x))
        if self.how == "a layer called twice":
            x = self.one(x)
        if self.how == "weights used elsewhere":
            x = nn.functional.linear(x, self.one.weight)
        return self.head(self.norm(x))


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


OTHERS = [
    "a layer called twice", "a kind without a rule", "weights of two layers", "a kind of one's own",
    "weights normalized", "a hook that changes its output", "weights used elsewhere",
]  # fmt: skip


@pytest.mark.parametrize("how", OTHERS)
def test_other_networks_are_differentiated_a_row_at_a_time(how):
    x, y = torch.randn(7, 6, generator=torch.Generator().manual_seed(0)), torch.arange(7) % 3
    net = models.adapt(Other(how), x)
    assert _layers(net, x[:4], y[:4]) is None
    found = torch.cat([built(parts) for parts in pieces(net, x, y)])
    torch.testing.assert_close(found, torch.cat(list(full_gradients(net, x, y))))


def test_a_layer_that_sees_a_row_in_parts_has_no_rule():
    """(b, 2, 6) as 2b vectors: as many as rows of a batch twice as large."""

    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.utils.skip_init(nn.Linear, 3, 4), nn.utils.skip_init(nn.Linear, 8, 3)
            models.init_(self, torch.Generator().manual_seed(0))

        def forward(self, x):
            return self.head(self.body(x.reshape(-1, 3)).tanh().reshape(len(x), 8))

    x, y = torch.randn(7, 6, generator=torch.Generator().manual_seed(0)), torch.arange(7) % 3
    net = models.adapt(Cut(), x)
    assert _layers(net, x[:4], y[:4]) is None
    found = torch.cat([built(parts) for parts in pieces(net, x, y)])
    torch.testing.assert_close(found, torch.cat(list(full_gradients(net, x, y))))
    with pytest.raises(ValueError, match="body sees several"):
        layered(net, x, y)


def test_layers_that_share_weights_do_not_factor():
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="share their weights"):
        layered(models.adapt(Other("weights of two layers"), x), x, torch.arange(4) % 3)


def test_normalization_of_vectors_has_a_rule():
    make = nn.utils.skip_init
    net = nn.Sequential(
        make(nn.Linear, 6, 5, bias=False), make(nn.BatchNorm1d, 5), nn.ReLU(), make(nn.Linear, 5, 3)
    )
    net = models.init_(net, torch.Generator().manual_seed(0))
    net[1].running_mean.uniform_(generator=torch.Generator().manual_seed(1))
    x, y = torch.randn(7, 6, generator=torch.Generator().manual_seed(0)), torch.arange(7) % 3
    net = models.adapt(net, x)
    assert _layers(net, x[:4], y[:4]) is not None
    torch.testing.assert_close(
        torch.cat([built(parts) for parts in pieces(net, x, y)]), torch.cat(list(full_gradients(net, x, y)))
    )


def test_a_block_holds_what_is_stated(monkeypatch):
    """All layers' inputs, outputs and slopes, gradients of convolutions and the largest unfolding, or one row's."""
    data = images()
    net = made("lenet", data)
    modules, numbers = _layers(net, data.x[:4], data.y[:4])
    convolutions = (144 + 2 * 864 + 150) + (216 + 2 * 64 + 2400)
    linear = (16 + 2 * 120) + (120 + 2 * 84) + (84 + 2 * 3)
    assert len(modules) == 5 and numbers == convolutions + linear + 25 * 144
    for room, rows in ((3 * numbers + 1, 3), (numbers - 1, 1)):
        monkeypatch.setattr("coreset_explore.recording.per_example.NUMBERS", room)
        assert {len(parts[0][0]) for parts in pieces(net, data.x, data.y)} == {rows}


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
    """Over 80 draws of 20 numbers a row, either way the mean is nearer by √80 than one draw: no bias is left."""
    data = images(6)
    net = made("mlp", Data(data.x[:, :, :2, :2], data.y, data.classes, None, None, "images", "made"))
    x = data.x[:, :, :2, :2]
    g = torch.cat(list(full_gradients(net, x, data.y))).double()
    exact, size = g @ g.T, g.norm(dim=1)[:, None] * g.norm(dim=1)
    for embed, draw in ((sketched, 80), (projected, 80)):
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
