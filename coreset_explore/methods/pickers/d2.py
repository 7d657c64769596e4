"""D2 pruning: difficulty and diversity by messages on the graph of nearest neighbors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore import neighbors as near
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, picker


@picker(needs="emb", title="D2", draws=False, paper="Maharana et al. 2023, arXiv:2310.07931")
def d2(
    pool: Pool,
    scores: Tensor,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    neighbors: Annotated[int, Range(1, 200), "neighbors a row exchanges messages with"] = 5,
    forward: Annotated[
        float, Range(0, 100), "how fast a row's support fades with distance (γ forward)"
    ] = 1.0,
    reverse: Annotated[
        float, Range(0, 100), "how fast a pick's discount fades with distance (γ reverse)"
    ] = 0.1,
    unit: Annotated[
        Literal["raw", "mean"], "distances as they are, or in units of the graph's mean distance"
    ] = "raw",
) -> Tensor:
    """Picks of high score, each discounting its neighbors.

    Forward: s_i ← s_i + Σ_{j ∈ N(i)} e^{−γ_f d_ij} s_j over the nearest neighbors in feature space, so that a row in
    a dense and difficult region counts for it. Then each pick is the highest row left, and for its neighbors
    s_j ← s_j − e^{−γ_r d_ij} s_i. Rows in `given` have sent their messages. O(n²·d) for the neighbors,
    O(n·neighbors) memory, n operations a pick. Nothing is filled at random.

    Where we differ: messages run between a row and its own nearest neighbors, where the paper calls the graph
    undirected; the authors hold it as n x n numbers; a message is never negative (late picks may have a negative
    score, and would attract their neighbors), so where some scores are negative all are raised to start from 0.
    The kernel sees distances, so it depends on the features' units: `unit="mean"` does not.
    """
    order = torch.argsort(pool.ids.cpu())
    x = pool.need("emb")[order.to(pool.device)]
    distance, links = (v.cpu()[:, 1:] for v in near.knn(x, min(neighbors, len(x) - 1) + 1))
    distance = distance.double()
    if unit == "mean" and distance.numel():
        distance = distance / distance.mean().clamp_min(1e-30)
    s = scores.detach().double().cpu()[order]
    s = s - s.min().clamp(max=0.0)
    s = (s + (torch.exp(-forward * distance) * s[links]).sum(1)).numpy()
    discount, links = torch.exp(-reverse * distance).numpy(), links.numpy()
    held = torch.zeros(len(pool), dtype=torch.bool)
    held[list(given)] = True
    sent = s.copy()
    for row in held[order].nonzero().flatten().tolist():
        s[links[row]] -= discount[row] * sent[row]
    s[held[order].numpy()] = -float("inf")
    picks = []
    for _ in track(range(k), "D2"):
        row = int(s.argmax())  # the first of equals: rows stand in id order
        picks.append(row)
        s[links[row]] -= discount[row] * max(s[row], 0.0)
        s[row] = -float("inf")
    return order[picks]
