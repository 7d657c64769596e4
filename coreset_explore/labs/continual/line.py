"""Line: one stream at one capacity on its way through the tasks: its memory, its model, and how it was judged."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from coreset_explore.experiment.store import Record
from coreset_explore.labs.continual.cells import Cell, Plan
from coreset_explore.labs.continual.learners import LEARNERS, Learner
from coreset_explore.labs.continual.reading import backward_transfer, forgetting
from coreset_explore.labs.continual.setting import Tasks
from coreset_explore.measures.matching import apart
from coreset_explore.pool import Pool
from coreset_explore.recording.forward import snapshot
from coreset_explore.selecting.streams import observe
from coreset_explore.streaming import Memory
from coreset_explore.training import models
from coreset_explore.training.evaluation import logits_features
from coreset_explore.training.rows import spoken


class Line:
    """What goes from task to task.

    `cells` are those of its tasks whose models are judged, `answers` the records that a store had of them.
    """

    def __init__(self, planned: Plan, cell: Cell, tasks: Tasks):
        self.rule, self.capacity, self.seed, self.tasks = cell.rule, cell.capacity, cell.seed, tasks
        self.device = planned.device
        self.cells: dict[int, Cell] = {}
        self.answers: dict[int, Record | None] = {}
        self.memory, self.broken = Memory(), ""
        self.embedded: Pool | None = None  # ids and gradients of the kept rows, as they came
        self.matrix: list[list[float | None] | None] = []  # accuracy after each task on each
        self._planned, self._learner = planned, None

    @property
    def learner(self) -> Learner:
        """Made when it is first asked for: a line that is all answered needs none."""
        if self._learner is None:
            planned = self._planned
            kind = LEARNERS[planned.paradigm]
            self._learner = kind(self.tasks, planned.fresh, dict(planned.recipe), self.seed, self.device)
        return self._learner

    @property
    def chained(self) -> bool:
        """Whether a later cell needs the models of the earlier ones."""
        return self.rule.now or LEARNERS[self._planned.paradigm].chained

    def works(self, task: int) -> bool:
        """Whether a cell from this task on has no answer, so that the memory has to be there."""
        return any(answer is None for at, answer in self.answers.items() if at >= task)

    def asked(self, task: int) -> bool:
        """Whether its model is to be judged after this task, and nobody knows how."""
        return task in self.answers and self.answers[task] is None

    def trains(self, task: int) -> bool:
        return self.asked(task) or (self.chained and self.works(task + 1))

    def judged(self, record: Record) -> None:
        """Take note of a cell's accuracies, whoever computed them."""
        self.matrix.append(record.numbers["per_task"] if record.numbers else None)

    def fail(self, task: int, why: str) -> None:
        """After an error: whether anything can go on from here, and what the later cells say if not."""
        if self.chained or self.memory.seen < sum(map(len, self.tasks.rows[: task + 1])):
            self.broken = f"task {task + 1} failed, and what comes after goes on from it: {why}"

    def step(self, task: int, batch: Pool, total: Tensor, embed_seconds: float) -> dict[str, Any]:
        """One task: its rows met, the memory updated, a model trained and judged; nothing trained where that is known.

        `total` is the gradient of all rows seen, this batch's included.
        """
        rows, trains, clock = self.tasks.rows[task], self.trains(task), _Laps()
        if trains:
            self.learner.meet(rows, self.memory)
        train_seconds = clock.lap()
        self._update(rows, batch)
        update_seconds = clock.lap()
        if trains:
            self.learner.settle(self.memory)
        train_seconds += clock.lap()
        if not self.asked(task):
            return {}
        seconds = {
            "embed_seconds": embed_seconds, "update_seconds": update_seconds, "train_seconds": train_seconds,
        }  # fmt: skip
        return {**self._judge(task), **self._kept(total), **seconds}

    def _update(self, rows: Tensor, batch: Pool) -> None:
        """The memory after the batch, and the gradients its rows came with."""
        before, given = self.memory, batch
        if self.rule.now:
            net, data, fields = self.learner.net, self.tasks.data, self.rule.fields()
            given = snapshot(net, data, rows, fields=fields)
            if before.pool is not None:
                before = replace(before, pool=snapshot(net, data, before.pool.ids.cpu(), fields=fields))
        self.memory = observe(
            self.rule.method, before, given, self.capacity, seed=self.seed, **self.rule.params
        )
        assert self.memory.pool is not None  # a task has rows
        if not self.rule.now:
            self.embedded = self.memory.pool
            return
        ids, parts = self.memory.pool.ids.cpu(), []
        for part in (self.embedded, batch):  # what was let go first, so that no more than is kept is copied
            if part is not None and bool((stays := torch.isin(part.ids, ids)).any()):
                parts.append(part.only("grads")[stays])
        joined = Pool.join(*parts)
        self.embedded = joined[joined.ids.argsort()[ids.argsort().argsort()]]

    def _judge(self, task: int) -> dict[str, Any]:
        learner = self.learner
        accuracy, per_task = judge(learner.net, self.tasks)
        matrix = [*self.matrix, per_task]
        known = [one for one in per_task[: task + 1] if one is not None]
        return {
            "accuracy": accuracy,
            "accuracy_seen": sum(known) / len(known) if known else None,
            "per_task": per_task,
            "forgetting": forgetting(matrix),
            "backward_transfer": backward_transfer(matrix),
            "updates": learner.updates,
            "stopped": learner.stopped,
        }

    def _kept(self, total: Tensor) -> dict[str, Any]:
        memory, embedded = self.memory, self.embedded
        assert memory.pool is not None and memory.weights is not None and embedded is not None
        ids, weights, labels = memory.pool.ids.cpu(), memory.weights.double(), self.tasks.data.y
        assert labels is not None
        y, classes = labels[ids], len(self.tasks.data.classes)
        squares = float(weights.square().sum())
        return {
            "gradient_error": apart(embedded.need("grads"), weights, total),
            "seen": memory.seen,
            "rows": len(memory),
            "held": memory.held,
            "ids": ids.tolist(),
            "weights": weights.tolist(),
            "counts": torch.bincount(y, minlength=classes).tolist(),
            "class_weights": torch.bincount(y, weights=weights, minlength=classes).tolist(),
            "effective_size": float(weights.sum()) ** 2 / squares if squares else 0.0,
            "short": memory.stopped or None,
        }


class _Laps:
    """Seconds since it was last asked."""

    def __init__(self):
        self.at = time.perf_counter()

    def lap(self) -> float:
        before, self.at = self.at, time.perf_counter()
        return self.at - before


def judge(net: nn.Module, tasks: Tasks) -> tuple[float, list[float | None]]:
    """Accuracy on all test rows, and on those of each task, None where it has none; one forward pass."""
    data = spoken(tasks.data, models.adapt(net, tasks.data.x))
    assert data.x_test is not None and data.y_test is not None  # a Setting's data have test rows
    right = (logits_features(net, data.x_test, "test batch")[0].argmax(1) == data.y_test).double()
    return float(right.mean()), [float(right[own].mean()) if len(own) else None for own in tasks.tests]
