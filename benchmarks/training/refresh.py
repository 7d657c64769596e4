"""What choosing anew costs during training: the forward pass beside a plain evaluation loop, and then the choosing.

A model that has trained for one epoch on 5 % of the data says what it makes of all rows, and each regime chooses from
that. Forward passes are repeated in turn with the plain loop, and the best of each is compared. Seconds are the clock's
and the processor's, which other processes disturb less. GLISTER in blocks is beside GLISTER one by one: the overlap of
their picks, and how far the picks' mean gradient goes along the validation rows', which is what its picks are for.

    CORESET_DATA=… python benchmarks/training/refresh.py [dataset] [model]
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import write

import coreset_explore as cx
from coreset_explore import greedy
from coreset_explore.labs.training import REGIMES
from coreset_explore.machine.threads import threads

REPEATS, CHOICES, BATCH = 5, 3, 512
CHOOSING = ("GRAD-MATCHPB", "GRAD-MATCH", "GLISTER", "CRAIGPB")
GOALS = {
    ("GRAD-MATCHPB", 0.05): 0.5,
    ("GRAD-MATCH", 0.05): 2.0,
    ("GLISTER", 0.1): 2.0,
}  # seconds on quiet cores


def plain_loop(net, x) -> torch.Tensor:
    """The predicted class of every row, in batches: what an evaluation costs."""
    net.eval()
    with torch.no_grad():
        return torch.cat([net(part)[0].argmax(1) for part in x.split(BATCH)])


def along(pool, chosen) -> float:
    """⟨mean gradient of the picks, mean gradient of the validation rows⟩."""
    mean = pool.grads[chosen.indices].sum() / len(chosen)
    return float((mean * pool.target.grads.sum()).sum()) / len(pool.target)


def timed(strategy, pool, k: int) -> tuple[float, float, cx.Selection]:
    """Seconds of the clock and of the processor, and the picks."""
    clock, processor = time.perf_counter(), time.process_time()
    chosen = strategy.select(pool, k, seed=0, show=False)
    return time.perf_counter() - clock, time.process_time() - processor, chosen


def main(name: str = "fashion-mnist", model: str = "lenet") -> None:
    data = cx.load(name)
    n, rows = len(data), []
    load = os.getloadavg()[0]
    some = cx.Policy("Random", 0.05, every=None)
    net = cx.fit(model, data, some, epochs=1, test_every=0, show=False).model
    greedy.warm()
    with threads() as count:
        for clock in (time.perf_counter, time.process_time):
            ours, loop = [], []
            for _ in range(REPEATS):
                start = clock()
                plain_loop(net, data.x)
                loop.append(clock() - start)
                start = clock()
                cx.snapshot(net, data, fields=("grads",))
                ours.append(clock() - start)
            rows.append({
                "what": f"forward pass, {clock.__name__}", "seconds": round(min(ours), 3),
                "plain loop": round(min(loop), 3), "ratio": round(min(ours) / min(loop), 2), "goal": "ratio 1.2",
            })  # fmt: skip
            print(rows[-1], flush=True)
        for share, regime in itertools.product((0.05, 0.1), CHOOSING):
            k = round(share * n)
            policy = REGIMES[regime].policy(k, len(data.classes), 1, 0.1)
            chooser = policy.start(data, 0)
            pool = cx.snapshot(net, data, chooser.rows, chooser.held)
            runs = [timed(policy.strategy, pool, k) for _ in range(CHOICES)]
            row = {
                "what": f"choosing, {regime} at {share:.0%}",
                "seconds": round(min(r[0] for r in runs), 3),
                "processor": round(min(r[1] for r in runs), 3),
            }
            if (regime, share) in GOALS:
                row["goal"] = GOALS[regime, share]
            if regime == "GLISTER":
                row["block"] = policy.strategy.params["block"]
                _, alone, single = timed(cx.Strategy.of(policy.strategy, block=1), pool, k)
                row["one by one, processor"] = round(alone, 3)
                row["overlap"] = round(cx.jaccard(single, runs[0][2]), 3)
                row["along"] = round(along(pool, runs[0][2]), 4)
                row["along, one by one"] = round(along(pool, single), 4)
            rows.append(row)
            print(row, flush=True)
    write(f"training-refresh-{name}-{model}", rows, n=n, threads=count, load_before=round(load, 2))


if __name__ == "__main__":
    main(*sys.argv[1:])
