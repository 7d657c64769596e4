"""CAL: rows whose neighbors in feature space are predicted differently."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore import neighbors as near
from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import Range, scorer


@scorer(
    needs="emb,logits",
    purpose="hard",
    title="CAL",
    paper="Margatina et al. 2021, arXiv:2109.03764, Algorithm 1",
    bytes=lambda n, d, c, k: n * (16 * d + 40 * c + 400),
)
def cal(
    pool: Pool,
    neighbors: Annotated[int, Range(1, 500), "how many nearest rows are compared with"] = 10,
    order: Annotated[
        Literal["highest", "lowest"],
        "whether rows that differ most from their neighbors come first, or least",
    ] = "highest",
) -> Tensor:
    """Mean KL divergence of a row's prediction from its nearest neighbors' (n,): contrastive examples.

    s_i = 1/k Σ_{j ∈ kNN(i)} KL(p_j ‖ p_i), in nats, of softmax p (n, c) and neighbors by Euclidean distance of the
    features; log p comes from log-softmax, so no probability of 0 is divided by. n²·d operations for the neighbors.

    Where we differ: the paper compares unlabelled rows with labelled neighbors; here all rows of the pool are
    candidates and neighbors (under `per_class`, those of one class). DeepCore takes the lowest divergences: `order`.
    """
    by_id = torch.argsort(
        pool.ids
    )  # neighbors at equal distances must not depend on how the rows are ordered
    logp = pool.need("logits")[by_id].double().log_softmax(1)
    own = logp.exp()
    entropy = -(own * logp).sum(1)
    found = torch.zeros_like(entropy)
    many = min(neighbors, len(pool) - 1)
    if many:
        nearest = near.knn(pool.need("emb")[by_id], many + 1)[1][:, 1:]
        mean = torch.zeros_like(own)
        for column in track(nearest.T, "divergence"):
            mean += own[column]
            found -= entropy[column]
        found = (found / many - (mean / many * logp).sum(1)).clamp_min(0)
    score = torch.empty_like(found)
    score[by_id] = found if order == "highest" else -found
    return score
