"""Herding: rows as bytes, from which a lower bound of every row's distance is read, and the nearest row to be exact.

Row i about the mean, c_i = x_i − μ, is scale_i·q_i + e_i with q_i of int8: a quarter of the bytes, and ‖e_i‖ says how
far an inner product can be off.
"""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.loop import compiled

ROUNDING = 1e-5  # no inner product in float32 is further off than this share of the lengths
TAKEN = np.float32(3e38)  # in `half`: a row that is picked already
EQUAL = 1e-12  # distances this near (relative) are equal


@compiled
def pack(x, mean, start, end, q, scale, slack, half):
    """Rows from start to end as bytes `q` (n, d) times `scale`; ‖e_i‖ with rounding in `slack`, ‖c_i‖²/2 in `half`."""
    for i in range(start, end):
        row, own = x[i], q[i]
        most, square = 0.0, 0.0
        for f in range(row.size):
            value = row[f] - mean[f]
            most = max(most, abs(value))
            square += value * value
        step = np.float32(most / 127.0)
        inverse = 1.0 / step if step > 0 else 0.0
        lost = 0.0
        for f in range(row.size):
            value = row[f] - mean[f]
            whole = np.floor(value * inverse + 0.5)
            own[f] = np.int8(whole)
            value -= whole * step
            lost += value * value
        scale[i], half[i] = step, square / 2
        slack[i] = np.sqrt(lost) + ROUNDING * np.sqrt(square)


@compiled
def bounds(q, scale, slack, half, pull, length, start, end, low):
    """Lower bounds of ‖c_i‖²/2 + c_i·pull for rows from start to end; returns the least upper bound of them.

    `length` is ‖pull‖.
    """
    least = np.float32(np.inf)
    for i in range(start, end):
        row, inner = q[i], np.float32(0.0)
        for f in range(row.size):
            inner += np.float32(row[f]) * pull[f]
        value = half[i] + scale[i] * inner
        doubt = slack[i] * length + np.float32(1e-6) * half[i]
        low[i] = value - doubt
        least = min(least, value + doubt)
    return least


@compiled
def nearest(x, mean, half, pull, low, least):
    """The first free row of least ‖c_i‖²/2 + c_i·pull in float64; only rows whose bound allows it are measured."""
    where, best, ceiling = -1, np.inf, np.float64(least)
    for i in range(low.size):
        if low[i] <= ceiling and half[i] < TAKEN:
            row, square, inner = x[i], 0.0, 0.0
            for f in range(row.size):
                value = row[f] - mean[f]
                square += value * value
                inner += value * pull[f]
            value = square / 2 + inner
            if where < 0 or value < best - EQUAL * (square + abs(inner)):
                where, best = i, value
                ceiling = min(ceiling, best)
    return where
