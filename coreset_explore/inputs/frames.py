"""Frames of any make: their features as one table, their labels by name, and an index that finds the rows again."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from coreset_explore.inputs.arrays import EMBED, described, of_objects, single
from coreset_explore.inputs.checks import first_rows, nearest, shown

FRAMES = ("__dataframe__", "to_pandas", "__arrow_c_stream__", "columns", "column_names")


class Parts(NamedTuple):
    """A frame taken apart. `picked` are the columns of x as the frame calls them, `columns` the names of all of x's."""

    x: Tensor
    y: Any
    files: Any
    columns: tuple[str, ...]
    picked: list[Any]
    label: Any
    index: Any


def is_frame(x: Any) -> bool:
    """Whether x is a frame of any make, or a pandas column of vectors, without importing pandas for what is none."""
    if _is_pandas(x, "DataFrame") or (_is_pandas(x, "Series") and x.dtype.kind == "O"):
        return True
    kind = type(x)
    if kind.__module__.startswith("coreset_explore.") or not any(hasattr(kind, name) for name in FRAMES):
        return False
    if hasattr(kind, "__dataframe__") or _known(x) is not None:
        return True
    gives = hasattr(kind, "to_pandas") or hasattr(kind, "__arrow_c_stream__")
    return gives and (hasattr(x, "columns") or hasattr(x, "column_names"))


def framed(x: Any, what: str = "The frame") -> Any:
    """The frame as a pandas one: what narwhals knows (polars, pyarrow, DuckDB, …), what gives one, what Arrow reads."""
    if _is_pandas(x, "Series"):
        return x.to_frame(0 if x.name is None else x.name)
    if _is_pandas(x, "DataFrame"):
        return x
    try:
        if (known := _known(x)) is not None:
            import narwhals

            known = known.collect() if isinstance(known, narwhals.LazyFrame) else known
            loose = [c for c, kind in known.schema.items() if _is_loose(known[c], kind)]
            found = known.with_columns(*[known[c].cast(narwhals.String) for c in loose]).to_pandas()
        elif hasattr(x, "to_pandas"):
            found = x.to_pandas()
        elif hasattr(x, "__arrow_c_stream__"):
            import pyarrow

            found = pyarrow.table(x).to_pandas()
        else:
            from pyarrow.interchange import from_dataframe

            found = from_dataframe(x).to_pandas()
    except Exception as error:  # whatever another library raises, the user has a frame that is none here
        why = str(error).split("\n")[0]
        raise ValueError(
            f"{what} is a {type(x).__name__} that gives no pandas frame ({why}): give one, or arrays."
        ) from error
    if not _is_pandas(found, "DataFrame"):
        raise ValueError(f"{what} is a {type(x).__name__} and gives {shown(found)}: give a frame, or arrays.")
    return found


def series(y: Any) -> Any:
    """A column of another make as a pandas one, where it has categories; anything else as it is."""
    if not hasattr(type(y), "to_pandas") or _is_pandas(y, "Series"):
        return y
    import narwhals

    known = narwhals.from_native(y, series_only=True, pass_through=True)
    if isinstance(known, narwhals.Series):
        return (known.cast(narwhals.String) if _is_loose(known, known.dtype) else known).to_pandas()
    return y.to_pandas()


PLACE = "row of what was given"  # the name of an index that only counts rows, some of which are elsewhere


def placed(data: Any) -> Any:
    """Data of which rows were set aside, its own called by their places in what was given, unless a frame names them.

    So a selection's `keys` find the picks there, which its ids, counting the rows that are left, do not.
    """
    if data.index is not None or "row" not in data.truth:
        return data
    from pandas import Index

    return replace(data, index=Index(data.truth["row"].numpy(), name=PLACE))


def names_rows(index: Any) -> bool:
    """Whether an index is a frame's own, by which rows of another frame are found."""
    return index is not None and index.name != PLACE


def aligned(value: Any, index: Any, what: str) -> Any:
    """`value` with its rows in the order of `index`, where both are pandas' and say which row is which.

    Raises ValueError where the value's index names other rows: what stands at a place is not to be guessed.
    """
    if not names_rows(index) or not (_is_pandas(value, "Series") or _is_pandas(value, "DataFrame")):
        return value
    own = value.index
    if own.equals(index):
        return value
    if own.is_unique and index.is_unique and len(own) == len(index) and own.isin(index).all():
        return value.reindex(index)
    has, wants = (", ".join(map(str, some[:3].tolist())) for some in (own, index))
    raise ValueError(
        f"{what} has {len(own):,} rows called {has}, … and the frame {len(index):,} called {wants}, …: give "
        f"{what}.loc[frame.index], or {what}.to_numpy() to take them by position."
    )


def keys(index: Any, ids: Tensor) -> tuple | None:
    """What a frame's index calls the rows `ids`; None where it calls them by their numbers, or two of them alike."""
    if (
        index is None
        or not index.is_unique
        or (getattr(index, "start", None), getattr(index, "step", None)) == (0, 1)
    ):
        return None
    return tuple(index[ids.cpu().numpy()].tolist())


def parted(frame: Any, y: Any, files: Any, columns: Any, labels: str, what: str = "The frame") -> Parts:
    """Features, labels and files of a frame; `y` and `files` may name columns, `columns` picks the features.

    `labels` says where the caller's labels go. The column that y was taken from is no feature.
    """
    frame = framed(frame, what)
    y, files = (aligned(value, frame.index, name) for value, name in ((y, "y"), (files, "files")))
    if _is_pandas(y, "DataFrame") and y.shape[1] == 1:
        y = y.iloc[:, 0]
    label, paths = y if is_column(y) else None, files if isinstance(files, str) else None
    picked = [] if columns is None else [columns] if isinstance(columns, str) else list(columns)
    wanted = [c for c in (label, paths, *picked) if c is not None]
    if missing := [c for c in wanted if c not in frame.columns]:
        near = nearest(missing[0], map(str, frame.columns))
        there = ", ".join(map(str, frame.columns[:8]))
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {there}."
        raise ValueError(f"{what} has no column {', '.join(map(repr, missing[:5]))}: {hint}")
    if twice := [c for c in wanted if getattr(frame[c], "ndim", 1) > 1]:
        raise ValueError(f"{what} has several columns called {twice[0]!r}: name each column once.")
    name = label if label is not None else _taken(frame, series(y), what) if not picked else None
    table = frame[picked] if picked else frame.drop(columns=[c for c in (name, paths) if c is not None])
    x, names = _table(table, labels, what)
    return Parts(
        x,
        frame[label] if label is not None else y,
        frame[paths] if paths is not None else files,
        names,
        list(table.columns),
        name,
        frame.index,
    )


def is_column(name: Any) -> bool:
    """Whether this is a column's name (text, or a number as frames made from arrays have) rather than labels."""
    return isinstance(name, str | int | np.integer)


def _is_pandas(x: Any, kind: str) -> bool:
    """Whether x is pandas' DataFrame or Series, or of a class made from it; nobody has one who has not imported it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(x, getattr(pandas, kind, ()))


def _known(x: Any) -> Any:
    """x as narwhals' frame, lazy where it is, None where narwhals does not know it."""
    import narwhals

    found = narwhals.from_native(x, pass_through=True)
    return found if isinstance(found, narwhals.DataFrame | narwhals.LazyFrame) else None


def _is_loose(column: Any, kind: Any) -> bool:
    """Whether categories stand in the order they were met in, and some may belong to other columns: polars' do."""
    return str(kind) == "Categorical" and column.implementation.is_polars()


def _taken(frame: Any, y: Any, what: str) -> Any:
    """The name of the frame's column that y was taken from, None where there is none of its name."""
    name = getattr(y, "name", None)
    if name is None or not _is_pandas(y, "Series") or name not in frame.columns:
        return None
    own = frame[name]
    if own.ndim == 1 and own.isna().equals(y.isna()) and list(own.dropna()) == list(y.dropna()):
        return name
    raise ValueError(
        f"{what} has a column {name!r} that differs from y, which is called so too: drop it, frame.drop(columns="
        f"{name!r}), or it is learnt from as a feature."
    )


def _table(frame: Any, labels: str, what: str) -> tuple[Tensor, tuple[str, ...]]:
    """The columns of a frame as float32 (n, d) and their names; a column of vectors is as many columns."""
    n, called = len(frame), list(frame.columns)
    alike: dict[Any, list[int]] = {}  # columns by their type, taken together
    blocks: list[tuple[list[int], np.ndarray]] = []
    words: list[str] = []
    sentences = False
    for j, dtype in enumerate(frame.dtypes):
        if dtype.kind in "biuf" and isinstance(dtype, np.dtype):
            alike.setdefault(dtype, []).append(j)
        elif dtype.kind in "biuf":  # pandas' and pyarrow's own, which may lack values
            blocks.append(([j], frame.iloc[:, j].to_numpy(dtype="float64", na_value=np.nan)))
        elif dtype.kind in "mM":
            raise ValueError(
                f"Column {called[j]!r} of {what.lower()} holds {described(np.datetime64(0, 's'))}."
            )
        else:
            values = frame.iloc[:, j].to_numpy(dtype=object)
            if n == 0 or dtype.kind != "O" or hasattr(dtype, "categories") or any(map(_is_text, values)):
                words.append(str(called[j]))
                sentences |= any(_is_text(value) and len(str(value).split()) > 2 for value in values[:100])
            else:
                blocks.append(([j], of_objects(values, f"Column {called[j]!r} of {what.lower()}")))
    if words:
        ways = f"{EMBED}, drop them" if sentences else "drop them, encode them (pandas.get_dummies)"
        raise ValueError(f"Columns {', '.join(words[:5])} hold no numbers: {ways}, or {labels}.")
    blocks += [(places, frame.iloc[:, places].to_numpy()) for places in alike.values()]
    return _joined(blocks, called, n, what)


def _joined(
    blocks: list[tuple[list[int], np.ndarray]], called: list[Any], n: int, what: str
) -> tuple[Tensor, tuple[str, ...]]:
    """Columns side by side in the frame's order, none of their numbers lost on the way to float32."""
    width = [1] * len(called)
    for places, block in blocks:
        if n and len(places) == 1:
            width[places[0]] = block[0].size
    names = [[str(c)] if w == 1 else [f"{c}[{i}]" for i in range(w)] for c, w in zip(called, width)]
    start = np.cumsum([0, *width])
    x = torch.empty((n, int(start[-1])), dtype=torch.float32)
    for places, block in blocks:
        block = block.reshape(n, -1 if n else len(places))
        # a copy: pandas' numbers may not be written to, and torch has not all of numpy's kinds
        table = torch.from_numpy(block.astype(np.float64) if block.dtype.kind == "u" else np.array(block))
        at = torch.cat([torch.arange(int(start[j]), int(start[j + 1])) for j in places])
        first, last = int(at[0]), int(at[-1])
        # a slice is filled four times as fast as columns here and there
        into = slice(first, last + 1) if last - first + 1 == len(at) else at
        x[:, into] = single(table, what.lower(), [name for j in places for name in names[j]])
    every = tuple(name for own in names for name in own)
    # a sum is finite unless a value is not, or it overflows
    if not x.sum().isfinite() and (bad := ~x.isfinite()).any():
        column = every[int(bad.any(dim=0).int().argmax())]
        rows = bad.any(dim=1).nonzero().flatten().tolist()
        raise ValueError(
            f"{what} has NaN or infinite values in {len(rows):,} rows ({first_rows(rows)}), first in column "
            f"{column!r}: drop or fill them before loading."
        )
    return x, every


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
