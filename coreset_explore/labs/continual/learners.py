"""How a model learns from a stream: from scratch on the memory after each task (GDumb), or going on, with replay.

b rows of a task, m of the memory, B rows an update.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.labs.continual.setting import Tasks
from coreset_explore.machine.devices import pick_device
from coreset_explore.machine.seeds import generator
from coreset_explore.machine.threads import threads
from coreset_explore.selection import Selection
from coreset_explore.streaming import Memory
from coreset_explore.training.epochs import Training, systematic
from coreset_explore.training.optimizers import usual_batch
from coreset_explore.training.rows import spoken
from coreset_explore.training.run import OPTIMIZERS, augmenting, fit, made
from coreset_explore.training.weighing import Weighing


class Learner(Protocol):
    """A model in a stream: `meet` a task's rows before the memory takes of them, `settle` once it has.

    `net` is the model as it is; `updates` and `stopped` are those of the last training. `chained` says whether the
    model of one task goes on from the last one's, so that none of its trainings can be left out.
    """

    chained: bool
    net: nn.Module
    updates: int
    stopped: str | None

    def meet(self, rows: Tensor, memory: Memory) -> None: ...

    def settle(self, memory: Memory) -> None: ...


class GDumb:
    """A new model after each task, trained on the memory alone, weights as factors of the loss (Prabhu et al. 2020)."""

    chained = False

    def __init__(self, tasks: Tasks, model: Any, recipe: dict[str, Any], seed: int, device: Any):
        self.data, self.model, self.recipe, self.seed, self.device = tasks.data, model, recipe, seed, device
        self.net: nn.Module = made(model(), self.data, generator(seed, "init")).to(pick_device(device))
        self.updates, self.stopped = 0, None

    def meet(self, rows: Tensor, memory: Memory) -> None:
        """Nothing: it learns from the memory alone."""

    def settle(self, memory: Memory) -> None:
        assert memory.pool is not None  # of a task, which has rows
        chosen = Selection(memory.pool.ids.cpu(), memory.weights)
        done = fit(
            self.model(), self.data, chosen, seed=self.seed, device=self.device, test_every=0, show=False,
            **self.recipe,
        )  # fmt: skip
        self.net, self.updates, self.stopped = done.model, done.info["updates"], done.info["stopped"]


class Replay:
    """One model that goes on: each task's rows, and beside them as many of the memory's, drawn by their weights.

    An epoch hands over each of the b rows once, in ⌈b/B⌉ updates of B; from the second task on of 2B, since b rows are
    drawn anew from the memory as it was before the task, and shuffled among them. As factors of the loss its weights
    would make a row of it count seen/m times a new one. A schedule runs once a task.
    """

    chained = True

    def __init__(self, tasks: Tasks, model: Any, recipe: dict[str, Any], seed: int, device: Any):
        self.weighing = Weighing("drawn", recipe.get("temper", 1.0), recipe.get("clip"))
        self.epochs, self.batch, self.schedule = recipe["epochs"], recipe["batch_size"], recipe["schedule"]
        kind, usual = OPTIMIZERS[recipe["optimizer"]]
        self.lr = usual if recipe["lr"] is None else recipe["lr"]
        self.net = net = made(model(), tasks.data, generator(seed, "init")).to(pick_device(device))
        data = spoken(tasks.data, net)
        assert data.y is not None  # a Setting's data have labels
        self.run = Training(
            net, data.x, data.y, kind(net.parameters(), decay=recipe["weight_decay"]), self._rate,
            batch_size=1, seed=seed, move=augmenting(recipe.get("augment"), data),
        )  # fmt: skip
        self.draws = generator(seed, "replay")
        self.begun = self.total = 0
        self.updates, self.stopped = 0, None

    def _rate(self, done: int) -> float:
        part = (done - self.begun) / self.total
        return self.lr * (0.5 + 0.5 * math.cos(math.pi * part)) if self.schedule == "cosine" else self.lr

    def meet(self, rows: Tensor, memory: Memory) -> None:
        b, batch = len(rows), self.batch or usual_batch(len(rows))
        each = math.ceil(b / batch)
        self.begun, self.total = self.run.updates, self.epochs * each
        chances = None if memory.weights is None else self.weighing(memory.weights)
        self.run.batch_size = batch if chances is None else 2 * batch
        with threads():
            for _ in progress.track(range(self.epochs), "epoch"):
                if memory.pool is None or chances is None:
                    self.run.on(rows)
                else:
                    self.run.on(torch.cat([rows, memory.pool.ids.cpu()[systematic(chances, self.draws, b)]]))
                (record,) = self.run.epochs(until=self.run.updates + each)
                if not math.isfinite(record.loss):
                    self.stopped = (
                        f"the loss was not finite after update {record.updates:,}: lower lr={self.lr:g}"
                    )
                    break
        self.updates = self.run.updates - self.begun

    def settle(self, memory: Memory) -> None:
        """Nothing: the memory is replayed beside the next task."""


LEARNERS = {"gdumb": GDumb, "replay": Replay}
