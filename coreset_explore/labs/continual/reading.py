"""A run's records as frames, and what accuracies after each task on each task come to.

R: accuracy after task i on task j, a list a task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coreset_explore.experiment.store import Record

PLACE = ("stream", "capacity", "seed", "task")
COLUMNS = (
    *PLACE, "accuracy", "accuracy_seen", "forgetting", "backward_transfer", "gradient_error", "seen", "rows", "held",
    "effective_size", "updates", "embed_seconds", "update_seconds", "train_seconds", "short", "stopped", "remarks",
    "failed",
)  # fmt: skip
Matrix = Sequence[Sequence[float | None] | None]


def frame(records: Iterable[Record]):
    """A tidy pandas frame of a run's records, one row a cell, without the lists; `failed` is the sentence, or None."""
    import pandas

    rows: list[Mapping[str, Any]] = []
    for record in records:
        numbers = record.numbers or {}
        remarks = " ".join(f"{sentence}." for sentence in numbers.get("remarks", ())) or None
        rows.append({**numbers, **_place(record), "remarks": remarks, "failed": record.error})
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def task_matrix(records: Iterable[Record]):
    """Accuracy after each task on each: a tidy frame with the columns stream, capacity, seed, task, judged, accuracy.

    `judged` is the task whose test rows were asked; NaN where there are none.
    """
    import pandas

    rows = [
        {**_place(record), "judged": judged, "accuracy": accuracy}
        for record in records
        if record.numbers
        for judged, accuracy in enumerate(record.numbers["per_task"])
    ]
    found = pandas.DataFrame(rows, columns=[*PLACE, "judged", "accuracy"])
    return found.astype({"accuracy": float})


def memory_classes(records: Iterable[Record], classes: Sequence[str]):
    """What the memory holds of each class after each task: columns of a place, class, rows, share, weight.

    `classes` are the data's; `share` of the memory's rows; `weight` the sum of the weights of the class's rows.
    """
    import pandas

    rows = []
    for record in records:
        if numbers := record.numbers:
            told = zip(classes, numbers["counts"], numbers["class_weights"], strict=True)
            for name, count, weight in told:
                share = count / max(numbers["rows"], 1)
                rows.append(
                    {**_place(record), "class": name, "rows": count, "share": share, "weight": weight}
                )
    return pandas.DataFrame(rows, columns=[*PLACE, "class", "rows", "share", "weight"])


def forgetting(matrix: Matrix) -> float | None:
    """The mean over earlier tasks of what was lost since the best: mean_j<t (max_l<t R_lj − R_tj).

    `matrix`: R up to the last task t. Chaudhry et al. 2018, arXiv:1801.10112, equation 3. None after the first task,
    and where an earlier model is not known. Tasks that no test row judges are left out.

    >>> from coreset_explore.labs.continual import forgetting
    >>> forgetting([[0.75, 0.0], [0.5, 1.0]])
    0.25
    """
    return _mean([max(before) - now for now, before, _ in _earlier(matrix)])


def backward_transfer(matrix: Matrix) -> float | None:
    """The mean over earlier tasks of what later ones changed: mean_j<t (R_tj − R_jj); below 0 is forgetting.

    Lopez-Paz & Ranzato 2017, arXiv:1706.08840, equation 3, after task t. None as for `forgetting`.
    """
    return _mean([now - then for now, _, then in _earlier(matrix)])


def _earlier(matrix: Matrix) -> list[tuple[float, list[float], float]]:
    """Of each earlier task its accuracy now, those after every task before, and the one right after it."""
    if any(row is None for row in matrix):
        return []
    rows = [row for row in matrix if row is not None]
    found = []
    for j in range(len(rows) - 1):
        column = [value for row in rows if (value := row[j]) is not None]
        if len(column) == len(rows):
            found.append((column[-1], column[:-1], column[j]))
    return found


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _place(record: Record) -> dict[str, Any]:
    return {word: record.settings[word] for word in PLACE}
