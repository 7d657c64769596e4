"""The strips under Compare's map: what only one of the two selections holds."""

from __future__ import annotations

import numpy as np

from widgets.explorer.rows import Reading
from widgets.kit.gallery import Section

STRIP, STRIP_CARDS = 16, 6  # pictures, and cards, which are wider


def only_strip(label: str, reading: Reading, without: np.ndarray, color: str) -> Section:
    """What a run picks and `without` (rows) does not hold, in pick order; of a search, what it finds of these."""
    only = reading.rows[~np.isin(reading.rows, without)]
    found = reading.only(only)
    room = STRIP if reading.pictures.kind in ("images", "values") else STRIP_CARDS
    all_of_them = reading.many(len(only))
    rows = all_of_them if reading.found is None else f"{len(found):,} of {all_of_them} found"
    return Section([reading.cells(found[:room])], label, rows, color)
