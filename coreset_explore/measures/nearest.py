"""How far the rows are from their nearest pick, and which that is: at many budgets of one order, in one walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from coreset_explore import greedy
from coreset_explore.gradients import Dense, Gradients
from coreset_explore.inputs import checks
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.selecting.views import class_groups
from coreset_explore.selecting.weights import compared
from coreset_explore.selection import Selection, fitting

Space = Literal["emb", "grads"]
SPACES = ("own", "emb", "grads", "similarity")


@dataclass(frozen=True)
class Walked:
    """What a walk found at each of b budgets over n rows: distances in the same units as the vectors."""

    radius: Tensor  # (b,) float64, the largest distance from a row to its nearest pick
    total: Tensor  # (b,) float64, the sum of these distances
    owner: Tensor  # (n,) int64, position of the nearest of all picks, or −1 where a similarity given knows of none
    distance: Tensor  # (n,) float32, to it


def walk(near: greedy.Near, rows: Tensor, budgets: Sequence[int], label: str = "distances") -> Walked:
    """Nearest pick of every row after each of `budgets` (ascending); ties go to the earlier, a pick is its own.

    The nearest is found by blocked products, its distance then computed in float64. O(n·k·d) time, whatever the
    number of budgets.
    """
    n, device = len(near.vectors), near.vectors.device
    rows = rows.to(device)
    radius, total = (torch.zeros(len(budgets), dtype=torch.float64) for _ in range(2))
    before = torch.full((n,), -1, dtype=torch.int64, device=device)
    far = near.unlike if isinstance(near, greedy.Given) else 0.0
    exact = torch.full((n,), far, dtype=torch.float64, device=device)
    for number, owner in enumerate(greedy.owners(near, rows, budgets, label)):
        moved = (owner != before).nonzero().flatten()
        exact[moved] = greedy.apart(near, moved, rows[owner[moved]])
        radius[number], total[number], before = exact.max(), exact.sum(), owner
    return Walked(radius, total, before.cpu(), exact.float().cpu())


def represent(
    pool: Pool, selection: Selection, space: Literal["own", "emb", "grads", "similarity"] = "own"
) -> tuple[Tensor, Tensor]:
    """Which pick stands for each row (n,), as its position in the order, and the distance to it (n,).

    `bincount(owner, minlength=k)` sums to n. "own" is the reading the selection's weights count in: its space
    and steps, its metric or similarity (for cosines the distance is that of unit vectors), and its own class where
    it was chosen per class (so for CRAIG the bincount is the weights; a class without a pick goes to the nearest
    pick of any class). "emb" and "grads" look for the nearest of all picks there. O(n·k·d).

    By a similarity that was given the distance is the largest of all less that to the pick, a pick stands for itself,
    and a row that is like no pick (no similarity above 0) has owner −1.

    >>> import coreset_explore as cx
    >>> pool = cx.Pool.of([[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]])
    >>> chosen = cx.select("kcenter", pool, 3)
    >>> owner, distance = cx.represent(pool, chosen)
    >>> chosen.indices[owner].tolist(), distance.tolist()
    ([0, 0, 0, 3, 3, 5], [0.0, 1.0, 3.0, 0.0, 2.0, 0.0])
    """
    checks.choice(space, "space", SPACES)
    if len(fitting(selection, pool)) == 0:
        raise ValueError("no pick stands for anything in an empty selection; select at least 1 row")
    rows, info = selection.indices, selection.info
    if space == "similarity":
        return _nearest(greedy.Given(pool.need("similarity")), rows)
    if space != "own":
        return _nearest(greedy.Distances(vectors_in(pool, space)), rows)
    params, usual = info.get("params", {}), own_space(pool, selection)
    classwise = [options for name, options in info.get("wrap", ()) if name == "per_class"]
    if not classwise or pool.y is None:
        return _nearest(compared(pool, params, usual), rows)
    return _represent_per_class(pool, rows, params, usual, classwise[-1].get("view"))


def own_space(pool: Pool, selection: Selection) -> str:
    """The field of the pool by which `represent` compares rows where it is asked for a selection's own reading."""
    usual = "grads" if selection.info.get("weights") == "counts" or pool.emb is None else "emb"
    if pool.grads is None and usual == "grads":
        usual = "emb" if pool.emb is not None else "similarity" if "similarity" in pool.fields else usual
    return selection.info.get("params", {}).get("space", usual)


def _nearest(near: greedy.Near, rows: Tensor) -> tuple[Tensor, Tensor]:
    found = walk(near, rows, [len(rows)], "represents")
    return found.owner, found.distance


def _represent_per_class(pool: Pool, rows: Tensor, params, usual: str, view) -> tuple[Tensor, Tensor]:
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
        found, distance[members] = _nearest(compared(part, params, usual), local)
        owner[members] = torch.where(found < 0, -1, place[members][local][found])
    if without:
        rest = torch.cat(without)
        both = compared(pool[torch.cat([rows, rest]).to(pool.device)], params, usual)
        found, far = _nearest(both, torch.arange(len(rows)))
        owner[rest], distance[rest] = found[len(rows) :], far[len(rows) :]
    return owner, distance


def vectors_in(pool: Pool, space: Space) -> Gradients:
    """Features moved to their mean, which changes no distance and keeps float32 accurate; or gradients."""
    if space not in ("emb", "grads"):
        raise ValueError(f"space is 'emb' or 'grads', not {space!r}")
    if space == "grads":
        return pool.vectors("grads")
    emb = greedy.centered(Dense(pool.need("emb"))).g
    return Dense(emb - emb.mean(0))
