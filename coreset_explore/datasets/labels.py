"""Labels of any kind as int64 codes 0..c-1 with class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


def code_labels(
    y: Any, classes: Sequence[str] | None, what: str, codes: bool = True
) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels as int64 codes, and the class names; codes follow `classes`, or the sorted labels.

    Whole numbers with `classes` given are codes already, unless `codes` is False; anything else is looked up among
    the class names.
    """
    codes = classes is not None and codes
    if y is None:
        return None, tuple(map(str, classes or ()))
    if classes is None and hasattr(getattr(y, "dtype", None), "categories"):  # a pandas categorical
        classes = [
            str(c) for c in y.dtype.categories
        ]  # `codes` stays False: a categorical of numbers is no code
        y = np.asarray(y.astype(object))
    y = y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1:
        hint = "; y.argmax(1) turns one-hot rows into labels" if y.ndim == 2 else ""
        raise ValueError(f"{what} has shape {y.shape}: give one label a row{hint}.")
    if y.dtype.kind == "O":
        lost = np.array([_missing(v) for v in y], dtype=bool)
        numbers = [v for v in y if isinstance(v, int | float | np.number)]
        if not lost.any():
            y = np.asarray(y.tolist()) if len(numbers) == len(y) else np.array([str(v) for v in y])
    else:
        lost = ~np.isfinite(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    if lost.any():
        first = ", ".join(map(str, np.flatnonzero(lost)[:5]))
        raise ValueError(
            f"{what} lacks {lost.sum():,} labels (first in rows {first}): drop those rows, or name them."
        )
    if y.dtype.kind == "f":
        if (fraction := y != np.round(y)).any():
            raise ValueError(
                f"{what} holds {y[fraction][0]:.4g}, no class: bin a continuous target (numpy.digitize does)."
            )
        y = y.astype(np.int64)
    if y.dtype.kind in "biu" and codes:
        y = y.astype(np.int64)
        if len(y) and not 0 <= y.min() <= y.max() < len(classes):
            raise ValueError(
                f"{what} holds {y.min()}..{y.max()}, but {len(classes)} classes are 0..{len(classes) - 1}."
            )
        return torch.from_numpy(y.copy()), tuple(map(str, classes))
    if classes is None:
        found, codes = np.unique(y, return_inverse=True)
        return torch.from_numpy(codes.astype(np.int64)), tuple(map(str, found))
    names = tuple(map(str, classes))
    number = {label: i for i, label in enumerate(names)}
    if unknown := sorted({str(v) for v in y} - set(number)):
        raise ValueError(
            f"{what} has labels that are no class: {', '.join(unknown[:3])}; classes are {', '.join(names)}."
        )
    return torch.tensor([number[str(v)] for v in y], dtype=torch.int64), names


def _missing(label: Any) -> bool:
    """None, and the not-a-something of numpy and pandas; never a word like "nan"."""
    return label is None or (not isinstance(label, str) and str(label) in ("nan", "<NA>", "NaT"))
