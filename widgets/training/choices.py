"""The Choices tab: what was chosen at one budget, class by class, and how choices differ from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.kit import plain as w
from widgets.kit import plot
from widgets.kit.markup import swatch, text
from widgets.kit.view import Part, View
from widgets.training.result import Result, means
from widgets.training.session import Session

WHEN = ("first", "middle", "last")
ROW, TOP, BOTTOM = 22, 8, 64  # px: a choice's row; room above, and for the classes' names
LETTER, CAPITAL = 6.6, 7.7  # px across, of a class's name or a number; of a regime's name
MOST = 40  # classes whose names are written


def choices_panel(session: Session) -> w.Widget:
    """The tab's widget; it redraws on a new record, another budget, theme and width."""
    figure = plot.figure(layout(session.result, session))
    titled = w.HTML().add_class("cx-h")
    caption, table, meaning = w.HTML().add_class("cx-note"), w.HTML().add_class("cx-tables"), w.HTML()

    def draw() -> None:
        plot.redraw(figure, traces(session.result, session), layout(session.result, session))
        drawn.layout.min_height = f"{figure.layout.height:.0f}px"

    def words() -> None:
        result, at = session.result, session.result.shown(session.budget)
        titled.value = f"Rows of each class in a choice of {at:,}"
        caption.value = f"<p>{text(describe(result))}</p>"
        table.value = table_html(result, at, session.dark)
        meaning.value = f"<p>{text(EXPLAINED)}</p>" if table.value else ""

    def looked() -> tuple:
        return session.result, session.dark, session.budget, plot.width(session)

    parts: dict[str, Part] = {"figure": (looked, draw), "words": (looked, words)}
    drawn = plot.boxed(figure)
    watch = ["result", "budget", "theme", "width", "folded", "tab"]
    view = View(session, parts, watch, seen=lambda: session.tab == "choices")
    view.refresh()
    root = w.VBox([titled, drawn, caption, table, meaning.add_class("cx-note")])
    root.view = view  # for tests
    return root.add_class("cx-training")


def held(result: Result, budget: int) -> list[tuple[str, str, list[float]]]:
    """(regime, "first" …, rows of each class), means over seeds, of every regime that chose at this budget.

    One that chose once has one row, one that chose twice two.
    """
    found = []
    for name in result.names:
        records = [r for r in result.of(name, budget) if r.numbers and r.numbers["held"]]
        if not records:
            continue
        many = min(r.numbers["choices"] for r in records)
        for place in (0,) if many == 1 else (0, 2) if many == 2 else (0, 1, 2):
            columns = zip(*(r.numbers["held"][place] for r in records), strict=True)
            when = WHEN[place] if many > 1 else "only"
            found.append((name, when, [sum(column) / len(records) for column in columns]))
    return found


def traces(result: Result, session: Session) -> list[dict[str, Any]]:
    """A heat map: a row a choice, a column a class; where there is room each with its number."""
    rows = held(result, result.shown(session.budget))
    if not rows:
        return [{"x": [None], "y": [None], "showlegend": False}]
    classes, values = result.ground.data.classes, [counts for _, _, counts in rows]
    wide = (plot.width(session) - _left(session) - 8) / len(classes)
    whole = all(value == round(value) for row in values for value in row)
    tenths = not whole and wide > LETTER * 4 + 6
    number = [[f"{value:.1f}" if tenths else f"{value:.0f}" for value in row] for row in values]
    fits = wide > LETTER * max(len(one) for row in number for one in row) + 4
    named = [f"{name}, {when} choice" for name, when, _ in rows]
    return [
        {
            "type": "heatmap", "z": values, "x": list(range(len(classes))), "y": list(range(len(rows))),
            "colorscale": [[i / 9, color] for i, color in enumerate(palette.RAMP)], "showscale": not fits,
            "colorbar": {"thickness": 10, "outlinewidth": 0},
            "xgap": 1, "ygap": 1, "zmin": 0, "zmax": max(map(max, values)),
            "text": number, "texttemplate": "%{text}" if fits else "", "textfont": {"size": 11},
            "customdata": [[f"{one}<br>class {c}" for c in classes] for one in named],
            "hovertemplate": "%{customdata}: %{text} rows<extra></extra>",
        }
    ]  # fmt: skip


def _left(session: Session) -> int:
    """Px for the names of regimes."""
    return 210 if plot.width(session) >= 640 else 188


def layout(result: Result, session: Session) -> dict[str, Any]:
    dark, at = session.dark, result.shown(session.budget)
    rows, classes = held(result, at), result.ground.data.classes
    axis = {**plot.axis(dark), "showgrid": False, "ticks": ""}
    left, most = _left(session), int((_left(session) - 56) / CAPITAL)
    heads: list[dict[str, Any]] = []
    places = [i for i, (_, when, _) in enumerate(rows) if when in ("first", "only")]
    labels = [when for _, when, _ in rows]
    for i in places:
        name = rows[i][0]
        short = name if len(name) <= most else f"{name[: most - 1]}…"
        heads.append(
            {
                "text": text(short), "x": 0, "y": i, "xref": "paper", "yref": "y", "xanchor": "right",
                "xshift": -52, "showarrow": False, "font": {"size": 12},
            }
        )  # fmt: skip
    if not rows:
        heads.append(
            plot.notice(
                "What was chosen appears here when the first run that chooses is done.", (0, 1), (0, 1), dark
            )
        )
    across, margin = _classes(classes, plot.width(session) - left - 8)
    high = max(len(rows), 6)
    margins = {"l": left, "r": 8, "t": TOP, "b": margin}
    return {
        **plot.ground(plot.width(session), TOP + margin + ROW * high, margins, dark),
        "annotations": heads,
        "xaxis": {**axis, **across},
        "yaxis": {
            **axis,
            "tickvals": list(range(len(rows))),
            "ticktext": labels,
            "range": [high - 0.5, -0.5],
        },
        "shapes": [_between(i, dark) for i in places if i],
    }


def _classes(classes: Sequence[str], width: float) -> tuple[dict[str, Any], int]:
    """The axis of classes, slanted where their names are long, and px that it takes below."""
    step = max(1, -(-len(classes) // MOST))
    names = [name if len(name) < 13 else f"{name[:11]}…" for name in classes[::step]]
    slanted = max(map(len, names)) * LETTER > width / len(names)
    across = {"tickvals": list(range(0, len(classes), step)), "ticktext": [text(name) for name in names]}
    return {**across, "tickangle": -40 if slanted else 0}, BOTTOM if slanted else BOTTOM - 22


def _between(row: int, dark: bool) -> dict[str, Any]:
    """A line over a regime's first row."""
    line = {"color": palette.ink("background", dark), "width": 4}
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": "y",
        "y0": row - 0.5,
        "y1": row - 0.5,
        "line": line,
    }


def describe(result: Result) -> str:
    """What the heat map shows."""
    seeds = len({record.settings["seed"] for record in result.records if record.numbers})
    over = f"means over {seeds} seeds" if seeds > 1 else "one seed"
    return (
        f"Brighter is more rows of that class; {over}. A first choice is made by a new model, or after the warm start; "
        f"rows alike in a line are a balanced choice. What trains on everything chooses nothing."
    )


EXPLAINED = (
    "Overlap: the share of rows that a choice has in common with the one before (Jaccard), beside what drawing at "
    "random would have. Gradient error: ‖Σ w g − Σ g‖ / ‖Σ g‖ when chosen; stale: that of the choice before, by then. "
    "Effective size: how many even weights the weights are worth. Never chosen: beside what as many draws leave."
)


def table_html(result: Result, at: int, dark: bool) -> str:
    """A row a regime: how many choices, how alike they are, how well they match, what was never looked at."""
    styles, rows = palette.method_styles(result.names, dark), []
    for name in result.names:
        records = [r for r in result.of(name, at) if r.numbers and r.numbers["choices"]]
        if records:
            cells = "".join(f"<td>{cell}</td>" for cell in _cells(records))
            rows.append(
                f"<tr><th scope=row>{swatch(styles[name])} <span>{text(name)}</span></th>{cells}</tr>"
            )
    if not rows:
        return ""
    heads = ["Regime", "Choices", "Overlap", "Gradient error", "Effective size", "Never chosen"]
    head = "".join(f"<th scope=col>{one}</th>" for one in heads)
    return f"<table class=cx-table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cells(records: list) -> list[str]:
    overlap = means(records, lambda n: sum(n["overlap"]) / len(n["overlap"]) if n["overlap"] else None)
    drawn = means(records, lambda n: n["n"] / (2 * n["rows"] - n["n"]) if n["overlap"] else None)
    unused, left = means(records, lambda n: 1 - n["used"] / n["rows"]), means(records, _left_by_chance)
    error, stale = (means(records, lambda n, word=word: n[word]) for word in ("gradient_error", "stale"))
    beside = "<small>random {}</small>"
    return [
        f"{means(records, lambda n: n['choices']):.3g}",
        _share(overlap) + (beside.format(_share(drawn)) if overlap is not None else ""),
        NUMBERS["gradient_error"].write(error)
        + ("" if stale is None else f"<small>stale {NUMBERS['gradient_error'].write(stale)}</small>"),
        NUMBERS["effective_size"].write(means(records, lambda n: n["effective_size"])),
        _share(unused) + beside.format(_share(left)),
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _left_by_chance(numbers: dict) -> float:
    """(1 − k/n)^choices: the share of rows that drawing k of n anew as often would leave."""
    return (1 - numbers["n"] / numbers["rows"]) ** numbers["choices"]
