"""Select and Cancel, whatever they are called: one run at a time for a Task, its button, and its bar."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from coreset_explore import progress
from coreset_explore.progress import Cancelled
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.job import Job, finished
from widgets.kit.markup import note, text
from widgets.kit.task import Task

DOUBLE = (
    0.4  # seconds: the button and Cancel share a place, so the second half of a double click must not cancel
)
PATIENCE = (
    2.0  # seconds a cancelled run may take to stop before its answer is dropped and the panel is free again
)


class Runner:
    """Runs work for `task`: `work()` on a thread, `landed(answer)` on `loop`, or directly where there is none.

    `landed` puts the answer in its place and ends with `task.done(...)`. What either raises, and a cancel, end the run
    in the task's other states. Where `work()` is a generator, `partly` is given what it yields before its answer.
    """

    def __init__(self, task: Task, loop: asyncio.AbstractEventLoop | None = None):
        self.task, self.loop, self.job = task, loop, Job(loop)
        self._error: BaseException | None = None  # that the last run on the thread ended with

    def start(
        self,
        work: Callable[[], Any],
        landed: Callable[[Any], None],
        partly: Callable[[Any], None] = lambda part: None,
    ) -> None:
        """Begin, unless something runs."""
        if self.task.busy:
            return
        self.task.begin()
        self._error = None
        self.job.start(
            work,
            then=lambda answer: self._land(landed, answer),
            failed=self._failed,
            progressed=lambda fraction, words: self.task.progressed(fraction, brief(words)),
            cancelled=self.task.cancelled,
            partly=lambda part: self._land(partly, part),
        )

    def cancel(self) -> None:
        """Stop at the next step; where that takes longer than two seconds, the answer is dropped."""
        if self.task.status != "running" or self.task.seconds < DOUBLE:
            return
        self.task.cancelling()
        self.job.cancel()
        if self.loop is not None:
            self.loop.call_later(PATIENCE, self._give_up, self.job.generation)

    def run_here(self, work: Callable[[], Any], landed: Callable[[Any], None], title: str) -> None:
        """Run on the calling thread, with the library's bar; what fails is shown in the panel and raised."""
        if self.task.busy:
            raise RuntimeError("this panel is running already; cancel it first, or wait until it is done")
        self.task.begin()
        try:
            with progress.bar(title):
                answer = finished(work())
            landed(answer)
        except (Cancelled, KeyboardInterrupt):
            self.task.cancelled()
            raise
        except BaseException as error:
            self.task.failed(error)
            raise

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the thread (for tests and scripts); whether it has ended."""
        return self.job.wait(seconds)

    def finish(self) -> BaseException | None:
        """Wait for the run that goes on, and until its answer has landed; gives what it failed with, if it did.

        An interrupt cancels it and is raised.
        """
        try:
            self.job.finish()
        except BaseException:
            self.job.drop()
            self.task.cancelled()
            raise
        return self._error

    def close(self) -> None:
        """Stop, and listen to nothing more."""
        self.job.drop()

    def _land(self, landed: Callable[[Any], None], answer: Any) -> None:
        try:
            landed(answer)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self._error = error
        self.task.failed(error)

    def _give_up(self, generation: int) -> None:
        if self.task.status == "cancelling" and self.job.generation == generation:
            self.job.drop()
            self.task.cancelled()


def action(
    task: Task,
    runner: Runner,
    start: Callable[[], Any],
    *below: w.Widget,
    name: str | Callable[[], str],
    advice: Callable[[], str] = lambda: "",
    watch: Sequence[str] = (),
) -> w.Widget:
    """The one button, `name` or Cancel, over the bar while something runs and else the line that `advice` gives.

    A `name` that can be called says what the button is called by now.

    `advice` is asked again when a setting, the state or a trait of `watch` changes. What stands `below` is shown so.
    """
    guard = session_guard(task)
    button = w.Button().add_class("cx-act")
    told = note("", "cx-told", "cx-note")

    def draw(_=None) -> None:
        called = name() if callable(name) else f"{name} again" if task.stale else name
        button.description = task.STOP[0] if task.busy else called
        button.disabled = task.status == "cancelling"
        (button.add_class if task.busy else button.remove_class)("cx-stop")
        told.value = progress_html(task) if task.busy else f"<p>{text(advice())}</p>"

    task.observe(guard(draw), [*task.SETTINGS, *task.STATE, *watch])
    button.on_click(guard(lambda _: runner.cancel() if task.busy else start()))
    draw()
    return w.VBox([button, told, *below]).add_class("cx-action")


def progress_html(task: Task) -> str:
    """The bar, what is being done, and how long it still takes."""
    left, seconds = "", task.remaining
    if seconds >= 0:
        left = (
            f"about {max(1, round(seconds))}\u00a0s left"
            if seconds < 100
            else f"about {round(seconds / 60)} min left"
        )
    words = "Stopping at the next step" if task.status == "cancelling" else task.activity or "Starting"
    done = round(100 * task.progress)
    return (
        f'<div class="cx-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{done}">'
        f'<i style="width:{done}%"></i></div><p>{text(words)}</p><p class="cx-time">{left}</p>'
    )


def brief(text: str) -> str:
    """The stage and the first thing counted in it: "Recording signals, epoch 3 of 5", without the loops inside."""
    first, *inside = text.split(", ")
    counted = next((part for part in inside if " of " in part), "")
    return f"{first}, {counted}" if counted else first
