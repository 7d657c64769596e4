"""Progress and cancelling: a long loop wraps its iterable; who listens is a ContextVar, silent by default."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


LINE, TEXT = 100, 36  # signs of a bar's line, and of what is being done in it


class Cancelled(BaseException):
    """Raised inside `track` when the listener wants to stop; a BaseException, so `except Exception` cannot eat it."""


class _Listener:
    """One run's progress: a stack of loops, outermost first, reported at most every `interval` seconds."""

    def __init__(
        self,
        report: Callable[[float, str], None],
        should_stop: Callable[[], bool],
        interval: float,
    ):
        self.report, self.should_stop, self.interval = report, should_stop, interval
        self.levels: list[list] = []  # [label, done, total]
        self.last = 0.0

    def step(self) -> None:
        if self.should_stop():
            raise Cancelled
        now = time.monotonic()
        if now - self.last >= self.interval:
            self.last = now
            self.report(self.fraction(), self.text())

    def close(self, level: list) -> None:
        """Forget this level and those inside it; by identity, as two loops may have the same label and count."""
        for depth, open_level in enumerate(self.levels):
            if open_level is level:
                del self.levels[depth:]
                return

    def fraction(self) -> float:
        part = 0.0
        for _, done, total in reversed(self.levels):
            part = min(1.0, (done + part) / total) if total else 0.0
        return part

    def text(self) -> str:
        return ", ".join(
            label
            if isinstance(total, float)
            else f"{label} {min(done + 1, total):,} of {total:,}"
            if total
            else f"{label} {done + 1:,}"
            for label, done, total in self.levels
            if label
        )


_listener: ContextVar[_Listener | None] = ContextVar("coreset_explore_listener", default=None)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T] | Iterable[T]:
    """Yield from `items`, telling whoever listens; free of cost (the iterable itself) when nobody does.

    Loops nest: an inner loop counts as a part of its outer loop's step. Raises `Cancelled` between items.
    Wrap steps of at most some 50 ms, since a loop can only be stopped between two of them.

    >>> import coreset_explore as cx
    >>> with cx.listening(lambda fraction, text: print(f"{fraction:.0%} {text}"), interval=0):
    ...     for row in cx.track(range(2), "row"):
    ...         pass
    0% row 1 of 2
    50% row 2 of 2
    100% row 2 of 2
    """
    listener = _listener.get()
    if listener is None:
        return items
    return _tracked(listener, items, label, total)


def _tracked(listener: _Listener, items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    if total is None and isinstance(items, Sized):
        total = len(items)
    level = [label, 0, total]
    listener.levels.append(level)
    try:
        for item in items:
            listener.step()
            yield item
            level[1] += 1
        listener.step()
    finally:
        # a loop left by `break` or an error is closed here, together with loops left open inside it
        listener.close(level)


def check() -> None:
    """Raise `Cancelled` if the listener wants to stop: for code that is no loop."""
    if (listener := _listener.get()) is not None:
        listener.step()


@contextmanager
def stage(label: str, low: float, high: float) -> Iterator[None]:
    """Name a part of a long run: loops inside count as its share from `low` to `high`, 0 <= low < high <= 1."""
    if (listener := _listener.get()) is None:
        yield
        return
    width = high - low
    level = [label, low / width, 1 / width]  # a float total marks a stage: it is named, not counted
    listener.levels.append(level)
    try:
        listener.step()
        yield
    finally:
        listener.close(level)


@contextmanager
def relay() -> Iterator[Callable[..., None]]:
    """Progress that is told from outside, by another process: the block calls `tell(fraction, text)` as it hears.

    A bare `tell()` only asks whether to stop.
    """
    listener = _listener.get()
    level = ["", 0.0, 1.0]  # a float total marks a stage: it is named, not counted

    def tell(fraction: float | None = None, text: str = "") -> None:
        if listener is not None:
            if fraction is not None:
                level[0], level[1] = text, fraction
            listener.step()

    if listener is not None:
        listener.levels.append(level)
    try:
        yield tell
    finally:
        if listener is not None:
            listener.close(level)


@contextmanager
def listening(
    report: Callable[[float, str], None] = lambda fraction, text: None,
    should_stop: Callable[[], bool] = lambda: False,
    interval: float = 0.1,
) -> Iterator[None]:
    """Within the block `track` calls `report(fraction, text)` every `interval` seconds and obeys `should_stop`.

    >>> import time, coreset_explore as cx
    >>> end = time.monotonic() - 1  # a deadline that has passed
    >>> with cx.listening(should_stop=lambda: time.monotonic() > end):
    ...     cx.select("kcenter", [[0.0], [1.0], [3.0]], 2)
    Traceback (most recent call last):
    coreset_explore.progress.Cancelled
    """
    token = _listener.set(_Listener(report, should_stop, interval))
    try:
        yield
    finally:
        _listener.reset(token)


def heard() -> bool:
    """Whether somebody listens already (then nobody else should draw a bar)."""
    return _listener.get() is not None


@contextmanager
def bar(label: str, show: bool | None = None) -> Iterator[None]:
    """A tqdm bar on a terminal or in a notebook for everything tracked inside; silent elsewhere or when heard.

    `show=None` draws only where a person looks: an interactive terminal or a notebook kernel. The bar is plain
    text, so that no widget state ends up in a saved notebook.
    """
    import sys

    notebook = "ipykernel" in sys.modules
    if show is None:
        show = notebook or sys.stderr.isatty()
    if not show or heard():
        yield
        return
    from tqdm import tqdm

    style = "{desc}: {percentage:3.0f}%|{bar:30}| {elapsed}{postfix}"
    # a notebook has no width that tqdm could cut a line to, and keeps what was cleared as an empty block
    with tqdm(total=1.0, desc=label, leave=notebook, bar_format=style, delay=0.5, ncols=LINE) as shown:

        def report(fraction: float, text: str) -> None:
            shown.n = max(shown.n, fraction)
            shown.set_postfix_str(f"{text:<{TEXT}.{TEXT}}", refresh=True)  # as wide as the one before it

        with listening(report):
            yield
        shown.n = 1.0
        shown.set_postfix_str("", refresh=False)
