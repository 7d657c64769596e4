"""One jupyter-scatter view, with the ways round its traps in one place: points, tables, lasso, click and hover."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from widgets.kit import closing, encode
from widgets.kit.once import once
from widgets.kit.plain import Box
from widgets.kit.pointer import Pointer
from widgets.kit.rings import FADED, WIDER, Rings

YOUNG, AGAIN = 20.0, 3.0  # seconds: points told to a view younger than this are told again after a while
MADE = 5.0  # seconds in which a view that was begun is made, or was taken away
NEVER = -1e6  # pixels round the mouse in which the view itself looks for a point: `pointer` does it
OPTIONS = {"pointOutlineWidth": 0.01, "pointSizeSelected": WIDER["lasso"], "pointSizeMouseDetection": NEVER}


def _nothing(*rows) -> None:
    pass


def _view(height: int) -> Any:
    """A jupyter-scatter widget whose module the page loads once."""
    import jscatter

    here = np.array([-1.0, 1.0], np.float32)
    scatter = jscatter.Scatter(x=here, y=here, height=height, width="auto")
    with mock.patch.object(jscatter.jscatter, "JupyterScatter", _once()):  # it is made when it is asked for
        return scatter.widget


@cache
def _once() -> type[Any]:
    from jscatter.widget import JupyterScatter

    return once(JupyterScatter, before=Path(__file__).with_name("canvas.js").read_text())


class Canvas:
    """`box` is what to show. `selection` is what is looked at, a lasso or what a click asked for, never the coreset.

    `pointer` answers the mouse: which dot is hovered and clicked, and the card beside it.

    The view drops points that arrive while its first or last drawing runs, so `draw` sends the newest state once the
    view is free; before a page shows the view everything is set at once. Make a new Canvas for another number of
    points: the view forgets order and filter then.
    """

    def __init__(self, height: int, dark: bool = False, loop: Any = None):
        self.widget = _view(height)
        self.loop = loop
        self.on_lasso: Callable = _nothing  # of rows
        self.on_click: Callable = _nothing  # of a row, -1: beside all
        self.on_hover: Callable = _nothing  # of a row, -1: the mouse left
        self.on_open: Callable = _nothing  # of a row whose pinned card was clicked
        self.on_clear: Callable = _nothing
        self.tick = 0
        self._waiting: dict | None = None
        self._free = 0.0  # when the view can take points again; 0: no page shows it
        self._since, self._sent = 0.0, 0  # when a page last began to show it; how often points were sent
        self.polygon = np.zeros((0, 2), np.float32)  # of the last lasso
        self._rings = Rings(self.widget, loop)
        with self.widget.hold_sync():
            self.widget.toolbar_buttons = []
            self.widget.axes = self.widget.legend = self.widget.tooltip_enable = self.widget.reticle = False
            self.widget.prevent_filter_reset = True
            self.widget.opacity_unselected = FADED["lasso"]
            # codes are names, not amounts; without this the page asks for histograms that are not there and stops
            self.widget.color_scale = self.widget.opacity_scale = self.widget.size_scale = "categorical"
            self.widget.color_domain, self.widget.opacity_domain, self.widget.size_domain = {}, {}, {}
            self.widget.lasso_min_delay = 8
            self.widget.regl_scatterplot_options = dict(OPTIONS)
        self.theme(dark)
        self.pointer = Pointer()
        self.box = Box([Box([self.widget]).add_class("cx-plot"), self.pointer]).add_class("cx-stage")
        self.widget.observe(self._attached, "dom_element_id")
        self.widget.observe(self._selected, "selection")
        self.widget.observe(self._encircled, "lasso_selection_polygon")
        self.pointer.observe(lambda change: self.on_hover(change.new), "hovered")
        self.pointer.observe(lambda change: self.on_click(change.new[0]), "clicked")
        self.pointer.observe(lambda change: self.on_open(change.new[0]), "opened")

    # -- what is drawn --------------------------------------------------------------------------------------------

    def draw(self, xy: np.ndarray, codes: np.ndarray, order: np.ndarray, table: encode.Table) -> None:
        """Points at `xy` (n, 2) within [-1, 1] with `codes` (n, 2), drawn in `order`, looked up in `table`."""
        state = {"xy": xy, "codes": codes, "order": order, "table": table}
        wait = self._free - time.monotonic()
        if self.loop is None or wait <= 0:
            self._send(state)
        else:
            if self._waiting is None:
                self.loop.call_later(wait, self._flush)
            self._waiting = state

    def look(self, table: encode.Table) -> None:
        """Swap the lookup tables: what a slider move sends."""
        if self._waiting is not None:
            self._waiting["table"] = table
            return
        with self.widget.hold_sync():
            self._tables(table)

    def only(self, rows: np.ndarray | None) -> None:
        """Hide all other points; None shows all."""
        self.widget.filter = None if rows is None else np.sort(np.asarray(rows)).astype(np.uint32)

    def ring(self, rows: Sequence[int] | np.ndarray, kind: str = "lasso", like: int = -1) -> None:
        """Let `rows` stand out, the first on top, as a lasso or as what a click asked for; none: all as usual.

        They keep their colors, or all have that of the row `like`.
        """
        self._rings.put(np.asarray(rows, np.uint32), kind, like)

    def halo(self, rows: Sequence[int]) -> None:
        """A few rows ringed over all that is drawn; none: no ring."""
        self.pointer.halo = [int(row) for row in rows]

    def pointed(self, hovered: int, n: int) -> int:
        """The row, of n, whose card is shown: the one under the mouse, on the map or in a grid, else the one pinned."""
        row = self.pointer.pinned if hovered < 0 else hovered
        return row if row < n else -1

    def point_at(self, row: int, card: str = "") -> None:
        """Ring one row and show its `card` (HTML) there, whether the mouse is on it or not; -1 for none."""
        with self.pointer.hold_sync():
            self.pointer.pointed = int(row)
            self.pointer.card = {"row": int(row), "html": card}

    def theme(self, dark: bool) -> None:
        """Colors of the canvas itself, as RGBA floats: hex strings draw nothing."""
        colors = encode.theme(dark)
        with self.widget.hold_sync():
            self.widget.background_color = colors.background
            self.widget.lasso_color = colors.lasso

    def distance(self, value: float) -> None:
        """Camera distance: 1.16 keeps a square map whole in a narrow panel."""
        if self.widget.camera_distance != value:
            self.widget.camera_distance = value

    def mode(self, lasso: bool) -> None:
        """Whether the mouse draws a lasso or moves the map."""
        self.widget.mouse_mode = "lasso" if lasso else "panZoom"

    def reset(self) -> None:
        """The whole map again."""
        self.widget.reset_view(300)

    def next_tick(self) -> int:
        """A number that differs from the last one's: tables need it, see `encode.tables`."""
        self.tick += 1
        return self.tick

    def close(self) -> None:
        """Forget the view on the page, which takes it away; what is still being made of it throws without its model."""
        self.on_lasso = self.on_click = self.on_hover = self.on_open = self.on_clear = _nothing
        if self.loop is None:
            closing.close(self.box)
        else:
            self.loop.call_later(MADE, closing.close, self.box)

    # -- how it gets there ----------------------------------------------------------------------------------------

    def _send(self, state: dict) -> None:
        points = np.concatenate([state["xy"], state["codes"]], 1).astype(np.float32)
        old = self.widget.points
        same = old is not None and old.shape == points.shape and np.array_equal(old[:, :2], points[:, :2])
        with self.widget.hold_sync():
            self.widget.non_spatial_points_update = bool(same)  # or a tree of all points is built again
            self.widget.point_order = state["order"]
            self.widget.points = points
            self._tables(state["table"])
        self._sent += 1
        if self._free:
            self._busy(len(points))
            if self.loop is not None and time.monotonic() - self._since < YOUNG:
                self.loop.call_later(AGAIN, self._repeat, self._sent)

    def _tables(self, table: encode.Table) -> None:
        self.widget.color_by, self.widget.size_by, self.widget.opacity_by = table.color_by, table.by, table.by
        self.widget.color, self.widget.size, self.widget.opacity = table.color, table.size, table.opacity
        self._rings.dye()

    def _flush(self) -> None:
        state, self._waiting = self._waiting, None
        if state is not None:
            self.draw(**state)

    def _repeat(self, sent: int) -> None:
        """Say the newest points once more: a first drawing on a busy machine outlasts our wait and drops them.

        One point is moved by less than a pixel, since the page ignores points that equal what it was told.
        """
        if sent == self._sent and self._waiting is None:
            points = np.array(self.widget.points, np.float32)
            points[0, 0] += 1e-4
            with self.widget.hold_sync():
                self.widget.non_spatial_points_update = False
                self.widget.points = points
            self._busy(len(points))

    def _attached(self, change) -> None:
        self._since = time.monotonic()
        self._busy(0 if self.widget.points is None else len(self.widget.points), 1.5)
        if self.loop is not None and self._sent > 1:  # some came after the view was made
            self.loop.call_later(AGAIN, self._repeat, self._sent)

    def _busy(self, n: int, least: float = 0.4) -> None:
        self._free = time.monotonic() + least + n / 60_000

    # -- what the user does -----------------------------------------------------------------------------------------

    def _selected(self, change) -> None:
        """A lasso, or the end of one: a click selects nothing, since the view itself finds no point under the mouse."""
        if self._rings.ours:
            return
        self.pointer.pinned = -1
        # what arrives is a view on the message's buffer
        rows = np.array([] if change["new"] is None else change["new"], dtype=np.int64)
        if len(rows):
            self.on_lasso(rows)
        else:
            self.on_clear()

    def _encircled(self, change) -> None:
        if change["new"] is not None and len(change["new"]):
            self.polygon = np.array(change["new"])  # the page forgets it when the selection is set again
