"""Contextual diversity: predictions that differ from all predictions picked so far."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coreset_explore.greedy.vectors import first_max
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.registry import selector
from coreset_explore.selection import Selection

ROWS = 65_536  # between two looks at whether to stop


@selector(
    needs="logits",
    weights="uniform",
    objective="gains",
    nested=True,
    purpose="cover",
    title="Contextual Diversity",
    paper="Agarwal et al. 2020, arXiv:2008.05723, section 3",
    bytes=lambda n, d, c, k: n * (40 * c + 120),
)
def contextual_diversity(pool: Pool, k: int, *, rng: torch.Generator, given: Sequence[int] = ()) -> Selection:
    """Farthest first between softmax vectors, measured by symmetric KL divergence.

    d(i, j) = ½ KL(p_i ‖ p_j) + ½ KL(p_j ‖ p_i) = ½ Σ_c (p_ic − p_jc)(log p_ic − log p_jc), in nats, of p (n, c); each
    pick is the row with the largest d to its nearest pick, and `gains` are these. Float64, with logarithms from
    log-softmax: no probability of 0 is divided by. n·c operations a pick, O(n·c) memory.

    Where we differ: the paper weighs mixtures of an image's regions by entropy, which for one prediction an image
    leaves d (so does DeepCore), and runs its sum of pairs through this same greedy (CDAL-CS) or a learned policy. The
    first pick is the row with the smallest mean d to all rows instead of a random one.
    """
    by_id = torch.argsort(pool.ids.cpu(), stable=True)
    logp = pool.need("logits")[by_id.to(pool.device)].double().log_softmax(1)
    p = logp.exp()
    own = (p * logp).sum(1)

    def divergence(row: int) -> Tensor:
        found = torch.empty_like(own)
        for start in range(0, len(p), ROWS):
            check()
            part = slice(start, start + ROWS)
            found[part] = own[part] + own[row] - p[part] @ logp[row] - logp[part] @ p[row]
        # equal predictions are at 0, not at what rounding leaves
        return torch.where(found <= 1e-13 * (1 + logp.abs().amax(1) + logp[row].abs().amax()), 0.0, found / 2)

    place = torch.argsort(by_id)
    nearest = torch.full_like(own, torch.inf)
    for row in track(place[list(given)].tolist(), "given"):
        nearest = torch.minimum(nearest, divergence(row))
    taken = torch.zeros(len(p), dtype=torch.bool, device=p.device)
    taken[place[list(given)].to(p.device)] = True
    picks, reach = [], []
    for _ in track(range(k), "farthest first"):
        if not picks and not given:
            mean = own - p @ logp.mean(0) - logp @ p.mean(0)
            row = int(first_max(-mean))
        else:
            row = int(first_max(torch.where(taken, -torch.inf, nearest)))
        picks.append(row)
        reach.append(float(nearest[row]))
        taken[row] = True
        nearest = torch.minimum(nearest, divergence(row))
    if k > 1 and not given:
        reach[0] = reach[1]  # nothing was picked before: state what the first pick leaves
    elif not given:
        reach[0] = float(nearest.max())
    rows = by_id[torch.tensor(picks, dtype=torch.int64)]
    weights = torch.full((len(rows),), len(pool) / max(len(rows), 1), dtype=torch.float64)
    return Selection(rows, weights, gains=torch.tensor(reach, dtype=torch.float64))
