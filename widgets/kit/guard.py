"""What callbacks raise, caught and shown: nothing vanishes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as w

from widgets.kit.markup import text
from widgets.kit.problems import problem

if TYPE_CHECKING:
    from widgets.kit.task import Task


def session_guard(task: Task) -> Callable[[Callable], Callable]:
    """Decorator for callbacks: what they raise becomes the task's problem, so that nothing vanishes."""

    def wrap(fn: Callable) -> Callable:
        @functools.wraps(fn)
        def guarded(*args, **kwargs):
            try:
                return fn(*args, **kwargs)
            except Exception as error:
                task.troubled(problem(error))

        return guarded

    return wrap


def problem_box(task: Task) -> w.Widget:
    """The last error: a sentence, what to do, details; it is closed by its button or by the next run."""
    words = w.HTML()
    close = w.Button(description="×", tooltip="Close this message")
    box = w.Box([words, close]).add_class("cx-problem")
    box.layout.display = "none"

    def draw(_=None) -> None:
        problem = task.problem
        box.layout.display = "none" if problem is None else ""
        if problem is not None:
            advice = f"<p>{text(problem.advice)}</p>" if problem.advice else ""
            trace = f"<details><summary>Details</summary><pre>{text(problem.details)}</pre></details>"
            details = trace if problem.details else ""
            words.value = f'<div role="alert"><b>{text(problem.sentence)}</b>{advice}{details}</div>'

    task.observe(draw, "problem")  # not guarded: it shows what the guard catches
    close.on_click(lambda _: task.dismiss())
    return box
