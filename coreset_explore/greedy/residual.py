"""What the picks leave of a target, and which row points along it most: three ways, the same rows.

`Built` keeps it as one dense vector: n·c·d operations a pick, on any device. `Factored` does the same on a CPU, from
factors, in one matrix product. `Columns` keeps it as it was some picks ago and what the weights have moved since: one
column of the Gram matrix a pick, n·(c + d), and a pass over those of the picks, n·k; of few long rows all columns come
first. All score rows in float32 and settle in float64 what this cannot tell apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Gradients, LastLayer
from coreset_explore.greedy.vectors import best, dots, double, squared_norms, stored
from coreset_explore.progress import check

DOUBT = 1e-5  # no inner product in float32 is further off than this share of the lengths
WAKE = (
    2**21
)  # numbers read for a pick, a millisecond's work; on busy cores a second thread comes ten times later


class Residual(ABC):
    """target − Σ w_i g_i for up to `cap` picks, whose Gram matrix stands in `gram` as they are taken in."""

    def __init__(self, vectors: Gradients, target: Tensor, cap: int, normalized: bool):
        self.vectors, self.target, self.total = vectors, target.double(), 0
        self.norms = squared_norms(vectors).sqrt()
        reach = 1 / _lengths(vectors) if normalized else torch.ones_like(self.norms, dtype=torch.float64)
        # what a correlation is multiplied by; 0: not to be picked
        self.reach = torch.where(self.norms > 0, reach, 0.0)
        self.gram = np.zeros((cap, cap))

    @property
    def alone(self) -> bool:
        """Whether a pick is too little work to wake a second thread for."""
        return len(self.norms) * stored(self.vectors) < WAKE

    def forbid(self, row: int) -> None:
        """Row is not to be picked any more."""
        self.reach[row] = 0.0

    def forbid_short(self, limit: float) -> int:
        """Nor is any row so short that its correlation cannot be above the limit; how many that are."""
        short = (self.norms.double() * self.length <= limit) & (self.reach > 0)
        for row in short.nonzero().flatten().tolist():
            self.forbid(row)
        return int(short.sum())

    @property
    @abstractmethod
    def length(self) -> float:
        """‖residual‖."""

    @abstractmethod
    def take(self, row: int) -> float:
        """Its inner products with the picks become the last line of `gram`, that with the target is returned."""

    def untake(self) -> None:
        """Forget the last row taken, which has weight 0."""
        self.total -= 1

    @abstractmethod
    def move(self, weights: np.ndarray) -> float:
        """The picks have these weights (k,) now; returns the residual's squared length."""

    @abstractmethod
    def foremost(self, absolute: bool) -> tuple[int, float]:
        """The row of largest correlation (times `reach`), to be exact in float64, and that number."""


class Built(Residual):
    """The residual itself, in float64."""

    def __init__(self, vectors: Gradients, target: Tensor, cap: int, normalized: bool):
        super().__init__(vectors, target, cap, normalized)
        self.left = self.target
        self.picked = vectors.map(lambda part: _empty(part, cap))

    def take(self, row: int) -> float:
        last, self.total = self.total, self.total + 1
        for name in ("r", "h") if isinstance(self.vectors, LastLayer) else ("g",):
            getattr(self.picked, name)[..., last, :] = getattr(self.vectors, name)[..., row, :]
        line = self.picked.gram(slice(last, last + 1), slice(last + 1))[0].cpu().numpy()
        self.gram[last, : last + 1] = self.gram[: last + 1, last] = line
        return float(self.picked[last : last + 1].dot(self.target))

    @property
    def length(self) -> float:
        return float(self.left.norm())

    def move(self, weights: np.ndarray) -> float:
        self.left = self.target - self.picked[: self.total].sum(torch.from_numpy(weights))
        return float(self.left.square().sum())

    def foremost(self, absolute: bool) -> tuple[int, float]:
        def read(score: Tensor, reach: Tensor) -> Tensor:
            return (score.abs() if absolute else score) * reach

        def exact(rows: Tensor) -> Tensor:
            return read(double(self.vectors[rows]).dot(self.left), self.reach[rows])

        reach = self.reach.float()
        doubt = DOUBT * self.norms * self.left.norm().float() * reach
        return best(read(dots(self.vectors, self.left), reach), doubt, self.reach > 0, exact)


def against(r: np.ndarray, h: np.ndarray, left: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """⟨g_j, left⟩ (m,) in float64 for some rows of factors r (s, n, c) and h (s, n, d); left is (s, c, d + bias)."""
    from coreset_explore.compiled import pursuit as loops

    found = np.empty(len(rows))
    for start in range(0, len(rows), 2048):
        check()
        loops.against(r, h, left, rows[start : start + 2048], found[start : start + 2048])
    return found


def _lengths(vectors: Gradients) -> Tensor:
    """‖g_i‖ (n,) float64."""
    parts = [double(vectors[i : i + 8192]).squared_norm() for i in range(0, len(vectors), 8192)]
    return torch.cat(parts).sqrt()


def _empty(part: Tensor, cap: int) -> Tensor:
    return torch.zeros(*part.shape[:-2], cap, part.shape[-1], dtype=torch.float64, device=part.device)
