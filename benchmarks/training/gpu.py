"""CIFAR-10 and ResNet-18 on a GPU, in ten minutes: all rows, then DeepCore's protocol, then GRAD-MATCH's.

    CORESET_DATA=… python benchmarks/training/gpu.py                                  ten minutes, or --minutes 30
    python benchmarks/training/gpu.py --device pretend --rows 200 --shrink 100 --model mlp      does it run?

The fifth batch of CIFAR-10 is the test, unless the official one is there (--test official), so that accuracies are of
models that saw 40,000 rows. First all rows for 30 epochs, to 93 % and its seconds. Then DeepCore's: what is chosen once
by a model of ten epochs, 200 epochs of the subset. Then GRAD-MATCH's, chosen anew every 20 of 300 epochs. The cheap
budgets come first; what does not fit into the minutes is left out, and said. A second run goes on where the first was.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import write
from rows import cifar10

import coreset_explore as cx
from coreset_explore.labs.training import REGIMES, Regime, Setting, frame, run
from coreset_explore.machine import cache
from coreset_explore.machine.devices import pick_device

DEEPCORE = {name: value for name, value in cx.RECIPES["deepcore"].items() if name != "epochs"}
GRADMATCH = {name: value for name, value in cx.RECIPES["gradmatch"].items() if name != "epochs"}
CHOSEN_ONCE = ("Random", "GraphCut", "GradSimCore", "CRAIG", "GRAD-MATCH", "Herding", "k-center")
TENTHS, FIFTHS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.2), (0.05, 0.1, 0.2, 0.3)
ANEW = (
    "RANDOM",
    "RANDOM re-drawn",
    "FULL-EARLYSTOP",
    "GRAD-MATCHPB",
    "GRAD-MATCHPB-Warm",
    "CRAIGPB-Warm",
    "GLISTER",
)
BATCH = 128  # GRAD-MATCH's code takes 20, which no GPU is quick with


def cells(data: cx.Data, asked: argparse.Namespace, store: Path) -> Iterator:
    """Every cell's record, in the order of what one wants to know first."""

    def epochs(number: int) -> int:
        return max(1, number // asked.shrink)

    how = {"device": asked.device, "epochs": epochs(30), "recipe": {**DEEPCORE, "lr": 0.1}}
    yield from run(Setting(data, asked.model, **how), "FULL", budgets=[0.1], seeds=1, store=store, show=False)

    pool = cx.signals(
        data, model=asked.model, epochs=epochs(10), checkpoints="each", device=asked.device, show=False
    )
    ground = Setting(data, asked.model, epochs=epochs(200), device=asked.device, recipe=DEEPCORE)
    for share in TENTHS:
        for name in CHOSEN_ONCE:
            k = max(10, round(share * len(data)))
            picks = cx.Strategy.of(name).select(pool, k, seed=0, show=False)
            own = Regime(name, cx.Strategy(name, own=replace(picks, indices=picks.ids, score=None)))
            yield from run(ground, own, budgets=k, seeds=1, store=store, show=False)

    recipe = {**GRADMATCH, "batch_size": BATCH, "lr": 0.05}
    length = epochs(300)
    long = {"epochs": length, "every": max(1, length // 15), "device": asked.device, "recipe": recipe}
    for share in FIFTHS:
        for name in ANEW:
            yield from run(
                Setting(data, asked.model, **long),
                REGIMES[name],
                budgets=share,
                seeds=1,
                store=store,
                show=False,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help="cuda, cpu or pretend; a GPU where there is one")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which no further cell is begun")
    parser.add_argument("--rows", type=int, default=0, help="made-up rows instead of CIFAR-10")
    parser.add_argument("--shrink", type=int, default=1, help="divide all epochs by this")
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--test", default="data_batch_5", help="official: the ten thousand of the test batch")
    asked = parser.parse_args()
    end, load = time.monotonic() + 60 * asked.minutes, os.getloadavg()[0]
    if asked.device == "pretend":
        sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
        from tests import pretend

        pretend.device()
    where = pick_device(asked.device)
    if where.type == "cpu":
        print("no GPU here; --device pretend --rows 200 --shrink 100 --model mlp tries the script")
        return
    data = cifar10(asked.rows, asked.test)
    print(f"{data!r} on {where}", flush=True)
    store = cache.folder() / f"gpu-{where.type}-{asked.rows}.sqlite"
    records, names = [], set()
    for record in cells(data, asked, store):
        key = record.settings["regime"], record.settings["budget"], record.settings["epochs"]
        if key in names:
            continue  # a baseline that stands beside each
        names.add(key)
        records.append(record)
        found = record.numbers or {}
        told = f"{found['accuracy']:.4f} in {found['seconds']:.1f} s" if found else record.error
        print(f"{key[0]:20} {key[1]!s:>6} rows, T={key[2]}: {told}", flush=True)
        if time.monotonic() > end:
            print(f"{asked.minutes:g} minutes are over; run it again and it goes on from here")
            break
    if where.type == "cuda":
        kept = frame(records)
        rows = kept[["regime", "budget", "updates", "accuracy", "seconds", "choosing_seconds"]]
        device = torch.cuda.get_device_name(where)
        write("training-gpu", rows.to_dict("records"), n=len(data), device=device, load_before=round(load, 2))


if __name__ == "__main__":
    main()
