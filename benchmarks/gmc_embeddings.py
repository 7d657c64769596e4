"""GMC's embeddings compared on one network at fresh initializations: cost, fidelity, and what matching makes of them.

For each embedding: seconds to make it and to match with it, numbers a row, the relative error of its inner products
against the exact ones, the error that its picks and weights leave in the exact gradients at these initializations and
at others, and the test accuracy of the network trained on picks alone (mean and deviation over seeds).

    python benchmarks/gmc_embeddings.py [dataset] [rows] [picks]
"""

from __future__ import annotations

import statistics
import sys
import time

import torch
from machine import write

import coreset_explore as cx
from coreset_explore.greedy.vectors import stored

SEEDS = 3


def embeddings(data, seed: int) -> dict:
    """Each embedding by name, a call that makes it."""
    return {
        "exact, by layers": lambda: cx.initial_gradients(data, how="exact", seed=seed),
        "±1 projections, 2,000": lambda: cx.initial_gradients(data, width=2000, seed=seed),
        "±1 projections, 200": lambda: cx.initial_gradients(data, width=200, seed=seed),
        "count sketch, 2,000": lambda: cx.initial_gradients(data, how="sketched", width=2000, seed=seed),
        "last layer": lambda: cx.initial_gradients(data, how="last layer", seed=seed),
    }


def left(grads, chosen) -> float:
    """‖Σ_S w_i g_i − Σ_all g_i‖ / ‖Σ_all g_i‖."""
    total = grads.sum()
    return float((grads[chosen.indices].sum(chosen.weights) - total).norm() / total.norm())


def accuracy(data, chosen) -> list[float]:
    """Of the default network, trained for 400 updates on the picks alone: GMC's weights may be negative."""
    plain = cx.Selection.of(chosen.indices)
    fits = (cx.fit("mlp", data, plain, updates=400, seed=s, show=False) for s in range(SEEDS))
    return [fit.accuracy for fit in fits]


def main(name: str = "digits", rows: int = 1400, k: int = 100) -> None:
    whole = cx.load(name)
    some = torch.randperm(len(whole), generator=torch.Generator().manual_seed(0))[:rows].sort().values
    data = whole[some]
    exact = cx.initial_gradients(data, how="exact", model="mlp", seed=0)
    others = cx.initial_gradients(data, how="exact", model="mlp", seed=100)
    gram, norm = exact.gram(), exact.norm()
    gmc = cx.PRESETS["GMC"]
    found = []

    def judge(label: str, chosen, **more) -> None:
        right = accuracy(data, chosen)
        found.append(
            {
                "embedding": label,
                **more,
                "picks": len(chosen),
                "error left": round(left(exact, chosen), 4),
                "error left, other initializations": round(left(others, chosen), 4),
                "accuracy": round(statistics.mean(right), 4),
                "deviation": round(statistics.stdev(right), 4),
            }
        )
        print(found[-1], flush=True)

    for label, make in embeddings(data, 0).items():
        start = time.perf_counter()
        grads = make()
        made = time.perf_counter() - start
        pool = cx.Pool.of(data.x.flatten(1).float(), data.y, grads=grads)
        chosen = cx.select("gradmatch", pool, k, show=False, **gmc.params)
        error = (grads.gram() - gram) / norm[:, None] / norm[None]
        numbers = stored(grads)
        judge(
            label,
            chosen,
            seconds=round(made, 3),
            matching=round(chosen.info["seconds"], 3),
            numbers=numbers,
            **{"error of inner products": round(float(error.square().mean().sqrt()), 4)},
        )
    pool = cx.Pool.of(data.x.flatten(1).float(), data.y)
    judge("random per class", cx.select("random", pool, k, wrap=[("per_class", {})], show=False))
    write(f"gmc-embeddings-{name}", found, n=len(data), k=k, inits=4, network="mlp")


if __name__ == "__main__":
    main(*[word if i == 0 else int(word) for i, word in enumerate(sys.argv[1:])])
