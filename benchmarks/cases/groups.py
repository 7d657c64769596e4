"""FastCore beside exact CRAIG and random, as benchmarks/fastcore.py measures it; that script has the whole study."""

from __future__ import annotations

import fastcore as study
import torch

from cases.data import at_hand
from cases.race import Bench, case

METHODS = [("random", {}), ("craig", {"space": "emb"}), ("fastcore", {})]


def keep(bench: Bench, rows: list[dict]) -> dict[tuple, dict]:
    """The study's rows as this report's, and by method and share."""
    for row in rows:
        ours = next(r for r in rows if r["share"] == row["share"] and r["method"] == "fastcore")
        bench.rows.append(
            {
                "what": f"FastCore, {row['data']}, {100 * row['share']:g} % per class",
                "who": "ours" if row["method"] == "fastcore" else f"{row['method']} (ours)",
                "objective_is": "mean distance to the nearest pick of the class",
                "objective": row["cost"],
                "median_s": row["seconds"],
                "best_s": row["seconds"],
                "worst_s": row["seconds"],
                "runs": row["runs"],
                "ratio": round(row["seconds"] / ours["seconds"], 2) if ours["seconds"] else None,
                "peak_mb": row["peak_mb"],
                "floor_s": None,
                "of_floor": None,
                "load_before": row["load"],
                "load_after": row["load"],
                "busy_elsewhere": None,
                "threads": torch.get_num_threads(),
                "extrapolated": False,
                "note": "the best of its runs",
            }
        )
    return {(row["method"], row["share"]): row for row in rows}


@case("fastcore")
def fastcore(bench: Bench) -> None:
    if at_hand("covertype") and not bench.tiny:
        pool, *_ = study.covertype()
        found = keep(bench, list(study.measured("covertype, 16,001 rows", pool, METHODS, (0.01, 0.05))))
        for share in (0.01, 0.05):
            ours, craig, random = (found[name, share]["cost"] for name in ("fastcore", "craig", "random"))
            text = f"FastCore, covertype at {100 * share:g} %"
            bench.target(f"{text}, cost over exact CRAIG's", round(ours / craig, 4), most=1.05)
            bench.target(f"{text}, cost over random's", round(ours / random, 4), most=0.8)
    n = bench.size(435_000, 2000)
    pool = study.isotropic(n)
    few = [METHODS[0], METHODS[2]]
    found = keep(bench, list(study.measured(f"made up, {n:,} x 54", pool, few, (0.01,), seeds=(0,))))
    bench.target(f"FastCore, {n:,} x 54 at 1 %, seconds", found["fastcore", 0.01]["seconds"], most=20)
