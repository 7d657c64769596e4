"""GMC's figures 1 to 5 and OCS's rotated digits, as far as an hour of one core goes; each claim with its verdict.

    CORESET_DATA=… python benchmarks/continual/claims.py [covertype | olist | fashion-mnist | mnist | rotated] [seeds]

covertype      16,001 rows in the order of their elevation and at random, ten parts; mlp
olist          6,102 orders of a shop, by the days that they took, and at random; mlp
fashion-mnist  two classes a task; LeNet
mnist          the same
rotated        digits at ten angles, all classes and few of some; LeNet that goes on, with replay

Without a name all of them. Memories are matched as GMC does it (s = 4, d = 2,000, by count sketches). On tables GDumb
trains by the paper's recipe, 200 epochs in batches of 100; LeNet by QUICK, 50 in batches of 32, which are a few updates
less; replay for as many epochs of a task as stand beside it below. Cells are kept in the cache folder, so that this can
be stopped, and goes on; after each seed the results are written anew.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where machine.py lies

from judging import CLAIMS
from machine import write
from rows import olist, some

from coreset_explore.labs.continual import (
    PAPER,
    Setting,
    class_incremental,
    frame,
    iid_incremental,
    imbalanced,
    rotated,
    run,
    sorted_by,
)
from coreset_explore.labs.continual.questions import ablate, final
from coreset_explore.machine import cache
from coreset_explore.machine.threads import threads

ALL = ("reservoir", "window", "ring", "balanced", "gmc", "online_kmeans", "sieve")
ASKING = ("icarl", "gmc_local")  # that have the model, so that one is trained after each task
FEW = ("reservoir", "window", "balanced", "gmc")
INITS = (1, 2, 8)  # beside 4


@dataclass(frozen=True)
class Part:
    """Streams at some sizes in one scenario. `each`: judged after each task, for accuracy over time."""

    scenario: str
    setting: Setting
    streams: tuple[Any, ...]
    sizes: tuple[int, ...]
    paradigm: str = "gdumb"
    recipe: Mapping[str, Any] = field(default_factory=dict)
    each: bool = False
    inits: bool = False  # by other numbers of initializations too, of one stream


@dataclass(frozen=True)
class Study:
    """What is asked of one dataset, and what was left out of it for time."""

    model: str
    parts: tuple[Part, ...]
    seeds: int
    left_out: str


def tables(data: Any, sizes: tuple[int, ...], more: bool, left_out: str) -> Study:
    ordered, one = sorted_by(data), (500,)
    parts = [
        Part("sorted", ordered, ALL, sizes, recipe=PAPER),
        Part(
            "iid", iid_incremental(data), ("reservoir", "balanced", "gmc", "sieve"), (100, 500), recipe=PAPER
        ),
    ]
    if more:
        parts += [
            Part("sorted", ordered, ASKING, one, recipe=PAPER),
            Part("sorted", ordered, (*FEW, "sieve", "gmc_local"), one, "replay", {"epochs": 10}),
            Part("sorted", ordered, ("gmc",), (200,), recipe=PAPER, inits=True),
        ]
    return Study("mlp", tuple(parts), 5, left_out)


def pictures(name: str, more: bool, left_out: str) -> Study:
    setting, one = class_incremental(some(name, 12_000)), (500,)
    parts = [Part("class-incremental", setting, ALL if more else FEW, (100, 500))]
    if more:
        parts += [
            Part("class-incremental", setting, ASKING, one),
            Part("class-incremental", setting, (*FEW, "gmc_local"), one, "replay", {"epochs": 5}),
            Part("class-incremental", setting, FEW, (1000,), each=True),
        ]
    return Study("lenet", tuple(parts), 3, left_out)


def turned() -> Study:
    setting = rotated(some("mnist", 4000), tasks=10)
    weaker = ({"stream": "ocs", "params": {"tau": tau}, "name": f"ocs, τ = {tau:g}"} for tau in (0.0, 1.0))
    streams = ("reservoir", "online_kmeans", "gss", "ocs", *weaker)
    how = streams, (100,), "replay", {"epochs": 5, "batch_size": 10}
    parts = Part("rotated", setting, *how), Part("rotated, imbalanced", imbalanced(setting), *how)
    return Study("lenet", parts, 5, "MNIST's other 56,000 rows, ten of the paper's twenty angles, its mlp")


SMALLER = "48,000 rows, the paper's network of four blocks, 150 of its 200 epochs"
SMALL = (100, 200, 500)
LARGER, LARGE = "memories of 2,000 and 5,000 rows", "memories of 1,000, 2,000 and 5,000 rows"
ASKED = "replay, rules that ask the model"
ONCE = "other numbers of initializations than 4, which olist has"
STUDIES: dict[str, Callable[[], Study]] = {
    "covertype": lambda: tables(
        some("covertype", 0), SMALL, False, f"561,012 rows; {LARGE}; {ASKED}, {ONCE}"
    ),
    "olist": lambda: tables(
        olist(Path(os.environ["CORESET_DATA"]) / "olist-sample"), (*SMALL, 1000), True, LARGER
    ),
    "rotated": turned,
    "fashion-mnist": lambda: pictures("fashion-mnist", True, f"{SMALLER}; {LARGER}; {ONCE}"),
    "mnist": lambda: pictures("mnist", False, f"{SMALLER}; {LARGE}; other rules; replay"),
}


def ran(part: Part, model: str, seed: int, store: Path) -> pandas.DataFrame:
    """One part's cells of one seed: those of `frame`, with scenario, paradigm, inits and each."""
    how = {"model": model, "recipe": part.recipe, "paradigm": part.paradigm, "seeds": [seed], "store": store}
    how |= {"judged": "each" if part.each else "last", "show": False}
    if part.inits:
        found = ablate(part.setting, part.streams[0], {"inits": INITS}, capacity=part.sizes, **how)
        found["inits"] = found.value.fillna(4).astype(int)
    else:
        records = list(run(part.setting, part.streams, capacity=part.sizes, **how))
        classes = [sum(count > 0 for count in r.numbers["counts"]) if r.numbers else None for r in records]
        found = frame(records).assign(inits=4, classes=classes)
    return found.assign(
        scenario=part.scenario, paradigm=part.paradigm, each=part.each, varied=part.inits, seed=seed
    )


def rows(found: pandas.DataFrame) -> list[dict]:
    """A row a scenario, paradigm, size, stream and task that was judged: means and deviations over seeds."""
    made = []
    by = ["scenario", "paradigm", "each", "varied", "capacity", "stream", "inits", "task"]
    for place, part in found.groupby(by, sort=False):
        row = dict(zip(by, place, strict=True))
        row |= {"seeds": int(part.accuracy.count()), "accuracy": round(float(part.accuracy.mean()), 5)}
        row |= {"sd": round(float(part.accuracy.std(ddof=1)), 5) if len(part) > 1 else None}
        for name in ("rows", "held", "effective_size", "gradient_error", "update_seconds", "train_seconds"):
            row[name] = float(f"{part[name].mean():.4g}")
        if part.classes.notna().any():
            row["classes"] = round(float(part.classes.mean()), 1)
        row["failed"] = [text for text in part.failed if text]
        made.append(row)
    return made


def main(name: str = "", seeds: str = "") -> None:
    for one in [name] if name else STUDIES:
        study, store = STUDIES[one](), cache.folder() / f"continual-{one}.sqlite"
        load, found = round(os.getloadavg()[0], 2), []
        about = {"model": study.model, "left_out": study.left_out, "load_before": load}
        with threads() as count:
            for seed in range(int(seeds or study.seeds)):
                for part in study.parts:
                    begun = time.perf_counter()
                    found.append(ran(part, study.model, seed, store))
                    what = f"{part.scenario}, {part.paradigm}{', each' * part.each}{', inits' * part.inits}"
                    print(
                        f"{one} {seed} {what}: {time.perf_counter() - begun:.0f} s, {_told(found[-1])}",
                        flush=True,
                    )
                told = pandas.concat(found, ignore_index=True)
                n = len(study.parts[0].setting.data)
                more = {**about, "n": n, "seeds": seed + 1, "threads": count}
                write(f"continual-{one}", rows(told), claims=CLAIMS[one](told), **more)


def _told(found: pandas.DataFrame) -> str:
    last = final(found)
    return ", ".join(f"{row.stream} {row.capacity} {row.accuracy:.3f}" for row in last.itertuples())


if __name__ == "__main__":
    main(*sys.argv[1:])
