"""Arrays, frames and tensors of any make as plain torch tensors, or refused in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from coreset_explore.inputs.checks import shown


def is_frame(x: Any) -> bool:
    """Whether x is a pandas frame, without importing pandas."""
    return type(x).__module__.partition(".")[0] == "pandas" and hasattr(x, "columns")


def tensor(x: Any, what: str, hint: str = "encode them (pandas.get_dummies does)") -> Tensor:
    """`x` as a dense tensor of numbers that torch can compute with, apart from any graph, on the device it lies on.

    An array that torch can read and may write to is shared, any other copied.
    """
    if isinstance(x, Tensor):
        if x.layout != torch.strided:
            raise ValueError(f"{what} is a sparse tensor: give x.to_dense().")
        return x.detach()
    if hasattr(x, "toarray"):
        raise ValueError(f"{what} is a sparse matrix: give x.toarray(), or a dense projection of it.")
    try:
        x = np.asarray(x)
    except (ValueError, TypeError) as error:  # numpy's word for ragged lists
        raise ValueError(f"{what} has rows of different lengths: give a rectangular array.") from error
    if x.dtype.kind not in "biufc":
        came = shown(x.item()) if x.ndim == 0 else f"{x.dtype.name} values"
        raise ValueError(f"{what} holds {came}, not numbers: {hint}.")
    if x.dtype.itemsize > 8 or (x.dtype.kind == "u" and x.dtype.itemsize > 1) or not x.dtype.isnative:
        # torch has no wide floats, nor much for wide unsigned numbers
        x = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    return torch.from_numpy(x if x.flags.writeable and min((*x.strides, 0)) >= 0 else x.copy())


def numbers(frame: Any, labels: str) -> np.ndarray:
    """A pandas frame as float32 (n, columns), missing values as NaN; a column of words is named.

    `labels` says where the caller's labels go, since a column of words is mostly that.
    """
    words = [str(column) for column, dtype in frame.dtypes.items() if dtype.kind not in "biuf"]
    if words:
        raise ValueError(
            f"Columns {', '.join(words[:5])} hold no numbers: drop them, encode them (pandas.get_dummies), "
            f"or {labels}."
        )
    return frame.to_numpy(dtype="float32", na_value=np.nan)
