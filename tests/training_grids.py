"""A small grid of the training laboratory that several processes can ask for; `python -m tests.training_grids PATH`
fills it again and again, each time killed."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import torch
import torch.nn.functional as F

from coreset_explore.datasets import Data
from coreset_explore.experiment.store import Store
from coreset_explore.labs.training import Setting, frame, run

REGIMES, BUDGETS, SEEDS = ["FULL", "RANDOM", "CRAIGPB-Warm"], [16, 32], 2
CELLS = SEEDS * (1 + len(BUDGETS) * 4)


def table(n=120, classes=3):
    y = torch.arange(n) % classes
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(0)) + 1.2 * F.one_hot(y, 6)
    return Data(x, y, tuple("abc"[:classes]), x[:40], y[:40], "table", "made")


def grid(store=None):
    setting = Setting(table(), "logistic", epochs=4, every=2, recipe={"batch_size": 8})
    return frame(run(setting, REGIMES, budgets=BUDGETS, seeds=SEEDS, store=store, show=False))


def kill(path: str, times: int = 6) -> None:
    """Processes one after another fill the store, each killed at a random moment; prints how each ended."""
    grid()  # imported and compiled once; each child is a copy of this process
    rng, longest, held = random.Random(4), 0.2, 0
    for _ in range(times):
        child = os.fork()
        if child == 0:
            grid(path)
            os._exit(0)
        time.sleep(rng.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "done", flush=True)
        with Store(path) as store:
            # a busy machine came to no cell: give the next one longer; a fast one would be done before the last
            made = len(store) - held
            longest *= 1.5 if made == 0 else 0.7 if made > 3 else 1
            held = len(store)


if __name__ == "__main__":
    kill(sys.argv[1])
