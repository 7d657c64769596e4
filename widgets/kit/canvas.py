"""One jupyter-scatter view, with the ways round its traps in one place: points, tables, lasso, click and hover."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ipywidgets import Box

from widgets.kit import closing, encode

ECHO = 0.3  # seconds after a lasso in which a single point is the click that its end fires too
YOUNG, AGAIN = 20.0, 3.0  # seconds: points told to a view younger than this are told again after a while
RINGS = {"lasso": 0.01, "click": 1.6}  # widths; 0 is ignored, and thousands of rings hide what they ring
OPTIONS = {"pointOutlineWidth": RINGS["lasso"], "pointSizeSelected": 0.01}


def _nothing(*rows) -> None:
    pass


class Canvas:
    """`box` is what to show. `selection` is the user's alone: lasso and click, never the coreset.

    The view drops points that arrive while its first or last drawing runs, so `draw` sends the newest state once the
    view is free; before a page shows the view everything is set at once. Make a new Canvas for another number of
    points: the view forgets order and filter then.
    """

    def __init__(self, height: int, dark: bool = False, loop: Any = None):
        import jscatter

        here = np.array([-1.0, 1.0], np.float32)
        self.widget = jscatter.Scatter(x=here, y=here, height=height, width="auto").widget
        self.loop = loop
        self.on_lasso: Callable = _nothing  # of rows
        self.on_click: Callable = _nothing  # of a row
        self.on_hover: Callable = _nothing  # of a row, -1: the mouse left
        self.on_clear: Callable = _nothing
        self.tick = 0
        self._waiting: dict | None = None
        self._free = 0.0  # when the view can take points again; 0: no page shows it
        self._since, self._sent = 0.0, 0  # when a page last began to show it; how often points were sent
        self.polygon = np.zeros((0, 2), np.float32)  # of the last lasso
        self._lasso = (-ECHO, np.zeros(0, int))
        self._ringed = np.zeros(0, np.uint32)
        self._clicked = (-ECHO, -1)
        self._ours = False
        with self.widget.hold_sync():
            self.widget.toolbar_buttons = []
            self.widget.axes = self.widget.legend = self.widget.tooltip_enable = self.widget.reticle = False
            self.widget.prevent_filter_reset = True
            self.widget.opacity_unselected = 0.4
            # codes are names, not amounts; without this the page asks for histograms that are not there and stops
            self.widget.color_scale = self.widget.opacity_scale = self.widget.size_scale = "categorical"
            self.widget.color_domain, self.widget.opacity_domain, self.widget.size_domain = {}, {}, {}
            self.widget.lasso_min_delay = 8
            self.widget.regl_scatterplot_options = dict(OPTIONS)
        self.theme(dark)
        self.box = Box([self.widget]).add_class("cx-plot")
        self.widget.observe(self._attached, "dom_element_id")
        self.widget.observe(self._selected, "selection")
        self.widget.observe(self._encircled, "lasso_selection_polygon")
        self.widget.observe(self._hovered, "hovering")

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

    def ring(self, rows: Sequence[int] | np.ndarray, kind: str = "click") -> None:
        """Let `rows` stand out, the first on top, as a lasso or as what a click asked for; none: all as usual."""
        self._ringed = rows = np.asarray(rows, np.uint32)
        again = _reordered(rows, self.widget.selection)
        self._select(self.widget.selection if again else rows, RINGS[kind])
        if again and self.loop is not None:  # once the page has told the polygon, which it then forgets
            self.loop.call_later(ECHO, self._reorder, rows, RINGS[kind])
        elif again:
            self._reorder(rows, RINGS[kind])

    def _reorder(self, rows: np.ndarray, width: float) -> None:
        """The same rows in another order: none between, since the page ignores a set of rows that it has."""
        if rows is self._ringed and _reordered(rows, self.widget.selection):
            self._select(rows[:0], width)
            self._select(rows, width)

    def _select(self, rows: np.ndarray, width: float) -> None:
        self._ours = True
        try:
            self._options(pointOutlineWidth=width)
            self.widget.selection = rows
        finally:
            self._ours = False

    def point_at(self, row: int) -> None:
        """Highlight one row as if the mouse were on it; -1 for none."""
        wanted = None if row < 0 else int(row)
        if self.widget.hovering != wanted:
            self._ours = True
            try:
                self.widget.hovering = wanted
            finally:
                self._ours = False

    def theme(self, dark: bool) -> None:
        """Colors of the canvas itself, as RGBA floats: hex strings draw nothing."""
        colors = encode.theme(dark)
        with self.widget.hold_sync():
            self.widget.background_color = colors.background
            self.widget.lasso_color = colors.lasso
            self.widget.color_selected = self.widget.color_hover = colors.selected

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
        """Forget the view on the page."""
        closing.close(self.box)

    # -- how it gets there ----------------------------------------------------------------------------------------

    def _send(self, state: dict) -> None:
        points = np.concatenate([state["xy"], state["codes"]], 1).astype(np.float32)
        old = self.widget.points
        same = old is not None and old.shape == points.shape and np.array_equal(old[:, :2], points[:, :2])
        with self.widget.hold_sync():
            self.widget.non_spatial_points_update = bool(same)  # or a tree of all points is built again
            self._tables(state["table"])
            self.widget.point_order = state["order"]
            self.widget.points = points
        self._sent += 1
        if self._free:
            self._busy(len(points))
            if self.loop is not None and time.monotonic() - self._since < YOUNG:
                self.loop.call_later(AGAIN, self._repeat, self._sent)

    def _tables(self, table: encode.Table) -> None:
        self.widget.color_by, self.widget.size_by, self.widget.opacity_by = table.color_by, table.by, table.by
        self.widget.color, self.widget.size, self.widget.opacity = table.color, table.size, table.opacity

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

    def _options(self, **options) -> None:
        self.widget.regl_scatterplot_options = {**self.widget.regl_scatterplot_options, **options}

    # -- what the user does -----------------------------------------------------------------------------------------

    def _selected(self, change) -> None:
        if self._ours:
            return
        # what arrives is a view on the message's buffer
        rows = np.array([] if change["new"] is None else change["new"], dtype=np.int64)
        when, lassoed = self._lasso
        if len(rows) == 1 and time.monotonic() - when < ECHO:
            self.ring(lassoed, "lasso")
        elif len(rows) > 1:
            self._is_lasso(rows)
        elif len(rows) == 1:
            self._clicked = (time.monotonic(), int(rows[0]))
            self._options(pointOutlineWidth=RINGS["click"])
            self.on_click(int(rows[0]))
        else:
            self.on_clear()

    def _encircled(self, change) -> None:
        if change["new"] is None or len(change["new"]) == 0:
            return
        self.polygon = np.array(change["new"])  # the page forgets it when the selection is set again
        when, row = self._clicked
        if time.monotonic() - when < ECHO:
            self._is_lasso(np.array([row]))  # the page says the selection first: a lasso round one point

    def _is_lasso(self, rows: np.ndarray) -> None:
        self._options(pointOutlineWidth=RINGS["lasso"])
        self.on_lasso(rows)
        # from the end: the click waits while thousands of rows are shown
        self._lasso = (time.monotonic(), self._ringed if len(self._ringed) == len(rows) else rows)

    def _hovered(self, change) -> None:
        if not self._ours:
            self.on_hover(-1 if change["new"] is None else int(change["new"]))


def _reordered(rows: np.ndarray, old: np.ndarray) -> bool:
    """Whether these are the same rows in another order."""
    same = len(rows) == len(old) and np.array_equal(np.sort(rows), np.sort(old))
    return same and not np.array_equal(rows, old)
