"""What a model says about rows: accuracy, logits and features, in blocks.

n rows, c classes, d features.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.gradients import less_one_hot
from coreset_explore.inputs.checks import warn
from coreset_explore.machine.devices import device_of
from coreset_explore.training import models


def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of the rows x (n, …), as stored, that `model` puts into their class y (n,)."""
    net, where = models.adapt(model, x), device_of(model)
    right, size, ask = 0, _block(x, where), _Room(net, where)
    with evaluating(net):
        for part, labels in progress.track(list(zip(*(v.split(size) for v in (x, y)))), "test batch"):
            right += int((ask(part)[0].argmax(1).cpu() == labels.cpu()).sum())
    return right / len(x)


def outputs(net: nn.Module, x: Tensor) -> int:
    """How many classes the model tells apart, asked on one row of x."""
    with evaluating(net):
        return net(x[:1].to(device_of(net)))[0].shape[1]


def logits_features(
    model: nn.Module, x: Tensor, label: str = "recording batch", keep: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Logits (n, c) and the features (n, d) that enter the last layer, kept on the CPU, a block of rows at a time."""
    net, where = models.adapt(model, x), device_of(model)
    found: tuple[Tensor, ...] = ()
    done, ask = 0, _Room(net, where)
    with evaluating(net):
        for part in progress.track(x.split(_block(x, where)), label):
            given = ask(part)
            found = found or tuple(torch.empty(len(x), v.shape[1], device=keep) for v in given)
            for whole, block in zip(found, given):
                whole[done : done + len(part)] = block
            done += len(part)
    return found


def measured(now: Tensor, logits: Tensor, y: Tensor, before: Tensor) -> tuple[Tensor, ...]:
    """One epoch of History, in the order of `pool.History`, from log-probabilities (n, c) now and an epoch before."""
    label = y[:, None]
    true = logits.gather(1, label)[:, 0]
    other = logits.scatter(1, label, -torch.inf).amax(1)
    chance = now.exp()
    loss = -now.gather(1, label)[:, 0]
    wrong = less_one_hot(chance, label)
    divergence = (chance * (now - before)).sum(1).clamp_min(0)
    return logits.argmax(1) == y, (-loss).exp(), true - other, loss, wrong.norm(dim=1), divergence


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module is back in the mode it had."""
    modes = [(m, m.training) for m in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for m, training in modes:
            m.training = training


class _Room:
    """The model asked of blocks of rows; where its device has no memory for one, of halves from then on."""

    def __init__(self, net: nn.Module, where: torch.device):
        self.net, self.where, self.most, self.said = net, where, 0, False

    def __call__(self, part: Tensor) -> tuple[Tensor, ...]:
        pieces = part.split(self.most or len(part))
        try:
            answers = [self.net(piece.to(self.where)) for piece in pieces]
        except torch.OutOfMemoryError:
            if len(pieces[0]) < 2:
                raise
        else:
            self._say(len(part))
            return answers[0] if len(answers) == 1 else tuple(torch.cat(parts) for parts in zip(*answers))
        # outside the handler, whose exception would hold the memory of the pass that failed
        self.most = len(pieces[0]) // 2
        return self(part)

    def _say(self, wanted: int) -> None:
        if self.most and not self.said:
            self.said = True
            warn(
                f"out of memory for {wanted:,} rows at a time: the model is asked of {self.most:,}, which is as right "
                "and slower; free some memory on the device, or take a smaller model"
            )


def _block(x: Tensor, where: torch.device) -> int:
    """Rows at a time: on a CPU few enough for their activations to stay near it (twice as fast on photographs).

    A matter of sizes alone: found by timing, it would change the last bits from run to run.
    """
    pixels = x[0, 0].numel() if x.ndim == 4 else 32
    return min(max((2**16 if where.type == "cpu" else 2**20) // pixels, 8), 8192)
