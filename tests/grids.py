"""A small grid that several processes can ask for; `python -m tests.grids kill PATH` kills those that run it."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import torch

from coreset_explore import Pool, accuracy_curve
from coreset_explore.experiment import grid
from coreset_explore.experiment.store import Store

METHODS = ["kcenter", "herding", {"method": "random", "label": "Random"}, "probcover", "kmeans"]
BUDGETS, SEEDS = [8, 20, 60], 2
CELLS = len(METHODS) * len(BUDGETS) * SEEDS


def pool() -> Pool:
    """240 rows of four classes that overlap, and 60 to judge by: the same in every process."""
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(300) % 4
    x = torch.randn(300, 6, generator=rng) + 1.5 * torch.nn.functional.one_hot(y, 6)
    return Pool(Pool.of(x[:240], y[:240]).fields, test=Pool.of(x[240:], y[240:]))


def curve(store=None):
    return accuracy_curve(pool(), METHODS, BUDGETS, seeds=SEEDS, show=False, store=store)


def slowed(seconds: float) -> None:
    """Make every cell take so long: one of them takes a millisecond, and a kill is to meet each stage of it."""
    learnt = grid._learnt

    def slow(*given):
        time.sleep(seconds)
        return learnt(*given)

    grid._learnt = slow


def kill(path: str) -> None:
    """Twenty processes one after another fill the store, each killed at a random moment; prints how each ended."""
    curve()  # compiled and imported once; each child is a copy of this process
    slowed(0.01)
    rng, longest, held = random.Random(4), 0.15, 0
    for _ in range(20):
        child = os.fork()
        if child == 0:
            curve(path)
            os._exit(0)
        time.sleep(rng.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "done", flush=True)
        with Store(path) as store:
            # a busy machine came to no cell: give the next one longer; a fast one would be done before the twentieth
            made = len(store) - held
            longest *= 1.3 if made == 0 else 0.7 if made > 2 else 1
            held = len(store)


def fill(path: str) -> None:
    """Fill the store, not too fast."""
    slowed(0.01)
    curve(path)


if __name__ == "__main__":
    {"kill": kill, "fill": fill}[sys.argv[1]](sys.argv[2])
