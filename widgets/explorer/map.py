"""The Map tab: all points, the picks in front, and what the mouse asks about them."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from widgets.explorer import map_side as gutter
from widgets.explorer import map_strip as strip
from widgets.explorer.map_toolbar import Toolbar
from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.kit import encode
from widgets.kit.canvas import Canvas
from widgets.kit.gallery import Gallery, link
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import note, text
from widgets.kit.pictures import Pictures
from widgets.kit.problems import session_guard

HEIGHT = 548
SETTLE = 0.3  # seconds after the slider's last move until sizes are stated for that budget
LARGE = (
    20_000  # rows above which it waits longer, since a page without a GPU then stands still for half a second
)
SETTLE_LARGE = 1.0
RESTATED = 100_000  # rows above which dots keep the size of their weight at the largest budget


def map_panel(session: Session, loop: Any = None) -> w.Widget:
    """The tab's widget; it follows result, active run, slider, layout, focus, theme and width."""
    return MapView(session, kernel_loop() if loop is None else loop).root


class MapView:
    """Each part is redrawn when what it is made of changed, and not otherwise."""

    def __init__(self, session: Session, loop: Any = None):
        self.session, self.loop = session, loop
        self.guard = session_guard(session)
        self.canvas: Canvas | None = None
        self.reading: Reading | None = None
        self._pictures: Pictures | None = None
        self._made: dict[str, tuple] = {}  # part: what it was last made of
        self._stated = 0  # the budget that the dots' sizes are stated for
        self._timer: Any = None
        self._shown = ""  # the layout on the canvas, while the one asked for is computed
        self.tools = Toolbar(session, self.guard)
        self.tools.on_mode = lambda lasso: self.canvas and self.canvas.mode(lasso)
        self.tools.on_reset = lambda: self.canvas and self.canvas.reset()
        self.plot = w.Box([]).add_class("cx-frame")
        self.busy = note("", "cx-note", "cx-map-note")
        self.side, self.card = note("", "cx-gutter"), note("", "cx-card-now")
        self.caption, self.head = note("", "cx-caption-box"), note("", "cx-strip-head")
        self.strip = Gallery(size=44, label="Images of the points looked at").add_class("cx-strip")
        left = w.VBox([self.plot, self.busy, self.caption]).add_class("cx-map-plot")
        right = w.VBox([self.side, self.card]).add_class("cx-map-side")
        two = w.Box([left, right]).add_class("cx-two")
        under = w.VBox([self.head, self.strip]).add_class("cx-map-under")
        self.root = w.VBox([self.tools.box, two, under]).add_class("cx-map")
        self.root.view = self  # for tests, and so that it lives as long as its widget
        link(self.strip, session, self.guard(self._picked))
        watched = ["result", "active", "j", "maps", "layout", "layout_note", "color_by", "only_class"]
        session.observe(self.guard(self.refresh), [*watched, "focus", "theme", "width", "tab"])
        session.observe(self.guard(self._hover), "hovered")
        self.refresh()

    # -- the parts ------------------------------------------------------------------------------------------------

    def refresh(self, change: Any = None) -> None:
        """Redraw what is out of date."""
        session, result = self.session, self.session.result
        if result is None or session.tab != "map":
            return
        run, j = session.run, min(session.j, len(result.budgets) - 1)
        if self._changed("pool", result.pool, result.data):
            self._new_pool(result)
        if self._changed("run", run.at):
            self._stated = j if self._restated else len(run.at) - 1
        elif change is not None and change["name"] == "j":
            self._settle_later()
        if self._changed("reading", run.at, j, result.random.at):
            self.reading = Reading(result, run, j, self._pictures)
        self.tools.refresh(self.reading)
        self._draw(run, j)
        self._tell(j)

    def _new_pool(self, result: Any) -> None:
        """Another set of points: a new view, since the old one forgets order and filter when the number changes."""
        self._made = {"pool": self._made["pool"]}
        self._pictures = Pictures.of(result)
        old, self.canvas = self.canvas, Canvas(HEIGHT, self.session.theme == "dark", self.loop)
        self.canvas.on_lasso = self.guard(lambda rows: self._focus("lasso", rows.tolist()))
        self.canvas.on_click = self.guard(lambda row: self._focus("click", [row]))
        self.canvas.on_clear = self.guard(lambda: self._focus("", ()))
        self.canvas.on_hover = self.guard(lambda row: self.session.set_trait("hovered", row))
        self.canvas.mode(self.tools.lasso)
        if old is not None:
            old.close()

    def _draw(self, run: Any, j: int) -> None:
        session, dark = self.session, self.session.theme == "dark"
        name = session.layout if session.layout in session.maps else self._shown
        if name not in session.maps:
            name = next(iter(session.maps), "")
        self._shown = name
        busy = session.layout_note
        self.busy.value = text(f"{busy}; until then {name}" if busy and name else busy)
        if not name:
            return
        look = (run.at, j, session.color_by, dark)
        if self._changed("theme", dark):
            self.canvas.theme(dark)
        if self._changed("points", run.at, session.maps[name], self._stated):
            self._changed("look", *look)
            xy, found = encode.square(np.asarray(session.maps[name].xy)), self._bins(run)
            picks, weights = _picks(run)
            classes = encode.point_classes(picks, weights, session.result.n, self._stated)
            codes = encode.codes(self.reading.labels, found, classes, len(run.at))
            self.canvas.draw(xy, codes, encode.order(found), self._table(j, dark))
        elif self._changed("look", *look):
            self.canvas.look(self._table(j, dark))
        if self._changed("only", session.only_class):
            some = session.only_class >= 0 and self.reading.labels is not None
            self.canvas.only(np.flatnonzero(self.reading.labels == session.only_class) if some else None)
        self.canvas.distance(_distance(session.width))
        if not self.plot.children or self.plot.children[0] is not self.canvas.box:
            self.plot.children = (self.canvas.box,)  # only now: a view wants its points before it is drawn

    def _tell(self, j: int) -> None:
        session, reading = self.session, self.reading
        dark = session.theme == "dark"
        if self._changed("side", reading, session.color_by, dark):
            parts = [gutter.numbers(reading), gutter.bars(reading, dark, session.color_by != "class")]
            parts.append(gutter.weights(reading, session.color_by, dark, fixed=not self._restated))
            self.side.value = "".join(f'<section class="cx-part">{part}</section>' for part in parts if part)
            self._hover()
        shown = session.maps.get(self._shown)
        if self._changed("caption", reading, shown):
            self.caption.value = gutter.caption(reading, _shown_in(self._shown, shown))
        # what a click stands for costs a pass over all rows: not while the slider moves
        dragged = session.focus[0] == "click" and self._timer is not None
        if not dragged and self._changed("strip", reading, session.focus):
            found = strip.strip(reading, session.focus)
            self.head.value = (
                f'<b class="cx-h">{text(found.title)}</b><span class="cx-note">{text(found.note)}</span>'
            )
            self.strip.show([found.section], self._pictures, label=found.title)
            if session.focus[0] != "lasso" or self._changed("lasso", session.focus):
                self.canvas.ring(found.ringed or (), session.focus[0] or "lasso")

    def _table(self, j: int, dark: bool) -> encode.Table:
        reading = self.reading
        budgets = len(reading.run.at)
        return encode.tables(
            j,
            budgets,
            reading.classes,
            reading.n,
            reading.k,
            self.session.color_by,
            dark,
            self.canvas.next_tick(),
        )

    def _bins(self, run: Any) -> np.ndarray:
        picks, _ = _picks(run)
        n = self.session.result.n
        return encode.bins(picks, n) if run.nested else encode.member(picks[self._stated], n, len(picks))

    # -- sizes, once the slider rests -------------------------------------------------------------------------------

    @property
    def _restated(self) -> bool:
        return self.session.result.n <= RESTATED or not self.session.run.nested

    def _settle_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.loop is not None:
            seconds = SETTLE if self.session.result.n <= LARGE else SETTLE_LARGE
            self._timer = self.loop.call_later(seconds, self.guard(self.settle))
        elif self._restated:
            self._stated = min(self.session.j, len(self.session.run.at) - 1)

    def settle(self) -> None:
        """State sizes (and membership, where prefixes are not a method's answers) for the budget under the slider."""
        self._timer = None
        if self.session.result is not None:
            if self._restated:
                self._stated = min(self.session.j, len(self.session.run.at) - 1)
            self.refresh()

    # -- what the user does -----------------------------------------------------------------------------------------

    def _focus(self, kind: str, rows: Any) -> None:
        self.session.focus = (kind, tuple(rows))

    def _picked(self, row: int) -> None:
        if row >= 0:
            self._focus("click", [row])

    def _hover(self, change: Any = None) -> None:
        if self.reading is None or self.session.tab != "map":
            return
        row = self.session.hovered
        self.card.value = gutter.card(self.reading, row if row < self.reading.n else -1)
        self.canvas.point_at(row)

    def _changed(self, part: str, *made_of: Any) -> bool:
        """Whether a part is made of other things than last time; from now on it counts as made of these."""
        changed = self._made.get(part) != made_of
        self._made[part] = made_of
        return changed


def _picks(run: Any) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    picks = [s.indices.numpy() for s in run.at]
    return picks, [None if s.weights is None else s.weights.double().numpy() for s in run.at]


def _distance(width: int) -> float:
    """Camera distance at which a square map is whole in a panel this wide."""
    plot = width - 34 - (248 if width > 800 else 0) - (254 if width > 1020 else 0)
    return round(max(1.0, 0.98 * HEIGHT / max(plot, 200)), 2)


def _shown_in(name: str, found: Any) -> str:
    """How the map was made, in words."""
    if name == "Yours":
        return "your own map"
    said = getattr(found, "note", "") or name
    return f"{said} of the features" if said == name else said
