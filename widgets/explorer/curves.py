"""The Curves tab: gradient error and accuracy against the budget, with a cursor at the slider, and a table below.

One plotly FigureWidget with two subplots, made when the tab first opens and edited in place from then on.
"""

from __future__ import annotations

import math

import ipywidgets as w

from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.explorer.accuracy import all_runs
from widgets.explorer.curves_figure import (
    above_chance,
    accuracies,
    error_measure,
    guide_lines,
    largest,
    layout,
    measured,
    traces,
)
from widgets.explorer.curves_rows import probe_row, train_row
from widgets.explorer.session import Session
from widgets.kit import plot
from widgets.kit.legend import legend
from widgets.kit.markup import swatch, text
from widgets.kit.view import Part, View


def curves_panel(session: Session) -> w.Widget:
    """The tab's widget; it redraws on a new result, new accuracies, theme or width, and moves the cursor with `j`."""
    figure = plot.figure(layout(session, "gradient_error"))
    caption, table = w.HTML().add_class("cx-note"), w.HTML().add_class("cx-curves-table")

    def draw() -> None:
        measure = error_measure(session.result)
        with plot.kept(figure):
            figure.data = ()
            figure.add_traces(traces(session.result, measure, session.dark, session.judged, session.hidden))
            figure.update_layout(layout(session, measure), overwrite=True)
        view.drawn("hint", "cursor")

    def hint() -> None:
        with plot.kept(figure):
            figure.layout.annotations = layout(session, error_measure(session.result))["annotations"]

    def cursor() -> None:
        with plot.kept(figure):
            figure.layout.shapes = guide_lines(session)

    def words() -> None:
        caption.value = f"<p>{text(describe(session))}</p>"
        table.value = table_html(session)

    parts: dict[str, Part] = {
        "figure": (
            lambda: (session.result, session.judged, session.dark, session.hidden, plot.width(session)),
            draw,
        ),
        "hint": (lambda: None if measured(session) else (session.probe_note,), hint),
        "cursor": (lambda: (session.budget, measured(session)), cursor),
        "words": (lambda: (session.result, session.judged, session.dark, session.j), words),
    }
    watch = ["result", "trained", "judge", "hidden", "theme", "width", "folded", "probe_note", "j", "tab"]
    view = View(session, parts, watch, seen=lambda: session.tab == "curves")
    view.refresh()
    names = legend(session, lambda: list(all_runs(session.result)), "curves")
    drawn = w.Box([figure]).add_class("cx-plotted").add_class("cx-curves-plot")
    root = w.VBox([names, drawn, probe_row(session), caption, table, train_row(session)]).add_class(
        "cx-curves"
    )
    root.view = view  # for tests, as the other tabs have theirs
    return root


def describe(session: Session) -> str:
    """The caption: what the lines and bands are, which classifier was trained on what, and scored on what."""
    result = session.result
    if result is None:
        return ""
    words = ["The vertical line is the budget."]
    frame = session.judged if session.judged is not None else result.random.accuracy
    if frame is not None:
        seeds = frame["seed"].nunique()
        judged = str(frame["judged"].iloc[0])
        what = str(frame["regime"].iloc[0])
        trained = (
            "a linear classifier on the features, each scaled to the same spread"
            if what.startswith("probe")
            else f"{frame['model'].iloc[0]} ({what})"
        )
        seeds_text = (
            f"mean of {seeds} seeds, bands one standard deviation" if seeds > 1 else "one seed, so no band"
        )
        words.insert(
            0, f"Accuracy: {trained}, trained on the weighted selection, scored on {judged}; {seeds_text}."
        )
        words.insert(0, guessed(session))
        words.insert(2, f"Left: seed {result.made.get('seed', session.seed)}, no band.")
    return " ".join(words)


def guessed(session: Session) -> str:
    """Beside what accuracies have to be read; and that they say nothing, where none is above it."""
    result, share = session.result, NUMBERS["accuracy"].write
    runs, guess = all_runs(result), largest(result.pool)
    best = [row for name, run in runs.items() for row in accuracies(name, run, session.judged)]
    if guess is None or not best:
        return ""
    said = f"Naming the largest class always is right in {share(guess)}: the level line, where curves come near it."
    _, mean, sd = max(best, key=lambda row: row[1])
    if above_chance(result.pool, mean, sd):
        return said
    return f"{said} No selection does better by more than chance: these accuracies do not tell methods apart."


def table_html(session: Session) -> str:
    """One row a method at the slider's budget; an accuracy leading by over one standard deviation is bold.

    One that a constant answer has too leads nothing.
    """
    result = session.result
    if result is None:
        return ""
    runs = all_runs(result)
    styles = palette.method_styles(list(runs), session.theme == "dark")
    measure, j = error_measure(result), min(session.j, len(result.budgets) - 1)
    points = {name: accuracies(name, run, session.judged) for name, run in runs.items()}
    random_name = next(name for name, run in runs.items() if run is result.random)
    at = _nearest([row[0] for row in points[random_name]], result.budgets[j])
    values = {name: next((r for r in rows if r[0] == at), None) for name, rows in points.items()}
    leader, judged, guess = _leader(values), NUMBERS["accuracy"], largest(result.pool)
    heads = [
        "Method",
        f"{NUMBERS[measure].title} at {result.budgets[j]:,}",
        f"{judged.title} at {at:,}" if at else judged.title,
        "Points over random",
        "Time to select",
    ]
    rows = []
    for name, run in runs.items():
        error = run.numbers.get(measure, [None] * (j + 1))[j]
        value, base = values[name], values[random_name]
        varies = (
            value is not None and value[2] > 0
        )  # one seed has no deviation, and what draws nothing none to tell
        spread = f" ± {judged.write(value[2])}" if varies else ""
        accuracy = "–" if value is None else f"{100 * value[1]:.1f}{spread}"
        if name == leader and above_chance(result.pool, *value[1:]):
            accuracy = f"<b>{accuracy}</b>"
        over = (
            "–" if value is None or base is None else f"{100 * (value[1] - base[1]):+.1f}".replace("-", "−")
        )
        over = "baseline" if name == random_name else over
        cells = [NUMBERS[measure].write(error), accuracy, over, f"{run.seconds:.2f} s"]
        label = f"{swatch(styles[name])} <span>{text(name)}</span>"
        rows.append(f"<tr><th scope=row>{label}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>")
    base = values[random_name]
    if guess is not None and base is not None:
        over = f"{100 * (guess - base[1]):+.1f}".replace("-", "−")
        cells = "".join(f"<td>{c}</td>" for c in ("–", f"{100 * guess:.1f}", over, "–"))
        rows.append(f"<tr class=cx-guess><th scope=row>Always the largest class</th>{cells}</tr>")
    head = "".join(f"<th scope=col>{h}</th>" for h in heads)
    return f"<table class=cx-table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _nearest(budgets: list[int], k: int) -> int:
    return min(budgets, key=lambda b: abs(b - k), default=0)


def _leader(values: dict[str, tuple | None]) -> str | None:
    known = sorted(((v[1], v[2], name) for name, v in values.items() if v is not None), reverse=True)
    if len(known) < 2:
        return None
    (best, best_sd, name), (second, second_sd, _) = known[:2]
    if math.isnan(best_sd) or math.isnan(second_sd):  # one seed leads by chance
        return None
    return name if best - second > max(best_sd, second_sd) else None
