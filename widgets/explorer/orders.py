"""In which order the Images tab shows rows, and which: a class's first and last picks, or what lies far from all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from coreset_explore.plots import palette
from coreset_explore.plots.base import ENDS, brief
from widgets.explorer.rows import Reading
from widgets.kit import encode
from widgets.kit.gallery import Cell, Section
from widgets.kit.markup import short

NARROW = 20  # characters of a class's name beside its rows
ORDERS = {
    "pick": "Rank in selection",
    "score": "Score, whole class",
    "weight": "Weight",
    "far": "Distance to a pick",
}
FOUND = ("Found, selected", "Found, not selected")
HEADS = {
    "pick": ENDS,
    "score": ("Ranked first by score", "Ranked last by score"),
    "weight": ("Heaviest", "Lightest"),
    "far": ("Farthest from a pick", "Nearest to one"),
}
WHOLE = ("score", "far")  # orders of all rows, not of picks alone


def orders_of(reading: Reading) -> list[str]:
    """The orders that this selection has: a score of all rows or weights are not always there."""
    found = ["pick"]
    if reading.run.selection.score is not None:
        found.append("score")
    if reading.weights is not None and np.ptp(np.abs(reading.weights)) > 1e-9 * max(
        1.0, np.abs(reading.weights).max()
    ):
        found.append("weight")
    if reading.k:
        found.append("far")
    return found


def section(reading: Reading, label: int, order: str, each: int, dark: bool, page: int = 0) -> Section:
    """One class (-1: all rows): up to `each` rows from either end of the order; of what was found, of a page."""
    if reading.found is not None and order not in WHOLE:
        first, last = (rows[page * each : (page + 1) * each] for rows in found_in(reading, label, order))
    else:
        first, last = ends(reading.only(ranked(reading, label, order)), each)
    groups = [[cell(reading, int(row), order) for row in rows] for rows in (first, last)]
    if label < 0:
        return Section(groups)
    chosen = int(reading.counts()[label])
    size = int((reading.labels == label).sum())
    note = f"{chosen:,} of {size:,} selected" if order in WHOLE else f"{chosen:,} selected"
    if reading.found is not None:
        hits = int((reading.labels[reading.found] == label).sum())
        note = f"{hits:,} of {size:,} found"
    color = palette.class_colors(min(reading.classes, encode.MAX_COLORS), dark)[label % encode.MAX_COLORS]
    return Section(groups, brief(reading.class_name(label), NARROW), note, color, reading.class_name(label))


def cell(reading: Reading, row: int, order: str) -> Cell:
    """A thumbnail with what its order is by under it; in an order of all rows what is selected is outlined."""
    made = reading.cell(row, order == "score" and row in reading.place)
    if order != "far":
        return made
    away = float(reading.distances()[row])
    told = short(away) if np.isfinite(away) else "∞"
    return replace(made, top=told, sub="", alt=f"{told} from the nearest pick, {made.alt}")


def found_in(reading: Reading, label: int, order: str) -> tuple[np.ndarray, np.ndarray]:
    """Of a class (-1: all rows) what the search finds: the picks in their order, and the others in the data's."""
    others = reading.found if label < 0 else reading.found[reading.labels[reading.found] == label]
    return reading.only(ranked(reading, label, order)), others[~np.isin(others, reading.rows)]


def ranked(reading: Reading, label: int, order: str) -> np.ndarray:
    """Rows of a class in order: its picks, or the whole class by score, or what is not selected by its distance.

    Ties go to the smaller row.
    """
    if order in WHOLE:
        by = reading.run.selection.score.numpy() if order == "score" else reading.distances()
        rows = np.arange(reading.n) if label < 0 else np.flatnonzero(reading.labels == label)
        if order == "far":
            rows = rows[~np.isin(rows, reading.rows)]
        return rows[np.argsort(-by[rows], kind="stable")]
    rows, mine = reading.rows, slice(None)
    if label >= 0:
        mine = reading.labels[rows] == label
    if order == "weight":
        return rows[mine][np.argsort(-np.abs(reading.weights[mine]), kind="stable")]
    return rows[mine]


def ends(rows: np.ndarray, each: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last `each` rows; of fewer than twice as many, one half and the other."""
    half = min(each, (len(rows) + 1) // 2)
    return rows[:half], rows[max(half, len(rows) - each) :]


def under(reading: Reading, order: str) -> str:
    """What stands under a thumbnail, in words."""
    if order == "far":
        return f"distance{reading.measured_in}; selected rows are left out"
    said = "rank, then ×weight" if reading.weights is not None else "rank"
    return f"{said}; outlined: selected" if order == "score" else said
