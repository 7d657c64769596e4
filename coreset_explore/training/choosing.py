"""Training on what is chosen anew while it lasts: what `fit` asks of whoever chooses, and the order of events.

n rows of the data, k rows a choice, B rows a batch, U updates in all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from coreset_explore.datasets import Data
from coreset_explore.inputs import checks
from coreset_explore.selection import Selection
from coreset_explore.training.epochs import Epoch, Training
from coreset_explore.training.rows import chosen
from coreset_explore.training.weighing import Weighing


@dataclass(frozen=True, eq=False)
class Choice:
    """One selection made during training, what it cost, and what it is worth under the gradients of its moment.

    `update`: how many updates had been made. `selection`: its `ids` are rows of the data. `looked`: rows that could be
    chosen. `forward_seconds`: asking the model; `choosing_seconds`: selecting; measuring is in neither.
    `gradient_error`: ‖Σ w g − Σ g‖ / ‖Σ g‖ of this choice, and `stale` that of the choice before, which training has
    moved away from; None where no gradient was taken. `effective_size`: how many even weights its weights are worth in
    training.
    """

    update: int
    selection: Selection
    looked: int
    forward_seconds: float
    choosing_seconds: float
    gradient_error: float | None = None
    stale: float | None = None
    effective_size: float | None = None

    @property
    def rows(self) -> Tensor:
        """The chosen rows of the data (k,), in pick order."""
        return self.selection.indices if self.selection.ids is None else self.selection.ids


class Chooser(Protocol):
    """Who chooses: begun by `start(data, seed)` of what is passed to `fit` as subset.

    `k` rows a choice, out of `rows` (m,) of the data, on all of which the first share `warm` of the updates is made;
    a choice every `every` epochs of k rows, or one (None); `plain()` says it as JSON.
    """

    k: int
    rows: Tensor
    warm: float
    every: int | None

    def __call__(self, net: nn.Module, update: int) -> Choice: ...

    def plain(self) -> Mapping[str, Any]: ...


class Adaptive:
    """The passes of a training in which `chooser` chooses: `for record in adaptive.passes(run)`.

    Updates are counted and not epochs, so that a warm start may be shorter than an epoch: the first κU on everything,
    then a choice every R·⌈k/B⌉, which the next epochs are trained on.
    """

    def __init__(self, chooser: Chooser, data: Data, weighing: Weighing, total: int, batch_size: int):
        self.chooser, self.data, self.weighing, self.total = chooser, data, weighing, total
        self.batch_size = batch_size
        self.warm = round(chooser.warm * total)
        self.steps = math.ceil(chooser.k / batch_size)
        self.every = None if chooser.every is None else chooser.every * self.steps
        self.choices: list[Choice] = []
        if self.every is not None and self.every > total:
            checks.warn(
                f"every={chooser.every:,} epochs is longer than the run of {math.ceil(total / self.steps):,}, so that "
                "one choice is made; every=None says that, and a smaller number chooses anew"
            )
        if chooser.k < batch_size:
            checks.warn(
                f"a budget of {chooser.k:,} rows is below a batch of {batch_size:,}, so that every update sees them "
                f"all; pass batch_size={max(1, chooser.k // 4)} or a larger budget"
            )

    def expected(self) -> int:
        """How many passes that will be, where every choice holds k rows."""
        found = math.ceil(self.warm / math.ceil(len(self.chooser.rows) / self.batch_size))
        left = self.total - self.warm
        parts = [left] if self.every is None else [self.every] * (left // self.every) + [left % self.every]
        return found + sum(math.ceil(part / self.steps) for part in parts)

    def passes(self, run: Training) -> Iterator[Epoch]:
        """Each pass's record; it ends early where the network is no longer finite and has nothing to say of rows."""
        if self.warm:
            everything = len(self.chooser.rows) == len(self.data)
            run.on(None if everything else self.chooser.rows)
            yield from run.epochs(until=self.warm)
        while run.updates < self.total and _finite(run.net):
            choice = self.chooser(run.net, run.updates)
            rows, weights = chosen(choice.selection, self.data, self.weighing)
            run.on(rows, weights, drawn=self.weighing.way == "drawn")
            worth = float(len(rows)) if weights is None else self.weighing.effective
            self.choices.append(replace(choice, effective_size=worth))
            if len(self.choices) == 1:
                self._warn_of_absent(rows)
            until = self.total if self.every is None else min(self.total, run.updates + self.every)
            yield from run.epochs(until=until)

    def _warn_of_absent(self, rows: Tensor) -> None:
        names = absent(self.data, rows)
        if names:
            more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
            checks.warn(
                f"the choice of {len(rows):,} rows holds none of class {', '.join(names[:3])}{more}, which the model "
                'then cannot learn; choose more rows, or within each class (wrap=["per_class"])'
            )


def absent(data: Data, rows: Tensor) -> list[str]:
    """The classes that have rows in the data and none among these."""
    assert data.y is not None  # `taught` saw to it
    there, held = (torch.bincount(y, minlength=len(data.classes)) for y in (data.y, data.y[rows]))
    return [data.classes[i] for i in ((there > 0) & (held == 0)).nonzero().flatten().tolist()]


def _finite(net: nn.Module) -> bool:
    return all(bool(p.isfinite().all()) for p in net.parameters())
