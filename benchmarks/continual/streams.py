"""How long one update of a memory takes, beside the plain form of the same rule, on the same rows, one after the other.

Each line of the result has its own threads and load; what `results/streams.json` has already is left as it is, so a run
that was stopped goes on, and a measurement is repeated by taking its line out. Embeddings need Fashion-MNIST
(CORESET_DATA).

    python benchmarks/continual/streams.py
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from machine import RESULTS, seconds, write

import coreset_explore as cx

CAPACITY, ROWS, WIDTH, CLASSES = 1000, 12_000, 2000, 10
FOUR = 8000  # numbers a row, of four initializations
FEATURES = 84  # of LeNet's last layer
LARGE = 5000  # rows that a large memory holds
TRIED = 150  # rows whose dense ±1 projection is timed: all would take minutes


def batches(width: int) -> list[cx.Pool]:
    """Two batches of 12,000 rows, sorted by class: gradients of so many numbers about 50 centers, in turn."""
    rng = torch.Generator().manual_seed(0)
    centers, own = torch.randn(50, width, generator=rng), torch.arange(2 * ROWS) * 50 // (2 * ROWS)
    found = []
    for start in (0, ROWS):
        part = own[start : start + ROWS]
        g = 0.5 * centers[part] + torch.randn(ROWS, width, generator=rng)
        y = part * CLASSES // 50
        found.append(cx.Pool.of(torch.zeros(ROWS, 1), y, ids=range(start, start + ROWS), grads=cx.Dense(g)))
    return found


def pursuit(g: torch.Tensor, target: torch.Tensor, k: int) -> torch.Tensor:
    """Algorithm 1 of GMC as printed: all correlations and all weights anew at every pick."""
    norm, picks, left = g.norm(dim=1), [], target
    weights = torch.zeros(0, dtype=torch.float64)
    gram, wanted = torch.zeros(k, k, dtype=torch.float64), torch.zeros(k, dtype=torch.float64)
    for i in range(k):
        score = g @ left.float() / norm
        score[picks] = -torch.inf
        picks.append(int(score.argmax()))
        chosen = g[picks].double()
        gram[i, : i + 1] = gram[: i + 1, i] = chosen @ chosen[-1]
        wanted[i] = chosen[-1] @ target
        weights = torch.linalg.solve(gram[: i + 1, : i + 1], wanted[: i + 1])
        left = target - weights @ chosen
    return weights


def vitter(kept: list[int], batch: list[int], rng: np.random.Generator) -> list[int]:
    """Algorithm R, a row at a time."""
    for seen, row in enumerate(batch, ROWS):
        place = int(rng.integers(seen + 1))
        if place < CAPACITY:
            kept[place] = row
    return kept


def rings(kept: list[int], batch: list[int], label: list[int]) -> list[int]:
    """A deque a class, of its share."""
    held = {c: deque(maxlen=CAPACITY // CLASSES) for c in range(CLASSES)}
    for row in [*kept, *batch]:
        held[label[row]].append(row)
    return [row for own in held.values() for row in own]


def gdumb(kept: list[int], batch: list[int], label: list[int], rng: np.random.Generator) -> list[int]:
    """Algorithm 1 of GDumb, a row at a time."""
    held: dict[int, list[int]] = {}
    for row in kept:
        held.setdefault(label[row], []).append(row)
    for row in batch:
        own = held.setdefault(label[row], [])
        if len(own) < CAPACITY / len(held):
            largest = max(held.values(), key=len)
            largest.pop(int(rng.integers(len(largest))))
            own.append(row)
    return [row for own in held.values() for row in own]


def updates(found: list[dict], done: Callable) -> None:
    """One update of a full memory, and the plain rule on row numbers; GMC's with its first batch too."""
    first, second = batches(WIDTH)
    label = torch.cat([first.y, second.y]).tolist()
    old, new = list(range(CAPACITY)), list(range(ROWS, 2 * ROWS))
    rng = np.random.default_rng(0)
    plain = {
        "reservoir": lambda: vitter(list(old), new, rng),
        "window": lambda: list(deque([*old, *new], maxlen=CAPACITY)),
        "ring": lambda: rings(old, new, label),
        "balanced": lambda: gdumb(old, new, label, rng),
    }
    small = [batch.only("y") for batch in (first, second)]
    for name, rule in plain.items():
        memory = cx.observe(name, None, small[0], CAPACITY)
        done(name, partial(cx.observe, name, memory, small[1], CAPACITY), rule, repeats=5)
    target = first.grads.sum()
    for nonnegative in (True, False):
        name = f"gmc, {'weights of 0 or more' if nonnegative else 'free weights'}"
        other = None if nonnegative else lambda: pursuit(first.grads.g, target, CAPACITY)
        done(
            f"{name}, first batch",
            lambda free=nonnegative: cx.observe("gmc", None, first, CAPACITY, nonnegative=free),
            other,
        )
    if not any(row["what"] == "gmc, second batch" for row in found):
        memory = cx.observe("gmc", None, first, CAPACITY)
        done("gmc, second batch", lambda: cx.observe("gmc", memory, second, CAPACITY), None)


def larger(done: Callable) -> None:
    """GMC's first batch of longer gradients, of a network's last layer in factors, and into a larger memory."""
    done(f"gmc, {FOUR:,} numbers a row", partial(cx.observe, "gmc", None, batches(FOUR)[0], CAPACITY), None)
    rng = torch.Generator().manual_seed(1)
    label = torch.arange(ROWS) * CLASSES // ROWS
    h = torch.randn(CLASSES, FEATURES, generator=rng)[label] + torch.randn(ROWS, FEATURES, generator=rng)
    r = torch.randn(ROWS, CLASSES, generator=rng).softmax(1) - torch.nn.functional.one_hot(label, CLASSES)
    last = cx.Pool.of(torch.zeros(ROWS, 1), label, grads=cx.LastLayer(r[None], h.relu()[None]))
    done("gmc, last layer", lambda: cx.observe("gmc", None, last, CAPACITY), None)
    first = batches(WIDTH)[0]
    done(f"gmc, {LARGE:,} rows kept", lambda: cx.observe("gmc", None, first, LARGE), None, memory=True)


def embeddings(done: Callable) -> None:
    """Of LeNet's gradients at four initializations, 2,000 numbers each; ±1 projections of some rows, times rows."""
    data = cx.load("fashion-mnist")[torch.arange(ROWS)]

    def embed(how: str, rows: int) -> cx.Pool:
        return cx.initial_gradients(data, model="lenet", how=how, width=WIDTH, rows=range(rows), show=False)

    embed("sketched", 64)
    projected = partial(embed, "projected", TRIED)
    done("LeNet, count sketches", partial(embed, "sketched", ROWS), projected, scale=ROWS / TRIED)


def main() -> None:
    path = RESULTS / "streams.json"
    found: list[dict] = json.loads(path.read_text())["rows"] if path.exists() else []

    def done(
        what: str,
        own: Callable,
        plain: Callable | None,
        repeats: int = 1,
        scale: float = 1.0,
        memory: bool = False,
    ) -> None:
        if any(row["what"] == what for row in found):
            return
        load = round(os.getloadavg()[0], 2)
        row = {"what": what, "threads": torch.get_num_threads(), "load_1min": load}
        before = psutil.Process().memory_info().rss
        row["seconds"] = round(min(seconds(own, repeats)), 4)
        if memory:  # the most the process ever held: nothing before may have held more
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            row["memory_gb"] = round((most - before) / 1e9, 2)
        if plain is not None:
            row["plain_seconds"] = round(scale * min(seconds(plain, repeats)), 4)
        if scale > 1:
            row["plain_rows"] = TRIED
        found.append(row)
        write("streams", found, capacity=CAPACITY, rows_a_batch=ROWS, numbers=WIDTH)

    start = time.perf_counter()
    updates(found, done)
    larger(done)
    embeddings(done)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
