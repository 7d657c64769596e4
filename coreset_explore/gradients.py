"""Per-example gradients as operators: they answer inner products, sums and norms and are never built.

n rows, c classes, d features, s steps (checkpoints or initialisations).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Self, overload

import torch
from torch import Tensor

Rows = Tensor | slice | Sequence[int]
DENSE_LIMIT = 4 << 30  # bytes: more than this is a mistake, not a request


@dataclass(frozen=True, eq=False)
class LastLayer:
    """Last-layer loss gradients g_i = r_i ⊗ [h_i, 1] of n rows at s steps, factored.

    `r` (s, n, c) is softmax − one-hot (`residuals`), `h` (s, n, d) the features that enter the last linear layer;
    `bias=False` says that this has none, and then there is no 1. The steps count as one long vector, so
    ⟨g_i, g_j⟩ = Σ_s (r_i·r_j)(h_i·h_j + bias). n(c + d) numbers a step do the work of n·c(d + bias).

    >>> import torch, coreset_explore as cx
    >>> r, h = torch.eye(2)[None, [0, 0, 1, 1]], torch.ones(1, 4, 3)  # one step, 4 rows, 2 classes, 3 features
    >>> grads = cx.LastLayer(r, h)
    >>> grads
    LastLayer(4 rows, 2 classes, 3 features, 1 step; 8 numbers a row)
    >>> grads.norm().tolist()  # never built: √(‖r‖² (‖h‖² + 1))
    [2.0, 2.0, 2.0, 2.0]
    >>> grads.gram([0], [1, 2]).tolist()
    [[4.0, 0.0]]
    """

    r: Tensor
    h: Tensor
    bias: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.bias, bool):
            raise ValueError(
                f"LastLayer's bias says whether the layer has one, True or False, not {type(self.bias).__name__}; "
                "what the bias holds makes no difference to a gradient"
            )
        if self.r.ndim != 3 or self.h.ndim != 3 or self.r.shape[:2] != self.h.shape[:2]:
            raise ValueError(
                f"LastLayer wants r (steps, n, classes) and h (steps, n, features), got {tuple(self.r.shape)} "
                f"and {tuple(self.h.shape)}; for one step pass r[None], h[None]"
            )

    def __len__(self) -> int:
        return self.r.shape[1]

    def __repr__(self) -> str:
        s, n, c = self.r.shape
        steps, d = (
            f"{s} step{'s' * (s != 1)}",
            f"{self.h.shape[2]:,} features{'' if self.bias else ', no bias'}",
        )
        return f"LastLayer({n:,} rows, {c:,} classes, {d}, {steps}; {self.dim:,} numbers a row)"

    def __getitem__(self, rows) -> Self:
        return self.map(lambda part: part[:, rows])

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same kind of gradients, of changed factors: whatever else tells what they are stays."""
        return type(self)(change(self.r), change(self.h), self.bias)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one row's gradient, and so of a sum of them: (s, c, d + bias)."""
        s, _, c = self.r.shape
        return s, c, self.h.shape[2] + self.bias

    @property
    def dim(self) -> int:
        """Length of one row's gradient: s·c·(d + bias)."""
        return math.prod(self.shape)

    @property
    def device(self) -> torch.device:
        return self.r.device

    @property
    def steps(self) -> list[LastLayer]:
        return [LastLayer(r[None], h[None], self.bias) for r, h in zip(self.r, self.h, strict=True)]

    @property
    def last(self) -> LastLayer:
        return LastLayer(self.r[-1:], self.h[-1:], self.bias)

    def to(self, device) -> Self:
        return self.map(lambda part: part.to(device))

    def gram(self, rows: Rows = slice(None), cols: Rows = slice(None)) -> Tensor:
        """Inner products (rows, cols); two small matrix products a step instead of one of width c(d + bias)."""
        return self._products(
            (r[rows], h[rows], r[cols], h[cols]) for r, h in zip(self.r, self.h, strict=True)
        )

    def cross(self, others: LastLayer) -> Tensor:
        """Inner products (rows, rows of the others) with gradients of the same layer."""
        return self._products(zip(self.r, self.h, others.r, others.h, strict=True))

    def _products(self, steps: Iterable[tuple[Tensor, Tensor, Tensor, Tensor]]) -> Tensor:
        blocks = (self._product(*factors) for factors in steps)
        total = next(blocks)
        for block in blocks:
            total.add_(block)
        return total

    def _product(self, r: Tensor, h: Tensor, other_r: Tensor, other_h: Tensor) -> Tensor:
        block = h @ other_h.T
        if self.bias:
            block.add_(1.0)
        return block.mul_(r @ other_r.T)

    def dot(self, v: Tensor) -> Tensor:
        """⟨g_i, v⟩ (n,) for a dense v (s, c, d + bias)."""
        total = torch.zeros(len(self), dtype=v.dtype, device=self.device)
        d = self.h.shape[2]
        for r, h, vs in zip(self.r, self.h, v, strict=True):
            r = r.to(v.dtype)
            total += ((r @ vs[:, :d]) * h).sum(1)
            if self.bias:
                total += r @ vs[:, d]
        return total

    def sum(self, w: Tensor | None = None) -> Tensor:
        """Σ_i w_i g_i (s, c, d + bias), in float64: the sum of many small terms is what selections are judged by."""
        d = self.h.shape[2]
        total = torch.zeros(self.shape, dtype=torch.float64, device=self.device)
        for i in range(
            0, len(self), 8192
        ):  # in blocks: a float64 copy of all features would double the memory
            block = slice(i, i + 8192)
            r, h = self.r[:, block].double(), self.h[:, block].double()
            if w is not None:
                r = r * w[block].to(r.device).double()[:, None]
            total[..., :d] += r.transpose(1, 2) @ h
            if self.bias:
                total[..., d] += r.sum(1)
        return total

    def squared_norm(self) -> Tensor:
        """‖g_i‖² (n,) = Σ_s ‖r_i‖² (‖h_i‖² + bias)."""
        return (self.r.square().sum(2) * (self.h.square().sum(2) + float(self.bias))).sum(0)

    def norm(self) -> Tensor:
        """‖g_i‖ (n,)."""
        return self.squared_norm().sqrt()

    def dense(self) -> Tensor:
        """The matrix itself (n, s·c·(d + bias)): for tests and tiny data; refuses what does not fit."""
        refuse_size(
            len(self) * self.dim * self.r.element_size(), f"{len(self):,} gradients of {self.dim:,} numbers"
        )
        return torch.einsum("snc,snd->nscd", self.r, self.entering()).reshape(len(self), -1)

    def entering(self) -> Tensor:
        """What the layer's weights are multiplied by (s, n, d + bias): [h, 1], or h alone without a bias."""
        return torch.cat([self.h, torch.ones_like(self.h[..., :1])], 2) if self.bias else self.h

    def sums(self, groups: Sequence[Tensor]) -> Dense:
        """Summed gradient of each group of rows, as Dense: a sum of rank-one gradients is not rank one.

        Sums and not means, so that a short last group is not inflated.
        """
        width = self.dim * self.r.element_size()
        refuse_size(len(groups) * width, f"{len(groups):,} summed gradients of {self.dim:,} numbers")
        d, found = self.h.shape[2], torch.empty(len(groups), *self.shape, device=self.device)
        done = 0
        for size, alike in groupby(groups, len):  # groups of one size in one product
            alike = list(alike)
            many = max(1, 8192 // max(size, 1))
            for some in (alike[i : i + many] for i in range(0, len(alike), many)):
                rows = torch.stack(tuple(some)).to(self.device)
                r, h = self.r[:, rows].double(), self.h[:, rows].double()
                out = found[done : done + len(rows)].transpose(0, 1)
                out[..., :d] = r.transpose(2, 3) @ h
                if self.bias:
                    out[..., d] = r.sum(2)
                done += len(rows)
        return Dense(found.flatten(1))


@dataclass(frozen=True, eq=False)
class Dense:
    """Gradients that are no outer product (batch sums, projections, adapters): `g` (n, p), the same questions.

    >>> import torch, coreset_explore as cx
    >>> grads = cx.Dense(torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    >>> grads
    Dense(2 rows; 2 numbers a row)
    >>> grads.norm().tolist(), grads.sum().tolist()
    ([5.0, 1.0], [3.0, 5.0])
    >>> cx.Pool.of(grads=grads)  # what methods that need gradients select from
    Pool(unnamed: 2 rows, grads, ids (2,))
    """

    g: Tensor

    def __post_init__(self) -> None:
        if self.g.ndim != 2:
            raise ValueError(f"Dense wants one row a gradient, (n, p), got {tuple(self.g.shape)}")

    def __len__(self) -> int:
        return self.g.shape[0]

    def __repr__(self) -> str:
        return f"Dense({len(self):,} rows; {self.dim:,} numbers a row)"

    def __getitem__(self, rows) -> Dense:
        return Dense(self.g[rows])

    def map(self, change: Callable[[Tensor], Tensor]) -> Dense:
        """The changed matrix as gradients."""
        return Dense(change(self.g))

    @property
    def dim(self) -> int:
        return self.g.shape[1]

    @property
    def device(self) -> torch.device:
        return self.g.device

    @property
    def steps(self) -> list[Dense]:
        return [self]

    @property
    def last(self) -> Dense:
        return self

    def to(self, device) -> Dense:
        return Dense(self.g.to(device))

    def gram(self, rows: Rows = slice(None), cols: Rows = slice(None)) -> Tensor:
        return self.g[rows] @ self.g[cols].T

    def cross(self, others: Dense) -> Tensor:
        return self.g @ others.g.T

    def dot(self, v: Tensor) -> Tensor:
        return self.g.to(v.dtype) @ v.flatten()

    def sum(self, w: Tensor | None = None) -> Tensor:
        return self.g.double().sum(0) if w is None else w.to(self.device).double() @ self.g.double()

    def squared_norm(self) -> Tensor:
        return self.g.square().sum(1)

    def norm(self) -> Tensor:
        return self.squared_norm().sqrt()

    def dense(self) -> Tensor:
        return self.g

    def sums(self, groups: Sequence[Tensor]) -> Dense:
        return Dense(torch.stack([self.g[rows].sum(0) for rows in groups]))

    @classmethod
    def of(cls, rows: int, width: int, block: Callable[[slice], Tensor], size: int = 1024) -> Dense:
        """Build (rows, width) a block of rows at a time, after refusing sizes that do not fit."""
        refuse_size(rows * width * 4, f"{rows:,} gradients of {width:,} numbers")
        return cls(torch.cat([block(slice(i, min(i + size, rows))) for i in range(0, rows, size)]))


Gradients = LastLayer | Dense


def residuals(logits: Tensor, y: Tensor) -> Tensor:
    """The loss's slope in the logits (…, n, c), softmax − one-hot of labels y (n,), to float32's relative precision."""
    return less_one_hot(logits.softmax(-1), y.expand(logits.shape[:-1])[..., None])


def less_one_hot(p: Tensor, label: Tensor, dim: int = -1) -> Tensor:
    """Probabilities p (…, c) less one at `label` (…, 1), where the others' sum, negated, stands for p − 1.

    Classes may lie along another `dim`.
    Subtracting 1 loses what is left of a row that the model is sure of: all of it above p = 1 − 6e-8, and coarsely
    long before, so that rows seem to point elsewhere and directions, which methods compare, are wrong.
    """
    others = p.scatter(dim, label, 0.0)
    return others.scatter(dim, label, -others.sum(dim, keepdim=True))


@overload
def directions(grads: Dense) -> Dense: ...
@overload
def directions(grads: LastLayer) -> LastLayer: ...
def directions(grads: Gradients) -> Gradients:
    """Each row divided by its largest entry: the same direction, in float32's range when squared; zeros stay zero.

    The gradient of a row that the model is sure of is easily 1e-25, whose square is 0 in float32.
    """
    if isinstance(grads, Dense):
        return Dense(_divided(grads.g, grads.g.abs().amax(1, keepdim=True)))
    return replace(grads, r=_divided(grads.r, grads.r.abs().amax((0, 2), keepdim=True)))


def cosine(grads: Gradients, rows: Rows = slice(None), cols: Rows = slice(None)) -> Tensor:
    """Cosines (rows, cols), all steps as one vector; a zero gradient has cosine 0 with everything."""
    grads = directions(grads)
    norm = grads.norm()
    norm = torch.where(norm > 0, norm, 1.0)
    return grads.gram(rows, cols) / norm[rows][:, None] / norm[cols][None, :]


def _divided(x: Tensor, by: Tensor) -> Tensor:
    return x / torch.where(by > 0, by, 1.0)


def refuse_size(size: int, what: str) -> None:
    """Raise ValueError for a dense matrix of so many bytes, if it is larger than anybody can mean."""
    if size > DENSE_LIMIT:
        raise ValueError(
            f"{what} would take {size / 2**30:.1f} GB as a dense matrix; keep them factored (LastLayer) or "
            "work on smaller groups (per_class, two_stage, merge_reduce)"
        )
