"""The legend of a tab's lines, as buttons: pressed again, one takes its line away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.kit import closing
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import swatch
from widgets.kit.session import Session
from widgets.kit.view import View


def legend(session: Session, names: Callable[[], Sequence[str]], tab: str) -> w.Widget:
    """A button a name that the result of this `tab` has lines of, beside the line's style."""
    box: Any = w.Box().add_class("cx-toolbar").add_class("cx-legend")
    guard = session_guard(session)

    def toggled(name: str, shown: bool) -> None:
        others = [one for one in session.hidden if one != name]
        session.hidden = tuple(others if shown else [*others, name])

    def button(name: str, style: palette.Style) -> w.Widget:
        one = w.ToggleButton(name not in session.hidden, description=brief(name, 40), tooltip=f"Show {name}")
        one.observe(guard(lambda change: toggled(name, change["new"])), "value")
        session.observe(guard(lambda _: one.set_trait("value", name not in session.hidden)), "hidden")
        return w.HBox([w.HTML(swatch(style)), one]).add_class("cx-curve")

    def draw() -> None:
        found = list(names())
        styles = palette.method_styles(found, session.dark)
        before = box.children
        box.children = [button(name, styles[name]) for name in found]
        for one in before:
            closing.close(one)

    parts = {"buttons": (lambda: (tuple(names()), session.dark), draw)}
    box.view = View(session, parts, ["result", "theme", "tab"], seen=lambda: session.tab == tab)
    box.view.refresh()
    return box
