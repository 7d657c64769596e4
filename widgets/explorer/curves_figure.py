"""What the Curves tab draws, as plain data: plotly traces and layout. Pure functions of a Result and the Session."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import torch

from coreset_explore.experiment.runs import Run
from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from coreset_explore.pool import Pool
from widgets.explorer.accuracy import all_runs
from widgets.explorer.result import Result
from widgets.explorer.session import Session
from widgets.kit import plot

MARGIN = {"l": 58, "r": 14, "t": 40, "b": 48}
HEIGHT = 372


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
        look = plot.line_of(name, style)
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
    band = plot.band(x, mean, [row[2] for row in rows], color)
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


def guide_lines(session: Session) -> list[dict]:
    """The budget across both axes, and along the accuracies what naming the largest class always gives."""
    color = palette.ink("text", session.theme == "dark")
    guess = largest(session.result.pool) if measured(session) else None
    level = {"type": "line", "xref": "x2 domain", "x0": 0, "x1": 1, "yref": "y2", "y0": guess, "y1": guess}
    known = (
        []
        if guess is None
        else [{**level, "line": {"color": color, "width": 1, "dash": "solid"}, "opacity": 0.5}]
    )
    line = {"type": "line", "x0": session.budget, "x1": session.budget, "y0": 0, "y1": 1}
    look = {"color": color, "width": 1, "dash": "3px,3px"}
    across = [{**line, "xref": x, "yref": f"{y} domain", "line": look} for x, y in (("x", "y"), ("x2", "y2"))]
    return across + known


def largest(pool: Pool) -> float | None:
    """The accuracy of naming the largest class for every row that judges: what an accuracy has to be read beside."""
    y = _judging(pool)
    return None if y is None else float(torch.bincount(y).max()) / len(y)


def above_chance(pool: Pool, mean: float, sd: float) -> bool:
    """Whether an accuracy is above that by more than its deviation over seeds, and than so few rows can tell."""
    guess, y = largest(pool), _judging(pool)
    if guess is None:
        return True
    rows = len(y) if pool.test is not None else len(y) / 5  # else a fifth judges
    return mean - guess > max(0.0 if math.isnan(sd) else sd, math.sqrt(guess * (1 - guess) / rows))


def _judging(pool: Pool) -> Any:
    return pool.y if pool.test is None or pool.test.y is None else pool.test.y


def layout(session: Session, measure: str) -> dict:
    dark, width = session.dark, plot.width(session)
    stacked = width < 640
    budgets = session.result.budgets if session.result else (10, 100)
    ticks = _one_two_five(budgets[0], budgets[-1])
    axis = plot.axis(dark)
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
    places = zip(titles, (left, right), (upper, lower), strict=True)
    notes = [plot.head(title, across[0], up[1]) for title, across, up in places]
    accuracy = {**axis, "domain": lower, "anchor": "x2", "tickformat": ".0%", "nticks": 7}
    if not measured(session):
        accuracy["range"] = [0, 1]
        notes.append(plot.notice(session.probe_note or "No accuracies yet", right, lower, dark))
    return {
        **plot.ground(width, 2 * HEIGHT - 20 if stacked else HEIGHT, MARGIN, dark),
        "annotations": notes,
        "shapes": guide_lines(session) if session.result else [],
        "xaxis": {**x, "domain": left, "anchor": "y"},
        "yaxis": {**axis, "domain": upper, "anchor": "x", **plot.log_axis(_errors(session, measure))},
        "xaxis2": {**x, "domain": right, "anchor": "y2"},
        "yaxis2": accuracy,
    }


def _errors(session: Session, measure: str) -> list[float]:
    """The errors that lines are drawn of."""
    runs = all_runs(session.result) if session.result else {}
    drawn = [run.numbers.get(measure, []) for name, run in runs.items() if name not in session.hidden]
    return [value for numbers in drawn for value in numbers if value is not None and value > 0]


def measured(session: Session) -> bool:
    """Whether any accuracy is known."""
    if session.result is None:
        return False
    return any(accuracies(name, run, session.judged) for name, run in all_runs(session.result).items())


def _one_two_five(low: int, high: int) -> list[int]:
    marks = [m * 10**e for e in range(9) for m in (1, 2, 5)]
    inside = [m for m in marks if low <= m <= high]
    return inside if len(inside) <= 8 else [m for m in inside if str(m)[0] in "15"]
