"""What the kernels are raced on: made-up clusters, and real rows where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import coreset_explore as cx
from coreset_explore import LastLayer

NONE = torch.zeros(0, dtype=torch.int64)


def features(n: int, d: int = 512, clusters: int = 100, seed: int = 0) -> Tensor:
    """Gaussian clusters after a ReLU (n, d), as features of a network are."""
    rng = torch.Generator().manual_seed(seed)
    centers = torch.randn(clusters, d, generator=rng)
    which = torch.randint(clusters, (n,), generator=rng)
    return torch.relu(centers[which] + torch.randn(n, d, generator=rng))


def gradients(n: int, d: int = 512, c: int = 10, steps: int = 1, seed: int = 0) -> LastLayer:
    """Factored last-layer gradients: such features of 40 clusters, errors of Dirichlet probabilities."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, c, n)
    p = rng.dirichlet(np.full(c, 0.3), (steps, n))
    r = torch.from_numpy(p - np.eye(c)[y]).float()
    return LastLayer(r, torch.stack([features(n, d, 40, seed + step) for step in range(steps)]))


def at_hand(name: str) -> bool:
    """Whether a dataset lies where CORESET_DATA says."""
    return "CORESET_DATA" in os.environ and (Path(os.environ["CORESET_DATA"]) / name).is_dir()


def pixels(rows: int | None = None, only: int | None = None) -> Tensor:
    """Fashion-MNIST's training pictures as rows of 784 numbers in [0, 1]; of one class, if asked."""
    data = cx.load("fashion-mnist")
    x = data.x if only is None else data.x[torch.as_tensor(data.y) == only]
    return x[:rows].flatten(1).float() / 255


def linear_gradients(only: int = 0) -> LastLayer:
    """One Fashion-MNIST class's gradients of a linear classifier on pixels, fitted by least squares."""
    data = cx.load("fashion-mnist")
    x, y = data.x.flatten(1).float() / 255, torch.as_tensor(data.y).long()
    targets = torch.nn.functional.one_hot(y, 10).float() - 0.1
    solved = torch.linalg.solve(x.T @ x + len(x) * 1e-3 * torch.eye(x.shape[1]), x.T @ targets)
    rows = y == only
    r = torch.softmax(8 * x[rows] @ solved, 1) - torch.nn.functional.one_hot(y[rows], 10)
    return LastLayer(r[None], x[rows][None])
