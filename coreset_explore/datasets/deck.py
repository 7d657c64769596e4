"""Pictures in memory, one's own list of them or a Dataset's items, as one tensor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coreset_explore.datasets.depth import Span, deep_values, extent, is_deep, shallow, span_of, told
from coreset_explore.datasets.pictures import as_rgb, is_picture, upright, why


@dataclass(eq=False)
class Deck:
    """Pictures in memory, of one size: one by one in, together out as a tensor."""

    parts: list[np.ndarray] = field(
        default_factory=list
    )  # uint8 (h, w) or (h, w, 3), deep ones float32 (h, w)

    @classmethod
    def of(cls, pictures: Iterable[Any], what: str) -> Deck:
        deck = cls()
        for number, picture in enumerate(pictures):
            deck.add(picture, f"{what}, picture {number},")
        return deck

    def __len__(self) -> int:
        return len(self.parts)

    def add(self, picture: Any, what: str) -> None:
        """Take one in; ValueError, which names it as `what`, where it is none or of another size."""
        if not is_picture(picture):
            raise ValueError(
                f"{what} is {type(picture).__name__} among pictures: give pictures alone, or arrays."
            )
        try:
            picture = upright(picture)
            if is_deep(picture):
                found = deep_values(picture)
            elif picture.mode in ("L", "1") and not picture.has_transparency_data:
                found = np.array(picture.convert("L"))
            else:
                found = np.array(as_rgb(picture))
        except Exception as error:  # a decoder may fail with any error, and only now: Pillow opens lazily
            raise ValueError(f"{what} cannot be read as a picture: {why(error)}; leave it out.") from error
        if self.parts and found.shape[:2] != self.parts[0].shape[:2]:
            raise ValueError(
                f"{what} has {found.shape[1]} x {found.shape[0]} pixels, the first one "
                f"{self.parts[0].shape[1]} x {self.parts[0].shape[0]}: add a transform that makes all alike."
            )
        self.parts.append(found)

    @property
    def deep(self) -> list[np.ndarray]:
        return [part for part in self.parts if part.dtype != np.uint8]

    @property
    def channels(self) -> int:
        return 3 if any(part.ndim == 3 for part in self.parts) else 1

    def tensor(self, channels: int, span: Span | None) -> Tensor:
        """uint8 (n, channels, height, width); a grey picture among coloured ones is grey in three channels."""
        height, width = self.parts[0].shape[:2]
        out = torch.empty(len(self.parts), channels, height, width, dtype=torch.uint8)
        for place, part in zip(out, self.parts, strict=True):
            grey = part if part.dtype == np.uint8 or span is None else shallow(part, span)
            pixels = torch.from_numpy(grey)
            place.copy_(pixels.permute(2, 0, 1) if pixels.ndim == 3 else pixels)
        return out


def dealt(*decks: Deck | Any) -> tuple[list[Any], str]:
    """Every Deck among the arguments as a tensor, all of one scale and as many channels, and what to note of them."""
    found = [deck for deck in decks if isinstance(deck, Deck)]
    if not found:
        return list(decks), ""
    deep = [part for deck in found for part in deck.deep]
    span = span_of(map(extent, deep)) if deep else None
    channels = max(deck.channels for deck in found)
    tensors = [deck.tensor(channels, span) if isinstance(deck, Deck) else deck for deck in decks]
    return tensors, told(len(deep), span) if span else ""
