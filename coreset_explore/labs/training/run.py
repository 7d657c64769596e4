"""run(): every regime at every budget and seed, a record a cell, kept in a store as soon as it is there."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch

from coreset_explore import greedy, progress
from coreset_explore.experiment.grid import several, source
from coreset_explore.experiment.store import Record, Store
from coreset_explore.inputs import checks
from coreset_explore.labs.training.policy import Policy
from coreset_explore.labs.training.regimes import Regime, regimes_of
from coreset_explore.labs.training.setting import Setting
from coreset_explore.machine.cache import versions
from coreset_explore.measures.shares import jaccard
from coreset_explore.selecting.answer import budget
from coreset_explore.training.choosing import Choice
from coreset_explore.training.optimizers import usual_batch
from coreset_explore.training.run import Fit, fit


@dataclass(frozen=True)
class Cell:
    """One run to make: a regime at a budget (None: everything, whatever the budget) and a seed."""

    regime: Regime
    budget: int | None
    seed: int
    updates: int
    policy: Policy | None


def run(
    setting: Setting,
    regimes: Any,
    *,
    budgets: int | float | Sequence[int | float],
    seeds: int | Sequence[int] = 3,
    store: Any = None,
    show: bool | None = None,
) -> Iterator[Record]:
    """Train by each regime on each budget with each seed; an iterator that hands over a record a cell.

    - `regimes`: names in REGIMES, or what `Regime.of` takes: any strategy is one. Beside those that choose anew stand
      FULL-EARLYSTOP and RANDOM re-drawn, always. All make U = T·⌈k/B⌉ updates, FULL T·⌈n/B⌉.
    - `store`: a file (or Store) that keeps each cell as soon as it is done, and what it holds is not run again: a run
      that was stopped, or killed, goes on where it was. Each record is whole at any moment.
    - A cell that fails (out of memory, say) is a record with its sentence in `error`, and tried again the next time;
      one that diverged has its numbers, and `stopped` says so. What would be a warning is in `remarks`.

    `record.settings`: regime (its name), budget, seed and what the key is made of. `record.numbers`: accuracy (test
    rows, last epoch), n (rows trained on at a time), updates, train_seconds, forward_seconds, choosing_seconds and
    their sum `seconds`, without testing; choices, used (different rows trained on), gradient_error, stale and
    effective_size (means over the choices); and lists: `at`, `errors`, `overlap` (Jaccard, of each choice with the one
    before), `held` (rows a class of the first, middle and last choice), `curve` (updates, loss, accuracy). Where
    `data.truth` tells of each row whether it is something (is_noisy), share_is_noisy is how many of the chosen are.

    Raises ValueError for what cannot be run, before anything is. `frame(records)` makes a table of them.

    >>> from coreset_explore.labs.training import Setting, frame, run
    >>> setting = Setting("digits", "logistic", epochs=4, every=2)
    >>> records = run(setting, "CRAIGPB", budgets=64, seeds=1, show=False)
    >>> frame(records)[["regime", "budget", "seed", "updates", "choices"]]
                regime  budget  seed  updates  choices
    0          CRAIGPB      64     0        8        2
    1   FULL-EARLYSTOP      64     0        8        0
    2  RANDOM re-drawn      64     0        8        2
    """
    found, data = regimes_of(regimes), setting.data
    sizes = sorted({budget(k, len(data)) for k in several(budgets, "budgets")})
    if not sizes:
        raise ValueError(
            "no budgets: pass numbers of rows or shares of the data, as [0.01, 0.05]; FULL alone wants one too"
        )
    drawn = [checks.seed(seed) for seed in several(seeds, "seeds", count=True)]
    if not drawn:
        raise ValueError("no seeds: pass a number from 1 or a list")
    batch = setting.recipe.get("batch_size") or usual_batch(sizes[0])
    cells = list(_cells(setting, found, sizes, drawn, batch))
    for cell in {cell.regime.name: cell for cell in cells if cell.policy}.values():
        assert cell.policy is not None
        cell.policy.start(data, drawn[0])  # refuses what cannot be chosen, before anything is trained
    return _records(setting, cells, batch, store, show)


def _cells(
    setting: Setting, regimes: Sequence[Regime], sizes: Sequence[int], seeds: Sequence[int], batch: int
) -> Iterator[Cell]:
    """Seed after seed, so that all regimes are there soon and means become sharper; what is the same, once."""
    classes, whole = len(setting.data.classes), len(setting.data)
    assert setting.every is not None
    for seed, size, regime in itertools.product(seeds, sizes, regimes):
        if regime.strategy is not None:
            policy = regime.policy(size, classes, setting.every, setting.holdout)
            yield Cell(regime, size, seed, setting.updates(size, batch), policy)
        elif regime.updates:
            if size == sizes[0]:
                yield Cell(regime, None, seed, regime.updates, None)
        elif regime.early:
            yield Cell(regime, size, seed, setting.updates(size, batch), None)
        elif size == sizes[0]:
            yield Cell(regime, None, seed, setting.updates(whole, batch), None)


def _records(
    setting: Setting, cells: Sequence[Cell], batch: int, store: Any, show: bool | None
) -> Iterator[Record]:
    shared = {**setting.plain(), "batch_size": batch, "versions": versions()}
    spent, made, left = 0.0, 0, sum(cell.updates for cell in cells)
    if any(cell.policy for cell in cells):
        greedy.warm()  # here, so that no regime's seconds hold the loading of compiled code
    with nullcontext() if store is None else Store.open(store) as kept:
        for number, cell in enumerate(cells):
            settings = {**shared, **_settings(cell)}
            found = None if kept is None else kept.get(kept.key(settings))
            if found is None or found.error:
                if kept is not None and kept.sealed:
                    raise ValueError(kept.sealed)
                ahead = f", {_duration(spent / made * left)} left" if made else ""
                label = f"{cell.regime.name.replace(',', '')}, cell {number + 1:,} of {len(cells):,}{ahead}"
                begun = time.perf_counter()
                with (
                    progress.bar(label, show),
                    progress.stage(label, number / len(cells), (number + 1) / len(cells)),
                ):
                    numbers, why = _run(setting, cell, batch)
                spent, made = spent + time.perf_counter() - begun, made + cell.updates
                if kept is None:
                    found = Record("", settings, numbers, why)
                else:
                    name = kept.key(settings)
                    kept.put(name, settings, numbers, error=why)
                    found = kept.get(name)  # of two processes that ran it, the first one's
                    assert found is not None  # nothing is ever deleted from a store
            left -= cell.updates
            yield replace(found, settings={"regime": cell.regime.name, **found.settings})


def _settings(cell: Cell) -> dict[str, Any]:
    """What this cell's numbers depend on beside what all share. The regime's name is none of it."""
    how: dict[str, Any] = {"updates": cell.updates, **cell.regime.how}
    if cell.policy is not None:
        told = {word: value for word, value in cell.policy.plain().items() if word != "k"}
        told["strategy"] = {word: value for word, value in told["strategy"].items() if word != "name"}
        how |= {**told, "source": source(cell.policy.strategy)}
    return {"budget": cell.budget, "seed": cell.seed, "how": how}


def _run(setting: Setting, cell: Cell, batch: int) -> tuple[dict[str, Any] | None, str | None]:
    """A cell's numbers, or the sentence it failed with."""
    recipe = {**setting.recipe, **cell.regime.how, "batch_size": batch}
    try:
        with checks.gathered() as remarks:
            done = fit(
                setting.fresh(), setting.data, cell.policy, updates=cell.updates, seed=cell.seed,
                device=setting.device, show=False, **recipe,
            )  # fmt: skip
        return {**_numbers(setting, done), "remarks": remarks}, None
    except (MemoryError, torch.OutOfMemoryError) as error:
        text = " ".join(str(error).split()) or "no more was said"
        return (
            None,
            f"out of memory ({text:.200}); give the recipe a smaller batch_size than {batch:,}, or a smaller model",
        )
    except Exception as error:
        return None, " ".join(str(error).split()) or type(error).__name__


def _numbers(setting: Setting, done: Fit) -> dict[str, Any]:
    choices, data = done.choices, setting.data
    train = sum(record.seconds for record in done.epochs) - done.info["test_seconds"]
    known = {name: values for name, values in data.truth.items() if values.dtype == torch.bool}
    forward, choosing = (
        sum(c.forward_seconds for c in choices),
        sum(c.choosing_seconds for c in choices),
    )
    tested = [record for record in done.epochs if record.test_accuracy is not None]
    return {
        "accuracy": done.accuracy,
        "n": len(choices[-1].rows) if choices else len(data),
        "updates": done.info["updates"],
        "train_seconds": train,
        "forward_seconds": forward,
        "choosing_seconds": choosing,
        "seconds": train + forward + choosing,
        "choices": len(choices),
        "rows": len(data),
        "used": _used(done, len(data)),
        "gradient_error": _mean([c.gradient_error for c in choices]),
        "stale": _mean([c.stale for c in choices]),
        "effective_size": _mean([c.effective_size for c in choices]),
        "stopped": done.info["stopped"],
        "at": [c.update for c in choices],
        "errors": [c.gradient_error for c in choices],
        "overlap": [jaccard(a.rows.tolist(), b.rows.tolist()) for a, b in itertools.pairwise(choices)],
        "held": _held(choices, data),
        **{
            f"share_{name}": _mean([float(values[c.rows].float().mean()) for c in choices])
            for name, values in known.items()
        },
        "curve": {
            "updates": [record.updates for record in tested],
            "loss": [record.loss for record in tested],
            "accuracy": [record.test_accuracy for record in tested],
        },
    }


def _used(done: Fit, n: int) -> int:
    """Different rows that were chosen at some time; all, where everything was trained on and nothing chosen."""
    return len(torch.cat([c.rows for c in done.choices]).unique()) if done.choices else n


def _held(choices: Sequence[Choice], data: Any) -> list[list[int]]:
    """Rows a class of the first, the middle and the last choice."""
    if not choices:
        return []
    shown = [choices[0], choices[len(choices) // 2], choices[-1]]
    return [torch.bincount(data.y[c.rows], minlength=len(data.classes)).tolist() for c in shown]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
