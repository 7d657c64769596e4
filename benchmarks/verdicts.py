"""Whether a claim holds, as far as paired differences can tell."""

from __future__ import annotations

import math
from typing import Any


def verdict(differences, mark: float = 0.0, below: bool = False) -> dict[str, Any]:
    """Mean of the differences, their 95 % interval (Student's), and on which side of the mark that lies.

    The claim is that they are above the mark, or `below` it; where the interval holds the mark, nothing is decided.
    """
    from scipy.stats import t

    d = differences.dropna()
    if len(d) < 2:
        return {"pairs": len(d), "says": "not decided"}
    mean, reach = float(d.mean()), float(t.ppf(0.975, len(d) - 1) * d.std() / math.sqrt(len(d)))
    low, high = mean - reach, mean + reach
    sides = ("holds", "does not hold") if below else ("does not hold", "holds")
    says = sides[0] if high < mark else sides[1] if low > mark else "not decided"
    found = {"pairs": len(d), "difference": mean, "low": low, "high": high}
    return {**{name: round(number, 5) for name, number in found.items()}, "says": says}
