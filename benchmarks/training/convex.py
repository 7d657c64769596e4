"""Convex models on tables: what CRAIG and FastCore claim, each with a paired difference, an interval, a verdict.

Covertype's rows, and the orders of a Brazilian shop (Olist): an order's review score from what its tables say, joined
here as a user would. All rows, CRAIG, FastCore, stratified by LSH and uniform, chosen once by standardized features; an
epoch is a pass over the rows trained on, and all make as many. Rates are each one's own from a ladder, by the loss on
its own rows. A claim holds, or does not, where the 95 % interval (Student's, over seeds) lies on one side of its mark;
otherwise it is not decided. Seconds are the clock's, choosing included, looking for a rate not.

    CORESET_DATA=… python benchmarks/training/convex.py [rows of Covertype, 0 is all] [seeds]
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import pandas

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import write
from rows import olist, some
from verdicts import verdict

from coreset_explore.labs.training.questions import convergence, speedup

METHODS = {
    "CRAIG": "CRAIG",
    "FastCore": {"method": "fastcore", "wrap": ["per_class"], "params": {"bound": "paper"}},
    "Stratified": "Stratified LSH",
    "Uniform": "Random, over all classes",
}
CRAIGS, FASTCORES = 0.1, 0.01  # the papers' budgets
QUIET = 1.0  # load at the start above which seconds are somebody else's too


def last(found):
    """The end of each run: a row a method, seed and optimizer."""
    return found.groupby(["method", "optimizer", "seed"], as_index=False).last().set_index("seed")


def paired(found, one: str, other: str, value, optimizer: str):
    """value(one) − value(other), a number a seed."""
    runs = last(found[found.optimizer == optimizer])
    return value(runs[runs.method == one]) - value(runs[runs.method == other])


def log(column: str):
    return lambda runs: runs[column].clip(lower=1e-12).map(math.log10)


def claims(name: str, tenth, hundredth, machines) -> list[dict]:
    rows = []

    def claim(paper: str, says: str, differences, mark: float, below: bool = True) -> None:
        for share, found in (("10 %", tenth), ("1 %", hundredth)):
            says = says.replace(
                f" {share}:", f" {share} ({found.budget.min():,} of {found.budget.max():,} rows):"
            )
        rows.append({"data": name, "paper": paper, "claim": says, **verdict(differences, mark, below)})

    for optimizer in dict.fromkeys(tenth.optimizer):
        what = f"{optimizer.upper()}, 10 %"
        d = paired(tenth, "CRAIG", "Uniform", log("residual"), optimizer)
        claim("CRAIG, figure 1", f"{what}: CRAIG ends nearer to the optimum than uniform (log10)", d, 0)
        fast = speedup(tenth[tenth.optimizer == optimizer])
        times = fast[fast.method == "CRAIG"].set_index("seed").speedup.map(math.log10)
        claim(
            "CRAIG, figure 1",
            f"{what}: CRAIG is sooner than all rows at what both reach (log10)",
            times,
            0,
            False,
        )
    for model, found in (("logistic regression", hundredth), ("SVM", machines)):
        figure = "FastCore, figure " + ("5" if model != "SVM" else "11")

        def error(runs):
            return runs.error

        d = paired(found, "FastCore", "Full", error, "sgd")
        claim(figure, f"{model}, 1 %: FastCore's error is at most a point above that of all rows", d, 0.01)
        for other in ("Uniform", "Stratified"):
            d = paired(found, "FastCore", other, error, "sgd")
            claim(figure, f"{model}, 1 %: FastCore's error is below {other.lower()}'s", d, 0)
    for other in ("Full", "CRAIG"):
        d = paired(hundredth, "FastCore", other, log("seconds"), "sgd")
        claim(
            "FastCore, figure 6",
            f"logistic regression, 1 %: FastCore takes less time than {other} (log10 of the ratio)",
            d,
            0,
        )
    return rows


def ends(name: str, model: str, found) -> list[dict]:
    """Means over seeds of where runs end."""
    about, numbers = ["method", "budget", "optimizer"], ["residual", "floor", "error", "selecting", "seconds"]
    runs = found.groupby([*about, "seed"], as_index=False, sort=False).last()
    means = runs.groupby(about, as_index=False, sort=False)[numbers].mean()
    rounded = means.assign(**{number: means[number].map(lambda v: float(f"{v:.3g}")) for number in numbers})
    return [{"data": name, "model": model, **row} for row in rounded.to_dict("records")]


def main(rows: str = "6000", seeds: str = "6") -> None:
    load, count = os.getloadavg()[0], int(seeds)
    print(f"load {load:.2f}, {os.cpu_count()} cores")
    folder = Path(os.environ.get("CORESET_DATA", "")) / "olist-sample"
    tables = {"covertype": some("covertype", int(rows))}
    if folder.is_dir():
        tables["olist"] = olist(folder)
    else:
        print("no folder olist-sample in CORESET_DATA: Covertype alone")
    said, ended = [], []
    for name, data in tables.items():
        print(data)
        how = {"seeds": count, "show": False}
        tenth = convergence(data, METHODS, budgets=CRAIGS, **how)
        few = {"budgets": FASTCORES, "optimizers": "sgd", **how}
        hundredth, machines = (convergence(data, METHODS, model=m, **few) for m in ("logistic", "svm"))
        for model, found in (("logistic", tenth), ("logistic", hundredth), ("svm", machines)):
            ended += ends(name, model, found)
        print(
            pandas.DataFrame([row for row in ended if row["data"] == name]).drop(columns="data").to_string()
        )
        for row in claims(name, tenth, hundredth, machines):
            said.append(row)
            shown = ", ".join(
                f"{word} {row[word]:g}" for word in ("difference", "low", "high") if word in row
            )
            print(f"{row['says']}: {row['paper']}: {row['claim']}: {shown}", flush=True)
    if load > QUIET:
        print(
            f"load {load:.2f} at the start: nothing is written, since the seconds are not this program's alone"
        )
        return
    sizes = {name: len(data) for name, data in tables.items()}
    write("training-convex", said, n=sizes, ends=ended, load_before=round(load, 2))


if __name__ == "__main__":
    main(*sys.argv[1:])
