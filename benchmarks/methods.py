"""Every preset on all 60,000 training images of Fashion-MNIST: seconds, threads, load and peak memory.

Needs CORESET_DATA. Signals (lenet, 5 epochs, every checkpoint kept) are recorded once and timed too; DeepFool's
distances, which the model itself has to tell, apart from the rest. GMC matches the last layer's gradients at four
fresh initializations, as in its paper; its error is told in the trained model's, as everybody's is. GLISTER's
validation rows are here 6,000 of the pool's own, so that all 60,000 stay candidates: as many as
`signals(data, holdout=0.1)` would set aside.
"""

from __future__ import annotations

import os
import sys
import time

import torch
from machine import write

import coreset_explore as cx
from coreset_explore.recording.extras import EXTRAS
from coreset_explore.selecting.strategy import Strategy, presets


def main(name: str = "fashion-mnist", k: int = 600) -> None:
    pool, fresh, rows = recorded(name)
    try:
        for preset in presets().values():
            rows.append(timed(pool, fresh if preset.name == "GMC" else pool, preset, k))
            print(rows[-1], flush=True)
    finally:  # also what was measured before an interrupt
        written(name, pool, rows, k)


def recorded(name: str) -> tuple[cx.Pool, cx.Pool, list[dict]]:
    """The pool with everything a preset reads, the same with gradients before training, and what recording took."""
    spent, distances = {}, EXTRAS["deepfool"]

    def timed_distances(net, x, y):
        start = time.perf_counter()
        found = distances(net, x, y)
        spent["deepfool"] = time.perf_counter() - start
        return found

    EXTRAS["deepfool"] = timed_distances
    data = cx.load(name)
    start = time.perf_counter()
    try:
        pool = cx.signals(
            data, epochs=5, checkpoints="each", extras=("deepfool",), seed=0, cache=False, show=False
        )
    finally:
        EXTRAS["deepfool"] = distances
    seconds = time.perf_counter() - start
    rows = [
        {
            "what": "signals, lenet, 5 epochs",
            "seconds": round(seconds - spent["deepfool"], 2),
            "accuracy": pool.info.get("accuracy"),
        },
        {"what": "DeepFool's distances, beside the signals", "seconds": round(spent["deepfool"], 2)},
    ]
    start = time.perf_counter()
    early = cx.initial_gradients(data, how="last layer", seed=0, show=False)
    seconds = round(time.perf_counter() - start, 2)
    rows.append({"what": "the last layer's gradients at 4 initializations, for GMC", "seconds": seconds})
    return cx.Pool(pool.fields, pool.classes, pool[::10], pool.info), pool.add(grads=early[pool.ids]), rows


def timed(judge: cx.Pool, pool: cx.Pool, preset: Strategy, k: int) -> dict:
    """What the preset took for k picks, or why it did not run."""
    how = {"wrap": preset.wrap, "pick": preset.pick, "show": False, **preset.params}
    rows = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))[:2000].sort().values
    try:
        cx.select(preset.method, pool[rows], 60, **how)  # compiles
        load = os.getloadavg()[0]
        chosen = cx.select(preset.method, pool, k, **how)
    except (MemoryError, ValueError) as error:
        return {"what": preset.name, "refused": str(error)}
    peak = chosen.info["peak_bytes"]
    return {
        "what": preset.name,
        "k": len(chosen),
        "seconds": round(chosen.info["seconds"], 3),
        "peak_mb": None if peak is None else round(peak / 2**20),
        "threads": chosen.info["threads"],
        "load_before": round(load, 2),
        "gradient_error": round(cx.gradient_error(judge, chosen), 4),
        "stopped": chosen.info.get("stopped"),
    }


def written(name: str, pool: cx.Pool, rows: list[dict], k: int) -> None:
    write(f"methods-{name}", rows, n=len(pool), d=pool.emb.shape[1], steps=len(pool.grads.steps), k=k)


if __name__ == "__main__":
    main(*sys.argv[1:2])
