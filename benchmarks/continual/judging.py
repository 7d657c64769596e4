"""What the papers say of memories, each a paired difference over seeds with its interval and its verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where verdicts.py lies

from verdicts import verdict

FIGURE = {"gdumb": "GMC, figure 1", "replay": "GMC, figure 4"}
POINT = 0.01
Claims = list[dict]


def ended(found: pandas.DataFrame, scenario: str, paradigm: str = "gdumb") -> pandas.DataFrame:
    """Cells after the last task, a column a stream, a row a size and seed; four initializations."""
    last = found.task == found.groupby("scenario").task.transform("max")
    there = found[last & (found.scenario == scenario) & (found.paradigm == paradigm) & ~found.varied]
    return there.pivot_table(index=["capacity", "seed"], columns="stream", values="accuracy", dropna=False)


def over_sizes(differences: pandas.Series) -> pandas.Series:
    """A number a seed: differences of several sizes are not independent of each other."""
    return differences.dropna().groupby("seed").mean()


def gains(found: pandas.DataFrame, scenario: str, paradigm: str) -> Claims:
    """GMC against the reservoir at each size, and whether smaller memories gain more."""
    wide, said = ended(found, scenario, paradigm), []
    if "gmc" not in wide or "reservoir" not in wide:
        return said
    gain, where = (wide.gmc - wide.reservoir).dropna(), f"{scenario}, {paradigm}"
    sizes = sorted(gain.index.unique("capacity"))
    for size in sizes:
        claim = f"{where}, {size:,} rows: GMC is better than the reservoir"
        said.append({"paper": FIGURE[paradigm], "claim": claim, **verdict(gain[size])})
    if len(sizes) > 1:
        claim = f"{where}, over its sizes: GMC is better than the reservoir"
        said.append({"paper": FIGURE[paradigm], "claim": claim, **verdict(over_sizes(gain))})
        share = (wide.gmc / wide.reservoir - 1).dropna()
        claim = f"{where}: GMC's gain, as a share of the reservoir's accuracy, is larger at {sizes[0]:,} rows than at "
        told = verdict(share[sizes[0]] - share[sizes[-1]])
        said.append({"paper": FIGURE[paradigm], "claim": f"{claim}{sizes[-1]:,}", **told})
    return said


def against(
    found: pandas.DataFrame, scenario: str, paper: str, one: str, other: str, *, paradigm: str = "gdumb",
    below: bool = False, mark: float = 0.0, says: str = "",
) -> Claims:  # fmt: skip
    """One claim: a stream is better than another (or worse), over all sizes that both have."""
    wide = ended(found, scenario, paradigm)
    if one not in wide or other not in wide:
        return []
    words = says or ("is worse than" if below else "is better than")
    claim = f"{scenario}, {paradigm}: {one} {words} {other}"
    return [{"paper": paper, "claim": claim, **verdict(over_sizes(wide[one] - wide[other]), mark, below)}]


def initializations(found: pandas.DataFrame) -> Claims:
    """Is s = 4 enough? Twice as many are at most half a point better; and are four better than one?"""
    there = found[found.varied]
    said = []
    for scenario, part in there.groupby("scenario", sort=False):
        wide = part.pivot_table(index="seed", columns="inits", values="accuracy", dropna=False)
        size = int(part.capacity.iloc[0])
        where = f"{scenario}, GMC of {size:,} rows"
        if {4, 8} <= set(wide):
            claim = f"{where}: s = 8 is at most half a point better than s = 4"
            said.append({"paper": "GMC, C", "claim": claim, **verdict(wide[8] - wide[4], 0.005, below=True)})
        for few in (1, 2):
            if {few, 4} <= set(wide):
                claim = f"{where}: s = 4 is better than s = {few}"
                said.append({"paper": "no paper asks", "claim": claim, **verdict(wide[4] - wide[few])})
    return said


def of_tables(found: pandas.DataFrame) -> Claims:
    fails, sieve = "GMC, figure 1", "GMC, figure 3"
    said = [
        *gains(found, "sorted", "gdumb"),
        *gains(found, "iid", "gdumb"),
        *gains(found, "sorted", "replay"),
    ]
    for other in ("balanced", "window"):
        said += against(found, "sorted", fails, other, "reservoir", below=True)
    said += against(found, "iid", "no paper asks", "balanced", "reservoir", below=True)
    matches = "is at most a point worse than"
    said += against(found, "iid", sieve, "sieve", "reservoir", mark=-POINT, says=matches)
    said += against(found, "sorted", sieve, "sieve", "reservoir", below=True)
    return [*said, *others(found, "sorted")]


def of_pictures(found: pandas.DataFrame) -> Claims:
    name = "class-incremental"
    said = [*gains(found, name, "gdumb"), *gains(found, name, "replay")]
    said += against(found, name, "GMC, figure 1", "balanced", "reservoir")
    said += against(found, name, "GMC, figure 1", "gmc", "balanced")
    said += against(found, name, "GMC, figure 1", "window", "reservoir", below=True)
    return [*said, *others(found, name)]


def others(found: pandas.DataFrame, scenario: str) -> Claims:
    """The local variant, rules that the paper leaves out, how many initializations."""
    said = []
    for paradigm, paper in (("replay", "GMC, figure 5"), ("gdumb", "GMC, A.4, of replay")):
        for other in ("gmc", "reservoir"):
            said += against(found, scenario, paper, "gmc_local", other, paradigm=paradigm, below=True)
    for name in ("icarl", "online_kmeans", "ring", "sieve"):
        said += against(found, scenario, "no paper asks", "gmc", name)
    return [*said, *initializations(found)]


def of_rotated(found: pandas.DataFrame) -> Claims:
    said: Claims = []
    for scenario in found.scenario.unique():
        for other in ("reservoir", "online_kmeans", "gss"):
            said += against(found, scenario, "OCS, figure of rotated MNIST", "ocs", other, paradigm="replay")
        for name in ("ocs, τ = 0", "ocs, τ = 1"):
            for other in ("ocs", "reservoir"):
                said += against(found, scenario, "no paper asks", name, other, paradigm="replay")
    return said


CLAIMS: dict[str, Callable[[pandas.DataFrame], Claims]] = {
    "covertype": of_tables, "olist": of_tables, "fashion-mnist": of_pictures, "mnist": of_pictures,
    "rotated": of_rotated,
}  # fmt: skip
