"""What lies under the map: the numbers of a region and what to do with it, and thumbnails of the rows looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from widgets.explorer.map_strip import Strip, strip
from widgets.explorer.owners import Owners
from widgets.explorer.region import Region
from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.kit import closing
from widgets.kit import plain as w
from widgets.kit.gallery import Gallery, Section, link
from widgets.kit.guard import session_guard
from widgets.kit.markup import note, text


class Under:
    """`box` is what to show; `fill` shows a focus and gives its Strip; `changed` is called when more is known of it."""

    def __init__(self, session: Session, loop: Any, picked: Callable[[int], Any], changed: Callable[[], Any]):
        self.session = session
        self.head = note("", "cx-strip-head")
        self.strip = Gallery(size=44, label="What is looked at").add_class("cx-strip")
        self.region, self.owners = Region(session), Owners(session, loop, changed)
        self.region.turned = session_guard(session)(self._turned)
        self._reading: Reading | None = None
        self.box = w.VBox([self.region.box, self.head, self.strip]).add_class("cx-map-under")
        closing.along(self.box, self.owners.close)
        link(self.strip, session, session_guard(session)(picked))

    def tell(self, reading: Reading, rests: bool = True) -> None:
        """The numbers of the region looked at; while the slider moves (`rests` is False) none that take long."""
        if self.session.focus[0] == "lasso" and (rests or self.owners.quick(reading)):
            self.owners.ask(reading)
        self.region.fill(reading, self.session.focus)

    def covered(self, reading: Reading) -> bool:
        """Whether there is a region, and known, or told in no time, which pick stands for which of its rows."""
        known = reading.known_owners is not None or self.owners.quick(reading)
        return self.session.focus[0] == "lasso" and known

    def fill(self, reading: Reading) -> Strip:
        """The rows of the focus."""
        self._reading = reading
        if self.session.focus[0] == "click":
            self.owners.wait(reading)
        found = strip(reading, self.session.focus)
        if self.session.focus[0] == "lasso":
            found = self._paged(reading, found)
        elif not self.session.focus[0] and self.session.nowhere:
            found = found._replace(title=self.session.nowhere)
        self.head.value = (
            f'<b class="cx-h">{text(found.title)}</b><span class="cx-note">{text(found.note)}</span>'
        )
        self.strip.show([found.section], reading.pictures, label=found.title)
        return found

    def _paged(self, reading: Reading, found: Strip) -> Strip:
        """All rows of a lasso, a page as long as the first one at a time; those on it are not shown again."""
        first = [cell.row for group in found.section.groups for cell in group]
        shown = set(first)
        rows = [*first, *(row for row in found.ringed or () if row not in shown)]
        low, high = self.region.paged(len(rows), max(1, len(first)))
        cells = [reading.cell(row, row in reading.place) for row in rows[low:high]]
        return found._replace(note="selected first, outlined", section=Section([cells]))

    def _turned(self) -> None:
        if self._reading is not None:
            self.fill(self._reading)
