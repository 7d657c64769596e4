"""What a lasso holds: its classes, how well the picks cover it, its rows page by page, and what to do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from coreset_explore.plots import palette
from widgets.explorer import own
from widgets.explorer.rows import Reading, said_class, share
from widgets.explorer.session import Session
from widgets.kit import encode
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import cut, note, short, show

LISTED = 8  # classes


class Region:
    """`box` is what to show: numbers, a pager and buttons, seen while a lasso or a click is looked at.

    `page` is that of the rows; `turned` is called when it changes.
    """

    def __init__(self, session: Session):
        self.session, self.page, self.pages = session, 0, 1
        self.turned: Callable[[], Any] = lambda: None
        guard = session_guard(session)
        self.told = note("", "cx-region-told")
        self.where = note("", "cx-note", "cx-region-where")
        self.back, self.on = (
            self._button(sign, tip) for sign, tip in (("‹", "Previous page"), ("›", "Next page"))
        )
        self.back.on_click(guard(lambda _: self._turn(-1)))
        self.on.on_click(guard(lambda _: self._turn(1)))
        self.use = self._button(
            "Use as a selection", "The region beside the methods, to compare and to export"
        )
        self.add = self._button(
            "Add to the picks", "The picks on the map and the region, as a selection of your own"
        )
        self.drop = self._button(
            "Drop from the picks", "The picks on the map without the region, as a selection of your own"
        )
        self.use.on_click(guard(lambda _: own.as_selection(session, self._rows)))
        self.add.on_click(guard(lambda _: own.edit(session, add=self._rows)))
        self.drop.on_click(guard(lambda _: own.edit(session, drop=self._rows)))
        self.pager = w.HBox([self.back, self.where, self.on]).add_class("cx-region-pager")
        deeds = w.HBox([self.use, self.add, self.drop]).add_class("cx-region-deeds")
        self.box = w.VBox([self.told, w.HBox([deeds, self.pager]).add_class("cx-region-line")])
        self.box.add_class("cx-region")

    def fill(self, reading: Reading, focus: tuple[str, Any]) -> None:
        """Say what the focus holds, from its first page on."""
        kind, rows = focus[0], self._rows
        self.page = 0
        self.told.value = about(reading, np.asarray(rows), self.session.dark) if kind == "lasso" else ""
        show(self.box, bool(kind))
        for part in (self.told, self.use, self.pager):
            show(part, kind == "lasso")
        held = sum(row in reading.place for row in rows)
        self.add.disabled, self.drop.disabled = held == len(rows), held == 0

    def paged(self, total: int, room: int) -> tuple[int, int]:
        """The rows [first, last) of `total` on this page of `room`; the pager says so."""
        self.pages = max(1, -(-total // room))
        self.page = min(self.page, self.pages - 1)
        first, last = self.page * room, min(total, (self.page + 1) * room)
        self.where.value = f"{first + 1:,} to {last:,} of {total:,}"
        self.back.disabled, self.on.disabled = self.page == 0, self.page == self.pages - 1
        show(self.pager, self.pages > 1)
        return first, last

    @property
    def _rows(self) -> list[int]:
        return [int(row) for row in self.session.focus[1]]

    def _turn(self, step: int) -> None:
        self.page = min(max(self.page + step, 0), self.pages - 1)
        self.turned()

    @staticmethod
    def _button(name: str, tip: str) -> w.Button:
        return w.Button(description=name, tooltip=tip)


def about(reading: Reading, rows: np.ndarray, dark: bool) -> str:
    """Picks in the region beside what its size would give, coverage inside and outside where known, and its classes."""
    held = [row for row in rows.tolist() if row in reading.place]
    fair = reading.k * len(rows) / reading.n
    figures = [
        (f"{len(held):,}", "picks inside", f"{fair:,.1f} by its share"),
        (
            share(len(held), reading.k),
            "of all picks",
            f"{share(len(rows), reading.n)} of all {reading.pictures.word}",
        ),
    ]
    figures += coverage(reading, rows)
    boxes = "".join(
        f'<div><span class="cx-num">{value}</span><span class="cx-under-num">{name}<br>{under}</span></div>'
        for value, name, under in figures
    )
    return f'<div class="cx-region-figures">{boxes}{classes(reading, rows, held, dark)}</div>'


def coverage(reading: Reading, rows: np.ndarray) -> list[tuple[str, str, str]]:
    """The mean distance from the region's rows to the pick that stands for each, beside all rows'; once it is known."""
    found = reading.known_owners
    if found is None:
        return []
    owner, distance = found
    inside = rows[owner[rows] >= 0]
    if not len(inside):
        return []
    value, whole = float(distance[inside].mean()), float(distance[owner >= 0].mean())
    return [
        (
            short(value),
            f"distance to a pick{reading.measured_in}",
            f"{short(whole)} over all {reading.pictures.word}",
        )
    ]


def classes(reading: Reading, rows: np.ndarray, held: list[int], dark: bool) -> str:
    """Rows and picks of the region's largest classes, as a line each."""
    if reading.labels is None:
        return ""
    counts = np.bincount(reading.labels[rows], minlength=reading.classes)
    picked = np.bincount(reading.labels[held], minlength=reading.classes) if held else np.zeros_like(counts)
    colors = palette.class_colors(min(reading.classes, encode.MAX_COLORS), dark)
    order = [int(c) for c in np.argsort(-counts, kind="stable") if counts[c]]
    lines = [
        f'<span><i style="background:{colors[c % encode.MAX_COLORS]}"></i>'
        f"{cut(said_class(reading.class_name(c), begins=True))} <b>{counts[c]:,}</b> <u>{picked[c]:,} picked</u></span>"
        for c in order[:LISTED]
    ]
    rest = len(order) - LISTED
    more = f"<span>and {rest:,} more class{'es' if rest > 1 else ''}</span>" if rest > 0 else ""
    return f'<div class="cx-keys cx-region-classes">{"".join(lines)}{more}</div>'
