"""What the strip under the map shows: the first picks, what a lasso holds, or what a clicked point stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coreset_explore.plots.base import ENDS
from widgets.explorer.rows import Reading, share
from widgets.kit.gallery import Section

PICTURES, CARDS = 18, 9  # that fit in one line of a wide panel
FARTHEST = 5


class Strip(NamedTuple):
    """Title, a note at its right, the thumbnails, and the rows that stand out on the map (None: as they are)."""

    title: str
    note: str
    section: Section
    ringed: Sequence[int] | None = None


def strip(reading: Reading, focus: tuple[str, Sequence[int]]) -> Strip:
    """The strip for a focus ("lasso" or "click", rows), or ("", ()) for none."""
    kind, rows = focus
    if kind == "lasso" and len(rows):
        return lasso(reading, np.asarray(rows))
    if kind == "click" and len(rows):
        return represents(reading, int(rows[0]))
    shown = reading.cells(reading.rows[: _room(reading)])
    return Strip(ENDS[0], "use Lasso to look at a region", Section([shown]))


def lasso(reading: Reading, rows: np.ndarray) -> Strip:
    """Selected rows first, outlined, in pick order; then the others in the order of the data."""
    inside = set(rows.tolist())
    picked = [row for row in reading.rows.tolist() if row in inside]
    others = sorted(inside - set(picked))
    room = _room(reading)
    count = min(len(picked), max(room - len(others), room - 7))  # some of the others are always seen
    cells = reading.cells(picked[:count], True) + reading.cells(others[: room - count])
    points = f"{len(rows):,} point{'' if len(rows) == 1 else 's'}"
    title = f"Lasso: {points}, {len(picked):,} selected ({share(len(picked), len(rows))})"
    note = (
        "selected first, outlined"
        if len(rows) <= room
        else f"{len(cells)} of them, selected first and outlined"
    )
    return Strip(title, note, Section([cells]), picked + others)


def represents(reading: Reading, row: int) -> Strip:
    """The rows whose pick the clicked row is, or shares: nearest first, then the farthest."""
    from coreset_explore.measures import represent

    owner, distance = reading.owners(represent)
    pick = int(owner[row])
    if pick < 0:
        said = "Not selected: by the similarities given no selected point is like it"
        return Strip(said, "represented by none", Section([[reading.cell(row)]]), [row])
    chief = int(reading.rows[pick])
    members = np.flatnonzero(owner == pick)
    others = members[members != chief]
    others = others[np.argsort(distance[others], kind="stable")]
    room = _room(reading)
    label = reading.label(chief)
    who = f"{label[:1].upper()}{label[1:]}, rank" if label else "Rank"
    said = f"represents {len(others):,} other point{'' if len(others) == 1 else 's'}"
    if row == chief:
        title, first = f"{who} {pick + 1:,}, {said}", [reading.cell(chief, True)]
    else:
        title = f"Not selected: represented by rank {pick + 1:,}, which {said}"
        first = [reading.cell(row), reading.cell(chief, True)]
        others = others[others != row]
    room -= len(first)
    if len(others) <= room:
        groups, note = [reading.cells(others)], "nearest first"
    else:
        near, far = others[: room - FARTHEST], others[-FARTHEST:]
        groups, note = [reading.cells(near), reading.cells(far)], "nearest first, then the farthest"
    return Strip(title, note, Section([first, *[g for g in groups if g]]), members.tolist())


def _room(reading: Reading) -> int:
    return PICTURES if reading.pictures.has_images else CARDS
