"""Compiled loops over rows, in pieces between which a run can be cancelled, on as many threads as torch uses."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
import torch.nn.functional as F

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


@contextmanager
def threads(count: int | None = None) -> Iterator[int]:
    """Within the block torch uses `count` CPU threads: unless told, one or all it had, whichever a short probe favours.

    On a busy machine threads wait for each other at every small operation and several are slower than one.
    """
    before = torch.get_num_threads()
    try:
        if count is None:
            count = before if before > 1 and _rate(before) > 1.2 * _rate(1) else 1
        torch.set_num_threads(count)
        yield count
    finally:
        torch.set_num_threads(before)


def _rate(count: int, seconds: float = 0.025) -> float:
    """Small convolutions a second with `count` threads."""
    torch.set_num_threads(count)
    images, kernels = torch.zeros(64, 6, 14, 14), torch.zeros(16, 6, 5, 5)
    done, start = -1, time.perf_counter()
    while time.perf_counter() - start < seconds:
        F.conv2d(images, kernels)
        done += 1
        if done == 0:  # the first starts the threads
            start = time.perf_counter()
    return done / (time.perf_counter() - start)


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
