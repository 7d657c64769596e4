"""What the Accuracy tab draws, as plain data: plotly traces and layout, of a Result, a Live and the Session."""

from __future__ import annotations

import math
from typing import Any

from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.kit import plot
from widgets.training.result import Line, Live, Result
from widgets.training.session import Session

MARGIN = {"l": 58, "r": 22, "t": 40, "b": 48}
HEIGHT, PART = 430, 290  # of three axes beside each other, and of each one where they stand under each other
NARROW = 640  # px: of a figure so wide or less they do


def traces(result: Result, live: Live | None, session: Session) -> list[dict[str, Any]]:
    """Four traces a regime (band and line against the budget, accuracy and loss over its updates), and two of `live`.

    Always as many, so that what changes between two drawings goes to the page in one message.
    """
    styles = palette.method_styles(result.names, session.dark)
    budget, found = result.shown(session.budget, live), [_empty(axes) for axes in "123"]
    for name in result.names:
        look = {**plot.line_of(name, styles[name]), "visible": name not in session.hidden}
        found += _against_budget(result, name, look, styles[name].color)
        for what, axes in (("accuracy", "2"), ("loss", "3")):
            found.append(_learning(result.curve(name, what, budget), look, axes, live))
    return found + _now(live, styles, session.dark)


def _empty(axes: str) -> dict[str, Any]:
    """A trace that shows nothing: without one plotly draws no axes."""
    return {"x": [None], "y": [None], "showlegend": False, "hoverinfo": "skip", **_on(axes)}


def _on(axes: str) -> dict[str, str]:
    end = "" if axes == "1" else axes
    return {"xaxis": f"x{end}", "yaxis": f"y{end}"}


def _against_budget(result: Result, name: str, look: dict, color: str) -> list[dict[str, Any]]:
    """Band and line; where there is one budget, and no room for a band, a bar at its dot."""
    line, whole = result.accuracies(name), name in result.ground.whole
    if whole and line:  # one number, whatever the budget
        line, look = [(end, *line[0][1:]) for end in _ends(result.budgets)], {**look, "mode": "lines"}
    x, mean, sd = ([row[i] for row in line] for i in range(3))
    hover = "%{fullData.name}<br>%{y:.2%}" + ("" if whole else " at %{x:,} rows")
    bars = [0.0 if math.isnan(one) else one for one in sd] if len(x) == 1 else []
    error = {"type": "data", "array": bars, "visible": bool(bars), "thickness": 1.4}
    drawn = {**look, "x": x, "y": mean, "error_y": error, "hovertemplate": f"{hover}<extra></extra>"}
    band = {**plot.band(x, mean, sd, color), "visible": look["visible"]}
    return [{**band, **_on("1")}, {**drawn, **_on("1")}]


def _learning(line: Line, look: dict, axes: str, live: Live | None) -> dict[str, Any]:
    """A regime's curve: paler while one is being trained, so that this one stands out."""
    number = "%{y:.2%}" if axes == "2" else "%{y:.3g}"
    return {
        **look, **_on(axes), "mode": "lines", "line": {**look["line"], "width": 1.4},
        "opacity": 1.0 if live is None else 0.45,
        "x": [100 * at for at, _, _ in line], "y": [mean for _, mean, _ in line],
        "hovertemplate": f"%{{fullData.name}}<br>{number} at %{{x:.0f}} %<extra></extra>",
    }  # fmt: skip


def _now(live: Live | None, styles: dict, dark: bool) -> list[dict[str, Any]]:
    """Accuracy and loss of the cell that is trained."""
    if live is None or live.name not in styles:
        return [_empty("2"), _empty("3")]
    look = plot.line_of(live.name, styles[live.name])
    look = {**look, "line": {**look["line"], "width": 3, "dash": "solid"}, "hoverinfo": "skip"}
    x = [100 * made for made in live.made]
    tested = [(at, a) for at, a in zip(x, live.accuracy, strict=True) if a is not None]
    accuracy = {"x": [at for at, _ in tested], "y": [a for _, a in tested], "mode": "lines+markers"}
    return [
        {**look, **accuracy, **_on("2")},
        {**look, "x": x, "y": list(live.loss), "mode": "lines", **_on("3")},
    ]


def _ends(budgets: list[int]) -> tuple[float, float]:
    """From left to right of the axis of budgets."""
    return budgets[0] / 1.12, budgets[-1] * 1.12


def spread(values: list[float]) -> dict[str, Any]:
    """An axis of accuracies from the least to the greatest, but five points at least: plotly gives one alone 200."""
    if not values:
        return {"range": [0, 1]}
    low, high = min(values), max(values)
    room = max(0.06 * (high - low), (0.05 - (high - low)) / 2, 0.005)
    return {"range": [max(0.0, low - room), min(1.0 + room / 2, high + room)]}


def _accuracies(result: Result, live: Live | None, session: Session) -> tuple[list[float], list[float]]:
    """All accuracies that are drawn against the budget, bands too, and over the updates."""
    names = [name for name in result.names if name not in session.hidden]
    lines = [row for name in names for row in result.accuracies(name)]
    ends = [mean + way * (0.0 if math.isnan(sd) else sd) for _, mean, sd in lines for way in (-1, 1)]
    at = result.shown(session.budget, live)
    learnt = [mean for name in names for _, mean, _ in result.curve(name, "accuracy", at)]
    return ends, [*learnt, *(one for one in (live.accuracy if live else ()) if one is not None)]


def height(session: Session) -> int:
    """Px of the whole figure."""
    return 3 * PART if plot.width(session) < NARROW else HEIGHT


def layout(result: Result, live: Live | None, session: Session) -> dict[str, Any]:
    dark, width = session.dark, plot.width(session)
    stacked = width < NARROW
    axis, budgets = plot.axis(dark), result.budgets
    left, right = ((0, 1), (0, 1)) if stacked else ((0, 0.5), (0.59, 1))
    first, second, third = ((0.74, 1), (0.37, 0.63), (0, 0.26)) if stacked else ((0, 1), (0.6, 1), (0, 0.4))
    at = result.shown(session.budget, live)
    many = f", {at:,} rows" if len(budgets) > 1 else ""
    heads = [
        plot.head(NUMBERS["accuracy"].axis, left[0], first[1]),
        plot.head(f"{NUMBERS['accuracy'].title} while training{many}", right[0], second[1]),
        plot.head(f"Loss of the rows trained on{many}", right[0], third[1]),
    ]
    if not any(record.numbers for record in result.records):
        heads.append(plot.notice("A dot appears here when the first run is done.", left, first, dark))
    ends = [math.log10(one) for one in _ends(budgets)]
    ticks = budgets if len(budgets) < 7 else [budgets[round(i * (len(budgets) - 1) / 5)] for i in range(6)]
    reached, learnt = _accuracies(result, live, session)
    share = {**axis, "range": [0, 101], "ticksuffix": " %", "nticks": 6}
    named = {"standoff": 8, "font": {"size": 12}}
    return {
        **plot.ground(width, height(session), MARGIN, dark),
        "annotations": heads,
        "xaxis": {
            **axis, "type": "log", "domain": left, "anchor": "y", "range": ends, "tickvals": ticks,
            "ticktext": [f"{tick:,}" for tick in ticks], "title": {"text": "Rows trained on at a time", **named},
        },
        "yaxis": {**axis, **spread(reached), "domain": first, "anchor": "x", "tickformat": ".0%", "nticks": 8},
        "xaxis2": {**share, "domain": right, "anchor": "y2", "matches": "x3", "showticklabels": stacked},
        "yaxis2": {**axis, **spread(learnt), "domain": second, "anchor": "x2", "tickformat": ".0%", "nticks": 5},
        "xaxis3": {**share, "domain": right, "anchor": "y3", "title": {"text": "Updates made", **named}},
        "yaxis3": {**axis, "domain": third, "anchor": "x3", "nticks": 5, "rangemode": "tozero"},
    }  # fmt: skip


def describe(result: Result, session: Session) -> str:
    """What the lines and bands are, and what they do not show."""
    ground = result.ground
    seeds, tested = len(ground.ask.seeds), f"{len(ground.data.x_test):,} test rows after the last epoch"
    spread = f"mean of {seeds} seeds, bands one standard deviation" if seeds > 1 else "one seed, so no band"
    words = [f"Accuracy on {tested}, {spread}."]
    done, cells = sum(bool(r.numbers) for r in result.records), len(ground.plan.cells)
    if done < cells:
        words.insert(0, f"{done:,} of {cells:,} runs so far.")
    if ground.whole & {record.settings["regime"] for record in result.records}:
        words.append(
            f"{' and '.join(sorted(ground.whole))}: all {len(ground.data):,} rows, whatever the budget."
        )
    words.append("Each loss is of the rows that its regime trains on, so losses compare no two regimes.")
    return " ".join(words)
