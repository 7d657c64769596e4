"""The records of a run so far, and what the tabs ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from coreset_explore.experiment.report import mean_sd
from coreset_explore.experiment.store import Record
from coreset_explore.labs.continual import Tasks, frame
from widgets.continual.ground import Ground
from widgets.kit.planned import Kept

Line = list[tuple[float, float, float]]  # (x, mean, standard deviation over seeds; NaN of one)
NONE = "-"  # no second stream


@dataclass(frozen=True, eq=False)
class Result(Kept):
    """Records, one a cell that ran, of the plan that `ground` holds."""

    ground: Ground
    records: tuple[Record, ...] = ()

    @cached_property
    def frame(self) -> Any:
        """A tidy frame, a row a record, in the order of the plan."""
        return frame(self.ordered)

    @cached_property
    def _numbers(self) -> dict[tuple, Mapping[str, Any]]:
        return {self.ground.plan.place(record): record.numbers for record in self.records if record.numbers}

    @property
    def capacities(self) -> list[int]:
        return sorted({cell.capacity for cell in self.ground.plan.cells})

    @property
    def seeds(self) -> list[int]:
        return list(dict.fromkeys(cell.seed for cell in self.ground.plan.cells))

    @property
    def many(self) -> int:
        """How many tasks there are."""
        return self.ground.setting.many

    def numbers(self, name: str, capacity: int, seed: int, task: int) -> Mapping[str, Any] | None:
        """What a cell came to; None where it has not run, or failed."""
        return self._numbers.get((name, capacity, seed, task))

    def largest(self) -> int:
        """The largest capacity with a record, else the largest there is."""
        known = [place[1] for place in self._numbers]
        return max(known, default=self.capacities[-1])

    def last(self, name: str, capacity: int, seed: int) -> int:
        """The last task with a record; 0 where there is none."""
        known = [
            task for of, size, drawn, task in self._numbers if (of, size, drawn) == (name, capacity, seed)
        ]
        return max(known, default=0)

    def over_tasks(self, name: str, capacity: int, value: str) -> Line:
        """A number after each task: (task from 1, mean, deviation) over seeds."""
        return self._line(value, lambda place: place[3] + 1 if place[:2] == (name, capacity) else None)

    def over_sizes(self, name: str, value: str) -> Line:
        """A number after the last task against the capacity."""
        end = self.many - 1
        return self._line(value, lambda place: place[1] if place[0] == name and place[3] == end else None)

    def _line(self, value: str, at: Any) -> Line:
        values: dict[float, list[float]] = {}
        for place, numbers in self._numbers.items():
            if (x := at(place)) is not None and numbers[value] is not None:
                values.setdefault(x, []).append(numbers[value])
        return [(x, *mean_sd(values[x])) for x in sorted(values)]


class Looked(NamedTuple):
    """Which memories are looked at, and when: `left` and `right` ("" where there is one alone) after this task.

    A tuple, so that a view can tell that nothing of it has changed (see `view.same`).
    """

    left: str
    right: str
    capacity: int
    seed: int
    task: int

    @classmethod
    def at(cls, session: Any) -> Looked:
        """What the session asks for, or where it does not say, or names what is not there, the nearest to it."""
        result = session.result
        names = result.names
        left = session.left if session.left in names else names[0]
        right = session.right if session.right in names else names[-1]
        if session.right == NONE or right == left:
            right = ""
        capacity = session.capacity if session.capacity in result.capacities else result.largest()
        seed = session.seed if session.seed in result.seeds else result.seeds[0]
        last = max(result.last(name, capacity, seed) for name in (left, right) if name)
        task = last if session.step < 0 else min(session.step, result.many - 1)
        return cls(left, right, capacity, seed, task)

    @staticmethod
    def label(session: Any) -> int:
        """The class looked at, -1 for all: also where the data have no such class any more."""
        return (
            session.only_class if session.only_class < len(session.result.ground.setting.data.classes) else -1
        )

    @property
    def sides(self) -> tuple[str, ...]:
        return (self.left, self.right) if self.right else (self.left,)

    def numbers(self, result: Result, name: str, task: int | None = None) -> Mapping[str, Any] | None:
        """What a side's cell came to, after this task or another one."""
        return result.numbers(name, self.capacity, self.seed, self.task if task is None else task)

    def tasks(self, result: Result) -> Tasks:
        return result.ground.tasks(self.seed)
