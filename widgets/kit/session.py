"""What all parts of a panel share."""

from __future__ import annotations

from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, Int, Tuple, Unicode

from widgets.kit.task import Task


class Session(Task):
    """How the panel's run goes, and what its page says of itself. Each panel's own adds settings and view.

    Parts of a panel watch these traits and never talk to each other. What the page says is written by `page.Page` and,
    the hovered row, by `gallery.link`.
    """

    tab = Unicode("")  # that is open
    theme = Unicode("light")
    width = Int(1260)  # of the panel, px
    height = Int(0)  # of the window, px; 0: not known yet
    folded = Bool(None, allow_none=True)  # whether the rail is; None: as the width says
    hidden = Tuple()  # names of the lines that are not drawn, see kit/legend
    hovered = Int(-1)  # a row, -1: none
    opened = Tuple(
        default_value=(-1, (), "")
    )  # the row that is read whole (-1: none), those around it, and "tags"
    query = Unicode("")  # what is searched for
    nowhere = Unicode("")  # of a query that finds nothing: which column it names that is not there
    found = AnyTrait(None)  # the rows that it finds, (m,) int64 in order; None: nothing is searched for
    tags = Dict()  # {tag: ids of rows}, see kit/tags

    @property
    def faded(self) -> bool:
        """Whether what is shown answers other settings, or is being replaced."""
        return self.stale or (self.busy and self.result is not None)

    @property
    def dark(self) -> bool:
        """Whether the page is dark."""
        return self.theme == "dark"
