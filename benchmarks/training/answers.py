"""Three questions on real pictures: do choices transfer between models, what do bad data do, are weights better drawn?

    CORESET_DATA=… python benchmarks/training/answers.py [question] [mnist | fashion-mnist] [rows, 0 is all] [seeds]

transfer     GradSimCore's tables 3 and 4: chosen by one of mlp, LeNet and cnn, trained by each; 1 and 5 %, three seeds
robustness   5 % of data whose classes were cut, whose labels are wrong, whose rows stand twice; five seeds
errors       GRAD-MATCH's table 8: how far what is trained on is from all rows' gradient, after every epoch; three seeds
drawn        CRAIG on 5 %, chosen once and anew: its weights as factors of the loss, tempered, clipped, or as chances

Cells are kept in the cache folder, so that this can be stopped and goes on.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from machine import write
from rows import some
from verdicts import verdict

from coreset_explore.labs.training import Setting, frame, run
from coreset_explore.labs.training.questions import gradient_error, robustness, transfer
from coreset_explore.machine import cache
from coreset_explore.machine.threads import threads

EPOCHS, EVERY = 40, 4
RECIPE = {"batch_size": 32, "test_every": EPOCHS}
CHOSEN = ["Random", "GraphCut", "GradSimCore", "CRAIG", "GRAD-MATCH"]
MODELS = ["mlp", "lenet", "cnn"]
HARD = ["RANDOM", "CRAIG", "CRAIGPB", "GRAD-MATCHPB", "GRAD-MATCHPB-Warm", "GLISTER", "GradSimCore"]
ANEW = "RANDOM re-drawn"
NEAR = ["CRAIG", "CRAIGPB", "GLISTER", "GRAD-MATCH", "GRAD-MATCHPB"]
NEARER = {"GRAD-MATCH": ["CRAIG", "GLISTER", ANEW], "GRAD-MATCHPB": ["CRAIGPB", "GLISTER", ANEW]}


def means(found, by: list[str]) -> list[dict]:
    """Mean accuracy in percent, its deviation, and how many runs failed, a row a group."""
    rows = []
    for name, part in found.groupby(by, sort=False):
        row = dict(zip(by, name, strict=True))
        row |= {"seeds": int(part.accuracy.count()), "accuracy": round(100 * float(part.accuracy.mean()), 2)}
        row |= {"sd": round(100 * float(part.accuracy.std()), 2), "failed": int(part.accuracy.isna().sum())}
        rows.append(row)
    return rows


def against(found, names: str, other: str, within: list[str], said: str) -> list[dict]:
    """A claim a name, that it is better than the other, in every group apart."""
    rows = []
    for group, part in found.groupby(within, sort=False):
        wide = part.pivot_table(index="seed", columns=names, values="accuracy", dropna=False)
        about = ", ".join(map(str, group))
        for name in wide:
            if name != other:
                claim = f"{about}: {name} is better than {other}"
                rows.append({"paper": said, "claim": claim, **verdict(wide[name] - wide[other])})
    return rows


def transferred(data, seeds: int, store: Path) -> tuple[list[dict], list[dict]]:
    setting = Setting(data, "lenet", epochs=EPOCHS, recipe=RECIPE)
    found = transfer(setting, CHOSEN, MODELS, budgets=[0.01, 0.05], seeds=seeds, store=store, show=False)
    groups = ["budget", "selected_by", "trained"]
    claims = against(found, "strategy", "Random", groups, "GradSimCore, tables 3 and 4")
    return means(found, ["strategy", *groups]), claims


def hardened(data, seeds: int, store: Path) -> tuple[list[dict], list[dict]]:
    setting = Setting(data, "lenet", epochs=EPOCHS, every=EVERY, recipe=RECIPE)
    found = robustness(setting, HARD, budgets=0.05, seeds=seeds, store=store, show=False)
    rows = means(found, ["variant", "regime"])
    for row, (_, part) in zip(rows, found.groupby(["variant", "regime"], sort=False), strict=True):
        for name in (name for name in found if name.startswith("share_")):
            if part[name].notna().any():
                row[name] = round(float(part[name].mean()), 3)
    return rows, against(found, "regime", ANEW, ["variant"], "GRAD-MATCH, figures 3 and 4; no paper asks")


def errors(data, seeds: int, store: Path) -> tuple[list[dict], list[dict]]:
    """Of each regime the mean over its epochs; `store` stays empty, since these are no accuracies."""
    setting = Setting(data, "lenet", epochs=EPOCHS, every=EVERY, recipe=RECIPE)
    found = gradient_error(setting, NEAR, budget=0.05, seeds=seeds, show=False)
    wide = found.pivot_table(index="seed", columns="regime", values="error")
    late = found[found.age >= found.age.max()].pivot_table(index="seed", columns="regime", values="error")
    rows = [
        {
            "regime": name, "seeds": len(wide), "error": round(float(wide[name].mean()), 3),
            "sd": round(float(wide[name].std()), 3), "before the next choice": round(float(late[name].mean()), 3),
        }
        for name in wide
    ]  # fmt: skip
    claims = [
        {
            "paper": "GRAD-MATCH, table 8",
            "claim": f"{name}'s gradient error, over its epochs, is below {other}'s",
            **verdict(wide[other] - wide[name]),
        }
        for name, others in NEARER.items()
        for other in others
    ]
    return rows, claims


def drawn(data, seeds: int, store: Path) -> tuple[list[dict], list[dict]]:
    setting = Setting(data, "lenet", epochs=EPOCHS, every=EVERY, recipe=RECIPE)
    hows = {
        "factors": {},
        "factors, tempered by half": {"temper": 0.5},
        "factors, clipped at 5": {"clip": 5.0},
        "chances": {"weights": "drawn"},
    }
    regimes = [
        {"strategy": "CRAIG", "name": f"{kind}, {name}", "every": every, "how": how}
        for kind, every in (("once", EPOCHS), ("anew", EVERY))
        for name, how in hows.items()
    ]
    found = frame(run(setting, regimes, budgets=0.05, seeds=seeds, store=store, show=False))
    wide = found.pivot_table(index="seed", columns="regime", values="accuracy", dropna=False)
    claims = [
        {
            "paper": "no paper asks",
            "claim": f"CRAIG chosen {kind}: weights as chances are better than {name}",
            **verdict(wide[f"{kind}, chances"] - wide[f"{kind}, {name}"]),
        }
        for kind in ("once", "anew")
        for name in hows
        if name != "chances"
    ]
    return means(found, ["regime"]), claims


ASKED = {
    "errors": (errors, "3"),
    "transfer": (transferred, "3"),
    "robustness": (hardened, "5"),
    "drawn": (drawn, "5"),
}


def main(question: str = "drawn", name: str = "fashion-mnist", rows: str = "0", seeds: str = "") -> None:
    answer, usual = ASKED[question]
    data, load = some(name, int(rows)), os.getloadavg()[0]
    about = f"{question}-{name}-{len(data)}"
    with threads() as count:
        print(f"{data!r}\n{count} threads, load {load:.2f}", flush=True)
        found, claims = answer(data, int(seeds or usual), cache.folder() / f"{about}.sqlite")
    for claim in claims:
        print("  ".join(f"{word}={value}" for word, value in claim.items()))
    more = {"n": len(data), "epochs": EPOCHS, "threads": count, "load_before": round(load, 2)}
    write(f"training-{about}", found, claims=claims, **more)


if __name__ == "__main__":
    main(*sys.argv[1:])
