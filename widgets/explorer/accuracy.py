"""What the picks are worth to a classifier: a linear probe on every run, and the real model where one asks for it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import torch

from coreset_explore import progress
from coreset_explore.experiment.linear_probe import unfair
from coreset_explore.experiment.runs import Run
from widgets.explorer.result import Result

PROBE_BUDGETS, PROBE_SEEDS = 8, 3


def no_accuracy(result: Result) -> str:
    """Why no accuracy can be measured, or nothing."""
    if result.pool.y is None:
        return "No accuracies: the data has no labels."
    if result.pool.emb is None:
        return "No accuracies: the pool has no features to train a classifier on."
    if len(torch.unique(result.pool.y)) < 2:
        return "No accuracies: the data has one class only."
    if unfair(result.pool):
        return "No accuracies: the model was trained on all rows, and would be judged by them; give test=0.2."
    return ""


def accuracies(result: Result, also: int = 0) -> Generator[Result, None, Result]:
    """The result with the accuracies of a linear probe, trained on every run's picks at eight budgets, three seeds.

    At the budget `also` too, where the sweep knows it: the one that is looked at. Judged by the test rows, or without
    any by a fifth of each class that is set aside before selecting again. Yields what is known after each method,
    random first.
    """
    import pandas

    from coreset_explore.experiment import accuracy_curve

    room = result.n if result.pool.test is not None else int(0.75 * result.n)
    known = [b for b in result.budgets if b <= room]
    last, parts = len(known) - 1, max(1, min(PROBE_BUDGETS, len(known)) - 1)
    budgets = (
        sorted({known[round(i * last / parts)] for i in range(parts + 1)} | {also} & set(known))
        if known
        else []
    )
    if not budgets:
        raise ValueError(
            "too few rows are left to judge accuracies by; give a test set, explore(X, y, test=0.2)"
        )
    entries, runs = _entries(result), all_runs(result)
    random = next(name for name, run in runs.items() if run is result.random)
    frames: dict[str, pandas.DataFrame] = {}
    with tempfile.TemporaryDirectory() as folder:  # random stands beside every method, and is measured once
        store = Path(folder, "probes.sqlite")
        for name in progress.track([random, *(n for n in runs if n != random)], "method"):
            both = {one: entries[one] for one in dict.fromkeys((name, random))}
            found = accuracy_curve(result.pool, both, budgets, seeds=PROBE_SEEDS, store=store, show=False)
            if failed := [said for said in found["failed"] if said]:
                raise ValueError(failed[0])
            frames[name] = found[found["method"] == name]
            result = _with_accuracies(result, pandas.concat(frames.values()))
            yield result
    return result


def train(result: Result, model: str = "", budgets=(), epochs: int = 30, seeds: int = 1, **settings):
    """A tidy frame of accuracies: the real model trained from scratch on each run's picks at the budgets given."""
    from coreset_explore.experiment import accuracy_curve
    from coreset_explore.training import models

    name = model or result.module or result.pool.info.get("model") or models.default(result.data)
    sizes = list(budgets) or [result.budgets[-1]]
    settings = {"data": result.data, "model": name, "epochs": epochs, "seeds": seeds, **settings}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the weights of .* rows count like")  # the Map tab says so
        return accuracy_curve(result.pool, _entries(result), sizes, **settings, show=False)


def all_runs(result: Result) -> dict[str, Run]:
    """The chosen runs by name, and random beside them whether chosen or not."""
    if any(run is result.random for run in result.runs.values()):
        return dict(result.runs)
    name = "Random (not chosen)" if "Random" in result.runs else "Random"
    return {**result.runs, name: result.random}


def _entries(result: Result) -> dict:
    """What is judged: the picks there are where no seed can change them and no row is set aside, else the method."""
    found = {}
    for name, run in all_runs(result).items():
        fixed = run.strategy.own is not None or (
            run.nested and result.pool.test is not None and not run.strategy.draws
        )
        found[name] = run.selection if fixed else run.strategy
    return found


def _with_accuracies(result: Result, frame) -> Result:
    known = set(frame["method"])
    runs = {
        n: replace(r, accuracy=frame[frame["method"] == n]) if n in known else r
        for n, r in all_runs(result).items()
    }
    random = next(runs[n] for n, r in all_runs(result).items() if r is result.random)
    return replace(result, runs={n: runs[n] for n in result.runs}, random=random)
