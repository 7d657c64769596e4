"""What a run is made of, before any of it is run: a cell for every regime, budget and seed, each with its settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from coreset_explore.experiment.grid import several, source
from coreset_explore.inputs import checks
from coreset_explore.labs.keeping import Planned
from coreset_explore.labs.training.policy import Policy
from coreset_explore.labs.training.regimes import Regime, regimes_of
from coreset_explore.labs.training.setting import Setting
from coreset_explore.machine.cache import versions
from coreset_explore.selecting.answer import budget
from coreset_explore.training.optimizers import usual_batch


@dataclass(frozen=True)
class Cell:
    """One run to make: a regime at a budget (None: everything, whatever the budget) and a seed."""

    regime: Regime
    budget: int | None
    seed: int
    updates: int
    policy: Policy | None

    @property
    def place(self) -> tuple[str, int | None, int]:
        """Where it stands in the grid; no two cells of a plan stand there."""
        return self.regime.name, self.budget, self.seed


@dataclass(frozen=True, eq=False)
class Plan(Planned):
    """The cells of a run in their order, and what all of them share: `batch` rows an update, `shared` settings."""

    PLACE = ("regime", "budget", "seed")
    setting: Setting
    cells: tuple[Cell, ...]
    batch: int
    shared: dict[str, Any]

    def settings(self, cell: Cell) -> dict[str, Any]:
        """All that a cell's numbers depend on: what a store keeps it under. The regime's name is none of it."""
        how: dict[str, Any] = {"updates": cell.updates, **cell.regime.how}
        if cell.policy is not None:
            told = {word: value for word, value in cell.policy.plain().items() if word != "k"}
            told["strategy"] = {word: value for word, value in told["strategy"].items() if word != "name"}
            how |= {**told, "source": source(cell.policy.strategy)}
        return {**self.shared, "budget": cell.budget, "seed": cell.seed, "how": how}


def plan(
    setting: Setting,
    regimes: Any,
    *,
    budgets: int | float | Sequence[int | float],
    seeds: int | Sequence[int],
) -> Plan:
    """What `run` would run with these arguments. Raises ValueError for what cannot be run.

    >>> from coreset_explore.labs.training import Setting, plan
    >>> found = plan(Setting("digits", "logistic", epochs=4), ["FULL", "CRAIGPB"], budgets=[64, 128], seeds=2)
    >>> len(found.cells), sum(cell.updates for cell in found.cells)
    (14, 504)
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
    cells = tuple(_cells(setting, found, sizes, drawn, batch))
    for cell in {cell.regime.name: cell for cell in cells if cell.policy}.values():
        assert cell.policy is not None
        cell.policy.start(data, drawn[0])  # refuses what cannot be chosen, before anything is trained
    return Plan(setting, cells, batch, {**setting.plain(), "batch_size": batch, "versions": versions()})


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
