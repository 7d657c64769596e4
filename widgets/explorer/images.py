"""The Images tab: for every class, what was chosen first and last, or what a score ranks best and worst."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets as w
import numpy as np

from coreset_explore.plots import palette
from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.kit import encode
from widgets.kit.gallery import Gallery, Section, link
from widgets.kit.markup import brief_name, field, note, text
from widgets.kit.pictures import Pictures
from widgets.kit.problems import session_guard

EACH, ALL = 7, 63  # thumbnails at either end: of every class, and of one class alone
EACH_CARD = 4  # cards of a table are wider
PAGE = 10  # classes shown at once, where there are more than MANY
MANY = 12
ORDERS = {"pick": "Rank in selection", "score": "Score, whole class", "weight": "Weight"}
HEADS = {
    "pick": ("First chosen", "Last chosen"),
    "score": ("Ranked first by score", "Ranked last by score"),
    "weight": ("Heaviest", "Lightest"),
}


def images_panel(session: Session) -> w.Widget:
    """The tab's widget; it follows result, active run, slider, class and theme."""
    return ImagesView(session).root


class ImagesView:
    """One gallery for all classes, so that arrow keys cross from one to the next."""

    def __init__(self, session: Session):
        self.session, guard = session, session_guard(session)
        self.page = 0
        self._made: tuple = ()
        self._ours = False
        self._pictures: tuple[Any, Pictures] | None = None
        self.active, self.order, self.only = w.Dropdown(), w.Dropdown(), w.Dropdown()
        self.back, self.on = w.Button(description="Previous"), w.Button(description="Next")
        self.which = note("", "cx-note", "cx-page-note")
        self.pager = w.Box([self.back, self.which, self.on]).add_class("cx-pager")
        self.only_field = field("Class", self.only)
        tools = [field("Selection", self.active), field("Order by", self.order), self.only_field, self.pager]
        tools = w.Box(tools).add_class("cx-toolbar").add_class("cx-images-tools")
        self.gallery = Gallery(size=46, label="Images by class").add_class("cx-images-gallery")
        self.told = note("", "cx-note")
        self.root = w.VBox([tools, self.told, self.gallery]).add_class("cx-images")
        self.root.view = self
        link(self.gallery, session, guard(self._picked))
        self.active.observe(guard(lambda change: self._set("active", change["new"])), "value")
        self.only.observe(guard(lambda change: self._set("only_class", change["new"])), "value")
        self.order.observe(guard(lambda change: None if self._ours else self.refresh()), "value")
        self.back.on_click(guard(lambda _: self._turn(-1)))
        self.on.on_click(guard(lambda _: self._turn(1)))
        session.observe(guard(self.refresh), ["result", "active", "j", "only_class", "theme", "tab"])
        self.refresh()

    def refresh(self, change: Any = None) -> None:
        """Redraw if anything it is made of changed."""
        session, result = self.session, self.session.result
        if result is None or session.tab != "images":
            return
        if self._pictures is None or self._pictures[0] is not result.pool:
            self._pictures = (result.pool, Pictures.of(result))
        reading = Reading(result, session.run, session.j, self._pictures[1])
        self._offer(reading)
        dark = session.theme == "dark"
        made = (result.pool, session.run.at, reading.j, self.order.value, session.only_class, self.page, dark)
        if made == self._made:
            return
        self._made = made
        shown = self._classes(reading)
        head = HEADS[self.order.value] if reading.k else ()
        notes = (*head, _said(reading, self.order.value)) if head else ()
        sections = [section(reading, label, self.order.value, self._each(reading), dark) for label in shown]
        self.gallery.show(
            [s for s in sections if s.label or any(s.groups)],
            reading.pictures,
            head=notes,
            label=f"{reading.name}, {reading.k:,} points",
            empty="Nothing was chosen.",
        )
        self.told.value = "" if reading.pictures.has_images else text(_without(reading))

    def _classes(self, reading: Reading) -> list[int]:
        """The classes on this page."""
        if reading.labels is None:
            self.pager.layout.display = "none"
            return [-1]
        if self.session.only_class >= 0:
            self.pager.layout.display = "none"
            return [self.session.only_class]
        if reading.classes <= MANY:
            self.pager.layout.display = "none"
            return list(range(reading.classes))
        pages = math.ceil(reading.classes / PAGE)
        self.page = min(self.page, pages - 1)
        first, last = self.page * PAGE, min((self.page + 1) * PAGE, reading.classes)
        self.pager.layout.display = None
        self.back.disabled, self.on.disabled = self.page == 0, self.page == pages - 1
        self.which.value = f"{first + 1} to {last} of {reading.classes:,} classes"
        return list(range(first, last))

    def _each(self, reading: Reading) -> int:
        if reading.labels is None or self.session.only_class >= 0:
            return ALL
        return EACH if reading.pictures.has_images else EACH_CARD

    def _offer(self, reading: Reading) -> None:
        self._ours = True
        try:
            names = tuple(self.session.result.runs)
            if self.active.options != names:
                self.active.options = names
            self.active.value = reading.name if reading.name in names else names[0]
            orders = tuple((ORDERS[name], name) for name in orders_of(reading))
            if self.order.options != orders:
                kept = self.order.value
                self.order.options = orders
                self.order.value = kept if kept in orders_of(reading) else "pick"
            labels = range(reading.classes) if reading.labels is not None else ()
            classes = (("Every class", -1), *((reading.class_name(c), c) for c in labels))
            if self.only.options != classes:
                self.only.options = classes
            self.only_field.layout.display = None if labels else "none"
            self.only.value = self.session.only_class
        finally:
            self._ours = False

    def _set(self, trait: str, value: Any) -> None:
        if not self._ours and value is not None:
            self.session.set_trait(trait, value)

    def _turn(self, step: int) -> None:
        self.page = max(0, self.page + step)
        self.refresh()

    def _picked(self, row: int) -> None:
        """A click asks the map what the image stands for."""
        if row >= 0:
            self.session.focus = ("click", (row,))
            self.session.tab = "map"


def orders_of(reading: Reading) -> list[str]:
    """The orders that this selection has: a score of all rows or weights are not always there."""
    found = ["pick"]
    if reading.run.selection.score is not None:
        found.append("score")
    if reading.weights is not None and np.ptp(np.abs(reading.weights)) > 1e-9 * max(
        1.0, np.abs(reading.weights).max()
    ):
        found.append("weight")
    return found


def section(reading: Reading, label: int, order: str, each: int, dark: bool) -> Section:
    """One class (-1: all rows): up to `each` rows from either end of the order."""
    first, last = ends(ranked(reading, label, order), each)
    groups = [reading.cells(first, False), reading.cells(last, False)]
    if label < 0:
        return Section(groups)
    chosen = int(reading.counts()[label])
    size = int((reading.labels == label).sum())
    if order == "score":
        groups = [[_marked(reading, row) for row in rows] for rows in (first, last)]
    said = f"{chosen:,} of {size:,} selected" if order == "score" else f"{chosen:,} selected"
    color = palette.class_colors(min(reading.classes, encode.MAX_COLORS), dark)[label % encode.MAX_COLORS]
    return Section(groups, reading.class_name(label), said, color)


def ranked(reading: Reading, label: int, order: str) -> np.ndarray:
    """Rows of a class in order: its picks, or by score the whole class (ties to the smaller row)."""
    if order == "score":
        score = reading.run.selection.score.numpy()
        rows = np.arange(reading.n) if label < 0 else np.flatnonzero(reading.labels == label)
        return rows[np.argsort(-score[rows], kind="stable")]
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


def _marked(reading: Reading, row: int):
    return reading.cell(int(row), int(row) in reading.place)


def _said(reading: Reading, order: str) -> str:
    under = "rank, then ×weight" if reading.weights is not None else "rank"
    return f"{under}; outlined: selected" if order == "score" else under


def _without(reading: Reading) -> str:
    name = getattr(reading.result.data, "name", "")
    return f"{brief_name(name) or 'This data'} has no images: each card shows the row's first values."
