"""Heads without bias: the 1 of [h, 1] is there exactly when the last layer has a bias, in all that reads gradients."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coreset_explore import (
    METHODS,
    SCORES,
    Dense,
    LastLayer,
    Pool,
    Selection,
    gradient_error,
    greedy,
    initial_gradients,
    reweigh,
    select,
    signals,
    snapshot,
)
from coreset_explore.datasets import Data
from coreset_explore.gradients import cosine
from coreset_explore.greedy.columns import Columns
from coreset_explore.greedy.factored import Factored
from coreset_explore.greedy.residual import Built
from coreset_explore.greedy.vectors import dots, products, squared_between
from coreset_explore.machine.cache import folder
from coreset_explore.measures import coverage, facility_location, objective
from coreset_explore.recording.initial import Layers, layered
from coreset_explore.training import models
from tests.pools import make, rng

N, D, C = 40, 5, 3


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))


def table() -> Data:
    x = torch.randn(N + 8, D, generator=rng())
    y = torch.arange(N + 8) % C
    return Data(x[:N], y[:N], tuple("abc"), x[N:], y[N:], "table", "made")


def net(*biases: bool) -> nn.Sequential:
    """A network of two linear layers, with a bias or without."""
    layers = [
        nn.utils.skip_init(nn.Linear, a, b, bias=bias)
        for a, b, bias in zip((D, 7), (7, C), biases, strict=True)
    ]
    return models.init_(nn.Sequential(layers[0], nn.Tanh(), layers[1]), rng())


def autograd(module: nn.Module, data: Data, *of: nn.Parameter) -> torch.Tensor:
    """Each row's loss gradient in the given parameters (n, p), by autograd."""
    rows = []
    for x, y in zip(data.x.split(1), data.y.split(1)):
        loss = F.cross_entropy(module(x), y)
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, of)]))
    return torch.stack(rows)


# -- what is recorded -------------------------------------------------------------------------------------------------

DATA = table()
RECORDED = {
    "signals": lambda module: signals(DATA, model=module, epochs=0, show=False).grads,
    "a target": lambda module: (
        Pool.join(pool := signals(DATA, model=module, epochs=0, holdout=0.2, show=False), pool.target).grads
    ),
    "a snapshot": lambda module: snapshot(module, DATA).grads,
}


def frozen(module: nn.Sequential) -> nn.Sequential:
    module[2].bias.requires_grad_(False)
    return module


@pytest.mark.parametrize("how", RECORDED)
@pytest.mark.parametrize(
    "module, bias",
    [(net(True, False), False), (net(False, True), True), (frozen(net(True, True)), False)],
    ids=["no bias", "a bias at the head alone", "a bias that is not trained"],
)
def test_recorded_gradients_are_autograds(how, module, bias):
    found = RECORDED[how](copy.deepcopy(module))
    wanted = autograd(module, DATA, module[2].weight, *([module[2].bias] if bias else []))
    assert found.bias is bias and found.dim == wanted.shape[1]
    order = found.norm().argsort() if how == "a target" else slice(None)  # the target's rows come last
    again = wanted.norm(dim=1).argsort() if how == "a target" else slice(None)
    torch.testing.assert_close(found.norm()[order], wanted.norm(dim=1)[again], rtol=1e-4, atol=1e-6)
    if how != "a target":
        torch.testing.assert_close(found.gram(), wanted @ wanted.T, rtol=1e-4, atol=1e-5)


def test_a_trained_head_and_fresh_ones_are_told_apart_from_those_with_a_bias():
    trained = signals(DATA, model=net(True, False), epochs=2, checkpoints="each", show=False)
    fresh = signals(DATA, model=net(True, False), epochs=0, inits=2, show=False)
    last = initial_gradients(DATA, model=net(True, False), inits=2, how="last layer", show=False)
    for grads in (trained.grads, fresh.grads, last):
        assert grads.shape == (2, C, 7) and grads.bias is False
    assert signals(DATA, model="mlp", epochs=1, show=False).grads.bias is True


@pytest.mark.parametrize("biases", [(False, True), (True, False), (False, False)], ids=str)
def test_layers_without_bias_factor_exactly(biases):
    module = net(*biases)
    found = layered(models.adapt(module, DATA.x), DATA.x, DATA.y)
    g = autograd(module, DATA, *module.parameters())
    torch.testing.assert_close(found.gram(), g @ g.T, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.norm(), g.norm(dim=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.dot(found.sum()), (g @ g.sum(0)).double(), rtol=1e-4, atol=1e-4)
    assert isinstance(found[:3], Layers) and found[:3].bias is found.bias
    torch.testing.assert_close(found[:3].to("cpu").gram(), found.gram()[:3, :3])
    two = initial_gradients(DATA, model=module, inits=2, how="exact", show=False)
    assert len(two.r) == 4 and two.bias is False


def test_recordings_kept_before_are_read_as_of_a_head_with_a_bias():
    """An entry of the cache without the mark: every named model ends in a layer with a bias."""
    import numpy as np

    first = signals(DATA, model="mlp", epochs=1, show=False)
    (kept,) = folder().glob("signals-*.npz")
    with np.load(kept) as file:
        arrays = {name: file[name] for name in file.files if name != "bias"}
        assert bool(file["bias"])
    with open(kept, "wb") as file:
        np.savez(file, **arrays)
    again = signals(DATA, model="mlp", epochs=1, show=False)
    assert again.grads.bias is True and again.fingerprint == first.fingerprint


# -- what is answered: a bias is a feature that is always 1 -----------------------------------------------------------


def both(n: int = N, steps: int = 2, seed: int = 0) -> tuple[LastLayer, LastLayer]:
    """The same gradients as of a layer with a bias, and of one without that is given a 1 among its features."""
    draw = torch.Generator().manual_seed(seed)
    r, h = torch.randn(steps, n, C, generator=draw), torch.randn(steps, n, D, generator=draw)
    return LastLayer(r, h), LastLayer(r, torch.cat([h, torch.ones(steps, n, 1)], 2), bias=False)


def test_factored_gradients_without_bias_answer_as_dense_ones():
    _, grads = both()
    dense, w, rows = Dense(grads.dense()), torch.randn(N, generator=rng()), torch.tensor([7, 0, 7])
    v, near = torch.randn(grads.shape, generator=rng()), {"rtol": 1e-4, "atol": 1e-4}
    assert dense.dim == grads.dim == 2 * C * (D + 1)
    assert repr(grads) == ("LastLayer(40 rows, 3 classes, 6 features, no bias, 2 steps; 36 numbers a row)")
    torch.testing.assert_close(grads.gram(rows), dense.gram(rows), **near)
    torch.testing.assert_close(grads[rows].cross(grads), dense[rows].cross(dense), **near)
    torch.testing.assert_close(products(grads, rows), dense.gram(rows), **near)
    torch.testing.assert_close(grads.dot(v), dense.dot(v), **near)
    torch.testing.assert_close(dots(grads, v), dense.dot(v), **near)
    torch.testing.assert_close(grads.sum(w).flatten(), dense.sum(w), **near)
    torch.testing.assert_close(grads.norm(), dense.norm(), **near)
    torch.testing.assert_close(cosine(grads), cosine(dense), **near)
    torch.testing.assert_close(grads.sums([rows[:1], rows]).g, dense.sums([rows[:1], rows]).g, **near)
    torch.testing.assert_close(squared_between(grads, grads[:1]), squared_between(dense, dense[:1]), **near)
    torch.testing.assert_close(greedy.distances(grads), greedy.distances(dense), **near)
    torch.testing.assert_close(greedy.unit(grads).dense(), F.normalize(dense.g, dim=1), **near)
    for part in (
        grads.steps[1],
        grads.last,
        grads[:3],
        grads.to("cpu"),
        greedy.double(grads),
        greedy.unit(grads),
    ):
        assert part.bias is False


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_pursuit_and_farthest_first_without_bias_are_those_with_the_ones_written_out(compiled, nonnegative):
    one, other = both(200, seed=3)
    given = torch.tensor([5])
    found = [
        greedy.pursue(g, g.sum(), 20, given, nonnegative=nonnegative, way=way)
        for g in (one, other)
        for way in ((Factored, Columns) if compiled else (Built,))
    ]
    for picks, _, weights, _ in found[1:]:
        assert picks.tolist() == found[0][0].tolist()
        torch.testing.assert_close(weights, found[0][2], rtol=1e-4, atol=1e-4)
    far = [greedy.farthest_first(g, 20, given, compiled=compiled) for g in (one, other)]
    assert far[0][0].tolist() == far[1][0].tolist()


def without(pool: Pool) -> Pool:
    """The pool with its gradients' 1 among the features of a layer without bias."""
    grads = replace(pool.grads, h=pool.grads.entering(), bias=False)
    return replace(pool.add(grads=grads), target=None if pool.target is None else without(pool.target))


POOL = make()
BARE = without(POOL)
BY_GRADIENT = [
    (method.name, {"space": "grads"} if "space" in method.params else {})
    for method in [*METHODS.values(), *SCORES.values()]
    if any("grads" in fields for fields in method.alternatives())
]


@pytest.mark.parametrize("name, params", BY_GRADIENT, ids=[name for name, _ in BY_GRADIENT])
def test_every_method_reads_a_head_without_bias_as_what_it_is(name, params):
    for wrap in ([], [("per_class", {})], [("merge_reduce", {"parts": 3})]):
        one, two = (select(name, pool, 9, wrap=wrap, show=False, **params) for pool in (POOL, BARE))
        if one.ids.tolist() != two.ids.tolist():  # equal but for rounding, which may decide a tie
            assert objective(BARE, one) == pytest.approx(objective(BARE, two), rel=1e-4)
            continue
        for a, b in ((one.weights, two.weights), (one.score, two.score)):
            assert a is None or torch.allclose(a.double(), b.double(), rtol=1e-3, atol=1e-3)
        if one.weights is not None:
            assert torch.allclose(reweigh(BARE, one[:5]).weights, reweigh(POOL, one[:5]).weights, atol=1e-3)


@pytest.mark.parametrize("view", ["own_class", "pseudo_label"])
def test_views_keep_what_the_head_is(view):
    one, two = (
        select("gradmatch", pool, 9, wrap=[("per_class", {"view": view})], show=False)
        for pool in (POOL, BARE)
    )
    assert one.ids.tolist() == two.ids.tolist()
    assert torch.allclose(one.weights, two.weights, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["gradmatch", "glister", "craig"])
def test_batches_of_a_head_without_bias(name):
    one, two = (
        select(name, pool, 12, wrap=[("per_batch", {"size": 4})], show=False) for pool in (POOL, BARE)
    )
    assert one.ids.tolist() == two.ids.tolist()


def test_measures_are_the_same():
    chosen = Selection.of([3, 1, 20], [10, 20, 30])
    for measure in (gradient_error, facility_location, lambda p, s: coverage(p, s, "grads").mean_distance):
        assert measure(BARE, chosen) == pytest.approx(measure(POOL, chosen), rel=1e-4)


def test_a_missing_bias_is_another_pool_and_two_kinds_of_head_are_not_mixed():
    bare = POOL.add(grads=replace(POOL.grads, bias=False))
    assert bare.fingerprint != POOL.fingerprint
    assert Pool.join(bare[:20], bare[20:]).fingerprint == bare.fingerprint
    assert Pool.of(bare, ids=range(60)).grads.bias is False
    with pytest.raises(ValueError, match="not both of a last layer with a bias; record both with one model"):
        select("glister", replace(bare, target=POOL.target), 5, show=False)
    with pytest.raises(ValueError, match="the target has 18 numbers and the gradients 15"):
        select("gradmatch", replace(bare, target=POOL.target), 5, against="validation", show=False)
