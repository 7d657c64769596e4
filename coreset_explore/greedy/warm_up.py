"""Compiled before it is needed."""

from functools import lru_cache

import torch

from coreset_explore.gradients import Dense, LastLayer
from coreset_explore.greedy.columns import Columns
from coreset_explore.greedy.facility import cover, distances
from coreset_explore.greedy.factored import Factored
from coreset_explore.greedy.farthest import farthest_first
from coreset_explore.greedy.herding import herd
from coreset_explore.greedy.pursuit import pursue


@lru_cache(maxsize=1)
def warm() -> None:
    """Compile the kernels on a handful of rows, so that the first real selection need not wait.

    Some seconds on a new machine (numba keeps the result on disk), then some tenths; once a process.
    """
    rows = torch.arange(24, dtype=torch.float32)
    vectors = LastLayer(torch.sin(rows).reshape(1, 8, 3), torch.cos(rows).reshape(1, 8, 3))
    nothing = torch.zeros(0, dtype=torch.int64)
    cover(distances(vectors), 3, nothing)
    farthest_first(vectors, 3, nothing)
    herd(Dense(vectors.h[0]), 3, nothing)
    for way in (Factored, Columns):
        pursue(vectors, vectors.sum(), 3, nothing, nonnegative=True, ridge=0.5, way=way)
