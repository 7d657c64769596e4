"""What the greedy cores share: rows in id order, norms, products in pieces, exact maxima of float32 scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import overload

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients, LastLayer, directions
from coreset_explore.progress import check

LARGEST = torch.finfo(torch.float32).max / 16  # of squared norms: sums of a few of them still are float32
PROBES = 1024  # rows that show where all lie
PIECE = 1 << 19  # numbers worked on in float64 at a time: they stay in the processor's cache
STEP = 1e9  # floating-point operations between two looks at whether to stop: some 20 ms on one core


def by_id(vectors: Gradients, ids: Tensor, given: Sequence[int] = ()) -> tuple[Gradients, Tensor, Tensor]:
    """The rows in id order, their places in the pool (n,), and where `given` rows stand among them."""
    order = torch.argsort(ids.cpu(), stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    if not torch.equal(order, place):
        vectors = vectors[order.to(vectors.device)]
    return vectors, order, place[torch.as_tensor(list(given), dtype=torch.int64)]


def squared_norms(vectors: Gradients) -> Tensor:
    """‖g_i‖² (n,) float32, or a ValueError for what no distance can be computed from."""
    parts = []
    for start in range(0, len(vectors), 8192):
        check()
        parts.append(vectors[start : start + 8192].squared_norm().float())
    norms = torch.cat(parts)
    _refuse(norms < LARGEST)  # false for NaN
    return norms


def _refuse(fit: Tensor) -> None:
    if not fit.all():
        count = int((~fit).sum())
        raise ValueError(
            f"{count:,} rows hold NaN, infinity or values too large to square; mend or drop them first"
        )


def total(vectors: Gradients) -> Tensor:
    """Σ g_i in float64, in pieces between which a run can be cancelled."""
    found: Tensor | float = 0.0
    for start in range(0, len(vectors), 8192):
        check()
        found = found + vectors[start : start + 8192].sum()
    return found


@overload
def centered(vectors: Dense) -> Dense: ...
@overload
def centered(vectors: LastLayer) -> LastLayer: ...
def centered(vectors: Gradients) -> Gradients:
    """Features about a point near their mean: no distance changes, and products lose no digits to a common offset.

    A last layer's gradients come back as they are, since less a vector they are no outer products. O(n·d), and a
    copy of the features unless they lie there already.
    """
    if isinstance(vectors, LastLayer):
        return vectors
    point = middle(vectors.g)
    if not point.float().square().sum() < LARGEST:
        squared_norms(vectors)  # at the same distance from 0, all are as suspicious as one would be
    return Dense(vectors.g - point) if point.any() else vectors


def middle(x: Tensor) -> Tensor:
    """A point (d,) within two standard deviations of the mean of x (n, d), as up to 1,024 rows show it; 0 if 0 is.

    Each coordinate is a multiple of a power of two, the one between two and four of the column's deviations, so that
    subtracting it rounds nothing: whole numbers stay whole, and distances that were equal stay equal. Small numbers
    about 0 stay as small as they are.
    """
    some = x[probes(x)].double()
    mean = some.mean(0)
    grid = 4 * (some - mean).square().mean(0).sqrt().log2().floor().exp2()  # 0 where a column does not vary
    return torch.where(grid > 0, (mean / grid).round() * grid, some[0]).to(x.dtype)


@overload
def unit(vectors: Dense) -> Dense: ...
@overload
def unit(vectors: LastLayer) -> LastLayer: ...
def unit(vectors: Gradients) -> Gradients:
    """Rows scaled to length 1 (zero rows to 0): Euclidean distances among them order pairs as cosines do.

    Features are scaled in float64 and moved together to near their mean before they are rounded, as `centered` does:
    what all directions share costs no digits. A last layer's gradients stay where they are.
    """
    if isinstance(vectors, LastLayer):
        within = directions(vectors)  # the square of a short row would be 0
        norm = squared_norms(within).sqrt().clamp_min(torch.finfo(torch.float32).tiny)[:, None]
        return replace(vectors, r=within.r / norm)
    x = directions(vectors).g if vectors.g.dtype == torch.float64 else vectors.g
    shorten = _reciprocal_norms(x)
    rows = probes(x)
    point = middle(x[rows] * shorten[rows])
    out = torch.empty_like(x)
    for part in pieces(x):
        check()
        torch.sub(x[part] * shorten[part], point, out=out[part])
    return Dense(out)


def _reciprocal_norms(x: Tensor) -> Tensor:
    """1/‖x_i‖ (n, 1) in float64, in which no float32 is too large or too small to square; 0 for a zero row."""
    norms = []
    for part in pieces(x):
        check()
        norms.append(torch.linalg.vector_norm(x[part], dim=1, keepdim=True, dtype=torch.float64))
    norm = torch.cat(norms)
    _refuse(norm.isfinite())
    return torch.where(norm > 0, 1 / norm, 0.0)


def pieces(x: Tensor) -> list[slice]:
    """Neighboring rows of x (n, d), some `PIECE` numbers at a time."""
    size = max(1, PIECE // x.shape[1])
    return [slice(start, start + size) for start in range(0, len(x), size)]


def probes(x: Tensor) -> Tensor:
    """Up to `PROBES` rows, evenly from the first to the last."""
    rows = torch.linspace(0, len(x) - 1, min(len(x), PROBES), dtype=torch.float64).long()
    return rows.to(x.device)


@overload
def points(vectors: Dense, metric: str = ...) -> Dense: ...
@overload
def points(vectors: LastLayer, metric: str = ...) -> LastLayer: ...
def points(vectors: Gradients, metric: str = "euclidean") -> Gradients:
    """Rows whose Euclidean distances are `metric`'s, placed where float32 tells them apart best."""
    return unit(vectors) if metric == "cosine" else centered(vectors)


def factors(vectors: Gradients) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """r (s, n, c), h (s, n, d) and bias, 1 or 0, as the kernels read them; features are r = 1, bias 0."""
    if isinstance(vectors, Dense):
        r, h, bias = torch.ones(1, len(vectors), 1), vectors.g[None], 0.0
    else:
        r, h, bias = vectors.r, vectors.h, float(vectors.bias)
    return r.detach().float().contiguous().numpy(), h.detach().float().contiguous().numpy(), np.float32(bias)


def stored(vectors: Gradients) -> int:
    """How many numbers are kept of a row."""
    return (
        vectors.dim
        if isinstance(vectors, Dense)
        else len(vectors.r) * (vectors.r.shape[2] + vectors.h.shape[2])
    )


def products(vectors: Gradients, rows: Tensor) -> Tensor:
    """Inner products (rows, n) float32, in pieces between which a run can be cancelled."""
    n = len(vectors)
    size = max(256, int(STEP / (2 * len(rows) * stored(vectors))))
    out = torch.empty(len(rows), n, device=vectors.device)
    for start in range(0, n, size):
        check()
        out[:, start : start + size] = vectors.gram(rows, slice(start, start + size))
    return out


def dots(vectors: Gradients, v: Tensor) -> Tensor:
    """⟨g_i, v⟩ (n,) in float32; products over the features come first, so only n·c numbers are written."""
    v = v.to(torch.float32)
    if isinstance(vectors, Dense):
        return vectors.g.float() @ v.flatten()
    total = torch.zeros(len(vectors), device=vectors.device)
    d = vectors.h.shape[2]
    for r, h, step in zip(vectors.r, vectors.h, v, strict=True):
        along = step[:, :d].contiguous() @ h.float().T
        if vectors.bias:
            along.add_(step[:, d:])
        total += along.mul_(r.T).sum(0)
    return total


def best(score: Tensor, doubt: Tensor, free: Tensor, exact: Callable[[Tensor], Tensor]) -> tuple[int, float]:
    """The free row of largest exact score, given scores (n,) that are wrong by at most `doubt`, and that score.

    Only rows that might be the largest are computed exactly. Equal means to 1e-12; then the first row.
    """
    score = torch.where(free, score, -torch.inf)
    rows = (score + doubt >= (score - doubt).max()).nonzero().flatten()
    values = torch.cat([exact(part) for part in rows.split(2048)])
    top = values.max()
    return int(rows[values >= top - 1e-12 * top.abs()][0]), float(top)


def by_feature(x: Tensor) -> Tensor:
    """The same matrix stored a feature after the other: products with one vector then run at twice the rate."""
    return x.transpose(-1, -2).contiguous().transpose(-1, -2)


def double(vectors: Gradients) -> Gradients:
    return vectors.map(Tensor.double)


def squared_between(a: Gradients, b: Gradients) -> Tensor:
    """‖a_i − b_i‖² (m,), either side one row or m; differences are taken before squaring, so nothing cancels."""
    if isinstance(a, Dense):
        return (a.g - b.g).square().sum(1)
    dr, dh = a.r - b.r, a.h - b.h
    turned = dr.square().sum(2) * (a.h.square().sum(2) + float(a.bias))
    cross = 2 * (dr * b.r).sum(2) * (a.h * dh).sum(2)
    return (turned + b.r.square().sum(2) * dh.square().sum(2) + cross).sum(0).clamp_min_(0)


def row_max(values: Tensor) -> tuple[Tensor, Tensor]:
    """Each row's maximum (n,) and its place (n,); of equals the first on a CPU, any on a GPU."""
    if values.device.type != "cpu":
        return values.max(1)
    at = torch.from_numpy(values.numpy().argmax(1))  # torch's own takes six times as long
    return values.gather(1, at[:, None])[:, 0], at


def first_max(values: Tensor) -> Tensor:
    """The first place of the maximum; argmax promises none on a GPU."""
    places = torch.arange(len(values), device=values.device)
    return torch.where(values == values.max(), places, len(values)).min()
