"""Which pick stands for each row, after each of several budgets of one order, however rows are compared.

n rows, k picks. What compares them answers `nearest`, which of some picks that is, and `squared_apart`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients
from coreset_explore.greedy.given import Given
from coreset_explore.greedy.vectors import centered, double, middle, row_max, squared_between
from coreset_explore.progress import check, track

ROWS = 2048  # rows of one block, or four times as many of few picks: a step of some 30 ms
WIDTH = 1024  # picks of one block
DOUBT, EQUAL = 1e-5, 1e-12  # shares of the lengths: no product in float32 is further off; in float64, equal


class Computed(Protocol):
    """How rows are compared by their vectors: `Distances`, or a `Similarity`."""

    vectors: Gradients

    def nearest(self, rows: Tensor, columns: slice) -> tuple[Tensor, Tensor, Tensor]:
        """For each column the place in `rows` of the nearest (the first of equals), how near, and the doubt of that.

        Nearness (columns,) is larger where nearer and compares along one column; it is wrong by the doubt at most.
        """

    def squared_apart(self, a: Tensor, b: Tensor) -> Tensor:
        """Squared distance (m,) float64 of rows a to rows b, two and two."""


Near = Computed | Given  # however rows are compared


class Distances:
    """Euclidean distances between rows; the nearest is found by products, and by float64 where these cannot tell.

    Features are moved to near their mean first (`centered`), so that few rows are left to float64; a last layer's
    gradients cannot be moved, and features of a large mean behind them leave it many.
    """

    def __init__(self, vectors: Gradients):
        self.given, self.vectors = vectors, centered(vectors)
        self.point = middle(vectors.g) if isinstance(vectors, Dense) else None
        self.half = self.vectors.squared_norm() / 2
        self.length = (2 * self.half).sqrt()

    def nearest(self, rows: Tensor, columns: slice) -> tuple[Tensor, Tensor, Tensor]:
        """By x·p − ‖p‖²/2, which is −‖x − p‖²/2 but for the column's own norm; n·k·d in the vectors' own precision."""
        share = DOUBT if self.half.dtype == torch.float32 else EQUAL
        length, own = self.length[rows], self.length[columns]
        # No value is wrong by more than this share of ‖p‖·‖x‖ + ‖p‖². All are raised by it: whoever is then still below
        # the best less its own is farther.
        value = self.vectors[columns].cross(self.vectors[rows]).sub_((1 - 2 * share) * self.half[rows])
        top, at = row_max(value.addr_(own, length, alpha=share))
        doubt = share * length[at] * (own + length[at])
        rival = value.scatter_(1, at[:, None], -torch.inf).amax(1)
        unsure = (rival >= top - 2 * doubt).nonzero().flatten()
        near, doubt = (top - doubt).double(), doubt.double()
        if len(unsure):
            at[unsure], near[unsure], doubt[unsure] = self._settled(rows, unsure + columns.start)
        return at, near, doubt

    def _settled(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same in float64, for some columns."""
        picks, others = self._wide(rows), self._wide(columns)
        half = picks.squared_norm() / 2
        length, own = (2 * half).sqrt(), others.norm()
        value = others.cross(picks).sub_(half)
        top, at = value.max(1)
        doubt = EQUAL * length[at] * (own + length[at])
        places = torch.arange(len(half), device=half.device)
        at = torch.where(value >= (top - doubt)[:, None], places, len(half)).amin(1)  # max promises no first
        return at, value.gather(1, at[:, None])[:, 0], EQUAL * length[at] * (own + length[at])

    def _wide(self, rows: Tensor) -> Gradients:
        """Some rows in float64, at the same point as all: nearness depends on where 0 lies."""
        wide = double(self.given[rows])
        return Dense(wide.g - self.point) if isinstance(wide, Dense) else wide

    def squared_apart(self, a: Tensor, b: Tensor) -> Tensor:
        return squared_between(double(self.given[a]), double(self.given[b]))


def owners(
    near: Near, rows: Tensor, budgets: Sequence[int], label: str = "nearest picks"
) -> Iterator[Tensor]:
    """The place in `rows` of the nearest of the first b picks (n,), for every budget b (ascending).

    Ties go to the earlier pick, a pick is its own; by similarities that were given a row may be no pick's, −1. One
    pass over n x k products whatever the number of budgets, ROWS x WIDTH memory beside the rows.
    """
    n, device = len(near.vectors), near.vectors.device
    rows = rows.to(device)
    if isinstance(near, Given):
        yield from near.owners(rows, budgets, label)
        return
    best = torch.full((n,), -torch.inf, dtype=torch.float64, device=device)
    slack = torch.zeros_like(best)  # by how much `best` may be wrong
    owner = torch.zeros(n, dtype=torch.int64, device=device)
    blocks = [
        (first, min(first + WIDTH, end), slice(start, min(start + tall, n)))
        for before, end in pairwise([0, *budgets])
        for first in range(before, end, WIDTH)
        for tall in [ROWS if end - first > WIDTH // 4 else 4 * ROWS]
        for start in range(0, n, tall)
    ]
    for first, end, part in track(blocks, label):
        pick, value, doubt = near.nearest(rows[first:end], part)
        nearer = value - doubt > best[part] + slack[part]
        maybe = (~nearer & (value + doubt > best[part] - slack[part])).nonzero().flatten()
        if len(maybe):
            some, new = maybe + part.start, rows[first + pick[maybe]]
            nearer[maybe] = near.squared_apart(some, new) < near.squared_apart(some, rows[owner[some]])
        owner[part] = torch.where(nearer, pick + first, owner[part])
        best[part] = torch.where(nearer, value, best[part])
        slack[part] = torch.where(nearer, doubt, slack[part])
        if part.stop == n:
            own = rows[first:end]
            owner[own], best[own] = torch.arange(first, end, device=device), torch.inf
            if end in budgets:
                yield owner.clone()


def owner(near: Near, rows: Tensor) -> Tensor:
    """The place in `rows` of the nearest of all picks (n,)."""
    return list(owners(near, rows, [len(rows)]))[-1]


def counted(owner: Tensor, k: int) -> Tensor:
    """How many rows each of k picks owns (k,) float64, on the CPU."""
    return torch.bincount(owner[owner >= 0].cpu(), minlength=k).double()


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
