"""A small run of the continual laboratory that several processes can ask for; `python -m tests.continual_runs PATH`
fills it again and again, each time killed."""

from __future__ import annotations

import sys

import torch
import torch.nn.functional as F

from coreset_explore.datasets import Data
from coreset_explore.labs.continual import class_incremental, frame, run
from tests.kills import kill

STREAMS, SEEDS = ["reservoir", "gmc", "gmc_local"], 2
CELLS = SEEDS * 2 * len(STREAMS)
HOW = {"model": "logistic", "recipe": {"epochs": 4, "batch_size": 8}, "embedding": {"inits": 2, "width": 60}}


def table(n=120, classes=4):
    y = torch.arange(n) % classes
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(0)) + 1.5 * F.one_hot(y, 6)
    return Data(x, y, tuple("abcdef"[:classes]), x[:40], y[:40], "table", "made")


def continual(store=None):
    setting = class_incremental(table(), classes=2)
    return frame(run(setting, STREAMS, capacity=12, seeds=SEEDS, store=store, show=False, **HOW))


if __name__ == "__main__":
    kill(continual, sys.argv[1], 4, 0.1)
