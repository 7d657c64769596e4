"""What the picks leave of a target, built anew for each pick, and all rows scored against it by one matrix product."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import LastLayer
from coreset_explore.greedy.residual import DOUBT, Residual, against
from coreset_explore.greedy.vectors import factors
from coreset_explore.progress import check

TILE = 8192  # rows whose products with the residual stay in the cache


class Factored(Residual):
    """The residual in float64 from the picks' factors: n·c·d operations a pick, however many picks there are.

    A matrix product does some ten of them while `Columns` does one of its own, and nothing is kept a pick but its
    factors, so where classes are few it is cheaper. Rounding does not add up: each residual is the target less one sum.
    """

    vectors: LastLayer
    alone = True  # each product is of a tile of rows: a fraction of a millisecond

    def __init__(self, vectors: LastLayer, target: Tensor, cap: int, normalized: bool):
        from coreset_explore.compiled import pursuit as loops

        super().__init__(vectors, target, cap, normalized)
        self.loops, n, (steps, classes, width) = loops, len(vectors), vectors.shape
        self.r, self.h, _ = factors(vectors)
        # a feature after the other: a product with few rows then reads memory in order
        self.tall = [torch.from_numpy(part).transpose(1, 2).contiguous() for part in (self.r, self.h)]
        self.short = [part.float().numpy() for part in (self.norms, self.reach)]
        self.exact = self.reach.numpy()
        self.picked_r, self.picked_h = np.empty((steps, cap, classes)), np.ones((steps, cap, width))
        self.goal = self.target.reshape(steps, classes, width).contiguous().numpy()
        self.left, self.square = self.goal, float(np.square(self.goal).sum())
        self.score, self.candidates = np.empty(n, dtype=np.float32), np.empty(n, dtype=np.int64)

    @property
    def length(self) -> float:
        return self.square**0.5

    def forbid(self, row: int) -> None:
        super().forbid(row)
        self.short[1][row] = 0.0

    def take(self, row: int) -> float:
        last, self.total = self.total, self.total + 1
        self.picked_r[:, last], self.picked_h[:, last, : self.h.shape[2]] = self.r[:, row], self.h[:, row]
        line, wanted = np.zeros(self.total), 0.0
        for r, h, goal in zip(self.picked_r, self.picked_h, self.goal, strict=True):
            line += (r[: self.total] @ r[last]) * (h[: self.total] @ h[last])
            wanted += float(r[last] @ goal @ h[last])
        self.gram[last, : self.total] = self.gram[: self.total, last] = line
        return wanted

    def move(self, weights: np.ndarray) -> float:
        total = len(weights)
        parts = zip(self.picked_r, self.picked_h, self.goal, strict=True)
        self.left = np.stack([goal - (r[:total].T * weights) @ h[:total] for r, h, goal in parts])
        self.square = float(np.square(self.left).sum())
        return self.square

    def foremost(self, absolute: bool) -> tuple[int, float]:
        self._score()
        sign, share = np.float32(-1 if absolute else 1), np.float32(DOUBT * self.length)
        count = self.loops.foremost(self.score, sign, share, *self.short, self.candidates)
        rows = self.candidates[:count]
        values = against(self.r, self.h, self.left, rows)
        values = (np.abs(values) if absolute else values) * self.exact[rows]
        top = values.max()
        return int(rows[values >= top - 1e-12 * abs(top)][0]), float(top)

    def _score(self) -> None:
        left, features = torch.from_numpy(self.left.astype(np.float32)), self.h.shape[2]
        for start in range(0, len(self.score), TILE):
            check()
            part = slice(start, start + TILE)
            out = self.score[part]
            out[:] = 0.0
            for r, h, step in zip(*self.tall, left, strict=True):
                along = (step[:, :features].contiguous() @ h[:, part]).numpy()
                offset = step[:, features:].flatten().numpy()  # of a bias, or empty
                self.loops.weigh(r.numpy(), along, offset, start, out)
