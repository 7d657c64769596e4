"""Matching pursuit (GRAD-MATCH, GMC): pick what correlates most with the residual, refit all weights, repeat."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients, LastLayer
from coreset_explore.greedy.columns import Columns, Whole, WideColumns
from coreset_explore.greedy.factored import Factored
from coreset_explore.greedy.residual import Built, Residual
from coreset_explore.machine.threads import limited
from coreset_explore.progress import check, track

NOISE = 1e-10  # a correlation below this share of ‖g_j‖·‖target‖ is rounding
PATIENCE = 1000  # rows that get no weight, one after the other, before a pick
WORTH = 200  # picks of dense rows, from which their columns pay
FEW = 4  # dense rows a pick, up to which all inner products at once cost less than columns and lines as they are asked


def pursue(
    vectors: Gradients,
    target: Tensor,
    k: int,
    given: Tensor,
    *,
    nonnegative: bool = False,
    absolute: bool = False,
    normalized: bool = False,
    ridge: float = 0.0,
    tolerance: float = 0.0,
    way: type[Residual] | None = None,
) -> tuple[Tensor, Tensor, Tensor, str]:
    """Orthogonal matching pursuit of `target` (the shape of vectors.sum()) with rows of `vectors`.

    Each pick has the largest correlation ⟨g_j, residual⟩ (or its absolute value, or its ratio to ‖g_j‖); then all
    weights are refitted: argmin ‖Σ w_i g_i − target‖² + ridge·‖w‖², over w ≥ 0 if asked. Given rows take part in the
    fit. Scores are float32 products; rows that these cannot tell apart, and all about the picks, are float64, so the
    picks are those of a float64 run. Signed pursuit with free weights takes rows that point away from the residual once
    none points along it. k·n·c·d operations and n·(c + d) + k·(c + d + k) numbers, or, where classes are many,
    k·n·(c + d + k) and n·(c + k) + k² (see `greedy.residual`; `way` says which), beside k²·(c + d + k) for the fits.

    Returns picks, what each took off that minimum, the picks' weights, and why it stopped early ("" if it did not): the
    minimum under `tolerance`·‖target‖², or no row left that correlates beyond rounding.
    """
    if target.numel() != vectors.dim:
        raise ValueError(
            f"the target has {target.numel():,} numbers and the gradients {vectors.dim:,}; match gradients of one model"
        )
    mine = vectors.shape if isinstance(vectors, LastLayer) else None
    if mine and target.ndim == 3 and tuple(target.shape) != mine:
        raise ValueError(
            f"the target's gradients are (steps, classes, features + bias) = {tuple(target.shape)} and "
            f"the candidates' {mine}; match gradients of one model at the same steps"
        )
    left = (way or fastest(vectors, k + len(given)))(vectors, target, k + len(given), normalized)
    norms, length = left.norms, float(target.norm())
    with limited(1) if left.alone else nullcontext():
        fit = _Fit(left, nonnegative, ridge)
        for row in given.tolist():
            fit.add(row)
            left.forbid(row)

        def foremost(absolute: bool) -> tuple[int, bool]:
            """The row that correlates most, and whether that is more than rounding."""
            row, value = left.foremost(absolute)
            return row, value > NOISE * length * (1.0 if normalized else float(norms[row]))

        gains, why, passed = [], "", 0
        for _ in track(range(k), "matching pursuit"):
            if fit.error <= tolerance * length**2:
                why = "the error is below the tolerance"
                break
            if (not ridge and fit.size == vectors.dim) or not bool((left.reach > 0).any()):
                why = "nothing is left to match"
                break
            error = fit.error
            for _ in range(PATIENCE):
                row, found = foremost(absolute)
                if not (found or nonnegative or absolute):  # a free weight may as well be negative
                    row, found = foremost(True)
                if not found:
                    break
                left.forbid(row)
                if fit.add(row) or (absolute and nonnegative) or error - fit.error > NOISE * error:
                    gains.append(error - fit.error)
                    break
                fit.undo()
                passed += 1  # it gets no weight, but others that point along the residual may
                found = False
                passed += left.forbid_short(fit.least)
            if not found:
                why = "no row left points along it"
                why += f", except {passed:,} that would weigh nothing" if passed else ""
                break
    rows = torch.tensor(fit.rows[len(given) :], dtype=torch.int64)
    weights = torch.from_numpy(fit.weights[len(given) : len(fit.rows)].copy())
    if why:
        why = f"residual exhausted after {len(rows):,} of {k:,}: {why} ({vectors.dim:,} gradient dimensions)"
    return rows, torch.tensor(gains, dtype=torch.float64), weights, why


def fastest(vectors: Gradients, cap: int) -> type[Residual]:
    """How to keep what `cap` picks leave. `Columns` and `Factored` are for float32 rows on a CPU.

    What reading numbers costs beside multiplying matrices is as measured: 0.28 ns a number of a column, 0.18 ns a pick
    so far, 0.03 ns a product. For dense rows n·width a pick is what both ways cost before columns are looked ahead.
    """
    dense = isinstance(vectors, Dense)
    if vectors.device.type != "cpu" or (vectors.g if dense else vectors.h).dtype == torch.double:
        return Built
    if dense and cap < WORTH:
        return Built
    if dense:  # few: and no more bytes than the rows have
        few = len(vectors) <= FEW * cap and 2 * len(vectors) <= vectors.dim
        return Whole if few else WideColumns
    steps, classes, width = vectors.shape
    return Factored if steps * (classes * width - 9 * (classes + width)) <= 3 * cap else Columns


class _Fit:
    """Weights of the picks in float64, and the error that these leave."""

    def __init__(self, left: Residual, nonnegative: bool, ridge: float):
        self.left, self.nonnegative, self.ridge = left, nonnegative, ridge
        cap = len(left.gram)
        self.rows: list[int] = []
        self.wanted, self.weights, self.factor = np.zeros(cap), np.zeros(cap), np.zeros((cap, cap))
        self.active, self.size = np.zeros(cap, dtype=np.int64), 0  # picks in the factor, in its order
        self.error = left.move(self.weights[:0])

    def add(self, row: int) -> bool:
        """Take `row` in and refit; False if it got no weight of its own (it depends on the others, or points away)."""
        from coreset_explore.compiled import fit as loops

        last, total = len(self.rows), len(self.rows) + 1
        self.rows.append(row)
        self.wanted[last], self.weights[last] = self.left.take(row), 0.0
        gram, ridge, state = self.left.gram, self.ridge, (self.factor, self.active)
        if not self.nonnegative:
            self.size = loops.factor_grow(gram, ridge, *state, self.size, last)
        self.size = loops.refit(
            gram, self.wanted, ridge, self.nonnegative, self.weights, *state, self.size, total
        )
        weights = self.weights[:total]
        self.error = self.left.move(weights) + ridge * float(weights @ weights)
        return last in self.active[: self.size]

    @property
    def least(self) -> float:
        """A correlation with the residual that is no more than this is rounding, and gets no weight (see `refit`)."""
        return (
            1e-13 * float(np.abs(self.wanted[: len(self.rows)]).max(initial=0.0)) if self.nonnegative else 0.0
        )

    def undo(self) -> None:
        """Forget the last row, which got no weight."""
        self.rows.pop()
        self.left.untake()


def solve(gram: Tensor, wanted: Tensor, *, nonnegative: bool = False, ridge: float = 0.0) -> Tensor:
    """argmin_w wᵀ(G + ridge·I)w − 2wᵀb (k,) float64, over w ≥ 0 if asked.

    G (k, k) is the Gram matrix of the picks, b (k,) their inner products with the target. A singular G (duplicate
    rows) is answered with the smallest jitter that makes it factor. O(k³).
    """
    gram, wanted = gram.double(), wanted.double()
    if not len(wanted):
        return wanted
    if nonnegative:
        return torch.from_numpy(_nonnegative(gram.numpy(), wanted.numpy(), float(ridge)))
    eye = torch.eye(len(wanted), dtype=torch.float64)
    scale = float(gram.diagonal().mean()) or 1.0
    for jitter in (0.0, 1e-12, 1e-10, 1e-8, 1e-6):
        factor, failed = torch.linalg.cholesky_ex(gram + (ridge + jitter * scale) * eye)
        if not failed:
            break
    return torch.cholesky_solve(wanted[:, None], factor)[:, 0]


def _nonnegative(gram: np.ndarray, wanted: np.ndarray, ridge: float) -> np.ndarray:
    """The active set method of `refit`, started from what is left after dropping negative weights a block at a time."""
    from coreset_explore.compiled import fit as loops

    k = len(wanted)
    weights, factor, active = np.zeros(k), np.zeros((k, k)), np.zeros(k, dtype=np.int64)
    inside, lowest = np.arange(k), -1.0
    while lowest < 0:
        check()
        size = 0
        for j in inside:
            size = loops.factor_grow(gram, ridge, factor, active, size, j)
        weights[:] = 0.0
        loops.refit(gram, wanted, ridge, False, weights, factor, active, size, k)
        lowest = weights.min()
        inside = active[:size][weights[active[:size]] > 0].copy()
    loops.refit(gram, wanted, ridge, True, weights, factor, active, size, k)
    return weights
