"""What the panel runs, and how it lands in the Session: a look at what is kept, and the training. No widget here."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from coreset_explore.labs.training.cells import Cell
from coreset_explore.labs.training.run import run
from coreset_explore.training.epochs import Epoch
from widgets.kit.guard import session_guard
from widgets.kit.job import Job
from widgets.kit.markup import duration
from widgets.kit.problems import problem
from widgets.kit.runner import Runner
from widgets.training.ground import Ask, Ground, look
from widgets.training.result import Live, Result, place
from widgets.training.session import Session

SOON = 0.3  # seconds after a setting changed in which it may change again, before the store is asked
OFTEN = 0.4  # seconds between two drawings of what is trained


class Control:
    """The Runner of the training, and a Job that looks at what is kept; they write the Session on the main thread."""

    def __init__(self, session: Session, loop=None):
        self.session, self.loop = session, loop
        self.main, self.looks = Runner(session, loop), Job(loop, "look")
        self._watched: list[tuple[Cell, Epoch]] = []  # of the cell that is trained, written by the thread
        self._told = 0.0
        self._so_far: Result | None = None  # of the run, written by the thread
        self._wanted = 0  # how often a look was asked for
        guard = session_guard(session)
        session.observe(guard(self._changed), list(session.SETTINGS))
        session.observe(guard(self._tell), ["progress", "status"])
        session.observe(guard(self._ended), "status")

    def look(self) -> None:
        """See what is kept of these settings, in the background, and show it."""
        session = self.session
        if session.busy:
            return
        ask, before = Ask.of(session), session.ground
        session.look_note = f"Reading {ask.name}" if before is None else "Looking at what is kept"
        self.looks.start(lambda: look(ask, before), then=self._looked, failed=self._not_looked)

    def start(self) -> None:
        """Train what is not kept yet, unless something runs."""
        if not self.session.busy:
            self.looks.drop()
            self.session.look_note = ""
            self.main.start(self._work(), self._landed, self._arrived)

    def run_here(self) -> None:
        """Train on the calling thread, with the library's bar; a run that goes on is waited for."""
        if self.session.busy:
            error = self.main.finish()
            if error is not None:
                raise error
        self.looks.drop()
        self.main.run_here(self._work(), self._landed, "Train")

    def cancel(self) -> None:
        """Pause: what is done is kept, and the next start goes on with the rest."""
        self.main.cancel()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for both threads (for tests and scripts); whether they have ended."""
        return self.main.wait(seconds) and self.looks.wait(seconds)

    def close(self) -> None:
        """Stop everything and listen to nothing more."""
        self.main.close()
        self.looks.drop()
        self._wanted += 1

    # -- on the thread ----------------------------------------------------------------------------------------------

    def _work(self):
        """The records of the settings as they are now."""
        ask, before = Ask.of(self.session), self.session.ground
        return lambda: self._records(ask, before)

    def _records(self, ask: Ask, before: Ground | None) -> Generator[Result, None, Result]:
        ground = before if before is not None and before.ask.key == ask.key else look(ask, before)
        result = Result(ground, ground.kept)
        yield result
        known = {place(record) for record in ground.kept if not record.error}
        ground.store.parent.mkdir(parents=True, exist_ok=True)
        how = {"budgets": list(ask.budgets), "seeds": list(ask.seeds), "store": ground.store}
        said = time.monotonic()
        for record in run(ground.setting, ask.regimes, watch=self._watch, show=False, **how):
            if place(record) not in known:
                result = self._so_far = result.with_record(record)
                if time.monotonic() - said > OFTEN:  # a page draws no more often
                    said = time.monotonic()
                    yield result
        return result

    def _watch(self, cell: Cell, epoch: Epoch) -> None:
        if self._watched and self._watched[-1][0] is not cell:
            self._watched = []
        self._watched.append((cell, epoch))

    # -- on the loop ------------------------------------------------------------------------------------------------

    def _changed(self, _: Any) -> None:
        self._wanted += 1
        if self.loop is None:
            self._look_if(self._wanted)
        else:
            self.loop.call_later(SOON, session_guard(self.session)(self._look_if), self._wanted)

    def _look_if(self, wanted: int) -> None:
        """Look, unless a setting changed again meanwhile, or the answer is there."""
        if wanted == self._wanted and self.session.looked is None:
            self.look()

    def _looked(self, ground: Ground) -> None:
        session = self.session
        if ground.ask.key != session.key:  # a setting changed meanwhile, and is looked at next
            return
        shown = Result(ground, ground.kept) if ground.kept else session.result
        done = len(ground.plan.cells) - len(ground.plan.left(ground.kept))
        note = f"{done:,} of {len(ground.plan.cells):,} runs kept" if done else ""
        session.known(ground=ground, look_note="", result=shown, note=note)

    def _not_looked(self, error: BaseException) -> None:
        self.session.look_note = ""
        self.session.troubled(problem(error))

    def _arrived(self, result: Result) -> None:
        self.session.known(ground=result.ground, result=result)

    def _landed(self, result: Result) -> None:
        failed = f", {len(result.failed)} failed" if result.failed else ""
        took = duration(self.session.seconds)
        self._so_far = None
        self.session.done(f"Done in {took}{failed}", ground=result.ground, result=result, live=None)

    def _ended(self, change: Any) -> None:
        """A run that was paused or failed; settings that changed meanwhile are looked at now."""
        if change["new"] in ("idle", "error") and change["old"] in ("running", "cancelling"):
            arrived, self._so_far = self._so_far, None
            if arrived is not None:
                self.session.result = arrived
            self.session.live = None
            self._changed(None)

    def _tell(self, _: Any) -> None:
        """What the cell that is trained has come to, now and then."""
        watched, now = self._watched, time.monotonic()
        if self.session.status == "running" and watched and now - self._told > OFTEN:
            self._told = now
            self.session.live = _live(list(watched))


def _live(watched: list[tuple[Cell, Epoch]]) -> Live:
    cell = watched[-1][0]
    epochs = [epoch for of, epoch in watched if of is cell]
    return Live(
        cell.regime.name, cell.budget, cell.seed, tuple(epoch.updates / cell.updates for epoch in epochs),
        tuple(epoch.loss for epoch in epochs), tuple(epoch.test_accuracy for epoch in epochs),
    )  # fmt: skip
