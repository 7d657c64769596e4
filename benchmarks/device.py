"""A GPU beside the CPU, on real data: every preset picks the same, or as well; then the kernels' seconds on both.

    python benchmarks/device.py                                Fashion-MNIST where CORESET_DATA has it, else digits
    python benchmarks/device.py --rows 3000 --picks 150        fewer, to fit into a few minutes
    python benchmarks/device.py --device pretend --rows 200    the make-believe device of the tests: whether it runs

Needs torch, numpy, scikit-learn, numba, pandas and faiss. A preset agrees if both pick the same rows, or if by the
yardstick that its method names (`measures.objective`) the device's are no worse than a ten-thousandth; one that draws
or ranks must pick the same. Ends with code 1 where one does not agree. benchmarks/results/device.json is written for
a real GPU alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import seconds, summary, write

import coreset_explore as cx
from coreset_explore import greedy, neighbors
from coreset_explore.machine.devices import pick_device
from coreset_explore.measures import objective
from coreset_explore.registry import find

WORSE = 1e-4  # relative


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help="cuda, cpu or pretend; a GPU where there is one")
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--picks", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each kernel that are timed")
    asked = parser.parse_args()
    if asked.device == "pretend":
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
        from tests import pretend

        pretend.device()
    where = pick_device(asked.device)
    if asked.device == "auto" and where.type == "cpu":
        print("no GPU here, so nothing to compare; --device pretend tries the script")
        return 0
    pool = recorded(asked.rows)
    there = pool.to(where)
    print(f"{pool} on the CPU and on {where}", flush=True)
    rows = [compared(name, pool, there, min(asked.picks, len(pool) // 2)) for name in cx.PRESETS]
    rows += [raced(name, pool, there, min(asked.picks, len(pool) // 2), asked.repeats) for name in KERNELS]
    if where.type == "cuda":
        about = {"data": pool.info["name"], "n": len(pool), "device": torch.cuda.get_device_name(where)}
        write("device", rows, **about, worse_is_above=WORSE)
    apart = [row["preset"] for row in rows if row.get("agrees") is False]
    if apart:
        print(f"do not agree: {', '.join(apart)}")
    return 1 if apart else 0


def recorded(n: int) -> cx.Pool:
    """n seeded rows with all that a preset reads, from a model trained on the CPU: the same numbers for both."""
    real = (Path(os.environ.get("CORESET_DATA") or "/nowhere") / "fashion-mnist").is_dir()
    data = cx.load("fashion-mnist" if real else "digits")
    data = data[torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:n].sort().values]
    options = {"epochs": 3, "checkpoints": "each", "holdout": 0.1, "extras": ("deepfool",), "cache": False}
    return cx.signals(data, device="cpu", show=False, **options)


def compared(name: str, pool: cx.Pool, there: cx.Pool, k: int) -> dict:
    """One preset on both: whether the picks are the same or as good, and the seconds of a first run on each."""
    row: dict = {"preset": name}
    try:
        (here, row["cpu_s"]), (other, row["device_s"]) = (picked(name, p, k) for p in (pool, there))
    except cx.Missing as error:
        return told({**row, "left_out": str(error)})
    mine, theirs = here.ids.tolist(), other.ids.tolist()
    row["same_picks"] = row["agrees"] = mine == theirs
    row["shared"] = round(len({*mine} & {*theirs}) / max(len(mine), 1), 4)
    if mine != theirs and (yardstick := find(here.info["method"]).objective) is not None:
        one, two = objective(pool, here), objective(there, other)
        row |= {"objective_is": str(yardstick), "cpu": one, "device": two}
        row["agrees"] = two <= one + WORSE * abs(one)
    return told(row)


def picked(name: str, pool: cx.Pool, k: int) -> tuple[cx.Selection, float]:
    start = time.perf_counter()
    answer = cx.select(name, pool, k, seed=0, show=False)
    return answer, round(time.perf_counter() - start, 4)


def raced(name: str, pool: cx.Pool, there: cx.Pool, k: int, repeats: int) -> dict:
    """One kernel on both, each warmed by a first run; on a GPU until it is done."""
    row: dict = {"kernel": name}
    for who, where in (("cpu", pool), ("device", there)):

        def run(where=where) -> None:
            KERNELS[name](where, k)
            if where.device.type == "cuda":
                torch.cuda.synchronize(where.device)

        run()
        row[who] = summary(seconds(run, repeats))
    row["cpu_over_device"] = round(row["cpu"]["median_s"] / max(row["device"]["median_s"], 1e-6), 2)
    return told(row)


def told(row: dict) -> dict:
    print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    return row


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def pursuit(pool: cx.Pool, k: int) -> object:
    grads = pool.vectors("grads")
    return greedy.pursue(grads, grads.sum(), k, NOTHING, nonnegative=True, ridge=0.5)


def neighbor_counts(pool: cx.Pool, k: int) -> object:
    from coreset_explore.methods import gradsim  # not above: the registry lists methods as it imports them

    return gradsim.neighbor_counts(gradsim.unit_factors(pool.grads.steps[-1]), 0.5)


NOTHING = torch.zeros(0, dtype=torch.int64)
KERNELS: dict[str, Callable[[cx.Pool, int], object]] = {
    "distances": lambda pool, k: greedy.distances(pool.vectors("grads")),
    "distances and facility location": lambda pool, k: greedy.cover(
        greedy.distances(pool.vectors("grads")), k, NOTHING.to(pool.device)
    ),
    "farthest first": lambda pool, k: greedy.farthest_first(pool.vectors("emb"), k, NOTHING),
    "herding": lambda pool, k: greedy.herd(pool.vectors("emb"), k, NOTHING),
    "matching pursuit": pursuit,
    "k-means++ on gradients": lambda pool, k: greedy.spread(pool.vectors("grads"), k, NOTHING, rng()),
    "k-means": lambda pool, k: neighbors.kmeans(pool.emb, k, rng()),
    "product codes": lambda pool, k: neighbors.pq(pool.emb, 4, 256, rng()),
    "similarities": lambda pool, k: greedy.Similarity(pool.vectors("grads")).matrix(),
    "neighbor counts": neighbor_counts,
}


if __name__ == "__main__":
    sys.exit(main())
