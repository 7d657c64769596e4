"""Readers of the official file formats; a damaged file gives one sentence that says what was expected."""

from __future__ import annotations

import gzip
import io
import zlib
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from coreset_explore.progress import track

_PIXELS = 3 * 32 * 32

COVERTYPE_COLUMNS = (
    "Elevation",
    "Aspect",
    "Slope",
    "Horizontal_Distance_To_Hydrology",
    "Vertical_Distance_To_Hydrology",
    "Horizontal_Distance_To_Roadways",
    "Hillshade_9am",
    "Hillshade_Noon",
    "Hillshade_3pm",
    "Horizontal_Distance_To_Fire_Points",
    *(f"Wilderness_Area{i}" for i in range(1, 5)),
    *(f"Soil_Type{i}" for i in range(1, 41)),
)


def damaged(path: Path, what: str, expected: str) -> ValueError:
    """The sentence for a file that is not what it should be."""
    return ValueError(
        f"{path} is damaged: {what}, expected {expected}; delete it and load again, "
        "or put the official file there."
    )


def read_gzip(path: Path) -> bytes:
    """The content of a .gz file."""
    try:
        with gzip.open(path) as file:
            return file.read()
    except EOFError as error:
        size = path.stat().st_size
        raise damaged(path, f"it ends too early, after {size:,} bytes", "a whole gzip file") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise damaged(path, f"it cannot be unpacked ({error})", "a gzip file") from error


def read_idx(path: Path, ndim: int) -> Tensor:
    """An IDX file of bytes (MNIST's format) as uint8: `ndim` 3 for images (n, h, w), 1 for labels (n,)."""
    raw = bytearray(read_gzip(path))
    magic = bytes((0, 0, 8, ndim))
    if bytes(raw[:4]) != magic:
        raise damaged(
            path, f"it begins with {bytes(raw[:4]).hex() or 'nothing'}", f"the IDX mark {magic.hex()}"
        )
    head = 4 + 4 * ndim
    shape = [int.from_bytes(raw[i : i + 4], "big") for i in range(4, head, 4)]
    if len(raw) < head or len(raw) != head + prod(shape):
        stated = "x".join(map(str, shape))
        raise damaged(
            path, f"it unpacks to {len(raw):,} bytes", f"{head + prod(shape):,} for {stated} values"
        )
    if prod(shape) == 0:
        raise damaged(path, "it holds no values", "at least one")
    return torch.frombuffer(raw, dtype=torch.uint8, offset=head).reshape(shape)


def read_cifar(path: Path, label_bytes: int, records: int | None, classes: int) -> tuple[Tensor, Tensor]:
    """A file of the CIFAR binary version: images uint8 (n, 3, 32, 32), labels int64 (n,)."""
    raw = bytearray(path.read_bytes())
    width = label_bytes + _PIXELS
    if not raw or len(raw) % width or (records and len(raw) != records * width):
        count = f"{records:,} " if records else ""
        wanted = f"{records * width:,}" if records else f"a multiple of {width:,}"
        raise damaged(path, f"it has {len(raw):,} bytes", f"{wanted} ({count}records of {width:,})")
    table = torch.frombuffer(raw, dtype=torch.uint8).reshape(-1, width)
    y = table[:, label_bytes - 1].long()
    if int(y.max()) >= classes:
        row = int((y >= classes).nonzero()[0])
        raise damaged(path, f"record {row} has label {int(y[row])}", f"labels 0..{classes - 1}")
    return table[:, label_bytes:].reshape(-1, 3, 32, 32).clone(), y


def read_covertype(path: Path) -> tuple[Tensor, Tensor]:
    """Covertype's comma-separated rows: features float32 (n, 54) as they are, int64 labels 0..6 (n,)."""
    import pandas as pd

    width = len(COVERTYPE_COLUMNS) + 1
    text = io.BytesIO(read_gzip(path))
    try:
        blocks = pd.read_csv(text, header=None, dtype="float32", chunksize=10_000)
        table = torch.cat([torch.from_numpy(b.to_numpy(copy=True)) for b in track(blocks, "10,000 rows:")])
    except ValueError as error:  # pandas' own parser and empty-file errors are ValueErrors too
        raise damaged(path, str(error).strip().rstrip("."), f"rows of {width} numbers") from error
    if table.shape[1] != width:
        raise damaged(path, f"its rows have {table.shape[1]} values", f"{width}")
    if len(short := (~torch.isfinite(table)).any(dim=1).nonzero().flatten()):
        raise damaged(path, f"line {int(short[0]) + 1} lacks values", f"{width} numbers")
    y = table[:, -1].long() - 1
    if len(wrong := ((y < 0) | (y > 6)).nonzero().flatten()):
        line = int(wrong[0])
        raise damaged(path, f"line {line + 1} has class {int(y[line]) + 1}", "classes 1..7")
    return table[:, :-1].contiguous(), y


def read_digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits: images uint8 (1797, 1, 8, 8), 0..16 scaled to 0..255, labels int64 (1797,)."""
    from importlib.util import find_spec

    import numpy as np

    # The file is read where it lies: importing scikit-learn takes a second or two, the file 20 ms.
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            "the digits lie in scikit-learn, which is not installed: pip install scikit-learn"
        )
    folder = Path(found.submodule_search_locations[0])
    table = np.loadtxt(io.BytesIO(read_gzip(folder / "datasets" / "data" / "digits.csv.gz")), delimiter=",")
    x = torch.from_numpy(table[:, :-1]).reshape(-1, 1, 8, 8)
    return (x * (255 / 16)).round().to(torch.uint8), torch.from_numpy(table[:, -1]).long()
