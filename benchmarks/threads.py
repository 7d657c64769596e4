"""Curves' accuracies on digits under the panel's guard of threads, against threadpoolctl's own limit, quiet and busy.

A linear probe at four budgets and three seeds, on a worker thread as the panel's job is, in a process of its own that
no variable limits from outside: with OPENBLAS_NUM_THREADS=1 every guard looks good. "busy" is beside two processes that
spin. The ways run in turns; the ratio of their medians is the result, to be at most 1.2 for the guard.

The probe limits itself, too: "no guard around it" is what a script gets, and "torch alone" what a guard that leaves
scipy's BLAS alone would give (once, since it takes long).

    python benchmarks/threads.py [turns]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from machine import machine, summary, write
from threadpoolctl import threadpool_limits

import coreset_explore as cx
from coreset_explore.experiment import linear_probe
from coreset_explore.machine.threads import limited

BUDGETS, SEEDS = (18, 36, 72, 144), 3
GOAL = 1.2
GUARD, BASE = "the panel's guard", "threadpool_limits(1)"


def work(pool: cx.Pool) -> None:
    cx.accuracy_curve(pool, "random", BUDGETS, seeds=SEEDS, show=False)


def on_a_worker(pool: cx.Pool, guard: AbstractContextManager) -> float:
    """Seconds of the work inside the guard, on a thread of its own."""
    found = []

    def run() -> None:
        start = time.perf_counter()
        with guard:
            work(pool)
        found.append(time.perf_counter() - start)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


@contextmanager
def beside(count: int) -> Iterator[None]:
    """So many processes that keep a core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@contextmanager
def torch_alone() -> Iterator[None]:
    """One thread for torch, and the probe without its own guard."""
    import torch

    before, guard = torch.get_num_threads(), linear_probe.limited
    torch.set_num_threads(1)
    linear_probe.limited = nullcontext
    try:
        yield
    finally:
        torch.set_num_threads(before)
        linear_probe.limited = guard


def measure(turns: int) -> list[dict]:
    """One row for each guard, quiet and busy."""
    guards = {
        GUARD: lambda: limited(1),
        BASE: lambda: threadpool_limits(1),
        "no guard around it": nullcontext,
        "torch alone": torch_alone,
    }
    data = cx.load("digits")
    pool = cx.Pool.of(data.x.flatten(1).float() / 16, data.y)
    rows = []
    for when, others in (("quiet", 0), ("busy", 2)):
        with beside(others):
            on_a_worker(pool, limited(1))  # libraries are loaded, and cores as busy as they will be
            times = {name: [] for name in guards}
            for turn in range(turns):
                for name, guard in guards.items():
                    if turn == 0 or guard is not torch_alone:
                        times[name].append(on_a_worker(pool, guard()))
            load = round(os.getloadavg()[0], 2)
        found = {name: summary(spent) for name, spent in times.items()}
        base = found[BASE]["median_s"]
        for name, told in found.items():
            rows.append(
                {"when": when, "who": name, **told, "ratio": round(told["median_s"] / base, 2), "load": load}
            )
    return rows


def main(turns: int = 7) -> None:
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    before = machine()["load_1min"]
    command = [sys.executable, __file__, "--within", str(turns)]
    done = subprocess.run(command, env=free, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    met = all(row["ratio"] <= GOAL for row in rows if row["who"] == GUARD)
    what = f"accuracy_curve of random on digits, budgets {BUDGETS}, {SEEDS} seeds, linear probe, on a worker thread"
    write("threads", rows, work=what, goal=GOAL, met=met, load_before=before)


if __name__ == "__main__":
    if "--within" in sys.argv:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main(*map(int, sys.argv[1:]))
