"""The shared cores of greedy selection: lazy greedy, farthest first, matching pursuit. No policy.

Rows stand in id order (`by_id`), so that "the first of equals" is the smallest id. On a CPU the loops are compiled
(`kernels`); elsewhere, or with `compiled=False`, they are torch operations on the device where the tensors are.
"""

from coreset_explore._greedy_cover import cover, distances
from coreset_explore._greedy_farthest import farthest_first
from coreset_explore._greedy_pursuit import pursue, solve
from coreset_explore._greedy_rows import by_id, squared_norms, total, unit

__all__ = [
    "by_id",
    "cover",
    "distances",
    "farthest_first",
    "pursue",
    "solve",
    "squared_norms",
    "total",
    "unit",
]
