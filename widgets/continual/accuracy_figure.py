"""What the Accuracy tab draws, as plain data: plotly traces and layout."""

from __future__ import annotations

import math
from typing import Any

from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.continual.result import Looked
from widgets.continual.session import Session
from widgets.kit import plot

MARGIN = {"l": 58, "r": 22, "t": 40, "b": 48}
HEIGHT, PART = 350, 290  # px: of axes beside each other, and of each where they stand under each other
NARROW = 640
SHARE = ".0%"
VALUES = {  # name: (title, format of its axis)
    "accuracy": ("Accuracy on everything", SHARE),
    "accuracy_seen": ("Accuracy on tasks so far", SHARE),
    "forgetting": ("Forgetting", SHARE),
    "backward_transfer": ("Backward transfer", SHARE),
    "gradient_error": ("Gradient error", ".3~g"),
    "effective_size": ("Effective size", ",.0f"),
}
MEANING = {
    "accuracy": "Accuracy on all test rows, those of tasks to come among them.",
    "accuracy_seen": "The mean accuracy on the tasks that have come so far.",
    "forgetting": "What was lost since the best accuracy on each earlier task, in the mean.",
    "backward_transfer": "What later tasks changed in the accuracy on earlier ones; below zero is forgetting.",
    "gradient_error": NUMBERS["gradient_error"]
    .about.replace("picks", "kept rows")
    .replace("all rows", "all seen"),
    "effective_size": NUMBERS["effective_size"].about.replace("picks", "kept rows"),
}


def sized(session: Session) -> bool:
    """Whether there are several sizes to draw a number against."""
    return len(session.result.capacities) > 1


def traces(session: Session, value: str) -> list[dict[str, Any]]:
    """Band and line of each stream over the tasks, and where there are several sizes against these."""
    result, looked = session.result, Looked.at(session)
    styles = palette.method_styles(result.names, session.dark)
    found = [_empty(axes) for axes in ("", "2")[: 1 + sized(session)]]
    for name in result.names:
        look = {**plot.line_of(name, styles[name]), "visible": name not in session.hidden}
        lines = [(result.over_tasks(name, looked.capacity, value), "", "after task %{x}")]
        if sized(session):
            lines.append((result.over_sizes(name, value), "2", "of %{x:,} rows"))
        for line, end, at in lines:
            on = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
            x, mean, sd = ([row[i] for row in line] for i in range(3))
            written = "%{y:.2%}" if VALUES[value][1] == SHARE else "%{y:.4~g}"
            hover = f"%{{fullData.name}}<br>{written} {at}<extra></extra>"
            found.append({**plot.band(x, mean, sd, styles[name].color), "visible": look["visible"], **on})
            found.append({**look, "x": x, "y": mean, "hovertemplate": hover, **on})
    return found


def _empty(end: str) -> dict[str, Any]:
    """A trace that shows nothing: without one plotly draws no axes."""
    nothing = {"x": [None], "y": [None], "showlegend": False, "hoverinfo": "skip"}
    return {**nothing, "xaxis": f"x{end}", "yaxis": f"y{end}"}


def height(session: Session) -> int:
    """Px of the whole figure."""
    return 2 * PART if sized(session) and plot.width(session) < NARROW else HEIGHT


def layout(session: Session, value: str) -> dict[str, Any]:
    result, looked, dark, width = session.result, Looked.at(session), session.dark, plot.width(session)
    both, stacked = sized(session), width < NARROW
    axis, (title, form) = plot.axis(dark), VALUES[value]
    left, right = ((0, 1), (0, 1)) if stacked or not both else ((0, 0.56), (0.65, 1))
    first, second = ((0.6, 1), (0, 0.4)) if stacked and both else ((0, 1), (0, 1))
    named = {"standoff": 8, "font": {"size": 12}}
    size = f", {looked.capacity:,} rows kept"
    heads = [plot.head(f"{title} after each task{size if both else ''}", left[0], first[1])]
    if not any(record.numbers for record in result.records):
        heads.append(plot.notice("A dot appears here when the first model was judged.", left, first, dark))
    many = result.many
    ticks = list(range(1, many + 1, max(1, -(-many // 12))))
    ink = {"color": palette.ink("muted", dark), "width": 1, "dash": "dot"}
    at = {"x0": looked.task + 1, "x1": looked.task + 1, "y0": 0, "y1": 1}
    made = {
        **plot.ground(width, height(session), MARGIN, dark),
        "xaxis": {
            **axis, "domain": left, "anchor": "y", "range": [0.7, many + 0.3], "tickvals": ticks,
            "ticktext": [str(tick) for tick in ticks], "title": {"text": "Task", **named},
        },
        "yaxis": {**axis, "domain": first, "anchor": "x", "tickformat": form, "nticks": 7},
        "shapes": [{"type": "line", "xref": "x", "yref": "y domain", **at, "line": ink}],
    }  # fmt: skip
    if both:
        sizes = [float(size) for size in result.capacities]
        heads.append(plot.head("After the last task", right[0], second[1]))
        made["xaxis2"] = {
            **axis, "domain": right, "anchor": "y2", "type": "log", "tickvals": sizes,
            "range": [math.log10(sizes[0]) - 0.06, math.log10(sizes[-1]) + 0.06],
            "ticktext": [f"{size:,.0f}" for size in sizes], "title": {"text": "Rows kept", **named},
        }  # fmt: skip
        made["yaxis2"] = {**axis, "domain": second, "anchor": "x2", "tickformat": form, "nticks": 6}
    return {**made, "annotations": heads}


def describe(session: Session, value: str) -> str:
    """What is drawn, over how many seeds, and how much of it is there."""
    result = session.result
    ground = result.ground
    seeds, done, cells = (
        len(result.seeds),
        sum(bool(r.numbers) for r in result.records),
        len(ground.plan.cells),
    )
    said = [] if done == cells else [f"{done:,} of {cells:,} models so far."]
    spread = f"Mean of {seeds} seeds, bands one standard deviation" if seeds > 1 else "One seed, so no band"
    how = {
        "gdumb": "After each task a new model is trained on the memory alone.",
        "replay": "One model goes on, on each task's rows and as many of the memory.",
    }[ground.ask.paradigm]
    return " ".join([*said, MEANING[value], f"{spread}; the dotted line is the task looked at.", how])
