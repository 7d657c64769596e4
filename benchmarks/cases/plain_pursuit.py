"""Matching pursuit as its definition has it: least squares anew at every pick; and in float64 throughout."""

from __future__ import annotations

import time

import numpy as np
import torch

from coreset_explore import LastLayer

Fit = tuple[np.ndarray, np.ndarray]  # picks and their weights
Marks = list[tuple[int, float]]  # picks made and the seconds until then


def plain_loop(built: np.ndarray, target: np.ndarray, k: int) -> tuple[Fit, Marks]:
    """Least squares anew at every pick, on built gradients (n, p); and the seconds at k/2 and at k picks."""
    start, marks, picks = time.perf_counter(), [], []
    residual, weights = target, np.zeros(0, target.dtype)
    for made in range(1, k + 1):
        score = np.abs(built @ residual)
        score[picks] = -1
        picks.append(int(score.argmax()))
        chosen = built[picks].T
        weights = np.linalg.lstsq(chosen, target, rcond=None)[0]
        residual = target - chosen @ weights
        if made in (k // 2, k):
            marks.append((made, time.perf_counter() - start))
    return (np.array(picks), weights.astype(np.float64)), marks


def plain_nonnegative(built: np.ndarray, target: np.ndarray, k: int, ridge: float) -> tuple[Fit, Marks]:
    """The same with weights of 0 or more and ridge, on the picks' Gram matrix, which is made anew as well."""
    from scipy.optimize import nnls

    start, marks, picks = time.perf_counter(), [], []
    residual, weights = target, np.zeros(0)
    for made in range(1, k + 1):
        score = built @ residual
        score[picks] = -np.inf
        picks.append(int(score.argmax()))
        chosen = built[picks]
        gram, wanted = (part.astype(np.float64) for part in (chosen @ chosen.T, chosen @ target))
        # argmin wᵀ(G + ridge)w − 2wᵀb as least squares: with L Lᵀ = G + ridge, ‖Lᵀw − L⁻¹b‖²
        lower = np.linalg.cholesky(gram + ridge * np.eye(made))
        weights = nnls(lower.T, np.linalg.solve(lower, wanted))[0]
        residual = target - chosen.T @ weights.astype(target.dtype)
        if made in (k // 2, k):
            marks.append((made, time.perf_counter() - start))
    return (np.array(picks), weights), marks


def extrapolated(marks: Marks, k: int) -> float:
    """a·k + b·k³ through both marks: a product with all rows a pick, and least squares of as many columns."""
    (few, short), (many, long) = marks
    b = max(0.0, (long / many - short / few) / (many**2 - few**2))
    return (long / many - b * many**2) * k + b * k**3


def in_float64(vectors: LastLayer, target: torch.Tensor, k: int) -> np.ndarray:
    """The picks of a float64 run of the definition, its residual kept orthogonal by Gram-Schmidt done twice."""
    wide = LastLayer(vectors.r.double(), vectors.h.double())
    residual, basis, picks = target.double().flatten().clone(), torch.zeros(k, target.numel()).double(), []
    free = torch.ones(len(wide), dtype=torch.bool)
    for made in range(k):
        score = wide.dot(residual.reshape(target.shape)).abs()
        picks.append(int(torch.where(free, score, -1.0).argmax()))
        free[picks[-1]] = False
        new = wide[picks[-1:]].sum().flatten()
        for _ in range(2):
            new -= basis[:made].T @ (basis[:made] @ new)
        basis[made] = new / new.norm()
        residual -= (basis[made] @ residual) * basis[made]
    return np.array(picks)
