"""The Curves tab: gradient error and accuracy against the budget, with a cursor at the slider, and a table below.

One plotly FigureWidget with two subplots, made when the tab first opens and edited in place from then on.
"""

from __future__ import annotations

from coreset_explore.measures import NUMBERS
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
from widgets.explorer.curves_table import table_html
from widgets.explorer.result import Result
from widgets.explorer.session import Session
from widgets.kit import plain as w
from widgets.kit import plot
from widgets.kit.legend import legend
from widgets.kit.markup import listed, text
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
    drawn = plot.boxed(figure).add_class("cx-curves-plot")
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
        words.insert(1, knowing(result))
        words.insert(3, f"Left: seed {result.made.get('seed', session.seed)}, no band.")
    return " ".join(filter(None, words))


def knowing(result: Result) -> str:
    """Which of the methods know the labels of rows that they do not choose, where others do not."""
    strategies = {name: run.strategy for name, run in all_runs(result).items()}
    knowing = [name for name, one in strategies.items() if one.knows_labels]
    if not knowing or len(knowing) == len(strategies):
        return ""
    verb = "chooses" if len(knowing) == 1 else "choose"
    return f"{listed(knowing)} {verb} by the labels of all rows, the others without them."


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
