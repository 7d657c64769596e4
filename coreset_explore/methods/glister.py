"""GLISTER: rows whose gradient step lowers the validation loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Gradients, LastLayer, less_one_hot, residuals
from coreset_explore.greedy.vectors import dots, double
from coreset_explore.machine.threads import limited
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import Range, selector
from coreset_explore.selection import Selection

BLOCK = 8192  # rows between two chances to stop
WAKE = (
    10**8
)  # operations between two updates, some milliseconds: below, waking a second thread costs more on busy cores


@selector(
    needs="grads,target",
    weights="uniform",
    objective="gains",
    nested=True,
    draws="optimizer=stochastic",
    purpose="match",
    title="GLISTER",
    paper="Killamsetty et al. 2021, arXiv:2012.10630, Algorithm 2",
    bytes=lambda n, d, c, k: 4 * n * (2 * d + 4 * c + 12) + 2**25,
)
def glister(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    eta: Annotated[
        float, Range(0, 10), "η: learning rate of the step along the picks' summed gradients"
    ] = 0.01,
    block: Annotated[int, Range(1, 1000), "picks between two updates of the validation gradient"] = 1,
    optimizer: Annotated[
        Literal["full", "stochastic"], "the best of all rows, or of a fresh sample for each pick"
    ] = "full",
    epsilon: Annotated[float, Range(1e-6, 0.99, log=True), "stochastic: ε of the sample's size"] = 0.01,
) -> Selection:
    """Greedily the rows along whose gradients a step lowers the validation loss most.

    The model after one step is θ − η Σ_S g_j; the next pick is argmax_i ⟨g_i, ∇L_V(θ − η Σ_S g_j)⟩, the first-order
    decrease of the mean validation loss per unit of η, which `gains` state (negative once the steps overshoot). The
    step moves validation logits by −η Σ_S r_j (h_j·h_v + 1), so the validation residuals and their gradient are
    computed anew after every `block` picks: about (n + n_V)·c·d operations a block, no gradient is built. Rows in
    `given` have taken their step. The target is `signals(holdout=…)`'s validation rows. Through `per_batch` a
    candidate is a batch, and the step goes along its mean gradient.

    "full" looks at all rows; "stochastic", the paper's, at (n/k)·ln(1/ε) rows drawn for each pick (a block's picks are
    the best of as many times that), and a prefix of its picks is not the answer for that budget. Rows that are best of
    all are alike, which a sample and small blocks prevent.

    Where we differ: all rows are looked at unless asked otherwise; the step moves the last layer, as in the
    authors' code; η = 0 never updates the validation gradient and ranks rows once, which is what DeepCore computes.
    """
    vectors, order, held = greedy.by_id(pool.vectors("grads"), pool.ids, given)
    validation = _Validation(pool, vectors)
    validation.step(vectors[held.to(vectors.device)], eta)
    left = torch.ones(len(vectors), dtype=torch.bool, device=vectors.device)
    left[held.to(left.device)] = False
    norms = greedy.squared_norms(vectors).sqrt()
    sampled = math.ceil(len(vectors) / max(k, 1) * math.log(1 / epsilon))
    picks, gains = [], []
    seen = len(validation.h) + (len(vectors) if optimizer == "full" else sampled * block)
    with limited(1) if seen * vectors.dim < WAKE else nullcontext():
        for made in track(range(0, k, block), "GLISTER"):
            v, many = validation.gradient(), min(block, k - made)
            if optimizer == "full":
                chosen, gain = _foremost(vectors, norms, v, left, many)
            else:
                rest = left.nonzero().flatten()
                drawn = torch.randperm(len(rest), generator=rng)[: max(many, sampled * many)].sort().values
                chosen, gain = _best(vectors, rest[drawn.to(rest.device)], v, many)
            picks.extend(chosen.tolist())
            gains.extend(gain.tolist())
            left[chosen] = False
            validation.step(vectors[chosen], eta)
    rows = order[torch.tensor(picks, dtype=torch.int64)]
    weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
    info = {"nested": False} if optimizer == "stochastic" else {}
    return Selection(rows, weights, gains=torch.tensor(gains, dtype=torch.float64), info=info)


class _Validation:
    """The validation rows' last layer: log-probabilities that steps move, and the gradient of their mean loss."""

    def __init__(self, pool: Pool, vectors: Gradients):
        target = pool.need("target")
        if len(target) == 0:
            raise ValueError(
                "no validation row belongs to this group; set more rows aside (holdout=) or leave per_class out"
            )
        grads = target.vectors("grads")
        if not isinstance(grads, LastLayer) or len(grads.r) != 1:
            raise ValueError(
                "GLISTER takes steps of the last layer and wants the validation rows' factored gradients (LastLayer, "
                "from recording.signals)"
            )
        if isinstance(vectors, LastLayer):
            for what, name in (("classes", "r"), ("features", "h")):
                mine, theirs = (getattr(g, name).shape[2] for g in (vectors, grads))
                if mine != theirs:
                    raise ValueError(
                        f"the validation rows have {theirs:,} {what} and the candidates {mine:,}; "
                        "record both with one model"
                    )
            if vectors.bias != grads.bias:
                raise ValueError(
                    "the validation rows' gradients and the candidates' are not both of a last layer with a bias; "
                    "record both with one model"
                )
        elif vectors.dim != grads.dim:
            raise ValueError(
                f"the validation rows' gradients have {grads.dim:,} numbers and the candidates' {vectors.dim:,}; "
                "GLISTER wants both of the last layer of one model"
            )
        r, y = grads.r[0].double(), target.need("y")
        if r.shape[1] == 1 and bool((r != 0).any()):
            raise ValueError(
                "GLISTER moves all outputs of the last layer, and these gradients are of one; leave own_class out"
            )
        self.h, self.y = grads.entering()[0].double(), y  # what the layer multiplies: with the 1 of a bias
        # a class after the other: so softmax runs over many rows at a time, at a sixth of the cost
        self.logits = _logits(target, r, y).T.contiguous()

    def gradient(self) -> Tensor:
        """Of the mean validation loss, (1, c, d + bias)."""
        found = self.h.new_zeros(1, len(self.logits), self.h.shape[1])
        parts = zip(self.h.split(BLOCK), self.y.split(BLOCK), self.logits.split(BLOCK, 1), strict=True)
        for h, y, logits in parts:
            check()
            p = (logits - logits.amax(0)).exp_()
            found[0] += less_one_hot(p.div_(p.sum(0)), y[None], 0) @ h
        return found.div_(len(self.h))

    def step(self, chosen: Gradients, eta: float) -> None:
        """Move the last layer by −η times the sum of the chosen gradients."""
        if eta and len(chosen):
            move = eta * chosen.sum().view(len(self.logits), -1)
            for h, logits in zip(self.h.split(BLOCK), self.logits.split(BLOCK, 1), strict=True):
                check()
                logits -= move @ h.T


def _logits(target: Pool, r: Tensor, y: Tensor) -> Tensor:
    """Logits (n, c) float64 whose residuals these are: the target's own, unless they belong to another step.

    From the residuals alone a row that is very wrong cannot be told: its p_y is 1 − 1 in float32, and its loss any.
    """
    if target.logits is not None and target.logits.shape == r.shape:
        own = target.logits.double()
        if torch.allclose(residuals(own, y), r, rtol=1e-3, atol=1e-4):
            return own.clone()
    return (r + F.one_hot(y, r.shape[1])).clamp_min(torch.finfo(torch.float32).tiny).log()


def _foremost(vectors: Gradients, norms: Tensor, v: Tensor, left: Tensor, many: int) -> tuple[Tensor, Tensor]:
    """The rows left of largest ⟨g_i, v⟩, the first of equals, and these products (many,).

    Scored in float32, in pieces between which a run can be cancelled; what that cannot tell apart, in float64.
    """
    parts = []
    for start in range(0, len(vectors), BLOCK):
        check()
        parts.append(dots(vectors[start : start + BLOCK], v))
    score, doubt = torch.where(left, torch.cat(parts), -torch.inf), 1e-5 * norms * v.norm().float()
    least = (score - doubt).topk(many).values[-1]
    return _best(vectors, (left & (score + doubt >= least)).nonzero().flatten(), v, many)


def _best(vectors: Gradients, rows: Tensor, v: Tensor, many: int) -> tuple[Tensor, Tensor]:
    """Of `rows` those of largest ⟨g_i, v⟩ in float64, the first of equals, and these products (many,)."""
    found = torch.cat([double(vectors[part]).dot(v) for part in rows.split(2048)])
    alike = (found / found.abs().max().clamp_min(1e-300) * 1e12).round()  # equal means to 1e-12
    best = alike.argsort(descending=True, stable=True)[:many]
    return rows[best], found[best]
