"""run(): every regime at every budget and seed, a record a cell, kept in a store as soon as it is there."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch

from coreset_explore import greedy, progress
from coreset_explore.experiment.store import Record, Store
from coreset_explore.labs.keeping import ahead, answered, attempted, put
from coreset_explore.labs.training.cells import Cell, Plan, plan
from coreset_explore.labs.training.setting import Setting
from coreset_explore.measures.shares import jaccard
from coreset_explore.training.choosing import Choice
from coreset_explore.training.epochs import Epoch
from coreset_explore.training.run import Fit, fit

Watch = Callable[[Cell, Epoch], None]


def run(
    setting: Setting,
    regimes: Any,
    *,
    budgets: int | float | Sequence[int | float],
    seeds: int | Sequence[int] = 3,
    store: Any = None,
    watch: Watch | None = None,
    show: bool | None = None,
) -> Iterator[Record]:
    """Train by each regime on each budget with each seed; an iterator that hands over a record a cell.

    - `regimes`: names in REGIMES, or what `Regime.of` takes: any strategy is one. Beside those that choose anew stand
      FULL-EARLYSTOP and RANDOM re-drawn, always. All make U = T·⌈k/B⌉ updates, FULL T·⌈n/B⌉.
    - `store`: a file (or Store) that keeps each cell as soon as it is done, and what it holds is not run again: a run
      that was stopped, or killed, goes on where it was. Each record is whole at any moment.
    - A cell that fails (out of memory, say) is a record with its sentence in `error`, and tried again the next time;
      one that diverged has its numbers, and `stopped` says so. What would be a warning is in `remarks`.
    - `watch(cell, epoch)` is called after each epoch that is trained, with the cell and `fit`'s record of the epoch.

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
    return _records(plan(setting, regimes, budgets=budgets, seeds=seeds), store, watch, show)


def _records(planned: Plan, store: Any, watch: Watch | None, show: bool | None) -> Iterator[Record]:
    cells = planned.cells
    if any(cell.policy for cell in cells):
        with progress.stage("loading compiled loops", 0, 0.01):
            greedy.warm()  # here, so that no regime's seconds hold it
    with nullcontext() if store is None else Store.open(store) as kept:
        # what is kept already costs nothing: how far it is, and how long it takes, is told of the rest
        left = sum(cell.updates for cell in cells if answered(kept, planned.settings(cell)) is None)
        spent, made, total = 0.0, 0, max(left, 1)
        for number, cell in enumerate(cells):
            settings = planned.settings(cell)
            found = answered(kept, settings)
            if found is None:
                if kept is not None and kept.sealed:
                    raise ValueError(kept.sealed)
                label = f"{cell.regime.name.replace(',', '')}, cell {number + 1:,} of {len(cells):,}"
                label += ahead(spent, made, left)
                begun, far = time.perf_counter(), min(made / total, 1 - cell.updates / total)
                with progress.bar(label, show), progress.stage(label, far, far + cell.updates / total):
                    numbers, why = attempted(lambda cell=cell: _run(planned, cell, watch), planned.batch)
                spent, made, left = (
                    spent + time.perf_counter() - begun,
                    made + cell.updates,
                    left - cell.updates,
                )
                found = put(kept, settings, numbers, why)
            yield planned.record(cell, found)


def _run(planned: Plan, cell: Cell, watch: Watch | None) -> dict[str, Any]:
    """A cell's numbers."""
    setting = planned.setting
    recipe = {**setting.recipe, **cell.regime.how, "batch_size": planned.batch}
    told = None if watch is None else lambda epoch, net: watch(cell, epoch)
    done = fit(
        setting.fresh(), setting.data, cell.policy, updates=cell.updates, seed=cell.seed, device=setting.device,
        on_epoch=told, show=False, **recipe,
    )  # fmt: skip
    return _numbers(setting, done)


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
