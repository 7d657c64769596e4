"""The Images tab: for every class, what was chosen first and last, or what a score ranks best and worst."""

from __future__ import annotations

import math

from widgets.explorer import unseen
from widgets.explorer.orders import FOUND, HEADS, ORDERS, WHOLE, found_in, orders_of, section, under
from widgets.explorer.owners import Owners
from widgets.explorer.rows import Reading, found_in_words
from widgets.explorer.search import columns_field
from widgets.explorer.session import Session
from widgets.kit import closing
from widgets.kit import plain as w
from widgets.kit.form import Controls
from widgets.kit.gallery import Gallery, link
from widgets.kit.guard import session_guard
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import field, note, show, text
from widgets.kit.pictures import Pictures
from widgets.kit.view import Part, View

EACH, ALL = 7, 63  # thumbnails at either end: of every class, and of one class alone
ALL_CARDS = 24
WIDER = {"values": 4, "records": 3, "texts": 4, "rendered": 4}  # cards need more room than pictures
PAGE = 10  # classes shown at once, where there are more than MANY
MANY = 12


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
        self.owners = Owners(session, kernel_loop(), lambda: self.view.refresh())
        self.gallery = Gallery(size=46, label="Rows by class").add_class("cx-images-gallery")
        self.told = note("", "cx-note")
        self.root = w.VBox([tools, self.told, self.gallery]).add_class("cx-images")
        self.root.view = self
        closing.along(self.root, self.owners.close)
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
            "distances": (
                lambda: (self.reading, session.busy) if self.order.value == "far" else None,
                lambda: self.owners.ask(self.reading),
            ),
            "pager": (
                lambda: (self.reading, self.order.value, session.only_class, self.page),
                self._show_pager,
            ),
            "gallery": (
                lambda: (
                    *(self.reading, self.reading.known_owners is not None, self.order.value),
                    *(session.only_class, self.page, session.dark),
                ),
                self._show,
            ),
        }
        watch = [
            "result",
            "active",
            "j",
            "only_class",
            "found",
            "nowhere",
            "columns",
            "theme",
            "tab",
            "status",
        ]
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
        show(self.only_field, reading.labels is not None)

    def _show_pager(self) -> None:
        """The pages there are, where the classes do not fit on one, or what was found of one class."""
        pages = self._pages
        show(self.pager, pages > 1)
        self.page = min(self.page, pages - 1)
        self.back.disabled, self.on.disabled = self.page == 0, self.page == pages - 1
        if self._paged:
            shown = self._classes()
            self.which.value = f"{shown[0] + 1} to {shown[-1] + 1} of {self.reading.classes:,} classes"
        elif pages > 1:
            self.which.value = f"page {self.page + 1:,} of {pages:,}"

    def _show(self) -> None:
        reading, order, dark = self.reading, self.order.value, self.session.dark
        searched = reading.found is not None
        measured = order != "far" or reading.known_owners is not None
        sections = []
        if measured:
            page = 0 if self._paged else self.page
            each = self._each()
            sections = [section(reading, label, order, each, dark, page) for label in self._classes()]
        head = (*(FOUND if searched and order not in WHOLE else HEADS[order]), under(reading, order))
        sections = [s for s in sections if any(s.groups) or (s.label and not searched)]
        empty = "Nothing was chosen." if measured else "Measuring how far each row is from a pick …"
        if searched:
            empty = "Nothing to show." if self.session.nowhere else "No row here holds these words."
        self.gallery.show(
            sections,
            reading.pictures,
            head=head if reading.k and sections else (),
            label=f"{reading.name}, {reading.many(reading.k)}",
            empty=empty,
        )
        off = any(cell.off for s in sections for group in s.groups for cell in group)
        told = [
            unseen.told(reading),
            f"≠ marks {reading.pictures.word} that the model takes for another class." if off else "",
        ]
        if searched:
            found = f"Found: {found_in_words(reading, self.session.only_class)}."
            told.append(self.session.nowhere or found)
        self.told.value = f'<span role="status">{text(" ".join(one for one in told if one))}</span>'

    @property
    def _pages(self) -> int:
        """Pages of classes, where they do not fit on one, or of what was found where one class is shown, or none."""
        reading = self.reading
        if self._paged:
            return math.ceil(reading.classes / PAGE)
        one = reading.labels is None or self.session.only_class >= 0
        if reading.found is None or self.order.value in WHOLE or not one:
            return 1
        longest = max(map(len, found_in(reading, self._classes()[0], self.order.value)))
        return max(1, math.ceil(longest / self._each()))

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
