"""One picture as a person sees it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from PIL.Image import Image


def open_picture(path: str | os.PathLike, size: int | None = None) -> Image:
    """One picture as RGB, turned as its EXIF says, transparency on white; `size` speeds up large JPEGs."""
    from PIL import Image, ImageOps

    with Image.open(path) as picture:
        if size is not None:
            picture.draft("RGB", (2 * size, 2 * size))
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith(("I", "F")):  # 16 bits a pixel: convert() would clip, not scale
            high = cast(tuple[float, float], picture.getextrema())[1]  # of the one band
            scale = next((s for s in (1, 255, 65535) if high <= s and (s > 1 or picture.mode == "F")), high)
            picture = picture.convert("F").point(lambda v: v * (255 / scale)).convert("L")
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture)
        return picture.convert("RGB")


def square(picture: Image, size: int) -> Image:
    """The largest centered square of a picture at `size` x `size`; small pictures grow unblurred."""
    from PIL import Image

    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    how = Image.Resampling.NEAREST if side * 2 <= size else Image.Resampling.BICUBIC
    return picture.resize((size, size), how, box=(left, top, left + side, top + side))
