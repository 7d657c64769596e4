"""The Tasks tab: accuracy after each task on each, of two streams beside each other; means over seeds."""

from __future__ import annotations

from typing import Any

from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.continual.looking import looking
from widgets.continual.result import Looked, Result
from widgets.continual.session import Session
from widgets.kit import plain as w
from widgets.kit import plot
from widgets.kit.markup import text
from widgets.kit.view import Part, View

ROW, TOP, BOTTOM = 34, 40, 46  # px: of a task; over and under the squares
LEFT, GAP = 52, 64  # px: for the rows' names
MOST = 64  # px: no square is wider
NARROW = 640
LETTER = 6.6  # px across
WATCH = ["result", "step", "left", "right", "capacity", "seed", "theme", "width", "folded", "tab"]


def tasks_panel(session: Session) -> w.Widget:
    """The tab's widget; it follows the memories looked at, their size, the step, theme and width."""
    figure = plot.figure(layout(session))
    caption = w.HTML().add_class("cx-note")

    def draw() -> None:
        plot.redraw(figure, traces(session), layout(session))
        drawn.layout.min_height = f"{figure.layout.height:.0f}px"
        caption.value = f"<p>{text(describe(session))}</p>"

    def seen() -> tuple:
        return session.result, Looked.at(session), session.dark, plot.width(session)

    drawn = plot.boxed(figure)
    parts: dict[str, Part] = {"figure": (seen, draw)}
    view = View(session, parts, WATCH, seen=lambda: session.tab == "tasks")
    view.refresh()
    tools = looking(session, "tasks", asks=("left", "right", "capacity"))
    root = w.VBox([tools, drawn, caption]).add_class("cx-continual")
    root.view = view  # for tests
    return root


def matrix(result: Result, name: str, capacity: int) -> list[list[float | None]]:
    """R: accuracy after task i (a row) on task j, the mean over seeds; None where it is not known."""
    many = result.many
    found: list[list[float | None]] = []
    for task in range(many):
        rows = [
            at["per_task"]
            for seed in result.seeds
            if (at := result.numbers(name, capacity, seed, task)) is not None
        ]
        columns = [[row[j] for row in rows if row[j] is not None] for j in range(many)]
        found.append([sum(column) / len(column) if column else None for column in columns])
    return found


def traces(session: Session) -> list[dict[str, Any]]:
    """A heat map a side; where there is room each square with its number."""
    result, looked = session.result, Looked.at(session)
    found = []
    for place, name in enumerate(looked.sides):
        values = matrix(result, name, looked.capacity)
        numbers = [["" if one is None else f"{100 * one:.0f}" for one in row] for row in values]
        end, axis = "" if place == 0 else "2", list(range(1, result.many + 1))
        fits = _square(session) > 3 * LETTER + 4
        found.append({
            "type": "heatmap", "z": values, "x": axis, "y": axis, "xaxis": f"x{end}", "yaxis": f"y{end}",
            "colorscale": [[i / 9, color] for i, color in enumerate(palette.RAMP)], "zmin": 0, "zmax": 1,
            "showscale": False, "xgap": 1, "ygap": 1, "text": numbers, "texttemplate": "%{text}" if fits else "",
            "textfont": {"size": 11}, "hoverongaps": False, "name": text(brief(name, 40)),
            "hovertemplate": "%{fullData.name}<br>after task %{y}, on task %{x}: %{z:.1%}<extra></extra>",
        })  # fmt: skip
    return found


def _stacked(session: Session) -> bool:
    return plot.width(session) < NARROW


def _square(session: Session) -> float:
    """Px across one square."""
    looked, many = Looked.at(session), session.result.many
    sides = 1 if _stacked(session) else len(looked.sides)
    room = (plot.width(session) - LEFT - 8 - GAP * (sides - 1)) / sides
    return min(MOST, room / many)


def layout(session: Session) -> dict[str, Any]:
    result, looked, dark = session.result, Looked.at(session), session.dark
    many, sides, width = result.many, looked.sides, plot.width(session)
    margins, stacked = {"l": LEFT, "r": 8, "t": TOP, "b": BOTTOM}, _stacked(session)
    tall = max(ROW * many, 120)
    lines = len(sides) if stacked else 1
    inner = tall * lines + (TOP + BOTTOM) * (lines - 1)
    across = _square(session) * many / (width - LEFT - 8)
    axis = {**plot.axis(dark), "showgrid": False, "ticks": ""}
    made: dict[str, Any] = {
        **plot.ground(width, inner + TOP + BOTTOM, margins, dark), "annotations": [], "shapes": [],
    }  # fmt: skip
    ticks = list(range(1, many + 1, max(1, -(-many // 20))))
    named, numbers = {"standoff": 6, "font": {"size": 12}}, [str(tick) for tick in ticks]
    for place, name in enumerate(sides):
        end, left = "" if place == 0 else "2", 0.0 if stacked else place * (across + GAP / (width - LEFT - 8))
        top = 1 - (place * (tall + TOP + BOTTOM) / inner if stacked else 0)
        ends = [left, min(1.0, left + across)]
        made[f"xaxis{end}"] = {
            **axis, "domain": ends, "anchor": f"y{end}", "range": [0.5, many + 0.5], "tickvals": ticks,
            "ticktext": numbers, "title": {"text": "On task", **named},
        }  # fmt: skip
        made[f"yaxis{end}"] = {
            **axis, "domain": [max(0.0, top - tall / inner), top], "anchor": f"x{end}", "range": [many + 0.5, 0.5],
            "tickvals": ticks, "ticktext": numbers, "title": {"text": "After task", **named},
        }  # fmt: skip
        made["annotations"].append(plot.head(text(brief(name, 40)), left, top))
        at = {"x0": 0.5, "x1": many + 0.5, "y0": looked.task + 0.5, "y1": looked.task + 1.5}
        ink = {"color": palette.ink("accent", dark), "width": 2}
        made["shapes"].append({"type": "rect", "xref": f"x{end}", "yref": f"y{end}", **at, "line": ink})
    return made


def describe(session: Session) -> str:
    """What the squares say, and what is not known."""
    result = session.result
    seeds = f"mean of {len(result.seeds)} seeds" if len(result.seeds) > 1 else "one seed"
    blank = ""
    if any(len(tests) == 0 for tests in Looked.at(session).tasks(result).tests):
        blank = " A task that no test row judges is empty."
    return (
        f"Accuracy in percent, {seeds}; brighter is better. A row is a model after one task, a column what it is asked "
        "about: right of the diagonal are tasks to come, below it is what is still known of earlier ones. The frame "
        f"stands round the task looked at.{blank}"
    )
