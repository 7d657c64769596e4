"""The capped simplex: shares between 0 and 1 that add up to k. What "k of n rows" becomes where it may be fractions."""

from __future__ import annotations

import numpy as np


def onto_capped_simplex(v: np.ndarray, k: float) -> np.ndarray:
    """The point of {x (n,): 0 ≤ x ≤ 1, Σ x = k} nearest to v, 0 ≤ k ≤ n.

    x = clip(v − τ, 0, 1); the sum falls with τ, a straight line between neighbors among the 2n breaks v and v − 1, so τ
    is found exactly: O(n log n). With k = 1 it is the simplex, on which the cap never binds.
    """
    n = len(v)
    if k <= 0 or k >= n:
        return np.full(n, float(k >= n))
    ordered = np.sort(v)
    above = np.concatenate([np.cumsum(ordered[::-1])[::-1], [0.0]])  # Σ of those from here on
    breaks = np.concatenate([ordered - 1, ordered])
    breaks.sort(kind="stable")

    def beyond(level: np.ndarray) -> np.ndarray:
        """Σ max(v − level, 0)."""
        first = np.searchsorted(ordered, level, side="right")
        return above[first] - (n - first) * level

    sums = beyond(breaks) - beyond(breaks + 1)
    last = int(np.searchsorted(-sums, -k, side="right")) - 1  # the last break whose sum is k or more
    if last < 0:
        last = 0  # rounding alone: the sum at the first break is n
    low, high = breaks[last], breaks[min(last + 1, len(breaks) - 1)]
    fall = sums[last] - sums[min(last + 1, len(breaks) - 1)]
    tau = low if fall <= 0 else low + (high - low) * (sums[last] - k) / fall
    return np.clip(v - tau, 0.0, 1.0)
