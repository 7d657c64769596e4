"""What rows would add to a sum of concave functions, one a feature."""

from __future__ import annotations

import numpy as np

from coreset_explore.kernels import compiled


@compiled
def gains(x, seen, worth, root, out):
    """out[i] = Σ_f φ(seen[s, f] + |x_if|) − worth[s, f], s = 0 where x_if > 0 and 1 elsewhere; φ is √ or log(1 + ·)."""
    for i in range(x.shape[0]):
        row, above, below, over, under = x[i], seen[0], seen[1], worth[0], worth[1]
        total = 0.0
        if root:
            for f in range(row.size):
                value = np.float64(row[f])
                base = above[f] if value > 0 else below[f]
                total += np.sqrt(base + abs(value)) - (over[f] if value > 0 else under[f])
        else:
            for f in range(row.size):
                value = np.float64(row[f])
                base = above[f] if value > 0 else below[f]
                total += np.log1p(base + abs(value)) - (over[f] if value > 0 else under[f])
        out[i] = total
