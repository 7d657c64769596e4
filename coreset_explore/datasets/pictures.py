"""One picture as a person sees it, from a file or an object of Pillow's."""

from __future__ import annotations

import io
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from coreset_explore.datasets.depth import Span, deep_values, extent, is_deep, shallow, span_of

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 274  # the EXIF tag
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"


class Unreadable(OSError):
    """A file that is there and cannot be read as a picture; `why` says it without the path, in a few words."""

    def __init__(self, path: Any, why: str):
        super().__init__(f"{path} cannot be read as a picture: {why}")
        self.why = why


def open_picture(
    path: str | os.PathLike, size: int | None = None, span: Callable[[], Span | None] | None = None
) -> Image:
    """One picture as RGB, turned as its EXIF says, transparency on white; `size` speeds up large JPEGs.

    `span` is asked what a deep picture is scaled by, which is its own values unless told. Raises Unreadable, or the
    error of a file that is not there.
    """
    picture = loaded(path, size)
    try:
        return as_rgb(picture, span() if span and is_deep(picture) else None)
    except ValueError as error:  # a colour space that Pillow does not convert
        raise Unreadable(path, why(error)) from error


def loaded(path: str | os.PathLike, size: int | None = None) -> Image:
    """The decoded picture in its own mode, upright. A block of metadata that cannot be parsed is done without."""
    try:
        return _decoded(path, size)
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # a decoder may fail with any error
        try:
            pixels = _without_metadata(path)
            if pixels is not None:
                return _decoded(pixels, size)
        except Exception:  # the pixels are broken as well: the first error stands
            pass
        raise Unreadable(path, why(error)) from error


def suffixes() -> set[str]:
    """Suffixes of the files that Pillow reads, as ".jpg"; a file of another suffix may be a picture all the same."""
    from PIL import Image

    Image.init()
    return {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}


def as_rgb(picture: Image, span: Span | None = None) -> Image:
    """A picture of any mode as RGB, transparency on white."""
    from PIL import Image

    if is_deep(picture):
        values = deep_values(picture)
        picture = Image.fromarray(shallow(values, span or span_of([extent(values)])))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def is_picture(x: Any) -> bool:
    """Whether x is an image of Pillow's, without importing it."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(x, module.Image)


def span_of_files(files: Sequence[str], most: int = 256) -> Span | None:
    """The span of the deep pictures among these, by up to `most` of them, evenly spaced; None where none is deep."""
    from PIL import Image

    extents = []
    for place in np.unique(np.linspace(0, len(files) - 1, min(len(files), most)).round().astype(int)):
        file = files[int(place)]
        try:
            with Image.open(file) as picture:
                deep = is_deep(picture)
            if deep:
                extents.append(extent(deep_values(loaded(file))))
        except (OSError, SyntaxError, ValueError):  # shown as lost where it is asked for
            continue
    return span_of(extents) if extents else None


def square(picture: Image, size: int) -> Image:
    """The largest centered square of a picture at `size` x `size`; small pictures grow unblurred."""
    from PIL import Image

    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    how = Image.Resampling.NEAREST if side * 2 <= size else Image.Resampling.BICUBIC
    return picture.resize((size, size), how, box=(left, top, left + side, top + side))


def _decoded(source: Any, size: int | None) -> Image:
    from PIL import Image

    with Image.open(source) as picture:
        if size is not None:
            picture.draft("RGB", (2 * size, 2 * size))
        picture.load()
        if is_deep(picture):
            deep_values(picture)
        return upright(picture)


def upright(picture: Image) -> Image:
    """The picture turned as its EXIF says, where that can be read."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }  # fmt: skip
    picture.load()  # the pixels first: what fails after them is the metadata
    try:
        way = picture.getexif().get(ORIENTATION)
    except Exception:  # Pillow's parsers fail with many errors; what cannot be read turns nothing
        return picture
    return picture.transpose(turns[way]) if way in turns else picture


def _without_metadata(path: Any) -> io.BytesIO | None:
    """The pixels of a PNG or JPEG with what they need and no other block; None for a file of another kind."""
    with open(path, "rb") as file:
        head = file.read(len(PNG))
        if not head.startswith((PNG, JPEG)):
            return None
        rest = head + file.read()
    return io.BytesIO(_bare_png(rest) if head == PNG else _bare_jpeg(rest))


def _bare_png(data: bytes) -> bytes:
    """Critical chunks, transparency, and an EXIF block that is whole: orientation is worth keeping."""
    kept, at = [PNG], len(PNG)
    while at + 12 <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunk, at = data[at : at + 12 + size], at + 12 + size
        whole = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
        if name[:1].isupper() or name == b"tRNS" or (name == b"eXIf" and whole):
            kept.append(chunk)
    return b"".join(kept)


def _bare_jpeg(data: bytes) -> bytes:
    """All but the segments of applications: what is left is enough for pixels in the usual colours."""
    kept, at = [JPEG], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if not 0xE0 <= data[at + 1] <= 0xEF:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])


def why(error: Exception) -> str:
    """An error of Pillow's in a few words."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "Pillow knows no such kind of file"
    text = " ".join(str(error).split())
    return (text[:100] + "…" if len(text) > 100 else text).rstrip(".") or type(error).__name__
