"""The Classes tab: class frequencies over time, of what arrives and of what each memory keeps (GMC, figure 6)."""

from __future__ import annotations

from typing import Any

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.continual.class_keys import keys_html, shown
from widgets.continual.looking import looking
from widgets.continual.result import Looked, Result
from widgets.continual.session import Session
from widgets.kit import encode, plot
from widgets.kit import plain as w
from widgets.kit.markup import text
from widgets.kit.view import Part, View

ARRIVES = "What arrives"
WIDE, HIGH = 250, 190  # px of one panel
MARGIN = {"l": 44, "r": 8, "t": 34, "b": 40}
GAP = 0.05
WATCH = ["result", "step", "left", "right", "capacity", "seed", "theme", "width", "folded", "tab"]


def classes_panel(session: Session) -> w.Widget:
    """The tab's widget; it follows the step, the size and the seed looked at."""
    figure = plot.figure(layout(session))
    caption, keys = w.HTML().add_class("cx-note"), w.HTML()

    def draw() -> None:
        plot.redraw(figure, traces(session), layout(session))
        drawn.layout.min_height = f"{figure.layout.height:.0f}px"
        keys.value = keys_html(session.result, Looked.at(session), session.dark)
        caption.value = f"<p>{text(describe(session))}</p>"

    def seen() -> tuple:
        return session.result, Looked.at(session), session.dark, plot.width(session)

    drawn = plot.boxed(figure)
    parts: dict[str, Part] = {"figure": (seen, draw)}
    view = View(session, parts, WATCH, seen=lambda: session.tab == "classes")
    view.refresh()
    tools = looking(session, "classes", asks=("capacity", "seed"))
    root = w.VBox([tools, keys, drawn, caption]).add_class("cx-continual")
    root.view = view  # for tests
    return root


def shares(result: Result, looked: Looked) -> dict[str, list[list[float | None]]]:
    """{what: a share of its rows a class a task}: what arrives first, then each memory; None where it is not known."""
    counts = looked.tasks(result).counts.double()
    found: dict[str, list[list[float | None]]] = {ARRIVES: (counts / counts.sum(1, keepdim=True)).tolist()}
    for name in result.names:
        found[name] = []
        for task in range(result.many):
            numbers = looked.numbers(result, name, task)
            whole = 0 if numbers is None else max(numbers["rows"], 1)
            found[name].append(
                [None] * counts.shape[1] if numbers is None else [c / whole for c in numbers["counts"]]
            )
    return found


def columns(session: Session) -> int:
    """Panels beside each other."""
    return max(1, min(len(session.result.names) + 1, (plot.width(session) - 20) // WIDE))


def traces(session: Session) -> list[dict[str, Any]]:
    """A bar trace a class in every panel, stacked; what has no color of its own is one grey trace."""
    result, looked = session.result, Looked.at(session)
    classes, own = result.ground.setting.data.classes, shown(session.result, looked)
    colors = palette.class_colors(min(len(classes), encode.MAX_COLORS), session.dark)
    found = []
    for place, (what, tasks) in enumerate(shares(result, looked).items()):
        end = "" if place == 0 else str(place + 1)
        x = list(range(1, len(tasks) + 1))
        for label in own:
            found.append(
                _bar(what, classes[label], x, [one[label] for one in tasks], colors[label % len(colors)], end)
            )
        if len(own) < len(classes):
            rest = [None if one[0] is None else 1 - sum(one[i] or 0 for i in own) for one in tasks]
            found.append(_bar(what, "other classes", x, rest, palette.ink("rest", session.dark), end))
    return found


def _bar(what: str, name: str, x: list[int], y: list, color: str, end: str) -> dict[str, Any]:
    return {
        "type": "bar", "x": x, "y": y, "marker": {"color": color, "line": {"width": 0}}, "showlegend": False,
        "name": text(brief(name, 30)), "xaxis": f"x{end}", "yaxis": f"y{end}",
        "hovertemplate": f"{text(brief(what, 30))}, task %{{x}}<br>class %{{fullData.name}}: %{{y:.1%}}<extra></extra>",
    }  # fmt: skip


def layout(session: Session) -> dict[str, Any]:
    """Panels in a grid, each with its name; a frame stands round the task looked at."""
    result, looked = session.result, Looked.at(session)
    names, dark, many = [ARRIVES, *result.names], session.dark, columns(session)
    lines, tasks = -(-len(names) // many), result.many
    high = MARGIN["t"] + MARGIN["b"] + lines * HIGH + (lines - 1) * (MARGIN["t"] + MARGIN["b"])
    made = {
        **plot.ground(plot.width(session), high, MARGIN, dark), "barmode": "stack", "bargap": 0.12, "annotations": [],
        "shapes": [],
    }  # fmt: skip
    inner = high - MARGIN["t"] - MARGIN["b"]
    step = max(1, -(-tasks // 10))
    for place, name in enumerate(names):
        line, column = divmod(place, many)
        width = (1 - GAP * (many - 1)) / many
        left = column * (width + GAP)
        top = 1 - line * (HIGH + MARGIN["t"] + MARGIN["b"]) / inner
        bottom, end = top - HIGH / inner, "" if place == 0 else str(place + 1)
        ticks = list(range(1, tasks + 1, step))
        named = {"text": "Task", "standoff": 6, "font": {"size": 12}}
        made[f"xaxis{end}"] = {
            **plot.axis(dark), "showgrid": False, "domain": [left, left + width], "anchor": f"y{end}", "title": named,
            "range": [0.4, tasks + 0.6], "tickvals": ticks, "ticktext": [str(tick) for tick in ticks],
        }  # fmt: skip
        made[f"yaxis{end}"] = {
            **plot.axis(dark), "domain": [max(0.0, bottom), top], "anchor": f"x{end}", "range": [0, 1],
            "tickformat": ".0%", "nticks": 5, "showticklabels": column == 0,
        }  # fmt: skip
        made["annotations"].append(plot.head(text(brief(name, 30)), left, top))
        at = {"x0": looked.task + 0.5, "x1": looked.task + 1.5, "y0": 0, "y1": 1}
        ink = {"color": palette.ink("text", dark), "width": 1.5}
        made["shapes"].append({"type": "rect", "xref": f"x{end}", "yref": f"y{end}", **at, "line": ink})
    return made


def describe(session: Session) -> str:
    """What the bars are."""
    looked = Looked.at(session)
    return (
        f"The share of each class in what each task brings, and in memories of {looked.capacity:,} rows after it, "
        f"for seed {looked.seed}. The frame stands round the task looked at."
    )
