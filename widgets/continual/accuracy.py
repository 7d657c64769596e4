"""The Accuracy tab: a number after each task, a line a stream; against the size of the memory; and what decides."""

from __future__ import annotations

from widgets.continual.accuracy_figure import VALUES, describe, height, layout, traces
from widgets.continual.accuracy_table import table_html
from widgets.continual.looking import looking
from widgets.continual.result import Looked
from widgets.continual.session import Session
from widgets.kit import plain as w
from widgets.kit import plot
from widgets.kit.guard import session_guard
from widgets.kit.legend import legend
from widgets.kit.markup import field, text
from widgets.kit.view import Part, View

WATCH = ["result", "hidden", "step", "left", "right", "capacity", "seed", "theme", "width", "folded", "tab"]


def accuracy_panel(session: Session) -> w.Widget:
    """The tab's widget; it redraws on a new record, another size or number, theme and width."""
    value = w.Dropdown(options=[(title, name) for name, (title, _) in VALUES.items()])
    figure = plot.figure(layout(session, "accuracy"))
    caption, table = w.HTML().add_class("cx-note"), w.HTML().add_class("cx-tables")

    def shown() -> str:
        return str(value.value)

    def draw() -> None:
        plot.redraw(figure, traces(session, shown()), layout(session, shown()))
        drawn.layout.min_height = f"{height(session)}px"

    def words() -> None:
        caption.value = f"<p>{text(describe(session, shown()))}</p>"
        table.value = table_html(session)

    def seen() -> tuple:
        return session.result, Looked.at(session), shown(), session.dark

    drawn = plot.boxed(figure)
    parts: dict[str, Part] = {
        "figure": (lambda: (*seen(), session.hidden, plot.width(session)), draw),
        "words": (seen, words),
    }
    view = View(session, parts, WATCH, seen=lambda: session.tab == "accuracy")
    value.observe(session_guard(session)(view.refresh), "value")
    view.refresh()
    names = legend(session, lambda: session.result.names, "accuracy")
    tools = looking(
        session, "accuracy", field("Shown", value).add_class("cx-shown-value"), asks=("capacity",)
    )
    root = w.VBox([tools, names, drawn, caption, table]).add_class("cx-continual")
    root.view = view  # for tests
    return root
