"""The table under the accuracies: every stream after the last task, beside one of them, with what decides."""

from __future__ import annotations

import math

from coreset_explore.experiment.report import mean_sd
from coreset_explore.labs.continual.questions import final, gains
from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.continual.result import Looked, Result
from widgets.continual.session import Session
from widgets.kit.markup import duration, percent, swatch, text

BASELINE = "reservoir"


def table_html(session: Session) -> str:
    """A row a stream at the size looked at; nothing before there is one that came to the last task."""
    result, looked = session.result, Looked.at(session)
    found = result.frame
    found = found[
        (found.capacity == looked.capacity) & (found.task == result.many - 1) & found.accuracy.notna()
    ]
    if not len(found):
        return ""
    styles, against = palette.method_styles(result.names, session.dark), baseline(result)
    beside = _gains(found, against)
    lines = []
    for name in result.names:
        own = found[found.stream == name]
        if len(own):
            cells = [
                _share(own.accuracy),
                beside.get(name, "–"),
                _share(own.forgetting),
                _share(own.backward_transfer),
            ]
            cells += [NUMBERS["gradient_error"].write(own.gradient_error.mean())]
            cells += [_seconds(own.update_seconds.mean()), _seconds(own.train_seconds.mean())]
            body = "".join(f"<td{_spare(i)}>{cell}</td>" for i, cell in enumerate(cells))
            lines.append(
                f"<tr><th scope=row>{swatch(styles[name])} <span>{text(name)}</span></th>{body}</tr>"
            )
    heads = ["After the last task", "Accuracy", f"Beside {text(against)}", "Forgetting", "Backward transfer"]
    heads += ["Gradient error", "Update", "Training"]
    head = "".join(f"<th scope=col{_spare(i - 1)}>{one}</th>" for i, one in enumerate(heads))
    note = _note(len(found.seed.unique()), against)
    return (
        f"<table class=cx-table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>{note}"
    )


def _spare(column: int) -> str:
    """What a narrow panel leaves out: what a model took, and what says much the same as forgetting."""
    return " class=cx-spare" if column in (3, 5, 6) else ""


def _seconds(value: float) -> str:
    return f"{value:.2g} s" if value < 1 else duration(float(value))


def baseline(result: Result) -> str:
    """What streams are compared with: rows kept at random where there are such, else the last; "" for one alone."""
    names = result.names
    return "" if len(names) < 2 else BASELINE if BASELINE in names else names[-1]


def _gains(found, against: str) -> dict[str, str]:
    """{stream: its mean paired difference in points, with its interval}, of those that have seeds in common."""
    if not against or against not in set(found.stream):
        return {}
    said = {against: "–"}
    for row in gains(final(found), against).itertuples():
        points = f"{100 * row.gain:+.1f}".replace("-", "−")
        known = not math.isnan(row.low)
        ends = (
            " to ".join(f"{100 * end:+.1f}".replace("-", "−") for end in (row.low, row.high)) if known else ""
        )
        decided = row.says != "not decided"
        said[row.stream] = f"{'<b>' if decided else ''}{points}{'</b>' if decided else ''}" + (
            f"<small>{ends}</small>" if known else ""
        )
    return said


def _share(values) -> str:
    """Mean, and standard deviation over seeds: "81.3 % ± 0.9"."""
    known = [float(value) for value in values if value is not None and not math.isnan(value)]
    if not known:
        return "–"
    mean, sd = mean_sd(known)
    return percent(mean, 1).replace("-", "−") + ("" if math.isnan(sd) else f" ±\u00a0{100 * sd:.1f}")


def _note(seeds: int, against: str) -> str:
    if not against:
        return ""
    if seeds < 2:
        return "<p class=cx-note>Differences of one seed, in points, have no interval.</p>"
    said = f"Differences in points, seed by seed; below, their 95 % interval (Student, {seeds} seeds). Bold: decided."
    return f"<p class=cx-note>{said}</p>"
