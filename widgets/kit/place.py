"""Which cell of the notebook shows which panel: where a cell runs again, its new panel takes the old one's place."""

from __future__ import annotations

import weakref
from typing import Any

import IPython

_places: dict[
    str, tuple[str, weakref.WeakSet]
] = {}  # cell: the run of it, and the panels that this run showed


def takes_place(panel: Any) -> list[Any]:
    """The panel is shown by the cell that runs now; gives those that an earlier run of this cell showed.

    Front ends that do not say which cell it is (a terminal, some editors) get no answer.
    """
    cell, run = _running()
    if not cell:
        return []
    before, panels = _places.get(cell, ("", weakref.WeakSet()))
    old = []
    if before != run:
        old = [one for one in panels if one is not panel]
        panels = weakref.WeakSet()
        _places[cell] = (run, panels)
    panels.add(panel)
    return old


def named(panel: Any) -> bool:
    """Whether a variable of the notebook is this panel; IPython's own memory of what cells gave does not count."""
    shell = IPython.get_ipython()
    names = {} if shell is None else shell.user_ns
    return any(value is panel and not name.startswith("_") for name, value in list(names.items()))


def _running() -> tuple[str, str]:
    kernel = getattr(IPython.get_ipython(), "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    return parent.get("metadata", {}).get("cellId", ""), parent.get("header", {}).get("msg_id", "")
