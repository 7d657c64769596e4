"""One's own arrays, frames and torch Datasets as Data: converted with care, or refused with one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coreset_explore.datasets.types import Data, hold_out, refuse_non_finite
from coreset_explore.labels import code_labels
from coreset_explore.progress import bar, track


def own(
    x: Any,
    y: Any = None,
    *,
    classes: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    files: Any = None,
    test: Any = None,
    seed: int = 0,
) -> Data:
    """Data of features or images `x` with labels `y`; `test` is alike (a pair, a frame, a Dataset) or a share of x.

    An array that has the right type already is shared, not copied.
    """
    name = "frame" if is_frame(x) else type(x).__name__ if is_dataset(x) else "arrays"
    if is_frame(x):
        if is_frame(test):
            test = _from_frame(test, y, files, columns)[:2]
        x, y, files, columns = _from_frame(x, y, files, columns)
    elif is_dataset(x):
        if y is not None:
            raise ValueError("A torch Dataset brings its own labels: leave y out.")
        classes = classes if classes is not None else getattr(x, "classes", None)
        x, y = _from_dataset(x)
    x = convert(x, "x")
    y_test = x_test = None
    if isinstance(test, tuple | list):
        if len(test) != 2:
            raise ValueError(f"test must be a pair (x, y) or a share as 0.2, not {len(test)} things.")
        x_test = convert(test[0].to_numpy() if is_frame(test[0]) else test[0], "the test set")
        y_test = test[1]
    elif is_dataset(test):
        test_x, y_test = _from_dataset(test)
        x_test = convert(test_x, "the test set")
    elif test is not None and not isinstance(test, float):
        raise ValueError(
            f"test must be a pair (x, y), a Dataset, or a share as 0.2, not {type(test).__name__}."
        )
    if (y is None) != (y_test is None) and x_test is not None:
        raise ValueError("Give labels for both the training and the test rows, or for neither.")
    numbers = "names" if classes is None else "codes"
    if y is None:
        classes = tuple(map(str, classes or ()))
    else:
        y, classes = code_labels(y, classes, "y", numbers)
    if y_test is not None:
        y_test = code_labels(y_test, classes, "y of the test set", numbers)[0]
    data = Data(
        x=x,
        y=y,
        classes=classes,
        x_test=x_test,
        y_test=y_test,
        kind="images" if x.ndim == 4 else "table",
        name=name,
        files=None if files is None else tuple(str(f) for f in files),
        columns=None if columns is None else tuple(map(str, columns)),
    )
    return hold_out(data, test, seed) if isinstance(test, float) else data


def is_frame(x: Any) -> bool:
    """Whether x is a pandas frame, without importing pandas."""
    return type(x).__module__.partition(".")[0] == "pandas" and hasattr(x, "columns")


def is_dataset(x: Any) -> bool:
    """Whether x is a torch Dataset, or items by number like one, but no array and no list."""
    if isinstance(x, torch.utils.data.Dataset):
        return True
    plain = (
        isinstance(x, list | tuple | dict | str | Tensor) or hasattr(x, "__array__") or hasattr(x, "toarray")
    )
    return not plain and hasattr(x, "__getitem__") and hasattr(x, "__len__")


def _array(x: Any, what: str) -> Tensor | np.ndarray:
    if isinstance(x, Tensor):
        if x.layout != torch.strided:
            raise ValueError(f"{what} is a sparse tensor: give x.to_dense().")
        return x.detach().cpu()
    if hasattr(x, "toarray"):
        raise ValueError(f"{what} is a sparse matrix: give x.toarray(), or a dense projection of it.")
    try:
        return np.asarray(x)
    except ValueError as error:  # numpy's word for ragged lists
        raise ValueError(f"{what} has rows of different lengths: give a rectangular array.") from error


def convert(x: Any, what: str) -> Tensor:
    """`x` as uint8 images (n, channels, h, w) for 3 or 4 dimensions, as a float32 table (n, d) for 2."""
    x = _array(x, what)
    if isinstance(x, np.ndarray):
        if x.dtype.kind not in "biuf":
            raise ValueError(
                f"{what} holds {x.dtype.name} values, not numbers: encode them (pandas.get_dummies does)."
            )
        if x.dtype.itemsize > 8 or (x.dtype.kind == "u" and x.dtype.itemsize > 1) or not x.dtype.isnative:
            x = x.astype(np.float64)  # torch has no wide floats, nor much for wide unsigned numbers
        # a copy where torch could not own or read the memory; otherwise the array is shared, never written to
        x = torch.from_numpy(x if x.flags.writeable and min((*x.strides, 0)) >= 0 else x.copy())
    if x.is_complex():
        raise ValueError(f"{what} holds complex numbers: give their real parts, or absolute values.")
    if x.ndim not in (2, 3, 4):
        raise ValueError(
            f"{what} has shape {tuple(x.shape)}: a table is (rows, features), "
            "images are (rows, height, width) or (rows, channels, height, width)."
        )
    if x.numel() == 0:
        raise ValueError(
            f"{what} is empty: shape {tuple(x.shape)}; at least one row and one feature is needed."
        )
    if x.ndim == 2:
        x = x.float().contiguous()
        refuse_non_finite(x, what)
        return x
    return _pixels(_channels_first(x, what), what)


def _channels_first(x: Tensor, what: str) -> Tensor:
    if x.ndim == 3:
        return x[:, None]
    first, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if first == last:
        why = "could be channels-first or channels-last" if first else "has neither 1 nor 3 channels"
        raise ValueError(
            f"{what} has shape {tuple(x.shape)}, which {why}: "
            "give (rows, channels, height, width) with 1 or 3 channels."
        )
    return x if first else x.permute(0, 3, 1, 2)


def _pixels(x: Tensor, what: str) -> Tensor:
    if x.dtype == torch.uint8:
        return x.contiguous()
    if x.dtype == torch.bool:
        return x.to(torch.uint8).mul_(255).contiguous()
    if x.is_floating_point():
        refuse_non_finite(x.reshape(len(x), -1), what)
    low, high = float(x.min()), float(x.max())
    if x.is_floating_point() and 0 <= low and high <= 1:
        return (x * 255).round().to(torch.uint8).contiguous()
    # values like 0..16 are neither scale: taken as 0..255 they would be nearly black
    if 0 <= low and 32 <= high <= 255:
        return x.round().to(torch.uint8).contiguous()
    raise ValueError(
        f"{what} holds pixels in {low:.4g}..{high:.4g}, neither 0..1 nor 0..255: undo a normalization first, "
        "give uint8, or make it a table with x.reshape(len(x), -1)."
    )


def _from_frame(frame: Any, y: Any, files: Any, columns: Sequence[str] | None) -> tuple:
    """(x, y, files, column names) of a frame; `y` and `files` may name columns, `columns` picks features."""
    label, paths = y if isinstance(y, str) else None, files if isinstance(files, str) else None
    for wanted in (label, paths, *(columns or ())):
        if wanted is not None and wanted not in frame.columns:
            from difflib import get_close_matches

            near = get_close_matches(str(wanted), map(str, frame.columns), n=3)
            there = ", ".join(map(str, frame.columns[:8]))
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {there}."
            raise ValueError(f"The frame has no column {wanted!r}: {hint}")
    table = (
        frame[list(columns)] if columns else frame.drop(columns=[c for c in (label, paths) if c is not None])
    )
    words = [str(column) for column, dtype in table.dtypes.items() if dtype.kind not in "biuf"]
    if words:
        raise ValueError(
            f"Columns {', '.join(words[:5])} hold no numbers: drop them, encode them (pandas.get_dummies), "
            'or name the label column with y="...".'
        )
    x = table.to_numpy(dtype="float32", na_value=np.nan)
    if (bad := ~np.isfinite(x)).any():
        column = table.columns[int(bad.any(axis=0).argmax())]
        rows = np.flatnonzero(bad.any(axis=1))
        first = ", ".join(map(str, rows[:5]))
        raise ValueError(
            f"The frame has NaN or infinite values in {len(rows):,} rows ({first}), "
            f"first in column {column!r}: drop or fill them before loading."
        )
    return (
        x,
        frame[label] if label is not None else y,
        frame[paths] if paths is not None else files,
        table.columns,
    )


def _from_dataset(dataset: Any) -> tuple[Any, Any]:
    """(x, y) of a map-style torch Dataset whose items are x or (x, y), read once."""
    if not hasattr(dataset, "__len__") or isinstance(dataset, torch.utils.data.IterableDataset):
        raise ValueError(
            "The Dataset has no items by number: give a map-style one (with __getitem__ and __len__)."
        )
    if isinstance(dataset, torch.utils.data.TensorDataset) and len(dataset.tensors) <= 2:
        return (*dataset.tensors, None)[:2]
    xs, ys = [], []
    with bar("reading the Dataset"):
        for i in track(range(len(dataset)), "items"):
            item = dataset[i]
            x, y = item if isinstance(item, tuple | list) and len(item) == 2 else (item, None)
            if isinstance(x, tuple | list | dict):
                raise ValueError(
                    f"Item {i} of the Dataset is no pair (x, y): wrap the Dataset so that it gives one."
                )
            x = torch.from_numpy(np.array(x)) if not isinstance(x, Tensor) else x.detach()
            if xs and x.shape != xs[0].shape:
                raise ValueError(
                    f"Item {i} of the Dataset has shape {tuple(x.shape)}, item 0 {tuple(xs[0].shape)}: "
                    "add a transform that makes all alike."
                )
            xs.append(x)
            ys.append(y.item() if isinstance(y, Tensor | np.generic) else y)
    if not xs:
        raise ValueError("The Dataset is empty: at least one item is needed.")
    return torch.stack(xs), None if all(y is None for y in ys) else ys
