"""GRAD-MATCH: weighted rows whose gradients add up to the whole set's, by orthogonal matching pursuit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch

from coreset_explore import greedy
from coreset_explore.gradients import LastLayer
from coreset_explore.params import Steps
from coreset_explore.pool import Pool
from coreset_explore.registry import Range, selector
from coreset_explore.selecting import weights
from coreset_explore.selection import Selection

HEAVY = 10  # times as much as all rows together: no pick stands for so much
ONE_STEP = (
    "steps='all' asks for the gradients of several steps, and the pool holds one step's; GMC matches those of fresh "
    "initialisations, and is much worse with one trained model's (its paper, A.4): "
    "pool.add(grads=cx.initial_gradients(data)[pool.ids])"
)


@selector(
    needs="grads",
    also={"against=validation": "target"},
    weights="match",
    nested=True,
    draws=False,
    purpose="match",
    title="GRAD-MATCH",
    paper="Killamsetty et al. 2021, arXiv:2103.00123",
    bytes=lambda n, d, c, k: 16 * k * k + 8 * k * (d + c) + 4 * n * (k + d + 3 * c + 48) + 2**25,
)
def gradmatch(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    against: Annotated[Literal["training", "validation"], "whose gradient is matched"] = "training",
    steps: Steps = "last",
    nonnegative: Annotated[bool, "weights of 0 or more only"] = True,
    ridge: Annotated[float, Range(0, 100), "λ: how much large weights cost; of batches, on their sums"] = 0.5,
    absolute: Annotated[bool, "rows that point away from the residual count as much"] = False,
    normalized: Annotated[bool, "correlation by direction: divided by the gradient's length"] = False,
    tolerance: Annotated[float, Range(0, 1), "ε: stop at this share of the target's squared length"] = 1e-10,
) -> Selection:
    """Match the gradient: greedy picks and weights with Σ_S w_i g_i ≈ Σ_all g_i.

    Orthogonal matching pursuit (algorithm 2, appendix A.1) on E_λ(S) = min_w ‖Σ_S w_i g_i − g‖² + λ‖w‖²: pick
    argmax_j ⟨g_j, g − Σ w_i g_i⟩, refit w, repeat. g is the training rows' sum or the validation rows', scaled to n
    rows. `gains` are what each pick takes off E_λ. Weights are those of the fit to the picks alone; where λ keeps them
    far below what would match, as it does once a model is sure and gradients are small, `info["ridge_binds"]` says so.
    Through `per_batch` a candidate is a batch, and λ counts on its summed gradient, as in print. About
    k·n·c·d + k²·(c + d + k) operations and n·(c + d) + k² numbers beside the gradients; on a CPU with many classes
    k·n·(c + d + k) in place of k·n·c·d, and n·(c + k) numbers.

    Differs from the paper: correlation is signed unless `absolute`, as in the authors' code (its box has |·|, which for
    non-negative weights picks rows that then weigh 0); ε is relative to ‖g‖², since a sum has no scale of its own; it
    stops when nothing is left to match instead of padding. GMC's pursuit is normalized, free, without ridge.
    """
    vectors, order, held = greedy.by_id(pool.vectors("grads", steps), pool.ids, given)
    target = weights.match_target(pool, against, steps)
    picks, saved, _, why = greedy.pursue(
        vectors,
        target,
        k,
        held,
        nonnegative=nonnegative,
        absolute=absolute,
        normalized=normalized,
        ridge=weights.ridge_of(pool, ridge),
        tolerance=tolerance,
    )
    rows = order[picks]
    params = {"against": against, "steps": steps, "nonnegative": nonnegative, "ridge": ridge}
    # stated as `reweigh` will state it for prefixes: the same numbers, not the same up to rounding
    fitted = weights.match(pool, rows, params) if len(rows) else torch.zeros(0, dtype=torch.float64)
    binds = weights.ridge_binds(pool, rows, fitted, params) if len(rows) else ""
    told = {"stopped": why, "ridge_binds": binds, "heavy": _heavy(fitted, int(weights.rows_in(pool).sum()))}
    told_apart = (
        type(pool.grads) is LastLayer or "rows" in pool.fields
    )  # rows of a batch: its sums know their steps
    if steps == "all" and told_apart and pool.vectors("grads").dim == vectors.dim:
        told["few_steps"] = ONE_STEP
    return Selection(rows, fitted, gains=saved, info={key: text for key, text in told.items() if text})


def _heavy(fitted: torch.Tensor, n: int) -> str:
    """A sentence where a free weight is out of all proportion: a row of almost no gradient was asked to match much."""
    most = float(fitted.abs().max()) if len(fitted) else 0.0
    if most <= HEAVY * n:
        return ""
    return (
        f"one pick weighs {most:.2g}, where all rows together count for {n:,}: its gradient is next to nothing, and "
        "training on such weights diverges; select with ridge above 0 or nonnegative=True"
    )
