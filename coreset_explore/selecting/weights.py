"""Weights belong to a budget: what each pick of a selection must count for, so that Σ_S w_i f_i ≈ Σ_all f_i.

Stated for many budgets of one order at once, as a nested selection answers every budget with a prefix: what a pass
over n x k distances finds for the last budget it finds for all of them on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Dense
from coreset_explore.greedy.ridge import regressions
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.selecting.views import Batches, batch_groups, class_groups, class_names
from coreset_explore.selection import Selection, fitting

BINDS = 0.05  # of ‖fit‖²: a λ‖w‖² above it shows in the gradient error
Path = Iterator[Tensor]  # weights (b,) float64 for every budget b


def uniform(pool: Pool, rows: Tensor, params: Mapping[str, Any], budgets: Sequence[int]) -> Path:
    """n/b each."""
    return (torch.full((b,), len(pool) / max(b, 1), dtype=torch.float64) for b in budgets)


def counts_path(pool: Pool, rows: Tensor, params: Mapping[str, Any], budgets: Sequence[int]) -> Path:
    """How many rows each of the first b picks is nearest to (itself included): exactly n in sum (CRAIG's γ_j).

    By similarities that were given less, where rows are like no pick: nobody stands for these.
    """
    found = greedy.owners(compared(pool, params), rows, budgets, "weights")
    return (greedy.counted(owner, b) for b, owner in zip(budgets, found, strict=True))


def compared(pool: Pool, params: Mapping[str, Any], space: str = "grads") -> greedy.Near:
    """How a method with these parameters compares rows: by distance, that of unit vectors, or by a similarity."""
    space = params.get("space", space)
    if space == "similarity":
        return greedy.Given(pool.need("similarity"))
    vectors = pool.vectors(space, params.get("steps", "last"))
    if "similarity" in params:
        return greedy.Similarity(vectors, params["similarity"], 1.0)  # its width changes no order
    return greedy.Distances(greedy.points(vectors, params.get("metric", "euclidean")))


def match_path(pool: Pool, rows: Tensor, params: Mapping[str, Any], budgets: Sequence[int]) -> Path:
    """argmin_w ‖Σ_S w_i g_i − Σ_all g_i‖² + ridge·‖w‖², with w ≥ 0 if `nonnegative` (GRAD-MATCH, eq. 1)."""
    steps = params.get("steps", "last")
    grads = pool.vectors("grads", steps)
    chosen = grads[rows[: budgets[-1]].to(grads.device)]
    gram = greedy.double(chosen).gram().cpu()
    wanted = chosen.dot(match_target(pool, params.get("against", "training"), steps)).cpu()
    ridge = ridge_of(pool, params.get("ridge", 0.0))
    options = {"nonnegative": params.get("nonnegative", True), "ridge": ridge}
    return (greedy.solve(gram[:b, :b], wanted[:b], **options) for b in track(budgets, "weights"))


def ridge_path(pool: Pool, rows: Tensor, params: Mapping[str, Any], budgets: Sequence[int]) -> Path:
    """Weights with which a ridge regression on the first b picks errs least on all rows (see `Ridge.weigh`)."""
    told = {name: params[name] for name in ("ridge", "kernel", "sigma")}
    model = regressions(pool.vectors("emb"), pool.need("y"), **told)[0]
    picks = rows.cpu().numpy()
    found = (model.weigh(picks[:b], params["rounds"])[0] for b in track(budgets, "weights"))
    return (torch.from_numpy(weights) for weights in found)


def ridge_of(pool: Pool, ridge: float) -> float:
    """λ for the pool's own vectors: on batches it is stated for their sums, as in print, and they are held divided."""
    return ridge / pool.unit**2 if isinstance(pool, Batches) else ridge


def ridge_binds(pool: Pool, rows: Tensor, weights: Tensor, params: Mapping[str, Any]) -> str:
    """A sentence where λ, more than the picks, keeps Σ_S w_i g_i from its target; else "". O(k·c·d).

    At the fit's minimum ⟨Σ w_i g_i, target − Σ w_i g_i⟩ = λ‖w‖², so all weights 1 + λ‖w‖²/‖Σ w_i g_i‖² times as large
    would match better, whatever the picks.
    """
    grads = pool.vectors("grads", params.get("steps", "last"))
    fit = grads[rows.to(grads.device)].sum(weights.to(grads.device))
    cost, size = ridge_of(pool, params["ridge"]) * float(weights.square().sum()), float(fit.square().sum())
    if not cost > BINDS * size:
        return ""
    held = rows_in(pool)
    times = f"{1 + cost / size:,.2f} times as large" if size > 0 else "larger"
    got = float(weights @ held[rows].double())
    return (
        f"λ = {params['ridge']:g} holds the weights down: they add up to {got:,.0f} of {int(held.sum()):,} rows, and "
        f"{times} they would match better; lower ridge"
    )


def rows_in(pool: Pool) -> Tensor:
    """How many rows each candidate (n,) is: one, or a batch's."""
    return (
        pool.fields["rows"].cpu() if isinstance(pool, Batches) else torch.ones(len(pool), dtype=torch.int64)
    )


def counts(pool: Pool, rows: Tensor, params: Mapping[str, Any]) -> Tensor:
    """`counts_path` for all of `rows`."""
    return list(counts_path(pool, rows, params, [len(rows)]))[-1]


def match(pool: Pool, rows: Tensor, params: Mapping[str, Any]) -> Tensor:
    """`match_path` for all of `rows`."""
    return list(match_path(pool, rows, params, [len(rows)]))[-1]


def match_target(pool: Pool, against: str = "training", steps: str = "last") -> Tensor:
    """The gradient to be matched: the pool's own sum, or the validation rows' sum scaled to n rows."""
    if against == "training":
        return greedy.total(pool.vectors("grads", steps))
    target = pool.need("target")
    if len(target) == 0:
        raise ValueError(
            "no validation row belongs to this group; set more rows aside (holdout=) or match the training sum"
        )
    many = pool.count if isinstance(pool, Batches) and pool.unit > 1 else len(pool)
    found = target.vectors("grads", steps).sum() * (many / len(target))
    # batches' gradients are dense where their validation rows' are factored
    return found.flatten() if isinstance(pool.vectors("grads", steps), Dense) else found


PATHS: dict[str, Callable[..., Path]] = {
    "uniform": uniform,
    "counts": counts_path,
    "match": match_path,
    "ridge": ridge_path,
}


def weights_path(
    pool: Pool,
    rows: Tensor,
    kind: str | None,
    params: Mapping[str, Any],
    wrap: Sequence,
    budgets: Sequence[int],
) -> list[Tensor | None]:
    """`restate(pool, rows[:b], kind, params, wrap)` for every budget b (ascending), sharing the work."""
    if kind is None or kind == "given":
        return [None] * len(budgets)
    if not wrap:
        return list(PATHS[kind](pool, rows, params, budgets))
    *inner, (name, options) = wrap
    if name == "per_class":
        return _per_class(pool, rows, kind, params, inner, options, budgets)
    if name == "per_batch":
        return _per_batch(pool, rows, kind, params, inner, options, budgets)
    return weights_path(pool, rows, kind, params, inner, budgets)


def restate(
    pool: Pool, rows: Tensor, kind: str | None, params: Mapping[str, Any], wrap: Sequence = ()
) -> Tensor | None:
    """Weights (k,) float64 of `rows` as a method of this `kind`, wrapped like this, would state them on `pool`."""
    return weights_path(pool, rows, kind, params, wrap, [len(rows)])[0]


def combined(info: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The combinators that a selection's `info` names, innermost first, with the batches that per_batch drew.

    A selection made before batches were drawn tells no seed; theirs was 0. Nor do those of version 0.1.0 tell that
    their batches were weighed as they were cut, as they were not.
    """
    found = []
    for name, options in info.get("wrap", ()):
        if name == "per_batch" and options.get("seed") is None:
            options = {**options, "seed": info.get("batch_seed", 0)}
        if name == "per_batch":
            options = {**options, "as_cut": bool(info.get("batches"))}
        found.append((name, dict(options)))
    return found


def reweigh(pool: Pool, selection: Selection) -> Selection:
    """The selection with weights stated for exactly its picks: what the method itself would say at that budget.

    A prefix `sel[:j]` of a nested method gets the weights of budget j. Costs one n x k pass of distances for
    "counts", a k x k solve for "match", some regressions for "ridge". One's own selection with no declared kind comes
    back unchanged. Of the others `info["reweighed"]` says that these are not the method's own words: FastCore and
    Craig+PQ count by bounded or quantized distances, and are counted by exact ones here.

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]])
    >>> chosen = cx.select("kcenter", pool, 3)
    >>> chosen.weights.tolist(), cx.reweigh(pool, chosen[:2]).weights.tolist()
    ([2.0, 3.0, 1.0], [3.0, 3.0])
    """
    return reweigh_path(pool, selection, [len(selection)])[0]


def reweigh_path(pool: Pool, selection: Selection, budgets: Sequence[int]) -> list[Selection]:
    """`reweigh(pool, selection[:b])` for every budget b (ascending), sharing the work."""
    info = fitting(selection, pool).info
    wrap = combined(info)
    kind = info.get("weights") if len(selection) else None
    stated = weights_path(pool, selection.indices, kind, info.get("params", {}), wrap, budgets)
    parts = [selection if b == len(selection) else selection[:b] for b in budgets]
    return [part if w is None else _with(part, w) for part, w in zip(parts, stated, strict=True)]


def _with(part: Selection, weights: Tensor) -> Selection:
    return replace(part, weights=weights, info={**part.info, "reweighed": True})


def _per_class(pool, rows, kind, params, inner, options, budgets) -> list[Tensor]:
    found = [torch.zeros(b, dtype=torch.float64) for b in budgets]
    place = torch.full((len(pool),), -1, dtype=torch.int64)
    place[rows] = torch.arange(len(rows))
    groups = class_groups(pool, options.get("view"))
    names = class_names(pool, groups.members)
    for name, (_, members, part) in zip(names, track(groups, "class"), strict=True):
        positions = place[members.cpu()]
        local = (positions >= 0).nonzero().flatten()
        local = local[
            torch.argsort(positions[local])
        ]  # in pick order: ties between picks go to the earlier one
        positions = positions[local]
        held = [int((positions < b).sum()) for b in budgets]
        own = sorted({h for h in held if h})
        if not own:
            continue
        seen = weights_path(part, local, kind, params, _of_class(inner, name), own)
        stated = dict(zip(own, seen, strict=True))
        for weights, h in zip(found, held, strict=True):
            if h:
                weights[positions[:h]] = stated[h]
    return found


def _of_class(wrap: Sequence, name: str) -> list:
    """The combinators within one class, whose batches are its own; a class that nothing was picked from drew none."""
    found = []
    for combinator, options in wrap:
        if isinstance(options.get("seed"), Mapping):
            options = {**options, "seed": options["seed"].get(name, 0)}
        found.append((combinator, options))
    return found


def _per_batch(pool, rows, kind, params, inner, options, budgets) -> list[Tensor]:
    """Weights of rows in batches, the cut ones as they were cut: what is left of a batch is not among the picks."""
    size = options.get("size", 128)
    groups = batch_groups(pool, size, options.get("seed", 0))
    if not options.get("as_cut"):
        return [_batches_as_before(pool, rows[:b], kind, params, inner, groups, size) for b in budgets]
    if kind == "uniform":
        return list(uniform(pool, rows, params, budgets))
    batch_of = torch.empty(len(pool), dtype=torch.int64)
    for number, members in enumerate(groups):
        batch_of[members.cpu()] = number
    batches, found = Batches.of_rows(pool, groups, size), []
    for b in track(budgets, "weights"):
        mine = batch_of[rows[:b]]
        chosen = torch.tensor(list(dict.fromkeys(mine.tolist())))
        kept = {n: rows[:b][mine == n] for n in chosen.tolist() if int((mine == n).sum()) < len(groups[n])}
        cut = batches.cut(pool, {n: own.to(pool.device) for n, own in kept.items()})
        if kind == "counts":  # in rows, of which a batch has more or fewer
            owner = greedy.owner(compared(cut.means(), params), chosen).cpu()
            held = cut.fields["rows"].cpu().double()
            stated = torch.bincount(owner, held, minlength=len(chosen)) / held[chosen]
        else:
            stated = restate(cut, chosen, kind, params, inner)
        weights = torch.zeros(len(groups), dtype=torch.float64)
        weights[chosen] = stated
        found.append(weights[mine])
    return found


def _batches_as_before(pool, rows, kind, params, inner, groups, size) -> Tensor:
    """As version 0.1.0 stated them: a batch cut short counts for all of itself, and λ counts on means of batches."""
    batch_of = torch.empty(len(pool), dtype=torch.int64)
    for number, members in enumerate(groups):
        batch_of[members.cpu()] = number
    mine = batch_of[rows]
    chosen = list(dict.fromkeys(mine.tolist()))
    batches = replace(Batches.of_rows(pool, groups, size), unit=1)
    stated = restate(batches, torch.tensor(chosen), kind, params, inner)
    weights = torch.zeros(len(rows), dtype=torch.float64)
    for number, weight in zip(chosen, stated, strict=True):
        members = mine == number
        weights[members] = weight * len(groups[number]) / int(members.sum())
    return weights
