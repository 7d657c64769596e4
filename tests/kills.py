"""Processes that fill a store one after another, each killed at a random moment of it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from coreset_explore.experiment.store import Store


def kill(fill: Callable[[str | None], object], path: str, times: int, longest: float) -> None:
    """`fill(path)` in `times` children, each killed within `longest` seconds; prints how each ended.

    It is called without a store first: what is imported and compiled by that, each child has as this one's copy.
    """
    fill(None)
    rng, held = random.Random(4), 0
    for _ in range(times):
        child = os.fork()
        if child == 0:
            fill(path)
            os._exit(0)
        time.sleep(rng.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "done", flush=True)
        with Store(path) as store:
            # a busy machine came to no cell: give the next one longer; a fast one would be done before the last
            made = len(store) - held
            longest *= 1.4 if made == 0 else 0.7 if made > 2 else 1
            held = len(store)
