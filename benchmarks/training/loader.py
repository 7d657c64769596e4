"""fit on data in memory beside the usual way, a torch DataLoader with torch.optim, on the same batches and arithmetic.

Both train the same network from the same weights on the same rows in the same order; how far apart their weights are
after ten updates is told. The loader is given each row by number, as a dataset of pictures gives them: made float and
standardized one by one, then collated ("usual"); and, kinder, standardized beforehand ("prepared"). "arithmetic" is the
passes and `fit`'s own steps alone, on one batch that lies ready, again and again: no way to load rows makes training
faster than that, so `usual` over it is the most that `fit` can win ("at most"). "loading" is the usual loader without
training. Seconds are the processor's, of one process on one thread, so that who else is at work counts little: the best
of five rounds, in each of which all have their turn; ratios are medians over the rounds.

    CORESET_DATA=… python benchmarks/training/loader.py [dataset] [rows]
"""

from __future__ import annotations

import math
import os
import statistics
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
from coreset_explore.training.optimizers import SGD
from coreset_explore.training.run import made

ROUNDS, BATCH, LR, DECAY, SEED = 5, 128, 0.05, 5e-4, 0


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


def arithmetic(data, model: str) -> float:
    """The same passes on one batch that lies ready, and the steps that `fit` takes."""
    net = made(model, data, generator(SEED, "init"))
    net.train()
    parts = batches(data)
    x, y = net.prepare(data.x[parts[0]]), data.y[parts[0]]
    steps = SGD(net.parameters(), decay=DECAY)
    start = time.process_time()
    for _ in parts:
        F.cross_entropy(net.head(net.trunk(x)), y).backward()
        steps.step(LR)
    return time.process_time() - start


def loading(data, model: str) -> float:
    """One epoch of the usual loader, and nothing done with what it gives."""
    rows = Rows(data.x, data.y, made(model, data, generator(SEED, "init")).prepare, False)
    start = time.process_time()
    for _ in DataLoader(rows, batch_sampler=[part.tolist() for part in batches(data)]):
        pass
    return time.process_time() - start


def batches(data) -> list[torch.Tensor]:
    order = torch.randperm(len(data), generator=generator(SEED, "batches"))
    return list(order.tensor_split(math.ceil(len(data) / BATCH)))


def flat(net) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def ours(data, model: str, epochs: int = 2):
    """The last epoch's seconds, and the network: a first epoch's seconds would hold the beginnings."""
    ends = []
    rule = {"epochs": epochs, "batch_size": BATCH, "lr": LR, "weight_decay": DECAY, "schedule": "constant"}
    found = cx.fit(
        model,
        data,
        seed=SEED,
        test_every=0,
        show=False,
        on_epoch=lambda *_: ends.append(time.process_time()),
        **rule,
    )
    return ends[-1] - ends[epochs - 2], found.model


def main(name: str = "fashion-mnist", rows: str = "12000") -> None:
    torch.set_num_threads(1)
    data, found = cx.load(name)[: int(rows)], []
    load = os.getloadavg()[0]
    for model in ("lenet", "mlp"):
        runs = {
            "fit": lambda m=model: ours(data, m)[0],
            "usual": lambda m=model: usual(data, m, False)[0],
            "prepared": lambda m=model: usual(data, m, True)[0],
            "arithmetic": lambda m=model: arithmetic(data, m),
            "loading": lambda m=model: loading(data, m),
        }
        usual(data[:256], model, True)  # torch.optim imports a compiler, once
        times = {who: [] for who in runs}
        for _ in range(ROUNDS):
            for who, run in runs.items():
                times[who].append(run())

        def ratio(one: str, other: str, times=times) -> float:
            return round(statistics.median(a / b for a, b in zip(times[one], times[other], strict=True)), 2)

        few = data[: 10 * BATCH]
        apart = float((flat(ours(few, model, 1)[1]) - flat(usual(few, model, False)[1])).abs().max())
        found.append({
            "model": model, "rows": len(data), **{f"{who}, s": round(min(all_), 3) for who, all_ in times.items()},
            "usual / fit": ratio("usual", "fit"), "goal": 3, "at most": ratio("usual", "arithmetic"),
            "fit / arithmetic": ratio("fit", "arithmetic"), "prepared / fit": ratio("prepared", "fit"),
            "weights apart by": float(f"{apart:.2g}"),
        })  # fmt: skip
        print(found[-1], flush=True)
    write(f"training-loader-{name}", found, threads=1, load_before=round(load, 2))


if __name__ == "__main__":
    main(*sys.argv[1:])
