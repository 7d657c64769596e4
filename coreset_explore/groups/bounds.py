"""Bounds u_it of row i's distance to the farthest member of group t: product codes, group means, convex hulls.

A bound answers `lines(rows)`: (rows, G) float32, made when asked for, and `ceiling()`: (G,) no line is above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from coreset_explore import neighbors
from coreset_explore.gradients import Dense
from coreset_explore.greedy import centered
from coreset_explore.progress import check, track

ROUNDING = 1 + 2**-18  # what float32 may take off a bound, and more


@dataclass(frozen=True, eq=False)
class Groups:
    """Each row's group (n,), each group's size (G,), and how many hyperplanes made them (0: k-means did)."""

    label: Tensor
    sizes: Tensor
    planes: int = 0

    def __len__(self) -> int:
        return len(self.sizes)

    def largest(self, values: Tensor) -> Tensor:
        """The largest of the values (n,) >= 0 in each group (G,)."""
        return values.new_zeros(len(self)).scatter_reduce_(0, self.label, values, "amax")


class Bound(Protocol):
    """What `cover` asks of a bound."""

    def lines(self, rows: Tensor) -> Tensor:
        """u_it (rows, G)."""
        ...

    def ceiling(self) -> Tensor:
        """(G,) no line is above it."""
        ...


class Products:
    """Bounds from product codes: per subspace, the largest distance between codewords (SDC), tabled by code and group.

    As printed (`true=False`): u_it = Σ_l max_{k ∈ C_t} ‖b_l(i) − b_l(k)‖, which forgets the rows' distances to their
    codewords. True: √Σ_l max_k ‖b_l(i) − b_l(k)‖² + e_i + max_{k ∈ C_t} e_k, where e is that distance.
    Memory 4·m·256·G + n·(m + 4) bytes; a line costs m·G operations.
    """

    def __init__(
        self, x: Tensor, groups: Groups, rng: torch.Generator, *, subspaces: int, centroids: int, true: bool
    ):
        books, self.codes = neighbors.pq(x, subspaces, centroids, rng)
        self.true, self.compiled = true, x.device.type == "cpu"
        self.tables = torch.zeros(len(books), max(map(len, books)), len(groups), device=x.device)
        left = torch.zeros(len(x), device=x.device)
        parts = x.tensor_split(len(books), dim=1)
        for table, book, part, code in zip(self.tables, books, parts, self.codes.T.long(), strict=True):
            between = _apart(book)
            between = (between.square() if true else between).float()
            group_maxima(between, code, groups, table[: len(book)], self.compiled)
            left += (part - book[code]).square().sum(1)
        if true:
            self.tables *= ROUNDING
        self.own = left.sqrt() * ROUNDING
        self.spread = groups.largest(self.own)

    def lines(self, rows: Tensor) -> Tensor:
        rows = rows.to(self.own.device)
        codes, own = self.codes[rows], self.own[rows]
        if self.compiled:
            from coreset_explore.compiled import groups as loops

            out = np.empty((len(rows), self.tables.shape[2]), dtype=np.float32)
            tables, spread = self.tables.numpy(), self.spread.numpy()
            loops.table_lines(tables, codes.numpy(), self.true, own.numpy(), spread, out)
            return torch.from_numpy(out)
        summed = self.tables.new_zeros(len(rows), self.tables.shape[2])
        for table, code in zip(self.tables, codes.T.long(), strict=True):
            summed += table[code]
        return summed.sqrt_().add_(own[:, None]).add_(self.spread) if self.true else summed

    def ceiling(self) -> Tensor:
        summed = self.tables.amax(1).sum(0)
        return (summed.sqrt() + self.own.max() + self.spread) * ROUNDING if self.true else summed * ROUNDING


class Centers:
    """The triangle inequality's bound: u_it = ‖x_i − c_t‖ + the radius of group t, c_t its mean.

    A line costs d·G operations of a matrix product. The radius is the same for every row, so picks and weights
    are those of facility location on the groups' means.
    """

    def __init__(self, x: Tensor, groups: Groups):
        x = centered(Dense(x)).g
        self.x, self.compiled = x - x.mean(0), x.device.type == "cpu"
        sums = torch.zeros(len(groups), x.shape[1], dtype=torch.float64, device=x.device)
        for part, label in self._blocks(groups):
            sums.index_add_(0, label, part)
        self.centers = (sums / groups.sizes[:, None]).float()
        away = [(part - self.centers[label]).norm(dim=1) for part, label in self._blocks(groups)]
        self.radius = (groups.largest(torch.cat(away)) * ROUNDING).float()
        self.norms = torch.cat([part.square().sum(1) for part, _ in self._blocks(groups)]).float()
        self.center_norms = self.centers.square().sum(1)

    def _blocks(self, groups: Groups) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows in float64, with their groups."""
        pieces = list(zip(self.x.split(1 << 14), groups.label.split(1 << 14), strict=True))
        for part, label in track(pieces, "group means"):
            yield part.double(), label

    def lines(self, rows: Tensor) -> Tensor:
        own, norms = self.x[rows.to(self.x.device)], self.norms[rows.to(self.x.device)]
        if self.compiled:
            from coreset_explore.compiled import groups as loops

            products = own @ self.centers.T
            centers, squares, radius = self.centers.numpy(), self.center_norms.numpy(), self.radius.numpy()
            out = np.empty(products.shape, dtype=np.float32)
            loops.center_lines(products.numpy(), own.numpy(), centers, norms.numpy(), squares, radius, out)
            return torch.from_numpy(out)
        own, centers = own.double(), self.centers.double()  # ‖x‖² + ‖c‖² − 2x·c may cancel
        both = own.square().sum(1, keepdim=True) + centers.square().sum(1)
        apart = torch.addmm(both, own, centers.T, alpha=-2).clamp_min_(0).sqrt_()
        return apart.mul_(ROUNDING).float().add_(self.radius)

    def ceiling(self) -> Tensor:
        return (self.norms.max().sqrt() + self.center_norms.sqrt() + self.radius) * (1 + 2**-14)


class Hulls:
    """The convex-hull bound: u_it = Σ_l max ‖x_i^l − v‖ over the corners v of group t's hull in each pair of features.

    True, and loose: a sum of distances where the distance is the root of a sum of squares. Corners take at most
    16·n·d bytes; a line costs d·(corners a group)·G operations. On the CPU wherever the pool is.
    """

    def __init__(self, x: Tensor, groups: Groups):
        from coreset_explore.compiled import groups as loops

        x = x.detach().cpu()
        if x.shape[1] % 2:
            x = torch.cat([x, torch.zeros(len(x), 1)], 1)
        self.pairs = x.double().reshape(len(x), -1, 2).transpose(0, 1).contiguous().numpy()
        label = groups.label.cpu().numpy()
        starts = np.concatenate([[0], groups.sizes.cpu().cumsum(0).numpy()])
        self.corners, self.starts = [], []
        for points in track(self.pairs, "hulls"):
            ordered = points[np.lexsort((points[:, 1], points[:, 0], label))]
            out, ends = np.empty((len(x) + 2, 2)), np.zeros(len(groups), dtype=np.int64)
            loops.hulls(ordered, starts, out, ends)
            self.corners.append(out[: ends[-1]].copy())
            self.starts.append(np.concatenate([[0], ends]))

    def lines(self, rows: Tensor) -> Tensor:
        from coreset_explore.compiled import groups as loops

        out = np.zeros((len(rows), len(self.starts[0]) - 1), dtype=np.float32)
        for points, corners, starts in zip(self.pairs, self.corners, self.starts, strict=True):
            check()
            loops.hull_lines(points[rows.cpu().numpy()], corners, starts, out)
        return torch.from_numpy(out)

    def ceiling(self) -> Tensor:
        total = np.zeros(len(self.starts[0]) - 1)
        for points, corners, starts in zip(self.pairs, self.corners, self.starts, strict=True):
            check()
            mean = points.mean(0)
            reach = np.maximum.reduceat(np.linalg.norm(corners - mean, axis=1), starts[:-1])
            total += reach + np.linalg.norm(points - mean, axis=1).max()
        return torch.from_numpy(total * ROUNDING).float()


def _apart(book: Tensor) -> Tensor:
    """Distances (b, b) between codewords, float64, by differences."""
    book = book.double()
    return torch.cdist(book, book, compute_mode="donot_use_mm_for_euclid_dist")


def group_maxima(between: Tensor, code: Tensor, groups: Groups, out: Tensor, compiled: bool) -> None:
    """out[b, t] = the largest between[b, c] over the codes c in group t."""
    pairs = torch.unique(groups.label * 256 + code)
    held, codes = pairs // 256, pairs % 256
    if compiled:
        from coreset_explore.compiled import groups as loops

        loops.group_maxima(between.numpy(), codes.numpy(), held.numpy(), out.numpy())
        return
    for some, part in zip(held.split(1 << 14), codes.split(1 << 14), strict=True):
        out.scatter_reduce_(1, some.expand(len(out), -1), between[:, part], "amax")
