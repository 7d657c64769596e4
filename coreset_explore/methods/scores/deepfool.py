"""DeepFool: rows close to the model's decision boundary."""

from __future__ import annotations

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import scorer


@scorer(
    needs="deepfool",
    title="DeepFool",
    paper="Ducoffe & Precioso 2018, arXiv:1802.09841; Moosavi-Dezfooli et al. 2016, arXiv:1511.04599",
)
def deepfool(pool: Pool) -> Tensor:
    """Minus the distance to the decision boundary: the rows that the smallest change would misclassify are hardest.

    The distance (n,) is recorded by `signals(data, extras=("deepfool",))`, from the predicted class's boundary, for
    misclassified rows too. Rows that no change of input moves count as far as the farthest of the others.
    """
    distance = pool.need("deepfool").double()
    finite = torch.isfinite(distance)
    farthest = distance[finite].max() if bool(finite.any()) else torch.zeros((), dtype=distance.dtype)
    return -torch.where(finite, distance, farthest)
