"""FastCore beside exact CRAIG and random: cost, bounds' errors, accuracy and seconds, on real rows and on made-up ones.

Needs CORESET_DATA for covertype (its 20,000 rows of 581,012: 16,001 to choose from); `covertype` standardized, per
class. `isotropic` are Gaussian clusters in 54 dimensions, where all rows are nearly equally far apart. `large` is
435,000 made-up rows, for time and memory (left out with --quick).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import torch
from machine import write

import coreset_explore as cx
from coreset_explore.greedy import nearest_pick

PER_CLASS = [("per_class", {})]
METHODS = [
    ("random", {}),
    ("stratified_lsh", {}),
    ("craig", {"space": "emb"}),
    ("craig_pq", {}),
    ("fastcore", {}),
    ("fastcore", {"bits": 24}),
    ("fastcore", {"bits": 16}),
    ("fastcore", {"bound": "true"}),
    ("fastcore", {"bound": "paper", "subspaces": 3}),
    ("fastcore", {"groups": "kmeans", "most": 1024}),
    ("fastcore_hull", {}),
]


def standardized(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    spread = by.std(0)
    return (x - by.mean(0)) / torch.where(spread > 0, spread, 1.0)


def covertype() -> tuple[cx.Pool, torch.Tensor, torch.Tensor]:
    data = cx.load("covertype")
    x, test = (torch.as_tensor(part).float() for part in (data.x, data.x_test))
    pool = cx.Pool.of(standardized(x, x), torch.as_tensor(data.y))
    return pool, standardized(test, x), torch.as_tensor(data.y_test)


def isotropic(n: int, d: int = 54, classes: int = 7, seed: int = 0) -> cx.Pool:
    """40 round clusters, dealt to classes of falling size."""
    rng = torch.Generator().manual_seed(seed)
    cluster = torch.randint(40, (n,), generator=rng)
    centers = torch.randn(40, d, generator=rng)
    y = (classes * torch.rand(40, generator=rng) ** 2).long().clamp_max(classes - 1)
    y = y.unique(return_inverse=True)[1]
    return cx.Pool.of(centers[cluster] + torch.randn(n, d, generator=rng), y[cluster])


def cost(pool: cx.Pool, chosen: cx.Selection) -> float:
    """Mean distance of a row to the nearest pick of its class."""
    picked = torch.zeros(len(pool), dtype=torch.bool)
    picked[chosen.indices] = True
    total = 0.0
    for members in pool.by_class().values():
        rows = picked[members].nonzero()[:, 0]
        total += (
            float(nearest_pick(pool[members].vectors("emb"), rows)[1].double().sum()) if len(rows) else 0.0
        )
    return total / len(pool)


def accuracy(pool: cx.Pool, chosen: cx.Selection, x: torch.Tensor, y: torch.Tensor) -> float:
    """Test accuracy of logistic regression on the weighted picks, with the paper's L2 coefficient of 1e-4."""
    from sklearn.linear_model import LogisticRegression

    rows = chosen.indices
    held = chosen.weights > 0
    model = LogisticRegression(C=1 / (1e-4 * len(pool)), max_iter=2000)
    model.fit(pool.emb[rows][held].numpy(), pool.y[rows][held].numpy(), chosen.weights[held].numpy())
    return float((torch.from_numpy(model.predict(x.numpy())) == y).double().mean())


def measured(name: str, pool: cx.Pool, methods, shares, test=None, seeds=(0, 1)) -> Iterator[dict]:
    for method, params in methods:
        for share in shares:
            found = []
            for seed in seeds[: 1 if method in ("craig", "fastcore_hull") else None]:
                load = os.getloadavg()[0]
                chosen = cx.select(method, pool, share, seed=seed, wrap=PER_CLASS, show=False, **params)
                judged = accuracy(pool, chosen, *test) if test else float("nan")
                found.append((cost(pool, chosen), chosen.info["seconds"], judged, load))
            costs, seconds, accuracies, loads = (torch.tensor(v, dtype=torch.float64) for v in zip(*found))
            row = {
                "data": name,
                "method": method,
                "params": params,
                "share": share,
                "k": len(chosen),
                "cost": round(float(costs.mean()), 4),
                "accuracy": round(float(accuracies.mean()), 4) if test else None,
                "seconds": round(float(seconds.min()), 2),
                "runs": len(found),
                "load": round(float(loads.max()), 1),
                "peak_mb": round((chosen.info["peak_bytes"] or 0) / 2**20),
                # by class
                "groups": chosen.info.get("groups"),
                "bound_error": chosen.info.get("bound_error"),
                "idle_picks": int((chosen.weights == 0).sum()),
            }
            print(row, flush=True)
            yield row


def beside_craig(rows: list[dict]) -> list[dict]:
    """Each row's cost as a multiple of CRAIG's and of random's on the same data and share."""
    known = {(r["data"], r["share"], r["method"]): r["cost"] for r in rows}
    for row in rows:
        for peer in ("craig", "random"):
            base = known.get((row["data"], row["share"], peer))
            row[f"of_{peer}"] = round(row["cost"] / base, 4) if base else None
    return rows


def main(quick: bool) -> None:
    torch.set_num_threads(1)
    pool, *test = covertype()
    for method, params in METHODS:  # compiles
        cx.select(method, pool[:300], 20, show=False, **params)
    rows = list(measured("covertype, 16,001 rows", pool, METHODS, (0.01, 0.05), test))
    small = [m for m in METHODS if m[0] != "fastcore_hull"]
    rows += measured("isotropic, 8,000 rows", isotropic(8000), small, (0.01, 0.05), seeds=(0,))
    if not quick:
        big = isotropic(435_000)
        rows += measured(
            "isotropic, 435,000 rows", big, [("random", {}), ("fastcore", {})], (0.01,), seeds=(0,)
        )
    write("fastcore", beside_craig(rows))


if __name__ == "__main__":
    main("--quick" in sys.argv)
