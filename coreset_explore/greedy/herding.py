"""Herding: each pick is the row that keeps the mean of the picks nearest to the mean of all."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients
from coreset_explore.greedy.vectors import by_feature, centered, squared_norms, total
from coreset_explore.machine.threads import crew, workers
from coreset_explore.progress import track

WORTH = 2**23  # bytes read for a pick, a millisecond's work, that a second thread is woken for
PIECE = 2**26  # between two looks at whether to stop: some milliseconds


def herd(
    vectors: Gradients, k: int, given: Tensor, *, mean: Tensor | None = None, compiled: bool | None = None
) -> Tensor:
    """k rows, each of least ‖Σ_S g + g_i − (|S| + 1)·μ‖, the first of equals; given rows are in S.

    μ is `mean` (the shape of vectors.sum()), or that of the rows. Features on a CPU are read as bytes (n·d of memory),
    which leave a few rows a pick to be measured in float64.
    """
    squared_norms(vectors)  # refuses what no distance can be computed from
    if compiled is None:
        compiled = (
            isinstance(vectors, Dense) and vectors.device.type == "cpu" and vectors.g.dtype == torch.float32
        )
    return (_herd_compiled if compiled else _herd_torch)(vectors, k, given, mean)


def _herd_compiled(vectors: Dense, k: int, given: Tensor, goal: Tensor | None) -> Tensor:
    from coreset_explore.compiled import herding as loops

    x = vectors.g.detach().contiguous().numpy()
    n, d = x.shape
    mean = (total(vectors) / n if goal is None else goal.double()).numpy()
    q, low = np.empty((n, d), dtype=np.int8), np.empty(n, dtype=np.float32)
    scale, slack, half = (np.empty(n, dtype=np.float32) for _ in range(3))
    count = workers(n, max(1, WORTH // d))
    size = min(-(-n // count), max(1, PIECE // d))
    least = np.empty(count, dtype=np.float32)
    pull, rows = np.zeros(d), np.zeros(k, dtype=np.int64)

    def pack(worker: int, start: int, end: int) -> None:
        loops.pack(x, mean, start, end, q, scale, slack, half)

    def bound(worker: int, start: int, end: int) -> None:
        found = loops.bounds(q, scale, slack, half, short, length, start, end, low)
        least[worker] = min(least[worker], found)

    def take(row: int) -> None:
        nonlocal pull
        pull += x[row] - mean
        half[row] = loops.TAKEN

    with crew(count) as run:
        run(pack, n, size, "rows as bytes")
        for row in given.tolist():
            take(row)
        for made in track(range(k), "herding"):
            short, length = pull.astype(np.float32), np.float32(np.linalg.norm(pull) * (1 + 1e-6))
            least[:] = np.inf
            run(bound, n, size)
            rows[made] = loops.nearest(x, mean, half, pull, low, least.min())
            take(rows[made])
    return torch.from_numpy(rows)


def _herd_torch(vectors: Gradients, k: int, given: Tensor, goal: Tensor | None) -> Tensor:
    if isinstance(vectors, Dense):
        near = centered(vectors)
        if goal is not None:
            goal = goal.double() - (vectors.g[0].double() - near.g[0].double())
        vectors = Dense(by_feature(near.g))
    mean, held = vectors.sum() / len(vectors) if goal is None else goal, given.to(vectors.device)
    half = vectors.squared_norm() / 2
    half[held] = torch.inf
    pull = vectors[held].sum() - (len(held) + 1) * mean if len(held) else -mean
    rows: list[int] = []
    for _ in track(range(k), "herding"):
        distance = half + vectors.dot(pull.to(half.dtype))
        row = int((distance == distance.min()).nonzero()[0, 0])
        rows.append(row)
        half[row] = torch.inf
        pull += vectors[row : row + 1].sum() - mean
    return torch.tensor(rows, dtype=torch.int64)
