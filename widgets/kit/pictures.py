"""What a row looks like: its thumbnail, or a card of its values; many thumbnails as one sheet."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from widgets.kit.cards import Face, Shown, card_html, clipped
from widgets.kit.markup import cut, text

NAME = 40  # characters of a file's name in a card
VALUES, FIELDS = 5, 6  # of a row that are shown in its card: beside what is said of it, and below
MAX_TILE = 96  # pixels; larger pictures are shrunk to it
PIXELATED = 32  # up to this side pictures keep their own pixels, and travel as PNG


class Pictures:
    """What a row looks like: a thumbnail where the data has pictures, a text or a record where it was given (`shown`),
    else a small card of its values or its name.
    """

    def __init__(
        self,
        data: Any = None,
        ids: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        shown: Shown | None = None,
    ):
        self.data, self.ids, self.rows = data, ids, ids if rows is None else rows
        self.shown = shown or Shown()
        shows = hasattr(data, "thumbnail") and getattr(data, "kind", "images") == "images"
        self.has_images = shows and readable(getattr(data, "files", None))
        self._cache: dict[int, np.ndarray] = {}

    @classmethod
    def of(cls, result: Any) -> Pictures:
        """The pictures of a Result, keyed by rows of its pool."""
        return cls(
            result.data,
            result.pool.ids.cpu().numpy(),
            result.rows.numpy(),
            getattr(result, "shown", None),
        )

    @property
    def kind(self) -> str:
        """What rows are shown as, mostly: "images", "rendered", "texts", "records" or "values"."""
        own = self.shown.kind
        return own if own == "rendered" else "images" if self.has_images else own or "values"

    @property
    def word(self) -> str:
        """What rows are called in sentences: "images", "texts", "rows" (of a table, or with names), else "points"."""
        if self.has_images:
            return "images"
        named = getattr(self.data, "columns", None) or getattr(self.data, "files", None) is not None
        return "texts" if self.shown.kind == "texts" else "rows" if self.shown.kind or named else "points"

    def many(self, n: int) -> str:
        """So many of them: "1,797 images", "1 text"."""
        return f"{n:,} {self.word[:-1] if n == 1 else self.word}"

    def face(self, row: int) -> Face:
        """What the row shows, all of it: its rendering, or its picture, its text and its fields. Nothing is escaped."""
        face = self.shown.face(self.original(row)) if self.shown.kind else Face()
        if self.has_images and face.picture is None and self.shown.render is None:
            face = face._replace(picture=self._picture(row))
        if not self.shown.kind and face.picture is None:
            face = Face(fields=tuple(self.values(row)))
        return face

    def original(self, row: int) -> int:
        """The row of `data` that this one is."""
        return int(row) if self.rows is None else int(self.rows[row])

    def thumbnail(self, row: int) -> np.ndarray | None:
        """uint8 (height, width, 3), whole, or None without pictures; a file that is gone or broken is a grey cross."""
        return self._picture(row) if self.has_images else None

    def _picture(self, row: int) -> np.ndarray:
        try:
            return np.asarray(self.data.thumbnail(self.original(row)))
        except OSError:  # gone, not to be read, or no picture
            return lost()

    def tiles(self, rows: Sequence[int]) -> list[np.ndarray] | None:
        """Pictures of at most MAX_TILE pixels a side; None without pictures."""
        if not self.has_images:
            return None
        for row in rows:
            if row not in self._cache:
                if len(self._cache) > 4096:
                    self._cache.clear()
                self._cache[row] = shrink(self._picture(row))
        return [self._cache[row] for row in rows]

    def tile(self, row: int) -> np.ndarray | None:
        """The row's picture or rendering, of at most MAX_TILE pixels a side; None where it is none."""
        if self.shown.render is not None:
            made = self.shown.face(self.original(row)).picture
            return None if made is None else shrink(made)
        tiles = self.tiles([row])
        return None if tiles is None else tiles[0]

    def card(self, row: int, lines: int = 3) -> list[str]:
        """What stands in for a picture: the first values, by column name, or the row's name."""
        values = self.values(row)[:lines]
        return [f"{name} {value}" for name, value in values] or [self.name(row)]

    def values(self, row: int) -> list[tuple[str, str]]:
        """(column, value) of a table's row; empty where there is no table."""
        x = getattr(self.data, "x", None)
        if self.has_images or x is None or x.ndim != 2:
            return []
        columns = getattr(self.data, "columns", None) or [f"x{i}" for i in range(x.shape[1])]
        return [
            (str(c), f"{float(v):.4g}") for c, v in zip(columns, x[self.original(row)].tolist(), strict=True)
        ]

    def opening(self, row: int) -> str:
        """The beginning of the row's text after a colon, or nothing. Not escaped."""
        text = None if not self.shown.kind else self.shown.face(self.original(row)).text
        return "" if text is None else f": {' '.join(clipped(text, 80).split()) or 'empty text'}"

    def id(self, row: int) -> int:
        """What the row is called where pools are kept: its number in the data."""
        return int(row if self.ids is None else self.ids[row])

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """(n,) what rows are called: their places in what was given, before any were set aside; None: as they stand."""
        given = getattr(self.data, "truth", {}).get("row")
        return self.ids if given is None or self.rows is None else np.asarray(given)[np.asarray(self.rows)]

    def name(self, row: int) -> str:
        """The row's file name, or its number in what was given. Not escaped."""
        files = getattr(self.data, "files", None)
        if files is not None:
            return Path(files[self.original(row)]).name
        return f"row {self.numbers[row] if self.numbers is not None else row:,}"


def readable(files: Sequence[str] | None) -> bool:
    """Whether names of rows are files that are there, and not only names; one that is makes the others missing."""
    return files is None or any(map(os.path.isfile, files))


def pictures(files: Sequence[str]) -> bool:
    """Whether the names of rows are files of pictures: the first one that is there is of a kind that Pillow reads."""
    from coreset_explore.datasets.pictures import suffixes

    first = next(filter(os.path.isfile, files), "")
    return os.path.splitext(first)[1].lower() in suffixes()


def missing(files: Sequence[str]) -> str:
    """How many files are not there, and the first of them; nothing where all are."""
    gone = [file for file in files if not os.path.isfile(file)]
    if not gone:
        return ""
    where = "" if os.path.isabs(gone[0]) else f" (looked for in {os.getcwd()})"
    if len(gone) == len(files):
        return f"none of {len(files):,} files is there, from {gone[0]} on{where}"
    return f"{len(gone):,} of {len(files):,} files missing, first {gone[0]}{where}"


def lost(side: int = 32) -> np.ndarray:
    """What stands where a picture should: a cross on grey."""
    grey = np.full((side, side, 3), 200, np.uint8)
    across = np.arange(4, side - 4)
    grey[across, across] = grey[across, side - 1 - across] = 120
    return grey


def shrink(picture: np.ndarray, side: int = MAX_TILE) -> np.ndarray:
    """The picture with neither side above `side`, same shape ratio."""
    from PIL import Image

    if max(picture.shape[:2]) <= side:
        return picture
    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    return np.asarray(image)


def pack(tiles: Sequence[np.ndarray]) -> tuple[bytes, list[int]]:
    """One sheet of uint8 (h, w, 3) tiles, centered in the largest one's frame: bytes, [width, height, columns].

    PNG up to 32 pixels a side (they are shown pixel by pixel), JPEG at quality 85 above.
    """
    if not tiles:
        return b"", [1, 1, 1]
    height, width = max(t.shape[0] for t in tiles), max(t.shape[1] for t in tiles)
    columns = int(np.ceil(np.sqrt(len(tiles))))
    lines = -(-len(tiles) // columns)
    sheet = np.zeros((lines * height, columns * width, 3), np.uint8)
    for i, tile in enumerate(tiles):
        h, w = tile.shape[:2]
        top, left = i // columns * height + (height - h) // 2, i % columns * width + (width - w) // 2
        sheet[top : top + h, left : left + w] = tile
    return encoded(sheet, max(height, width) <= PIXELATED), [width, height, columns]


def encoded(picture: np.ndarray, exact: bool) -> bytes:
    """PNG if `exact`, else JPEG."""
    from PIL import Image

    out = io.BytesIO()
    if exact:
        Image.fromarray(picture).save(out, "PNG", compress_level=1)
    else:
        Image.fromarray(picture).save(out, "JPEG", quality=85)
    return out.getvalue()


def data_url(picture: np.ndarray, side: int = 168) -> str:
    """A data URL for one <img>: PNG up to 32 pixels a side, JPEG above."""
    small = shrink(picture, side)
    exact = max(small.shape[:2]) <= PIXELATED
    return (
        f"data:image/{'png' if exact else 'jpeg'};base64,{base64.b64encode(encoded(small, exact)).decode()}"
    )


def point_html(pictures: Pictures, row: int, said: str, alt: str) -> str:
    """The card of a row: its kind and name, its picture or its words, and what is `said` of it (HTML) beside."""
    face, name = pictures.face(row), cut(pictures.name(row), NAME)
    head = f'<div class="cx-h">{pictures.word[:-1].capitalize()} <span class="cx-note">{name}</span></div>'
    if face.picture is not None:
        source = data_url(face.picture)
        image = f'<img alt="{text(alt)}" data-row="{row}" src="{source}">'
        beside = f'<div class="cx-point"><div class="cx-thumb">{image}</div><div>{said}</div></div>'
        return f"{head}{beside}{card_html(face, FIELDS)}"
    if face.text is None and not face.trouble and not pictures.shown.kind:
        return f'{head}<div class="cx-point">{card_html(face, VALUES)}<div>{said}</div></div>'
    return f'{head}<div class="cx-point cx-words"><div>{said}</div>{card_html(face, FIELDS)}</div>'
