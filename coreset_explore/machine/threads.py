"""How many threads work uses: one guard for torch, numpy, scipy and faiss together, and the crew of compiled loops."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from threadpoolctl import ThreadpoolController

from coreset_explore.progress import check, track

MOST = 16  # threads: what these loops wait for is memory

Work = Callable[[int, int, int], None]


@contextmanager
def limited(count: int) -> Iterator[int]:
    """Within the block torch, the BLAS of numpy and of scipy, and faiss use at most `count` threads; yields torch's.

    Two threads on busy cores can be ten times slower than one. Blocks nest and overlap, on one thread and on several:
    the smallest count holds, nothing is ever raised, and the last to leave puts back what was there.

    OpenMP counts by the thread that asks (torch, faiss), so that the block holds for its own thread and for those that
    start meanwhile; other threads keep what they had. The pools of numpy and scipy are the process's.

    A library that is first loaded inside the block is limited once a block is entered after that: code that imports
    one asks for a block of its own behind the import. Costs some 10 µs inside another block and 0.5 ms else; 1 to
    3 ms more where modules were imported since.
    """
    torch.get_num_threads()  # before the process's number changes: a thread's first question settles its own
    with _lock:
        _own.limits.counts.append(count)
        _process.counts.append(count)
    try:
        with _lock:
            _apply()
        yield torch.get_num_threads()
    finally:
        with _lock:
            _own.limits.counts.remove(count)
            _process.counts.remove(count)
            _apply()


@contextmanager
def threads(count: int | None = None) -> Iterator[int]:
    """`limited`, unless told to one thread or to as many as torch has, whichever a probe of 50 ms favours."""
    if count is None:
        most = torch.get_num_threads()
        count = most if most > 1 and _rate(most) > 1.2 * _rate(1) else 1
    with limited(count) as used:
        yield used


def _rate(count: int, seconds: float = 0.025) -> float:
    """Small convolutions a second with `count` threads."""
    images, kernels = torch.zeros(64, 6, 14, 14), torch.zeros(16, 6, 5, 5)
    with limited(count):
        F.conv2d(images, kernels)  # the first starts the threads
        done, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            F.conv2d(images, kernels)
            done += 1
        return done / (time.perf_counter() - start)


class _Pool(NamedTuple):
    """The threads of one library, as they are told to and changed by the thread that asks."""

    name: str
    shared: bool  # one number for the whole process
    told: Callable[[], int]
    change: Callable[[int], None]


class _Limits:
    """Who limits, and what each pool had before the first did: of one thread, or of the process."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.before: dict[str, int] = {}

    def apply(self, pools: Sequence[_Pool]) -> None:
        for pool in pools:  # all of them first: two names may stand for one pool
            self.before.setdefault(pool.name, pool.told())
        for pool in pools:
            wanted = min(self.before[pool.name], *self.counts, sys.maxsize)
            if pool.told() != wanted:
                pool.change(wanted)
        if not self.counts:
            self.before.clear()


class _Process(_Limits):
    """The process's numbers: the shared pools, and what torch gives a thread that is new to it."""

    new = 1  # threads that torch gives a new thread
    applied: tuple[int, Sequence[_Pool]] | None = None

    def apply(self, pools: Sequence[_Pool]) -> None:
        """To be called on a new thread."""
        super().apply(pools)
        self.new = torch.get_num_threads()


class _Own(threading.local):
    def __init__(self) -> None:
        self.limits = _Limits()


_lock = threading.RLock()
_own, _process = _Own(), _Process()
_TORCH = _Pool("torch", False, torch.get_num_threads, torch.set_num_threads)
torch.get_num_threads()  # a thread's first question settles its number: not within a block, where it would be small


def _apply() -> None:
    pools = _pools()
    now = min(_process.counts, default=sys.maxsize), pools
    if now != _process.applied:
        _on_a_new_thread(lambda: _process.apply([_TORCH, *(pool for pool in pools if pool.shared)]))
        _process.applied = now
    _own.limits.apply([_TORCH, *(pool for pool in pools if not pool.shared)])
    if torch.get_num_threads() != _process.new:  # the line above has changed what new threads are given
        _on_a_new_thread(lambda: torch.set_num_threads(_process.new))


def _on_a_new_thread(work: Callable[[], None]) -> None:
    """What torch tells a new thread is the process's number; and a thread that has ended keeps no hold of a pool."""
    with ThreadPoolExecutor(1) as other:
        other.submit(work).result()


class _Library(Protocol):
    """What is read here of threadpoolctl's controllers: their base class asks for these and declares no types."""

    filepath: str
    user_api: str
    internal_api: str

    def get_num_threads(self) -> int: ...
    def set_num_threads(self, num_threads: int) -> None: ...


# how many modules were imported when pools were last looked for, and the pools
_found: tuple[int, tuple[_Pool, ...]] = (0, ())


def _pools() -> tuple[_Pool, ...]:
    """The pools of all libraries loaded by now, torch's own aside."""
    global _found
    if _found[0] != (modules := len(sys.modules)):
        libraries = ThreadpoolController().lib_controllers
        _found = modules, tuple(_pool(one) for one in libraries if not _by_openmp(one))
    return _found[1]


def _pool(library: _Library) -> _Pool:
    shared = library.user_api == "blas" and library.internal_api != "mkl"

    def change(count: int) -> None:
        # since 3.8 threadpoolctl ignores who is not the one living thread that holds the process's pools
        if release := getattr(library, "clear_controlling_thread", None):
            release(force=True)
        library.set_num_threads(count)

    return _Pool(library.filepath, shared, library.get_num_threads, change)


def _by_openmp(library: _Library) -> bool:
    """Whether this BLAS asks an OpenMP library for its threads, which is in the list itself."""
    return library.user_api == "blas" and getattr(library, "threading_layer", "") == "openmp"


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
