"""Writes what benchmarks/results/continual-*.json say into benchmarks/README.md.

The papers print curves and no numbers (GMC's figures 1 to 5, OCS's of rotated MNIST), so that verdicts stand alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import RESULTS
from pages import fill, grid, judged

ORDER = ("covertype", "olist", "fashion-mnist", "mnist", "rotated")
Row = dict[str, Any]


def percent(row: Row) -> str:
    """Mean and deviation over seeds."""
    return f"{100 * row['accuracy']:.1f}" + ("" if row["sd"] is None else f" ± {100 * row['sd']:.1f}")


def crossed(
    rows: list[Row], first: str, over: str, cell: Callable[[Row], str], named: str = "{:,} rows"
) -> list[str]:
    """A line a stream, a column a value of `over`, in which the cells stand."""
    columns = sorted({row[over] for row in rows})
    found = {(row["stream"], row[over]): cell(row) for row in rows}
    made = [[first, *(named.format(value) for value in columns)]]
    for stream in dict.fromkeys(row["stream"] for row in rows):
        made.append([stream, *(found.get((stream, value), "") for value in columns)])
    return grid(made)


def accuracies(rows: list[Row]) -> list[str]:
    """A table for each scenario and paradigm after the last task; over time, and over initializations, where asked."""
    lines, last = [], max(row["task"] for row in rows)
    ends = [row for row in rows if row["task"] == last and not row["varied"]]
    for scenario, paradigm in dict.fromkeys((row["scenario"], row["paradigm"]) for row in ends):
        own = [row for row in ends if (row["scenario"], row["paradigm"]) == (scenario, paradigm)]
        lines += [*crossed(own, f"{scenario}, {paradigm}, %", "capacity", percent), ""]
        if paradigm == "replay":
            lines += [*crossed(own, "classes held", "capacity", lambda row: f"{row['classes']:g}"), ""]
        else:
            errors = crossed(
                own,
                "gradient error, share of all rows'",
                "capacity",
                lambda row: f"{row['gradient_error']:.3g}",
            )
            lines += [*errors, ""]
    if over_time := [row for row in rows if row["each"]]:
        size = over_time[0]["capacity"]
        told = [{**row, "task": row["task"] + 1} for row in over_time]
        lines += [*crossed(told, f"{size:,} rows, after task, %", "task", percent, "{}"), ""]
    if varied := [row for row in rows if row["varied"]]:
        first = f"{varied[0]['scenario']}, {varied[0]['capacity']:,} rows, %"
        lines += [*crossed(varied, first, "inits", percent, "s = {}"), ""]
    return lines


def section(path: Path) -> list[str]:
    told = json.loads(path.read_text())
    machine, rows = told["machine"], told["rows"]
    failed = sum(len(row["failed"]) for row in rows)
    return [
        f"### {path.stem.removeprefix('continual-')}, as a stream",
        "",
        f"{told['n']:,} rows, {told['model']}, {told['seeds']} seeds, mean ± deviation "
        f"({machine['processor']}, {machine['date'][:10]}). Left out for time: {told['left_out']}."
        + (f" {failed} runs failed." if failed else ""),
        "",
        *accuracies(rows),
        "Differences over the same seeds, in points, of several sizes their mean.",
        "",
        *judged(told["claims"]),
        "",
    ]  # fmt: skip


def main() -> None:
    paths = [RESULTS / f"continual-{name}.json" for name in ORDER]
    fill("continual", [line for path in paths if path.exists() for line in section(path)])


if __name__ == "__main__":
    main()
