"""run(): every stream in one pass over the tasks, a record a cell, kept in a store as soon as it is there."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from coreset_explore import greedy, progress
from coreset_explore.experiment.store import Record, Store
from coreset_explore.labs.continual.cells import Cell, Plan, plan
from coreset_explore.labs.continual.line import Line
from coreset_explore.labs.continual.setting import Setting, Tasks
from coreset_explore.labs.keeping import ahead, answered, attempted, put
from coreset_explore.pool import Pool
from coreset_explore.recording.initial import initial_gradients
from coreset_explore.training.models import Prepare


def run(
    setting: Setting,
    streams: Any,
    *,
    capacity: int | Sequence[int],
    paradigm: str = "gdumb",
    model: str | nn.Module | None = None,
    recipe: Mapping[str, Any] | None = None,
    embedding: Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] = 1,
    judged: str = "each",
    store: Any = None,
    device: str | torch.device = "auto",
    show: bool | None = None,
) -> Iterator[Record]:
    """Hand a setting's tasks to each stream and judge a model after each; an iterator of records: seed, task, stream.

    - `streams`: names in STREAMS, batch methods (made streams by `online`), or what `Rule.of` takes.
    - `paradigm`: "gdumb" trains a new model on the memory after each task, with its weights; "replay" one model that
      goes on, on each task's rows and as many of the memory, drawn by weight.
    - `recipe`: arguments for `fit` in place of QUICK's; PAPER is GMC's.
    - `embedding`: arguments of `initial_gradients` in place of EMBEDDING's: each batch is embedded once for all
      streams. Those that compare what the model says now have memory and batch recorded anew, by the model as it is
      before the update (`replay` has met the task by then).
    - `judged`: "each" judges a model after each task; "last" after the last one alone, which is all that figures over
      sizes show, and a Tth of the trainings where each begins anew. Its forgetting is not known then.
    - `store`: a file (or Store) that keeps each cell as soon as it is done, and what it holds is not run again. A run
      that was stopped, or killed, goes on: memories are made again from the first batch, and trainings that are stored
      are skipped, where no model goes on from another's. Where one does (replay, and rules that ask the model), all of
      that stream's trainings up to the first missing cell are repeated.
    - A cell that fails is a record with its sentence in `error`, and tried again the next time.

    Memory: a batch's embedding, and of each stream and capacity that of the rows it keeps (4 bytes a number: 5,000 rows
    of s·d = 8,000 are 160 MB); one seed's at a time. Networks see inputs standardized by all rows of the data, those to
    come among them, whichever the stream.

    `record.settings`: stream (its name), capacity, seed, task and what the key is made of. `record.numbers`: accuracy
    (all test rows, of tasks to come too), accuracy_seen (the mean over the tasks so far), per_task (T, None where no
    test row judges it), forgetting and backward_transfer (None after the first task), gradient_error (of the kept rows
    against all seen, by the embedding), seen, rows, held (those aside too), ids, weights, counts and class_weights (a
    class each), effective_size, updates, embed_seconds (shared by all streams), update_seconds, train_seconds,
    `short` (why fewer rows are kept) and `stopped` (why training ended early).

    Raises ValueError for what cannot be run, before anything is. `frame(records)` makes a table of them.

    >>> from coreset_explore.labs.continual import class_incremental, frame, run
    >>> setting = class_incremental("digits", classes=5)
    >>> records = run(setting, ["window", "gmc"], capacity=60, recipe={"epochs": 5}, show=False)
    >>> found = frame(records)
    >>> found[["stream", "capacity", "seed", "task", "seen", "rows"]]
       stream  capacity  seed  task  seen  rows
    0  window        60     0     0   721    60
    1     gmc        60     0     0   721    60
    2  window        60     0     1  1438    60
    3     gmc        60     0     1  1438    60
    >>> bool(found.accuracy[3] > found.accuracy[2])  # the window has forgotten the first five digits
    True
    """
    planned = plan(
        setting, streams, capacity=capacity, paradigm=paradigm, model=model, recipe=recipe, embedding=embedding,
        seeds=seeds, judged=judged, device=device,
    )  # fmt: skip
    return _records(planned, store, show)


def _records(planned: Plan, store: Any, show: bool | None) -> Iterator[Record]:
    with nullcontext() if store is None else Store.open(store) as kept:
        clock = _Clock(len(planned.cells), sum(_found(planned, c, kept) is None for c in planned.cells))
        if clock.left:
            with progress.stage("loading compiled loops", 0, 0.01):
                greedy.warm()  # here, so that no update's seconds hold it
        for seed in dict.fromkeys(cell.seed for cell in planned.cells):
            yield from _of_seed(planned, [c for c in planned.cells if c.seed == seed], kept, clock, show)


def _found(planned: Plan, cell: Cell, kept: Store | None) -> Record | None:
    return answered(kept, planned.settings(cell))


class _Clock:
    """How far a run is, told of the cells that are left to run."""

    def __init__(self, cells: int, left: int):
        self.cells, self.left, self.total = cells, left, max(left, 1)
        self.number = self.made = 0
        self.spent = 0.0

    def label(self, name: str) -> str:
        return f"{name}, cell {self.number:,} of {self.cells:,}{ahead(self.spent, self.made, self.left)}"

    def share(self) -> tuple[float, float]:
        return self.made / self.total, (self.made + 1) / self.total

    def done(self, seconds: float) -> None:
        self.spent, self.made, self.left = self.spent + seconds, self.made + 1, self.left - 1


def _of_seed(
    planned: Plan, cells: list[Cell], kept: Store | None, clock: _Clock, show: bool | None
) -> Iterator[Record]:
    lines: dict[tuple[str, int], Line] = {}
    tasks = planned.setting.tasks(cells[0].seed)
    for cell in cells:
        line = lines.setdefault((cell.rule.name, cell.capacity), Line(planned, cell, tasks))
        line.cells[cell.task], line.answers[cell.task] = cell, _found(planned, cell, kept)
    embedder = _Embedder(planned, tasks, cells)
    for task, line in itertools.product(range(len(tasks)), lines.values()):
        cell, found = line.cells.get(task), line.answers.get(task)
        clock.number += cell is not None
        if line.works(task):
            if line.asked(task) and kept is not None and kept.sealed:
                raise ValueError(kept.sealed)
            begun, label = time.perf_counter(), clock.label(line.rule.name.replace(",", ""))
            with progress.bar(label, show), progress.stage(label, *clock.share()):
                # memories of stored cells are made again, and nothing of that is counted as a cell
                numbers, why = _tried(line, task, embedder, planned.recipe.get("batch_size"))
            spent = time.perf_counter() - begun
            if cell is None:
                clock.spent += spent  # of the cell to come
            elif found is None:
                clock.done(spent)
                found = put(kept, planned.settings(cell), numbers, why)
        if cell is not None:
            assert found is not None  # what works for nothing has its answer
            line.judged(found)
            yield planned.record(cell, found)


def _tried(
    line: Line, task: int, embedder: _Embedder, batch: int | None
) -> tuple[dict[str, Any] | None, str | None]:
    if line.broken:
        return None, line.broken
    numbers, why = attempted(lambda: line.step(task, *embedder(task)), batch)
    if why:
        line.fail(task, why)
    return numbers, why


class _Embedder:
    """Each batch as a Pool, embedded once for all streams, with the gradient of all rows seen and what it took."""

    def __init__(self, planned: Plan, tasks: Tasks, cells: Sequence[Cell]):
        self.planned, self.tasks, self.seed = planned, tasks, cells[0].seed
        needs = [name for cell in cells if not cell.rule.now for name in cell.rule.method.alternatives()[0]]
        self.prepare = Prepare.of(tasks.data.x) if "emb" in needs else None
        self.task, self.total = -1, torch.zeros(())
        self.last: tuple[Pool, Tensor, float] | None = None

    def __call__(self, task: int) -> tuple[Pool, Tensor, float]:
        while self.last is None or self.task < task:
            self.last = self._embedded(self.tasks.rows[self.task + 1])
            self.task += 1  # only now: one that failed is tried again by the next stream
        return self.last

    def _embedded(self, rows: Tensor) -> tuple[Pool, Tensor, float]:
        data, planned, begun = self.tasks.data, self.planned, time.perf_counter()
        assert data.y is not None  # a Setting's data have labels
        with progress.stage("embedding", 0, 0.3):
            grads = initial_gradients(
                data, rows=rows, model=planned.model, seed=self.seed, device=planned.device, show=False,
                **planned.embedding,
            )  # fmt: skip
        fields: dict[str, Any] = {"ids": rows, "y": data.y[rows], "grads": grads}
        if self.prepare is not None:
            fields["emb"] = self.prepare(data.x[rows]).flatten(1)
        self.total = self.total + grads.sum()
        return Pool(fields, data.classes, info={"name": data.name}), self.total, time.perf_counter() - begun
