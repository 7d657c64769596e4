"""Writes what benchmarks/results/training-*.json say into benchmarks/README.md, beside the papers' own numbers."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import RESULTS
from pages import fill, grid, judged

# GRAD-MATCH, table 3: MNIST, LeNet, 200 epochs, % at 1, 3, 5 and 10 %. (FULL 99.35.)
TABLE3 = {
    "FULL": (99.35,) * 4,
    "RANDOM": (94.55, 97.14, 97.7, 98.38),
    "GLISTER": (93.11, 98.062, 99.02, 99.134),
    "GLISTER-Warm": (97.63, 98.9, 99.1, 99.15),
    "CRAIG": (96.18, 96.93, 97.81, 98.7),
    "CRAIG-Warm": (98.48, 98.96, 99.12, 99.14),
    "CRAIGPB": (97.72, 98.47, 98.79, 99.05),
    "CRAIGPB-Warm": (98.47, 99.08, 99.01, 99.16),
    "GRAD-MATCH": (98.954, 99.174, 99.214, 99.24),
    "GRAD-MATCH-Warm": (98.86, 99.22, 99.28, 99.29),
    "GRAD-MATCHPB": (98.7, 99.1, 99.25, 99.27),
    "GRAD-MATCHPB-Warm": (99.0, 99.23, 99.3, 99.31),
}
# GRAD-MATCH, table 8: mean gradient error at 1, 3, 5 and 10 % of MNIST, as printed (no share of the full gradient).
TABLE8 = {
    "RANDOM": (410.0, 18.1, 10.5, 9.5),
    "CRAIG": (68.3, 19.3, 11.0, 6.5),
    "CRAIGPB": (17.6, 2.96, 1.39, 0.44),
    "GRAD-MATCH": (66.2, 17.7, 9.8, 2.1),
    "GRAD-MATCHPB": (15.5, 2.2, 1.17, 0.38),
}


def accuracies(rows: list[dict], paper: dict[str, tuple[float, ...]]) -> list[str]:
    budgets = sorted({row["budget"] for row in rows if row["regime"] == "RANDOM"})
    found = {(row["regime"], row["budget"]): row for row in rows}
    full = next((row for row in rows if row["regime"] == "FULL"), None)
    made = [["regime", *(f"{k:,}" for k in budgets), *(["paper at 1, 3, 5, 10 %"] if paper else [])]]
    for name in dict.fromkeys(row["regime"] for row in rows):
        cells = []
        for k in budgets:
            row = full if name == "FULL" else found.get((name, k))
            cells.append("–" if row is None else f"{100 * row['accuracy']:.2f} ± {100 * row['sd']:.2f}")
        printed = ", ".join(f"{number:.1f}" for number in paper.get(name, ()))
        made.append([name, *cells, *([printed] if paper else [])])
    return grid(made)


def short(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def errors(rows: list[dict]) -> list[str]:
    budgets = sorted({row["budget"] for row in rows if row["regime"] == "RANDOM"})
    found = {(row["regime"], row["budget"]): row for row in rows}
    made = [["gradient error, share of all rows'", *(f"{k:,}" for k in budgets), "paper, no share"]]
    for name, printed in TABLE8.items():
        cells = [short(found[name, k]["gradient_error"]) for k in budgets]
        made.append([name, *cells, ", ".join(map(str, printed))])
    return grid(made)


def section(path: Path) -> list[str]:
    told = json.loads(path.read_text())
    about, machine, rows = path.stem.removeprefix("training-"), told["machine"], told["rows"]
    where = f"{machine['processor']}, {told.get('threads', machine['torch_threads'])} threads, {machine['date'][:10]}"
    where += f", load {told['load_before']:.1f} before" if "load_before" in told else ""
    lines = [f"### {about}", ""]
    if "every" in told:
        lines += [
            f"{told['n']:,} rows, T = {told['epochs']}, R = {told['every']}, batches of {told['batch_size']}, "
            f"{told['seeds']} seeds ({where}). Accuracy on the test rows after the last epoch, %.",
            "", *accuracies(rows, TABLE3 if about.startswith("mnist") else {}),
            "", *errors(rows),
            "", "Differences over the same seeds, in points (of errors as they are), a mean over budgets a seed.",
            "", *judged(told["claims"]), "",
        ]  # fmt: skip
    elif "ends" in told:
        sizes = ", ".join(f"{name} {n:,} rows" for name, n in told["n"].items())
        lines += [
            f"{sizes} ({where}).",
            "",
            *judged([{**row, "paper": f"{row['paper']}, {row['data']}"} for row in rows]),
        ]
        lines.append("")
    else:
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines += [
            f"{where}.",
            "",
            *grid([names, *([str(row.get(name, "")) for name in names] for row in rows)]),
            "",
        ]
        lines += [*judged(told["claims"]), ""] if "claims" in told else []
    return lines


def main() -> None:
    made = [line for path in sorted(RESULTS.glob("training-*.json")) for line in section(path)]
    fill("training", made)


if __name__ == "__main__":
    main()
