"""What this machine can do at best: float32 matrix products and reading memory."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

Rates = dict[str, float]


def rates(tiny: bool = False) -> Rates:
    """Billions of float32 operations a second (a square matrix product) and of bytes read a second (a sum).

    The best of several, by whichever of numpy and torch is the faster: a floor is to be a floor.
    """
    side, count = (128, 1 << 16) if tiny else (2048, 1 << 28)  # a gigabyte, which no cache holds
    a, b = np.random.default_rng(0).random((2, side, side), dtype=np.float32)
    long = np.ones(count, dtype=np.float32)
    one, other, whole = torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(long)
    product = min(_best(lambda: a @ b), _best(lambda: one @ other))
    read = min(_best(lambda: whole.sum()), _best(lambda: torch.dot(whole, whole)))
    return {
        "gemm_gflops": float(f"{2e-9 * side**3 / product:.4g}"),
        "read_gb_per_s": float(f"{4e-9 * count / read:.3g}"),
    }


def best(several: Sequence[Rates]) -> Rates:
    """The best of rates measured at different times: other work slows a machine down, nothing speeds it up."""
    return {name: max(one[name] for one in several) for name in several[0]}


def floor(stages: Sequence[tuple[float, float]], limits: Rates) -> float | None:
    """Seconds that stages of (operations, bytes read or written), one after the other, take at the least."""
    if not limits or not stages:
        return None
    return 1e-9 * sum(max(f / limits["gemm_gflops"], b / limits["read_gb_per_s"]) for f, b in stages)


def _best(run, repeats: int = 7) -> float:
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)
