"""accuracy_curve(): what picks are worth to a model trained on them, at budgets and seeds, always beside random."""

from __future__ import annotations

import numbers
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.datasets import load
from coreset_explore.experiment.judging import Judge, probing, training
from coreset_explore.experiment.runs import picks, strategies_of, with_random
from coreset_explore.inputs import checks
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.recording.run import signals
from coreset_explore.selecting.answer import budget
from coreset_explore.selecting.strategy import Strategy
from coreset_explore.selection import Selection

COLUMNS = (
    "method", "budget", "seed", "n", "accuracy", "accuracy_best", "selection_seconds", "train_seconds",
    "weights", "model", "regime", "judged",
)  # fmt: skip


def accuracy_curve(
    pool,
    methods: Any,
    budgets: int | float | Sequence[int | float],
    *,
    data=None,
    seeds: int | Sequence[int] = 3,
    model: str | nn.Module = "probe",
    equal: Literal["epochs", "updates"] = "epochs",
    epochs: int = 30,
    updates: int | None = None,
    recipe: Mapping[str, Any] | None = None,
    show: bool | None = None,
):
    """A tidy pandas frame: accuracy of `model` trained on each method's picks, for every budget and seed.

    - `pool`: a Pool, or a dataset (a name, a Data), whose signals are then recorded; real training also needs `data`
      where a Pool is given.
    - `methods`: one or a list (or {label: method}), each a name of a method or paper, a Strategy, a dictionary {method,
      params, wrap, pick, label}, or a Selection of your own (a prefix answers each budget). Random is always among
      them, drawn by the same per-class rule as the others.
    - `model` "probe" is a linear classifier on the pool's features, judged by `pool.test` or, without one, by a fifth
      of each class that is set aside before selecting. Another name (or a module, copied for each run) is
      trained by `training.fit` with `recipe`, for equal `epochs`, or for equal `updates` (by default those of
      `epochs` passes over the largest budget), in batches of one size for all budgets (`recipe`'s, or what `fit`
      would take for the smallest), and judged by the test rows after the last epoch.
      `accuracy_best` is the best epoch's: chosen by the test rows, so too good.
    - `seeds`: a number or a list; they reseed selections that draw, and training. The probe itself draws nothing.

    Columns: method, budget, seed, n (rows trained on), accuracy, accuracy_best, selection_seconds (a nested
    method runs once, for the largest budget), train_seconds, weights (their kind), model, regime, judged.
    Raises ValueError before anything runs for unknown names, budgets that cannot be met, or facts the pool lacks.

    >>> import coreset_explore as cx
    >>> pool = cx.signals("digits", model="logistic", epochs=2, seed=0)
    >>> frame = cx.accuracy_curve(pool, ["kcenter", "CRAIG"], budgets=[20, 72], seeds=1)
    >>> frame[["method", "budget", "n", "weights", "judged"]]
        method  budget   n  weights         judged
    0  kcenter      20  20   counts  359 test rows
    1  kcenter      72  72   counts  359 test rows
    2    CRAIG      20  20   counts  359 test rows
    3    CRAIG      72  72   counts  359 test rows
    4   Random      20  20  uniform  359 test rows
    5   Random      72  72  uniform  359 test rows
    """
    import pandas

    if not isinstance(pool, Pool):
        data = load(pool) if data is None else data
        pool = signals(data, show=show)
    checks.choice(equal, "equal", ("epochs", "updates"))
    epochs = checks.whole(epochs, "epochs", 1)
    updates = None if updates is None else checks.whole(updates, "updates", 1)
    if model == "probe":
        judge = probing(pool)
        sizes = _sizes(budgets, judge.pool)
    else:
        sizes = _sizes(budgets, pool)
        judge = training(pool, data, model, equal, epochs, updates, sizes, recipe)
    strategies = [_moved(strategy, judge.place) for strategy in with_random(strategies_of(methods))]
    for strategy in strategies:
        if lacking := strategy.lacks(judge.pool):
            raise lacking
    drawn = [checks.seed(seed) for seed in several(seeds, "seeds", count=True)]
    if len(drawn) == 0:
        raise ValueError("no seeds: pass a number from 1 or a list")
    with progress.bar("Accuracy curve", show):
        return pandas.DataFrame(list(_rows(judge, strategies, sizes, drawn)), columns=COLUMNS)


def _rows(
    judge: Judge, strategies: Sequence[Strategy], sizes: Sequence[int], seeds: Sequence[int]
) -> Iterator[tuple]:
    """The frame's rows; what no seed can change is selected once."""
    for strategy in track(strategies, "method"):
        at: list[Selection] = []
        for seed in track(seeds, "seed"):
            if not at or strategy.draws:
                at = picks(strategy, judge.pool, sizes, seed)[1]
            for size, chosen in track(list(zip(sizes, at, strict=True)), "budget"):
                start = time.perf_counter()
                accuracy, best, n = judge.learn(chosen, seed)
                spent, seconds = time.perf_counter() - start, chosen.info.get("seconds", float("nan"))
                kind = "none" if chosen.weights is None else chosen.info.get("weights") or "given"
                yield (
                    strategy.name, size, seed, n, accuracy, best, seconds, spent, kind,
                    judge.model, judge.regime, judge.judged,
                )  # fmt: skip


def _sizes(budgets: Any, pool: Pool) -> list[int]:
    sizes = sorted({budget(k, len(pool)) for k in several(budgets, "budgets")})
    if not sizes:
        raise ValueError("no budgets: pass numbers of picks or shares of the pool, as [50, 200, 1000]")
    return sizes


def several(value: Any, what: str, count: bool = False) -> list:
    """A list of values, of one value alone, or with `count` of the numbers below it."""
    if isinstance(value, numbers.Real) or getattr(value, "ndim", 1) == 0:
        return list(range(checks.whole(value, what, 1))) if count else [value]
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise ValueError(f"{what} are a number or a list of numbers, not {checks.shown(value)}")
    return list(value)


def _moved(strategy: Strategy, place: Tensor) -> Strategy:
    """One's own selection in the pool that is left once the judging rows are set aside."""
    own = strategy.own
    if own is None:
        return strategy
    if len(own) and int(own.indices.max()) >= len(place):
        raise ValueError(f"a selection names row {int(own.indices.max()):,} of a pool of {len(place):,} rows")
    rows = place[own.indices]
    stay = rows >= 0
    if bool(stay.all()) and torch.equal(rows, own.indices):
        return strategy
    cut = {n: None if getattr(own, n) is None else getattr(own, n)[stay] for n in ("weights", "gains", "ids")}
    return replace(strategy, own=replace(own, indices=rows[stay], score=None, **cut))
