"""Every widget that belongs to another one, and closing them all: a widget's own `close` leaves its parts behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from widgets.kit import plain as w

LONG = 10_000  # letters, as of a stylesheet


def parts(widget: w.Widget) -> Iterator[w.Widget]:
    """The widget and all that its traits hold, in turn: children, layouts, styles; each once."""
    seen: set[int] = set()
    todo = [widget]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for name in one.keys:
            todo += _held(getattr(one, name))


def _held(value: Any) -> list[w.Widget]:
    if isinstance(value, w.Widget):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [one for one in value if isinstance(one, w.Widget)] if isinstance(value, list | tuple) else []


def along(widget: w.Widget, end: Callable[[], Any]) -> None:
    """Call `end` when the widget is closed: what works for it, and is no widget, ends with it."""
    widget.observe(lambda change: end() if change.new is None else None, "comm")


def close(widget: w.Widget) -> None:
    """Close the widget, then its parts: the page takes all away in one step. None holds another from then on.

    JupyterLab keeps the model of every widget that was closed, so of words only a few are left to it.
    """
    for one in list(parts(widget)):
        if isinstance(one, w.HTML) and len(one.value) > LONG and one.comm is not None:
            one.value = ""
        w.Widget.close(one)
        one.unobserve_all()
        if isinstance(one, w.Box):
            one.children = ()
