"""The records of a run so far, and what the tabs ask of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from coreset_explore.experiment.report import mean_sd
from coreset_explore.experiment.store import Record
from coreset_explore.labs.training.reading import frame
from widgets.kit.planned import Kept
from widgets.training.ground import Ground

REDRAWN = "RANDOM re-drawn"
Line = list[tuple[float, float, float]]  # (x, mean, standard deviation over seeds; NaN of one)


@dataclass(frozen=True, eq=False)
class Live:
    """A cell that is trained now: the share of its updates that were made after each epoch, loss and test accuracy."""

    name: str
    budget: int | None
    seed: int
    made: tuple[float, ...]
    loss: tuple[float, ...]
    accuracy: tuple[float | None, ...]


@dataclass(frozen=True, eq=False)
class Result(Kept):
    """Records, one a cell that ran, of the plan that `ground` holds."""

    ground: Ground
    records: tuple[Record, ...] = ()

    @cached_property
    def frame(self) -> Any:
        """A tidy frame, a row a record, in the order of the plan."""
        return frame(self.ordered)

    @property
    def budgets(self) -> list[int]:
        """All budgets of the plan, in rows."""
        return sorted({cell.budget for cell in self.ground.plan.cells if cell.budget is not None})

    @property
    def baseline(self) -> str | None:
        """What accuracies are compared with: rows drawn at random, anew where there are such."""
        return next((name for name in (REDRAWN, "RANDOM") if name in self.names), None)

    def shown(self, budget: int, live: Live | None = None) -> int:
        """The budget that is looked at: asked for, else being trained, else the largest with a record."""
        if budget in self.budgets:
            return budget
        if live is not None and live.budget is not None:
            return live.budget
        known = [r.settings["budget"] for r in self.records if r.numbers and r.settings["budget"]]
        return max(known, default=self.budgets[-1] if self.budgets else 0)

    def of(self, name: str, budget: int | None = None) -> list[Record]:
        """A regime's records that have numbers, at a budget (its own, for those that have none), by seed."""
        held = None if name in self.ground.whole else budget
        found = [r for r in self.records if r.numbers and r.settings["regime"] == name]
        return sorted(
            (r for r in found if budget is None or r.settings["budget"] == held),
            key=lambda r: r.settings["seed"],
        )

    def accuracies(self, name: str) -> Line:
        """A regime's accuracy at each budget."""
        values: dict[int, list[float]] = {}
        for record in self.of(name):
            if (accuracy := (record.numbers or {}).get("accuracy")) is not None:
                values.setdefault(record.settings["budget"] or 0, []).append(accuracy)
        return [(at, *mean_sd(values[at])) for at in sorted(values)]

    def curve(self, name: str, what: str, budget: int) -> Line:
        """A regime's loss or accuracy over the share of its updates that were made, at a budget."""
        values: dict[float, list[float]] = {}
        total = {cell.place[:2]: cell.updates for cell in self.ground.plan.cells}
        for record in self.of(name, budget):
            curve, most = (record.numbers or {})["curve"], total[name, record.settings["budget"]]
            for made, value in zip(curve["updates"], curve[what], strict=True):
                if value is not None and math.isfinite(value):
                    values.setdefault(made / most, []).append(value)
        return [(at, *mean_sd(values[at])) for at in sorted(values)]


def means(records: Iterable[Record], of: Callable[[dict], float | None]) -> float | None:
    """The mean of what `of` gives of each record's numbers, where it gives something."""
    found = [value for record in records if (value := of(dict(record.numbers or {}))) is not None]
    return sum(found) / len(found) if found else None
