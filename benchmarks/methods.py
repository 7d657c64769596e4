"""Every preset on all 60,000 training images of Fashion-MNIST: seconds, threads, load and peak memory.

Needs CORESET_DATA. Signals (lenet, 5 epochs, every checkpoint kept) are recorded once and timed too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

import torch
from machine import write

import coreset_explore as cx
from coreset_explore.presets import presets


def main(name: str = "fashion-mnist", k: int = 600) -> None:
    data = cx.load(name)
    start = time.perf_counter()
    pool = cx.signals(data, epochs=5, checkpoints="each", seed=0)
    recorded = time.perf_counter() - start
    rows = [
        {
            "what": "signals, lenet, 5 epochs",
            "seconds": round(recorded, 2),
            "accuracy": pool.info.get("accuracy"),
        }
    ]
    print(rows[0], flush=True)
    try:
        for row in timed(pool, k):
            rows.append(row)
            print(row, flush=True)
    finally:  # also what was measured before an interrupt
        write(f"methods-{name}", rows, n=len(pool), d=pool.emb.shape[1], steps=len(pool.grads.steps), k=k)


def timed(pool: cx.Pool, k: int) -> Iterator[dict]:
    """One row a preset: what it took for k picks, or why it did not run."""
    for preset in presets().values():
        how = {"wrap": preset.wrap, "pick": preset.pick, "show": False, **preset.params}
        rows = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))[:2000].sort().values
        try:
            cx.select(preset.method, pool[rows], 60, **how)  # compiles
            load = os.getloadavg()[0]
            chosen = cx.select(preset.method, pool, k, **how)
        except (MemoryError, ValueError) as error:
            yield {"what": preset.name, "refused": str(error)}
            continue
        peak = chosen.info["peak_bytes"]
        yield {
            "what": preset.name,
            "k": len(chosen),
            "seconds": round(chosen.info["seconds"], 3),
            "peak_mb": None if peak is None else round(peak / 2**20),
            "threads": chosen.info["threads"],
            "load_before": round(load, 2),
            "gradient_error": round(cx.gradient_error(pool, chosen), 4),
            "stopped": chosen.info.get("stopped"),
        }


if __name__ == "__main__":
    main(*sys.argv[1:2])
