"""Gradients of whole networks: exact by layers and by projection, against autograd's, one row at a time."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coreset_explore import Cancelled, Pool, initial_gradients, listening, reweigh, select, signals
from coreset_explore.datasets import Data
from coreset_explore.gradients import cosine
from coreset_explore.recording.initial import Layers, layered, projected
from coreset_explore.training import models

N = 24


def table(n: int = N, d: int = 6, c: int = 3) -> Data:
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(n) % c
    x = torch.randn(n, d, generator=rng) * 3 + torch.randn(c, d, generator=rng)[y]
    return Data(x, y, tuple("abc"), None, None, "table", "made")


def small(seed: int = 0) -> nn.Sequential:
    """A narrow mlp of one's own, with in-place activations."""
    net = nn.Sequential(
        nn.utils.skip_init(nn.Linear, 6, 5), nn.ReLU(inplace=True),
        nn.utils.skip_init(nn.Linear, 5, 4), nn.Tanh(),
        nn.utils.skip_init(nn.Linear, 4, 3),
    )  # fmt: skip
    return models.init_(net, torch.Generator().manual_seed(seed))


def true(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Each row's gradient in all parameters (n, p), float64, by functional autograd."""
    weights = {name: p.detach().double() for name, p in net.named_parameters()}

    def loss(values, row, label):
        return F.cross_entropy(torch.func.functional_call(net, values, (row[None],)), label[None])

    each = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(weights, x.double(), y)
    return torch.cat([g.flatten(1) for g in each.values()], 1)


@pytest.fixture(scope="module")
def exact() -> tuple[Layers, torch.Tensor]:
    data, net = table(), small()
    return layered(models.adapt(net, data.x), data.x, data.y), true(net, data.x, data.y)


def test_layers_answer_as_dense_gradients_do(exact):
    layers, g = exact
    torch.testing.assert_close(layers.gram().double(), g @ g.T, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(layers.norm().double(), g.norm(dim=1), rtol=1e-4, atol=1e-6)
    unit = F.normalize(g, dim=1)
    torch.testing.assert_close(cosine(layers).double(), unit @ unit.T, rtol=1e-4, atol=1e-5)
    w = torch.linspace(-1, 2, N, dtype=torch.float64)
    torch.testing.assert_close(layers.dot(layers.sum(w)), g @ (w @ g), rtol=1e-4, atol=1e-5)
    some = layers[torch.tensor([3, 1])]
    torch.testing.assert_close(some.gram().double(), g[[3, 1]] @ g[[3, 1]].T, rtol=1e-4, atol=1e-6)
    assert type(some) is type(layers.to("cpu")) is type(layers.last) is Layers
    torch.testing.assert_close(layers.last.gram(), layers.gram())


def test_layers_are_in_the_order_they_are_used_and_padded_with_nothing(exact):
    layers, _ = exact
    assert layers.r.shape == (3, N, 5) and layers.h.shape == (3, N, 6)
    assert not layers.r[1, :, 4:].any() and not layers.r[2, :, 3:].any() and not layers.h[2, :, 4:].any()
    torch.testing.assert_close(layers.h[0], table().x)
    assert len(layers.steps) == 3


def test_blocks_equal_the_whole(exact, monkeypatch):
    monkeypatch.setattr("coreset_explore.recording.initial.ROWS", 7)
    data = table()
    again = layered(models.adapt(small(), data.x), data.x, data.y)
    torch.testing.assert_close(again.r, exact[0].r)
    torch.testing.assert_close(again.h, exact[0].h)


def test_gradmatch_runs_on_layers_as_on_the_dense_matrix(exact):
    """Same picks and weights as matching pursuit on the p-dimensional gradients themselves."""
    from coreset_explore import Dense

    layers, g = exact
    gmc = {
        "nonnegative": False,
        "normalized": True,
        "ridge": 0.0,
        "steps": "all",
    }  # of whole networks: no remark
    one = select("gradmatch", Pool.of(grads=layers), 8, **gmc)
    two = select("gradmatch", Pool.of(grads=Dense(g.float())), 8, **gmc)
    assert one.indices.tolist() == two.indices.tolist() and not one.remarks and not two.remarks
    torch.testing.assert_close(one.weights, two.weights, rtol=1e-3, atol=1e-3)
    left = [float((g.sum(0) - s.weights @ g[s.indices]).norm() / g.sum(0).norm()) for s in (one, two)]
    assert left[0] == pytest.approx(left[1], abs=1e-4) and left[0] < 0.5


@pytest.mark.parametrize("method", ["craig", "kcenter", "badge", "herding", "gradsim", "grand"])
def test_other_methods_read_layers_too(exact, method):
    pool = Pool.of(torch.zeros(N, 1), table().y, grads=exact[0])
    more = {"space": "grads"} if method in ("craig", "kcenter", "herding") else {}
    answer = select(method, pool, 6, wrap=[("per_class", {})], **more)
    assert len(answer.indices.unique()) == 6
    assert torch.isfinite(reweigh(pool, answer).weights).all()
    assert pool[torch.arange(5)].grads.last.gram().shape == (5, 5) and len(pool.fingerprint) == 12


def test_views_of_a_last_layer_refuse_a_whole_network(exact):
    pool = Pool.of(torch.zeros(N, 1), table().y, grads=exact[0])
    with pytest.raises(ValueError, match="not factored"):
        select("gradmatch", pool, 6, wrap=[("per_class", {"view": "own_class"})])
    with pytest.raises(ValueError, match="of another kind"):
        select("badge", pool, 6, labels="predicted")


def test_projections_keep_inner_products(exact):
    """Unbiased, off by about ‖g_i‖‖g_j‖/√width; signs and not normals: a single parameter's square is exact."""
    data, net = table(), small()
    g = exact[1]
    net = models.adapt(net, data.x)
    size = g.norm(dim=1)[:, None] * g.norm(dim=1)[None]
    wide = projected(net, data.x, data.y, 4000, seed=1).gram().double()
    assert float(((wide - g @ g.T) / size).square().mean().sqrt()) < 1.5 / 4000**0.5
    narrow = [projected(net, data.x, data.y, 40, seed=s).gram().double() for s in range(100)]
    bias = ((torch.stack(narrow).mean(0) - g @ g.T) / size).square().mean().sqrt()
    assert float(bias) < 2 / 4000**0.5


def test_projections_are_the_same_in_blocks_and_for_a_seed(monkeypatch):
    data, net = table(), models.adapt(small(), table().x)
    one, other = (projected(net, data.x, data.y, 30, seed=s).g for s in (0, 1))
    monkeypatch.setattr("coreset_explore.recording.initial.NUMBERS", 5 * 74)
    torch.testing.assert_close(projected(net, data.x, data.y, 30, seed=0).g, one)
    assert one.shape == (N, 30) and not torch.allclose(one, other)


def test_initial_gradients_of_a_seed_are_those_of_signals():
    data = table()
    before = torch.get_rng_state()
    found = initial_gradients(data, inits=2, how="last layer", seed=3)
    recorded = signals(data, inits=2, epochs=0, seed=3, cache=False).grads
    torch.testing.assert_close(found.r, recorded.r)
    torch.testing.assert_close(found.h, recorded.h)
    exact = initial_gradients(data, inits=2, how="exact", seed=3)
    assert len(exact.r) == 6
    for i in (0, 1):  # the last of each network's three layers
        torch.testing.assert_close(exact.r[3 * i + 2, :, :3], found.r[i])
        torch.testing.assert_close(exact.h[3 * i + 2], found.h[i])
    flat = initial_gradients(data, inits=2, how="projected", width=500, seed=3)
    assert flat.g.shape == (N, 1000)
    error = (flat.gram() - exact.gram()) / exact.norm()[:, None] / exact.norm()[None]
    assert float(error.square().mean().sqrt()) < 0.1
    assert torch.equal(before, torch.get_rng_state())


def test_networks_with_other_layers_are_projected():
    """A convolution's gradient does not factor by rows; its projection does what the exact one would."""
    x = torch.randint(0, 256, (8, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = Data(x, torch.arange(8) % 2, ("a", "b"), None, None, "images", "made")
    assert initial_gradients(data, model="lenet", inits=1, width=20).g.shape == (8, 20)
    with pytest.raises(ValueError, match=r"trunk.0.weight is no part of a linear layer .* how='projected'"):
        initial_gradients(data, model="lenet", how="exact")


def test_a_layer_used_twice_is_named():
    data = table()

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.utils.skip_init(nn.Linear, 6, 6), nn.utils.skip_init(nn.Linear, 6, 3)
            models.init_(self, torch.Generator().manual_seed(0))

        def forward(self, x):
            return self.head(self.body(self.body(x)))

    with pytest.raises(ValueError, match="body sees several"):
        layered(models.adapt(Twice(), data.x), data.x, data.y)


@pytest.mark.parametrize("how", ["exact", "projected", "sketched", "last layer"])
def test_it_can_be_stopped_and_leaves_a_module_as_it_was(how):
    data, net = table(), small()
    before = [p.clone() for p in net.parameters()]
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        initial_gradients(data, model=net, how=how)
    initial_gradients(data, model=net, how=how, inits=1, width=10)
    assert net.training and all(torch.equal(a, b) for a, b in zip(before, net.parameters()))
    assert all(not m._forward_hooks for m in net.modules())


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"how": "exactly"}, "'last layer', 'projected', 'sketched', not 'exactly'; did you mean 'exact'"),
        ({"rows": [3, 24]}, "rows is a list of row numbers from 0 to 23"),
        ({"inits": 0}, "inits is a whole number from 1, not 0"),
        ({"width": 1.5}, "width is a whole number from 1, not 1.5"),
        ({"model": "lenet"}, "lenet needs images"),
    ],
)
def test_a_users_mistake_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        initial_gradients(table(), **arguments)


def test_sizes_that_do_not_fit_are_refused_before_the_work():
    with pytest.raises(ValueError, match="24 gradients of 200,000,000 numbers would take"):
        initial_gradients(table(), inits=4, width=50_000_000)
