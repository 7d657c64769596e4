"""Distance to the class center; with the picker `middle` it is Moderate."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.progress import track
from coreset_explore.registry import scorer


@scorer(
    needs="emb,y",
    purpose="typical",
    title="Class distance",
    paper="Xia et al. 2023, Moderate Coreset, ICLR 2023",
)
def class_distance(
    pool: Pool,
    center: Annotated[Literal["mean", "median"], "the class's mean, or its coordinates' medians"] = "mean",
) -> Tensor:
    """‖x_i − center of class y_i‖ (n,) of features x (n, d): rows far from their class are the hard ones. O(n·d).

    Moderate takes the rows whose distance is nearest to the median distance: `per_class` of the picker `middle`.

    Where we differ: the paper states the class mean and its authors' code takes the median; both are here. Their
    code ranks the distances of all classes together, so that a compact class gives few rows; without `per_class`
    so does this.
    """
    x = pool.need("emb")
    distance = torch.zeros(len(pool), dtype=torch.float64, device=x.device)
    for rows in track(pool.by_class().values(), "class"):
        members = x[rows].double()
        middle = members.mean(0) if center == "mean" else _median(members)
        distance[rows] = (members - middle).norm(dim=1)
    return distance


def _median(x: Tensor) -> Tensor:
    """Each column's median; among an even number of rows half way between the two in the middle."""
    ranked = x.sort(0).values
    return (ranked[(len(x) - 1) // 2] + ranked[len(x) // 2]) / 2
