"""The Map tab: all points, the picks in front, and what the mouse asks about them."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from widgets.explorer import map_side
from widgets.explorer.map_strip import strip
from widgets.explorer.map_toolbar import Toolbar
from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.explorer.tip import card_html
from widgets.kit import encode
from widgets.kit.canvas import Canvas
from widgets.kit.gallery import Gallery, link
from widgets.kit.guard import session_guard
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import note, text
from widgets.kit.pictures import Pictures
from widgets.kit.view import Part, View

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
    """The parts of the map and of what stands beside and under it, each with what it is made of."""

    def __init__(self, session: Session, loop: Any = None):
        self.session, self.loop = session, loop
        self.guard = session_guard(session)
        self.canvas: Canvas | None = None
        self.reading: Reading | None = None
        self._pictures: Pictures | None = None
        self._stated = 0  # the budget that the dots' sizes are stated for
        self._timer: Any = None
        self._shown = ""  # the layout on the canvas, while the one asked for is computed
        self._ringed: tuple = ()  # the focus that stands out on the canvas
        self.tools = Toolbar(session)
        self.tools.on_mode = lambda lasso: self.canvas and self.canvas.mode(lasso)
        self.tools.on_reset = lambda: self.canvas and self.canvas.reset()
        self.plot = w.Box([]).add_class("cx-frame")
        self.busy = note("", "cx-note", "cx-map-note")
        self.side = note("", "cx-gutter")
        self.caption, self.head = note("", "cx-caption-box"), note("", "cx-strip-head")
        self.strip = Gallery(size=44, label="Images of the points looked at").add_class("cx-strip")
        left = w.VBox([self.plot, self.busy, self.caption]).add_class("cx-map-plot")
        right = w.VBox([self.side]).add_class("cx-map-side")
        two = w.Box([left, right]).add_class("cx-two")
        under = w.VBox([self.head, self.strip]).add_class("cx-map-under")
        self.root = w.VBox([self.tools.box, two, under]).add_class("cx-map")
        self.root.view = self  # for tests, and so that it lives as long as its widget
        link(self.strip, session, self.guard(self._picked))
        watch = ["result", "active", "j", "maps", "layout", "layout_note", "color_by", "only_class", "focus"]
        watch += ["theme", "width", "hovered", "tab"]
        self.view = View(session, self._parts(), watch, seen=lambda: session.tab == "map")
        self.view.refresh()

    def _parts(self) -> dict[str, Part]:
        session = self.session

        def drawable(*made_of: Any) -> tuple | None:
            """On the canvas, of these, once there is a map to draw."""
            return (self.canvas, *made_of) if self._map is not None else None

        return {
            "pool": (lambda: (session.result.pool, session.result.data), self._new_pool),
            "run": (lambda: (session.run.at,), self._new_run),
            "slider": (lambda: (self._j,), self._settle_later),
            "reading": (lambda: (session.run.at, self._j, session.result.random.at), self._read),
            "layout": (lambda: (session.layout, session.maps), self._choose_layout),
            "tools": (lambda: self.tools.made_of(self.reading), lambda: self.tools.fill(self.reading)),
            "busy": (lambda: (session.layout_note, self._shown), self._say_busy),
            "theme": (lambda: drawable(session.dark), lambda: self.canvas.theme(session.dark)),
            "points": (lambda: drawable(session.run.at, self._map, self._stated), self._draw),
            "look": (lambda: drawable(session.run.at, self._j, session.color_by, session.dark), self._look),
            "only": (lambda: drawable(session.only_class), self._only),
            "distance": (lambda: drawable(session.width), self._move_camera),
            "plot": (lambda: drawable(), self._attach),  # last: a view wants its points first
            "side": (lambda: (self.reading, session.color_by, session.dark), self._tell),
            "card": (lambda: drawable(self.reading, self._pointed), self._point),
            "caption": (lambda: (self.reading, self._map), self._caption),
            "strip": (lambda: None if self._dragged else (self.reading, session.focus), self._fill_strip),
        }

    # -- what the parts are made of ---------------------------------------------------------------------------------

    @property
    def _j(self) -> int:
        return min(self.session.j, len(self.session.result.budgets) - 1)

    @property
    def _map(self) -> Any:
        return self.session.maps.get(self._shown)

    @property
    def _dragged(self) -> bool:
        """Whether the slider moves while a click is shown: what it stands for costs a pass over all rows."""
        return self.session.focus[0] == "click" and self._timer is not None

    @property
    def _pointed(self) -> int:
        """The row whose card is shown: under the mouse, on the map or among the thumbnails, else the one pinned."""
        row = self.session.hovered
        row = self.canvas.pointer.pinned if row < 0 else row
        return row if row < self.session.result.n else -1

    # -- the parts --------------------------------------------------------------------------------------------------

    def _new_pool(self) -> None:
        """Another set of points: a new view, since the old one forgets order and filter when the number changes."""
        self._pictures, self._ringed = Pictures.of(self.session.result), ()
        old, self.canvas = self.canvas, Canvas(HEIGHT, self.session.dark, self.loop)
        self.canvas.on_lasso = self.guard(lambda rows: self._focus("lasso", rows.tolist()))
        self.canvas.on_click = self.guard(self._clicked)
        self.canvas.on_clear = self.guard(lambda: self._focus("", ()))
        self.canvas.on_hover = self.guard(lambda row: self.session.set_trait("hovered", row))
        self.canvas.pointer.observe(lambda _: self.view.refresh(), "pinned")
        self.canvas.mode(self.tools.lasso)
        if old is not None:
            old.close()

    def _new_run(self) -> None:
        self._stated = self._j if self._restated else len(self.session.run.at) - 1
        self.view.drawn("slider")

    def _read(self) -> None:
        self.reading = Reading(self.session.result, self.session.run, self._j, self._pictures)

    def _choose_layout(self) -> None:
        """The one asked for, or until it is computed the one before."""
        maps = self.session.maps
        wanted = (self.session.layout, self._shown, next(iter(maps), ""))
        self._shown = next((name for name in wanted if name in maps), "")

    def _say_busy(self) -> None:
        busy, name = self.session.layout_note, self._shown
        self.busy.value = text(f"{busy}; until then {name}" if busy and name else busy)

    def _draw(self) -> None:
        run, n = self.session.run, self.session.result.n
        picks, weights = _picks(run)
        bins = encode.bins(picks, n) if run.nested else encode.member(picks[self._stated], n, len(picks))
        classes = encode.point_classes(picks, weights, n, self._stated)
        codes = encode.codes(self.reading.labels, bins, classes, len(run.at))
        xy = encode.square(np.asarray(self._map.xy))
        self.canvas.draw(xy, codes, encode.order(bins), self._table())
        self.view.drawn("look")

    def _look(self) -> None:
        self.canvas.look(self._table())

    def _table(self) -> encode.Table:
        reading, session = self.reading, self.session
        sizes = (len(reading.run.at), reading.classes, reading.n, reading.k)
        return encode.tables(self._j, *sizes, session.color_by, session.dark, self.canvas.next_tick())

    def _only(self) -> None:
        label, labels = self.session.only_class, self.reading.labels
        some = label >= 0 and labels is not None
        self.canvas.only(np.flatnonzero(labels == label) if some else None)

    def _move_camera(self) -> None:
        self.canvas.distance(_distance(self.session.width))

    def _attach(self) -> None:
        self.plot.children = (self.canvas.box,)

    def _tell(self) -> None:
        reading, color_by, dark = self.reading, self.session.color_by, self.session.dark
        parts = [
            map_side.numbers(reading),
            map_side.bars(reading, dark, color_by != "class"),
            map_side.weights(reading, color_by, dark, fixed=not self._restated),
        ]
        self.side.value = "".join(f'<section class="cx-part">{part}</section>' for part in parts if part)

    def _point(self) -> None:
        row = self._pointed
        self.canvas.point_at(row, card_html(self.reading, row))

    def _caption(self) -> None:
        self.caption.value = map_side.caption(self.reading, _shown_in(self._shown, self._map))

    def _fill_strip(self) -> None:
        focus = self.session.focus
        found = strip(self.reading, focus)
        self.head.value = (
            f'<b class="cx-h">{text(found.title)}</b><span class="cx-note">{text(found.note)}</span>'
        )
        self.strip.show([found.section], self._pictures, label=found.title)
        if focus[0] != "lasso" or focus != self._ringed:
            self._ring(found.ringed or (), focus[0])
        self._ringed = focus

    def _ring(self, rows: Any, kind: str) -> None:
        """A lasso keeps its colors; what a pick stands for has the pick's, and the pick lies ringed on top."""
        widget = self.canvas.widget
        picks = [row for row in rows if row in self.reading.place] if kind == "click" else []
        rows = [*picks, *(row for row in rows if row not in self.reading.place)] if picks else rows
        code = int(widget.points[picks[0], 2 if widget.color_by == "valueA" else 3]) if picks else 0
        self.canvas.ring(rows, kind or "lasso", widget.color[code] if picks else None)
        self.canvas.halo(picks[:1])

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
            self.view.refresh()

    # -- what the user does -----------------------------------------------------------------------------------------

    def _focus(self, kind: str, rows: Any) -> None:
        self.session.focus = (kind, tuple(rows))

    def _clicked(self, row: int) -> None:
        """A dot is asked what it stands for; beside all dots, a question before is taken back, and a lasso stays."""
        if row >= 0:
            self._focus("click", [row])
        elif self.session.focus[0] == "click":
            self._focus("", ())

    def _picked(self, row: int) -> None:
        if row >= 0:
            self._focus("click", [row])


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
