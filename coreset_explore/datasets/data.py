"""Data: a dataset in memory, as tensors that verify their own shapes."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from coreset_explore.datasets.depth import Span
from coreset_explore.inputs import checks

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Data:
    """n training rows with their labels, and perhaps a test set.

    x: images uint8 (n, channels, height, width), tables float32 (n, features).
    y: int64 (n,) in 0..c-1, or None where there are no labels.
    note: what a reader must know ("20,000 of 581,012 rows").
    files: one path a row, read for thumbnails; skipped: paths passed over, and reasons: why, one each.
    span: what is black and what white in files of more than 8 bits a pixel; unless told, by some of the files.
    truth: row-aligned facts known by construction (`row` of the dataset this came from, `true_label`, ...).
    index: what the frame that they come from calls the rows, a pandas Index; None where there was no frame.
    coded: whether the numbers in y are places in the sorted names, where the labels were others or words.

    >>> import coreset_explore as cx
    >>> data = cx.load("digits")
    >>> data[:100]  # the first hundred rows; the test set stays
    Data(digits: 100 images 1x8x8, 10 classes, 359 for testing)
    >>> tuple(data.x.shape), data.x.dtype, data.classes[:3]
    ((1438, 1, 8, 8), torch.uint8, ('0', '1', '2'))
    """

    x: Tensor
    y: Tensor | None
    classes: tuple[str, ...]
    x_test: Tensor | None
    y_test: Tensor | None
    kind: Literal["images", "table"]
    name: str
    note: str = ""
    files: tuple[str, ...] | None = None
    skipped: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    span: Span | None = None
    columns: tuple[str, ...] | None = None
    truth: dict[str, Tensor] = field(default_factory=dict)
    coded: bool = False
    index: Any = None

    def __post_init__(self) -> None:
        if self.kind not in ("images", "table"):
            raise ValueError(f'{self.name}: kind must be "images" or "table", not {self.kind!r}.')
        _check_x(self.x, self.kind, self.name)
        _check_y(self.y, len(self.x), len(self.classes), f"{self.name}: y")
        if self.x_test is not None:
            _check_x(self.x_test, self.kind, f"{self.name}: the test set")
            if self.x_test.shape[1:] != self.x.shape[1:]:
                raise ValueError(
                    f"{self.name}: test rows have shape {tuple(self.x_test.shape[1:])}, training rows "
                    f"{tuple(self.x.shape[1:])}; both must be alike."
                )
            _check_y(self.y_test, len(self.x_test), len(self.classes), f"{self.name}: y_test")
        elif self.y_test is not None:
            raise ValueError(f"{self.name}: y_test is given without x_test.")
        aligned = {
            "files": self.files,
            "index": self.index,
            **{f"truth[{key!r}]": value for key, value in self.truth.items()},
        }
        for what, values in aligned.items():
            if values is not None and len(values) != len(self.x):
                raise ValueError(f"{self.name}: {what} has {len(values):,} entries for {len(self.x):,} rows.")
        if self.columns is not None and len(self.columns) != self.x.shape[1]:
            raise ValueError(
                f"{self.name}: {len(self.columns)} column names for {self.x.shape[1]} columns of x."
            )

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.x.shape[1:]))
        rows = f"{len(self):,} images {shape}" if self.kind == "images" else f"{len(self):,} rows x {shape}"
        parts = [rows]
        if self.y is not None:
            parts.append(f"{len(self.classes)} class{'es' * (len(self.classes) != 1)}")
        if self.x_test is not None:
            parts.append(f"{len(self.x_test):,} for testing")
        note = f"; {self.note}" if self.note else ""
        return f"Data({self.name}: {', '.join(parts)}{note})"

    def __getitem__(self, rows: int | slice | Sequence[int] | Tensor) -> Data:
        """Training rows by number, slice or mask, with every row-aligned field; the test set stays."""
        index = _index(rows, len(self))
        return replace(
            self,
            x=self.x[index],
            y=None if self.y is None else self.y[index],
            files=None if self.files is None else tuple(self.files[i] for i in index.tolist()),
            truth={key: value[index] for key, value in self.truth.items()},
            index=None if self.index is None else self.index[index.numpy()],
        )

    def thumbnail(self, row: int, size: int | None = None) -> np.ndarray:
        """One training row's picture, uint8 (height, width, 3): the whole, or its center at `size` x `size`.

        Read from the row's file where there is one (the full picture, not the small tensor), else from x.
        """
        from PIL import Image

        from coreset_explore.datasets.pictures import as_rgb, open_picture, square

        if not -len(self) <= row < len(self):
            raise IndexError(f"{self.name} has no row {row}: rows go from 0 to {len(self) - 1}.")
        if self.files is not None:
            try:
                picture = open_picture(self.files[row], size, lambda: self._scale)
            except FileNotFoundError as error:
                raise FileNotFoundError(
                    f"The picture of row {row} is no longer at {self.files[row]}: put it back or load again."
                ) from error
        elif self.kind == "images":
            pixels = self.x[row].cpu().permute(1, 2, 0).numpy()
            picture = as_rgb(Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0]))
        else:
            raise ValueError(f"{self.name} is a table: it has no pictures.")
        return _as_array(picture if size is None else square(picture, size))

    @cached_property
    def _scale(self) -> Span | None:
        from coreset_explore.datasets.pictures import span_of_files

        return self.span or span_of_files(self.files or ())


def _as_array(picture) -> np.ndarray:
    import numpy as np

    return np.array(picture, dtype=np.uint8)


def _check_x(x: Tensor, kind: str, what: str) -> None:
    wanted, ndim = (torch.uint8, 4) if kind == "images" else (torch.float32, 2)
    if not isinstance(x, Tensor) or x.dtype != wanted or x.ndim != ndim:
        got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        shape = "uint8 (n, channels, height, width)" if kind == "images" else "float32 (n, features)"
        raise ValueError(f"{what}: {kind} are {shape}, not {got}; load(x, y=y) converts arrays.")
    if x.shape[0] == 0 or x[0].numel() == 0:
        raise ValueError(
            f"{what} is empty: shape {tuple(x.shape)}; at least one row and one feature is needed."
        )
    if kind == "images" and x.shape[1] not in (1, 3):
        raise ValueError(f"{what}: images have 1 or 3 channels, not {x.shape[1]}.")
    if kind == "table":
        refuse_non_finite(x, what)


def refuse_non_finite(x: Tensor, what: str) -> None:
    """Raise a sentence that names the first rows of x (n, d) holding NaN or infinite values, if any does."""
    # a sum is finite unless a value is not (or it overflows): cheap test first, the exact one on suspicion
    if torch.isfinite(x.sum()):
        return
    bad = (~torch.isfinite(x)).any(dim=1).nonzero().flatten()
    if len(bad):
        first = ", ".join(map(str, bad[:5].tolist())) + (", ..." if len(bad) > 5 else "")
        rows = f"row {first}" if len(bad) == 1 else f"{len(bad):,} rows ({first})"
        raise ValueError(f"{what}: NaN or infinite features in {rows}; drop or fill them before loading.")


def _check_y(y: Tensor | None, n: int, classes: int, what: str) -> None:
    if y is None:
        return
    if not isinstance(y, Tensor) or y.dtype != torch.int64 or y.ndim != 1:
        got = f"{y.dtype} {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
        raise ValueError(f"{what} is int64 (n,), not {got}; load(x, y=y) codes labels of any kind.")
    if len(y) != n:
        raise ValueError(f"{what} has {len(y):,} labels for {n:,} rows; give one label a row.")
    if n and (int(y.min()) < 0 or int(y.max()) >= classes):
        raise ValueError(
            f"{what} holds {int(y.min())}..{int(y.max())}, but {classes} classes are 0..{classes - 1}."
        )


def _index(rows, n: int) -> Tensor:
    if isinstance(rows, slice):
        return torch.arange(n)[rows]
    single = isinstance(rows, numbers.Integral) or getattr(rows, "ndim", 1) == 0
    index = checks.rows([rows] if single else rows, "Data[rows]", n, negative=True).cpu()
    if len(index) == 0:
        raise ValueError("No rows were asked for: a dataset has at least one.")
    return index


def split(y: Tensor | None, n: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Row numbers (train, test), sorted: `fraction` of every class, never its last row, drawn by `seed`."""
    if not 0 < checks.real(fraction, "the share of rows to hold out") < 1:
        raise ValueError(f"test={fraction} is no share of the rows: give a number between 0 and 1, as 0.2.")
    rng = torch.Generator().manual_seed(checks.seed(seed))
    order = torch.randperm(n, generator=rng)
    groups = [order] if y is None else [order[y[order] == c] for c in range(int(y.max()) + 1)]
    test = torch.cat([group[: min(round(fraction * len(group)), max(len(group) - 1, 0))] for group in groups])
    held = torch.zeros(n, dtype=torch.bool)
    held[test] = True
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def hold_out(data: Data, fraction: float, seed: int) -> Data:
    """`data` with a stratified `fraction` as its test set; `truth["row"]` keeps the former row numbers."""
    train, test = split(data.y, len(data), fraction, seed)
    if len(test) == 0:
        return data
    kept = data[train]
    return replace(
        kept,
        x_test=data.x[test],
        y_test=None if data.y is None else data.y[test],
        truth={**kept.truth, "row": train},
    )


def with_path(text: str) -> str:
    """A user's path as one absolute string, with ~ expanded."""
    return str(Path(text).expanduser().absolute())
