"""Which pick stands for which row, computed while nobody waits: a pass over all rows takes a second at 60,000."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.kit.job import Job
from widgets.kit.problems import problem

SOON = 1.5  # seconds after the first drawing: the page comes first
LARGE = 5_000_000  # rows times picks, from which on nobody should wait for the answer


class Owners:
    """Asks `represent` on a thread for the reading on the map; `known` is called when a reading has its answer."""

    def __init__(self, session: Session, loop: Any, known: Callable[[], Any]):
        self.session, self.loop, self.known = session, loop, known
        self._job, self._of, self._closed = Job(loop), None, False

    def ask(self, reading: Reading) -> None:
        """Have the answer: at once where it is quick, else `prepare`."""
        if self.quick(reading):
            from coreset_explore.measures import represent

            reading.owners(represent)
        else:
            self.prepare(reading)

    def quick(self, reading: Reading) -> bool:
        return self.loop is None or reading.n * reading.k < LARGE

    def prepare(self, reading: Reading) -> None:
        """Begin, where the answer is none that is quick, nor there, nor on its way."""
        if self._closed or self.session.busy or self.quick(reading):
            return
        if reading.known_owners is not None or self._of is reading:
            return
        from coreset_explore.measures import represent

        def failed(error: BaseException) -> None:
            self._of, self.session.problem = None, problem(error)

        def done(found) -> None:
            reading.owned(found)
            self._of = None
            self.known()

        self._of = reading
        self._job.start(lambda: represent(reading.result.pool, reading.selection), then=done, failed=failed)

    def wait(self, reading: Reading) -> None:
        """Where the answer for this reading is on its way, wait for it: it is asked for now."""
        if self._of is reading:
            self._job.finish()

    def close(self) -> None:
        """What is on its way is of no use any more, and nothing is begun again."""
        self._of, self._closed = None, True
        self._job.drop()
