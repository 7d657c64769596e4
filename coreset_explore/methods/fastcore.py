"""FastCore: CRAIG over groups of near rows instead of over rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch

from coreset_explore import greedy
from coreset_explore.groups import Centers, Products, group, represent
from coreset_explore.params import Bits, Centroids, Groups, MostGroups, Sample, Space, Steps, Subspaces
from coreset_explore.pool import Pool
from coreset_explore.registry import selector
from coreset_explore.selection import Selection

OWN_WEIGHTS = "a pick counts the groups nearest to it by the bound, and reweigh() the rows nearest to it"


@selector(
    needs="emb|grads",
    weights="counts",
    objective="gains",
    nested=True,
    purpose="fast",
    title="FastCore",
    paper="Chai, Wang, Tang, Yuan, Liu, Deng & Wang 2023, KDD, doi:10.1145/3580305.3599326, Algorithm 1",
    bytes=lambda n, d, c, k: 16 * n * d + 200 * n + 4096 * min(n, 8192) + 2**25,
    skips={"reweigh_states_a_selections_own_weights": OWN_WEIGHTS, "reweigh_a_prefix": OWN_WEIGHTS},
)
def fastcore(
    pool: Pool,
    k: int,
    *,
    rng: torch.Generator,
    given: Sequence[int] = (),
    space: Space = "emb",
    steps: Steps = "last",
    groups: Groups = "lsh",
    bits: Bits = 48,
    most: MostGroups = 8192,
    bound: Annotated[
        Literal["centroid", "true", "paper"], "how a row's distance to a group is bounded"
    ] = "centroid",
    subspaces: Subspaces = 4,
    centroids: Centroids = 256,
    sample: Sample = 500,
) -> Selection:
    """Facility location over groups of near rows: picks that bound every group's distance, weighted by group sizes.

    Greedily lowers Σ_t |C_t| min_{j ∈ S} u_jt, where u_it bounds max_{k ∈ C_t} ‖x_i − x_k‖ (eq. 8), over `sample`
    rows drawn anew for each pick; λ_j = Σ |C_t| over the groups whose smallest bound is pick j's, n in sum. Distances
    compare rows of one class: `per_class(fastcore)`. `info` tells the bound's mean relative error and how many picks
    stand for no group. O(n·d·(bits + m·256)) to prepare, k·sample·G·m at most for the picks (G·d with "centroid");
    O(n·d + 256·m·G) memory, never n x G. Gradients are read as a dense matrix, which is refused above 4 GB.

    Differs from the paper: hyperplanes stand at the median and not at 0, so codes do not depend on where the mean lies;
    no more than `most` groups form. `bound="paper"` is §5.2's sum of codeword distances, which is not a bound, as it
    forgets what quantization loses; "true" takes the root of summed squares and adds both losses; "centroid", ours
    and the default, is ‖x_i − c_t‖ + radius_t, nearer to the cost itself (the radius moves no pick).
    """
    vectors, order, held = greedy.by_id(pool.vectors(space, steps), pool.ids, given)
    greedy.squared_norms(vectors)  # refuses what no distance can be computed from
    x = vectors.dense().detach().float()
    near = group(x, groups, rng, bits=bits, most=most)
    if bound == "centroid":
        limit = Centers(x, near)
    else:
        options = {"subspaces": subspaces, "centroids": centroids, "true": bound == "true"}
        limit = Products(x, near, rng, **options)
    picks, weights, saved, info = represent(limit, x, near, k, rng, sample, held)
    return Selection(order[picks], weights, gains=saved, info=info)
