"""What a row is, in words: the text, the record or the rendering that stands for it, made when it is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from widgets.kit.markup import text as escaped
from widgets.kit.records import absent, value, varying

CLIPPED = 400  # characters of a text in a cell; all of it is in the large view
KEPT = 4_096  # renderings that are remembered


class Face(NamedTuple):
    """What one row shows: a picture, a text (None: there is none), and its fields (name, value) in order.

    `trouble` says why it could not be made. Nothing here is escaped.
    """

    picture: np.ndarray | None = None
    text: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    trouble: str = ""


@dataclass(frozen=True, eq=False)
class Shown:
    """What rows are shown as, one entry a row: `texts`, `records` (a pandas frame), `render(number)`.

    `numbers` (n,) is what the user calls each row, for `render`; None: its place.
    """

    texts: Sequence[Any] | None = None
    records: Any = None
    render: Callable[[int], Any] | None = None
    numbers: Sequence[int] | None = None
    _made: dict[int, Face] = field(default_factory=dict)
    _first: list[int] = field(default_factory=list)  # the records' columns, by place, that were put first

    @property
    def kind(self) -> str:
        """What most rows are: "texts", "records", "rendered", or "" where nothing is known of them."""
        if self.render is not None:
            return "rendered"
        return "texts" if self.texts is not None else "records" if self.records is not None else ""

    @property
    def order(self) -> list[int]:
        """The records' columns by place: those that were put first, then those that vary most."""
        return [*self._first, *(j for j in self._varying if j not in self._first)]

    @cached_property
    def _varying(self) -> list[int]:
        return [] if self.records is None else varying(self.records)

    @property
    def columns(self) -> list[str]:
        """What the records' columns are called."""
        return [] if self.records is None else [str(name) for name in self.records.columns]

    def put_first(self, names: Sequence[str]) -> None:
        """Show these columns first, in this order; a name that there is not is passed over."""
        columns = self.columns
        self._first[:] = [j for name in dict.fromkeys(names) for j, own in enumerate(columns) if own == name]
        self._made.clear()

    def face(self, row: int) -> Face:
        """What row `row` shows; what `render` raises is its trouble, in one sentence."""
        if self.render is None:
            return Face(text=self.text(row), fields=self.fields(row))
        if row not in self._made:
            if len(self._made) >= KEPT:
                self._made.clear()
            self._made[row] = self._rendered(row)
        return self._made[row]

    def text(self, row: int) -> str | None:
        """The row's text; an absent value is an empty one, None where rows have no texts."""
        return None if self.texts is None else said(_at(self.texts, row))

    def fields(self, row: int) -> tuple[tuple[str, str], ...]:
        """(column, value) of the row's record, in `order`."""
        if self.records is None:
            return ()
        names = self.records.columns
        return tuple((str(names[j]), value(self.records.iat[row, j])) for j in self.order)

    def _rendered(self, row: int) -> Face:
        text, fields = self.text(row), self.fields(row)
        number = row if self.numbers is None else int(self.numbers[row])
        made, trouble = _made(self.render, number)
        if isinstance(made, str):
            return Face(text=made, fields=fields)
        return Face(made, text, fields, trouble)


def _made(render: Callable[[int], Any] | None, number: int) -> tuple[str | np.ndarray | None, str]:
    """What a rendering gives, a text or pixels, or else why it gives nothing."""
    if render is None:
        return None, ""
    try:
        made = render(number)
        picture = None if isinstance(made, str) else _picture(made)
    except Exception as error:  # one's own function may raise anything; the other rows are still shown
        reason = " ".join(str(error).split())
        return (
            None,
            f"render raised {type(error).__name__} for row {number:,}{f': {reason}' if reason else ''}",
        )
    if isinstance(made, str):
        return made, ""
    wanted = "give a str, a PIL image or a pathlib.Path"
    return picture, "" if picture is not None else f"render gave {_kind(made)} for row {number:,}; {wanted}"


def _kind(made: Any) -> str:
    return "None" if made is None else f"a {type(made).__name__}"


def _at(values: Any, row: int) -> Any:
    return values.iloc[row] if hasattr(values, "iloc") else values[row]


def _picture(made: Any) -> np.ndarray | None:
    """A rendering as pixels, uint8 (height, width, 3); None where it is no picture."""
    from PIL import Image

    if isinstance(made, os.PathLike):
        with Image.open(made) as opened:
            return np.asarray(opened.convert("RGB"))
    if isinstance(made, Image.Image):
        return np.asarray(made.convert("RGB"))
    return None


def said(found: Any) -> str:
    """A value as text: nothing where it is absent."""
    return "" if absent(found) else str(found)


def clipped(text: str, most: int = CLIPPED) -> str:
    """The text's beginning, cut at a space where one is near."""
    if len(text) <= most:
        return text
    cut = text.rfind(" ", max(0, most - 40), most)
    return text[: cut if cut > 0 else most].rstrip() + " …"


def card_html(face: Face, fields: int = 6, most: int = CLIPPED) -> str:
    """A row's text and its first fields, escaped: what a card or a tooltip shows beside or instead of a picture."""
    parts = []
    if face.trouble:
        parts.append(f'<div class="cx-lack">{escaped(face.trouble)}</div>')
    if face.text or (face.text is not None and not face.fields):
        words = escaped(clipped(face.text, most)) or '<span class="cx-note">empty text</span>'
        parts.append(f'<div class="cx-read" dir="auto" data-may-clip>{words}</div>')
    if face.fields and fields:
        parts.append(table_html(face.fields[:fields]))
    return "".join(parts)


def table_html(fields: Sequence[tuple[str, str]]) -> str:
    """Fields as a small table, escaped; a long name may break behind its underscores."""
    lines = "".join(
        f'<tr><td>{escaped(name).replace("_", "_<wbr>")}</td><td dir="auto">{escaped(clipped(found, 120))}</td></tr>'
        for name, found in fields
    )
    return f'<table class="cx-values">{lines}</table>'
