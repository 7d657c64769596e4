"""The make-believe device refuses what a GPU refuses, lets through what one lets through, and the library lives on it.

That every method does is a law (`device_agrees`); here is what surrounds them.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import coreset_explore as cx
from coreset_explore import Pool, Selection, measures, neighbors, reweigh, select, training
from coreset_explore.experiment.linear_probe import probe
from coreset_explore.greedy import spread
from coreset_explore.labs.continual import class_incremental, frame, run
from coreset_explore.projection import project
from tests import pretend
from tests.continual_runs import HOW, table
from tests.pools import make, rng

HERE = make(40)
A, ROWS = torch.arange(5.0), torch.tensor([3, 1])


@pytest.fixture(scope="module")
def there() -> torch.device:
    return pretend.device()


@pytest.fixture
def one_thread():
    """Backward passes on the calling thread: torch starts those of a device once, perhaps before there was this one."""
    with torch.autograd.set_multithreading_enabled(False):
        yield


REFUSED = {
    "two devices": lambda h: h + A,
    "a CPU tensor with one number from there": lambda h: A + h[0],
    "writing from there into a number here": lambda h: torch.tensor(1.0).add_(h[0]),
    "three devices' worth of numbers": lambda h: torch.clamp(h, torch.tensor(1.0), torch.tensor(2.0)),
    "a condition from here": lambda h: torch.where(A > 2, h, 0.0),
    "a mask from here": lambda h: h.masked_fill(A > 2, 0.0),
    "matrix product": lambda h: h[None] @ A[:, None],
    "cat": lambda h: torch.cat([h, A]),
    "stack of numbers": lambda h: torch.stack([h[0], A[0]]),
    "gather": lambda h: h.gather(0, ROWS),
    "index_select": lambda h: h.index_select(0, ROWS),
    "index_add_": lambda h: h.clone().index_add_(0, ROWS, h[:2]),
    "bincount": lambda h: h.long().bincount(A),
    "searchsorted": lambda h: torch.searchsorted(h, A),
    "equal": lambda h: torch.equal(h, A),
    "indexing here by rows from there": lambda h: A[ROWS.to(h.device)],
    "writing here by rows from there": lambda h: A.clone().__setitem__(ROWS.to(h.device), 0.0),
    "writing values from here by rows": lambda h: h.__setitem__(ROWS, A[:2]),
    "writing values from there by rows": lambda h: A.clone().__setitem__(ROWS, h[:2]),
    "numpy": lambda h: h.numpy(),
    "numpy.asarray": lambda h: np.asarray(h),
    "from_numpy's way back": lambda h: np.add(h, 1.0),
    "a generator of the CPU": lambda h: torch.rand(3, generator=rng(), device=h.device),
    "a generator of the CPU, in place": lambda h: h.clone().uniform_(generator=rng()),
    "a shuffle by a generator of the CPU": lambda h: torch.randperm(3, generator=rng(), device=h.device),
    "products of whole numbers": lambda h: h.long()[None] @ h.long()[:, None],
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses_what_a_gpu_refuses(there, what):
    words = "same device|indices should be|to numpy|generator|not implemented"
    with pytest.raises((RuntimeError, TypeError), match=words):
        REFUSED[what](A.to(there))


ALLOWED = {
    "one number from here": lambda h: h * torch.tensor(2.0),
    "numbers of both": lambda h: torch.tensor(2.0) + h[1],
    "where with a number": lambda h: torch.where(h > 2, h, torch.tensor(9.0)),
    "rows from here": lambda h: h[ROWS],
    "a mask from here": lambda h: h[A > 2],
    "rows from there": lambda h: h[ROWS.to(h.device)],
    "rows as a list": lambda h: h[[3, 1]],
    "one row by a number from here": lambda h: h[torch.tensor(2)],
    "writing a number by rows": lambda h: _written(h, ROWS, torch.tensor(7.0)),
    "writing by a mask": lambda h: _written(h, h > 2, -1.0),
    "writing a slice from here": lambda h: _written(h, slice(0, 2), A[3:]),
    "copying from here": lambda h: h.clone().copy_(A),
    "what is made there": lambda h: torch.arange(5, device=h.device) + torch.eye(5, device=h.device)[2],
    "numbers there in a list": lambda h: torch.stack([h[1], h[2]]),
    "a vector times a matrix": lambda h: h[:2] @ torch.ones(2, 3, device=h.device),
    "another shape in place": lambda h: h.clone().unsqueeze_(0).squeeze_(0),
    "views share memory": lambda h: _written(h.clone().view(5, 1), slice(0, 1), 5.0),
    "a factorization": lambda h: torch.linalg.eigh(torch.outer(h, h)).eigenvalues,
}


def _written(x, where, value):
    x[where] = value
    return x


@pytest.mark.parametrize("what", ALLOWED)
def test_it_does_what_a_gpu_does(there, what):
    found, wanted = ALLOWED[what](A.to(there)), ALLOWED[what](A.clone())
    assert found.device == there and found.dtype == wanted.dtype
    torch.testing.assert_close(found.cpu(), wanted)


def test_there_and_back(there):
    held = A.to("pretend")
    assert held.device == there and held.to(there) is held and not held.is_cpu
    assert held.cpu().device.type == "cpu" and held.cpu().tolist() == held.tolist() == A.tolist()
    assert held.double().dtype == torch.float64 and A.new_zeros(2, device=there).device == there
    assert float(held.max()) == 4.0 and bool((held > 3).any()) and int(held.argmax()) == 4
    assert torch.tensor([held[1], held[2]]).device.type == "cpu" and torch.as_tensor(held) is held
    assert A[torch.tensor(2, device=there)] == 2.0, "a number from there is a row number anywhere"
    assert torch.zeros(5).copy_(held).tolist() == A.tolist()
    held[:2] = torch.ones(2)
    assert A.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0], "what lies there is a copy"


def test_what_torch_leaves_open_is_answered_otherwise(there):
    equal = torch.zeros(4, device=there)
    assert equal.argsort().tolist() == equal.sort(descending=True).indices.tolist() == [3, 2, 1, 0]
    assert equal.argsort(stable=True).tolist() == [0, 1, 2, 3] and equal.topk(2).indices.tolist() == [3, 2]
    mixed = torch.tensor([[1.0, 3.0, 3.0], [2.0, 1.0, 2.0]], device=there)
    values, places = mixed.topk(2, dim=1)
    assert values.tolist() == [[3.0, 3.0], [2.0, 2.0]] and places.tolist() == [[2, 1], [2, 0]]
    assert mixed.argmax(1).tolist() == [1, 0], "the first, as torch promises"
    assert torch.empty(3, device=there).isnan().all() and torch.empty_like(equal).isnan().all()


def test_a_model_learns_on_it_as_on_the_cpu(there, one_thread):
    def step(device):
        net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten())
        with torch.no_grad():
            for p in net.parameters():
                p.copy_(torch.linspace(-1, 1, p.numel()).reshape(p.shape))
        net = net.to(device)
        x = torch.linspace(0, 1, 50).reshape(2, 1, 5, 5).to(device)
        F.cross_entropy(net(x), torch.tensor([1, 0], device=device)).backward()
        return [p.grad for p in net.parameters()] + [net[1].running_mean]

    for found, wanted in zip(step(there), step("cpu"), strict=True):
        assert found.device == there
        torch.testing.assert_close(found.cpu(), wanted)


def test_a_pool_moves_with_all_that_it_holds(there):
    pool = HERE.to(there)
    parts = [pool.emb, pool.y, pool.grads.r, pool.history.loss, pool.target.emb, pool[[1, 3]].logits]
    assert pool.device == there and {part.device for part in parts} == {there}
    assert pool.fingerprint == HERE.fingerprint == pool.to("cpu").fingerprint
    assert [r.tolist() for r in pool.by_class().values()] == [r.tolist() for r in HERE.by_class().values()]
    made = Pool.of(HERE.emb.to(there), HERE.y.to(there))
    assert made.emb.device == there and made.n_classes == 3


@pytest.mark.parametrize("name", ["craig", "gradmatch", "kcenter", "entropy", "facility_location"])
@pytest.mark.parametrize("wrap", [[], ["per_class"]], ids=["plain", "per_class"])
def test_measures_say_the_same(there, name, wrap):
    pool, answer = HERE.to(there), select(name, HERE, 12, wrap=wrap, show=False)
    for one, two in [
        (measures.gradient_error(pool, answer), measures.gradient_error(HERE, answer)),
        (measures.coverage(pool, answer), measures.coverage(HERE, answer)),
        (
            measures.gradient_path(pool, answer, [2, 12]).errors,
            measures.gradient_path(HERE, answer, [2, 12]).errors,
        ),
        (measures.coverage_path(pool, answer, [2, 12]), measures.coverage_path(HERE, answer, [2, 12])),
        (measures.facility_location(pool, answer), measures.facility_location(HERE, answer)),
        (measures.class_balance(pool, answer), measures.class_balance(HERE, answer)),
        (measures.represent(pool, answer), measures.represent(HERE, answer)),
        (reweigh(pool, answer[:5]).weights, reweigh(HERE, answer[:5]).weights),
        (probe(pool, answer).accuracy, probe(HERE, answer).accuracy),
    ]:
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


def test_a_selection_from_there_is_kept_and_comes_back(there, tmp_path):
    pool = HERE.to(there)
    answer = select("entropy", pool, 6, wrap=["per_class"], show=False)
    assert answer.info["device"] == "pretend:0"
    for kind in ("npz", "parquet", "csv"):
        path = answer.save(tmp_path / f"picks.{kind}")
        if kind != "csv":
            again = Selection.load(path)
            assert again.ids.tolist() == answer.ids.tolist() and again.info == answer.info
            assert torch.equal(reweigh(pool, again).weights, answer.weights)
    mine = Selection.of(torch.tensor([3, 1], device=there), weights=torch.tensor([1.0, 2.0], device=there))
    assert mine.indices.device.type == mine.weights.device.type == "cpu"


def test_one_starts_from_rows_given_there(there):
    pool = HERE.to(there)
    for name in ("craig", "kcenter", "gradmatch", "badge", "maxherding", "probcover", "fastcore"):
        given = torch.tensor([4, 9], device=there)
        found = select(name, pool, 5, given=given, show=False)
        assert found.ids.tolist() == select(name, HERE, 5, given=[4, 9], show=False).ids.tolist(), name


def test_maps_and_neighbors(there):
    pool = HERE.to(there)
    assert torch.equal(project(pool, cache=False).xy, project(HERE, cache=False).xy)
    for one, two in zip(neighbors.knn(pool.emb, 3), neighbors.knn(HERE.emb, 3), strict=True):
        assert one.device == there and torch.equal(one.cpu(), two)
    for found, wanted in [
        (neighbors.kmeans(pool.emb, 4, rng()), neighbors.kmeans(HERE.emb, 4, rng())),
        (neighbors.pq(pool.emb, 2, 8, rng())[1:], neighbors.pq(HERE.emb, 2, 8, rng())[1:]),
        ([neighbors.lsh(pool.emb, 5, rng())], [neighbors.lsh(HERE.emb, 5, rng())]),
    ]:
        for one, two in zip(found, wanted, strict=True):
            assert one.device == there
            torch.testing.assert_close(one.cpu(), two)


def test_draws_are_those_of_the_cpu(there):
    nothing = torch.zeros(0, dtype=torch.int64)
    for space in ("grads", "emb"):
        one, two = (spread(pool.vectors(space), 9, nothing, rng()) for pool in (HERE.to(there), HERE))
        assert one.tolist() == two.tolist()


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_a_model_is_recorded_on_it(there, one_thread, model):
    shape = (24, 3, 16, 16) if model == "cnn" else (24, 6)
    x = torch.rand(shape, generator=rng()) * 255
    x = x.to(torch.uint8) if model == "cnn" else x
    data = cx.datasets.load(x, y=torch.arange(24) % 3)
    options = {"model": model, "epochs": 2, "holdout": 0.25, "cache": False, "show": False}
    found = cx.signals(data, device="pretend", extras=["deepfool"], **options)
    wanted = cx.signals(data, device="cpu", extras=["deepfool"], **options)
    assert found.device.type == "cpu" and found.info["device"] == "pretend"
    for name in ("emb", "logits", "deepfool"):
        torch.testing.assert_close(found.need(name), wanted.need(name), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.grads.r, wanted.grads.r, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_weighted_choice_is_trained_on_it(there, one_thread, optimizer):
    x = torch.randint(0, 256, (30, 1, 8, 8), generator=rng(), dtype=torch.uint8)
    data = cx.datasets.load(x, y=torch.arange(30) % 2)
    picks = Selection.of(range(20), torch.linspace(1, 2, 20))
    options = {"epochs": 2, "optimizer": optimizer, "augment": "crop+flip", "show": False}
    one, two = (training.fit("mlp", data, picks, device=device, **options) for device in (there, "cpu"))
    assert one.info["device"] == "pretend:0"
    assert [e.loss for e in one.epochs] == pytest.approx([e.loss for e in two.epochs], rel=1e-4)


def test_a_policy_is_followed_on_it(there, one_thread):
    y = torch.arange(60) % 3
    data = cx.datasets.load(torch.randn(60, 6, generator=rng()) + torch.nn.functional.one_hot(y, 6), y=y)
    policy = cx.Policy("CRAIG", 24, every=1, look=0.5, holdout=0.1)
    options = {"epochs": 3, "batch_size": 8, "weights": "drawn", "show": False}
    one, two = (training.fit("logistic", data, policy, device=device, **options) for device in (there, "cpu"))
    assert [c.rows.tolist() for c in one.choices] == [c.rows.tolist() for c in two.choices]
    assert [c.stale for c in one.choices][1:] == pytest.approx([c.stale for c in two.choices][1:], rel=1e-4)


@pytest.mark.parametrize("paradigm", ["gdumb", "replay"])
def test_a_stream_is_remembered_on_it(there, one_thread, paradigm):
    how = {**HOW, "capacity": 12, "paradigm": paradigm, "show": False}
    setting, names = class_incremental(table()), ["gmc", "gmc_local", "ocs", "rainbow"]
    one, two = (frame(run(setting, names, device=device, **how)) for device in (there, "cpu"))
    assert one.failed.isna().all() and one.accuracy.tolist() == two.accuracy.tolist()
    assert one.gradient_error.tolist() == pytest.approx(two.gradient_error.tolist(), rel=1e-4)
