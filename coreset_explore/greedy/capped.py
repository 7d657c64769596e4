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
    above = np.zeros(n + 1)
    above[:-1] = ordered[::-1].cumsum()[::-1]  # Σ of those from here on
    breaks = np.concatenate([ordered - 1, ordered])
    breaks.sort()

    def beyond(level: np.ndarray) -> np.ndarray:
        """Σ max(v − level, 0)."""
        first = ordered.searchsorted(level, side="right")
        return above[first] - (n - first) * level

    sums = beyond(breaks) - beyond(breaks + 1)  # from n down to 0
    at = min(max(int((-sums).searchsorted(-k, side="right")), 1), len(breaks) - 1)
    low, high, before, after = breaks[at - 1], breaks[at], sums[at - 1], sums[at]
    tau = low + (high - low) * (before - k) / (before - after) if before > after else low
    return (v - tau).clip(0.0, 1.0)
