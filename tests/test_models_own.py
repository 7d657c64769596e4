"""Modules as people have them: what works does, and whatever forward raises is one sentence with the true cause."""

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coreset_explore import accuracy_curve, fit, initial_gradients, signals, snapshot
from coreset_explore.datasets import Data
from coreset_explore.training import models
from coreset_explore.training.own import copied

N = 24


def data(shape=(3, 8, 8)) -> Data:
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(N) % 3
    x = torch.randint(0, 256, (N, *shape), dtype=torch.uint8, generator=rng)
    return Data(x, y, tuple("abc"), x[:6], y[:6], "images", "made")


class Net(nn.Module):
    """A small network; what is odd about it stands in the subclasses."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)
        models.init_(self, torch.Generator().manual_seed(0))

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3)))


class Viewing(Net):
    """As torch's own tutorial flattens."""

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.norm(self.conv(x)), 1)
        return self.head(x.view(-1, 4))


class Named(Net):
    def forward(self, x):
        return self.head(input=self.conv(x).mean((2, 3)))


def normed(norm) -> Net:
    net = Net()
    with (
        torch.random.fork_rng(devices=[]),
        pytest.warns(FutureWarning) if norm is nn.utils.weight_norm else nothing(),
    ):
        norm(net.head)
        norm(net.conv)
    return net


class nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


WORK = {
    "plain": Net,
    "view": Viewing,
    "the head by keyword": Named,
    "weight_norm": lambda: normed(nn.utils.weight_norm),
    "weight_norm, new": lambda: normed(nn.utils.parametrizations.weight_norm),
    "spectral_norm, new": lambda: normed(nn.utils.parametrizations.spectral_norm),
}


@pytest.mark.parametrize("make", WORK.values(), ids=WORK)
def test_modules_that_people_have_are_recorded_trained_and_left_as_they_were(make):
    module = make()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    state = torch.get_rng_state()
    still = signals(data(), model=module, epochs=0, show=False)
    assert signals(data(), model=module, epochs=1, show=False).grads.dim == still.grads.dim
    initial_gradients(data(), model=make(), inits=1, how="last layer", show=False) if make in (
        Net,
        Viewing,
    ) else None
    now = module.state_dict()
    assert all(torch.equal(before[k], now[k]) for k in before) and module.training
    fit(module, data(), epochs=1, show=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert any(not torch.equal(before[k], v) for k, v in module.state_dict().items())


def test_a_copy_shares_nothing_and_goes_on_learning():
    net = normed(nn.utils.weight_norm)
    other = copied(net)
    fit(other, data(), epochs=1, show=False)
    x = models.Prepare.plain(data().x)(data().x)
    assert not torch.allclose(net.eval()(x), other.eval()(x))
    with pytest.raises(
        ValueError, match=r"cannot initialise module.conv \(Conv2d\)"
    ):  # what it would write is overwritten
        signals(data(), model=net, epochs=0, inits=1, show=False)


class Sized(Net):
    def forward(self, x):
        assert x.shape[2] == 224, f"Wrong image height! Expected 224 but got {x.shape[2]}!"
        return super().forward(x)


class Silent(Net):
    def forward(self, x):
        if x.shape[2] != 224:
            raise AssertionError
        return super().forward(x)


class More(Net):
    def forward(self, x, mask):
        return super().forward(x * mask)


class Several(Net):
    def forward(self, x):
        raise KeyError("input_ids")


class Lines(Net):
    def forward(self, x):
        raise RuntimeError("first\n  second\nthird")


class Auxiliary(Net):
    def forward(self, x):
        return (super().forward(x), x) if self.training else super().forward(x)


class Other(Net):
    """Another layer answers while training."""

    def __init__(self):
        super().__init__()
        self.aux = models.init_(nn.utils.skip_init(nn.Linear, 4, 3), torch.Generator().manual_seed(1))

    def forward(self, x):
        x = self.conv(x).mean((2, 3))
        return self.aux(x) if self.training else self.head(x)


class TrainingRaises(Net):
    def forward(self, x):
        if self.training:
            raise NotImplementedError("use forward_train")
        return super().forward(x)


class Pair(Net):
    def forward(self, x):
        return {"logits": super().forward(x)}


class Batch(Net):
    def forward(self, x):
        return super().forward(x.reshape(1, *x.shape[1:]))


class Locked(Net):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def frozen():
    return Net().requires_grad_(False)


RAISES = {
    "a size assert": (
        Sized,
        0,
        r"Sized does not take rows of shape .3, 8, 8. in evaluation: AssertionError: Wrong",
    ),
    "an assert that says nothing": (
        Silent,
        0,
        "AssertionError: line .* of forward, raise AssertionError",
    ),
    "missing arguments": (
        More,
        0,
        r"More is called with rows alone, and .*missing 1 required .*'mask'; wrap it in a",
    ),
    "any error": (Several, 0, "Several does not take rows .* KeyError: 'input_ids'"),
    "many lines": (Lines, 0, "first second third"),
    "half precision": (
        lambda: Net().half(),
        0,
        r"weights of float16, and rows come as float32 \(.*\); give model.float",
    ),
    "bfloat16": (lambda: Net().bfloat16(), 1, "weights of bfloat16"),
    "double precision": (lambda: Net().double(), 0, "weights of float64"),
    "auxiliary outputs": (
        Auxiliary,
        1,
        "Auxiliary returns a tuple of 2 in training, and not what its last",
    ),
    "another head": (Other, 1, r"Other returns a tensor of shape \(24, 3\) in training"),
    "another branch": (
        TrainingRaises,
        1,
        "does not take rows .* in training: NotImplementedError|use forward_train",
    ),
    "a dictionary": (Pair, 0, "must end in a Linear layer .* and returns a dict of 1"),
    "one row only": (Batch, 0, "Batch does not take rows of shape"),
    "nothing to train": (frozen, 1, "nothing in Net can be trained: its logits carry no gradient"),
    "a lock": (Locked, 0, r"cannot be copied \(TypeError: cannot pickle .*lock.*\); take out of it"),
}


@pytest.mark.parametrize("make, epochs, sentence", RAISES.values(), ids=RAISES)
def test_whatever_forward_raises_is_one_sentence_with_the_cause(make, epochs, sentence):
    module, state = make(), torch.get_rng_state()
    modes = [m.training for m in module.modules()]
    with pytest.raises(ValueError, match=sentence) as caught:
        signals(data(), model=module, epochs=epochs, show=False)
    assert "\n" not in str(caught.value) and torch.equal(torch.get_rng_state(), state)
    assert modes == [m.training for m in module.modules()]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())


def test_other_ways_in_say_the_same():
    for call in (
        lambda: fit(Auxiliary(), data(), show=False),
        lambda: snapshot(Sized(), data()),
        lambda: initial_gradients(data(), model=More(), show=False),
        lambda: accuracy_curve(
            signals(data(), model="mlp", epochs=0), ["random"], [6], data=data(), model=Auxiliary()
        ),
    ):
        with pytest.raises(ValueError, match=r"in training, and|Wrong image height|missing 1 required"):
            call()


def test_a_module_with_auxiliary_outputs_is_recorded_as_it_is():
    """What it returns while training matters to training alone; and a single row is trained on in evaluation mode."""
    assert len(signals(data(), model=Auxiliary(), epochs=0, show=False)) == N


def test_finding_the_head_of_a_lazy_module_draws_nothing_from_torchs_generator():
    lazy, state = nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), torch.get_rng_state()
    assert signals(data(), model=lazy, epochs=0, show=False).emb.shape == (N, 192)
    assert torch.equal(torch.get_rng_state(), state)
