"""Rows as a table to take along: what the panel says of each, its text and its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from widgets.explorer.rows import Reading
from widgets.kit.cards import said


def rows_frame(reading: Reading, rows: Sequence[int], tags: Mapping[str, Sequence[int]] | None = None) -> Any:
    """A pandas frame of `rows` (of the pool), one line each, in their order.

    Columns: row (its id), name (of its file), class, predicted and probability (where logits are known), rank and
    weight (of rows that are selected), tags (joined by commas; `tags` {tag: ids}), text, and the columns of the record,
    of which one called as any of these is "… (yours)". What `render` makes is left out.
    """
    import pandas

    rows, pictures, pool = [int(row) for row in rows], reading.pictures, reading.result.pool
    ids = [pictures.id(row) for row in rows]
    held: dict[str, Any] = {"row": ids}
    if getattr(pictures.data, "files", None) is not None:
        held["name"] = [pictures.name(row) for row in rows]
    if reading.labels is not None:
        held["class"] = [reading.class_name(int(reading.labels[row])) for row in rows]
    if pool.logits is not None:
        guesses = [reading.predicted(row) for row in rows]
        held["predicted"] = [reading.class_name(guess[0]) for guess in guesses if guess]
        held["probability"] = [round(guess[1], 6) for guess in guesses if guess]
    ranks = [reading.place.get(row) for row in rows]
    held["rank"] = pandas.array([None if rank is None else rank + 1 for rank in ranks], dtype="Int64")
    if reading.weights is not None:
        held["weight"] = np.array(
            [np.nan if w is None else w for w in map(reading.weight, rows)], dtype=float
        )
    if tags:
        held["tags"] = [", ".join(tag for tag, own in tags.items() if number in own) for number in ids]
    places = [pictures.original(row) for row in rows]
    shown = pictures.shown
    if shown.texts is not None:
        held["text"] = [said(shown.text(place)) for place in places]
    frame = pandas.DataFrame(held)
    if shown.records is None:
        return frame
    own = shown.records.iloc[places].reset_index(drop=True)
    own.columns = [f"{name} (yours)" if str(name) in held else str(name) for name in own.columns]
    return pandas.concat([frame, own], axis=1)
