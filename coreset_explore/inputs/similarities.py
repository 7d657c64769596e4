"""Similarities between rows that somebody gave: all n x n of them, or those few that are not 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from coreset_explore.inputs import arrays, frames
from coreset_explore.inputs.checks import first_rows, shown

SEEN = 1024  # columns of a dense one that a fingerprint sees
TILE = 256  # rows and columns compared with those across
BLOCK = 1 << 20  # entries looked at together
ALIKE = 1e-5  # of the largest: s_ij and s_ji differ by rounding below it
WANTED = "similarity is square, one row and one column for each row of the pool"


@dataclass(frozen=True, eq=False)
class Similarities:
    """s_ij (n, n), how like row i row j is: `values` (n, n), or of a sparse one those that are not 0, row by row.

    The entries of row i of a sparse one are starts[i] to starts[i + 1] of `columns` and `values`; what is not there is
    0. `s[rows]` takes the same rows and columns: n² numbers of a dense one are copied, of a sparse one its entries.
    """

    values: Tensor
    columns: Tensor | None = None
    starts: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values) if self.starts is None else len(self.starts) - 1

    def __repr__(self) -> str:
        entries = f", {len(self.values):,} entries" if self.sparse else ""
        return f"Similarities({len(self):,} x {len(self):,}{entries})"

    @property
    def sparse(self) -> bool:
        return self.starts is not None

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), len(self)

    @property
    def device(self) -> torch.device:
        return self.values.device

    @property
    def bytes(self) -> int:
        return sum(part.numel() * part.element_size() for part in self._parts)

    @property
    def _parts(self) -> list[Tensor]:
        return [part for part in (self.values, self.columns, self.starts) if part is not None]

    @property
    def _stored(self) -> tuple[Tensor, Tensor]:
        if self.columns is None or self.starts is None:
            raise TypeError(
                "dense similarities store every pair: only of sparse ones there are columns to look at"
            )
        return self.columns, self.starts

    @property
    def lines(self) -> Tensor:
        """The row of each entry of a sparse one (entries,)."""
        return torch.repeat_interleave(self._stored[1].diff())

    def to(self, device) -> Similarities:
        return Similarities(*(part.to(device) for part in self._parts))

    def __getitem__(self, rows) -> Similarities:
        if isinstance(rows, slice) and not self.sparse:
            return Similarities(self.values[rows, rows])
        rows = torch.arange(len(self), device=self.device)[rows]
        if self.sparse:
            own = rows.cpu().numpy()
            return _of_scipy(self.scipy[own][:, own]).to(self.device)
        out = self.values.new_empty(len(rows), len(rows))
        size = max(1, BLOCK // max(len(self), 1))
        for start in range(0, len(rows), size):  # so that there is one copy, and not two
            out[start : start + size] = self.values[rows[start : start + size]][:, rows]
        return Similarities(out)

    @cached_property
    def scipy(self) -> Any:
        """The sparse ones as scipy has them, on the CPU; of the same memory where they lie there."""
        from scipy.sparse import csr_array

        values, columns, starts = (part.cpu().numpy() for part in self._parts)
        return csr_array((values, columns, starts), shape=self.shape)

    @cached_property
    def turned(self) -> Similarities:
        """Row j holds what was column j: how like each row it is. Itself where both ways are alike."""
        if self.apart is None:
            return self
        return _of_scipy(self.scipy.T).to(self.device) if self.sparse else Similarities(self.values.T)

    @cached_property
    def apart(self) -> tuple[int, int] | None:
        """A pair (i, j) with s_ij other than s_ji, by more than rounding; None where both ways are alike."""
        slack = ALIKE * self.largest_size
        if self.sparse:
            away = abs(self.scipy - self.scipy.T).tocoo()
            far = (away.data > slack).nonzero()[0]
            return (int(away.row[far[0]]), int(away.col[far[0]])) if len(far) else None
        room = self.values.new_empty(
            TILE, TILE
        )  # one for all tiles: new memory is slow where others work too
        for top in range(0, len(self), TILE):
            rows = slice(top, top + TILE)
            for left in range(top, len(self), TILE):
                columns = slice(left, left + TILE)
                one, other = self.values[rows, columns], self.values[columns, rows].T
                away = torch.sub(one, other, out=room[: one.shape[0], : one.shape[1]]).abs_()
                if float(away.max()) > slack:
                    i, j = (away > slack).nonzero()[0].tolist()
                    return i + top, j + left
        return None

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest; one that is not there counts as 0."""
        if self.sparse and len(self.values) < len(self) ** 2:
            low, high = torch.cat([self.values, self.values.new_zeros(1)]).aminmax()
        else:
            low, high = self.values.aminmax()
        return float(low), float(high)

    @property
    def largest_size(self) -> float:
        return max(map(abs, self.ends))

    def entries(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is stored of some rows of a sparse one: places in `rows`, columns and values, (entries,) each."""
        columns, starts = self._stored
        first, count = starts[rows], starts[rows + 1] - starts[rows]
        line = torch.repeat_interleave(torch.arange(len(rows), device=self.device), count)
        before = count.cumsum(0) - count
        place = torch.arange(len(line), device=self.device) + (first - before)[line]
        return line, columns[place], self.values[place]

    def rows(self, rows: Tensor) -> Tensor:
        """s of some rows to all (rows, n) float64."""
        if not self.sparse:
            return self.values[rows].double()
        out = torch.zeros(len(rows), len(self), dtype=torch.float64, device=self.device)
        line, column, value = self.entries(rows)
        out[line, column] = value.double()
        return out

    def pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """s_ab (m,) float64, two and two."""
        if not self.sparse:
            return self.values[a, b].double()
        wanted = a * len(self) + b
        at = torch.searchsorted(self._keys, wanted).clamp_max_(max(len(self._keys) - 1, 0))
        if not len(self._keys):
            return torch.zeros(len(a), dtype=torch.float64, device=self.device)
        return torch.where(self._keys[at] == wanted, self.values[at].double(), 0.0)

    @cached_property
    def _keys(self) -> Tensor:
        """Where each entry of a sparse one stands among all pairs, ascending."""
        return self.lines * len(self) + self._stored[0]

    @property
    def diagonal(self) -> Tensor:
        """s_ii (n,) float64."""
        if not self.sparse:
            return self.values.diagonal().double()
        return torch.from_numpy(self.scipy.diagonal().astype("float64")).to(self.device)

    def sums(self) -> Tensor:
        """Σ_j s_ij (n,) float64."""
        if self.sparse:
            out = torch.zeros(len(self), dtype=torch.float64, device=self.device)
            return out.index_add_(0, self.lines, self.values.double())
        return torch.cat([part.sum(1, dtype=torch.float64) for _, part in self._blocks()])

    @cached_property
    def marks(self) -> Tensor:
        """A number (n,) int64 a row, of its entries' bits: exact, so that it is the same on every device.

        Of a dense one beyond 1,024 rows every so many columns alone.
        """
        bits = torch.int64 if self.values.element_size() == 8 else torch.int32
        if self.sparse:
            odd = self._stored[0] * 2_654_435_761 * 2 + 1
            out = torch.zeros(len(self), dtype=torch.int64, device=self.device)
            return out.index_add_(0, self.lines, self.values.view(bits) * odd)
        step = -(-len(self) // SEEN)
        odd = torch.arange(0, len(self), step, device=self.device) * 2_654_435_761 * 2 + 1
        seen = [(part[:, ::step].contiguous().view(bits) * odd).sum(1) for _, part in self._blocks()]
        return torch.cat(seen)

    def _blocks(self) -> Iterator[tuple[int, Tensor]]:
        size = max(1, BLOCK // max(len(self), 1))
        for start in range(0, len(self), size):
            yield start, self.values[start : start + size]


def similarities(value: Any) -> Similarities:
    """What somebody gave as similarities: an array, a tensor, a frame, or a sparse matrix of scipy's or torch's.

    A sparse one stays sparse. Raises ValueError for what is not square, and naming rows that hold NaN or infinity.
    """
    if isinstance(value, Similarities):
        return value
    if isinstance(value, Tensor) and value.layout != torch.strided:
        found = _of_torch(value)
    elif hasattr(value, "tocsr"):
        found = _of_scipy(value)
    else:
        found = _whole(value)
    kind = found.values
    if kind.is_complex():
        raise ValueError("similarity holds complex numbers; give real ones")
    if not kind.is_floating_point() or kind.element_size() < 4:  # half precision is too narrow for sums
        narrow = kind.element_size() < 4 or (kind.numel() and float(kind.abs().max()) <= arrays.EXACT)
        found = _with(found, kind.to(torch.float32 if narrow else torch.float64))
    _refuse_endless(found)
    return found


def aligned(value: Any, index: Any) -> Any:
    """A frame's rows and columns in the order of `index`, the other features' own, by name where it has names."""
    if not frames.is_frame(value):
        return value
    frame = frames.framed(value, "similarity")
    named = list(frame.columns) != list(range(frame.shape[1]))
    if named and not frame.index.equals(frame.columns):
        known = frame.shape[0] == frame.shape[1] and frame.columns.is_unique and frame.index.is_unique
        if not (known and frame.index.isin(frame.columns).all()):
            raise ValueError(
                f"similarity has rows called {_called(frame.index)} and columns called {_called(frame.columns)}; name "
                "both alike, or give similarity.to_numpy() to take them by position"
            )
        frame = frame[frame.index]
    placed = frames.aligned(frame, index, "similarity")
    return placed if placed is frame or not named else placed[placed.index]


def _called(index: Any) -> str:
    return ", ".join(map(str, index[:3].tolist())) + ", …" * (len(index) > 3)


def _whole(value: Any) -> Similarities:
    if frames.is_frame(value):
        value = frames.framed(value, "similarity").to_numpy()
    found = arrays.tensor(value, "similarity")
    _refuse_oblong(tuple(found.shape))
    return Similarities(found)


def _of_torch(value: Tensor) -> Similarities:
    """Of any sparse layout of torch's."""
    from scipy.sparse import coo_array

    _refuse_oblong(tuple(value.shape))
    value = value.detach()
    coo = (value if value.layout == torch.sparse_coo else value.to_sparse_coo()).coalesce()
    own = coo.values().cpu()
    own = own.float() if own.is_floating_point() and own.element_size() < 4 else own
    place = coo.indices().cpu().numpy()
    return _of_scipy(coo_array((own.numpy(), (place[0], place[1])), shape=value.shape)).to(value.device)


def _of_scipy(value: Any) -> Similarities:
    """Of any format of scipy's: entries given twice are added, as scipy has it; nothing of the caller's is changed."""
    from scipy.sparse import csr_array

    _refuse_oblong(tuple(value.shape))
    if value.dtype.kind not in "biufc":
        raise ValueError(f"similarity holds {value.dtype.name} values, not numbers; give real ones")
    csr = csr_array(value)
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    values = arrays.tensor(csr.data, "similarity")
    columns, starts = (torch.from_numpy(part.astype("int64")) for part in (csr.indices, csr.indptr))
    return Similarities(values, columns, starts)


def _with(found: Similarities, values: Tensor) -> Similarities:
    return Similarities(values, found.columns, found.starts)


def _refuse_oblong(shape: Sequence[int]) -> None:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{WANTED}, got shape {shown(tuple(shape))}; give that of all rows to all rows")


def _refuse_endless(found: Similarities) -> None:
    most = torch.finfo(torch.float32).max
    if not found.values.numel() or found.largest_size <= most:  # false for NaN
        return
    if found.sparse:
        bad = found.lines[~(found.values.abs() <= most)].unique()
    else:
        parts = [start + (~(part.abs() <= most)).any(1).nonzero()[:, 0] for start, part in found._blocks()]
        bad = torch.cat(parts)
    raise ValueError(
        f"{len(bad):,} rows of similarity hold NaN, infinity or what float32 cannot hold ({first_rows(bad.tolist())}); "
        "mend or drop them first"
    )
