"""How long a plan will take, from what is known by then: runs that are done, and a few updates made to be timed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from coreset_explore.experiment.store import Record
from coreset_explore.labs.training.cells import Plan
from coreset_explore.machine.devices import pick_device
from coreset_explore.machine.seeds import generator
from coreset_explore.training.epochs import Training
from coreset_explore.training.evaluation import evaluate
from coreset_explore.training.run import OPTIMIZERS, made

TIMED, FEW = 0.2, 1_000  # seconds in which updates are timed, if one is not longer; test rows that are
TESTS = 11  # times that fit scores the test rows unless told: about ten, and after the last epoch


@dataclass(frozen=True)
class Pace:
    """Seconds of one update, and of scoring all test rows once."""

    update: float
    test: float


@dataclass(frozen=True)
class Ahead:
    """What is left of a plan: `runs` cells of `updates` updates together.

    `seconds` is None where nothing is known; with `least` they are without choosing, of which nothing is known yet.
    """

    runs: int
    updates: int
    seconds: float | None
    least: bool


def pace(plan: Plan) -> Pace:
    """Time a few updates of the plan's model on its data, and the test rows; a third of a second, or one update."""
    setting, data = plan.setting, plan.setting.data
    few = torch.arange(min(len(data), 8 * plan.batch))
    net = made(setting.fresh(), data, generator(0, "init")).to(pick_device(setting.device))
    kind, _ = OPTIMIZERS[setting.recipe.get("optimizer", "sgd")]
    training = Training(
        net, data.x[few], data.y[few], kind(net.parameters()), lambda done: 0.0, batch_size=plan.batch, seed=0
    )
    end, took = time.perf_counter() + TIMED, []
    while len(took) < 2 or time.perf_counter() < end:
        took += [record.seconds for record in training.epochs(until=training.updates + 1)]
        if took[0] > TIMED:  # once is enough of what takes so long
            break
    part = min(len(data.x_test), FEW)
    begun = time.perf_counter()
    evaluate(net, data.x_test[:part], data.y_test[:part])
    test = (time.perf_counter() - begun) * len(data.x_test) / part
    return Pace(median(took[1:] or took), test)


def ahead(plan: Plan, records: Sequence[Record], timed: Pace | None = None) -> Ahead:
    """What is left after these records, each regime at the rate of its own runs, else at the `timed` one.

    >>> from coreset_explore.labs.training import Setting, plan
    >>> from coreset_explore.labs.training.pace import Pace, ahead
    >>> grid = plan(Setting("digits", "logistic", epochs=4), "RANDOM", budgets=64, seeds=5)
    >>> ahead(grid, [], Pace(update=0.5, test=0.0))
    Ahead(runs=5, updates=40, seconds=20.0, least=False)
    """
    left, rates = plan.left(records), _rates(records)
    seconds, least = 0.0, False
    for cell in left:
        rate = rates.get(cell.regime.name)
        if rate is None and timed is None:
            return Ahead(len(left), sum(c.updates for c in left), None, False)
        least = least or (rate is None and cell.policy is not None and cell.policy.asks)
        seconds += cell.updates * (timed.update if rate is None and timed is not None else rate or 0.0)
        seconds += 0.0 if timed is None else TESTS * timed.test
    return Ahead(len(left), sum(c.updates for c in left), seconds, least)


def _rates(records: Sequence[Record]) -> dict[str, float]:
    """Seconds an update of each regime's runs, choosing included."""
    spent: dict[str, list[float]] = {}
    for record in records:
        if record.numbers:
            both = spent.setdefault(record.settings["regime"], [0.0, 0.0])
            both[0] += record.numbers["seconds"]
            both[1] += record.numbers["updates"]
    return {name: seconds / updates for name, (seconds, updates) in spent.items() if updates}
