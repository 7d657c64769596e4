"""A small grid that several processes can ask for; `python -m tests.grids kill PATH` kills those that run it."""

from __future__ import annotations

import sys
import time

import torch

from coreset_explore import Pool, accuracy_curve
from coreset_explore.experiment import grid
from tests.kills import kill

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


def kill_all(path: str) -> None:
    """Twenty processes that are killed while they fill the store."""
    slowed(0.01)
    kill(curve, path, 20, 0.15)


def fill(path: str) -> None:
    """Fill the store, not too fast."""
    slowed(0.01)
    curve(path)


if __name__ == "__main__":
    {"kill": kill_all, "fill": fill}[sys.argv[1]](sys.argv[2])
