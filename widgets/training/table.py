"""The Table tab: mean ± standard deviation over seeds at every budget, and what differs from rows drawn at random."""

from __future__ import annotations

import math
from typing import Any

from coreset_explore.experiment.report import mean_sd
from coreset_explore.experiment.significance import remark, significance
from coreset_explore.plots import palette
from widgets.kit import plain as w
from widgets.kit import room
from widgets.kit.markup import swatch, text
from widgets.kit.view import Part, View
from widgets.training.result import Result
from widgets.training.session import Session

FIRST, CELL = 160, 86  # px: a regime's name, and a budget's cell


def table_panel(session: Session) -> w.Widget:
    """The tab's widget; it is written anew on a new record, theme and width."""
    table, caption = w.HTML().add_class("cx-tables"), w.HTML().add_class("cx-note")
    against, meaning = w.HTML().add_class("cx-tables"), w.HTML().add_class("cx-note")

    def write() -> None:
        result = session.result
        table.value = accuracies_html(result, across(session), session.dark)
        caption.value = f"<p>{text(describe(result))}</p>"
        against.value, said = differences_html(result, session.dark)
        meaning.value = f"<p>{text(said)}</p>"

    parts: dict[str, Part] = {"tables": (lambda: (session.result, session.dark, across(session)), write)}
    watch = ["result", "theme", "width", "folded", "tab"]
    view = View(session, parts, watch, seen=lambda: session.tab == "table")
    view.refresh()
    root = w.VBox([table, caption, against, meaning])
    root.view = view  # for tests
    return root.add_class("cx-training").add_class("cx-table-tab")


def across(session: Session) -> int:
    """How many budgets stand beside each other."""
    return max(1, (room.width(session) - FIRST) // CELL)


def accuracies_html(result: Result, most: int, dark: bool) -> str:
    """Accuracy in percent, a row a regime and a column a budget, in as many tables as that takes; then what failed."""
    budgets, styles = result.budgets, palette.method_styles(result.names, dark)
    found = []
    for first in range(0, len(budgets), most):
        some = budgets[first : first + most]
        heads = ["Accuracy, %", *(f"{one:,} rows<br>{_share(one, len(result.ground.data))}" for one in some)]
        rows = [(f"{swatch(styles[name])} <span>{text(name)}</span>", [_cell(result, name, one) for one in some])
                for name in result.names]  # fmt: skip
        found.append(_table(heads, rows))
    return "".join(found) + _failures(result)


def _share(budget: int, n: int) -> str:
    return f"{100 * budget / n:.2g} %"


def _cell(result: Result, name: str, budget: int) -> str:
    """ "87.7 ± 0.1"; behind it how many seeds it is of, while some are missing."""
    records = result.of(name, budget)
    values = [100 * a for record in records if (a := (record.numbers or {}).get("accuracy")) is not None]
    if not values:
        return "…" if not any(_at(record, name, budget, result) for record in result.failed) else "failed"
    mean, sd = mean_sd(values)
    spread = "" if math.isnan(sd) else f" ± {sd:.1f}"
    seeds = len(result.ground.ask.seeds)
    part = "" if len(values) == seeds else f"<small>{len(values)} of {seeds} seeds</small>"
    return f"{mean:.1f}{spread}{part}"


def _at(record: Any, name: str, budget: int, result: Result) -> bool:
    held = None if name in result.ground.whole else budget
    return record.settings["regime"] == name and record.settings["budget"] == held


def _failures(result: Result) -> str:
    """A line a run that failed, or whose training stopped early, with its sentence."""
    lines = [(record, record.error) for record in result.failed]
    lines += [(r, r.numbers["stopped"]) for r in result.records if r.numbers and r.numbers.get("stopped")]
    if not lines:
        return ""
    rows = "".join(f"<tr><th scope=row>{text(_named(r))}</th><td>{text(why)}</td></tr>" for r, why in lines)
    head = "<thead><tr><th scope=col>Did not end well</th><th scope=col>Why</th></tr></thead>"
    return f'<table class="cx-table cx-failed">{head}<tbody>{rows}</tbody></table>'


def _named(record: Any) -> str:
    at = record.settings["budget"]
    return (
        f"{record.settings['regime']}{'' if at is None else f', {at:,} rows'}, seed {record.settings['seed']}"
    )


def describe(result: Result) -> str:
    """What the numbers of the first table are."""
    seeds = len(result.ground.ask.seeds)
    spread = f"mean ± standard deviation of {seeds} seeds" if seeds > 1 else "one seed, so no deviation"
    words = f"Test accuracy after the last epoch, {spread}."
    missing = len(result.ground.plan.left(result.records)) - len(result.failed)
    return f"{words} … is not trained yet." if missing > 0 else words


def differences_html(result: Result, dark: bool) -> tuple[str, str]:
    """Each regime less random rows, paired over budgets and seeds, and the sentence that says what that is worth."""
    base, found = result.baseline, result.frame
    found = found[found.accuracy.notna() & ~found.regime.isin(result.ground.whole)]
    if base is None:
        return (
            "",
            "RANDOM re-drawn is not among the regimes, so nothing can be compared with it: add it under 2 Regimes.",
        )
    if base not in set(found.regime) or found.regime.nunique() < 2:
        return "", ""
    compared = significance(found, against=base)
    styles = palette.method_styles(result.names, dark)
    heads = [f"Less {base}", "Pairs", "Points", "95 % interval", "p", "Says"]
    rows = [(f"{swatch(styles[row.regime])} <span>{text(row.regime)}</span>", _compared(row))
            for row in compared.itertuples() if row.pairs]  # fmt: skip
    if not rows:
        return "", ""
    words = (
        "Points of accuracy more than rows drawn at random, mean over pairs of one budget and seed; p is Wilcoxon's, "
        "two-sided, and what it says is held to .05 among all rows here (Holm)."
    )
    few = remark(compared)
    held = " FULL makes more updates, so it is not compared." if result.ground.whole else ""
    return _table(heads, rows), f"{words}{f' {few[0].upper()}{few[1:]}.' if few else ''}{held}"


def _compared(row: Any) -> list[str]:
    interval = "–" if math.isnan(row.low) else f"{_signed(row.low)} to {_signed(row.high)}"
    p = "<.001" if row.p < 0.001 else f"{row.p:.3f}"
    return [str(row.pairs), _signed(row.difference), interval, text(p), text(row.says)]


def _signed(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def _table(heads: list[str], rows: list[tuple[str, list[str]]]) -> str:
    head = "".join(f"<th scope=col>{one}</th>" for one in heads)
    body = "".join(
        f"<tr><th scope=row>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for name, cells in rows
    )
    return f"<table class=cx-table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
