"""Craig+PQ: CRAIG on distances between product-quantized rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from coreset_explore import greedy, neighbors
from coreset_explore.gradients import Dense
from coreset_explore.params import Centroids, Space, Steps, Subspaces
from coreset_explore.pool import Pool
from coreset_explore.registry import selector
from coreset_explore.selection import Selection

OWN_WEIGHTS = "a pick counts the rows nearest to it by quantized distances, and reweigh() by exact ones"


@selector(
    needs="emb|grads",
    weights="counts",
    objective="gains",
    nested=True,
    purpose="cover",
    title="Craig+PQ",
    paper="Chai, Wang, Tang, Yuan, Liu, Deng & Wang 2023, KDD, doi:10.1145/3580305.3599326, §8.1; Jégou et al. 2010",
    bytes=lambda n, d, c, k: 4.5 * n * n + 16 * n * d + 2**26,
    skips={"reweigh_states_a_selections_own_weights": OWN_WEIGHTS, "reweigh_a_prefix": OWN_WEIGHTS},
)
def craig_pq(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Space = "emb",
    steps: Steps = "last",
    subspaces: Subspaces = 4,
    centroids: Centroids = 256,
) -> Selection:
    """CRAIG's picks and cluster sizes, with every row taken for its nearest combination of codewords.

    Exact lazy greedy of Σ_i min_{j ∈ S} ‖b(i) − b(j)‖, b(i) the codewords of row i: the distance that public code
    calls symmetric (SDC). A baseline that says what quantization alone costs: on two cores the exact distances take
    no longer. n²·d operations, 4.5 n² bytes: `per_class(craig_pq)`. Gradients are read as a dense matrix, which is
    refused above 4 GB.

    Differs from the paper, which adds the subspaces' distances: theirs is no Euclidean distance, so we add squares.
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    greedy.squared_norms(vectors)  # refuses what no distance can be computed from
    books, coded = neighbors.pq(vectors.dense().detach().float(), subspaces, centroids, rng)
    quantized = Dense(torch.cat([book[code] for book, code in zip(books, coded.T.long(), strict=True)], 1))
    picks, saved, owner = greedy.cover(greedy.distances(quantized), k, held.to(quantized.device))
    if len(held):  # rows nearer to a given row count for the nearest pick too
        owner = greedy.owner(greedy.Distances(quantized), picks).cpu()
    weights = torch.bincount(owner, minlength=k).double()
    return Selection(order[picks], weights, gains=saved, info={"codes": len(coded.unique(dim=0))})
