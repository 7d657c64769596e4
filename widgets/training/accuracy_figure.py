"""What the Accuracy tab draws, as plain data: plotly traces and layout, of a Result, a Live and the Session."""

from __future__ import annotations

import math
from typing import Any

from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.kit import plot
from widgets.training.result import Line, Live, Result
from widgets.training.session import Session

MARGIN = {"l": 58, "r": 14, "t": 40, "b": 48}
HEIGHT, PART = 430, 290  # of three axes beside each other, and of each one where they stand under each other
NARROW = 640  # px: of a figure so wide or less they do


def traces(result: Result, live: Live | None, session: Session) -> list[dict[str, Any]]:
    """A line and a band a regime against the budget, a line each over its updates, and the cell that is trained."""
    styles = palette.method_styles(result.names, session.dark)
    budget, found = result.shown(session.budget, live), [_nothing(str(i)) for i in (1, 2, 3)]
    for name in result.names:
        if name in session.hidden:
            continue
        look = plot.line_of(name, styles[name])
        found += _against_budget(result, name, look, styles[name].color)
        for what, axes in (("accuracy", "2"), ("loss", "3")):
            found += _learning(result.curve(name, what, budget), name, look, axes, live)
    return found + _now(live, styles, session.dark)


def _nothing(axes: str) -> dict[str, Any]:
    """A trace that shows nothing: without one plotly draws no axes."""
    return {"x": [None], "y": [None], "showlegend": False, "hoverinfo": "skip", **_on(axes)}


def _on(axes: str) -> dict[str, str]:
    end = "" if axes == "1" else axes
    return {"xaxis": f"x{end}", "yaxis": f"y{end}"}


def _against_budget(result: Result, name: str, look: dict, color: str) -> list[dict[str, Any]]:
    line = result.accuracies(name)
    if not line:
        return []
    if name in result.ground.whole:  # one number, whatever the budget
        ends = _ends(result.budgets)
        x, mean, sd = list(ends), [line[0][1]] * 2, [line[0][2]] * 2
        look = {**look, "mode": "lines"}
    else:
        x, mean, sd = (list(part) for part in zip(*line, strict=True))
    hover = "%{fullData.name}<br>%{y:.2%}" + ("" if name in result.ground.whole else " at %{x:,} rows")
    drawn = {**look, "x": x, "y": mean, "hovertemplate": f"{hover}<extra></extra>"}
    if len(x) == 1:  # no band fits on one budget
        drawn["error_y"] = {"type": "data", "array": [0.0 if s != s else s for s in sd], "thickness": 1.4}
        return [{**drawn, **_on("1")}]
    return [{**plot.band(x, mean, sd, color), **_on("1")}, {**drawn, **_on("1")}]


def _learning(line: Line, name: str, look: dict, axes: str, live: Live | None) -> list[dict[str, Any]]:
    """A regime's curve: paler where another one is being trained, so that this one stands out."""
    if not line:
        return []
    pale = live is not None
    thin = {**look["line"], "width": 1.4}
    number = "%{y:.2%}" if axes == "2" else "%{y:.3g}"
    return [
        {
            **look, **_on(axes), "mode": "lines", "line": thin, "opacity": 0.45 if pale else 1.0,
            "x": [100 * at for at, _, _ in line], "y": [mean for _, mean, _ in line],
            "hovertemplate": f"%{{fullData.name}}<br>{number} at %{{x:.0f}} %<extra></extra>",
        }
    ]  # fmt: skip


def _now(live: Live | None, styles: dict, dark: bool) -> list[dict[str, Any]]:
    if live is None or live.name not in styles:
        return []
    look = plot.line_of(live.name, styles[live.name])
    look = {**look, "line": {**look["line"], "width": 3, "dash": "solid"}, "hoverinfo": "skip"}
    x = [100 * made for made in live.made]
    tested = [(at, a) for at, a in zip(x, live.accuracy, strict=True) if a is not None]
    accuracy = {
        "x": [at for at, _ in tested],
        "y": [a for _, a in tested],
        "mode": "lines+markers",
        **_on("2"),
    }
    return [{**look, **accuracy}, {**look, "x": x, "y": list(live.loss), "mode": "lines", **_on("3")}]


def _ends(budgets: list[int]) -> tuple[float, float]:
    """From left to right of the axis of budgets."""
    return budgets[0] / 1.12, budgets[-1] * 1.12


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
    share = {**axis, "range": [0, 101], "ticksuffix": " %", "nticks": 6}
    named = {"standoff": 8, "font": {"size": 12}}
    return {
        **plot.ground(width, height(session), MARGIN, dark),
        "annotations": heads,
        "xaxis": {
            **axis, "type": "log", "domain": left, "anchor": "y", "range": ends, "tickvals": ticks,
            "ticktext": [f"{tick:,}" for tick in ticks], "title": {"text": "Rows trained on at a time", **named},
        },
        "yaxis": {**axis, "domain": first, "anchor": "x", "tickformat": ".0%", "nticks": 8},
        "xaxis2": {**share, "domain": right, "anchor": "y2", "matches": "x3", "showticklabels": stacked},
        "yaxis2": {**axis, "domain": second, "anchor": "x2", "tickformat": ".0%", "nticks": 5},
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
