"""Ridge regressions fitted to few weighted rows and judged on all: the inner problem of bilevel coresets, exactly.

n rows, D features, c classes, m rows fitted to. Everything in float64 on the CPU: these problems are small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Dense
from coreset_explore.greedy.capped import onto_capped_simplex
from coreset_explore.greedy.similarity import Similarity
from coreset_explore.greedy.vectors import centered, squared_norms
from coreset_explore.progress import check, track

MOST = 2000  # rows of which a kernel is diagonalized
RANK = 1e-12  # of the largest eigenvalue: a smaller one is rounding
NUMBERS = 1 << 20  # of the features of several draws, fitted to together
TRIES = 12  # shorter steps, each a quarter of the one before


@dataclass(frozen=True)
class Fit:
    """θ (…, D, c) of one regression, or of several at once, and what solves its system again."""

    theta: np.ndarray
    inner: np.ndarray
    outer: np.ndarray | None = None
    penalty: float = 1.0

    def solve(self, v: np.ndarray) -> np.ndarray:
        """A⁻¹v of v (D, c), A = Σ w_i z_i z_iᵀ + λn·I: `inner` is A⁻¹, or that of the m fitted rows, `outer` these."""
        if self.outer is None:
            return self.inner @ v
        return (v - self.outer.mT @ (self.inner @ (self.outer @ v))) / self.penalty


class Ridge:
    """Features z (n, D), labels y (n, c), θ(w) = argmin Σ_i w_i ‖z_iθ − y_i‖² + λn‖θ‖², L(w) = mean ‖z_iθ(w) − y_i‖².

    Weights w ≥ 0 add up to n, as many as there are rows: with all of them 1 both levels have the same loss, but for λ.
    """

    def __init__(self, z: np.ndarray, y: np.ndarray, ridge: float):
        self.z, self.y, self.penalty = z, y, ridge * len(z)
        self.gram, self.cross = z.T @ z / len(z), z.T @ y / len(z)
        self.power = float(np.square(y).sum()) / len(z)

    def __len__(self) -> int:
        return len(self.z)

    def fit(self, rows: np.ndarray, weights: np.ndarray) -> Fit:
        """The regression on m weighted rows, (…, m) each: D·m·min(D, m) + min(D, m)³ operations."""
        z, y = self.z[rows], self.y[rows]
        if z.shape[-2] < z.shape[-1]:  # by the representer: as many unknowns as rows
            root = np.sqrt(weights)[..., None]
            z = z * root
            inner = self._inverse(z @ z.mT)
            return Fit(z.mT @ (inner @ (root * y)), inner, z, self.penalty)
        weighed = z.mT * weights[..., None, :]
        inner = self._inverse(weighed @ z)
        return Fit(inner @ (weighed @ y), inner)

    def _inverse(self, gram: np.ndarray) -> np.ndarray:
        """(G + λn·I)⁻¹; G is overwritten."""
        np.einsum("...ii->...i", gram)[...] += self.penalty
        return np.linalg.inv(gram)

    def loss(self, fit: Fit) -> float:
        """L, over all n rows: D²·c operations."""
        return float(self.losses(fit))

    def losses(self, fit: Fit) -> np.ndarray:
        """L of each regression."""
        theta = fit.theta
        return self.power + (theta * (self.gram @ theta - 2 * self.cross)).sum((-2, -1))

    def slope(self, fit: Fit, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """∂L/∂w_i of some rows, by the implicit function: also of those that weigh nothing and were not fitted to.

        ∂θ/∂w_i = A⁻¹z_i(y_i − z_iθ), so it is ⟨z_i A⁻¹ ∂L/∂θ, y_i − z_iθ⟩: D·c operations a row.
        """
        back = fit.solve(2 * (self.gram @ fit.theta - self.cross))
        z = self.z[rows]
        return ((z @ back) * (self.y[rows] - z @ fit.theta)).sum(1)

    def drawn(self, masks: np.ndarray) -> np.ndarray:
        """L (s,) of regressions on s sets of rows (s, n), each with all weights alike, n/m."""
        counts = masks.sum(1)
        most = max(int(counts.max()), 1)
        rows = np.argsort(~masks, axis=1, kind="stable")[
            :, :most
        ]  # those drawn, then some that weigh nothing
        weights = (np.arange(most) < counts[:, None]) * (len(self) / np.maximum(counts, 1))[:, None]
        step = max(1, NUMBERS // (most * self.z.shape[1]))
        parts = [
            self.losses(self.fit(rows[i : i + step], weights[i : i + step]))
            for i in track(range(0, len(masks), step), "draws")
        ]
        return np.concatenate(parts)

    def weigh(self, rows: np.ndarray, rounds: int) -> tuple[np.ndarray, Fit]:
        """Weights (m,) of `rows` that make L small, Σ w = n, and their regression: `rounds` of projected gradient.

        From equal ones, by steps of Barzilai and Borwein's length, shortened until L falls; L is not convex in w. A
        round costs one regression or more.
        """
        m = len(rows)
        scale, shares = len(self) / max(m, 1), np.ones(m)
        best = self.fit(rows, scale * shares)
        loss, length, before = self.loss(best), 0.0, None
        for _ in range(rounds if m > 1 else 0):
            check()
            slope = scale * self.slope(best, rows)
            slope -= slope.mean()  # along the constraint
            if before is not None:
                moved, bent = shares - before[0], slope - before[1]
                curved = float(moved @ bent)
                length = float(moved @ moved) / curved if curved > 0 else 4 * length
            elif (steepest := float(np.abs(slope).max())) > 0:
                length = 1 / steepest
            before = shares, slope
            for _ in range(TRIES):
                new = m * onto_capped_simplex((shares - length * slope) / m, 1)
                fit = self.fit(rows, scale * new)
                if (found := self.loss(fit)) <= loss + 1e-4 * min(float(slope @ (new - shares)), 0.0):
                    break
                length /= 4
            else:
                break
            still = float(np.abs(new - shares).max()) < 1e-9
            shares, best, loss = new, fit, found
            if still:
                break
        return scale * shares, best


def regressions(
    vectors: Dense,
    y: Tensor,
    ridge: float,
    kernel: Literal["linear", "rbf"] = "linear",
    sigma: float | None = None,
) -> tuple[Ridge, dict[str, Any]]:
    """Regressions of the classes y (n,), one-hot, on features or a Gaussian of their distance; and what to tell of it.

    "linear": features about their mean, divided by the root of their mean square length, and a 1. "rbf": all that
    exp(−‖x − x'‖²/2σ²) tells of n rows, as features: its eigenvectors, n³ operations and 24 n² bytes; and a 1.
    """
    squared_norms(vectors)  # refuses what no distance can be computed from
    told: dict[str, Any] = {}
    if kernel == "linear":
        x = centered(vectors).g.double().cpu().numpy()
        x = x - x.mean(0)
        x /= np.sqrt(np.square(x).sum(1).mean()) or 1.0
    else:
        if len(vectors) > MOST:
            raise ValueError(
                f"kernel='rbf' diagonalizes a matrix of all pairs, and {len(vectors):,} rows are more than {MOST:,}; "
                "use kernel='linear', or smaller groups (per_class, two_stage, merge_reduce)"
            )
        near = Similarity(vectors, "rbf", sigma)
        check()
        values, turned = np.linalg.eigh(
            near.rows(torch.arange(len(near), device=vectors.device)).cpu().numpy()
        )
        some = values > RANK * values[-1]
        x, told = turned[:, some] * np.sqrt(values[some]), dict(near.told)
    labels = y.cpu().numpy()
    hot = (labels[:, None] == np.unique(labels)).astype(np.float64)
    return Ridge(np.concatenate([x, np.ones((len(x), 1))], 1), hot, ridge), told
