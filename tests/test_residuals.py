"""Residuals of rows that the model is sure of, wherever they are formed, against softmax − 1 in eighty digits."""

from decimal import Decimal, localcontext

import pytest
import torch
from torch import nn

from coreset_explore import LastLayer, Pool, select, signals
from coreset_explore.datasets import Data
from coreset_explore.gradients import cosine, residuals
from coreset_explore.methods.badge import predicted
from coreset_explore.recording.extras import full_grad_norm, full_gradients
from coreset_explore.recording.initial import last_layer, layered
from coreset_explore.selecting.views import pseudo_label
from coreset_explore.training import models
from coreset_explore.training.evaluation import measured

GAPS = [3.0, 15.0, 16.5, 20.0, 25.0, 30.0, 60.0]


def defined(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """softmax − one-hot as it is written, (n, c) float64."""
    with localcontext(prec=200):
        rows = []
        for row, label in zip(logits.tolist(), y.tolist(), strict=True):
            powers = [Decimal(z).exp() for z in row]
            rows.append([float(p / sum(powers) - (j == label)) for j, p in enumerate(powers)])
    return torch.tensor(rows, dtype=torch.float64)


def sure(gaps=GAPS, right: bool = True) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits (n, 4) that lead by about `gaps`, labels, and features (n, 6); or labels that are second best."""
    rng = torch.Generator().manual_seed(0)
    logits = torch.rand(4 * len(gaps), 4, generator=rng)
    best = torch.arange(len(logits)) % 4
    logits[torch.arange(len(logits)), best] += torch.tensor(gaps).repeat_interleave(4)
    return logits, best if right else (best + 1) % 4, torch.randn(len(logits), 6, generator=rng)


def dense(r: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    wide = torch.cat([h.double(), torch.ones(len(h), 1, dtype=torch.float64)], 1)
    return (r[:, :, None] * wide[:, None]).flatten(1)


def close(found: torch.Tensor, wanted: torch.Tensor, rtol: float = 1e-5) -> None:
    torch.testing.assert_close(found.double(), wanted, rtol=rtol, atol=0.0)


def test_nothing_is_lost_at_the_true_class():
    found = residuals(torch.tensor([[20.0, 0, 0]]), torch.tensor([0]))
    close(found, torch.tensor([[-4.1223e-9, 2.06115e-9, 2.06115e-9]], dtype=torch.float64), 1e-4)
    for right in (True, False):
        logits, y, _ = sure(right=right)
        close(residuals(logits, y), defined(logits, y))
        close(residuals(torch.stack([logits, logits / 2]), y)[1], defined(logits / 2, y))
    far = torch.tensor([[100.0, 0, 1]]), torch.tensor([0])  # float32 has a digit or two down there
    close(residuals(*far), defined(*far), 0.05)
    assert not residuals(torch.tensor([[300.0, 0, 0]]), torch.tensor([0])).any()


class Given(nn.Module):
    """A network whose features are its input, and whose logits are the features' first four."""

    def __init__(self):
        super().__init__()
        self.trunk, self.head = nn.Identity(), nn.Linear(10, 4)
        with torch.no_grad():
            self.head.weight.copy_(torch.eye(10)[:4])
            self.head.bias.zero_()

    def forward(self, x):
        return self.head(self.trunk(x))


def test_every_way_to_gradients_keeps_them():
    logits, y, h = sure()
    data = Data(torch.cat([logits, h], 1), y, tuple("abcd"), None, None, "table", "made")
    pool = signals(data, model=Given(), epochs=0, cache=False, show=False)
    wanted = dense(defined(pool.logits, y), pool.emb)
    assert float(pool.logits.amax(1).max()) > 60, "the network hands the logits through"
    close(pool.grads.dense(), wanted)
    close(pseudo_label(pool).grads.dense(), wanted)
    x, module = data.x, models.adapt(Given(), data.x)
    ways = {"last layer": last_layer(module, x, y).dense(), "layers": layered(module, x, y).dense()}
    full = torch.cat(list(full_gradients(module, x, y)))
    ways["full"] = torch.cat([full[:, :40].view(-1, 4, 10), full[:, 40:, None]], 2).flatten(1)
    for found in ways.values():
        close(found, wanted)
    squared = wanted.norm(dim=1) > 1e-18  # what float32 can square
    close(full_grad_norm(module, x, y)[squared], wanted.norm(dim=1)[squared])


def test_error_norms_of_sure_rows():
    logits, y, _ = sure(GAPS[:-1])  # the last is too small to be squared
    logs = logits.log_softmax(1)
    close(measured(logs, logits, y, logs)[4], defined(logits, y).norm(dim=1))


def test_directions_of_sure_rows():
    """What cosines compare: at a gap of 20 float32's softmax − 1 is 0 and the row seems to point elsewhere."""
    logits, y, h = sure()
    g = dense(defined(logits, y), h)
    unit = g / g.norm(dim=1, keepdim=True)
    found = cosine(LastLayer(residuals(logits, y)[None], h[None]))
    torch.testing.assert_close(found.double(), unit @ unit.T, rtol=0, atol=1e-5)


def test_glister_reads_sure_validation_rows():
    logits, y, h = sure([60.0])
    target = Pool.of(h, y, grads=LastLayer(residuals(logits, y)[None], h[None]))
    mild, labels, features = sure([1.0])
    pool = Pool.of(features, labels, grads=LastLayer(residuals(mild, labels)[None], features[None]))
    answer = select("glister", Pool(pool.fields, (), target), 4, eta=0.0, show=False)
    wanted = dense(defined(mild, labels), features) @ dense(defined(logits, y), h).mean(0)
    close(answer.gains, wanted[answer.indices], 1e-4)


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_badge_takes_the_likeliest_class_for_the_true_one_however_sure(right):
    """Also where float32 rounds p to 1: such a row's hypothetical gradient is next to nothing, and never its own."""
    logits, y, h = sure([3.0, 8.0, 15.0, 16.5, 20.0, 30.0, 60.0, 100.0, 300.0], right)
    wanted = dense(defined(logits, logits.argmax(1)), h)
    as_subtracted = logits.softmax(1) - torch.nn.functional.one_hot(y, 4)
    for r in (residuals(logits, y), as_subtracted):
        found = predicted(LastLayer(r[None], h[None])).dense().double()
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    if right:
        few = slice(0, 28)  # up to a gap of 60, in the last digits
        close(predicted(LastLayer(residuals(logits, y)[None], h[None])).dense()[few], wanted[few], 1e-4)


def test_badge_draws_unsure_rows_before_sure_ones():
    """Ten rows the model doubts among ninety it is sure of hold all of the squared distance but some 1e-12."""
    rng = torch.Generator().manual_seed(1)
    logits, y, h = sure([20.0] * 25)
    unsure = torch.randperm(100, generator=rng)[:10]
    logits[unsure] = torch.randn(10, 4, generator=rng)
    pool = Pool.of(h, y, grads=LastLayer(residuals(logits, y)[None], h[None]))
    for seed in range(3):
        picks = select("badge", pool, 11, seed=seed, labels="predicted", show=False).indices.tolist()
        assert set(unsure.tolist()) <= set(picks)
