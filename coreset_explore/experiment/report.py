"""A tidy frame of runs as a table: mean ± standard deviation over seeds, for reading, for LaTeX, for a spreadsheet."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from coreset_explore.measures.names import NUMBERS

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--",
}  # fmt: skip
PERCENT = {name for name, number in NUMBERS.items() if number.form == "%"}


def table(frame, value: str = "accuracy", rows: str = "regime", columns: str = "budget"):
    """A pandas frame of texts, a row a regime and a column a budget: "87.7 ± 0.1", in percent for accuracies.

    One seed has no deviation. "n failed" stands behind a mean that some seeds are missing from, or in its place.

    >>> import pandas
    >>> from coreset_explore.experiment.report import table
    >>> runs = {"regime": ["CRAIG"] * 2, "budget": [60] * 2, "seed": [0, 1], "accuracy": [0.876, 0.878]}
    >>> table(pandas.DataFrame(runs))
    budget          60
    regime
    CRAIG   87.7 ± 0.1
    """
    import pandas

    for name in (value, rows, columns):
        if name not in frame.columns:
            raise ValueError(
                f"the frame has no column {name!r}; it has {', '.join(map(str, frame.columns[:12]))}"
            )
    cells = {
        (row, column): _cell(part[value].astype(float), value in PERCENT)
        for (row, column), part in frame.groupby([rows, columns], sort=False)
    }
    across = sorted({column for _, column in cells})
    down = list(dict.fromkeys(frame[rows]))
    found = [[cells.get((row, column), "–") for column in across] for row in down]
    index, head = pandas.Index(down, name=rows), pandas.Index(across, name=columns)
    return pandas.DataFrame(found, index, head)


def latex(frame, value: str = "accuracy", rows: str = "regime", columns: str = "budget") -> str:
    """The same table as LaTeX's tabular, with lines of the booktabs package; whatever regimes are called."""
    made = table(frame, value, rows, columns)
    head = [rows, *(f"{name:,}" if isinstance(name, int) else str(name) for name in made.columns)]
    lines = [[str(name), *cells] for name, cells in zip(made.index, made.to_numpy().tolist(), strict=True)]
    body = [" & ".join(map(_escaped, line)) + r" \\" for line in [head, *lines]]
    edges = [rf"\begin{{tabular}}{{l{'r' * len(made.columns)}}}", r"\toprule"]
    return "\n".join([*edges, body[0], r"\midrule", *body[1:], r"\bottomrule", r"\end{tabular}"])


def csv(frame, path: str | os.PathLike) -> Path:
    """The frame as it is, a row a run, to a .csv file."""
    path = Path(path)
    if path.suffix != ".csv":
        raise ValueError(f"a report is written as .csv, not {path.name!r:.60}; give a name that ends so")
    frame.to_csv(path, index=False)
    return path


def mean_sd(values: Iterable[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN for what has too few."""
    found = list(values)
    if len(found) < 2:
        return (found[0] if found else math.nan), math.nan
    mean = math.fsum(found) / len(found)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in found) / (len(found) - 1))


def _cell(values: Any, percent: bool) -> str:
    scale, form = (100, ".1f") if percent else (1, ".3g")
    known = values.dropna()
    missing = f"{len(values) - len(known)} failed" if len(known) < len(values) else ""
    if known.empty:
        return missing
    mean, sd = mean_sd(known * scale)
    text = format(mean, form) + (f" ± {sd:{form}}" if sd == sd else "")
    return f"{text} ({missing})" if missing else text


def _escaped(text: str) -> str:
    return "".join(LATEX.get(sign, sign) for sign in text)


__all__ = ["csv", "latex", "mean_sd", "table"]
