"""What the picks leave of a target as it was some picks ago, and their columns of the Gram matrix.

`Columns` computes a pick's column when it is needed, `WideColumns` those of dense rows some at a time, `Whole` all of
few long rows before the first pick.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients
from coreset_explore.greedy.residual import Residual, against
from coreset_explore.greedy.vectors import double, factors, products
from coreset_explore.progress import check

# No sum of the kernel's, in sixteen parts side by side, is further off than this share of the lengths (3e-8 was the
# worst seen), nor one of a matrix product's, which adds up blocks of some hundred (6e-7, of 32,000 equal numbers).
KEPT_DOUBT = 2e-6
DRIFT = 100.0  # rounding relative to the residual's own, beyond which correlations are computed anew
AHEAD = 4  # columns computed together
KEPT = 32  # columns of rows that may be picked soon
WIDE_AHEAD, WIDE_KEPT = 32, 256  # of dense rows, whose columns are one matrix product
MANY = 64  # candidates for one pick, beyond which the residual is built anew
FEATURES = 512  # of all rows in float64, at once
PIECE = 2**27  # bytes read between two looks at whether to stop: some milliseconds


class Columns(Residual):
    """An earlier residual, what the picks' weights have moved since, and the picks' columns of the Gram matrix.

    correlation = what it was − Σ Δw_i·column_i. Its rounding grows with Σ |Δw_i|·‖g_i‖; where that matters the residual
    is built anew. (From the target's own correlations, with all of w for Δw, too much cancels: such a run leaves the
    float64 one after some two hundred picks.)
    """

    look, kept = AHEAD, KEPT

    def __init__(self, vectors: Gradients, target: Tensor, cap: int, normalized: bool):
        from coreset_explore.compiled import pursuit as loops

        super().__init__(vectors, target, cap, normalized)
        self.loops, n = loops, len(vectors)
        self.r, self.h, self.bias = factors(vectors)
        self.short = [part.float().numpy() for part in (self.norms, self.reach)]  # as float32
        self.picks, self.weights, self.slopes = np.zeros(cap, dtype=np.int64), np.zeros(cap), np.zeros(cap)
        self.columns, self.known = np.empty((cap, n), dtype=np.float32), 0
        self.ahead, self.owner, self.turn = (
            np.zeros((self.kept, n), dtype=np.float32),
            np.full(self.kept, -1),
            0,
        )
        self.correlation, self.candidates = np.zeros(n, dtype=np.float32), np.empty(n, dtype=np.int64)
        self.lines: dict[int, np.ndarray] = {}  # of the last candidates: one of them is taken next
        self._build()

    def _build(self) -> None:
        """Start again from the residual as it is."""
        total = self.total
        picked = double(self.vectors[torch.from_numpy(self.picks[:total])])
        left = self.target - picked.sum(torch.from_numpy(self.weights[:total]))
        self.left, self.square = left.numpy(), float(left.square().sum())
        self.before = self._against(self.left, np.arange(len(self.vectors))).astype(np.float32)
        self.slopes[:total] = picked.dot(left).numpy()
        self.start, self.spread = self.weights.copy(), 0.0

    @property
    def length(self) -> float:
        return self.square**0.5 + self.spread

    def untake(self) -> None:
        super().untake()
        self.known = min(self.known, self.total)

    def forbid(self, row: int) -> None:
        super().forbid(row)
        self.short[1][row] = 0.0

    def take(self, row: int) -> float:
        line = self.lines.pop(row) if row in self.lines else self._line(row)
        last, self.total = self.total, self.total + 1
        self.picks[last], self.weights[last], self.start[last] = row, 0.0, 0.0
        self.gram[last, : last + 1] = self.gram[: last + 1, last] = line
        self.slopes[last] = self._against(self.left, self.picks[last : last + 1])[0]
        return float(self._against(self.target.numpy(), self.picks[last : last + 1])[0])

    def move(self, weights: np.ndarray) -> float:
        self.weights[: self.total] = weights
        change = self.weights - self.start
        shorter, self.spread = self.loops.moved(self.gram, self.slopes, change, self.total)
        square = max(self.square - shorter, 0.0)
        if self.spread + self.square**0.5 <= DRIFT * square**0.5:
            return square
        self._build()
        return self.square

    def foremost(self, absolute: bool) -> tuple[int, float]:
        self._advance()
        sign = np.float32(-1 if absolute else 1)
        share = np.float32(KEPT_DOUBT * (self.square**0.5 + self.spread))
        count = self.loops.foremost(self.correlation, sign, share, *self.short, self.candidates)
        if count > MANY and self.spread:
            self._build()
            return self.foremost(absolute)
        rows = self.candidates[:count]
        values = self._against(self.left, rows)
        self.lines = {}  # those of earlier candidates are too short by now
        if self.spread:
            change = self.weights[: self.total] - self.start[: self.total]
            self.lines = {row: self._line(row) for row in rows.tolist()}
            values -= [line[:-1] @ change for line in self.lines.values()]
        values = (np.abs(values) if absolute else values) * self.reach.numpy()[rows]
        top = values.max()
        return int(rows[values >= top - 1e-12 * abs(top)][0]), float(top)

    def _advance(self) -> None:
        """Correlations with the residual as it is, after the columns of picks that are new."""
        for i in range(self.known, self.total):
            self.columns[i] = self._column(self.picks[i])
        self.known = self.total
        self._move_columns((self.weights - self.start).astype(np.float32))

    def _column(self, row: int) -> np.ndarray:
        """Inner products of a pick with all rows, float32 or better."""
        if row not in self.owner:
            self._look_ahead(row)
        return self.ahead[int((self.owner == row).argmax())]

    def _move_columns(self, change: np.ndarray) -> None:
        for begin, end in self._pieces(self.total + 4):
            self.loops.advance(self.columns, self.total, self.before, change, begin, end, self.correlation)

    def _look_ahead(self, row: int) -> None:
        """Columns of `row` and of some that correlate nearly as much: what costs is to read all rows.

        They take the place of the oldest. Two picks of three find their column here, of dense rows five of six.
        """
        score = np.abs(self.correlation) * self.short[1]
        score[self.owner[self.owner >= 0]] = 0.0
        likely = torch.topk(torch.from_numpy(score), min(self.look - 1, len(score))).indices.numpy()
        rows = np.concatenate([[row], likely, np.full(self.look, row)])[: self.look]
        slots = np.arange(self.turn, self.turn + self.look)
        self.turn = (self.turn + self.look) % self.kept
        self.owner[slots] = rows
        self._columns_of(rows, slots)

    def _columns_of(self, rows: np.ndarray, slots: np.ndarray) -> None:
        self.ahead[slots] = 0.0
        for begin, end in self._pieces(len(self.r) * (self.r.shape[2] + self.h.shape[2])):
            self.loops.columns(self.r, self.h, self.bias, rows, slots, self.ahead, begin, end)

    def _pieces(self, numbers: int) -> Iterator[tuple[int, int]]:
        """Ranges of rows, of which so many numbers each are read: some milliseconds, then a look at whether to stop."""
        size, n = max(1, PIECE // (4 * numbers)), len(self.vectors)
        for begin in range(0, n, size):
            check()
            yield begin, min(begin + size, n)

    def _line(self, row: int) -> np.ndarray:
        """Inner products of a row with the picks and itself, as if it were the next."""
        line = np.empty(self.total + 1)
        self.picks[self.total] = row
        self.loops.line(self.r, self.h, self.bias, row, self.picks, line)
        return line

    def _against(self, left: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return against(self.r, self.h, left.reshape(len(self.r), self.r.shape[2], -1), rows)


class WideColumns(Columns):
    """Of dense rows: the same in matrix products, which are on as many threads as torch has."""

    look, kept = WIDE_AHEAD, WIDE_KEPT

    def _columns_of(self, rows: np.ndarray, slots: np.ndarray) -> None:
        self.ahead[slots] = products(self.vectors, torch.from_numpy(rows)).numpy()

    def _move_columns(self, change: np.ndarray) -> None:
        check()
        before, columns, found = map(torch.from_numpy, (self.before, self.columns, self.correlation))
        moved = torch.from_numpy(change[: self.total])
        torch.addmv(before, columns[: self.total].T, moved, alpha=-1, out=found)


class Whole(WideColumns):
    """Of dense rows that are not many more than the picks: all inner products at once, float64, 8 n² bytes."""

    look, kept = 1, 1

    def __init__(self, vectors: Gradients, target: Tensor, cap: int, normalized: bool):
        assert isinstance(vectors, Dense)
        products = torch.zeros(len(vectors), len(vectors), dtype=torch.float64)
        for part in vectors.g.split(FEATURES, dim=1):
            check()
            wide = part.double()
            products.addmm_(wide, wide.T)
        self.products = products.numpy()
        super().__init__(vectors, target, cap, normalized)

    def _column(self, row: int) -> np.ndarray:
        return self.products[row]

    def _line(self, row: int) -> np.ndarray:
        self.picks[self.total] = row
        return self.products[row, self.picks[: self.total + 1]]
