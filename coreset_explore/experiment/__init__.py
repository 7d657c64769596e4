"""What selections are worth: accuracy of a model trained on them, at budgets and seeds, always beside random."""

from __future__ import annotations

import copy
import math
import numbers
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.experiment.entries import entries_of, selections
from coreset_explore.experiment.linear_probe import Bench, Probe, probe, probes
from coreset_explore.inputs import checks
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.selecting.run import budget
from coreset_explore.selection import Selection

__all__ = ["Probe", "accuracy_curve", "probe", "probes"]

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

    - `pool`: a Pool, or a dataset (a name, a Data), whose signals are then recorded; real training also needs
    `data`
      where a Pool is given.
    - `methods`: one or a list (or {label: method}): names of methods or presets, dicts {method, params, wrap,
      pick, label}, or Selections of your own (a prefix answers each budget). Random is always among
      them, drawn by the same per-class rule as the others.
    - `model` "probe" is a linear classifier on the pool's features, judged by `pool.test` or, without one, by
    a fifth
      of each class that is set aside before selecting. Another name (or a module, copied for each run) is
      trained by `training.fit` with `recipe`, for equal `epochs`, or for equal `updates` (by default those of
      `epochs` passes over the largest budget), in batches of one size for all budgets (`recipe`'s, or what
      `fit` would take for the smallest), and judged by the test rows after the last epoch.
      `accuracy_best` is the best epoch's: chosen by the test rows, so too good.
    - `seeds`: a number or a list; they reseed selections that draw, and training. The probe itself draws
    nothing.

    Columns: method, budget, seed, n (rows trained on), accuracy, accuracy_best, selection_seconds (a nested
    method runs once, for the largest budget), train_seconds, weights (their kind), model, regime, judged.
    Raises ValueError before anything runs for unknown names, budgets that cannot be met, or facts the pool
    lacks.
    """
    import pandas

    if not isinstance(pool, Pool):
        pool, data = _recorded(pool, data, show)
    checks.choice(equal, "equal", ("epochs", "updates"))
    epochs = checks.whole(epochs, "epochs", 1)
    updates = None if updates is None else checks.whole(updates, "updates", 1)
    pool, judge, place = _judged(pool, model, data)
    sizes = sorted({budget(k, len(pool)) for k in _several(budgets, "budgets")})
    if not sizes:
        raise ValueError("no budgets: pass numbers of picks or shares of the pool, as [50, 200, 1000]")
    entries = entries_of(methods, pool, place)
    seeds = [checks.seed(seed) for seed in _several(seeds, "seeds", count=True)]
    if len(seeds) == 0:
        raise ValueError("no seeds: pass a number from 1 or a list")
    if model == "probe":
        regime, learn = "probe", _probing(judge)
    else:
        regime, learn = _training(data, model, equal, epochs, updates, sizes, recipe)
    table = []
    with progress.bar("Accuracy curve", show):
        for entry in track(entries, "method"):
            kept: list = []
            for seed in track(seeds, "seed"):
                if not kept or (entry.own is None and entry.draws):
                    kept = list(selections(entry, pool, sizes, seed))
                for size, (chosen, seconds) in track(list(zip(sizes, kept, strict=True)), "budget"):
                    start = time.perf_counter()
                    accuracy, best, n = learn(chosen, seed)
                    spent = time.perf_counter() - start
                    kind = "none" if chosen.weights is None else chosen.info.get("weights") or "given"
                    name = model if isinstance(model, str) else type(model).__name__
                    row = (
                        entry.label,
                        size,
                        seed,
                        n,
                        accuracy,
                        best,
                        seconds,
                        spent,
                        kind,
                        name,
                        regime,
                        judge.judged,
                    )
                    table.append(row)
    return pandas.DataFrame(table, columns=COLUMNS)


def _several(value: Any, what: str, count: bool = False) -> list:
    """A list of values, of one value alone, or with `count` of the numbers below it."""
    if isinstance(value, numbers.Real) or getattr(value, "ndim", 1) == 0:
        return list(range(checks.whole(value, what, 1))) if count else [value]
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise ValueError(f"{what} are a number or a list of numbers, not {checks.shown(value)}")
    return list(value)


def _recorded(source, data, show) -> tuple[Pool, Any]:
    from coreset_explore.datasets import load
    from coreset_explore.recording.run import signals

    data = load(source) if data is None else data
    return signals(data, show=show), data


@dataclass(frozen=True)
class _Judge:
    judged: str
    bench: Bench | None = None


def _judged(pool: Pool, model, data) -> tuple[Pool, _Judge, Tensor]:
    """The pool to select from, what judges, and where each row of the given pool went (n,), −1 if set aside."""
    place = torch.arange(len(pool))
    if model != "probe":
        if data is None:
            raise ValueError(
                f"training {model!r} for real needs the data: accuracy_curve(pool, …, data=data)"
            )
        from coreset_explore.datasets import load

        data = load(data)
        if data.x_test is None or data.y_test is None:
            raise ValueError(
                f"{data.name} has no test rows to judge by; load it with test=0.2, or use model='probe'"
            )
        return pool, _Judge(f"{len(data.x_test):,} test rows"), place
    bench = Bench.of(pool)
    if bool(bench.free.all()):
        return pool, _Judge(bench.judged, bench), place
    rows, held = bench.free.nonzero().flatten(), (~bench.free).nonzero().flatten()
    place = torch.full((len(pool),), -1, dtype=torch.int64)
    place[rows] = torch.arange(len(rows))
    rest = replace(pool[rows], test=pool[held])
    return rest, _Judge(bench.judged, Bench.of(rest)), place


Learn = Callable[[Selection, int], tuple[float, float, int]]


def _probing(judge: _Judge) -> Learn:
    def learn(chosen: Selection, seed: int) -> tuple[float, float, int]:
        found = judge.bench.probe(chosen)
        return found.accuracy, math.nan, found.n

    return learn


def _training(data, model, equal, epochs, updates, sizes, recipe) -> tuple[str, Learn]:
    from coreset_explore.datasets import load
    from coreset_explore.training.optimizers import usual_batch
    from coreset_explore.training.run import fit
    from coreset_explore.training.run import recipe as checked_recipe

    data, device = load(data), {}
    if isinstance(recipe, Mapping) and "device" in recipe:  # fit's own, where a recipe says how to train
        device, recipe = {"device": recipe["device"]}, {k: v for k, v in recipe.items() if k != "device"}
    recipe = checked_recipe(recipe, "test_every")
    # One batch for all budgets, which are compared by their updates. The smallest one's makes the larger slower at
    # worst, where the largest one's would leave the smaller too few updates.
    batch = recipe.get("batch_size") or usual_batch(sizes[0])
    recipe = {**recipe, "batch_size": batch}
    if equal == "epochs":
        how, regime = {"epochs": epochs}, f"equal epochs: {epochs:,}"
    else:
        steps = updates or epochs * math.ceil(sizes[-1] / batch)
        how, regime = {"updates": steps}, f"equal updates: {steps:,}"

    def learn(chosen: Selection, seed: int) -> tuple[float, float, int]:
        net = model if isinstance(model, str) else copy.deepcopy(model)
        done = fit(net, data, chosen, **how, seed=seed, show=False, **device, **recipe)
        tested = [e.test_accuracy for e in done.epochs if e.test_accuracy is not None]
        return done.accuracy, max(tested, default=math.nan), len(chosen)

    return regime, learn
