"""A panel as a test sees it without a page: every widget in it, what it says, its buttons."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as w


def widgets_in(panel: w.Widget) -> Iterator[w.Widget]:
    """The panel and every widget below it."""
    todo = [panel]
    while todo:
        one = todo.pop()
        yield one
        todo += getattr(one, "children", ())


def texts(panel: w.Widget) -> str:
    """Every piece of HTML in the panel, but for its style."""
    shown = (one.value for one in widgets_in(panel) if isinstance(one, w.HTML))
    return "\n".join(value for value in shown if "<style>" not in value)


def button(panel: w.Widget, *names: str) -> w.Button:
    """The button that says one of these."""
    for one in widgets_in(panel):
        if isinstance(one, w.Button) and one.description in names:
            return one
    raise AssertionError(f"no button {names}")
