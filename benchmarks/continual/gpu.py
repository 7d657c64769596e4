"""GMC's figures 1 and 2 on CIFAR-10 with ResNet-18, on a GPU: two classes a task, GDumb, the paper's recipe.

    CORESET_DATA=… python benchmarks/continual/gpu.py                                 nine minutes, or --minutes 30
    python benchmarks/continual/gpu.py --device pretend --rows 60 --shrink 200 --model mlp      does it run?

The fifth batch of CIFAR-10 is the test, unless the official one is there (--test official), so that streams hold 40,000
rows. First the last layer's gradients are matched, then count sketches of all (s = 4, d = 2,000); small memories are
trained first; a memory of 1,000 is judged after each task. What does not fit into the minutes is left out, and said. A
second run goes on where the first was, with the embeddings made again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import write
from rows import cifar10

import coreset_explore as cx
from coreset_explore.labs.continual import PAPER, class_incremental, frame, run
from coreset_explore.machine import cache
from coreset_explore.machine.devices import pick_device

STREAMS = ("reservoir", "window", "balanced", "gmc")
SIZES, OVER_TIME = (100, 200, 500, 2000, 5000), (1000,)  # the second after each task, as in figure 2


def cells(data: cx.Data, asked: argparse.Namespace, store: Path) -> Iterator:
    """Every cell's record: seed by seed, the last layer's gradients before all."""
    setting = class_incremental(data)
    recipe = {**PAPER, "epochs": max(1, PAPER["epochs"] // asked.shrink)}
    how: dict[str, Any] = {"model": asked.model, "recipe": recipe, "device": asked.device, "store": store}
    for seed in range(asked.seeds):
        for embedding, streams in (("last layer", STREAMS), ("sketched", ("gmc",))):
            own = {**how, "seeds": [seed], "embedding": {"how": embedding}, "show": False}
            yield from run(setting, streams, capacity=SIZES, judged="last", **own)
            yield from run(setting, streams, capacity=OVER_TIME, **own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help="cuda, cpu or pretend; a GPU where there is one")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which no further cell is begun")
    parser.add_argument("--rows", type=int, default=0, help="made-up rows instead of CIFAR-10")
    parser.add_argument("--seeds", type=int, default=3)
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
        print("no GPU here; --device pretend --rows 60 --shrink 200 --model mlp tries the script")
        return
    data = cifar10(asked.rows, asked.test)
    print(f"{data!r} on {where}", flush=True)
    records = []
    for record in cells(data, asked, cache.folder() / f"continual-gpu-{where.type}-{asked.rows}.sqlite"):
        records.append(record)
        told, found = record.settings, record.numbers or {}
        seconds = found.get("train_seconds", 0.0) + found.get("update_seconds", 0.0)
        said = f"{found['accuracy']:.4f} in {seconds:.1f} s" if found else record.error
        place = f"{told['stream']:10} {told['embedding']['how']:10} {told['capacity']:>5,} rows"
        print(f"{place}, seed {told['seed']}, task {told['task'] + 1}: {said}", flush=True)
        if time.monotonic() > end:
            print(f"{asked.minutes:g} minutes are over; run it again and it goes on from here")
            break
    if where.type == "cuda":
        kept = frame(records).assign(embedding=[r.settings["embedding"]["how"] for r in records])
        names = ["stream", "embedding", "capacity", "seed", "task", "accuracy", "gradient_error", "rows"]
        seconds = ["embed_seconds", "update_seconds", "train_seconds"]
        device = torch.cuda.get_device_name(where)
        found = kept[[*names, *seconds]].to_dict("records")
        write("continual-gpu", found, n=len(data), device=device, load_before=round(load, 2))


if __name__ == "__main__":
    main()
