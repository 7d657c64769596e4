"""Arrays and tensors of any make as plain torch tensors, or refused in one sentence that says what they are."""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coreset_explore.inputs.checks import first_rows, refuse_masked, shown

ENCODE = "encode them (pandas.get_dummies does)"
EMBED = "embed them, with a sentence encoder or scikit-learn's TfidfVectorizer and TruncatedSVD"
EXACT = 2**24  # up to here float32 holds every whole number
SHARE = 1e-3  # of a column's middle that rounding may move its numbers by


def tensor(x: Any, what: str, hint: str = ENCODE) -> Tensor:
    """`x` as a dense tensor of numbers that torch can compute with, apart from any graph, on the device it lies on.

    An array that torch can read and may write to is shared, any other copied. Objects that are numbers, and vectors of
    one length, are made one array.
    """
    if isinstance(x, Tensor):
        if x.layout != torch.strided:
            raise ValueError(f"{what} is a sparse tensor: give x.to_dense().")
        return x.detach()
    if hasattr(x, "toarray"):
        raise ValueError(f"{what} is a sparse matrix: give x.toarray(), or a dense projection of it.")
    refuse_masked(x, what)
    try:
        x = np.asarray(x)
    except (ValueError, TypeError) as error:  # numpy's word for ragged lists
        raise ValueError(f"{what} has rows of different lengths: give a rectangular array.") from error
    if x.dtype.kind in "OT" and x.ndim:
        x = of_objects(x.astype(object), what, hint)
    if x.dtype.kind not in "biufc":
        raise ValueError(f"{what} holds {_others(x, hint)}.")
    if x.dtype.itemsize > 8 or (x.dtype.kind == "u" and x.dtype.itemsize > 1) or not x.dtype.isnative:
        # torch has no wide floats, nor much for wide unsigned numbers
        x = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    return torch.from_numpy(x if x.flags.writeable and min((*x.strides, 0)) >= 0 else x.copy())


def single(x: Tensor, what: str, columns: Sequence[Any] | None = None) -> Tensor:
    """A table (n, d) as float32; ValueError names a column whose numbers float32 cannot tell apart.

    Times and long numbers lie so far from zero that they would become a few equal values. A column is lost where
    whole numbers merge, or where rounding moves the middle eight tenths of a sample of rows by more than a thousandth
    of what they span. Costs one pass; the sample is 2^20 numbers at most.
    """
    if x.dtype not in (torch.float64, torch.int32, torch.int64) or x.numel() == 0:
        return x.to(torch.float32)
    low, high = x.amin(0).double(), x.amax(0).double()
    most = torch.maximum(low.abs(), high.abs())
    inside = most <= torch.finfo(torch.float32).max  # what overflows, or is none, has a sentence of its own
    for j in (inside & (most > EXACT)).nonzero().flatten().tolist():
        column = x[:, j]
        if not x.is_floating_point() or bool((column == column.round()).all()):
            before, after = len(column.unique()), len(column.float().unique())
            if after < 0.99 * before:
                raise ValueError(_merged(what, j, columns, f"{before:,} different numbers become {after:,}"))
    if x.is_floating_point():
        rows = max(64, min(1024, 2**20 // x.shape[1]))
        sample = x[:: -(-len(x) // rows)].sort(dim=0).values
        cut = len(sample) // 10
        middle = sample[cut : len(sample) - cut]
        span, ends = middle[-1] - middle[0], (high - low)
        span = torch.where(span > 0, span, ends)  # mostly one value: the others are what it tells
        moved = (middle - middle.float().double()).abs().amax(0)
        noise = ends <= 1e-13 * most  # equal but for the last digits of a sum
        if len(lost := (inside & ~noise & (moved > SHARE * span)).nonzero().flatten()):
            j = int(lost[0])
            raise ValueError(
                _merged(
                    what, j, columns, f"rounded, they move by {float(moved[j]):.2g} of {float(span[j]):.2g}"
                )
            )
    return x.to(torch.float32)


def of_objects(x: np.ndarray, what: str, hint: str = ENCODE) -> np.ndarray:
    """Python objects as one array, where each is a number (None is NaN) or a vector of one length with the others."""
    flat = x.reshape(-1)
    if x.ndim == 1 and len(flat) and any(_is_vector(v) for v in flat):
        return _stacked(flat, what)
    for place, value in enumerate(flat):
        if not (_is_number(value) or missing(value)):
            row = place // max(len(flat) // max(len(x), 1), 1)
            raise ValueError(f"{what} holds {described(value, hint)}, first in row {row:,}.")
    if any(isinstance(v, complex) for v in flat):
        return x.astype(np.complex128)
    return np.array([float(v) if _is_number(v) else np.nan for v in flat]).reshape(x.shape)


def described(value: Any, hint: str = ENCODE) -> str:
    """What an object is that is no number, and what to do about it."""
    if isinstance(value, str):
        return f"text ({shown(value)}), not numbers: {EMBED if len(value.split()) > 2 else hint}"
    if isinstance(value, bytes | bytearray):
        return "bytes, not numbers: decode them first, as pictures with PIL.Image.open(io.BytesIO(x))"
    if isinstance(value, Mapping):
        return "dictionaries, not numbers: make each key a column (pandas.json_normalize does)"
    if isinstance(value, datetime.date | datetime.timedelta | np.datetime64 | np.timedelta64):
        return "dates, not numbers: give seconds from the first one, (x - x.min()).dt.total_seconds() of a column"
    if hasattr(value, "getbands"):
        return "pictures: make them one array, numpy.stack([numpy.asarray(p) for p in x])"
    return f"objects of type {type(value).__name__}, not numbers: give the numbers that they stand for"


def missing(value: Any) -> bool:
    """None, and the not-a-something of numpy and pandas; never a word like "nan"."""
    if isinstance(value, str | bytes):
        return False
    return value is None or value is np.ma.masked or str(value) in ("nan", "<NA>", "NaT")


def _others(x: np.ndarray, hint: str) -> str:
    """What numpy has a type for and is no number."""
    if x.ndim == 0 and isinstance(x.item(), Iterator):
        return f"a {type(x.item()).__name__}, which is read once and has no length: give list(…) of it"
    if x.ndim == 0:
        return f"{shown(x.item())}, not numbers: {hint}"
    if x.dtype.kind == "U" and x.size:
        return described(str(max(x.flat, key=len)), hint)
    if x.dtype.names:
        return (
            f"records of {', '.join(x.dtype.names)}, not numbers: give them as a frame, pandas.DataFrame(x)"
        )
    if x.dtype.kind in "mM":
        return (
            f"{x.dtype.name} values, not numbers: give seconds from the first one, (x - x.min()) / "
            "numpy.timedelta64(1, 's')"
        )
    return f"{x.dtype.name} values, not numbers: {hint}"


def _is_vector(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Number) and not isinstance(value, np.timedelta64)


def _stacked(vectors: np.ndarray, what: str) -> np.ndarray:
    """Vectors (n,), each an array, a list or a tensor, as one array (n, …)."""
    if len(none := [i for i, v in enumerate(vectors) if not _is_vector(v)]):
        lacks = (
            "lacks its vector"
            if missing(vectors[none[0]])
            else f"holds {shown(vectors[none[0]])} for a vector"
        )
        raise ValueError(f"{what} {lacks} in {len(none):,} rows ({first_rows(none)}): drop or fill them.")
    parts = [tensor(v, what).cpu().numpy() for v in vectors]
    if len(odd := [i for i, part in enumerate(parts) if part.shape != parts[0].shape]):
        raise ValueError(
            f"{what} has rows of different lengths, {parts[0].shape} in row 0 and {parts[odd[0]].shape} in row "
            f"{odd[0]:,}: give vectors of one length."
        )
    return np.stack(parts)


def _merged(what: str, column: int, columns: Sequence[Any] | None, how: str) -> str:
    name = column if columns is None else repr(columns[column])
    return (
        f"Column {name} of {what} holds numbers that float32 cannot tell apart ({how}): take its mean off first, and "
        "divide by its spread where that is tiny."
    )
