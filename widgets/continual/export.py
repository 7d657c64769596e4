"""What Export saves: the models as a table, every memory row by row, what decides between streams, the figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coreset_explore.experiment import report
from coreset_explore.labs.continual import memory_classes, task_matrix
from coreset_explore.labs.continual.questions import final, gains
from widgets.continual import portrait
from widgets.continual.accuracy_table import baseline
from widgets.continual.result import Looked, Result
from widgets.continual.session import Session

FORMATS = {
    "runs": "All models, .csv",
    "memories": "All memories, row by row, .csv",
    "tasks": "Accuracy on each task, .csv",
    "classes": "Classes in each memory, .csv",
    "gains": "Differences after the last task, .csv",
    "over_tasks": "Accuracy over tasks, .pdf",
    "over_sizes": "Accuracy over sizes, .pdf",
    "frequencies": "Classes over tasks, .pdf",
    "matrices": "Each task after each, .pdf",
}


def what(session: Session, form: str) -> str:
    """What would be saved."""
    result = session.result
    if result is None or not result.records:
        return "Nothing is trained yet."
    seen = f"{len(result.records):,} of {len(result.ground.plan.cells):,} models"
    if form == "gains":
        against = baseline(result)
        return (
            f"From {seen}: every stream beside {against}" if against else "It compares two streams or more."
        )
    return f"{seen}, a row each" if form == "runs" else f"From {seen}"


def write(session: Session, form: str, folder: str | Path) -> Path:
    """Write in one of FORMATS; gives the path. ValueError where there is nothing to write."""
    result = session.result
    if result is None or not any(record.numbers for record in result.records):
        raise ValueError("nothing is trained yet: press Run first")
    into = Path(folder).expanduser()
    into.mkdir(parents=True, exist_ok=True)
    if form in TABLES:
        return report.csv(TABLES[form](result), into / f"{form}.csv")
    looked, path = Looked.at(session), into / f"{form}.pdf"
    drawn = {
        "over_tasks": lambda: portrait.over_tasks(result, looked),
        "over_sizes": lambda: portrait.over_sizes(result),
        "frequencies": lambda: portrait.classes(result, looked),
        "matrices": lambda: portrait.matrices(result, looked),
    }[form]()
    drawn.savefig(path, bbox_inches="tight")
    return path


def memories(result: Result) -> Any:
    """Every row of every memory: stream, capacity, seed, task, id, weight, class, and the task it came in."""
    import pandas

    parts, data = [], result.ground.setting.data
    for record in result.ordered:
        if record.numbers:
            place = {word: record.settings[word] for word in ("stream", "capacity", "seed", "task")}
            ids = record.numbers["ids"]
            came = result.ground.tasks(place["seed"]).data.truth["task"][ids].tolist()
            named = [data.classes[int(data.y[i])] for i in ids]
            rows = {"id": ids, "weight": record.numbers["weights"], "class": named, "came_in": came}
            parts.append(pandas.DataFrame({**place, **rows}))
    return pandas.concat(parts, ignore_index=True)


def compared(result: Result) -> Any:
    """Each stream beside the baseline after the last task."""
    against, found = baseline(result), final(result.frame)
    if not against:
        raise ValueError("differences want two streams or more; add one under 3 Memories")
    return gains(found[found.accuracy.notna()], against)


TABLES: dict[str, Callable[[Result], Any]] = {
    "runs": lambda result: result.frame,
    "memories": memories,
    "tasks": lambda result: task_matrix(result.ordered),
    "classes": lambda result: memory_classes(result.ordered, result.ground.setting.data.classes),
    "gains": compared,
}
