"""The loop of training, entered from outside: epoch after epoch on rows that may change, from a state that can be kept.

n rows of the data, k rows trained on, B rows a batch; the unit of account is the update.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.machine.devices import device_of
from coreset_explore.machine.seeds import generator
from coreset_explore.training.optimizers import Optimizer

State = dict[str, Tensor | str]  # tensors and JSON, as `machine.cache.write` and npz hold them


APART = ("counts", "shuffle", "moves", "draws")  # of a state, what is no tensor of network or optimizer


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. Training accuracy is counted as rows pass, before their update; no test, no number."""

    epoch: int
    updates: int
    loss: float
    lr: float
    train_accuracy: float
    test_accuracy: float | None
    seconds: float


class Training:
    """A network in training: all that its next update depends on.

    `for record in run.epochs(until)` trains until so many updates were made and hands over after each epoch; then
    `on` may say what comes next, and `state` what it takes to go on elsewhere. So a selection that is made again
    during training, a replay memory and a growing set of labels are all written as

        run = Training(net, data.x, data.y, SGD(net.parameters()), rate, batch_size=32, seed=0)
        while run.updates < total:
            run.on(*chosen(selection, data))
            for record in run.epochs(until=run.updates + every):
                ...

    `rate(updates done)` is the next update's learning rate; `move(rows, rng)` changes a batch before it is seen.
    """

    def __init__(
        self,
        net: nn.Module,
        x: Tensor,
        y: Tensor,
        optimizer: Optimizer,
        rate: Callable[[int], float],
        *,
        batch_size: int,
        seed: int,
        move: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    ):
        self.net, self.optimizer, self.rate, self.move = net, optimizer, rate, move
        self.batch_size = batch_size
        self.shuffle, self.moves = generator(seed, "batches"), generator(seed, "augment")
        self.draws = generator(seed, "draws")  # apart, so that what is drawn leaves the shuffles as they are
        self.epoch = self.updates = 0
        self._data, self._rows, self._served = (x, y), None, None
        net.zero_grad()  # a module of one's own may bring gradients along

    def on(self, rows: Tensor | None = None, weights: Tensor | None = None, drawn: bool = False) -> None:
        """Train on these rows (k,) from the next epoch on, None being all n, with weights (k,) of mean 1.

        Weights are factors of the loss, or where rows are `drawn` the mean number of times each stands in an epoch of
        k. Rows are taken in the order of the data, so that the same ones in another order (the order of picks) train
        to the same network: else it would depend on which of them a shuffle calls the first.
        """
        where = device_of(self.net)
        if rows is not None:
            order = rows.argsort(stable=True)
            rows, weights = rows[order], None if weights is None else weights[order]
        x, y = (part if rows is None else part[rows] for part in self._data)
        self._rows, self._chances = rows, weights if drawn else None
        factors = None if weights is None or drawn else weights.to(where)
        self._served = x.to(where), y.to(where), factors

    def epochs(self, until: int) -> Iterator[Epoch]:
        """Pass after pass until `until` updates were made in all, the last one cut short; a record after each.

        A pass is ⌈k/B⌉ updates by even batches, since a short last one would count its rows more.
        """
        while self.updates < until:
            yield self._pass(until - self.updates)

    def _pass(self, most: int) -> Epoch:
        begun = time.perf_counter()
        if self._served is None:
            self.on()
        x, y, weights = self._served
        self.net.train(len(x) > 1)  # one row has no batch statistics
        order = self._order().to(x.device)
        batches = order.tensor_split(math.ceil(len(x) / self.batch_size))[:most]
        lost = right = torch.zeros((), device=x.device)
        with progress.stage("training", 0, 0.75):
            for batch in progress.track(batches, "update"):
                rate = self.rate(self.updates)
                taken = x.index_select(0, batch)  # x[batch] takes fifteen times as long for bytes
                logits, _ = self.net(taken if self.move is None else self.move(taken, self.moves))
                loss = F.cross_entropy(logits, y[batch], reduction="none")
                loss = loss if weights is None else loss * weights[batch]
                loss.mean().backward()
                self.optimizer.step(rate)
                self.updates += 1
                lost = lost + loss.detach().sum()
                right = right + (logits.detach().argmax(1) == y[batch]).sum()
        self.epoch += 1
        seen = sum(map(len, batches))
        loss, accuracy = float(lost) / seen, float(right) / seen
        return Epoch(self.epoch, self.updates, loss, rate, accuracy, None, time.perf_counter() - begun)

    def _order(self) -> Tensor:
        """Places (k,) among the rows trained on, in the order of this epoch.

        All n rows of the data are shuffled and those trained on keep their order: two runs of one seed see what rows
        they share in the same order. A row that stands there more than once has its other places anywhere.
        """
        shuffled = torch.randperm(len(self._data[0]), generator=self.shuffle)
        if self._rows is None:
            return shuffled
        at = torch.empty(len(shuffled), dtype=torch.float64)
        at[shuffled] = torch.arange(len(shuffled), dtype=torch.float64)
        at, rows, places = at[self._rows], self._rows, torch.arange(len(self._rows))
        if self._chances is not None:
            order = at.argsort(stable=True)
            places = order[systematic(self._chances[order], self.draws)].sort().values
            at, rows = at[places], rows[places]
        again = torch.zeros(len(rows), dtype=torch.bool)
        again[1:] = rows[1:] == rows[:-1]
        if bool(again.any()):
            anywhere = torch.rand(int(again.sum()), dtype=torch.float64, generator=self.draws)
            at[again] = anywhere * len(shuffled)
        return places[at.argsort(stable=True)]

    def state(self) -> State:
        """After an epoch: parameters, the optimizer's state, the generators' and the counts, copied to the CPU.

        The rows are the caller's, and so is what a network of one's own draws from torch's global generator.
        """
        return {
            "counts": json.dumps({"epoch": self.epoch, "updates": self.updates}),
            "shuffle": self.shuffle.get_state(),
            "moves": self.moves.get_state(),
            "draws": self.draws.get_state(),
            **{name: value.detach().cpu().clone() for name, value in self._tensors().items()},
        }

    def restore(self, state: Mapping[str, Tensor | str]) -> None:
        """Go on from what `state` gave in a run of the same network, optimizer, data and seed.

        Raises ValueError where it was another network or optimizer.
        """
        own = self._tensors()
        counts = json.loads(state["counts"])
        theirs = {name: value for name, value in state.items() if name not in APART}
        for name in sorted(own.keys() | theirs.keys()):
            sizes = [tuple(part[name].shape) if name in part else "nothing" for part in (own, theirs)]
            if sizes[0] != sizes[1]:
                raise ValueError(
                    f"the state is of another network or optimizer: for {name} it holds {sizes[1]} where this one has "
                    f"{sizes[0]}; restore it into a run set up as the one that gave it"
                )
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(theirs[name])
        self.shuffle.set_state(state["shuffle"])
        self.moves.set_state(state["moves"])
        self.draws.set_state(state["draws"])
        self.epoch, self.updates = counts["epoch"], counts["updates"]

    def _tensors(self) -> dict[str, Tensor]:
        """Every tensor that training changes, by name, itself and not a copy."""
        of = {f"model.{name}": value for name, value in self.net.state_dict(keep_vars=True).items()}
        for name, values in self.optimizer.state.items():
            of |= {f"optimizer.{name}.{i}": value for i, value in enumerate(values)}
        return of


def systematic(chances: Tensor, rng: torch.Generator, places: int | None = None) -> Tensor:
    """k places drawn from k rows, each `chances` (k,) times in the mean: ⌊c⌋ or ⌈c⌉ times, so even ones draw all once.

    Where so many `places` are asked for, as many are drawn, by the same chances.

    Madow 1949: one uniform offset against the running sum. Varies less than k independent draws, and as unbiased.
    """
    k = len(chances) if places is None else places
    ends = chances.double().cumsum(0) * (k / float(chances.double().sum()))
    ends[-1] = k
    # float32 has so few digits that its sum with a count is exact
    ends = (ends + torch.rand((), generator=rng).double()).floor().long()
    times = ends.diff(prepend=ends.new_zeros(1))
    return torch.arange(len(chances)).repeat_interleave(times)
