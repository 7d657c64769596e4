"""Distances between all rows, a tile at a time: for greedies that read each of them once or twice and keep none."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from coreset_explore.progress import check, track

ROWS, COLUMNS = 256, 4096  # of one tile: 4 MB, which stay in the cache, and some milliseconds of work
ROUNDING = 1e-6  # of ‖x‖²: what float32 may add to an exponent

Rows = Tensor | slice


class Tiles:
    """−‖x_i − x_j‖²/2 between rows of x (n, d), float32, by one matrix product of rows with two more columns.

    That is how near two rows are, largest at 0, and the exponent of a Gaussian of their distance. `slack` is how far
    rounding may put a value off.
    """

    def __init__(self, x: Tensor):
        x = x.float()
        half, one = x.square().sum(1, keepdim=True) / -2, torch.ones_like(x[:, :1])
        self.left, self.right = torch.cat([x, half, one], 1), torch.cat([x, one, half], 1)
        self.room = torch.empty(ROWS * max(ROWS, COLUMNS), dtype=x.dtype, device=x.device)
        self.slack = 16 * ROUNDING * -float(half.min())

    def __len__(self) -> int:
        return len(self.left)

    def __call__(self, rows: Rows, columns: Rows = slice(None)) -> Tensor:
        """How near some rows are to others (rows, columns)."""
        return (self.left[rows] @ self.right[columns].T).clamp_max_(0.0)

    def row(self, row: int) -> Tensor:
        """How near one row is to all (n,)."""
        return self(slice(row, row + 1))[0]

    def _tile(self, rows: Rows, columns: Rows) -> Tensor:
        """The same in memory that the next tile takes over: fresh memory would cost as much as the product."""
        left, right = self.left[rows], self.right[columns]
        tile = self.room[: len(left) * len(right)].view(len(left), len(right))
        return torch.mm(left, right.T, out=tile).clamp_max_(0.0)

    def pairs(self, label: str) -> Iterator[tuple[slice, slice, int, Tensor]]:
        """Each pair of rows once: rows, columns, how many of the columns are those rows themselves, and the tile.

        Columns beyond those stand for their own rows too: there (i, j) is the only mention of j and i. A tile is valid
        until the next.
        """
        n = len(self)
        for start in track(range(0, n, ROWS), label):
            rows = slice(start, min(start + ROWS, n))
            for left in range(start, n, max(ROWS, COLUMNS)):
                check()
                columns = slice(left, min(left + max(ROWS, COLUMNS), n))
                yield rows, columns, rows.stop - start if left == start else 0, self._tile(rows, columns)

    def blocks(self, rows: Tensor, columns: Tensor) -> Iterator[tuple[Tensor, Rows, Tensor]]:
        """Some rows with some columns: rows, columns and the tile. Columns that are most rows are all rows;
        a tile is valid until the next."""
        many = len(columns) > len(self) // 2
        parts = (
            [slice(i, i + COLUMNS) for i in range(0, len(self), COLUMNS)] if many else columns.split(COLUMNS)
        )
        for some in rows.split(ROWS):
            for part in parts:
                check()
                yield some, part, self._tile(some, part)


def count_above(
    tile: Tensor, limit: float, own: int, *, compiled: bool | None = None
) -> tuple[Tensor, Tensor]:
    """How many of a tile's values are above the limit: in each row, and in each column after the first `own`."""
    if compiled is False or tile.device.type != "cpu":
        above = tile > limit
        return above.sum(1), above[:, own:].sum(0)
    from coreset_explore.compiled import tiles as loops

    by_row = torch.zeros(tile.shape[0], dtype=torch.int64)
    by_column = torch.zeros(tile.shape[1] - own, dtype=torch.int32)
    loops.count_above(tile.numpy(), limit, own, by_row.numpy(), by_column.numpy())
    return by_row, by_column


def lost(tile: Tensor, low: Tensor, high: Tensor, *, compiled: bool | None = None) -> Tensor:
    """Σ_x exp(clamp(tile_xj, low_x, high_x)) − exp(low_x) (columns,) float64.

    It is what column j can no longer add to Σ_x exp(·) when what each row x has rises from low to high: values below
    `low`, most of them, cost one comparison.
    """
    if compiled is False or tile.device.type != "cpu":
        low, high = low[:, None], high[:, None]
        return (torch.clamp(tile, low, high).exp_() - low.exp()).sum(0, dtype=torch.float64)
    from coreset_explore.compiled import tiles as loops

    found = torch.zeros(tile.shape[1], dtype=torch.float64)
    loops.lost(tile.numpy(), low.numpy(), high.numpy(), found.numpy())
    return found
