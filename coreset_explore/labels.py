"""Labels of any kind as class numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

MOST_CLASSES = 1 << 16  # whole numbers above this are names (years, article numbers), not class numbers


def code_labels(y, classes: Sequence[str] | None = None) -> tuple[Tensor, tuple[str, ...]]:
    """Labels (n,) as int64 class numbers, and the class names.

    Whole numbers from 0 stay as they are, so a class may be empty; everything else is numbered in sorted order, or
    in the order of `classes`. Raises ValueError for missing labels, for a continuous target, and for labels that
    are not among `classes`.
    """
    if isinstance(y, Tensor):
        y = y.detach().cpu().numpy()
    values = np.asarray(y)
    if values.ndim != 1:
        hint = "; y.argmax(1) turns one-hot rows into labels" if values.ndim == 2 else ""
        raise ValueError(f"labels want one value a row, (n,), got shape {values.shape}{hint}")
    if values.dtype.kind == "O":
        missing = np.array([v is None or v != v for v in values], dtype=bool)
        if not missing.any():  # numbers in a list of objects are numbers again, anything else is text
            numbers = all(isinstance(v, int | float | np.number) for v in values)
            values = np.asarray(values.tolist()) if numbers else values.astype(str)
    else:
        missing = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    if missing.any():
        first = ", ".join(map(str, np.flatnonzero(missing)[:5]))
        raise ValueError(f"{missing.sum():,} labels are missing (rows {first}); drop those rows or name them")
    if values.dtype.kind == "f":
        if (broken := values != np.round(values)).any():
            raise ValueError(f"labels hold {values[broken][0]:.4g}, no class; bin a continuous target first")
        values = values.astype(np.int64)
    values = values.astype(np.int64) if values.dtype.kind in "biu" else values
    if classes is not None:
        names = tuple(map(str, classes))
        if values.dtype.kind != "i":
            number = {name: i for i, name in enumerate(names)}
            if unknown := sorted({str(v) for v in values} - set(names)):
                raise ValueError(
                    f"labels {', '.join(map(repr, unknown[:3]))} are not among the classes given"
                )
            values = np.array([number[str(v)] for v in values], dtype=np.int64)
        elif len(values) and not 0 <= values.min() <= values.max() < len(names):
            raise ValueError(
                f"labels run from {values.min()} to {values.max()}, and {len(names)} classes are named"
            )
        return torch.from_numpy(values.copy()), names
    if values.dtype.kind == "i" and len(values) and 0 <= values.min() and values.max() < MOST_CLASSES:
        return torch.from_numpy(values.copy()), tuple(str(i) for i in range(int(values.max()) + 1))
    names, codes = np.unique(values, return_inverse=True)
    return torch.from_numpy(codes.astype(np.int64)), tuple(map(str, names))
