"""Labels of any kind as class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from coreset_explore.inputs.arrays import tensor

MOST_CLASSES = 1 << 16  # whole numbers above this are names (years, article numbers), not class numbers


def code_labels(
    y: Any,
    classes: Sequence[str] | None = None,
    what: str = "y",
    numbers: Literal["codes", "names"] = "codes",
) -> tuple[Tensor, tuple[str, ...]]:
    """Labels (n,) as int64 class numbers, and the class names.

    Whole numbers are class numbers already ("codes": they stay, so a class may be empty) or the classes' "names", as
    every other kind of label is: numbered in the order of `classes`, or sorted. A pandas categorical brings its own
    classes. Raises ValueError for missing labels, for a continuous target, and for labels that are no class.
    """
    if classes is None and hasattr(getattr(y, "dtype", None), "categories"):
        classes, numbers = [str(c) for c in y.dtype.categories], "names"
        y = np.asarray(y.astype(object))
    values = _plain(y, what)
    whole = numbers == "codes" and values.dtype.kind in "biu"
    values = values.astype(np.int64) if whole else values
    if whole and classes is not None:
        if len(values) and not 0 <= values.min() <= values.max() < len(classes):
            least, most = values.min(), values.max()
            raise ValueError(
                f"{what} holds {least}..{most}, but {len(classes)} classes are 0..{len(classes) - 1}"
            )
        return torch.from_numpy(values.copy()), tuple(map(str, classes))
    if whole and len(values) and 0 <= values.min() and values.max() < MOST_CLASSES:
        return torch.from_numpy(values.copy()), tuple(str(i) for i in range(int(values.max()) + 1))
    if classes is None:
        found, codes = np.unique(values, return_inverse=True)
        return torch.from_numpy(codes.astype(np.int64)), tuple(map(str, found))
    names = tuple(map(str, classes))
    number = {label: i for i, label in enumerate(names)}
    if unknown := sorted({str(v) for v in values} - set(number)):
        listed = ", ".join(unknown[:3])
        raise ValueError(f"{what} has labels that are no class: {listed}; classes are {', '.join(names)}")
    return torch.tensor([number[str(v)] for v in values], dtype=torch.int64), names


def _plain(y: Any, what: str) -> np.ndarray:
    """Labels as one array (n,) of whole numbers or text, none of them missing."""
    y = tensor(y, what).cpu().numpy() if isinstance(y, Tensor) else y
    try:
        values = np.asarray(y)
    except ValueError:  # numpy's word for ragged lists
        raise ValueError(f"{what} has labels of several lengths: give one label a row") from None
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1:
        hint = "; y.argmax(1) turns one-hot rows into labels" if values.ndim == 2 else ""
        raise ValueError(f"{what} has shape {values.shape}: give one label a row{hint}")
    if values.dtype.kind == "O":
        missing = np.array([_missing(v) for v in values], dtype=bool)
        if not missing.any():  # numbers in a list of objects are numbers again, anything else is text
            numbers = all(isinstance(v, int | float | np.number) for v in values)
            values = np.asarray(values.tolist()) if numbers else np.array([str(v) for v in values])
    else:
        missing = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    if missing.any():
        count, first = missing.sum(), ", ".join(map(str, np.flatnonzero(missing)[:5]))
        raise ValueError(
            f"{what} lacks {count:,} labels (first in rows {first}): drop those rows, or name them"
        )
    if values.dtype.kind == "f":
        if (fraction := values != np.round(values)).any():
            odd = values[fraction][0]
            raise ValueError(
                f"{what} holds {odd:.4g}, no class: bin a continuous target (numpy.digitize does)"
            )
        values = values.astype(np.int64)
    return values


def _missing(label: Any) -> bool:
    """None, and the not-a-something of numpy and pandas; never a word like "nan"."""
    return label is None or (not isinstance(label, str) and str(label) in ("nan", "<NA>", "NaT"))
