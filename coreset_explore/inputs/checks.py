"""What a caller passed, made into what the library computes with, or refused in one sentence.

Every function takes the value and `what`, the argument's name, and raises ValueError saying what came, what was
expected and what to do. Whole numbers and real ones may be Python's, numpy's or torch's; True and False are neither.
"""

from __future__ import annotations

import difflib
import math
import numbers
import operator
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import Tensor

Named = tuple[str, dict[str, Any]]
PACKAGE = __name__.partition(".")[0]


class RowError(IndexError, ValueError):
    """A row that is not there: an IndexError to whoever slices, a ValueError to whoever passes row numbers."""


_gathered: ContextVar[list[str] | None] = ContextVar("coreset_explore_gathered", default=None)


def warn(sentence: str) -> None:
    """A warning at the line outside this library that led here, or one more sentence for whoever gathers them."""
    if (told := _gathered.get()) is not None:
        told.append(sentence)
        return
    depth, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        depth, frame = depth + 1, frame.f_back
    warnings.warn(sentence, stacklevel=depth)


@contextmanager
def gathered() -> Iterator[list[str]]:
    """Within the block `warn` adds to this list instead: for runs of many, which keep what was said with each."""
    told: list[str] = []
    token = _gathered.set(told)
    try:
        yield told
    finally:
        _gathered.reset(token)


def whole(value: Any, what: str, low: float = -math.inf, high: float = math.inf) -> int:
    """A whole number from `low` to `high`."""
    try:
        found = None if _truth(value) else operator.index(value)
    except TypeError:
        found = None
    if found is None:
        raise ValueError(f"{what} is a whole number{_bounds(low, high)}, not {shown(value)}")
    return _within(found, what, low, high, "a whole number")


def real(value: Any, what: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A number from `low` to `high`; an int stays one."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 0:
        value = value.item()
    if _truth(value) or not isinstance(value, numbers.Real) or math.isnan(value):
        raise ValueError(f"{what} is a number{_bounds(low, high)}, not {shown(value)}")
    return _within(
        int(value) if isinstance(value, numbers.Integral) else float(value), what, low, high, "a number"
    )


def truth(value: Any, what: str) -> bool:
    """True or False."""
    if not _truth(value):
        raise ValueError(f"{what} is True or False, not {shown(value)}")
    return bool(value)


def seed(value: Any, what: str = "seed") -> int:
    """What a torch.Generator can start from."""
    return whole(value, what, -(2**63), 2**63 - 1)


def choice(value: Any, what: str, choices: Collection[Any]) -> Any:
    """One of the declared choices; the nearest is offered for a misspelt one."""
    for known in choices:
        if isinstance(value, type(known)) and value == known:
            return known
    near = nearest(value, [c for c in choices if isinstance(c, str)], 1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{what} is one of {', '.join(map(repr, choices))}, not {shown(value)}{guess}")


def nearest(name: Any, known: Iterable[str], count: int = 3, cutoff: float = 0.6) -> list[str]:
    """The known names most like this one, capitals, spaces, hyphens and underscores aside; none for what is no name."""
    if not isinstance(name, str):
        return []
    plain: dict[str, list[str]] = {}
    for one in known:
        plain.setdefault(_plain(one), []).append(one)
    close = difflib.get_close_matches(_plain(name), plain, count, cutoff)
    return [one for key in close for one in plain[key]][:count]


def named(value: Any, what: str) -> Named:
    """A name with its options, from "name", ["name"] or ("name", {options})."""
    parts = [value] if isinstance(value, str) else value
    if isinstance(parts, tuple | list) and len(parts) in (1, 2) and isinstance(parts[0], str):
        options = parts[1] if len(parts) == 2 else {}
        if isinstance(options, Mapping):
            return parts[0], dict(options)
    raise ValueError(f'{what} is a name, or ("name", {{options}}), not {shown(value)}')


def names(value: Any, what: str) -> list[Named]:
    """Names with their options, from one of them or a list of them; None is none."""
    if value is None:
        return []
    single = isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], Mapping)
    if isinstance(value, str) or (single and isinstance(value[0], str)):
        return [named(value, what)]
    if not isinstance(value, tuple | list):
        raise ValueError(f'{what} is a list of ("name", {{options}}), not {shown(value)}')
    return [named(one, what) for one in value]


def rows(value: Any, what: str, n: int | None = None, *, negative: bool = False) -> Tensor:
    """Row numbers as int64 (k,): from 0, and below `n` where it is given; a mask of n rows is as good.

    `negative` counts from the end, as Python does.
    """
    refuse_masked(value, what)
    wanted = f"{what} is a list of row numbers from 0" + ("" if n is None else f" to {n - 1:,}")
    try:
        value = sorted(value) if isinstance(value, set | frozenset) else value
        if isinstance(value, str | bytes | Mapping):
            raise TypeError("a text or a mapping is no list")
        found = value if isinstance(value, Tensor) else _plain_numbers(value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{wanted}, not {shown(value)}") from None
    if found.ndim == 0:
        raise ValueError(f"{wanted}, not {shown(value)} alone; give [{shown(value)}]")
    if found.ndim != 1 or (len(found) and (found.is_floating_point() or found.is_complex())):
        raise ValueError(f"{wanted}, whole numbers in one dimension, not {shown(value)}")
    if found.dtype == torch.bool and n is None:
        raise ValueError(f"{wanted}, not a mask; give mask.nonzero().flatten()")
    if found.dtype == torch.bool:
        if len(found) != n:
            raise ValueError(
                f"{what} is a mask of {len(found):,} rows and there are {n:,}; give one entry a row"
            )
        return found.nonzero().flatten()
    found = found.to(torch.int64)
    if len(found):
        low, high = -(n or 0) if negative else 0, math.inf if n is None else n - 1
        bad = found.min() if found.min() < low else found.max()
        if not low <= bad <= high:
            raise RowError(f"{wanted}, and row {int(bad):,} was asked for; leave it out")
    return found.remainder(n) if negative and n else found


def refuse_masked(value: Any, what: str) -> None:
    """Raise a sentence naming the masked rows of a numpy masked array: numpy drops the mask, and what is under it."""
    if isinstance(value, np.ma.MaskedArray) and (mask := np.ma.getmaskarray(value)).any():
        bad = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1)) if mask.ndim else [0]
        raise ValueError(
            f"{what} has masked values, which are missing, in {len(bad):,} rows ({first_rows(bad)}): drop those rows, "
            "or fill them, x.filled(…)"
        )


def first_rows(rows: Collection[Any]) -> str:
    """The first five row numbers, as they can stand in a sentence."""
    return ", ".join(map(str, list(rows)[:5])) + (", …" if len(rows) > 5 else "")


def shown(value: Any) -> str:
    """The value as it can stand in a sentence: short, on one line."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim:
        return f"{type(value).__name__} of {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    text = repr(value)
    if "\n" in text or " object at 0x" in text:
        return f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _truth(value: Any) -> bool:
    return isinstance(value, bool | np.bool_) or getattr(value, "dtype", None) in (torch.bool, np.bool_)


def _within(value: Any, what: str, low: float, high: float, kind: str) -> Any:
    if low <= value <= high:
        return value
    if math.isfinite(low) and math.isfinite(high):
        raise ValueError(f"{what} lies between {low:g} and {high:g}, got {value!r}")
    raise ValueError(f"{what} is {kind}{_bounds(low, high)}, not {value!r}")


def _bounds(low: float, high: float) -> str:
    """Those worth a word: what merely fits a machine's numbers is none."""
    return (f" from {low:g}" if abs(low) < 1e15 else "") + (f" to {high:g}" if abs(high) < 1e15 else "")


def _plain_numbers(value: Any) -> Tensor:
    found = np.array(value)  # a copy: torch warns of arrays that may not be written to
    return torch.from_numpy(found.astype(np.int64) if found.dtype.kind in "iu" else found)


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c not in " -_")
