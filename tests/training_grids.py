"""A small grid of the training laboratory that several processes can ask for; `python -m tests.training_grids PATH`
fills it again and again, each time killed."""

from __future__ import annotations

import sys

import torch
import torch.nn.functional as F

from coreset_explore.datasets import Data
from coreset_explore.labs.training import Setting, frame, run
from tests.kills import kill

REGIMES, BUDGETS, SEEDS = ["FULL", "RANDOM", "CRAIGPB-Warm"], [16, 32], 2
CELLS = SEEDS * (1 + len(BUDGETS) * 4)


def table(n=120, classes=3):
    y = torch.arange(n) % classes
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(0)) + 1.2 * F.one_hot(y, 6)
    return Data(x, y, tuple("abc"[:classes]), x[:40], y[:40], "table", "made")


def grid(store=None):
    setting = Setting(table(), "logistic", epochs=4, every=2, recipe={"batch_size": 8})
    return frame(run(setting, REGIMES, budgets=BUDGETS, seeds=SEEDS, store=store, show=False))


if __name__ == "__main__":
    kill(grid, sys.argv[1], 6, 0.2)
