"""The panel as a figure: what a notebook shows that is opened without its kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coreset_explore.labs.continual import memory_classes, task_matrix
from widgets.continual.result import Looked, Result
from widgets.continual.session import Session


def portrait(session: Session) -> Callable[[], Any] | None:
    """A call that draws what the open tab shows, as far as a picture can; None without a record."""
    result = session.result
    if result is None or not any(record.numbers for record in result.records):
        return None
    if session.tab == "tasks":
        return lambda: matrices(result, Looked.at(session))
    if session.tab in ("memory", "map", "classes"):
        return lambda: classes(result, Looked.at(session))
    return lambda: over_tasks(result, Looked.at(session))


def classes(result: Result, looked: Looked) -> Any:
    """What each memory of the size looked at holds of each class, task by task."""
    from coreset_explore.plots import continual

    records = [r for r in result.ordered if r.settings["capacity"] == looked.capacity]
    named = result.ground.setting.data.classes
    return continual.frequencies(memory_classes(records, named), title=titled(result, looked))


def matrices(result: Result, looked: Looked) -> Any:
    """Accuracy after each task on each."""
    from coreset_explore.plots import continual

    records = [r for r in result.ordered if r.settings["capacity"] == looked.capacity]
    return continual.task_matrix(task_matrix(records), title=titled(result, looked))


def over_tasks(result: Result, looked: Looked) -> Any:
    """Accuracy after each task."""
    from coreset_explore.plots import continual

    found = result.frame
    return continual.over_tasks(found[found.capacity == looked.capacity], title=titled(result, looked))


def over_sizes(result: Result) -> Any:
    """Accuracy after the last task against the size of the memory."""
    from coreset_explore.labs.continual.questions import final
    from coreset_explore.plots import continual

    return continual.over_sizes(final(result.frame), title=result.ground.data.name)


def titled(result: Result, looked: Looked) -> str:
    return f"{result.ground.data.name}, {looked.capacity:,} rows kept"
