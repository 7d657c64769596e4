"""How near convex models trained on subsets come to the optimum of all rows, and how soon: CRAIG's figure 1."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from coreset_explore import greedy, progress
from coreset_explore.experiment.runs import strategies_of
from coreset_explore.inputs import checks
from coreset_explore.labs.training.convex import RIDGE, Model, Table
from coreset_explore.labs.training.descent import OPTIMIZERS, Optimizer, descend
from coreset_explore.pool import Pool
from coreset_explore.selecting.answer import budget
from coreset_explore.selection import Selection

FULL = "Full"
LADDER, RUNGS = (
    4.0,
    8,
)  # rates that are tried: the safe one, and each time as many times more while that is better
COLUMNS = (
    "method", "budget", "optimizer", "seed", "epoch", "visits", "seconds", "selecting", "loss", "residual", "error",
    "floor", "rate", "stopped",
)  # fmt: skip


def convergence(
    data: Any,
    strategies: Any,
    *,
    budgets: Any,
    model: Model = "logistic",
    optimizers: Optimizer | Sequence[Optimizer] = OPTIMIZERS,
    epochs: int = 20,
    rate: float | None = None,
    ridge: float = RIDGE,
    seeds: int | Sequence[int] = 3,
    show: bool | None = None,
):
    """Loss residual and test error of a convex model on what each strategy chose once, by features, beside all rows.

    As many epochs for all, an epoch being one pass over the rows that are trained on (CRAIG's figure 1, FastCore's 5 to
    7 and, with `model="svm"`, 11). Columns: method ("Full" is all rows), budget, optimizer, seed, epoch, `visits` (rows
    whose gradient was taken), `seconds` (choosing, then steps), `selecting` (choosing alone), `loss` over all rows and
    `residual`, by which it is above the optimum's, `error` on the test rows, `floor` (the residual of the optimum of
    the weighted picks, where training on them ends), rate, and why a run stopped.

    `rate` holds for all. Unless told, each method, budget and optimizer has the one of a ladder, ×4 from the safe one,
    whose loss on its own rows is lowest after these epochs, by the first seed; looking for it is not in the seconds.
    Full is looked at in the middle of epochs too. Cost: some six trainings by the first seed, and one by each.
    """
    import pandas

    table = Table.of(data, model, ridge)
    methods, n = strategies_of(strategies), len(table.data)
    seeds = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    named = [optimizers] if isinstance(optimizers, str) else list(optimizers)
    asked = [checks.choice(name, "optimizers", OPTIMIZERS) for name in named]
    sizes = [budget(k, n) for k in ([budgets] if isinstance(budgets, int | float) else budgets)]
    pool = Pool.of(table.features, table.data.y)
    greedy.warm()
    best = table.whole.loss(table.whole.optimum())
    runs = [(FULL, n, None), *((strategy.name, k, strategy) for strategy in methods for k in sizes)]
    rates: dict[Any, float] = {}
    rows: list[dict[str, Any]] = []
    cells = [(run, seed) for run in runs for seed in seeds]
    with progress.bar("Convergence", show):
        for (name, k, strategy), seed in progress.track(cells, "run"):
            picks, selecting = None, 0.0
            if strategy is not None:
                begun = time.perf_counter()
                picks = strategy.select(pool, k, seed=seed, show=False)
                selecting = time.perf_counter() - begun
            problem = table.problem(picks)[1]
            floor = 0.0 if picks is None else table.whole.loss(problem.optimum()) - best
            looks = 1 if picks is not None else max(1, min(20, round(n / min(sizes))))
            for optimizer in asked:
                how = {"optimizer": optimizer, "epochs": epochs, "seed": seed}
                about = name, k, optimizer
                if about not in rates:
                    rates[about] = tuned(table, picks, **how) if rate is None else rate
                with checks.gathered():  # the frame says what stopped
                    done = descend(table, picks, rate=rates[about], looks=looks, show=False, **how)
                told = {
                    "method": name,
                    "budget": k,
                    "optimizer": optimizer,
                    "seed": seed,
                    "selecting": selecting,
                }
                told |= {"floor": floor, "rate": done.rate, "stopped": done.stopped}
                for look in done.looks:
                    loss = table.whole.loss(look.w)
                    seen = {"epoch": look.epoch, "visits": look.visits, "seconds": selecting + look.seconds}
                    seen |= {"loss": loss, "residual": loss - best, "error": table.error(look.w)}
                    rows.append({**told, **seen})
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def tuned(table: Table, picks: Selection | None, **how: Any) -> float:
    """The rate of the ladder that ends with the lowest loss on its own rows; up it goes while that falls."""
    safe = table.problem(picks)[1].safe_rate()
    best, lowest = safe, math.inf
    for rung in range(RUNGS):
        rate = safe * LADDER**rung
        with checks.gathered():
            loss = descend(table, picks, rate=rate, show=False, **how).loss
        if not loss < lowest:
            break
        best, lowest = rate, loss
    return best


def speedup(found):
    """How many times sooner than on all rows a residual is reached that both runs reach, selection included.

    From a frame of `convergence`: columns method, budget, optimizer, seed, `residual` (the larger of the two ends),
    seconds and full_seconds until then, and `speedup`, their ratio; NaN where a run came no nearer than it started.
    """
    import pandas

    about, rows = ["method", "budget", "optimizer", "seed"], []
    runs = dict(iter(found.groupby(about, sort=False)))
    whole = {(key[2], key[3]): run for key, run in runs.items() if key[0] == FULL}
    for key, run in runs.items():
        if key[0] == FULL:
            continue
        full = whole[key[2], key[3]]
        reached = max(run.residual.min(), full.residual.min())
        mine, other = (float(one.seconds[one.residual <= reached].min()) for one in (run, full))
        told = dict(zip(about, key, strict=True))
        moved = reached < float(full.residual.iloc[0])
        ratio = other / mine if moved and mine else math.nan
        rows.append({**told, "residual": reached, "seconds": mine, "full_seconds": other, "speedup": ratio})
    return pandas.DataFrame(rows, columns=[*about, "residual", "seconds", "full_seconds", "speedup"])
