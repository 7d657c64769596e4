"""What a laboratory's panel runs, and how it lands in its session: a look at what is kept, and the run of the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from coreset_explore.experiment.store import Record
from widgets.kit.guard import session_guard
from widgets.kit.job import Job
from widgets.kit.markup import duration
from widgets.kit.planned import Ground, Kept, PlannedSession
from widgets.kit.problems import problem
from widgets.kit.runner import Runner

SOON = 0.3  # seconds after a setting changed in which it may change again, before the store is asked
OFTEN = 0.4  # seconds between two drawings of what is run


class Keeper:
    """The Runner of the cells, and a Job that looks at what is kept; they write the session on the main thread.

    - `ask(session)` takes the settings as they are now; `look(ask, before)` makes a ground of them on a thread.
    - `result(ground, records)` is what the tabs show; `records(ground)` runs what is not kept and gives every record.
    - `cells`: what cells are called in sentences, "runs"; `name`: of the button.
    """

    def __init__(
        self,
        session: PlannedSession,
        loop: Any,
        *,
        ask: Callable[[Any], Any],
        look: Callable[[Any, Any], Ground],
        result: Callable[[Any, tuple[Record, ...]], Kept],
        records: Callable[[Any], Iterator[Record]],
        cells: str,
        name: str,
    ):
        self.session, self.loop = session, loop
        self.main, self.looks = Runner(session, loop), Job(loop, "look")
        self.ask, self.look_at, self.result, self.records = ask, look, result, records
        self.cells, self.name = cells, name
        self._so_far: Kept | None = None  # of the run, written by the thread
        self._wanted = 0  # how often a look was asked for
        guard = session_guard(session)
        session.observe(guard(self._changed), list(session.SETTINGS))
        session.observe(guard(self._ended), "status")

    def look(self) -> None:
        """See what is kept of these settings, in the background, and show it."""
        session = self.session
        if session.busy:
            return
        ask, before = self.ask(session), session.ground
        session.look_note = f"Reading {ask.name}" if before is None else "Looking at what is kept"
        self.looks.start(lambda: self.look_at(ask, before), then=self._looked, failed=self._not_looked)

    def start(self) -> None:
        """Run what is not kept yet, unless something runs."""
        if not self.session.busy:
            self.looks.drop()
            self.session.look_note = ""
            self.main.start(self._work(), self._landed, self._arrived)

    def run_here(self) -> None:
        """Run on the calling thread, with the library's bar; a run that goes on is waited for."""
        if self.session.busy:
            error = self.main.finish()
            if error is not None:
                raise error
        self.looks.drop()
        self.main.run_here(self._work(), self._landed, self.name)

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
        ask, before = self.ask(self.session), self.session.ground
        return lambda: self._run(ask, before)

    def _run(self, ask: Any, before: Any) -> Generator[Kept, None, Kept]:
        ground = before if before is not None and before.ask.key == ask.key else self.look_at(ask, before)
        result = self.result(ground, ground.kept)
        yield result
        place = ground.plan.place
        known = {place(record) for record in ground.kept if not record.error}
        ground.store.parent.mkdir(parents=True, exist_ok=True)
        said = time.monotonic()
        for record in self.records(ground):
            if place(record) not in known:
                result = self._so_far = result.with_record(record)
                if time.monotonic() - said > OFTEN:  # a page draws no more often
                    said = time.monotonic()
                    yield result
        return result

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
        shown = self.result(ground, ground.kept) if ground.kept else session.result
        done = len(ground.plan.cells) - len(ground.plan.left(ground.kept))
        note = f"{done:,} of {len(ground.plan.cells):,} {self.cells} kept" if done else ""
        session.known(ground=ground, look_note="", result=shown, note=note)

    def _not_looked(self, error: BaseException) -> None:
        self.session.look_note = ""
        self.session.troubled(problem(error))

    def _arrived(self, result: Kept) -> None:
        self.session.known(ground=result.ground, result=result)

    def _landed(self, result: Kept) -> None:
        failed = f", {len(result.failed)} failed" if result.failed else ""
        took = duration(self.session.seconds)
        self._so_far = None
        self.session.done(f"Done in {took}{failed}", ground=result.ground, result=result)

    def _ended(self, change: Any) -> None:
        """A run that was paused or failed; settings that changed meanwhile are looked at now."""
        if change["new"] in ("idle", "error") and change["old"] in ("running", "cancelling"):
            arrived, self._so_far = self._so_far, None
            if arrived is not None:
                self.session.result = arrived
            self._changed(None)
