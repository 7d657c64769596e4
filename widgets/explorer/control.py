"""What Select, Cancel and the choice of a layout do: they move the Session through its states. No widget here."""

from __future__ import annotations

import time

from coreset_explore import progress
from coreset_explore.progress import Cancelled
from widgets.explorer import accuracy as judging
from widgets.explorer import result as work
from widgets.explorer.background import Background
from widgets.explorer.result import Result
from widgets.explorer.session import Session
from widgets.kit.job import Job
from widgets.kit.markup import duration, percent
from widgets.kit.problems import problem, session_guard

DOUBLE = 0.4  # seconds: Select and Cancel share a place, so the second half of a double click must not cancel
PATIENCE = (
    2.0  # seconds a cancelled run may take to stop before its answer is dropped and the panel is free again
)


class Control:
    """One Job for Select and training, and the Background; writes the Session on the main thread."""

    def __init__(self, session: Session, loop=None):
        self.session, self.loop = session, loop
        self.main, self.background = Job(loop), Background(session, loop)
        self._started = 0.0
        session.observe(session_guard(session)(self._asked), "asked")

    # -- Select ---------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return self.session.status in ("running", "cancelling")

    def start(self) -> None:
        """Select: one run at a time, the last good result stays until the new one is there."""
        if self.busy:
            return
        ask, previous = work.Ask.of(self.session), self.session.result
        self._begin()
        self.background.stop_probes()
        self.main.start(
            lambda: work.answer(ask, previous),
            then=self._done,
            failed=self._failed,
            progressed=self._progressed,
            cancelled=self._cancelled,
        )

    def cancel(self) -> None:
        """Cancel: stops at the next step; where that takes longer than two seconds, its answer is dropped."""
        if self.session.status != "running" or time.monotonic() - self._started < DOUBLE:
            return
        self.session.status = "cancelling"
        self.main.cancel()
        if self.loop is not None:
            generation = self.main.generation
            self.loop.call_later(PATIENCE, lambda: self._give_up(generation))

    def click(self) -> None:
        """The one button."""
        self.cancel() if self.busy else self.start()

    def run_here(self) -> None:
        """Select on the calling thread, with the library's bar; what fails is shown in the panel and raised."""
        if self.busy:
            raise RuntimeError("a selection is running; cancel it first, or wait until it is done")
        ask, previous = work.Ask.of(self.session), self.session.result
        self._begin()
        try:
            with progress.bar("Select"):
                found = work.answer(ask, previous)
        except (Cancelled, KeyboardInterrupt):
            self._cancelled()
            raise
        except BaseException as error:
            self._failed(error)
            raise
        self._done(found)

    def _begin(self) -> None:
        self._started = time.monotonic()
        with self.session.hold_trait_notifications():
            self.session.problem = None
            self.session.note = ""
            self.session.activity = ""
            self.session.progress = 0.0
            self.session.remaining = -1.0
            self.session.status = "running"

    def _progressed(self, fraction: float, text: str) -> None:
        session, spent = self.session, time.monotonic() - self._started
        with session.hold_trait_notifications():
            session.progress = max(session.progress, fraction)
            session.activity = brief(text)
            known = fraction > 0.05 and spent > 1.0
            session.remaining = spent * (1 - fraction) / fraction if known else -1.0

    def _done(self, found: tuple[Result, dict]) -> None:
        result, maps = found
        session, before = self.session, self.session.result
        new_pool = before is None or before.pool is not result.pool
        if new_pool:
            self.background.drop_map()
        spent = time.monotonic() - self._started
        with session.hold_trait_notifications():
            wanted = session.budget if before is not None else result.budgets[-1]
            session.j = min(range(len(result.budgets)), key=lambda i: abs(result.budgets[i] - wanted))
            if new_pool:
                session.maps, session.layout_note, session.only_class = maps, "", -1
                session.focus, session.hovered = ("", ()), -1
            names = list(result.runs)
            if session.active not in names:
                session.active = names[0]
            if session.compare_a not in names:
                session.compare_a = names[0]
            if session.compare_b not in names or session.compare_b == session.compare_a:
                others = [name for name in names if name != session.compare_a]
                session.compare_b = others[-1] if others else names[0]
            session.trained = None
            session.result = result
            session.progress, session.activity, session.remaining = 1.0, "", -1.0
            session.note = f"Done in {duration(spent)}"
            session.status = "done"
        if new_pool:
            self.background.replaced(maps)
        self.background.idle_work()

    def _failed(self, error: BaseException) -> None:
        with self.session.hold_trait_notifications():
            self.session.problem = problem(error)
            self.session.note = ""
            self.session.status = "error"

    def _cancelled(self) -> None:
        with self.session.hold_trait_notifications():
            self.session.note = f"Cancelled at {percent(self.session.progress)}"
            self.session.status = "idle"

    def _give_up(self, generation: int) -> None:
        if self.session.status == "cancelling" and self.main.generation == generation:
            self.main.drop()
            self._cancelled()

    def _asked(self, change) -> None:
        wanted = (change["new"] or {}).get("train")
        if wanted is None or self.busy or self.session.result is None:
            return
        result = self.session.result
        self.session.asked = None
        self._begin()

        def done(frame) -> None:
            with self.session.hold_trait_notifications():
                self.session.trained = frame
                self.session.note = f"Trained in {duration(time.monotonic() - self._started)}"
                self.session.status = "done"

        self.main.start(
            lambda: judging.train(result, **wanted),
            then=done,
            failed=self._failed,
            progressed=self._progressed,
            cancelled=self._cancelled,
        )

    def close(self) -> None:
        """Stop everything and listen to nothing more."""
        self.main.drop()
        self.background.close()


def brief(text: str) -> str:
    """The stage and the first thing counted in it: "Recording signals, epoch 3 of 5", without the loops inside."""
    first, *inside = text.split(", ")
    counted = next((part for part in inside if " of " in part), "")
    return f"{first}, {counted}" if counted else first
