"""Similarities between rows, by the row or as a matrix, and exact lazy greedy on anything submodular."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients, directions
from coreset_explore.greedy.facility import distances
from coreset_explore.greedy.vectors import (
    by_feature,
    centered,
    double,
    row_max,
    squared_between,
    squared_norms,
    total,
    unit,
)
from coreset_explore.progress import check, track

ENTRIES = 1 << 20  # of one block of similarities
TILE = 512  # rows and columns of one tile of them
PROBES = 1000  # rows that the width of the kernel is read from

Kind = Literal["cosine", "rbf"]


class Similarity:
    """s_ij in [0, 1] between n rows: 0.5 + 0.5 cos, or exp(−‖x_i − x_j‖² / 2σ²) ("rbf").

    A row of zeros has cosine 0 with every other; every row's similarity with itself is 1. σ is by default the median
    distance between up to 1,000 rows, evenly spaced. Rows are computed in float64 (8 n (c + d) bytes), so that
    duplicates are equal; the matrix is float32.
    """

    def __init__(self, vectors: Gradients, kind: Kind = "cosine", sigma: float | None = None):
        squared_norms(directions(vectors) if kind == "cosine" else vectors)  # refuses NaN and infinity
        self.kind = kind
        self.vectors = directions(vectors) if kind == "cosine" else centered(vectors)
        self.sigma, collapsed = sigma, ""
        if kind == "cosine":
            self.sigma = None
        elif sigma is None:
            self.sigma, collapsed = width(self.vectors)
        # what a method tells of it
        self.told = (
            {"sigma": self.sigma, "sigma_collapsed": collapsed} if collapsed else {"sigma": self.sigma}
        )
        self.told = self.told if self.sigma else {}

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def wide(self) -> Gradients:
        """The rows in float64; of length 1 for cosines."""
        wide = double(self.vectors)
        by = 1.0
        if self.kind == "cosine":
            norm = wide.norm()[:, None]
            by = torch.where(norm > 0, 1.0 / norm, 0.0)
        if isinstance(wide, Dense):
            return Dense(by_feature(wide.g * by))
        return replace(wide, r=wide.r * by).map(by_feature)

    @cached_property
    def norms(self) -> Tensor:
        return self.wide.squared_norm()

    def closeness(self, rows: Tensor, columns: slice = slice(None)) -> Tensor:
        """What grows with similarity (rows, columns): the cosine itself, or minus the squared distance."""
        inner = self.wide.gram(rows, columns)
        if self.kind == "rbf":
            inner.mul_(2).sub_(self.norms[rows, None]).sub_(self.norms[columns]).clamp_max_(0.0)
        own = rows - (columns.start or 0)
        inside = ((own >= 0) & (own < inner.shape[1])).nonzero().flatten()
        inner[inside, own[inside]] = 1.0 if self.kind == "cosine" else 0.0
        return inner

    def nearest(self, rows: Tensor, columns: slice) -> tuple[Tensor, Tensor, Tensor]:
        """The place in `rows` of what each column is most like, and how much; in float64, which leaves no doubt."""
        value, at = row_max(self.closeness(rows, columns).T.contiguous())
        return at, value, torch.zeros_like(value)

    def rows(self, rows: Tensor, columns: slice = slice(None)) -> Tensor:
        """s (rows, columns) float64."""
        near = self.closeness(rows, columns)
        if self.kind == "cosine":
            return near.mul_(0.5).add_(0.5).clamp_(0.0, 1.0)
        return near.div_(2 * self.sigma**2).exp_()

    def row(self, row: int) -> Tensor:
        """s_row· (n,)."""
        return self.rows(torch.tensor([row], device=self.vectors.device))[0]

    def own(self) -> Tensor:
        """s_ii (n,) float64: 1."""
        return torch.ones(len(self), dtype=torch.float64, device=self.vectors.device)

    def sums(self) -> Tensor:
        """Σ_i s_ij (n,) float64: n·c·d operations for cosines, n²·(c + d) otherwise; no n x n array."""
        n, device = len(self), self.vectors.device
        if self.kind == "cosine":
            whole = total(self.wide)
            dots = [
                self.wide[i : i + 8192].dot(whole) for i in track(range(0, n, 8192), "sums of similarities")
            ]
            return torch.cat(dots) * 0.5 + 0.5 * n + 0.5 * (self.norms == 0)  # a row of zeros is like itself
        found = torch.zeros(n, dtype=torch.float64, device=device)
        for start in track(range(0, n, TILE), "sums of similarities"):
            rows = torch.arange(start, min(start + TILE, n), device=device)
            for left in range(start, n, TILE):
                check()
                columns = slice(left, min(left + TILE, n))
                part = self.rows(rows, columns)
                found[rows] += part.sum(1)
                if left > start:  # both ways: each pair is computed once
                    found[columns] += part.sum(0)
        return found

    def matrix(self, apart: bool = False) -> Tensor:
        """s (n, n) float32, or 1 − s: half of one matrix product and 4 n² bytes; exact where rows are equal."""
        out = distances(unit(self.vectors) if self.kind == "cosine" else self.vectors)
        zero = self.vectors.squared_norm() == 0
        some = self.kind == "cosine" and bool(zero.any())
        size = max(1, ENTRIES // len(out))
        for start in track(range(0, len(out), size), "similarities"):
            part = out[start : start + size].square_()
            if self.kind == "cosine":
                part.div_(4).clamp_(0.0, 1.0)
            else:
                part.div_(-2 * self.sigma**2).expm1_().neg_()
            if some:
                part[zero[start : start + size]] = 0.5
                part[:, zero] = 0.5
                part.diagonal(start).zero_()
            if not apart:
                part.neg_().add_(1.0)
        return out

    def squared_apart(self, a: Tensor, b: Tensor) -> Tensor:
        """‖x_a − x_b‖² (m,) float64 two and two, of unit vectors for cosines, where it is 2 − 2 cos."""
        squared = squared_between(self.wide[a], self.wide[b])
        if (
            self.kind == "cosine"
        ):  # a row of zeros is like none but itself: as if of length 1 in a direction of its own
            zero = (self.norms == 0).to(squared.dtype)
            squared += torch.where(a == b, 0.0, zero[a] + zero[b])
        return squared


def width(vectors: Gradients) -> tuple[float, str]:
    """The median distance between up to 1,000 rows, evenly spaced, and "".

    Where that is 0 the mean, where all are equal 1; and a sentence that says so.
    """
    n = len(vectors)
    probes = torch.linspace(0, n - 1, min(n, PROBES), dtype=torch.float64).long().to(vectors.device)
    apart = distances(vectors[probes])
    some = apart[torch.ones_like(apart, dtype=torch.bool).triu(1)]
    if not len(some) or (middle := float(some.median())) > 0:
        return (middle, "") if len(some) else (1.0, "")
    if mean := float(some.mean()):
        return mean, "σ is the mean distance, as most rows are equal, and the median is 0"
    return 1.0, "σ is 1, as all rows are equal"
