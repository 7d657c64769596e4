"""The Images tab: for every class, what was chosen first and last, or what a score ranks best and worst."""

from __future__ import annotations

import math

import ipywidgets as w
import numpy as np

from coreset_explore.plots import palette
from coreset_explore.plots.base import ENDS, brief
from widgets.explorer import unseen
from widgets.explorer.rows import Reading, found_in_words
from widgets.explorer.search import columns_field
from widgets.explorer.session import Session
from widgets.kit import encode
from widgets.kit.form import Controls
from widgets.kit.gallery import Gallery, Section, link
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, text
from widgets.kit.pictures import Pictures
from widgets.kit.view import Part, View

EACH, ALL = 7, 63  # thumbnails at either end: of every class, and of one class alone
ALL_CARDS = 24
NARROW = 20  # characters of a class's name beside its rows
WIDER = {"values": 4, "records": 3, "texts": 4, "rendered": 4}  # cards need more room than pictures
PAGE = 10  # classes shown at once, where there are more than MANY
MANY = 12
ORDERS = {"pick": "Rank in selection", "score": "Score, whole class", "weight": "Weight"}
FOUND = ("Found, selected", "Found, not selected")
HEADS = {
    "pick": ENDS,
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
        self.reading: Reading | None = None
        self._pictures: Pictures | None = None
        self.active, self.order, self.only = w.Dropdown(), w.Dropdown(), w.Dropdown()
        self.back, self.on = w.Button(description="Previous"), w.Button(description="Next")
        self.which = note("", "cx-note", "cx-page-note")
        self.pager = w.Box([self.back, self.which, self.on]).add_class("cx-pager")
        self.only_field = field("Class", self.only)
        tools = [field("Selection", self.active), field("Order by", self.order), self.only_field]
        tools += [columns_field(session), self.pager]
        tools = w.Box(tools).add_class("cx-toolbar").add_class("cx-images-tools")
        self.gallery = Gallery(size=46, label="Rows by class").add_class("cx-images-gallery")
        self.told = note("", "cx-note")
        self.root = w.VBox([tools, self.told, self.gallery]).add_class("cx-images")
        self.root.view = self
        link(self.gallery, session, guard(self._picked))
        self.controls = Controls(session, active=self.active, only_class=self.only)
        self.back.on_click(guard(lambda _: self._turn(-1)))
        self.on.on_click(guard(lambda _: self._turn(1)))
        parts: dict[str, Part] = {
            "pictures": (lambda: (session.result.pool, session.result.data), self._new_pictures),
            "reading": (
                lambda: (
                    self._pictures,
                    session.run.at,
                    self._j,
                    session.found,
                    session.nowhere,
                    session.columns,
                ),
                self._read,
            ),
            "tools": (lambda: (self.reading, tuple(session.result.runs), session.only_class), self._offer),
            "pager": (lambda: (self.reading, session.only_class, self.page), self._show_pager),
            "gallery": (
                lambda: (self.reading, self.order.value, session.only_class, self.page, session.dark),
                self._show,
            ),
        }
        watch = ["result", "active", "j", "only_class", "found", "nowhere", "columns", "theme", "tab"]
        self.view = View(session, parts, watch, seen=lambda: session.tab == "images")
        self.order.observe(guard(lambda _: self.view.refresh()), "value")
        self.view.refresh()

    @property
    def _j(self) -> int:
        return min(self.session.j, len(self.session.run.at) - 1)

    def _new_pictures(self) -> None:
        self._pictures = Pictures.of(self.session.result)

    def _read(self) -> None:
        self.reading = Reading(
            self.session.result, self.session.run, self._j, self._pictures, self.session.found
        )

    def _offer(self) -> None:
        reading, controls = self.reading, self.controls
        orders = orders_of(reading)
        kept = self.order.value if self.order.value in orders else "pick"
        controls.put(self.active, reading.name, self.session.result.runs)
        controls.put(self.order, kept, [(ORDERS[name], name) for name in orders])
        controls.put(self.only, self.session.only_class, reading.class_options("Every class"))
        self.only_field.layout.display = None if reading.labels is not None else "none"

    def _show_pager(self) -> None:
        """The pages there are, where the classes do not fit on one."""
        paged = self._paged
        self.pager.layout.display = None if paged else "none"
        if paged:
            classes = self.reading.classes
            pages = math.ceil(classes / PAGE)
            self.page = min(self.page, pages - 1)
            self.back.disabled, self.on.disabled = self.page == 0, self.page == pages - 1
            shown = self._classes()
            self.which.value = f"{shown[0] + 1} to {shown[-1] + 1} of {classes:,} classes"

    def _show(self) -> None:
        reading, order, dark = self.reading, self.order.value, self.session.dark
        searched = reading.found is not None
        head = (*(FOUND if searched and order != "score" else HEADS[order]), _said(reading, order))
        sections = [section(reading, label, order, self._each(), dark) for label in self._classes()]
        sections = [s for s in sections if any(s.groups) or (s.label and not searched)]
        self.gallery.show(
            sections,
            reading.pictures,
            head=head if reading.k and sections else (),
            label=f"{reading.name}, {reading.many(reading.k)}",
            empty=(self.session.nowhere or "No row here holds these words.")
            if searched
            else "Nothing was chosen.",
        )
        off = any(cell.off for s in sections for group in s.groups for cell in group)
        told = [
            unseen.told(reading),
            f"≠ marks {reading.pictures.word} that the model takes for another class." if off else "",
        ]
        told += [self.session.nowhere or f"Found: {found_in_words(reading)}." if searched else ""]
        self.told.value = f'<span role="status">{text(" ".join(one for one in told if one))}</span>'

    @property
    def _paged(self) -> bool:
        every = self.reading.labels is not None and self.session.only_class < 0
        return every and self.reading.classes > MANY

    def _classes(self) -> list[int]:
        """The classes on this page; -1: all rows."""
        if self.reading.labels is None:
            return [-1]
        if self.session.only_class >= 0:
            return [self.session.only_class]
        first, last = (self.page * PAGE, (self.page + 1) * PAGE) if self._paged else (0, MANY)
        return list(range(first, min(last, self.reading.classes)))

    def _each(self) -> int:
        if self.reading.labels is None or self.session.only_class >= 0:
            return ALL if self.reading.pictures.kind in ("images", "values") else ALL_CARDS
        return WIDER.get(self.reading.pictures.kind, EACH)

    def _turn(self, step: int) -> None:
        self.page = max(0, self.page + step)
        self.view.refresh()

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
    if reading.found is not None and order != "score":
        first = reading.only(ranked(reading, label, order))[:each]
        others = reading.found if label < 0 else reading.found[reading.labels[reading.found] == label]
        last = others[~np.isin(others, reading.rows)][:each]
    else:
        first, last = ends(reading.only(ranked(reading, label, order)), each)
    groups = [reading.cells(first, False), reading.cells(last, False)]
    if label < 0:
        return Section(groups)
    chosen = int(reading.counts()[label])
    size = int((reading.labels == label).sum())
    if order == "score":
        groups = [[_marked(reading, row) for row in rows] for rows in (first, last)]
    said = f"{chosen:,} of {size:,} selected" if order == "score" else f"{chosen:,} selected"
    if reading.found is not None:
        hits = int((reading.labels[reading.found] == label).sum())
        said = f"{hits:,} of {size:,} found"
    color = palette.class_colors(min(reading.classes, encode.MAX_COLORS), dark)[label % encode.MAX_COLORS]
    return Section(groups, brief(reading.class_name(label), NARROW), said, color, reading.class_name(label))


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
