"""How picks and their weights are spread: over the classes, over the picks, over two selections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.selection import Selection, fitting


class Balance(NamedTuple):
    """Picks per class, each (c,): their number, their share, their share of the weights, and the pool's own."""

    counts: Tensor
    share: Tensor
    weight: Tensor
    pool_counts: Tensor
    pool_share: Tensor


def class_balance(pool: Pool, selection: Selection) -> Balance:
    """Picks, share of the picks and share of the weights of each class, beside the pool's own."""
    y, c = pool.need("y").cpu(), pool.n_classes
    mine = y[fitting(selection, pool).indices]
    counts, all_counts = torch.bincount(mine, minlength=c), torch.bincount(y, minlength=c)
    size = torch.ones(len(mine)) if selection.weights is None else selection.weights.abs()
    weight = torch.bincount(mine, size.double(), minlength=c)
    return Balance(counts, _share(counts), _share(weight), all_counts, _share(all_counts))


def effective_size(weights: Tensor | Selection) -> float:
    """(Σ|w|)² / Σw² (Kish): how many equal weights these are worth; k without weights, 0 for zeros."""
    if isinstance(weights, Selection):
        if weights.weights is None:
            return float(len(weights))
        weights = weights.weights
    w = torch.as_tensor(weights).double().abs()
    largest = float(w.max()) if len(w) else 0.0
    if not largest:
        return 0.0
    w = w / largest  # so that squares of tiny weights do not vanish
    return float(w.sum()) ** 2 / float(w.square().sum())


def jaccard(a: Selection | Iterable[int], b: Selection | Iterable[int]) -> float:
    """|A ∩ B| / |A ∪ B| of two selections or two lists of rows; 1 for two empty ones.

    >>> import coreset_explore as cx
    >>> cx.jaccard([1, 2, 3], cx.Selection.of([2, 3, 4]))
    0.5
    """
    one, two = _rows(a, b)
    return len(one & two) / len(one | two) if one | two else 1.0


def overlap_matrix(selections: Sequence[Selection] | Mapping[str, Selection]) -> Tensor:
    """Jaccard overlap (m, m) of every two of m selections, float64, ones on the diagonal."""
    found = list(selections.values()) if isinstance(selections, Mapping) else list(selections)
    return torch.tensor([[jaccard(a, b) for b in found] for a in found], dtype=torch.float64)


def _rows(a, b) -> tuple[set[int], set[int]]:
    """Both as sets of rows: of the original dataset where both say which, else of the pool."""
    ids = [s.ids for s in (a, b) if isinstance(s, Selection) and s.ids is not None]
    one, two = ids if len(ids) == 2 else [s.indices if isinstance(s, Selection) else s for s in (a, b)]
    return _as_set(one), _as_set(two)


def _as_set(rows: Tensor | Iterable[int]) -> set[int]:
    return set(rows.tolist() if isinstance(rows, Tensor) else map(int, rows))


def _share(counts: Tensor) -> Tensor:
    counts = counts.double()
    return counts / (counts.sum() or 1.0)
