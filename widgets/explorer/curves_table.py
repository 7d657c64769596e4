"""The table under the curves: a row a method at the slider's budget."""

from __future__ import annotations

import math

from coreset_explore.experiment.runs import Run
from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.explorer.accuracy import all_runs
from widgets.explorer.curves_figure import above_chance, accuracies, error_measure, judging, largest
from widgets.explorer.session import Session
from widgets.kit.markup import swatch, text

MINUS = str.maketrans("-", "−")


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
    seeds = (
        0
        if values[random_name] is None
        else judging(random_name, result.random, session.judged)["seed"].nunique()
    )
    once = ", one seed" if seeds == 1 else ""
    heads = [
        "Method",
        f"{NUMBERS[measure].title} at {result.budgets[j]:,}",
        f"{judged.title} at {at:,}{once}" if at else judged.title,
        "Points over random",
        "Time to select",
    ]
    rows = []
    for name, run in runs.items():
        error = run.numbers.get(measure, [None] * (j + 1))[j]
        value = values[name]
        accuracy = "–" if value is None else _spread(100 * value[1], 100 * value[2], ".1f")
        if name == leader and above_chance(result.pool, *value[1:]):
            accuracy = f"<b>{accuracy}</b>"
        over = "baseline"
        if name != random_name:
            over = _over((name, run), (random_name, result.random), at, session.judged)
        cells = [NUMBERS[measure].write(error), accuracy, over, f"{run.seconds:.2f} s"]
        label = f"{swatch(styles[name])} <span>{text(name)}</span>"
        rows.append(f"<tr><th scope=row>{label}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>")
    base = values[random_name]
    if guess is not None and base is not None:
        over = f"{100 * (guess - base[1]):+.1f}".translate(MINUS)
        cells = "".join(f"<td>{c}</td>" for c in ("–", f"{100 * guess:.1f}", over, "–"))
        rows.append(f"<tr class=cx-guess><th scope=row>Always the largest class</th>{cells}</tr>")
    told = {
        1: NUMBERS[measure].about,
        3: f"Accuracy less that of {random_name}, seed by seed: mean ± deviation.",
    }
    head = "".join(
        f'<th scope=col title="{text(told[i])}">{h}</th>' if i in told else f"<th scope=col>{h}</th>"
        for i, h in enumerate(heads)
    )
    return f"<table class=cx-table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _over(mine: tuple[str, Run], base: tuple[str, Run], at: int, trained) -> str:
    """Points of accuracy over the other at a budget: mean and deviation of the differences, seed by seed."""
    frames = [judging(name, run, trained) for name, run in (mine, base)]
    if any(frame is None for frame in frames):
        return "–"
    one, other = (frame[frame["budget"] == at].set_index("seed")["accuracy"] for frame in frames)
    apart = 100 * (one - other).dropna()
    return _spread(float(apart.mean()), float(apart.std()), "+.1f") if len(apart) else "–"


def _spread(mean: float, sd: float, form: str) -> str:
    """Mean ± deviation; one seed has none, and what no seed changes has none to tell."""
    return f"{mean:{form}}".translate(MINUS) + (f" ± {sd:.1f}" if sd > 0 else "")


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
