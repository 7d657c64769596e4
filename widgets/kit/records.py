"""Records: how a value is written, which columns say most of a row, and which one is a text to read."""

from __future__ import annotations

from typing import Any

import numpy as np

ABSENT = "–"
LOOKED_AT = 4_000  # rows, evenly over all, by which columns are put in order
HASH = 16  # characters
PROSE = 30  # characters a value on average from which a column of words may be a text to read


def value(found: Any) -> str:
    """A field's value: numbers in six digits, a date without an hour that is none, a dash where it is absent."""
    if absent(found):
        return ABSENT
    if isinstance(found, float | np.floating):
        return f"{float(found):.6g}"
    if hasattr(found, "isoformat"):
        return found.isoformat().replace("T", " ").removesuffix(" 00:00:00")
    return str(found)


def absent(found: Any) -> bool:
    """None, NaN, NaT, and pandas' NA, which is not even unlike itself."""
    if found is None or type(found).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(found, float | np.floating | np.datetime64) and bool(found != found)


def varying(frame: Any) -> list[int]:
    """Columns by place: those that vary most first, constant ones behind, then hashes, ids that are all different last.

    A column of numbers varies by its spread, std / (|mean| + std); one of words by its distinct values, log d / log n.
    Words without a space are ids where nine in ten differ; what is HASH letters long in every row is a hash or a time.
    Of more than LOOKED_AT rows so many are looked at, evenly over all.
    """
    n = len(frame)
    some = frame.iloc[np.linspace(0, n - 1, LOOKED_AT).astype(int)] if n > LOOKED_AT else frame
    scores = [_varies(some.iloc[:, j]) for j in range(some.shape[1])]  # absent values count as alike
    return sorted(range(len(scores)), key=lambda j: -scores[j])


def _varies(column: Any) -> float:
    """0 to 1; -0.5 for a column of hashes or times, -1 for one that names its rows."""
    every, column = len(column), column.dropna()
    n = len(column)
    if n < 2:
        return 0.0
    there = n / every
    if column.dtype.kind in "iuf":
        named = n >= 100 or (n > 2 and column.is_monotonic_increasing)  # a few counts may well all differ
        if column.dtype.kind != "f" and named and column.is_unique:
            return -1.0
        numbers = column.to_numpy(dtype=float)
        with np.errstate(over="ignore", invalid="ignore"):
            spread, mean = float(numbers.std()), abs(float(numbers.mean()))
        known = spread > 0 and np.isfinite(mean + spread)
        return there * (spread / (mean + spread) if known else float(spread > 0))
    words = column if column.dtype.kind == "M" else column.map(str)
    distinct = int(words.nunique())
    if column.dtype.kind not in "mMb":
        if (distinct == n or (n >= 20 and distinct > 0.9 * n)) and not words.str.contains(r"\s").any():
            return -1.0
        length = words.str.len()
        if distinct > 1 and int(length.min()) >= HASH and length.nunique() == 1:
            return -0.5
    return float(there * np.log(distinct) / np.log(n))


def prose(frame: Any) -> int | None:
    """The place of the column that is a text to read: words with spaces, of PROSE characters and more, the longest."""
    n = len(frame)
    some = frame.iloc[np.linspace(0, n - 1, min(n, 500)).astype(int)] if n else frame
    best, longest = None, float(PROSE)
    for j in range(some.shape[1]):
        column = some.iloc[:, j].dropna()
        if column.dtype.kind in "biufcmM" or not len(column):
            continue
        words = [found for found in column if isinstance(found, str)]
        spaced = sum(any(map(str.isspace, found.strip())) for found in words)
        if len(words) < len(column) or 2 * spaced < len(words):
            continue
        mean = sum(map(len, words)) / len(words)
        if mean >= longest:
            best, longest = j, mean
    return best
