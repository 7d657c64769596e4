"""The Map tab: all points, the picks in front, and what the mouse asks about them."""

from __future__ import annotations

from typing import Any

import numpy as np

from widgets.explorer import map_points, map_side
from widgets.explorer.map_colors import Colors
from widgets.explorer.map_layout import Shown
from widgets.explorer.map_sizes import Sizes
from widgets.explorer.map_toolbar import Toolbar
from widgets.explorer.map_under import Under
from widgets.explorer.owners import SOON
from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.explorer.tip import card_html
from widgets.kit import encode, room
from widgets.kit import plain as w
from widgets.kit.canvas import Canvas
from widgets.kit.guard import session_guard
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import note
from widgets.kit.pictures import Pictures
from widgets.kit.tags import tags_of
from widgets.kit.view import Part, View

HEIGHT = 548  # px of a map, in a high window
OTHERS = 260  # px of what is to be seen with it: toolbar, caption, strip


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
        self.sizes = Sizes(session, loop, self._settled)
        self.layout = Shown(session)
        self._ringed: tuple = ()  # the focus that stands out on the canvas
        self.tools = Toolbar(session)
        self.tools.on_mode = lambda lasso: self.canvas and self.canvas.mode(lasso)
        self.tools.on_reset = lambda: self.canvas and self.canvas.reset()
        self.plot = w.Box([]).add_class("cx-frame")
        self.busy = note("", "cx-note", "cx-map-note")
        self.side = note("", "cx-gutter")
        self.caption = note("", "cx-caption-box")
        self.under = Under(session, loop, self._picked, lambda: self.view.refresh())
        self.colors = Colors(session, self.sizes, self.under.owners)
        left = w.VBox([self.plot, self.busy, self.caption, self.under.box]).add_class("cx-map-plot")
        right = w.VBox([self.side]).add_class("cx-map-side")
        two = w.Box([left, right]).add_class("cx-two")
        self.root = w.VBox([self.tools.box, two]).add_class("cx-map")
        self.root.view = self  # for tests, and so that it lives as long as its widget
        watch = (
            "result active j maps layout layout_note color_by only_class focus found nowhere columns theme"
        )
        watch += " width height folded tab tags status hovered"
        self.view = View(session, self._parts(), watch.split(), seen=lambda: session.tab == "map")
        self.view.refresh()

    def _parts(self) -> dict[str, Part]:
        session = self.session

        def drawable(*made_of: Any) -> tuple | None:
            """On the canvas, of these, once there is a map to draw."""
            return (self.canvas, *made_of) if self._map is not None else None

        return {
            "pool": (lambda: (session.result.pool, session.result.data, self._height), self._new_pool),
            "run": (lambda: (session.run.at,), self._new_run),
            "slider": (lambda: (self._j,), self.sizes.later),
            "reading": (
                lambda: (
                    session.result.pool,
                    session.run.at,
                    self._j,
                    session.result.random.at,
                    session.found,
                    session.columns,
                ),
                self._read,
            ),
            "colors": (lambda: self.colors.made_of(self.reading), self._color),
            "layout": (self.layout.made_of, self.layout.choose),
            "theme": (lambda: drawable(session.dark), lambda: self.canvas.theme(session.dark)),
            "points": (
                lambda: drawable(session.run.at, self._map, self.sizes.stated, self.colors.shown),
                self._draw,
            ),
            "look": (
                lambda: drawable(session.run.at, self._j, *self._colors),
                lambda: self.canvas.look(self._table()),
            ),
            "only": (
                lambda: drawable(session.only_class, session.found),
                lambda: self.canvas.only(map_points.shown(self.reading, session)),
            ),
            "distance": (
                lambda: drawable(room.width(session)),
                lambda: self.canvas.distance(map_points.distance(room.width(session), self._height)),
            ),
            "plot": (lambda: drawable(), self._attach),  # last: a view wants its points first
            "tools": (lambda: self.tools.made_of(self.reading), lambda: self.tools.fill(self.reading)),
            "busy": (lambda: (self.layout.busy(),), self._say_busy),
            "side": (lambda: (self.reading, *self._colors), self._tell),
            "card": (lambda: drawable(self.reading, self._pointed, session.tags), self._point),
            "caption": (lambda: (self.reading, self._map, self.colors.shown), self._caption),
            "region": (
                lambda: (self.reading, session.focus, self.under.covered(self.reading)),
                self._tell_region,
            ),
            "strip": (lambda: self._strip_of, self._fill_strip),
        }

    # -- what the parts are made of ---------------------------------------------------------------------------------

    @property
    def _j(self) -> int:
        return min(self.session.j, len(self.session.result.budgets) - 1)

    @property
    def _map(self) -> Any:
        return self.layout.map

    @property
    def _colors(self) -> tuple:
        return self.session.color_by, self.colors.shown, self.session.dark

    @property
    def _height(self) -> int:
        """Px that the map is high: it is drawn anew where the window leaves another height, not for a few px of it."""
        now = 0 if self.canvas is None else self.canvas.widget.height
        return room.height(self.session, OTHERS, HEIGHT, now)

    @property
    def _strip_of(self) -> tuple | None:
        """Of nothing while the slider moves and a click is shown: what it stands for costs a pass over all rows."""
        session = self.session
        if session.focus[0] == "click" and self.sizes.moving:
            return None
        return self.reading, session.focus, session.nowhere, self.canvas

    @property
    def _pointed(self) -> int:
        return self.canvas.pointed(self.session.hovered, self.session.result.n)

    # -- the parts --------------------------------------------------------------------------------------------------

    def _new_pool(self) -> None:
        """Another set of points: a new view, since the old one forgets order and filter when the number changes."""
        self._pictures, self._ringed = Pictures.of(self.session.result), ()
        old, self.canvas = self.canvas, Canvas(self._height, self.session.dark, self.loop)
        self.canvas.on_lasso = self.guard(lambda rows: self._focus("lasso", rows.tolist()))
        self.canvas.on_click = self.guard(self._clicked)
        self.canvas.on_clear = self.guard(lambda: self._focus("", ()))
        self.canvas.on_hover = self.guard(lambda row: self.session.set_trait("hovered", row))
        self.canvas.on_open = self.guard(lambda row: self.session.set_trait("opened", (row, (row,), "")))
        self.canvas.pointer.observe(lambda _: self.view.refresh(), "pinned")
        self.canvas.mode(self.tools.lasso)
        if old is not None:
            old.close()

    def _new_run(self) -> None:
        self.sizes.begin()
        self.view.drawn("slider")

    def _settled(self) -> None:
        """The slider rests: dots get the sizes of its budget, and what a click may ask is prepared."""
        self.view.refresh()
        self.under.owners.prepare(self.reading)

    def _read(self) -> None:
        first = self.reading is None or self.reading.result.early
        self.reading = Reading(
            self.session.result, self.session.run, self._j, self._pictures, self.session.found
        )
        if first and not self.under.owners.quick(self.reading):
            self.loop.call_later(SOON, self.guard(lambda: self.under.owners.prepare(self.reading)))

    def _color(self) -> None:
        self.colors.choose(self.reading)
        self.view.drawn("colors")  # choosing may have found what it colors by

    def _say_busy(self) -> None:
        self.busy.value = self.layout.busy()

    def _draw(self) -> None:
        codes, order = map_points.coded(
            self.session.run, self.session.result.n, self.sizes.stated, self.colors.shown.groups
        )
        self.canvas.draw(encode.square(np.asarray(self._map.xy)), codes, order, self._table())
        self.view.drawn("look")

    def _table(self) -> encode.Table:
        reading, session = self.reading, self.session
        sizes = (len(reading.run.at), reading.classes, reading.n, reading.k)
        look = (
            session.color_by,
            session.dark,
            self.canvas.next_tick(),
            self.colors.shown.shades(session.dark),
        )
        return encode.tables(self._j, *sizes, *look)

    def _attach(self) -> None:
        self.plot.children = (self.canvas.box,)

    def _tell(self) -> None:
        look = self.colors.shown, self.session.color_by, self.session.dark
        self.side.value = map_side.beside(self.reading, *look, fixed=not self.sizes.restated)

    def _point(self) -> None:
        row = self._pointed
        tags = tags_of(self.session, self._pictures.id(row)) if row >= 0 else []
        self.canvas.point_at(row, card_html(self.reading, row, tags))

    def _caption(self) -> None:
        reading, shown_in = self.reading, self.layout.words()
        self.canvas.pointer.label = (
            f"Map of {reading.many(reading.n)} in {shown_in}, {reading.k:,} selected by {reading.name}"
        )
        self.caption.value = map_side.caption(reading, shown_in, not self.colors.shown.every)

    def _tell_region(self) -> None:
        self.under.tell(self.reading, not self.sizes.moving)
        self.view.drawn("region")  # telling may have found what it tells

    def _fill_strip(self) -> None:
        found, focus = self.under.fill(self.reading), self.session.focus
        if focus[0] != "lasso" or focus != self._ringed:
            map_points.ring(self.canvas, self.reading, found.ringed or (), focus[0])
        self._ringed = focus

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
