"""Rows of a matrix that is never built, computed with those of rows likely to be asked for next."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients
from coreset_explore.greedy.vectors import by_feature, centered, double, squared_between
from coreset_explore.progress import check

FEW, MOST = 8, 64  # rows computed together; reading all vectors costs as much for eight as for one
ENTRIES = 1 << 20  # of them: 8 MB, and some tens of milliseconds
NEAR = 1e-6  # of ‖a‖² + ‖b‖²: a squared distance below has lost too many digits


class Ahead:
    """`rows(places)` gives some rows (m, n) of it; ask with the score that places are picked by, the largest next.

    Places of large score now are soon picked: their rows come from one matrix product, twice as many at a time as were
    used of the last ones. What is not in store is computed then, so that any score will do.
    """

    def __init__(self, rows: Callable[[Tensor], Tensor]):
        self.rows, self.store, self.used = rows, {}, 0

    def __call__(self, place: int, score: Tensor) -> Tensor:
        """The row of `place` (n,)."""
        if place not in self.store:
            size = min(max(FEW, 2 * self.used), MOST, max(1, ENTRIES // len(score)), len(score))
            likely = score.topk(size).indices.tolist()
            places = [place, *(other for other in likely if other != place)][:size]
            self.store = {}  # the old ones go before the new ones come
            self.store = dict(zip(places, self.rows(torch.tensor(places, device=score.device)), strict=True))
            self.used = 0
        self.used += 1
        return self.store[place]


class DistanceRows:
    """Euclidean distances of some rows to all (m, n) float64, by matrix products; of near rows by differences."""

    def __init__(self, vectors: Gradients):
        wide = double(centered(vectors))
        if isinstance(wide, Dense):
            self.wide = Dense(by_feature(wide.g))
        else:
            self.wide = wide.map(by_feature)
        self.norms = self.wide.squared_norm()

    def __call__(self, rows: Tensor) -> Tensor:
        both = self.norms[rows, None] + self.norms
        squared = self.wide.gram(rows).mul_(-2).add_(both)
        some = (squared < NEAR * both).nonzero()
        for pick, other in (part.unbind(1) for part in some.split(4096) if len(part)):
            check()
            squared[pick, other] = squared_between(self.wide[rows[pick]], self.wide[other])
        return squared.sqrt_()
