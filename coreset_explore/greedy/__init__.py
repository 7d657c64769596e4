"""The shared cores of selection: lazy greedy, farthest first, matching pursuit, ridge regressions. No policy.

Rows stand in id order (`by_id`), so that "the first of equals" is the smallest id. On a CPU the loops are compiled
(`compiled`); elsewhere, or with `compiled=False`, they are torch operations on the device where the tensors are.
"""

from coreset_explore.greedy.facility import cover, distances
from coreset_explore.greedy.farthest import farthest_first
from coreset_explore.greedy.given import Given, likeness
from coreset_explore.greedy.herding import herd
from coreset_explore.greedy.kmeanspp import spread
from coreset_explore.greedy.lazy import first_best, lazy_greedy
from coreset_explore.greedy.nearest import Distances, Near, apart, counted, nearest_pick, owner, owners
from coreset_explore.greedy.prefetch import Ahead, DistanceRows
from coreset_explore.greedy.pursuit import pursue, solve
from coreset_explore.greedy.similarity import Similarity
from coreset_explore.greedy.sparse import SparseCover
from coreset_explore.greedy.vectors import by_id, centered, double, points, squared_norms, total, unit
from coreset_explore.greedy.warm_up import warm

__all__ = [
    "Ahead", "DistanceRows", "Distances", "Given", "Near", "Similarity", "SparseCover", "apart", "by_id", "centered",
    "counted", "cover", "distances", "double", "farthest_first", "first_best", "herd", "lazy_greedy", "likeness",
    "nearest_pick", "owner", "owners", "points", "pursue", "solve", "spread", "squared_norms", "total", "unit", "warm",
]  # fmt: skip
