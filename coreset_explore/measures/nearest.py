"""Walking down the picks once: nearest pick and restated weights at many budgets of one order.

A nested selection answers every budget with a prefix, so what one pass over n x k distances finds for the
last budget it can find for all of them on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Dense, Gradients
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.selection import Selection
from coreset_explore.weights import _cross, _double, class_groups, match_target, restate

Space = Literal["emb", "grads"]
ROWS = 2048  # rows of one block: with 2,000 picks a step of some 30 ms
WIDTH = 1024  # picks of one block


@dataclass(frozen=True)
class Walked:
    """What a walk found at each of b budgets over n rows: distances in the same units as the vectors."""

    radius: Tensor  # (b,) float64, the largest distance from a row to its nearest pick
    total: Tensor  # (b,) float64, the sum of these distances
    counts: Tensor  # (b, k) int64, how many rows each pick is nearest to
    owner: Tensor  # (n,) int64, position of the nearest of all picks
    distance: Tensor  # (n,) float32, to it


def walk(vectors: Gradients, rows: Tensor, budgets: Sequence[int], label: str = "distances") -> Walked:
    """Nearest pick of every row after each of `budgets` (ascending); ties go to the earlier, a pick is its own.

    The nearest is found by blocked products in float32, its distance then computed in float64. O(n·k·d) time,
    ROWS x WIDTH memory, whatever the number of budgets.
    """
    rows = rows.to(vectors.device)
    n, last = len(vectors), budgets[-1]
    picks = vectors[rows[:last]]
    half = picks.squared_norm() / 2
    place = torch.full((n,), -1, dtype=torch.int64, device=vectors.device)
    place[rows[:last]] = torch.arange(last, device=vectors.device)
    radius, total = (
        torch.zeros(len(budgets), dtype=torch.float64),
        torch.zeros(len(budgets), dtype=torch.float64),
    )
    counts = torch.zeros(len(budgets), last, dtype=torch.int64)
    owners = torch.empty(n, dtype=torch.int64, device=vectors.device)
    distances = torch.empty(n, dtype=torch.float32, device=vectors.device)
    for start in track(range(0, n, ROWS), label):
        block = slice(start, min(start + ROWS, n))
        here = vectors[block]
        best = torch.full(
            (len(here),), float("inf"), device=vectors.device
        )  # ‖p‖²/2 − x·p: the row's own norm is common
        owner = torch.zeros(len(here), dtype=torch.int64, device=vectors.device)
        exact = torch.zeros(len(here), dtype=torch.float64, device=vectors.device)
        done = 0
        for number, budget in enumerate(budgets):
            before = owner.clone() if done else torch.full_like(owner, -1)
            for first in range(done, budget, WIDTH):
                part = slice(first, min(first + WIDTH, budget))
                value, near = (half[None, part] - _cross(here, picks[part])).min(1)
                closer = value < best
                owner = torch.where(closer, near + first, owner)
                best = torch.where(closer, value, best)
                check()
            itself = (place[block] >= done) & (place[block] < budget)
            owner[itself] = place[block][itself]
            best[itself] = -float("inf")
            done = budget
            moved = (owner != before).nonzero().flatten()
            exact[moved] = _apart(here[moved], picks[owner[moved]])
            radius[number] = max(float(radius[number]), float(exact.max()))
            total[number] += exact.sum().cpu()
            counts[number] += torch.bincount(owner, minlength=last).cpu()
        owners[block], distances[block] = owner, exact.float()
    return Walked(radius, total, counts, owners.cpu(), distances.cpu())


def _apart(a: Gradients, b: Gradients) -> Tensor:
    """‖a_i − b_i‖ row by row, in float64."""
    if isinstance(a, Dense):
        return (a.g.double() - b.g.double()).square().sum(1).sqrt()
    squared = torch.zeros(len(a), dtype=torch.float64, device=a.device)
    for ra, ha, rb, hb in zip(a.r.double(), a.h.double(), b.r.double(), b.h.double(), strict=True):
        # (ra − rb) ⊗ ha + rb ⊗ (ha − hb), with the bias's 1 in the features of the first: no cancellation
        dr, dh = ra - rb, ha - hb
        squared += dr.square().sum(1) * (ha.square().sum(1) + 1) + rb.square().sum(1) * dh.square().sum(1)
        squared += 2 * (dr * rb).sum(1) * (ha * dh).sum(1)
    return squared.clamp_min_(0).sqrt()


def weights_path(
    pool: Pool, rows: Tensor, kind: str | None, params: dict, wrap: Sequence, budgets: Sequence[int]
) -> list[Tensor | None]:
    """`restate(pool, rows[:b], kind, params, wrap)` for every budget b (ascending), sharing the work."""
    if kind is None or kind == "given":
        return [None] * len(budgets)
    if not wrap:
        return list(_PATHS[kind](pool, rows, params, budgets))
    *inner, (name, options) = wrap
    if name == "per_class":
        return _per_class(pool, rows, kind, params, inner, options, budgets)
    if name == "per_batch":  # a batch cut short changes with the budget: nothing to share
        return [restate(pool, rows[:b], kind, params, wrap) for b in track(budgets, "weights")]
    return weights_path(pool, rows, kind, params, inner, budgets)


def _per_class(pool, rows, kind, params, inner, options, budgets) -> list[Tensor]:
    found = [torch.zeros(b, dtype=torch.float64) for b in budgets]
    place = torch.full((len(pool),), -1, dtype=torch.int64)
    place[rows] = torch.arange(len(rows))
    for _, members, part in track(class_groups(pool, options.get("view")), "class"):
        positions = place[members.cpu()]
        local = (positions >= 0).nonzero().flatten()
        local = local[torch.argsort(positions[local])]
        positions = positions[local]
        held = [int((positions < b).sum()) for b in budgets]
        own = sorted({h for h in held if h})
        if not own:
            continue
        stated = dict(zip(own, weights_path(part, local, kind, params, inner, own), strict=True))
        for weights, h in zip(found, held, strict=True):
            if h:
                weights[positions[:h]] = stated[h]
    return found


def _uniform(pool, rows, params, budgets) -> Iterator[Tensor]:
    return (torch.full((b,), len(pool) / b, dtype=torch.float64) for b in budgets)


def _counts(pool, rows, params, budgets) -> Iterator[Tensor]:
    vectors = pool.vectors(params.get("space", "grads"), params.get("steps", "last"))
    counts = walk(vectors, rows, budgets, "weights").counts.double()
    return (counts[i, :b] for i, b in enumerate(budgets))


def _match(pool, rows, params, budgets) -> Iterator[Tensor]:
    steps = params.get("steps", "last")
    grads = pool.vectors("grads", steps)
    chosen = grads[rows[: budgets[-1]].to(grads.device)]
    gram = _double(chosen).gram().cpu()
    wanted = chosen.dot(match_target(pool, params.get("against", "training"), steps)).cpu()
    options = {"nonnegative": params.get("nonnegative", True), "ridge": params.get("ridge", 0.0)}
    return (greedy.solve(gram[:b, :b], wanted[:b], **options) for b in track(budgets, "weights"))


_PATHS = {"uniform": _uniform, "counts": _counts, "match": _match}


def represent(
    pool: Pool, selection: Selection, space: Space | Literal["own"] = "own"
) -> tuple[Tensor, Tensor]:
    """Which pick stands for each row (n,), as its position in the order, and the distance to it (n,).

    `bincount(owner, minlength=k)` sums to n. "own" is the reading the selection's weights count in: its space
    and steps, and its own class where it was chosen per class (so for CRAIG the bincount is the weights; a
    class without a pick goes to the nearest pick of any class). "emb" and "grads" look for the nearest of all
    picks there. O(n·k·d).
    """
    if len(selection) == 0:
        raise ValueError("no pick stands for anything in an empty selection; select at least 1 row")
    if space != "own":
        found = walk(vectors_in(pool, space), selection.indices, [len(selection)], "represents")
        return found.owner, found.distance
    params = selection.info.get("params", {})
    counted = selection.info.get("weights") == "counts"
    space = params.get("space", "grads" if counted or pool.emb is None else "emb")
    steps = params.get("steps", "last")
    classwise = [options for name, options in selection.info.get("wrap", ()) if name == "per_class"]
    if not classwise or pool.y is None:
        found = walk(pool.vectors(space, steps), selection.indices, [len(selection)], "represents")
        return found.owner, found.distance
    return _represent_per_class(pool, selection.indices, space, steps, classwise[-1].get("view"))


def _represent_per_class(pool: Pool, rows: Tensor, space: str, steps: str, view) -> tuple[Tensor, Tensor]:
    owner = torch.empty(len(pool), dtype=torch.int64)
    distance = torch.empty(len(pool), dtype=torch.float32)
    place = torch.full((len(pool),), -1, dtype=torch.int64)
    place[rows] = torch.arange(len(rows))
    without = []
    for _, members, part in track(class_groups(pool, view), "class"):
        members = members.cpu()
        local = (place[members] >= 0).nonzero().flatten()
        if len(local) == 0:
            without.append(members)
            continue
        local = local[torch.argsort(place[members][local])]
        found = walk(part.vectors(space, steps), local, [len(local)], "represents")
        owner[members], distance[members] = place[members][local][found.owner], found.distance
    if without:
        rest = torch.cat(without)
        both = pool[torch.cat([rows, rest]).to(pool.device)].vectors(space, steps)
        found = walk(both, torch.arange(len(rows)), [len(rows)], "represents")
        owner[rest], distance[rest] = found.owner[len(rows) :], found.distance[len(rows) :]
    return owner, distance


def vectors_in(pool: Pool, space: Space) -> Gradients:
    """Features moved to their mean, which changes no distance and keeps float32 accurate; or gradients."""
    if space not in ("emb", "grads"):
        raise ValueError(f"space is 'emb' or 'grads', not {space!r}")
    if space == "grads":
        return pool.vectors("grads")
    emb = pool.need("emb").float()
    return Dense(emb - emb.mean(0))
