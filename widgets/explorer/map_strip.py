"""What the strip under the map shows: the first picks, what a lasso holds, or what a clicked point stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coreset_explore.plots.base import ENDS, brief
from widgets.explorer.rows import Reading, found_in_words, share
from widgets.explorer.unseen import of_pictures
from widgets.kit.gallery import Section

ROOM = {
    "images": 18,
    "values": 9,
    "records": 10,
    "texts": 8,
    "rendered": 8,
}  # what a wide panel shows at a glance
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
    if reading.found is not None:
        return searched(reading)
    shown = reading.cells(reading.rows[: _room(reading)])
    return Strip(ENDS[0], of_pictures(reading) or "use Lasso to look at a region", Section([shown]))


def searched(reading: Reading) -> Strip:
    """What a search finds: selected rows first, outlined, then the others."""
    picked = reading.only(reading.rows).tolist()
    others = np.setdiff1d(reading.found, picked).tolist()
    room = _room(reading)
    cells = reading.cells(picked[:room], True) + reading.cells(others[: max(0, room - len(picked))])
    title = f"Found: {found_in_words(reading)}"
    note = "" if len(cells) == len(reading.found) else f"{len(cells)} of them, selected first and outlined"
    return Strip(title, note, Section([cells]))


def lasso(reading: Reading, rows: np.ndarray) -> Strip:
    """Selected rows first, outlined, in pick order; then the others in the order of the data."""
    rows = reading.only(rows)
    inside = set(rows.tolist())
    picked = [row for row in reading.rows.tolist() if row in inside]
    others = sorted(inside - set(picked))
    room = _room(reading)
    count = min(
        len(picked), max(room - len(others), room - min(7, room // 2))
    )  # some of the others are always seen
    cells = reading.cells(picked[:count], True) + reading.cells(others[: room - count])
    title = f"Lasso: {reading.many(len(rows))}, {len(picked):,} selected ({share(len(picked), len(rows))})"
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
        said = f"Not selected: by the similarities given no selected {reading.pictures.word[:-1]} is like it"
        return Strip(said, "represented by none", Section([[reading.cell(row)]]), [row])
    chief = int(reading.rows[pick])
    members = np.flatnonzero(owner == pick)
    others = members[members != chief]
    others = others[np.argsort(distance[others], kind="stable")]
    room = _room(reading)
    label = brief(reading.heading(chief), 40)
    who = f"{label}, rank" if label else "Rank"
    said = f"represents {reading.many(len(others)).replace(' ', ' other ')}"
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
        last = min(FARTHEST, room // 2)
        near, far = others[: room - last], others[-last:]
        groups, note = [reading.cells(near), reading.cells(far)], "nearest first, then the farthest"
    return Strip(title, note, Section([first, *[g for g in groups if g]]), members.tolist())


def _room(reading: Reading) -> int:
    return ROOM[reading.pictures.kind]
