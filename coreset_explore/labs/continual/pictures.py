"""Pictures turned, and made alike: what scenarios do to pixels. All are uint8 (n, channels, height, width)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 4096  # pictures at once


def turned(x: Tensor, degrees: float) -> Tensor:
    """Pictures uint8 (n, ch, h, w) turned counterclockwise about their center, bilinear, black where nothing was."""
    h, w = x.shape[2:]
    turn = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    cos, sin = float(turn.cos()), float(turn.sin())
    # from places of the answer to places of the source, in units of half the sides
    matrix = torch.tensor([[cos, -sin * h / w, 0.0], [sin * w / h, cos, 0.0]])
    found = torch.empty_like(x)
    for rows in torch.arange(len(x)).split(BLOCK):
        part = x[rows].float()
        grid = F.affine_grid(matrix.expand(len(part), 2, 3), list(part.shape), align_corners=False)
        seen = F.grid_sample(part, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        found[rows] = seen.round().clamp(0, 255).to(torch.uint8)
    return found


def fit_to(x: Tensor, channels: int, size: tuple[int, int]) -> Tensor:
    """Pictures of this height and width, bilinear; grey ones in so many equal channels."""
    if tuple(x.shape[2:]) != size:
        parts = [
            F.interpolate(part.float(), size, mode="bilinear", antialias=True) for part in x.split(BLOCK)
        ]
        x = torch.cat(parts).round().clamp(0, 255).to(torch.uint8)
    return x.expand(-1, channels, -1, -1) if x.shape[1] < channels else x
