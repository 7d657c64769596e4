"""The Accuracy tab: accuracy against the budget, and how accuracy and loss went while each regime trained.

One plotly FigureWidget with three subplots, made when the tab first opens and edited in place from then on.
"""

from __future__ import annotations

from widgets.kit import plain as w
from widgets.kit import plot
from widgets.kit.legend import legend
from widgets.kit.markup import text
from widgets.kit.view import Part, View
from widgets.training.accuracy_figure import describe, height, layout, traces
from widgets.training.session import Session


def accuracy_panel(session: Session) -> w.Widget:
    """The tab's widget; it redraws on a new record, on what the cell under way has come to, theme and width."""
    figure = plot.figure(layout(session.result, session.live, session))
    caption = w.HTML().add_class("cx-note")

    def draw() -> None:
        result, live = session.result, session.live
        plot.redraw(figure, traces(result, live, session), layout(result, live, session))

    def words() -> None:
        now = session.live
        doing = "" if now is None else f"<p><b>{text(_now(now))}</b></p>"
        caption.value = f"{doing}<p>{text(describe(session.result, session))}</p>"

    def room() -> None:
        drawn.layout.min_height = f"{height(session)}px"

    parts: dict[str, Part] = {
        "room": (lambda: (height(session),), room),
        "figure": (
            lambda: (
                session.result, session.live, session.dark, session.hidden, session.budget, plot.width(session),
            ),
            draw,
        ),
        "words": (lambda: (session.result, session.live), words),
    }  # fmt: skip
    names = legend(session, lambda: session.result.names, "accuracy")
    drawn = plot.boxed(figure)
    watch = ["result", "live", "hidden", "budget", "theme", "width", "folded", "tab"]
    view = View(session, parts, watch, seen=lambda: session.tab == "accuracy")
    view.refresh()
    root = w.VBox([names, drawn, caption])
    root.view = view  # for tests
    return root.add_class("cx-training")


def _now(live) -> str:
    at = "" if live.budget is None else f", {live.budget:,} rows"
    return (
        f"Training now: {live.name}{at}, seed {live.seed}, {100 * live.made[-1]:.0f} % of its updates made."
    )
