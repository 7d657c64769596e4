"""Whether one way of training beats another: paired differences, their interval, and Wilcoxon's test, exact."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from coreset_explore.inputs import checks

PAIRED = ("budget", "seed")


def signed_rank(differences: Sequence[float]) -> float:
    """p of Wilcoxon's signed-rank test, two-sided and exact, for m paired differences.

    Zeros are left out and equal sizes share their mean rank (Wilcoxon 1945); of all 2^m signs the share whose rank sum
    is at least as far from its middle, counted sum by sum in m·m² steps. So p is never below 2 / 2^m: .0625 for five.

    >>> from coreset_explore.experiment.significance import signed_rank
    >>> signed_rank([0.3, 0.1, 0.2, 0.5, 0.4])
    0.0625
    """
    given = [d for d in differences if d != 0 and not math.isnan(d)]
    if not given:
        return 1.0
    ranks = _doubled_ranks([abs(d) for d in given])
    total = sum(ranks)
    ways = [1] + [
        0
    ] * total  # of reaching each sum of doubled ranks by some signs: whole numbers, however many
    for rank in ranks:
        for at in range(total, rank - 1, -1):
            ways[at] += ways[at - rank]
    positive = sum(rank for rank, d in zip(ranks, given, strict=True) if d > 0)
    far = abs(2 * positive - total)
    count = sum(many for at, many in enumerate(ways) if abs(2 * at - total) >= far)
    return count / 2 ** len(given)


def significance(frame, value: str = "accuracy", rows: str = "regime", against: str | None = None):
    """A tidy frame, a row for each two regimes: paired over the budgets and seeds that both have.

    Columns: `regime` and `other`, `pairs`, `difference` (mean of regime less other), `low` and `high` (its 95 %
    interval, Student's), `p` (`signed_rank`), `least_p` (what so many pairs can show at best), `holm` (p among all rows
    here, after Holm 1979), and `says`: "better", "worse", or "not decided", at .05 of `holm`. `against` compares with
    that regime alone. The paper tests one-sided and over datasets; pairs of several budgets of one seed are not
    independent of each other, so that p is a little too small.

    >>> import pandas
    >>> from coreset_explore.experiment.significance import significance
    >>> runs = [("A", 0.8 + s / 100, s) for s in range(5)] + [("B", 0.7 + s / 90, s) for s in range(5)]
    >>> frame = pandas.DataFrame(runs, columns=["regime", "accuracy", "seed"]).assign(budget=60)
    >>> found = significance(frame, against="B")
    >>> found[["regime", "other", "pairs", "p", "says"]]
      regime other  pairs       p         says
    0      A     B      5  0.0625  not decided
    """
    import pandas

    names = list(dict.fromkeys(frame[rows]))
    if against is not None:
        checks.choice(against, "against", names)
    pairs = (
        itertools.combinations(names, 2) if against is None else ((n, against) for n in names if n != against)
    )
    wide = frame.pivot_table(index=list(PAIRED), columns=rows, values=value, aggfunc="first", dropna=False)
    found: list[dict[str, Any]] = []
    for one, other in pairs:
        missing = [name for name in (one, other) if name not in wide]
        d = [] if missing else (wide[one] - wide[other]).dropna().tolist()
        found.append({"regime": one, "other": other, "pairs": len(d), **_compared(d)})
    order = sorted(range(len(found)), key=lambda i: found[i]["p"])
    holm = 0.0
    for place, i in enumerate(order):
        holm = max(holm, min(1.0, (len(found) - place) * found[i]["p"]))
        way = "better" if found[i]["difference"] > 0 else "worse"
        found[i] |= {"holm": holm, "says": way if holm <= 0.05 else "not decided"}
    columns = [
        "regime", "other", "pairs", "difference", "low", "high", "p", "least_p", "holm", "says"
    ]  # fmt: skip
    return pandas.DataFrame(found, columns=columns)


def matrix(found):
    """`significance(frame)` as a square of p, a row and a column a regime; NaN on the diagonal."""
    import pandas

    names = list(dict.fromkeys([*found.regime, *found.other]))
    square = pandas.DataFrame(float("nan"), names, names)
    for row in found.itertuples():
        square.loc[row.regime, row.other] = square.loc[row.other, row.regime] = row.p
    return square


def remark(found) -> str:
    """One sentence where so few pairs cannot decide anything, whatever they say; empty where they can."""
    short = found[found.least_p > 0.05]
    if short.empty:
        return ""
    pairs = int(short.pairs.max())
    return (
        f"{pairs:,} pairs cannot bring p below {2 / 2**pairs if pairs else 1:.4g}: nothing is decided by them "
        "alone; run six seeds or more, or several budgets"
    )


def _compared(d: list[float]) -> dict[str, float]:
    from scipy.stats import t

    m = len(d)
    mean = sum(d) / m if m else math.nan
    spread = math.sqrt(sum((x - mean) ** 2 for x in d) / (m - 1) / m) if m > 1 else math.nan
    reach = float(t.ppf(0.975, m - 1)) * spread if m > 1 else math.nan
    least = min(1.0, 2 / 2**m)
    interval = {"difference": mean, "low": mean - reach, "high": mean + reach}
    return {**interval, "p": signed_rank(d), "least_p": least}


def _doubled_ranks(sizes: list[float]) -> list[int]:
    """Twice the rank of each, from 1, equal ones sharing theirs: whole numbers."""
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    ranks, at = [0] * len(sizes), 0
    while at < len(order):
        end = at
        while end < len(order) and sizes[order[end]] == sizes[order[at]]:
            end += 1
        for i in order[at:end]:
            ranks[i] = at + 1 + end
        at = end
    return ranks
