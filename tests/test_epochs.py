"""The loop entered from outside: the plain loop's answers, other rows between epochs, and a run that is resumed."""

import io
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coreset_explore import progress
from coreset_explore.datasets import Data, load
from coreset_explore.machine.seeds import generator
from coreset_explore.selection import Selection
from coreset_explore.training import models
from coreset_explore.training import run as training
from coreset_explore.training.epochs import Training
from coreset_explore.training.optimizers import SGD, Adam
from coreset_explore.training.rows import chosen

SEED = 3


def table(n=60, classes=3):
    y = torch.arange(n) % classes
    x = torch.randn(n, 5, generator=torch.Generator().manual_seed(0)) + 2 * F.one_hot(y, 5)
    return Data(x, y, tuple("abc"[:classes]), x[:20], y[:20], "table", "made")


def images(n=50):
    x = torch.randint(0, 256, (n, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Data(x, torch.arange(n) % 3, tuple("abc"), None, None, "images", "made")


def normed():
    """A network of one's own, with statistics that training changes beside its parameters."""
    layers = nn.Flatten(), nn.Linear(144, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3)
    return models.init_(nn.Sequential(*layers), generator(SEED, "test"))


def tensors_of(net):
    return torch.cat([value.detach().flatten().float() for value in net.state_dict().values()])


def same(a, b):
    """The same operations in the same order, as one sees it: a matrix library rounds by where its operands lie."""
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def made(model, data, seed=SEED):
    return training.made(model() if callable(model) else model, data, generator(seed, "init"))


def shuffled(n, rows, rng):
    """One epoch's order of `rows` (ascending), as places among them: all n rows shuffled, the others struck out."""
    place = {row: i for i, row in enumerate(rows.tolist())}
    return torch.tensor([place[r] for r in torch.randperm(n, generator=rng).tolist() if r in place])


def plain(model, data, rows, weights, *, updates, size, lr, cosine=True, augment=None, kind=SGD):
    """Training written down once more, in the plainest way: the network and each epoch's loss."""
    net = made(model, data)
    optimizer = kind(net.parameters(), decay=5e-4)
    shuffle, moves = generator(SEED, "batches"), generator(SEED, "augment")
    x, y = data.x[rows], data.y[rows]
    net.train(len(rows) > 1)
    done, losses = 0, []
    while done < updates:
        total = seen = 0
        for batch in shuffled(len(data), rows, shuffle).tensor_split(math.ceil(len(rows) / size)):
            if done == updates:
                break
            given = x[batch] if augment is None else training.moved(x[batch], moves, flip="flip" in augment)
            loss = F.cross_entropy(net(given)[0], y[batch], reduction="none")
            if weights is not None:
                loss = loss * weights[batch]
            loss.mean().backward()
            optimizer.step(lr * (0.5 + 0.5 * math.cos(math.pi * done / updates)) if cosine else lr)
            done += 1
            total, seen = total + loss.detach().sum(), seen + len(batch)
        losses.append(float(total) / seen)
    return net, losses


SOME = torch.arange(0, 50, 2)[torch.arange(25) != 7]  # 24 rows
UNEVEN = torch.linspace(0.5, 1.5, 24)
CASES = {
    "logistic": ("logistic", table(), SOME, None, {"updates": 9, "size": 100, "lr": 0.05}),
    "mlp, weighted, uneven batches": ("mlp", table(), SOME, UNEVEN, {"updates": 20, "size": 7, "lr": 0.1}),
    "mlp, cut in an epoch": ("mlp", load("digits"), SOME, None, {"updates": 11, "size": 5, "lr": 0.05}),
    "mlp, adam": ("mlp", table(), SOME, UNEVEN, {"updates": 12, "size": 10, "lr": 1e-3, "kind": Adam}),
    "lenet, moved": ("lenet", images(), SOME, UNEVEN, {"updates": 8, "size": 7, "lr": 0.05, "augment": "crop+flip"}),
    "batch norm, even rate": (normed, images(), SOME[:9], None, {"updates": 4, "size": 4, "lr": 0.01, "cosine": 0}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_fit_is_the_plain_loop(case):
    model, data, rows, weights, how = CASES[case]
    net, losses = plain(model, data, rows, weights, **how)
    subset = rows if weights is None else Selection(rows, weights)
    rule = {
        "updates": how["updates"],
        "batch_size": how["size"],
        "lr": how["lr"],
        "augment": how.get("augment"),
    }
    rule["schedule"] = "cosine" if how.get("cosine", True) else "constant"
    rule["optimizer"] = "adam" if how.get("kind") is Adam else "sgd"
    fit = training.fit(model() if callable(model) else model, data, subset, seed=SEED, show=False, **rule)
    same(tensors_of(fit.model), tensors_of(net))
    assert [record.loss for record in fit.epochs] == pytest.approx(losses, rel=1e-5)


def started(model="mlp", data=None, kind=SGD, size=8, move=None, seed=SEED):
    data = data or table()
    net = made(model, data, seed)
    optimizer = kind(net.parameters(), decay=5e-4)
    return Training(
        net, data.x, data.y, optimizer, lambda done: 0.05 / (1 + done), batch_size=size, seed=seed, move=move
    )


def kept(state) -> bytes:
    """The state as a file holds it, without pickle."""
    file = io.BytesIO()
    np.savez(file, **{k: v if isinstance(v, str) else v.numpy() for k, v in state.items()})
    return file.getvalue()


def read(content: bytes):
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {k: str(v) if v.dtype.kind == "U" else torch.from_numpy(v) for k, v in file.items()}


@pytest.mark.parametrize(
    "model, data, kind", [("mlp", table(), SGD), ("mlp", table(), Adam), (normed, images(), SGD)]
)
def test_a_run_stopped_kept_and_resumed_is_the_run_that_went_on(model, data, kind):
    move = (lambda x, rng: training.moved(x, rng, flip=True)) if data.kind == "images" else None
    whole, first, second = (started(model, data, kind, 16, move, seed) for seed in (SEED, SEED, SEED + 1))
    expected = list(whole.epochs(until=9))
    records = []
    for record in first.epochs(until=9):
        records.append(record)
        if record.epoch == 1:
            content = kept(first.state())
            break
    next(first.epochs(until=9))  # what is kept does not change with the run
    second.restore(read(content))
    records += second.epochs(until=9)
    same(tensors_of(second.net), tensors_of(whole.net))
    assert [r.loss for r in records] == pytest.approx([r.loss for r in expected], rel=1e-5)
    assert records[-1].updates == 9
    assert [r.epoch for r in records] == [r.epoch for r in expected] and len(records) > 2
    last, end = second.state(), whole.state()
    assert last.keys() == end.keys()
    for name, value in last.items():
        if isinstance(value, str):
            assert value == end[name]
        else:
            same(value, end[name])


def test_other_rows_and_weights_are_taken_between_epochs():
    """As an adaptive selection does: what is trained on next may depend on what the network has become."""
    data, run = table(), started(size=10)
    turns = [
        (torch.arange(60), None),
        (torch.arange(7), torch.linspace(0.4, 1.6, 7)),
        (torch.arange(20, 45), None),
    ]
    sizes = []
    for rows, weights in turns:
        run.on(rows, weights)
        sizes += [record.updates for record in run.epochs(until=run.updates + 4)]
    net, shuffle, done = training.made("mlp", data, generator(SEED, "init")), generator(SEED, "batches"), 0
    optimizer = SGD(net.parameters(), decay=5e-4)
    net.train()
    for rows, weights in turns:
        end = done + 4
        while done < end:
            parts = shuffled(60, rows, shuffle).tensor_split(math.ceil(len(rows) / 10))
            for batch in parts[: end - done]:
                loss = F.cross_entropy(net(data.x[rows][batch])[0], data.y[rows][batch], reduction="none")
                (loss if weights is None else loss * weights[batch]).mean().backward()
                optimizer.step(0.05 / (1 + done))
                done += 1
    same(tensors_of(run.net), tensors_of(net))
    assert sizes == [4, 5, 6, 7, 8, 11, 12]  # of 6, 1 and 3 updates a pass, none longer than it was let be


def test_rows_may_change_while_the_iterator_runs_and_every_update_may_have_its_own():
    """As a replay does: a batch of the stream beside a batch of the memory, one update each."""
    run, seen = started(size=60), []
    for record in run.epochs(until=5):
        seen.append(record.updates)
        run.on(torch.arange(record.updates, record.updates + 12))
    assert seen == [1, 2, 3, 4, 5]
    selection = Selection([3, 4], [1.0, 3.0], ids=torch.tensor([30, 40]))
    run.on(*chosen(selection, table()))
    assert [record.updates for record in run.epochs(until=6)] == [6] and list(run.epochs(until=6)) == []


def test_a_state_of_another_network_or_optimizer_is_refused():
    state = started().state()
    with pytest.raises(
        ValueError, match="another network or optimizer: for model.* restore it into a run set up"
    ):
        started("logistic").restore(state)
    with pytest.raises(ValueError, match="for optimizer.mean.0 it holds nothing"):
        started(kind=Adam).restore(state)


def test_a_run_is_cancelled_between_two_updates():
    run, asked = started(size=2), iter(range(1000))
    with pytest.raises(progress.Cancelled), progress.listening(should_stop=lambda: next(asked) >= 6):
        list(run.epochs(until=30))
    assert 3 <= run.updates <= 6


def test_what_a_module_brings_along_does_not_count_and_one_row_is_enough():
    data, module = table(), nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    (module(torch.randn(4, 5, generator=generator(0, "test"))).sum() * 1e6).backward()
    net = training.made(module, data, generator(SEED, "init"))
    run = Training(net, data.x, data.y, SGD(net.parameters()), lambda done: 0.0, batch_size=4, seed=0)
    before = [p.detach().clone() for p in module.parameters()]
    run.on(torch.tensor([3]))
    assert len(list(run.epochs(until=2))) == 2
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters()))
