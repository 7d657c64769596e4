"""The shared cores of greedy selection: lazy greedy, farthest first, matching pursuit. No policy."""

from __future__ import annotations

import torch
from torch import Tensor


def solve(gram: Tensor, wanted: Tensor, *, nonnegative: bool = False, ridge: float = 0.0) -> Tensor:
    """argmin_w wᵀ(G + ridge·I)w − 2wᵀb (k,) float64, over w ≥ 0 if asked.

    G (k, k) is the Gram matrix of the picks, b (k,) their inner products with the target. A singular G (duplicate
    rows) is answered with the smallest jitter that makes it factor. O(k³).
    """
    gram, wanted = gram.double(), wanted.double()
    k = len(wanted)
    if k == 0:
        return wanted
    scale = float(gram.diagonal().mean()) or 1.0
    factor = None
    for jitter in (0.0, 1e-12, 1e-10, 1e-8, 1e-6):
        factor, failed = torch.linalg.cholesky_ex(gram + (ridge + jitter * scale) * torch.eye(k, dtype=torch.float64))
        if not failed:
            break
    right = torch.linalg.solve_triangular(factor, wanted[:, None], upper=False)[:, 0]
    if not nonnegative:
        return torch.linalg.solve_triangular(factor.T, right[:, None], upper=True)[:, 0]
    from scipy.optimize import nnls

    weights, _ = nnls(factor.T.numpy(), right.numpy(), maxiter=10 * k + 100)
    return torch.from_numpy(weights)
