"""One piece of work at a time on a thread: progress, cancelling, and answers that come back on the kernel's loop."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from coreset_explore import progress
from coreset_explore.models import MODELS
from coreset_explore.progress import Cancelled
from coreset_explore.registry import METHODS, SCORES
from widgets.session import Problem, Session


class Job:
    """A worker thread whose answers are delivered on `loop`, or directly where there is none (a script, a test).

    Each start has a number; what an earlier start still says is dropped. A new start waits for the thread before
    it, so two of one job's threads never work beside each other.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None):
        self.loop = loop
        self.thread: threading.Thread | None = None
        self.generation = 0
        self._stop = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether a thread of this job still works, dropped or not."""
        return self.thread is not None and self.thread.is_alive()

    def start(
        self,
        work: Callable[[], Any],
        *,
        then: Callable[[Any], None],
        failed: Callable[[BaseException], None],
        progressed: Callable[[float, str], None] = lambda fraction, text: None,
        cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        """Run `work()` on a thread; exactly one of `then`, `failed`, `cancelled` follows, unless dropped before."""
        self.drop()
        self._stop = threading.Event()
        calls = {"then": then, "failed": failed, "progressed": progressed, "cancelled": cancelled}
        todo = functools.partial(self._work, work, calls, self.generation, self._stop, self.thread)
        context = contextvars.copy_context()
        self.thread = threading.Thread(target=context.run, args=(todo,), name="coreset_explore", daemon=True)
        self.thread.start()

    def cancel(self) -> None:
        """Ask the work to stop at its next step; `cancelled` follows."""
        self._stop.set()

    def drop(self) -> None:
        """Ask the work to stop and listen to it no more: nothing it says later is delivered."""
        self._stop.set()
        self.generation += 1

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the thread (for tests and scripts); whether it has ended."""
        if self.thread is not None:
            self.thread.join(seconds)
        return not self.alive

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
                self.loop.call_soon_threadsafe(deliver)

        try:
            with progress.listening(lambda fraction, text: post("progressed", fraction, text), stop.is_set):
                while before is not None and before.is_alive():
                    before.join(0.05)
                    progress.check()
                with one_thread():
                    answer = work()
                    progress.check()
        except Cancelled:
            post("cancelled")
        except BaseException as error:  # also a SystemExit from a user's own method: shown, never lost
            post("failed", error)
        else:
            post("then", answer)


def kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs now (in a notebook the kernel's, on the main thread), or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_threads = {"users": 0, "torch": 1, "faiss": 1}
_threads_lock = threading.Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """torch and faiss with one thread inside, and as they were once the last of several users has left.

    Two threads on busy cores can be ten times slower than one, and the page shares these cores.
    """
    import torch

    faiss = sys.modules.get("faiss")  # set by the part of the library that loads it, if it did
    with _threads_lock:
        if _threads["users"] == 0:
            _threads["torch"] = torch.get_num_threads()
            _threads["faiss"] = faiss.omp_get_max_threads() if faiss else 0
        _threads["users"] += 1
        torch.set_num_threads(1)
        if faiss:
            faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        with _threads_lock:
            _threads["users"] -= 1
            if _threads["users"] == 0:
                torch.set_num_threads(_threads["torch"])
                if faiss and _threads["faiss"]:
                    faiss.omp_set_num_threads(_threads["faiss"])


def problem(error: BaseException) -> Problem:
    """An exception as the panel shows it: the sentence, what to do about it, and the traceback.

    Our own errors say what was wrong before a semicolon or full stop, and what to do after it.
    """
    text = " ".join(str(error).split())
    own = (
        isinstance(error, ValueError | OSError | MemoryError) and text and not isinstance(error, UnicodeError)
    )
    details = "".join(traceback.format_exception(error)).strip()
    where = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    if not own:
        text = f"{type(error).__name__}{f': {text}' if text else ''}"
        last = traceback.extract_tb(error.__traceback__)[-1:] if error.__traceback__ else ()
        place = f"line {last[0].lineno} of {last[0].name}()" if last else "unknown place"
        return Problem(_sentence(where + text), f"It was raised in {place}.", details)
    cut = min((i for i in (text.find("; "), text.find(". "), text.find(": ", 40)) if i > 0), default=-1)
    head, rest = (text, "") if cut < 0 else (text[:cut], text[cut + 2 :])
    return Problem(_sentence(where + head), _sentence(rest), details)


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    word = text.split(" ")[0]
    named = word in MODELS or word in METHODS or word in SCORES  # a name keeps its case
    first = text[0].upper() if word.isalpha() and not named else text[0]
    return f"{first}{text[1:]}{'' if text[-1] in '.!?' else '.'}"


def session_guard(session: Session) -> Callable[[Callable], Callable]:
    """Decorator for callbacks: what they raise becomes the session's problem, so that nothing vanishes."""

    def wrap(fn: Callable) -> Callable:
        @functools.wraps(fn)
        def guarded(*args, **kwargs):
            try:
                return fn(*args, **kwargs)
            except Exception as error:
                session.problem = problem(error)
                if session.status in ("idle", "done"):
                    session.status = "error"

        return guarded

    return wrap
