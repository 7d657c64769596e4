"""One piece of work at a time on a thread: progress, cancelling, and answers that come back on the kernel's loop."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import functools
import queue
import threading
import time
import weakref
from collections.abc import Callable, Generator
from typing import Any

from coreset_explore import progress
from coreset_explore.machine.threads import limited
from coreset_explore.progress import Cancelled

PATIENCE = 5.0  # seconds that a process which ends waits for its threads to hear of it
_living: weakref.WeakSet[Job] = weakref.WeakSet()


class Job:
    """A worker thread whose answers are delivered on `loop`, or directly where there is none (a script, a test).

    Each start has a number; what an earlier start still says is dropped. A new start waits for the thread before
    it, so two of one job's threads never work beside each other.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None, name: str = "coreset_explore"):
        self.loop, self.name = loop, name
        self._thread: threading.Thread | None = None
        self._begins = threading.Lock()  # a thread that was made and not started seems to have ended
        self.generation = 0
        self._stop = threading.Event()
        self._said: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()  # and not heard yet
        _living.add(self)

    @property
    def thread(self) -> threading.Thread | None:
        """The last one that was started. An answer heard on a thread may start the next, while another thread waits."""
        with self._begins:
            return self._thread

    @property
    def alive(self) -> bool:
        """Whether a thread of this job still works, dropped or not."""
        return (thread := self.thread) is not None and thread.is_alive()

    def start(
        self,
        work: Callable[[], Any],
        *,
        then: Callable[[Any], None],
        failed: Callable[[BaseException], None],
        progressed: Callable[[float, str], None] = lambda fraction, text: None,
        cancelled: Callable[[], None] = lambda: None,
        partly: Callable[[Any], None] = lambda part: None,
    ) -> None:
        """Run `work()` on a thread; exactly one of `then`, `failed`, `cancelled` follows, unless dropped before.

        Where it is a generator, `partly` hears what it yields, and `then` what it returns.
        """
        self.drop()
        self._stop = threading.Event()
        calls = {
            "then": then, "failed": failed, "progressed": progressed, "cancelled": cancelled, "partly": partly,
        }  # fmt: skip
        todo = functools.partial(self._work, work, calls, self.generation, self._stop, self.thread)
        context = contextvars.copy_context()
        with self._begins:
            self._thread = threading.Thread(target=context.run, args=(todo,), name=self.name, daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """Ask the work to stop at its next step; `cancelled` follows."""
        self._stop.set()

    def drop(self) -> None:
        """Ask the work to stop and listen to it no more: nothing it says later is delivered."""
        self._stop.set()
        self.generation += 1

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the thread (for tests and scripts); whether it has ended."""
        if (thread := self.thread) is not None:
            thread.join(seconds)
        return not self.alive

    def finish(self) -> None:
        """Wait for the thread, and hear what it says here: the loop that would hear it stands still meanwhile."""
        while self.alive:
            self._hear(0.05)
        while self._hear(0.0):
            pass

    def _hear(self, seconds: float = 0.0) -> bool:
        """Deliver the first thing said that was not heard yet; whether there was one."""
        try:
            deliver = self._said.get(timeout=seconds) if seconds else self._said.get_nowait()
        except queue.Empty:
            return False
        deliver()
        return True

    def _work(
        self, work, calls, generation: int, stop: threading.Event, before: threading.Thread | None
    ) -> None:
        def post(name: str, *args) -> None:
            def deliver() -> None:
                if generation == self.generation:
                    calls[name](*args)

            if self.loop is None:
                deliver()
            elif not self.loop.is_closed():
                self._said.put(deliver)
                self.loop.call_soon_threadsafe(self._hear)

        try:
            with progress.listening(lambda fraction, text: post("progressed", fraction, text), stop.is_set):
                while before is not None and before.is_alive():
                    before.join(0.05)
                    progress.check()
                with limited(1):
                    answer = finished(work(), lambda part: post("partly", part))
                    progress.check()
        except Cancelled:
            post("cancelled")
        except BaseException as error:  # also a SystemExit from a user's own method: shown, never lost
            post("failed", error)
        else:
            post("then", answer)


@atexit.register
def _end() -> None:
    """Ask every thread to stop, and wait: one that Python ends within compiled code takes the process down with it."""
    end = time.monotonic() + PATIENCE
    for job in (jobs := list(_living)):
        job.drop()
    for job in jobs:
        job.wait(max(0.0, end - time.monotonic()))


def finished(answer: Any, partly: Callable[[Any], None] = lambda part: None) -> Any:
    """The answer; of a generator what it returns in the end, each part told as it comes."""
    if not isinstance(answer, Generator):
        return answer
    while True:
        try:
            part = next(answer)
        except StopIteration as end:
            return end.value
        partly(part)
        progress.check()
