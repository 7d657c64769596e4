"""What the mouse does over a canvas of points, decided by what is seen; and the card that is shown at the pointer."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Dict, Int, Unicode
from traitlets import List as ListTrait

from widgets.kit import plain as w


class Pointer(w.Plain, anywidget.AnyWidget):
    """Lies beside a jupyter-scatter view, in one box with the class `cx-stage`, and answers the mouse in its stead.

    The view's own test takes the nearest center, whatever the dots' sizes and order. Here the topmost dot that the
    pointer is within wins, and where there is none the one whose edge is nearest, at most four pixels away. The page
    decides alone, on the points as they are drawn; what travels is the row.

    Rows are numbers of points, -1 for none. `hovered`, `clicked` ([row, count]) and `opened` ([row, count], of a pinned
    card that was clicked, to see the row large) are what the page says; `pointed`
    is a row to point at from elsewhere; `halo` are rows ringed for good. `card` {row, html} is shown at the row that is
    hovered or pointed at; a click pins it (`pinned`). `label` says what the canvas shows, for who does not see it.
    """

    _esm = Path(__file__).with_name("pointer.js")

    hovered = Int(-1).tag(sync=True)
    clicked = ListTrait([-1, 0]).tag(sync=True)
    opened = ListTrait([-1, 0]).tag(sync=True)
    pinned = Int(-1).tag(sync=True)
    pointed = Int(-1).tag(sync=True)
    halo = ListTrait().tag(sync=True)
    card = Dict().tag(sync=True)
    label = Unicode("Points").tag(sync=True)
