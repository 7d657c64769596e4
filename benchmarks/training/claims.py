"""GRAD-MATCH's table 3 and what is said of it: every regime, LeNet, equal updates, seeds that are paired.

T = 40 epochs of the subset, R = 4, budgets of 1, 3, 5 and 10 %; FULL is left to run as long as the paper's. Cells are
kept in the cache folder, so that this can be stopped, and goes on; after each seed the tables are written anew. A claim
is judged by the differences over seeds and budgets, a mean over budgets a seed: those of one seed are not independent.

    CORESET_DATA=… python benchmarks/training/claims.py [mnist | fashion-mnist] [seeds] [rows, 0 is all] [model]
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import write
from rows import some
from verdicts import verdict

from coreset_explore.labs.training import REGIMES, Setting, frame, run
from coreset_explore.labs.training.questions import redundant_points
from coreset_explore.machine import cache
from coreset_explore.machine.threads import threads

EPOCHS, EVERY, BUDGETS = 40, 4, [0.01, 0.03, 0.05, 0.1]
ANEW, EARLY, FIXED = "RANDOM re-drawn", "FULL-EARLYSTOP", "RANDOM"
PAPER = ("GLISTER", "CRAIG", "CRAIGPB", "GRAD-MATCH", "GRAD-MATCHPB")
BEST = "GRAD-MATCHPB-Warm"
TABLE3, TABLE8 = "GRAD-MATCH, table 3", "GRAD-MATCH, table 8"


def pairs(first: str, second: str, kept, value: str = "accuracy"):
    """first − second, a number a seed: the mean over the budgets that both have."""
    wide = kept.pivot_table(index=["budget", "seed"], columns="regime", values=value, dropna=False)
    if first not in wide or second not in wide:
        return wide.iloc[:0].sum(axis=1)
    return (wide[first] - wide[second]).dropna().groupby("seed").mean()


def claims(kept) -> list[dict]:
    rows: list[dict] = []

    def says(paper: str, claim: str, first: str, second: str, value: str = "accuracy", **how) -> None:
        rows.append({"paper": paper, "claim": claim, **verdict(pairs(first, second, kept, value), **how)})

    for name in (*PAPER, *(f"{name}-Warm" for name in PAPER)):
        says(TABLE3, f"{name} is better than random rows chosen once", name, FIXED)
    for name in (*PAPER, *(f"{name}-Warm" for name in PAPER), "GradSimCore", "FastCore"):
        says("no paper asks", f"{name} is better than random rows drawn anew", name, ANEW)
    for other in (EARLY, *PAPER, *(f"{name}-Warm" for name in PAPER if f"{name}-Warm" != BEST)):
        says(TABLE3, f"{BEST} is better than {other}", BEST, other)
    for name in PAPER:
        says(TABLE3, f"a warm start helps {name}", f"{name}-Warm", name)
    for name in ("CRAIG", "GRAD-MATCH"):
        says(TABLE3, f"whole batches help {name}", f"{name}PB", name)
    for better, worse in itertools.pairwise(("GRAD-MATCHPB", "CRAIGPB", "GRAD-MATCH", "CRAIG", FIXED)):
        claim = f"{better}'s gradient error is below {worse}'s"
        says(TABLE8, claim, better, worse, "gradient_error", below=True)
    full = kept[kept.regime == "FULL"].set_index("seed").accuracy
    best = kept[kept.regime == BEST]
    for share, size in zip(BUDGETS, sorted(best.budget.unique()), strict=True):
        claim = f"{BEST} on {share:.0%} is at most half a point below all rows"
        there = best[best.budget == size].set_index("seed").accuracy
        rows.append({"paper": TABLE3, "claim": claim, **verdict(there - full, -0.005)})
    return rows


def table(kept) -> list[dict]:
    """A row a regime and budget: means and deviations over seeds, seconds as this machine's clock told them."""
    unused = redundant_points(kept).groupby(["regime", "budget"])[["unused", "by_chance"]].mean()
    rows = []
    for (regime, budget), part in kept.groupby(["regime", "budget"], sort=False):
        row = {"regime": regime, "budget": int(budget), "seeds": int(part.accuracy.count())}
        for name, number in (("accuracy", part.accuracy.mean()), ("sd", part.accuracy.std())):
            row[name] = round(float(number), 5)
        for name in ("seconds", "train_seconds", "forward_seconds", "choosing_seconds"):
            row[name] = round(float(part[name].mean()), 2)
        for name in ("gradient_error", "stale", "effective_size"):
            row[name] = float(f"{part[name].mean():.4g}")
        if (regime, budget) in unused.index:
            row |= {name: round(float(unused.loc[(regime, budget), name]), 4) for name in unused}
        row["failed"] = [text for text in part.failed if text]
        rows.append(row)
    return rows


def main(name: str = "mnist", seeds: str = "5", rows: str = "0", model: str = "lenet") -> None:
    data, load = some(name, int(rows)), os.getloadavg()[0]
    about = f"{name}-{model}-{len(data)}"
    setting = Setting(
        data, model, epochs=EPOCHS, every=EVERY, recipe={"batch_size": 32, "test_every": EPOCHS // 4}
    )
    store = cache.folder() / f"claims-{about}.sqlite"
    quick = [
        name for name in REGIMES if "FastCore" not in name
    ]  # which takes as long as all others, and comes last
    with threads() as count:
        print(f"{data!r}\n{count} threads, load {load:.2f}, cells in {store}", flush=True)
        for regimes, seed in itertools.product((quick, list(REGIMES)), range(int(seeds))):
            for record in run(setting, regimes, budgets=BUDGETS, seeds=[seed], store=store, show=False):
                told, found = record.settings, record.numbers or {}
                print(
                    f"{told['regime']:22} {told['budget']!s:>6} {seed}  {found.get('accuracy')}  {record.error or ''}",
                    flush=True,
                )
            if regimes is not quick and seed + 1 < int(seeds):
                continue
            kept = frame(run(setting, regimes, budgets=BUDGETS, seeds=seed + 1, store=store, show=False))
            more = {"epochs": EPOCHS, "every": EVERY, "batch_size": 32, "threads": count, "load_before": load}
            write(f"training-{about}", table(kept), claims=claims(kept), seeds=seed + 1, n=len(data), **more)


if __name__ == "__main__":
    main(*sys.argv[1:])
