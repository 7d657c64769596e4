"""Labels of any kind as class numbers."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from coreset_explore.inputs import frames
from coreset_explore.inputs.arrays import missing, tensor
from coreset_explore.inputs.classes import MOST_CLASSES, class_names, composed, natural

NO_LABEL = {-1, -100}  # scikit-learn's mark of a row that nobody labelled, and torch's


def code_labels(
    y: Any,
    classes: Any = None,
    what: str = "y",
    numbers: Literal["codes", "names"] = "codes",
) -> tuple[Tensor, tuple[str, ...], bool]:
    """Labels (n,) as int64 class numbers, the class names, and whether these numbers were made here.

    Whole numbers are class numbers already ("codes": they stay, so a class may be empty) or the classes' "names", as
    every other kind of label is: numbered in the order of `classes`, or sorted as a person sorts (2 before 10). A
    pandas categorical brings its own classes. Raises ValueError for missing labels, for marks of a missing one, for a
    continuous target, and for labels that are no class.
    """
    y = frames.series(y)
    if classes is None and hasattr(getattr(y, "dtype", None), "categories"):
        return _of_categories(y, what)
    values = _plain(y, what)
    names = None if classes is None else class_names(classes)
    whole = values.dtype.kind in "biu"
    if whole and numbers == "codes" and names is not None:
        values = values.astype(np.int64)
        if len(values) and not 0 <= values.min() <= values.max() < len(names):
            least, most = values.min(), values.max()
            raise ValueError(
                f"{what} holds {least}..{most}, but {len(names)} classes are 0..{len(names) - 1}"
            )
        return torch.from_numpy(values), names, False
    if whole and numbers == "codes" and len(values) and 0 <= values.min() and values.max() < MOST_CLASSES:
        codes = values.astype(np.int64)
        return torch.from_numpy(codes), tuple(str(i) for i in range(int(codes.max()) + 1)), False
    found, inverse = _different(values)
    texts = [composed(str(v)) for v in found]
    if names is None:  # numbers are in order already
        names = tuple(texts) if whole else tuple(sorted(set(texts), key=natural))
    number = {composed(name): i for i, name in enumerate(names)}
    if len(number) < len(names):
        twice = next(name for i, name in enumerate(names) if number[composed(name)] != i)
        raise ValueError(
            f"classes holds {twice!r} twice, and labels are found by their names: name each once"
        )
    if unknown := [text for text in texts if text not in number]:
        listed = ", ".join(unknown[:3])
        raise ValueError(f"{what} has labels that are no class: {listed}; classes are {', '.join(names)}")
    own = np.array([number[text] for text in texts], dtype=np.int64)
    made = classes is None and not (whole and np.array_equal(own, found.astype(np.int64)))
    return torch.from_numpy(own[inverse.reshape(-1)]), names, made


def _different(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels, each once, and which of them every row has; text by a dictionary, which sorts nothing."""
    if values.dtype.kind != "O":
        return np.unique(values, return_inverse=True)
    labels = values.tolist()
    place = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    inverse = np.fromiter(map(place.__getitem__, labels), dtype=np.int64, count=len(labels))
    return np.array(list(place), dtype=object), inverse


def _of_categories(y: Any, what: str) -> tuple[Tensor, tuple[str, ...], bool]:
    """Of a pandas Series, Index or Categorical of categories, each of which is a class."""
    codes = np.asarray(getattr(y, "cat", y).codes).astype(np.int64)
    _refuse(codes < 0, what)
    names = class_names(y.dtype.categories)
    return torch.from_numpy(codes), names, list(names) != [str(i) for i in range(len(names))]


def _plain(y: Any, what: str) -> np.ndarray:
    """Labels as one array (n,) of whole numbers or text, none of them missing."""
    y = tensor(y, what).cpu().numpy() if isinstance(y, Tensor) else y
    try:
        values = np.asanyarray(y)
    except ValueError:  # numpy's word for ragged lists
        raise ValueError(f"{what} has labels of several lengths: give one label a row") from None
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1:
        hint = "; y.argmax(1) turns one-hot rows into labels" if values.ndim == 2 else ""
        raise ValueError(f"{what} has shape {values.shape}: give one label a row{hint}")
    masked = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    values = np.asarray(values)
    if masked is not None and masked.any():
        _refuse(masked, what)
    kind = values.dtype.kind
    if kind == "S":  # what HDF5 and ARFF files hold
        values = values.astype(object)
    if kind in "cV":
        raise ValueError(
            f"{what} holds {values.dtype.name} values, which name no class: give words or whole numbers"
        )
    if values.dtype.kind in "OTU":
        values = _of_objects(values.astype(object), what)
    elif kind in "fmM":
        _refuse(np.isnat(values) if kind in "mM" else ~np.isfinite(values), what)
    if values.dtype.kind == "f":
        if (fraction := values != np.round(values)).any():
            odd = values[fraction][0]
            raise ValueError(
                f"{what} holds {odd:.4g}, no class: bin a continuous target (numpy.digitize does)"
            )
        if len(values) and np.abs(values).max() > 2 / np.finfo(values.dtype).eps:
            raise ValueError(
                f"{what} holds {np.abs(values).max():.4g}, where {values.dtype.name} has lost the last digits: give "
                "whole numbers, or words"
            )
        values = values.astype(np.int64)
    if values.dtype.kind == "u" and len(values) and values.max() > np.iinfo(np.int64).max:
        values = _text(values)
    return _labelled(values, what) if values.dtype.kind == "i" else values


def _of_objects(values: np.ndarray, what: str) -> np.ndarray:
    """Labels that numpy keeps as Python objects: numbers where all are numbers, else text, each a str."""
    kinds = set(map(type, values))
    if kinds <= {str}:
        return values
    _refuse(np.array([missing(v) for v in values], dtype=bool), what)
    if len(values) and all(isinstance(v, int | float | np.number | np.bool_) for v in values):
        if any(isinstance(v, float | np.floating) for v in values):
            return np.asarray(values.tolist(), dtype=np.float64)
        least, most = min(values), max(values)
        whole = -(2**63) <= least and most < 2**63
        return np.asarray(values.tolist()) if whole else _text(values)
    try:
        texts = _text([v.decode() if isinstance(v, bytes) else v for v in values])
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} holds bytes that are no UTF-8 text: decode them first") from error
    if len(kinds) > 1:
        words = {text for text, v in zip(texts, values) if isinstance(v, str | bytes)}
        if both := words & {text for text, v in zip(texts, values) if not isinstance(v, str | bytes)}:
            raise ValueError(
                f"{what} holds {min(both)} as a text and as a number: make all labels of one kind"
            )
    return texts


def _text(values: Any) -> np.ndarray:
    return np.array([str(v) for v in values], dtype=object)


def _labelled(values: np.ndarray, what: str) -> np.ndarray:
    """The numbers, unless a single negative one among them marks rows that have no label."""
    if not len(values) or values.min() >= 0:
        return values
    found = set(np.unique(values).tolist())
    if {v for v in found if v < 0} <= NO_LABEL and found != {-1, 1}:
        rows = np.flatnonzero(values < 0)
        mark, first = int(values[rows[0]]), ", ".join(map(str, rows[:5]))
        raise ValueError(
            f"{what} holds {mark}, which marks rows without a label, in {len(rows):,} rows (first {first}): leave them "
            f"out, or, where {mark} is a class, give words, as y.astype(str)"
        )
    return values


def _refuse(missing: np.ndarray, what: str) -> None:
    if missing.any():
        count, first = missing.sum(), ", ".join(map(str, np.flatnonzero(missing)[:5]))
        raise ValueError(
            f"{what} lacks {count:,} labels (first in rows {first}): drop those rows, or name them"
        )
