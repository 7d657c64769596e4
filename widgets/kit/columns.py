"""What is learnt from and what is shown: a frame's columns of numbers are features, its words and dates are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from coreset_explore.datasets import records
from coreset_explore.inputs import checks, frames
from widgets.kit.cards import Shown
from widgets.kit.markup import listed
from widgets.kit.records import absent, prose


class Given(Protocol):
    """What a panel was given, and what is shown of it: settings that `dataclasses.replace` changes."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def data(self) -> Any: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def texts(self) -> Any: ...
    @property
    def frame(self) -> Any: ...
    @property
    def render(self) -> Any: ...


Settings = TypeVar("Settings", bound=Given)


def parted(ask: Settings) -> tuple[Settings, str]:
    """The settings with the features that a frame given whole has, and which columns are these, in words.

    What is no number is left to be shown; a frame of numbers, and one whose `columns` were named, stays as it is.
    """
    frame = given_frame(ask.data)
    if frame is None or ask.options.get("columns") is not None:
        return ask, ""
    options = dict(ask.options)
    if options.get("y") is None and (label := records.label_of(whole(ask.data))) is not None:
        options["y"] = label
    y = ask.data[1] if isinstance(ask.data, tuple) else options.get("y")
    own = _named(y, options.get("files"), frame)
    left = [j for j, name in enumerate(frame.columns) if name not in own]
    learnt = [j for j in left if numeric(frame.iloc[:, j])]
    names = [frame.columns[j] for j in learnt]
    told = [str(frame.columns[j]) for j in left if j not in set(learnt)]
    if not told:
        return ask, ""
    if not learnt:
        raise ValueError(
            f"the frame's columns {listed(told)} hold no numbers, so there is nothing to select by; give features of "
            "these rows and show the frame, explore(X, y, frame=df)"
        )
    if isinstance(ask.texts, str) and len(learnt) == 1 and frame.iloc[:, learnt[0]].dtype.kind in "biuf":
        raise ValueError(
            f"the frame's only numbers are the column {names[0]!r}, and its texts are not learnt from: all would be "
            "judged by that one number; give features made of the texts and show the frame, explore(X, y, frame=df, "
            f"texts={ask.texts!r}), or mean it, columns=[{names[0]!r}]"
        )
    said = f"learnt from: {listed([str(name) for name in names])}; shown: {listed(told)}"
    if len(set(names)) == len(names) and not isinstance(ask.data, tuple):
        return replace(ask, options={**options, "columns": names}), said
    kept = frame.iloc[:, [j for j, name in enumerate(frame.columns) if name in own or j in set(learnt)]]
    if isinstance(ask.data, tuple):
        return replace(ask, data=(kept, y)), said
    return replace(ask, data=kept, options=options), said


def given_frame(data: Any) -> Any:
    """The pandas frame that the data is, alone or as the x of a pair; None for anything else."""
    x = whole(data)
    if not frames.is_frame(x) or getattr(x, "ndim", 2) != 2 or records.of_pictures(x):
        return None
    return frames.framed(x)


def whole(data: Any) -> Any:
    """The data, or the x of a pair."""
    return data[0] if isinstance(data, tuple) and len(data) == 2 else data


def numeric(column: Any) -> bool:
    """Whether a column can be features: numbers, truths, or vectors. What it lacks is for `load` to say."""
    if column.dtype.kind in "biuf":
        return True
    if column.dtype.kind != "O" or hasattr(column.dtype, "categories"):
        return False
    first = next((found for found in column if not absent(found)), None)
    return first is not None and not isinstance(first, str) and _is_number(first)


def _is_number(found: Any) -> bool:
    import decimal
    import numbers

    return isinstance(found, numbers.Number | decimal.Decimal) or hasattr(found, "__array__")


def _named(y: Any, files: Any, frame: Any) -> set:
    """The frame's columns that are labels or paths, and so neither learnt from nor shown as the rest."""
    found = {name for name in (y, files) if frames.is_column(name) and name in frame.columns}
    own = getattr(y, "name", None)
    return found | ({own} if own is not None and hasattr(y, "index") and own in frame.columns else set())


def shown(ask: Given, data: Any) -> Shown | None:
    """What the rows of `data` are shown as: the texts, the frame and the rendering that were given, or its own columns.

    ValueError where they belong to other rows.
    """
    own = given_frame(ask.data)
    records_, texts = ask.frame, ask.texts
    if records_ is not None:
        records_ = frames.framed(records_, "frame")
    elif own is not None:
        y = ask.data[1] if isinstance(ask.data, tuple) else ask.options.get("y")
        taken = _named(y, ask.options.get("files"), own)
        records_ = own.loc[:, [name not in taken for name in own.columns]]
    if isinstance(texts, str):
        records_, texts = _column(records_, texts)
    elif texts is None and records_ is not None and (j := prose(records_)) is not None:
        texts, records_ = records_.iloc[:, j], _without(records_, j)
    if texts is not None:
        texts = _rows(texts, data, "texts", "texts")
    if records_ is not None:
        records_ = _rows(records_, data, "frame", "rows") if records_.shape[1] else None
    if texts is not None and records_ is not None:
        records_ = _without_texts(records_, texts)
    if texts is None and records_ is None and ask.render is None:
        return None
    row = data.truth.get("row")
    return Shown(texts, records_, ask.render, None if row is None else row.tolist())


def _column(frame: Any, name: str) -> tuple[Any, Any]:
    """The frame without the column of texts, and that column."""
    there = [] if frame is None else list(map(str, frame.columns))
    places = [j for j, called in enumerate(there) if called == name]
    if frame is None or not places:
        near = checks.nearest(name, there, 1) if there else []
        hint = f"did you mean {near[0]!r}?" if near else "give one text a row, in order"
        raise ValueError(f"texts names the column {checks.shown(name)}, which no frame here has; {hint}")
    return _without(frame, places[0]), frame.iloc[:, places[0]]


def _without(frame: Any, j: int) -> Any:
    return frame.iloc[:, [i for i in range(frame.shape[1]) if i != j]]


def _without_texts(frame: Any, texts: Any) -> Any:
    """The frame without columns that hold the very texts, which would be read twice; None where none is left."""
    wanted = list(texts)

    def same(column: Any) -> bool:
        if column.dtype.kind in "iufbM":
            return False
        pairs = zip(column, wanted, strict=True)
        return all(one is other or (isinstance(one, str) and one == other) for one, other in pairs)

    for j in reversed(range(frame.shape[1])):
        frame = _without(frame, j) if same(frame.iloc[:, j]) else frame
    return frame if frame.shape[1] else None


def _rows(values: Any, data: Any, what: str, things: str) -> Any:
    """One entry a row of `data`, in its order; found by name where both have an index."""
    values = frames.series(values)
    if not hasattr(values, "iloc"):
        if isinstance(values, np.ndarray):
            values = values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values
        elif isinstance(values, bytes | os.PathLike) or not hasattr(values, "__len__"):
            raise ValueError(f"{what} is {checks.shown(values)}; give a list, one entry a row")
    return of_rows(values, data, what, things)


def of_rows(values: Any, table, what: str, things: str) -> Any:
    """`values` for the rows of `table`, one each; or one a row of all there were, before some were set aside.

    What has an index goes to the rows of the same name. ValueError where neither their number nor their names fit.
    """
    index, n, rows, given = table.index, len(table), table.truth.get("row"), len(values)
    held = 0 if table.x_test is None else len(table.x_test)
    all_of_them = rows is not None and given != n and (given == n + held if held else given > int(rows.max()))
    own = getattr(values, "index", None)
    if frames.names_rows(index) and own is not None and not callable(own):
        if all_of_them and own.is_unique and index.isin(own).all():
            return values.loc[index]
        return frames.aligned(values, index, what)
    if rows is not None and all_of_them:
        if hasattr(values, "iloc"):
            return values.iloc[rows.tolist()]
        values = values.to_numpy() if hasattr(values, "to_numpy") else values  # a Series is asked by name
        return [values[i] for i in rows.tolist()]
    if given != n:
        rest = f", or {n + held:,} with those held out to test" if held else ""
        raise ValueError(f"{what} holds {given:,} {things} for {n:,} rows; give one a row, in order{rest}")
    return values


def checked_frame(frame: Any) -> Any:
    """The frame to be shown, as it was given; ValueError for what is none."""
    if frame is None or frames.is_frame(frame):
        return frame
    raise ValueError(
        f"frame is a data frame of the same rows, which is shown, not {checks.shown(frame)}; give pandas.DataFrame(…)"
    )


def checked_render(render: Any) -> Any:
    """The function that renders a row, as it was given; ValueError for what cannot be called."""
    if render is None or callable(render):
        return render
    raise ValueError(
        f"render is a function of a row's number that gives a str, a PIL image or a Path, not {checks.shown(render)}"
    )
