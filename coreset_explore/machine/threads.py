"""Compiled loops over rows, in pieces between which a run can be cancelled, on as many threads as torch uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from coreset_explore.progress import check, track

MOST = 16  # threads: what these loops wait for is memory

Work = Callable[[int, int, int], None]


def workers(n: int, size: int) -> int:
    """How many threads for n rows in pieces of `size`: one where a second would hardly be worth waking."""
    return max(1, min(torch.get_num_threads(), MOST, -(-n // size)))


@contextmanager
def crew(count: int) -> Iterator[Callable[..., None]]:
    """so many threads, kept for several loops: run(work, n, size) calls work(worker, start, end) for pieces of n rows.

    A piece is some milliseconds without the interpreter's lock; `label` names the loop to whoever listens.
    """

    def alone(work: Work, n: int, size: int, label: str = "") -> None:
        for start in _told(n, size, label):
            work(0, start, min(start + size, n))

    if count == 1:
        yield alone
        return
    with ThreadPoolExecutor(count) as pool:

        def together(work: Work, n: int, size: int, label: str = "") -> None:
            for begin in _told(n, size * count, label):
                starts = range(begin, min(begin + size * count, n), size)
                list(pool.map(lambda i, start: work(i, start, min(start + size, n)), range(count), starts))

        yield together


def _told(n: int, size: int, label: str) -> Iterator[int]:
    if label:
        yield from track(range(0, n, size), label)
        return
    for start in range(0, n, size):
        check()
        yield start


def in_pieces(work: Work, n: int, size: int, label: str) -> None:
    """One such loop."""
    with crew(workers(n, size)) as run:
        run(work, n, size, label)
