"""Pictures of more than eight bits a pixel (16-bit greys, floats), called deep: one scale for all of a dataset.

Scaled one by one, a darker picture would come out as the brighter. What is black and what white is one `Span`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

Span = tuple[float, float]  # what is black and what is white

WHITES = (
    255.0,
    1023.0,
    4095.0,
    16383.0,
    65535.0,
)  # of 8, 10, 12, 14 and 16 bits, as cameras and scanners have them


def is_deep(picture: Image) -> bool:
    return picture.mode.startswith(("I", "F"))


def deep_values(picture: Image) -> np.ndarray:
    """The values of a deep picture, float32 (height, width); ValueError where they are not finite."""
    values = np.asarray(picture, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinite values")
    return values


def extent(values: np.ndarray) -> Span:
    return float(values.min()), float(values.max())


def span_of(extents: Iterable[Span]) -> Span:
    """One span for pictures of these least and largest values: black is 0, or the least where that is below.

    White is 1 for fractions, else the largest that 8, 10, 12, 14 or 16 bits hold, else the largest value.
    """
    found = list(extents)
    low, high = min(low for low, _ in found), max(high for _, high in found)
    if low < 0:
        return low, max(high, low + 1e-6)
    fractions = 0 < high <= 1
    return 0.0, 1.0 if fractions else next((white for white in WHITES if high <= white), high)


def shallow(values: np.ndarray, span: Span) -> np.ndarray:
    """Values of a deep picture as grey levels, uint8."""
    low, high = span
    return np.rint((values - low) * (255.0 / (high - low))).clip(0, 255).astype(np.uint8)


def told(deep: int, span: Span) -> str:
    """What a reader must know about them, for a dataset's note."""
    what = f"{deep:,} picture{'s' * (deep != 1)} of more than 8 bits"
    return f"{what}: {span[0]:,g} is black and {span[1]:,g} white in every one"
