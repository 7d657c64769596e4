"""fit on data in memory beside the usual way, a torch DataLoader with torch.optim, on the same batches and arithmetic.

Both train the same network from the same weights on the same rows in the same order; how far apart their weights are
after ten updates is told. The loader is given each row by number, as a dataset of pictures gives them: made float and
standardized one by one, then collated ("usual"); and, kinder, standardized beforehand ("prepared"). "arithmetic" is the
passes and steps alone, on one batch again and again: nothing that loads rows can be faster. Seconds are the
processor's, of one process on one thread, so that who else is at work counts little; the best of three.

    CORESET_DATA=… python benchmarks/training/loader.py [dataset] [rows]
"""

from __future__ import annotations

import copy
import math
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import write

import coreset_explore as cx
from coreset_explore.machine.seeds import generator
from coreset_explore.training.run import made

REPEATS, BATCH, LR, DECAY, SEED = 3, 128, 0.05, 5e-4, 0


class Rows(Dataset):
    def __init__(self, x, y, prepare, beforehand: bool):
        self.x, self.y, self.prepare = (prepare(x) if beforehand else x), y, None if beforehand else prepare

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int):
        row = self.x[i]
        return (row if self.prepare is None else self.prepare(row[None])[0]), self.y[i]


def usual(data, model: str, beforehand: bool):
    """One epoch by DataLoader and torch.optim: its seconds and the network."""
    net = made(model, data, generator(SEED, "init"))
    net.train()
    rows = Rows(data.x, data.y, net.prepare, beforehand)
    step = torch.optim.SGD(net.parameters(), LR, 0.9, weight_decay=DECAY, nesterov=True)
    start = time.process_time()
    for x, y in DataLoader(rows, batch_sampler=[part.tolist() for part in batches(data)]):
        step.zero_grad()
        F.cross_entropy(net.head(net.trunk(x)), y).backward()
        step.step()
    return time.process_time() - start, net


def arithmetic(data, model: str):
    """The same passes and steps on one batch that lies ready."""
    net = made(model, data, generator(SEED, "init"))
    net.train()
    parts = batches(data)
    x, y = net.prepare(data.x[parts[0]]), data.y[parts[0]]
    step = torch.optim.SGD(net.parameters(), LR, 0.9, weight_decay=DECAY, nesterov=True)
    start = time.process_time()
    for _ in parts:
        step.zero_grad()
        F.cross_entropy(net.head(net.trunk(x)), y).backward()
        step.step()
    return time.process_time() - start, net


def batches(data) -> list[torch.Tensor]:
    order = torch.randperm(len(data), generator=generator(SEED, "batches"))
    return list(order.tensor_split(math.ceil(len(data) / BATCH)))


def flat(net) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def ours(data, model: str):
    """The second epoch's seconds, since a first one's hold the beginnings, and the network after the first."""
    rule = {"epochs": 2, "batch_size": BATCH, "lr": LR, "weight_decay": DECAY, "schedule": "constant"}
    ends, nets = [], []

    def keep(record, net) -> None:
        nets.append(copy.deepcopy(net))
        ends.append(time.process_time())

    cx.fit(model, data, seed=SEED, test_every=0, show=False, on_epoch=keep, **rule)
    return ends[1] - ends[0], nets[0]


def main(name: str = "fashion-mnist", rows: str = "12000") -> None:
    torch.set_num_threads(1)
    data, found = cx.load(name)[: int(rows)], []
    load = os.getloadavg()[0]
    for model in ("lenet", "mlp"):
        runs = {
            "fit": lambda m=model: ours(data, m),
            "usual": lambda m=model: usual(data, m, False),
            "prepared": lambda m=model: usual(data, m, True),
            "arithmetic": lambda m=model: arithmetic(data, m),
        }
        usual(data[:256], model, True)  # torch.optim imports a compiler, once
        times = {who: [] for who in runs}
        for _ in range(REPEATS):
            for who, run in runs.items():
                times[who].append(run()[0])
        best = {who: min(all_) for who, all_ in times.items()}
        few = data[: 10 * BATCH]
        apart = float((flat(ours(few, model)[1]) - flat(usual(few, model, False)[1])).abs().max())
        found.append({
            "model": model, "rows": len(data), **{f"{who}, s": round(s, 3) for who, s in best.items()},
            "usual / fit": round(best["usual"] / best["fit"], 2),
            "prepared / fit": round(best["prepared"] / best["fit"], 2),
            "weights apart by": float(f"{apart:.2g}"), "target": "usual / fit >= 3",
        })  # fmt: skip
        print(found[-1], flush=True)
    write(f"training-loader-{name}", found, threads=1, load_before=round(load, 2))


if __name__ == "__main__":
    main(*sys.argv[1:])
