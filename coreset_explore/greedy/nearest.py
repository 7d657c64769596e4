"""Which pick stands for each row, after each of several budgets of one order, however rows are compared.

n rows, k picks. What compares them answers `closeness`, larger where nearer, and `apart`, a distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import Protocol

import torch
from torch import Tensor

from coreset_explore.gradients import Gradients
from coreset_explore.greedy.vectors import double, squared_between
from coreset_explore.progress import check, track

ROWS = 2048  # rows of one block: with 2,000 picks a step of some 30 ms
WIDTH = 1024  # picks of one block


class Near(Protocol):
    """How rows are compared: `Distances`, or a `Similarity`."""

    vectors: Gradients

    def closeness(self, rows: Tensor, columns: slice) -> Tensor:
        """(rows, columns), larger where nearer: comparable along the rows, for one column."""

    def squared_apart(self, a: Tensor, b: Tensor) -> Tensor:
        """Squared distance (m,) float64 of rows a to rows b, two and two."""


class Distances:
    """Euclidean distances between rows, nearest found by products in their own precision."""

    def __init__(self, vectors: Gradients):
        self.vectors = vectors
        self.half = vectors.squared_norm() / 2

    def closeness(self, rows: Tensor, columns: slice) -> Tensor:
        """x·p − ‖p‖²/2: what −‖x − p‖²/2 is but for the column's own norm."""
        return self.vectors[columns].cross(self.vectors[rows]).sub_(self.half[rows]).T

    def squared_apart(self, a: Tensor, b: Tensor) -> Tensor:
        return squared_between(double(self.vectors[a]), double(self.vectors[b]))


def owners(
    near: Near, rows: Tensor, budgets: Sequence[int], label: str = "nearest picks"
) -> Iterator[Tensor]:
    """The place in `rows` of the nearest of the first b picks (n,), for every budget b (ascending).

    Ties go to the earlier pick, a pick is its own. One pass over n x k products whatever the number of budgets,
    ROWS x WIDTH memory beside the rows.
    """
    n, device = len(near.vectors), near.vectors.device
    rows = rows.to(device)
    best = torch.full((n,), -torch.inf, dtype=torch.float64, device=device)
    owner = torch.zeros(n, dtype=torch.int64, device=device)
    spans = [
        (first, min(first + WIDTH, end))
        for start, end in pairwise([0, *budgets])
        for first in range(start, end, WIDTH)
    ]
    for (first, end), start in track(list(product(spans, range(0, n, ROWS))), label):
        part = slice(start, min(start + ROWS, n))
        value, pick = near.closeness(rows[first:end], part).max(0)
        owner[part] = torch.where(value > best[part], pick + first, owner[part])
        best[part] = torch.maximum(best[part], value)
        if part.stop == n:
            own = rows[first:end]
            owner[own], best[own] = torch.arange(first, end, device=device), torch.inf
            if end in budgets:
                yield owner.clone()


def owner(near: Near, rows: Tensor) -> Tensor:
    """The place in `rows` of the nearest of all picks (n,)."""
    return list(owners(near, rows, [len(rows)]))[-1]


def apart(near: Near, a: Tensor, b: Tensor) -> Tensor:
    """Distance (m,) float64 of rows a to rows b, two and two; measured by differences, so that nothing cancels."""
    found = torch.zeros(len(a), dtype=torch.float64, device=near.vectors.device)
    for start in range(0, len(a), ROWS):
        check()
        part = slice(start, start + ROWS)
        found[part] = near.squared_apart(a[part], b[part]).clamp_min(0).sqrt()
    return found


def nearest_pick(vectors: Gradients, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Which pick each row is nearest to (n,), as its place in `rows`, and the Euclidean distance (n,). n·k·d."""
    near = Distances(vectors)
    found = owner(near, rows)
    return found, apart(
        near, torch.arange(len(vectors), device=vectors.device), rows.to(vectors.device)[found]
    ).float()
