"""What callbacks raise, caught and shown: nothing vanishes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from widgets.kit import plain as w
from widgets.kit.markup import show, text
from widgets.kit.problems import Problem, problem

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


def said(found: Problem) -> str:
    """A problem in HTML: the sentence, what to do, and the details behind a click."""
    advice = f"<p>{text(found.advice)}</p>" if found.advice else ""
    trace = f"<details><summary>Details</summary><pre>{text(found.details)}</pre></details>"
    return f'<div role="alert"><b>{text(found.sentence)}</b>{advice}{trace if found.details else ""}</div>'


def problem_box(task: Task) -> w.Widget:
    """The last error: a sentence, what to do, details; it is closed by its button or by the next run."""
    words = w.HTML()
    close = w.Button(description="×", tooltip="Close this message")
    box = w.Box([words, close]).add_class("cx-problem")

    def draw(_=None) -> None:
        show(box, task.problem is not None)
        if task.problem is not None:
            words.value = said(task.problem)

    task.observe(draw, "problem")  # not guarded: it shows what the guard catches
    close.on_click(lambda _: task.dismiss())
    draw()
    return box
