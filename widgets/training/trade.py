"""The Trade-off tab: accuracy against the seconds it took, with the Pareto front, and what the seconds went to."""

from __future__ import annotations

from typing import Any

from coreset_explore.labs.training.reading import trade_off
from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.kit import plain as w
from widgets.kit import plot
from widgets.kit.legend import legend
from widgets.kit.markup import duration, swatch, text
from widgets.kit.view import Part, View
from widgets.training.accuracy_figure import spread
from widgets.training.result import Result
from widgets.training.session import Session

MARGIN = {"l": 58, "r": 20, "t": 40, "b": 48}
HEIGHT = 400
NARROW = 640  # px: of a figure so wide or less the table has fewer columns
FAR = 4.0  # seconds that differ by more than so many times stand on a log axis


def trade_panel(session: Session) -> w.Widget:
    """The tab's widget; it redraws on a new record, theme and width."""
    figure = plot.figure(layout(_points(session.result), session))
    caption, table = w.HTML().add_class("cx-note"), w.HTML().add_class("cx-tables")

    def draw() -> None:
        points = _points(session.result)
        plot.redraw(figure, traces(points, session), layout(points, session))

    def words() -> None:
        points = _points(session.result)
        caption.value = f"<p>{text(describe(session.result, points))}</p>"
        table.value = table_html(session.result, points, session)

    parts: dict[str, Part] = {
        "figure": (lambda: (session.result, session.dark, session.hidden, plot.width(session)), draw),
        "words": (lambda: (session.result, session.dark, plot.width(session) >= NARROW), words),
    }
    drawn = plot.boxed(figure)
    drawn.layout.min_height = f"{HEIGHT}px"
    watch = ["result", "hidden", "theme", "width", "folded", "tab"]
    view = View(session, parts, watch, seen=lambda: session.tab == "trade")
    view.refresh()
    names = legend(session, lambda: session.result.names, "trade")
    root = w.VBox([names, drawn, caption, table])
    root.view = view  # for tests
    return root.add_class("cx-training")


def _points(result: Result) -> Any:
    """`trade_off` of the records so far, in the order of the plan."""
    return trade_off(result.frame)


def traces(points: Any, session: Session) -> list[dict[str, Any]]:
    """A line a regime, its budgets as points; the front as a dotted line and rings."""
    names = session.result.names
    styles = palette.method_styles(names, session.dark)
    found: list[dict[str, Any]] = [{"x": [None], "y": [None], "showlegend": False}]  # or no axes
    for name in names:
        part = points[points.regime == name].sort_values("budget")
        told = [_told(row) for row in part.itertuples()]
        found.append(
            {
                **plot.line_of(name, styles[name]), "visible": name not in session.hidden,
                "x": part.seconds.tolist(), "y": part.accuracy.tolist(),
                "customdata": told, "hovertemplate": "%{fullData.name}<br>%{customdata}<extra></extra>",
            }
        )  # fmt: skip
    shown = points[points.front & ~points.regime.isin(session.hidden)].sort_values("seconds")
    ink = palette.ink("text", session.dark)
    ring = {"symbol": "circle-open", "size": 17, "color": ink, "line": {"width": 1.6, "color": ink}}
    front = {
        "x": shown.seconds.tolist(),
        "y": shown.accuracy.tolist(),
        "type": "scatter",
        "mode": "lines+markers",
    }
    dotted = {"color": ink, "width": 1, "dash": "dot"}
    return [*found, {**front, "marker": ring, "line": dotted, "hoverinfo": "skip", "showlegend": False}]


def _told(row: Any) -> str:
    spread = "" if row.sd != row.sd else f" ± {100 * row.sd:.1f}"
    faster = "" if row.speedup != row.speedup else f"<br>{row.speedup:.1f} times as fast as FULL"
    return (
        f"{row.budget:,} rows: {100 * row.accuracy:.1f}{spread} %<br>{text(duration_of(row.seconds))}{faster}"
    )


def duration_of(seconds: float) -> str:
    """Seconds, with hundredths where they are few."""
    return duration(seconds) if seconds >= 1 else f"{seconds:.2f} s" if seconds >= 0.01 else "<0.01 s"


def layout(points: Any, session: Session) -> dict[str, Any]:
    dark, axis = session.dark, plot.axis(session.dark)
    seconds = [value for value in points.seconds.tolist() if value > 0]
    log = bool(seconds) and max(seconds) > FAR * min(seconds)
    scale = plot.log_axis(seconds) if log else {"rangemode": "tozero", "nticks": 8}
    title = "Seconds: training, forward passes and choosing" + (", log scale" if log else "")
    heads = [plot.head(f"{NUMBERS['accuracy'].axis}; further left is faster", 0, 1)]
    if points.empty:
        heads.append(plot.notice("A dot appears here when the first run is done.", (0, 1), (0, 1), dark))
        scale = {"range": [0, 1]}
    return {
        **plot.ground(plot.width(session), HEIGHT, MARGIN, dark),
        "annotations": heads,
        "xaxis": {**axis, **scale, "title": {"text": title, "standoff": 8, "font": {"size": 12}}},
        "yaxis": {**axis, **spread(points.accuracy.tolist()), "tickformat": ".0%", "nticks": 8},
    }


def describe(result: Result, points: Any) -> str:
    """What rings and lines are, and what the seconds are worth."""
    words = [
        "Ringed: nothing is as fast and as accurate, and better in one of them. Points along a line are budgets."
    ]
    words.append("Seconds are this computer's, whatever else it did, without testing; means over seeds.")
    if not points.empty and points.speedup.isna().all():
        words.append("No speed-up is known without FULL: add it under 2 Regimes.")
    return " ".join(words)


def table_html(result: Result, points: Any, session: Session) -> str:
    """A row a regime and budget: what it reached, what its seconds went to, and how much sooner than FULL it was."""
    if points.empty:
        return ""
    styles, wide = palette.method_styles(result.names, session.dark), plot.width(session) >= NARROW
    by = result.frame[result.frame.accuracy.notna()].groupby(["regime", "budget"])
    parts = by[["train_seconds", "forward_seconds", "choosing_seconds"]].mean()
    rows = []
    for name, part in points.groupby("regime", sort=False):
        for first, row in enumerate(part.itertuples()):
            learning, *choosing = parts.loc[(name, row.budget)]
            spent = [learning, *choosing] if wide else [sum(choosing)]
            ring = '<span title="nothing is as fast and as accurate">◯</span> ' if row.front else ""
            spread = "" if row.sd != row.sd else f" ± {100 * row.sd:.1f}"
            faster = "–" if row.speedup != row.speedup else f"{row.speedup:.1f}×"
            cells = [f"{ring}{row.budget:,}", f"{100 * row.accuracy:.1f}{spread}", *map(_spent, spent)]
            cells += [_spent(row.seconds), faster]
            named = f"{swatch(styles[name])} <span>{text(name)}</span>"
            head = "" if first else f"<th scope=rowgroup rowspan={len(part)}>{named}</th>"
            rows.append(f"<tr>{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    spent = ["Training", "Forward", "Choosing"] if wide else ["Choosing"]
    heads = ["Regime", "Rows", "Accuracy, %", *spent, "Together", "Speed-up"]
    head = "".join(f"<th scope=col>{one}</th>" for one in heads)
    return f"<table class=cx-table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _spent(seconds: float) -> str:
    return text(duration_of(seconds)) if seconds else "–"
