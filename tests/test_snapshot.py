"""snapshot: what signals records of a trained model, and nothing of the model changed by looking at it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import coreset_explore as cx
from coreset_explore import Cancelled, Pool, listening, select, signals, snapshot
from coreset_explore.datasets import Data
from coreset_explore.recording import forward
from coreset_explore.recording.extras import EXTRAS
from tests.test_recording import equal, table

DATA = table()
HELD = torch.arange(80, 90)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))


def module(bias: bool = True, seed: int = 0) -> nn.Module:
    """A network with all that looking could change: dropout, running statistics, frozen and training modules."""
    rng = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        net = nn.Sequential(
            nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Dropout(0.5), nn.Linear(7, 3, bias)
        )
    net = net.to_empty(device="cpu")
    for value in net.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=rng))
        else:
            value.zero_()
    return net


@pytest.mark.parametrize("bias", [True, False])
def test_it_says_what_signals_records_of_the_same_model_to_the_last_bit(bias):
    net = module(bias)
    recorded, now = signals(DATA, model=net, epochs=0, cache=False), snapshot(net, DATA)
    assert equal(recorded, now) and now.fingerprint == recorded.fingerprint and now.classes == DATA.classes
    assert now.info["model"] == "Sequential" and now.target is None and now.test is None
    assert now.grads.h[0].data_ptr() == now.emb.data_ptr()
    with torch.no_grad():
        torch.testing.assert_close(now.logits, net.eval()(DATA.x))
        torch.testing.assert_close(now.emb, net[:4](DATA.x))
    torch.testing.assert_close(now.grads.r[0], now.logits.softmax(1) - F.one_hot(DATA.y, 3))


def test_a_model_of_the_library_is_recorded_between_two_epochs_as_signals_records_it():
    kept = []
    cx.fit("mlp", DATA, epochs=2, on_epoch=lambda _, net: kept.append(snapshot(net, DATA)), show=False)
    for epoch, now in enumerate(kept, 1):
        last = signals(DATA, model="mlp", epochs=2, checkpoints=[epoch], cache=False, show=False)
        assert equal(now, last.only("y", "emb", "logits", "grads"))


def test_looking_at_a_training_model_changes_nothing_of_it():
    def trained(look: bool):
        def each(_, net):
            if look:
                snapshot(net, DATA, range(9), HELD, ["emb", "grads", "deepfool", "full_grad_norm"])

        net = module()
        with torch.random.fork_rng(
            devices=[]
        ):  # what dropout draws from: looking draws nothing between two epochs
            torch.manual_seed(0)
            cx.fit(net, DATA, epochs=3, on_epoch=each, show=False)
        return net

    before = torch.get_rng_state()
    for a, b in zip(trained(False).state_dict().values(), trained(True).state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(before, torch.get_rng_state())
    net = module().train()
    net[1].eval()
    modes = [m.training for m in net.modules()]
    assert not snapshot(net, DATA).emb.requires_grad
    assert [m.training for m in net.modules()] == modes and all(p.grad is None for p in net.parameters())


def test_rows_are_recorded_in_their_order_and_held_rows_are_the_target():
    net, rows = module(), [7, 3, 50]
    whole, now = snapshot(net, DATA), snapshot(net, DATA, rows, held=HELD)
    assert now.ids.tolist() == rows and now.y.tolist() == DATA.y[rows].tolist()
    assert now.target.ids.tolist() == HELD.tolist() and now.target.info["role"] == "target"
    for part, where in ((now, rows), (now.target, HELD)):
        torch.testing.assert_close(part.emb, whole.emb[where])
        torch.testing.assert_close(part.grads.gram(), whole.grads[where].gram())
    rest = snapshot(net, DATA, held=HELD)
    assert rest.ids.tolist() == list(range(80)) and snapshot(net, DATA, held=[]).target is None
    mask = torch.zeros(90, dtype=torch.bool)
    mask[[3, 7]] = True
    assert snapshot(net, DATA, mask).ids.tolist() == [3, 7]
    assert len(select("glister", rest, 5, show=False)) == 5


def test_held_rows_are_those_of_signals():
    net = module()
    recorded = signals(DATA, model=net, epochs=0, holdout=0.2, cache=False)
    now = snapshot(net, DATA, recorded.ids, recorded.target.ids)
    for one, two in ((recorded, now), (recorded.target, now.target)):
        assert list(one.fields) == list(two.fields) and torch.equal(one.ids, two.ids)
        torch.testing.assert_close(one.emb, two.emb)
        torch.testing.assert_close(one.grads.r, two.grads.r)


def test_snapshots_of_one_model_join_to_the_snapshot_of_all():
    net = module()
    both = Pool.join(snapshot(net, DATA, range(30), HELD), snapshot(net, DATA, range(30, 80), HELD))
    whole = snapshot(net, DATA, held=HELD)
    torch.testing.assert_close(both.emb, whole.emb)
    assert torch.equal(both.ids, whole.ids) and both.target is not None


@pytest.mark.parametrize(
    "fields, held",
    [
        ((), ["ids", "y", "emb", "logits", "grads"]),
        ("logits", ["ids", "y", "logits"]),
        (["grads", "emb"], ["ids", "y", "emb", "grads"]),
        (["deepfool"], ["ids", "y", "deepfool"]),
        (["full_grad_norm", "emb", "deepfool"], ["ids", "y", "emb", "full_grad_norm", "deepfool"]),
        (["y", "ids"], ["ids", "y"]),
    ],
)
def test_the_facts_that_are_asked_for(fields, held):
    net = module()
    now = snapshot(net, DATA, range(6), fields=fields)
    assert list(now.fields) == held
    for name in set(held) & set(EXTRAS):
        adapted = forward.models.adapt(net, DATA.x)
        torch.testing.assert_close(now.need(name), EXTRAS[name](adapted, DATA.x[:6], DATA.y[:6]))


def test_one_pass_over_the_rows_and_none_where_none_is_needed(monkeypatch):
    seen = []
    plain = forward.logits_features

    def counted(net, x, **more):
        seen.append(len(x))
        return plain(net, x, **more)

    monkeypatch.setattr(forward, "logits_features", counted)
    snapshot(module(), DATA, range(20), HELD)
    snapshot(module(), DATA, fields=["deepfool"])
    assert sorted(seen) == [10, 20]


def test_rows_that_nobody_labelled():
    bare = Data(DATA.x, None, (), None, None, "table", "unlabelled")
    now = snapshot(module(), bare, range(9))
    assert list(now.fields) == ["ids", "emb", "logits"] and now.y is None
    torch.testing.assert_close(now.logits, snapshot(module(), DATA, range(9)).logits)
    assert len(select("margin", now, 3, show=False)) == 3
    assert torch.equal(snapshot(module(), DATA.x.numpy()).emb, snapshot(module(), DATA).emb)


def test_it_can_be_cancelled():
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        snapshot(module(), DATA)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_pool_lies_where_the_model_does():
    there = snapshot(module().cuda(), DATA, held=HELD, fields=["emb", "logits", "grads", "deepfool"])
    here = snapshot(module(), DATA, held=HELD)
    for part in (there, there.target):
        devices = {value.device.type for value in part.fields.values()}
        assert devices == {"cuda"}
    torch.testing.assert_close(there.emb.cpu(), here.emb, rtol=1e-4, atol=1e-4)


class Diverged(nn.Linear):
    def forward(self, x):
        return super().forward(x * torch.inf)


def two_classes() -> nn.Module:
    return nn.Linear(5, 2)


WRONG = {
    "a name": (lambda: snapshot("mlp", DATA), r"asks a trained torch.nn.Module, not 'mlp'; fit\(…\).model is one"),
    "a pool": (lambda: snapshot(module(), snapshot(module(), DATA)), "snapshot takes data, and a Pool is what it"),
    "history": (lambda: snapshot(module(), DATA, fields=["history"]), "what a whole training tells; cx.signals"),
    "a misspelt field": (lambda: snapshot(module(), DATA, fields=["logit"]), "did you mean 'logits'"),
    "a row that is not there": (lambda: snapshot(module(), DATA, [3, 90]), "from 0 to 89, and row 90"),
    "a held row that is not there": (lambda: snapshot(module(), DATA, held=[-1]), "held is a list of row numbers"),
    "no rows": (lambda: snapshot(module(), DATA, []), "rows names no row"),
    "a row twice": (lambda: snapshot(module(), DATA, [3, 4, 3]), "rows names row 3 more than once; name each row once"),
    "a row on both sides": (
        lambda: snapshot(module(), DATA, [3, 4], held=[4]), "row 4 is to be recorded and held for validation",
    ),
    "gradients without labels": (
        lambda: snapshot(module(), DATA.x, fields=["grads"]), r"'grads' asks for labels, and .* has none",
    ),
    "classes the model does not know": (
        lambda: snapshot(two_classes(), DATA), "tells 2 classes apart, and the rows are of classes up to 2",
    ),
    "a model that diverged": (lambda: snapshot(Diverged(5, 3), DATA), "its logits are NaN or infinite"),
    "another model's data": (lambda: snapshot(nn.Linear(4, 3), DATA), r"does not take rows of shape \(5,\)"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_recorded_is_refused_in_one_sentence(wrong):
    call, sentence = WRONG[wrong]
    with pytest.raises(ValueError, match=sentence):
        call()
