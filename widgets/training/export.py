"""What Export saves: the runs as a table, accuracies for a paper, what decides between regimes, the two figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coreset_explore.experiment import report
from coreset_explore.experiment.significance import significance
from coreset_explore.labs.training.reading import trade_off
from widgets.training.portrait import against_budget
from widgets.training.session import Session

FORMATS = {
    "runs": "All runs, .csv",
    "latex": "Accuracies, LaTeX, .tex",
    "differences": "Differences and p, .csv",
    "accuracy": "Accuracy against budget, .pdf",
    "trade": "Accuracy against seconds, .pdf",
}


def what(session: Session, form: str) -> str:
    """What would be saved."""
    result = session.result
    if result is None or not result.records:
        return "Nothing is trained yet."
    seen = f"{len(result.records):,} of {len(result.ground.plan.cells):,} runs"
    return f"{seen}, a row each" if form == "runs" else f"From {seen}"


def write(session: Session, form: str, folder: str | Path) -> Path:
    """Write in one of FORMATS; gives the path. ValueError where there is nothing to write."""
    result = session.result
    if result is None or not result.records:
        raise ValueError("nothing is trained yet: press Train first")
    into = Path(folder).expanduser()
    into.mkdir(parents=True, exist_ok=True)
    found = result.frame
    if form == "runs":
        return report.csv(found, into / "runs.csv")
    if form == "latex":
        path = into / "accuracies.tex"
        path.write_text(report.latex(found) + "\n")
        return path
    if form == "differences":
        path = into / "differences.csv"
        _compared(result).to_csv(path, index=False)
        return path
    from coreset_explore.plots import training

    figure = against_budget(result) if form == "accuracy" else training.trade_off(trade_off(found))
    path = into / ("accuracy.pdf" if form == "accuracy" else "trade_off.pdf")
    figure.savefig(path, bbox_inches="tight")
    return path


def _compared(result: Any) -> Any:
    found = result.frame[result.frame.accuracy.notna()]
    return significance(found)
