"""What is trained on: data that something can be learnt from, and the rows of it that a subset names."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor

from coreset_explore.datasets import Data, load
from coreset_explore.inputs import checks
from coreset_explore.pool import Pool
from coreset_explore.selection import THIN, Selection


def taught(data: Any, y: Any = None) -> Data:
    """The data loaded; ValueError where nothing can be learnt from it."""
    if isinstance(data, Pool):
        raise ValueError(
            "training and recording take data, and a Pool is what they record: pass what it was recorded from, or "
            "(pool.emb, pool.y) to train on its features"
        )
    data = load(data) if y is None else load(data, y=y)
    if data.y is None:
        raise ValueError(
            f"{data.name} has no labels, and training needs them; features alone go into Pool.of(X)"
        )
    if len(data.classes) < 2:
        raise ValueError(
            f"{data.name} has one class only, so there is nothing to learn: every gradient would be zero"
        )
    return data


def chosen(subset: Any, n: int) -> tuple[Tensor, Tensor | None]:
    """The rows of n that `subset` names (row numbers, a mask, a Selection) and their weights, scaled to mean 1."""
    if subset is None:
        return torch.arange(n), None
    own = isinstance(subset, Selection)
    named = (subset.indices if subset.ids is None else subset.ids) if own else subset
    rows = checks.rows(named, "the subset", n)
    if len(rows) == 0:
        raise ValueError("the subset is empty: training needs at least one row")
    return rows, _scaled(subset.weights.double()) if own and subset.weights is not None else None


def _scaled(weights: Tensor) -> Tensor:
    total = math.fsum(weights.tolist())  # whatever their order
    if total <= 0:
        raise ValueError(
            f"the weights sum to {total:g}, so the weighted loss points nowhere; use non-negative weights"
        )
    effective = total**2 / float(weights.square().sum())
    if effective < THIN * len(weights):
        warnings.warn(
            f"the weights of {len(weights):,} rows count like {effective:.1f} even ones (below {THIN:.0%}): training "
            "may diverge; use non-negative weights, a ridge, or uniform ones",
            stacklevel=4,
        )
    return (weights * (len(weights) / total)).float()
