"""Rows that stand out on a jupyter-scatter view: its selection, whose order, color and size need some care."""

from __future__ import annotations

from typing import Any

import numpy as np

from widgets.kit import encode

ECHO = 0.3  # seconds after a lasso until the page has told its polygon
# How rows stand out, by why: pixels they grow by (0 is ignored) and what is left of the others' opacity.
WIDER, FADED = {"lasso": 0.01, "click": 2.0}, {"lasso": 0.4, "click": 0.22}


class Rings:
    """Writes the view's selection; `ours` tells, while that is heard, that it is not the user's."""

    def __init__(self, widget: Any, loop: Any):
        self.widget, self.loop, self.ours = widget, loop, False
        self._rows, self._like = np.zeros(0, np.uint32), -1  # what stands out, and the row whose color it has
        self.dye()

    def put(self, rows: np.ndarray, kind: str, like: int) -> None:
        """These rows (uint32), the first on top, as `Canvas.ring` says."""
        self._rows, self._like = rows, like
        if len(rows):
            self.widget.opacity_unselected = FADED[kind]
        self.dye()
        again = _reordered(rows, self.widget.selection)
        self._select(self.widget.selection if again else rows, WIDER[kind])
        if again and self.loop is not None:  # once the page has told the polygon, which it then forgets
            self.loop.call_later(ECHO, self._reorder, rows, WIDER[kind])
        elif again:
            self._reorder(rows, WIDER[kind])

    def dye(self) -> None:
        """What stands out keeps its colors, unless the page is told as many others, and as many of what is hovered."""
        widget, selected = self.widget, encode.theme(False).selected
        if self._like >= 0 and widget.points is not None:
            column = 2 if widget.color_by == "valueA" else 3
            selected = [widget.color[int(widget.points[self._like, column])]] * len(widget.color)
        if widget.color_selected != selected:
            widget.color_selected = widget.color_hover = selected

    def _reorder(self, rows: np.ndarray, wider: float) -> None:
        """The same rows in another order; none between, since the page ignores a set of rows that it has."""
        if rows is self._rows and _reordered(rows, self.widget.selection):
            self._select(rows[:0], wider)
            self._select(rows, wider)

    def _select(self, rows: np.ndarray, wider: float) -> None:
        self.ours = True
        try:
            options = self.widget.regl_scatterplot_options
            self.widget.regl_scatterplot_options = {**options, "pointSizeSelected": wider}
            self.widget.selection = rows
        finally:
            self.ours = False


def _reordered(rows: np.ndarray, old: np.ndarray) -> bool:
    """Whether these are the same rows in another order."""
    same = len(rows) == len(old) and np.array_equal(np.sort(rows), np.sort(old))
    return same and not np.array_equal(rows, old)
