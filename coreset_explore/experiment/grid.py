"""accuracy_curve(): what picks are worth to a model trained on them, at budgets and seeds, always beside random."""

from __future__ import annotations

import hashlib
import inspect
import marshal
import math
import numbers
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.datasets import load
from coreset_explore.datasets.data import hold_out
from coreset_explore.experiment.judging import Judge, probing, training
from coreset_explore.experiment.linear_probe import HELD
from coreset_explore.experiment.runs import picks, strategies_of, with_random
from coreset_explore.experiment.store import Record, Store
from coreset_explore.inputs import checks
from coreset_explore.machine.cache import versions
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.recording.run import signals
from coreset_explore.selecting.answer import budget
from coreset_explore.selecting.strategy import Strategy
from coreset_explore.selection import Selection

LIBRARY = "coreset_explore."
COLUMNS = (
    "method", "budget", "seed", "n", "accuracy", "accuracy_best", "selection_seconds", "train_seconds",
    "weights", "model", "regime", "judged", "failed",
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
    store: Store | str | os.PathLike | None = None,
    show: bool | None = None,
):
    """A tidy pandas frame: accuracy of `model` trained on each method's picks, for every budget and seed.

    - `pool`: a Pool, or a dataset (a name, a Data), whose signals are then recorded, after a fifth of each class is set
      aside where there are no test rows; real training also needs `data` where a Pool is given.
    - `methods`: one or a list (or {label: method}), each a name of a method or paper, a Strategy, a dictionary {method,
      params, wrap, pick, label}, or a Selection of your own (a prefix answers each budget). Random is always among
      them, drawn by the same per-class rule as the others.
    - `model` "probe" is a linear classifier on the pool's features, judged by `pool.test` or, without one, by a fifth
      of each class that is set aside before selecting; features of a network that was trained on all rows are refused
      then, since it knows the labels that would judge. Another name (or a module, copied for each run) is
      trained by `fit` with `recipe`, for equal `epochs`, or for equal `updates` (by default those of
      `epochs` passes over the largest budget), in batches of one size for all budgets (`recipe`'s, or what `fit`
      would take for the smallest), and judged by the test rows after the last epoch.
      `accuracy_best` is the best epoch's: chosen by the test rows, so too good.
    - `seeds`: a number or a list; they reseed selections that draw, and training. The probe itself draws nothing.
    - `store`: a file that keeps every cell of the grid as soon as it is done. What it holds (the same data, method,
      budget, seed, recipe and versions) is not run again, so that a curve that was stopped, or killed, goes on; several
      processes may fill one. A cell that fails is a row with its sentence in `failed`, and is tried again next time;
      without a store it is raised.

    Columns: method, budget, seed, n (rows trained on), accuracy, accuracy_best, selection_seconds (a nested
    method runs once, for the largest budget), train_seconds, weights (their kind), model, regime, judged, failed.
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
        data = load(pool) if data is None else load(data)
        if data.x_test is None and data.y is not None:  # before anything is trained on the rows that judge
            data = hold_out(data, HELD, 0)
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
    with progress.bar("Accuracy curve", show), nullcontext() if store is None else Store.open(store) as kept:
        return pandas.DataFrame(list(_rows(judge, strategies, sizes, drawn, kept)), columns=COLUMNS)


def _rows(
    judge: Judge,
    strategies: Sequence[Strategy],
    sizes: Sequence[int],
    seeds: Sequence[int],
    store: Store | None,
) -> Iterator[dict[str, Any]]:
    """The frame's rows. What no seed can change is selected once, and what the store holds not at all."""
    for strategy in track(strategies, "method"):
        at: dict[int, Selection] = {}
        for seed in track(seeds, "seed"):
            if strategy.draws:
                at = {}
            for size in track(sizes, "budget"):
                cell = _settings(judge, strategy, size, seed)
                found = None if store is None else store.get(store.key(cell))
                if found is None or found.error:
                    found = _run(judge, strategy, cell, at, sizes, store)
                named = {"method": strategy.name, "budget": size, "seed": seed, "failed": found.error}
                yield {"model": judge.model, "regime": judge.regime, **(found.numbers or {}), **named}


def _settings(judge: Judge, strategy: Strategy, size: int, seed: int) -> dict[str, Any]:
    """All that a cell's numbers depend on. Its label is none of it."""
    target = judge.pool.target
    return {
        "budget": size,
        "seed": seed,
        "strategy": {word: value for word, value in strategy.plain().items() if word != "name"},
        "source": source(strategy),
        "pool": judge.pool.fingerprint,
        "target": None if target is None else target.fingerprint,
        "model": judge.model,
        "regime": judge.regime,
        **judge.settings,
        "versions": versions(),
    }


def source(strategy: Strategy) -> str | None:
    """A digest of the code of a method of one's own: edited, it is another. The library's own go by its version."""
    return source_of(*filter(None, strategy.functions))


def source_of(*functions: Any) -> str | None:
    """A digest of the code of those functions that are not this library's; None where all are."""
    own = [fn for fn in functions if not str(fn.__module__).startswith(LIBRARY)]
    return hashlib.sha256(b"".join(map(_code, own))).hexdigest()[:12] if own else None


def _code(fn: Any) -> bytes:
    fn = inspect.unwrap(getattr(fn, "func", fn))  # what a functools.partial calls
    fn = fn if inspect.isroutine(fn) else type(fn).__call__
    try:
        return inspect.getsource(fn).encode()
    except (OSError, TypeError):  # written where nobody kept the text, as at a prompt
        return marshal.dumps(fn.__code__)


def _run(
    judge: Judge,
    strategy: Strategy,
    cell: Mapping[str, Any],
    at: dict[int, Selection],
    sizes: Sequence[int],
    store: Store | None,
) -> Record:
    """One cell, run; `at` are selections already made for this seed, by budget. Without a store its error is raised."""
    size, seed, numbers, why = cell["budget"], cell["seed"], None, None
    if store is not None and store.sealed:
        raise ValueError(store.sealed)
    try:
        if size not in at:
            # a nested method's largest budget answers them all; others run one by one, so that one alone can fail
            todo = [k for k in sizes if k >= size] if strategy.nested else [size]
            at.update(zip(todo, picks(strategy, judge.pool, todo, seed)[1], strict=True))
        numbers = _learnt(judge, at[size], seed)
    except Exception as error:
        if store is None:
            raise
        why = " ".join(str(error).split()) or type(error).__name__
    if store is None:
        return Record("", cell, numbers, why)
    key = store.key(cell)
    store.put(key, cell, numbers, error=why)
    kept = store.get(key)  # of two processes that ran it, the first one's
    assert kept is not None  # nothing is ever deleted from a store
    return kept


def _learnt(judge: Judge, chosen: Selection, seed: int) -> dict[str, Any]:
    start = time.perf_counter()
    accuracy, best, n = judge.learn(chosen, seed)
    return {
        "n": n,
        "accuracy": accuracy,
        "accuracy_best": best,
        "selection_seconds": chosen.info.get("seconds", math.nan),
        "train_seconds": time.perf_counter() - start,
        "weights": "none" if chosen.weights is None else chosen.info.get("weights") or "given",
        "judged": judge.judged,
    }


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
