"""What the Curves tab draws, as plain data: plotly traces and layout. Pure functions of a Result and the Session."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection
from html import escape

from coreset_explore.experiment.runs import Run
from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.explorer.accuracy import all_runs
from widgets.explorer.result import Result
from widgets.explorer.session import Session
from widgets.kit import room

MARGIN = {"l": 58, "r": 14, "t": 40, "b": 48}
HEIGHT = 372
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif'


def error_measure(result: Result) -> str:
    """Gradient error where the pool has gradients, else the mean distance to the nearest pick."""
    errors = result.random.numbers.get("gradient_error") or [None]
    return "gradient_error" if any(e is not None for e in errors) else "mean_distance"


def traces(
    result: Result, measure: str, dark: bool, trained=None, hidden: Collection[str] = ()
) -> list[dict]:
    """Plotly traces as plain dictionaries: one error line, one accuracy line and one band a method not `hidden`."""
    runs = all_runs(result)
    styles = palette.method_styles(list(runs), dark)
    found: list[dict] = [
        {"x": [None], "y": [None], "xaxis": "x2", "yaxis": "y2", "showlegend": False}
    ]  # or no axes
    for name, run in runs.items():
        if name in hidden:
            continue
        style = styles[name]
        look = {
            "line": {"color": style.color, "dash": style.dash, "width": 2},
            "marker": {"color": style.color, "symbol": style.marker, "size": 7},
            "mode": "lines+markers",
            "type": "scatter",
            "name": escape(brief(name, 40), quote=False),  # plotly reads markup in names
            "hoverlabel": {"namelength": -1},
            "showlegend": False,
        }
        pairs = [
            (b, e)
            for b, e in zip(result.budgets, run.numbers.get(measure, []), strict=False)
            if e is not None and e > 0
        ]
        found.append(
            {**look, "x": [b for b, _ in pairs], "y": [e for _, e in pairs], "xaxis": "x", "yaxis": "y"}
        )
        found += _accuracy_traces(accuracies(name, run, trained), look, style.color)
    return found


def _accuracy_traces(rows: list[tuple[int, float, float]], look: dict, color: str) -> list[dict]:
    if not rows:
        return []
    x, mean = [row[0] for row in rows], [row[1] for row in rows]
    sd = [0.0 if math.isnan(row[2]) else row[2] for row in rows]
    red, green, blue = (round(255 * part) for part in palette.rgb(color))
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [
            *(m + s for m, s in zip(mean, sd, strict=True)),
            *reversed([m - s for m, s in zip(mean, sd, strict=True)]),
        ],
        "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},.16)",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    line = {**look, "x": x, "y": mean, "error_y": {"visible": False}}
    return [{**t, "xaxis": "x2", "yaxis": "y2"} for t in (band, line)]


def accuracies(name: str, run: Run, trained=None) -> list[tuple[int, float, float]]:
    """(budget, mean, standard deviation over seeds) from the trained models if there are any, else from the probes.

    One seed has no deviation: NaN.
    """
    frame = run.accuracy
    if trained is not None and (trained["method"] == name).any():
        frame = trained[trained["method"] == name]
    if frame is None or len(frame) == 0:
        return []
    rows = frame.groupby("budget")["accuracy"].agg(["mean", "std"])
    return [(int(b), float(m), float(s)) for b, m, s in rows.itertuples()]


def cursor_line(session: Session) -> list[dict]:
    color = palette.ink("text", session.theme == "dark")
    line = {"type": "line", "x0": session.budget, "x1": session.budget, "y0": 0, "y1": 1}
    look = {"color": color, "width": 1, "dash": "3px,3px"}
    return [{**line, "xref": x, "yref": f"{y} domain", "line": look} for x, y in (("x", "y"), ("x2", "y2"))]


def plot_width(session: Session) -> int:
    """Pixels the figure may take: the panel less rail and padding; plotly cannot find this out by itself."""
    return max(300, room.width(session) - 2)


def layout(session: Session, measure: str) -> dict:
    dark = session.theme == "dark"
    text, grid = palette.ink("text", dark), palette.ink("grid", dark)
    width = plot_width(session)
    stacked = width < 640
    budgets = session.result.budgets if session.result else (10, 100)
    ticks = _one_two_five(budgets[0], budgets[-1])
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": False,
    }
    x = {
        **axis,
        "type": "log",
        "tickvals": ticks,
        "ticktext": [f"{t:,}" for t in ticks],
        "range": [math.log10(0.9 * budgets[0]), math.log10(1.1 * budgets[-1])],
        "title": {"text": NUMBERS["budget"].axis, "standoff": 8, "font": {"size": 12}},
    }
    left, right = ((0, 1), (0, 1)) if stacked else ((0, 0.455), (0.545, 1))
    upper, lower = ((0.59, 1), (0, 0.41)) if stacked else ((0, 1), (0, 1))
    titles = (f"{NUMBERS[measure].axis}, log scale", NUMBERS["accuracy"].axis)
    heads = [
        {
            "text": f"<b>{title}</b>",
            "x": a[0],
            "y": b[1],
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "yshift": 10,
            "showarrow": False,
            "font": {"size": 13},
        }
        for title, a, b in zip(titles, (left, right), (upper, lower), strict=True)
    ]
    accuracy = {**axis, "domain": lower, "anchor": "x2", "tickformat": ".0%", "nticks": 7}
    if not measured(session):
        accuracy["range"] = [0, 1]
        place = {
            "x": sum(right) / 2,
            "y": sum(lower) / 2,
            "xanchor": "center",
            "yanchor": "middle",
            "xref": "paper",
            "yref": "paper",
            "showarrow": False,
        }
        text_shown = "<br>".join(textwrap.wrap(session.probe_note or "No accuracies yet", 38))
        heads.append({**place, "text": text_shown, "font": {"color": palette.ink("muted", dark), "size": 13}})
    return {
        "width": width,
        "height": 2 * HEIGHT - 20 if stacked else HEIGHT,
        "margin": MARGIN,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": text, "size": 12, "family": FONT},
        "hovermode": "closest",
        "annotations": heads,
        "shapes": cursor_line(session) if session.result else [],
        "xaxis": {**x, "domain": left, "anchor": "y"},
        "yaxis": {**axis, "type": "log", "domain": upper, "anchor": "x", **_errors(session, measure)},
        "xaxis2": {**x, "domain": right, "anchor": "y2"},
        "yaxis2": accuracy,
        "uirevision": "keep",
    }


def _errors(session: Session, measure: str) -> dict:
    """The range of the error lines that are drawn, and numbers on it, as settings of a log axis."""
    runs = all_runs(session.result) if session.result else {}
    drawn = [run.numbers.get(measure, []) for name, run in runs.items() if name not in session.hidden]
    values = [value for numbers in drawn for value in numbers if value is not None and value > 0]
    low, high = (min(values), max(values)) if values else (0.1, 1.0)
    room = max(0.06 * math.log10(high / low), 0.004)
    ends = [math.log10(low) - room, math.log10(high) + room]
    ticks = log_ticks(10 ** ends[0], 10 ** ends[1])
    return {"range": ends, "tickvals": ticks, "ticktext": [f"{tick:,.6g}" for tick in ticks]}


def log_ticks(low: float, high: float) -> list[float]:
    """Three or more round numbers from low to high: decades, 1-2-5, 1 to 9, or where it is short equal steps."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 2, 5), range(1, 10)):
        inside = [tick for e in decades for d in digits if low <= (tick := float(f"{d}e{e}")) <= high]
        if 3 <= len(inside) <= 9:
            return inside
    if len(inside) > 9:  # so many decades: every second, third, … of them
        powers = [e for e in decades if low <= 10.0**e <= high]
        return [float(f"1e{e}") for e in powers[:: math.ceil(len(powers) / 9)]]
    finest = math.floor(math.log10(high - low))
    for step in (d * 10.0**e for e in (finest, finest - 1) for d in (5, 2, 1)):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first >= 2:
            return [round(i * step, 12) for i in range(first, last + 1)]
    return [low, high]


def measured(session: Session) -> bool:
    """Whether any accuracy is known."""
    if session.result is None:
        return False
    return any(accuracies(name, run, session.judged) for name, run in all_runs(session.result).items())


def _one_two_five(low: int, high: int) -> list[int]:
    marks = [m * 10**e for e in range(9) for m in (1, 2, 5)]
    inside = [m for m in marks if low <= m <= high]
    return inside if len(inside) <= 8 else [m for m in inside if str(m)[0] in "15"]
