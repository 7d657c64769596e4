"""What rows would add to a sum of concave functions, one a feature, and lazy greedy on it."""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.heap import rise, sift
from coreset_explore.compiled.loop import compiled

EQUAL = 1e-9  # gains this near to the largest (relative) are equal: rounding must not decide between them


@compiled
def _gain(row, seen, worth, root):
    above, below, over, under = seen[0], seen[1], worth[0], worth[1]
    total = 0.0
    if root:
        for f in range(row.size):
            value = np.float64(row[f])
            # all are read before one is chosen, or the loop is not vectorized
            a, b, known_a, known_b = above[f], below[f], over[f], under[f]
            up = value > 0
            total += np.sqrt((a if up else b) + abs(value)) - (known_a if up else known_b)
    else:
        for f in range(row.size):
            value = np.float64(row[f])
            base = above[f] if value > 0 else below[f]
            total += np.log1p(base + abs(value)) - (over[f] if value > 0 else under[f])
    return total


@compiled
def gains(x, seen, worth, root, out):
    """out[i] = Σ_f φ(seen[s, f] + |x_if|) − worth[s, f], s = 0 where x_if > 0 and 1 elsewhere; φ is √ or log(1 + ·)."""
    for i in range(x.shape[0]):
        out[i] = _gain(x[i], seen, worth, root)


@compiled
def take(row, seen, worth, root):
    """Add a row's entries to what is seen, and restate `worth` = φ(seen)."""
    for f in range(row.size):
        side = 0 if row[f] > 0 else 1
        seen[side, f] += abs(row[f])
        worth[side, f] = np.sqrt(seen[side, f]) if root else np.log1p(seen[side, f])


@compiled
def lazy(x, seen, worth, root, heap, left, bound, known, picks, saved, made, limit, looks):
    """Lazy greedy: a gain only shrinks, so a row whose fresh gain still leads every old one is next.

    `heap` holds `left` rows by (bound descending, row), `known[row]` the picks made when its gain was computed. Gains
    equal but for rounding tie, and the first row is picked. Stops after `limit` picks or `looks` gains computed;
    returns the picks made and the rows left.
    """
    while made < limit and looks > 0:
        tied, least = 0, -np.inf  # rows of the largest gain are put behind the heap
        while left and looks > 0 and bound[heap[0]] >= least:
            row = heap[0]
            if known[row] != made:
                bound[row], known[row] = _gain(x[row], seen, worth, root), made
                looks -= 1
            else:
                if not tied:
                    least = bound[row] - EQUAL * abs(bound[row])
                tied, left = tied + 1, left - 1
                heap[0], heap[left] = heap[left], row
            if left:
                sift(heap, left, bound, 0)
        rows = heap[left : left + tied]
        if left == 0 or bound[heap[0]] < least:
            row = rows.min()
            for i in range(tied):
                if rows[i] == row:
                    rows[i] = rows[tied - 1]
            picks[made], saved[made] = row, bound[row]
            take(x[row], seen, worth, root)
            made, tied = made + 1, tied - 1
        for _ in range(tied):
            rise(heap, bound, left)
            left += 1
    return made, left
