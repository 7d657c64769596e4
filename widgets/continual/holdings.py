"""What a memory holds after a task, row by row: weights, classes, and when each row came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.continual.result import Looked, Result
from widgets.kit import encode
from widgets.kit.gallery import Cell, Section
from widgets.kit.markup import short
from widgets.kit.pictures import Pictures

NARROW = 20  # characters of a class's name beside its rows


@dataclass(frozen=True, eq=False)
class Holding:
    """One side: m rows of the data by number, in the order in which they came."""

    name: str
    task: int
    numbers: Mapping[str, Any]
    rows: np.ndarray
    weights: np.ndarray
    labels: np.ndarray
    came: np.ndarray  # the task in which each row came

    @classmethod
    def of(cls, result: Result, looked: Looked, name: str) -> Holding | None:
        """What a stream keeps at this moment; None where that is not known."""
        numbers = looked.numbers(result, name)
        if numbers is None:
            return None
        data = looked.tasks(result).data
        assert data.y is not None  # a Setting's data have labels
        rows, came = np.asarray(numbers["ids"], np.int64), data.truth["task"].numpy()
        order = np.argsort(came[rows], kind="stable")
        rows, weights = rows[order], np.asarray(numbers["weights"])[order]
        return cls(name, looked.task, numbers, rows, weights, data.y.numpy()[rows], came[rows])

    def of_class(self, label: int) -> np.ndarray:
        """Places of a class's rows; of all for -1."""
        return np.arange(len(self.rows)) if label < 0 else np.flatnonzero(self.labels == label)

    def cell(self, place: int, pictures: Pictures, classes: tuple[str, ...]) -> Cell:
        """A row as a thumbnail: the task it came in and its weight under it; outlined where it came in this one."""
        row, weight, came = int(self.rows[place]), float(self.weights[place]), int(self.came[place])
        said = f"{pictures.name(row)}, class {classes[self.labels[place]]}, kept by {self.name} since task {came + 1}"
        alt = f"{said}, weight {short(weight)}{pictures.opening(row)}"
        return Cell(row, alt, str(came + 1), f"×{short(weight)}", came == self.task)


def section(
    sides: list[Holding | None],
    label: int,
    each: int,
    pictures: Pictures,
    classes: tuple[str, ...],
    dark: bool,
) -> Section:
    """A class's rows in each memory beside each other; of many the first and the last that came."""
    groups, counts = [], []
    for side in sides:
        places = np.zeros(0, int) if side is None else side.of_class(label)
        counts.append("–" if side is None else f"{len(places):,}")
        if len(places) > each:
            places = np.concatenate([places[: each // 2], places[len(places) - (each - each // 2) :]])
        groups.append([] if side is None else [side.cell(int(one), pictures, classes) for one in places])
    note = f"{' and '.join(counts)} kept"
    if label < 0:
        return Section(groups, "All classes", note)
    color = palette.class_colors(min(len(classes), encode.MAX_COLORS), dark)[label % encode.MAX_COLORS]
    return Section(groups, brief(classes[label], NARROW), note, color, classes[label])
