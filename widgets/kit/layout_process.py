"""One process that lays out maps for every panel of this kernel: it is large, and compiles UMAP once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from coreset_explore import progress

IDLE = 180.0  # seconds in which nobody asked for a map, after which the process is ended


class Process(Protocol):
    """What lays out maps: `projection.worker.Worker`, or a test's."""

    def __call__(self, *args: Any, **settings: Any) -> Any: ...
    def close(self) -> None: ...


class Shared:
    """Runs requests in turn on one process, made when first asked for.

    The process ends when the last panel that used it lets go, and after `idle` seconds without a request.
    """

    def __init__(self, make: Any = None, idle: float = IDLE):
        self._make, self.idle = make or _worker, idle
        self._process: Process | None = None
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._users: set[int] = set()
        self._timer: threading.Timer | None = None

    def runner(self, user: object) -> Callable[..., Any]:
        """What `project(runner=)` takes, on behalf of `user`, who says `let_go(user)` in the end."""
        with self._lock:
            self._users.add(id(user))
        return self._run

    def let_go(self, user: object) -> None:
        """`user` asks for nothing more; what it asked for last was cancelled or is done."""
        with self._lock:
            self._users.discard(id(user))
            last = not self._users
        if last:
            self.end()

    def end(self) -> None:
        """End the process; the next request starts another."""
        with self._lock:
            process, self._process = self._process, None
            if self._timer is not None:
                self._timer.cancel()
        if process is not None:
            process.close()

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def _run(self, *args: Any, **settings: Any) -> Any:
        while not self._turn.acquire(timeout=0.05):
            progress.check()  # another panel's map is being laid out: a cancel need not wait for it
        try:
            with self._lock:
                if self._timer is not None:
                    self._timer.cancel()
                process = self._process = self._process or self._make()
            return process(*args, **settings)
        finally:
            self._turn.release()
            self._rest()

    def _rest(self) -> None:
        timer = threading.Timer(self.idle, self._idle)
        timer.daemon = True
        with self._lock:
            self._timer, old = timer, self._timer
        if old is not None:
            old.cancel()
        timer.start()

    def _idle(self) -> None:
        if self._turn.acquire(blocking=False):
            try:
                self.end()
            finally:
                self._turn.release()


def _worker() -> Process:
    from coreset_explore.projection.worker import Worker

    return Worker()


SHARED = Shared()
