"""The scenarios of the papers: each takes a dataset with test rows and makes a Setting, whose tasks a seed draws.

n rows of the data, T tasks, c classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from coreset_explore.datasets import Data
from coreset_explore.experiment.judging import tested
from coreset_explore.inputs import checks
from coreset_explore.labs.continual.pictures import fit_to, turned
from coreset_explore.labs.continual.setting import Setting, Tasks
from coreset_explore.machine.seeds import generator
from coreset_explore.training.rows import taught


def class_incremental(data: Any, *, classes: int = 2) -> Setting:
    """`classes` new classes a task, in the order the dataset has them: {0, 1}, {2, 3}, … (GMC, B.1).

    A task is judged by the test rows of its classes. The seed draws the order of rows within a task.

    >>> from coreset_explore.labs.continual import class_incremental
    >>> setting = class_incremental("digits", classes=4)
    >>> setting
    Setting(digits, class-incremental: classes=4)
    >>> setting.tasks(seed=0).names
    ('0, 1, 2, 3', '4, 5, 6, 7', '8, 9')
    """
    data, classes = _judged(data), checks.whole(classes, "classes a task", 1)
    parts = torch.arange(len(data.classes)).split(classes)
    if len(parts) < 2:
        raise ValueError(
            f"{data.name} has {len(data.classes)} classes, so {classes:,} a task make one task, which is no stream; "
            "give fewer"
        )

    def draw(seed: int) -> Tasks:
        order = _shuffled(len(data), seed)
        rows = tuple(order[torch.isin(data.y[order], part)] for part in parts)
        tests = tuple(torch.isin(data.y_test, part).nonzero().flatten() for part in parts)
        return Tasks(data, rows, tests, tuple(", ".join(data.classes[i] for i in part) for part in parts))

    return Setting(data, {"scenario": "class-incremental", "classes": classes}, len(parts), draw)


def sorted_by(data: Any, *, feature: int | str = 0, tasks: int = 10) -> Setting:
    """Rows in the order of one feature, cut into `tasks` parts (GMC, B.1): no task has a border, and the classes drift.

    `feature`: a column's number or name; of pictures, a pixel's number. Equal values arrive in the order of the data;
    a part is judged by the test rows up to its last value. The seed draws nothing.
    """
    data = _judged(data)
    number = _column(data, feature)
    tasks = _at_most(checks.whole(tasks, "tasks", 2), data)

    def draw(seed: int) -> Tasks:
        values = data.x.flatten(1)[:, number]
        rows = values.argsort(stable=True).tensor_split(tasks)
        ends = torch.stack([values[part[-1]] for part in rows[:-1]])
        part = torch.bucketize(data.x_test.flatten(1)[:, number].contiguous(), ends)
        tests = tuple((part == task).nonzero().flatten() for task in range(tasks))
        return Tasks(data, rows, tests, tuple(f"part {task + 1}" for task in range(tasks)))

    return Setting(data, {"scenario": "sorted", "feature": feature, "tasks": tasks}, tasks, draw)


def iid_incremental(data: Any, *, tasks: int = 10) -> Setting:
    """Rows in random order, cut into `tasks` parts: nothing drifts. Every part is judged by all test rows."""
    data = _judged(data)
    tasks = _at_most(checks.whole(tasks, "tasks", 1), data)

    def draw(seed: int) -> Tasks:
        rows = _shuffled(len(data), seed).tensor_split(tasks)
        every = torch.arange(len(data.x_test))
        return Tasks(data, rows, (every,) * tasks, tuple(f"part {task + 1}" for task in range(tasks)))

    return Setting(data, {"scenario": "iid-incremental", "tasks": tasks}, tasks, draw)


def rotated(data: Any, *, tasks: int = 20, most: float = 180.0) -> Setting:
    """All classes in every task, each task's pictures turned by an angle of its own (OCS: 20 of 0 to 180 degrees).

    The seed draws the angles and deals the rows, training and test, to the tasks, so that each picture is seen at one
    angle, `truth["angle"]`. Corners that no pixel turns into are black.
    """
    data, tasks = _judged(data), checks.whole(tasks, "tasks", 1)
    if data.kind != "images":
        raise ValueError(f"{data.name} is a table, and only pictures turn; take sorted_by or iid_incremental")
    most, tasks = checks.real(most, "most, the largest angle in degrees,", 0), _at_most(tasks, data)

    def draw(seed: int) -> Tasks:
        angles = torch.rand(tasks, generator=generator(seed, "angles")) * most
        rows, tests = (
            _shuffled(len(x), seed, what).tensor_split(tasks)
            for x, what in ((data.x, "order"), (data.x_test, "tests"))
        )
        at, x_test = torch.empty(len(data)), data.x_test.clone()
        x = data.x.clone()
        for angle, own, judged in zip(angles.tolist(), rows, tests, strict=True):
            x[own], x_test[judged], at[own] = turned(x[own], angle), turned(x_test[judged], angle), angle
        made = replace(data, x=x, x_test=x_test, files=None, truth={**data.truth, "angle": at})
        return Tasks(made, rows, tests, tuple(f"{angle:.0f}°" for angle in angles.tolist()))

    return Setting(data, {"scenario": "rotated", "tasks": tasks, "most": most}, tasks, draw)


def mixture(datasets: Sequence[Any]) -> Setting:
    """One dataset after another, each a task with classes of its own (OCS's mixture).

    All are tables of as many features, or pictures: those are made the size of the first ones, and grey ones colored
    where some are. `truth["dataset"]` says which a row is of. The seed draws the order of rows within a task.
    """
    if isinstance(datasets, str | Data) or len(datasets) < 2:
        raise ValueError('a mixture is of two datasets or more: mixture(["mnist", "fashion-mnist"])')
    parts = _alike([_judged(one) for one in datasets])
    names = [part.name for part in parts]
    starts = torch.tensor([0, *(len(part.classes) for part in parts)]).cumsum(0).tolist()
    which = torch.cat([torch.full((len(part),), i) for i, part in enumerate(parts)])
    judged = torch.cat([torch.full((len(_tests(part)),), i) for i, part in enumerate(parts)])
    data = Data(
        x=torch.cat([part.x for part in parts]),
        y=torch.cat([part.y + start for part, start in zip(parts, starts, strict=False)]),
        classes=tuple(f"{part.name} {label}" for part in parts for label in part.classes),
        x_test=torch.cat([_tests(part) for part in parts]),
        y_test=torch.cat([part.y_test + start for part, start in zip(parts, starts, strict=False)]),
        kind=parts[0].kind,
        name=" + ".join(names),
        note="; ".join(f"{part.name}: {part.note}" for part in parts if part.note),
        truth={"dataset": which},
    )

    def draw(seed: int) -> Tasks:
        order = _shuffled(len(data), seed)
        rows = tuple(order[which[order] == task] for task in range(len(parts)))
        tests = tuple((judged == task).nonzero().flatten() for task in range(len(parts)))
        return Tasks(data, rows, tests, tuple(names))

    return Setting(data, {"scenario": "mixture", "datasets": names}, len(parts), draw)


def imbalanced(setting: Setting, *, ratio: float = 10.0) -> Setting:
    """A scenario whose classes are not as many in each task: of one all rows arrive, of another 1/`ratio` of them.

    In a task of c classes, in an order the seed draws, the i-th keeps a share ratio^(−i/(c−1)) of its rows, one at
    least, which stay in their order. Test rows stay as they are. A task of one class loses nothing.
    """
    if not isinstance(setting, Setting):
        raise ValueError(
            f"imbalanced thins a setting, not {checks.shown(setting)}; imbalanced(class_incremental(data))"
        )
    ratio = checks.real(ratio, "ratio, the largest class over the smallest,", 1)

    def draw(seed: int) -> Tasks:
        whole, rng = setting.tasks(seed), generator(seed, "imbalance")
        labels = whole.data.y
        assert labels is not None  # a Setting's data have labels
        return replace(whole, rows=tuple(_thinned(rows, labels[rows], ratio, rng) for rows in whole.rows))

    told = {"scenario": "imbalanced", "ratio": ratio, "of": dict(setting.scenario)}
    return Setting(setting.data, told, setting.many, draw)


def _thinned(rows: Tensor, y: Tensor, ratio: float, rng: torch.Generator) -> Tensor:
    there = y.unique()
    keep = torch.zeros(len(rows), dtype=torch.bool)
    for rank, label in enumerate(there[torch.randperm(len(there), generator=rng)].tolist()):
        own = (y == label).nonzero().flatten()
        many = max(1, round(len(own) * ratio ** (-rank / max(len(there) - 1, 1))))
        keep[own[torch.randperm(len(own), generator=rng)[:many]]] = True
    return rows[keep]


def _judged(data: Any) -> Data:
    """The data loaded, with labels and test rows."""
    return tested(taught(*data) if isinstance(data, tuple) else taught(data), None)


def _tests(data: Data) -> Tensor:
    assert data.x_test is not None  # `tested` saw to it
    return data.x_test


def _shuffled(n: int, seed: int, what: str = "order") -> Tensor:
    return torch.randperm(n, generator=generator(seed, what))


def _at_most(tasks: int, data: Data) -> int:
    if tasks > len(data):
        raise ValueError(
            f"{tasks:,} tasks of {data.name}'s {len(data):,} rows leave some without a row; give fewer tasks"
        )
    return tasks


def _column(data: Data, feature: int | str) -> int:
    """A feature's place in x.flatten(1)."""
    if not isinstance(feature, str):
        return checks.whole(feature, "feature, a column's number,", 0, data.x[0].numel() - 1)
    if not data.columns:
        raise ValueError(f"{data.name} has no column names, so {feature!r} is none of them; give a number")
    return data.columns.index(checks.choice(feature, "feature", data.columns))


def _alike(parts: list[Data]) -> list[Data]:
    """Pictures as large as the first dataset's, colored where some are; tables as they are."""
    first = parts[0]
    for part in parts[1:]:
        if part.kind != first.kind or (part.kind == "table" and part.x.shape[1] != first.x.shape[1]):
            raise ValueError(
                f"{part!r} cannot follow {first!r}: a mixture is of pictures alone, or of tables with as many features"
            )
    if first.kind == "table":
        return parts
    channels, size = max(part.x.shape[1] for part in parts), (first.x.shape[2], first.x.shape[3])
    fitted = ((fit_to(part.x, channels, size), fit_to(_tests(part), channels, size)) for part in parts)
    return [
        replace(part, x=x, x_test=test, files=None) for part, (x, test) in zip(parts, fitted, strict=True)
    ]
