"""Compiled loops over rows, in pieces between which a run can be cancelled, on as many threads as torch uses."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

from coreset_explore.progress import track

MOST = 16  # threads: what these loops wait for is memory


def workers(n: int, size: int) -> int:
    """How many threads for n rows in pieces of `size`: one where a second would hardly be worth waking."""
    return max(1, min(torch.get_num_threads(), MOST, -(-n // size)))


def in_pieces(work: Callable[[int, int, int], None], n: int, size: int, label: str) -> None:
    """work(worker, start, end) for pieces of at most `size` of n rows, each some milliseconds without the lock."""
    count = workers(n, size)
    rounds = track(range(0, n, size * count), label)
    if count == 1:
        for start in rounds:
            work(0, start, min(start + size, n))
        return
    with ThreadPoolExecutor(count) as pool:
        for begin in rounds:
            starts = range(begin, min(begin + size * count, n), size)
            list(pool.map(lambda i, start: work(i, start, min(start + size, n)), range(count), starts))
