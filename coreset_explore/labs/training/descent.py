"""SGD, SVRG and SAGA on weighted rows, a row a step, by one compiled loop.

scikit-learn's SAGA forgets what it remembers where it is started warm, so a curve cannot be drawn with it. n rows of d
features, k of them trained on, c classes.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from coreset_explore import progress
from coreset_explore.inputs import checks
from coreset_explore.labs.training.convex import RIDGE, Model, Problem, Table
from coreset_explore.machine.seeds import generator
from coreset_explore.machine.threads import limited

OPTIMIZERS = ("sgd", "svrg", "saga")
Optimizer = Literal["sgd", "svrg", "saga"]
HUGE = 1e12  # a coefficient on columns of deviation 1: no loss is anywhere near finite
PIECE = 4_000_000  # multiplications between two looks at whether to stop: some milliseconds


class Look(NamedTuple):
    """A look at W during training: epochs of k rows, rows whose gradient was taken, seconds of the steps so far."""

    epoch: float
    visits: int
    seconds: float
    w: np.ndarray


@dataclass(frozen=True, eq=False)
class Descent:
    """A linear model that was trained: W (c, d + 1), what was seen on the way, the rate, and why it ended early."""

    problem: Problem  # what it was trained on
    looks: tuple[Look, ...]
    rate: float
    stopped: str | None

    @property
    def w(self) -> np.ndarray:
        return self.looks[-1].w

    @property
    def loss(self) -> float:
        """Of its own rows at the end; infinite where it diverged."""
        return math.inf if self.stopped else self.problem.loss(self.w)


def descend(
    data: Any,
    subset: Any = None,
    *,
    model: Model = "logistic",
    optimizer: Optimizer = "sgd",
    epochs: int = 20,
    rate: float | None = None,
    decay: float | None = None,
    ridge: float = RIDGE,
    looks: int = 1,
    seed: int = 0,
    show: bool | None = None,
) -> Descent:
    """Train logistic regression or a linear SVM on the rows that `subset` names, with its weights, one row a step.

    - `data`: a dataset's name, a Data, (X, y), or a `Table`, whose model and ridge hold then. `subset`: row numbers, a
      mask or a Selection. In whatever order they stand, and runs of one seed see the rows they share in one order.
    - `optimizer`: "sgd"; "svrg" (Johnson & Zhang 2013), which takes the gradient of all k rows before every epoch; or
      "saga" (Defazio, Bach & Lacoste-Julien 2014), which remembers the slope of each row, k c numbers.
    - `rate`: unless told 1/(3L), slow and safe; in epoch e it is rate / (1 + decay·e). `decay` is 1 for sgd, which ends
      nowhere without, and 0 for the others.
    - `looks`: how often an epoch W is kept, beside the start. Seconds are those of the steps alone.

    Rows come in a permutation an epoch, as is usual; that estimates are unbiased holds for rows drawn one by one.
    O(k c d) an epoch, on one thread. ValueError for what cannot be trained.

    >>> from coreset_explore.labs.training.descent import descend
    >>> X, y = [[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]], ["cat", "cat", "cat", "dog", "dog", "dog"]
    >>> trained = descend((X, y), optimizer="saga", ridge=0.1, epochs=200)
    >>> round(trained.loss - trained.problem.loss(trained.problem.optimum()), 6)
    0.0
    """
    table = data if isinstance(data, Table) else Table.of(data, model, ridge)
    checks.choice(optimizer, "optimizer", OPTIMIZERS)
    epochs, looks = checks.whole(epochs, "epochs", 1), checks.whole(looks, "looks, at W in an epoch,", 1)
    seed = checks.seed(seed)
    rows, problem = table.problem(subset)
    if rate is None:
        rate = problem.safe_rate()
    rate = float(checks.real(rate, "rate"))
    if not 0 < rate < math.inf:
        raise ValueError(f"rate={rate:g} is no step; give a number above 0")
    decay = (1.0 if optimizer == "sgd" else 0.0) if decay is None else checks.real(decay, "decay", 0)
    found: list[Look] = []
    stopped = None
    with progress.bar(f"{optimizer.upper()} on {len(rows):,} rows", show), limited(1):
        walk = _walk(problem, rows, len(table.data), optimizer, epochs, rate, decay, looks, seed)
        for look in progress.track(walk, "look", 1 + epochs * looks):
            if not np.abs(look.w).max() < HUGE:
                stopped = f"{optimizer} diverged in epoch {math.ceil(look.epoch)}: lower rate={rate:g}"
                checks.warn(stopped)
                break
            found.append(look)
    return Descent(problem, tuple(found), rate, stopped)


def _walk(
    problem: Problem, rows: np.ndarray, n: int, optimizer: str, epochs: int, rate: float, decay: float, looks: int,
    seed: int,
) -> Iterator[Look]:  # fmt: skip
    """W at the start and after every part of an epoch."""
    from coreset_explore.compiled import descent

    k, (lines, d) = len(rows), (problem.lines, problem.x.shape[1])
    w, memory, mean = np.zeros((lines, d)), np.zeros((k, lines)), np.zeros((lines, d))
    piece = max(1, PIECE // (lines * d))
    rng = generator(seed, "batches")
    _compile()
    facts = problem.x, problem.y, problem.weights
    spent, visits = 0.0, 0
    yield Look(0.0, 0, 0.0, w.copy())
    for epoch in range(epochs):
        order = torch.randperm(n, generator=rng).argsort()[torch.from_numpy(rows)].argsort().numpy()
        begun = time.perf_counter()
        if optimizer == "svrg" or (optimizer == "saga" and epoch == 0):
            mean[:] = 0
            for part in _pieces(np.arange(k), piece):
                descent.remember(problem.kind, *facts, part, w, memory, mean)
            visits += k
        spent += time.perf_counter() - begun
        step, learns = rate / (1 + decay * epoch), optimizer == "saga"
        for number, share in enumerate(np.array_split(order, looks), start=1):
            begun = time.perf_counter()
            for part in _pieces(share, piece):
                descent.descend(problem.kind, learns, *facts, part, w, step, problem.ridge, memory, mean)
            spent += time.perf_counter() - begun
            visits += len(share)
            yield Look(epoch + number / looks, visits, spent, w.copy())


@functools.cache
def _compile() -> None:
    """The loop on one row, so that nobody's seconds hold the compiling."""
    from coreset_explore.compiled import descent

    x, y, ones, rows, w, memory, mean = (
        np.zeros((1, 2)), np.zeros(1, np.int64), np.ones(1), np.arange(1), *np.zeros((3, 1, 2))
    )  # fmt: skip
    descent.remember(0, x, y, ones, rows, w, memory, mean)
    descent.descend(0, True, x, y, ones, rows, w, 1.0, 1.0, memory, mean)


def _pieces(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """The rows some at a time, with a look between at whether to stop."""
    for begin in range(0, len(rows), size):
        progress.check()
        yield rows[begin : begin + size]
