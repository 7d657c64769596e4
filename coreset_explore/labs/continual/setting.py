"""What arrives, and in which order: a dataset cut into tasks, each kept with its truth.

n rows of the data, T tasks, c classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from coreset_explore.datasets import Data
from coreset_explore.experiment.judging import digest
from coreset_explore.inputs import checks


@dataclass(frozen=True, eq=False)
class Tasks:
    """A stream as one seed draws it: which rows of `data` arrive in each task, and which test rows judge it.

    `rows`: T tensors of row numbers in order of arrival, no row twice; `tests`: T tensors of numbers of test rows,
    which tasks may share; `names`: what each task is. `data.truth["task"]` (n,) says of each row when it comes, −1 for
    never, beside what else its scenario knows (angle, dataset).
    """

    data: Data
    rows: tuple[Tensor, ...]
    tests: tuple[Tensor, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if empty := [name for name, rows in zip(self.names, self.rows, strict=True) if not len(rows)]:
            raise ValueError(
                f"{self.data.name}: no row arrives in task {empty[0]}; cut it into fewer tasks, or load more rows"
            )
        when = torch.full((len(self.data),), -1)
        for task, rows in enumerate(self.rows):
            when[rows] = task
        if int((when >= 0).sum()) < sum(map(len, self.rows)):
            raise ValueError(
                f"{self.data.name}: a row arrives in two tasks; a stream hands over each row once"
            )
        object.__setattr__(self, "data", replace(self.data, truth={**self.data.truth, "task": when}))

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        sizes = sorted(map(len, self.rows))
        each = f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,}"
        return f"Tasks({self.data.name}: {len(self)} of {each} rows)"

    @cached_property
    def counts(self) -> Tensor:
        """Rows of each class in each task (T, c)."""
        assert self.data.y is not None  # a Setting's data have labels
        labels = [self.data.y[rows] for rows in self.rows]
        return torch.stack([torch.bincount(y, minlength=len(self.data.classes)) for y in labels])

    def frequencies(self):
        """Class frequencies over time (GMC, figure 6): a pandas frame, a row a task and class.

        Columns: task, name, class, rows, and `share` of the task's rows.
        """
        import pandas

        found = [
            {"task": task, "name": name, "class": label, "rows": rows, "share": rows / sum(counts)}
            for task, (name, counts) in enumerate(zip(self.names, self.counts.tolist(), strict=True))
            for label, rows in zip(self.data.classes, counts, strict=True)
        ]
        return pandas.DataFrame(found)


@dataclass(frozen=True, eq=False)
class Setting:
    """A scenario on a dataset, as data: `class_incremental("digits", classes=2)` and its like make one.

    `scenario`: its name and options, plain JSON, by which a store tells it from others; `many`: how many tasks,
    whatever the seed; `draw(seed)`: those of one.
    """

    data: Data
    scenario: Mapping[str, Any]
    many: int
    draw: Callable[[int], Tasks]

    def __repr__(self) -> str:
        told = ", ".join(f"{word}={value}" for word, value in self.scenario.items() if word != "scenario")
        return f"Setting({self.data.name}, {self.scenario['scenario']}{': ' + told if told else ''})"

    def tasks(self, seed: int = 0) -> Tasks:
        """What arrives when the stream is drawn by this seed."""
        return self.draw(checks.seed(seed))

    def plain(self) -> dict[str, Any]:
        """JSON: all of it that a number depends on; the data by a digest."""
        return {"data": digest(self.data), "dataset": self.data.name, "scenario": dict(self.scenario)}
