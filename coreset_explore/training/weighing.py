"""What a weight does in training: it multiplies its row's loss, or is the row's chance of being drawn."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from coreset_explore.inputs import checks
from coreset_explore.selection import THIN

Way = Literal["loss", "drawn"]


class Weighing:
    """Weights of a selection (k,) as training uses them: tempered, clipped, scaled to mean 1.

    `temper` is τ of w^τ: 1 leaves them, 0 makes them even. `clip` cuts what is above so many times the mean, after
    tempering. `effective` is the effective sample size, (Σw)² / Σw², of those made last; where it collapses a warning
    says so once, whatever the number of choices.
    """

    def __init__(self, way: Way = "loss", temper: float = 1.0, clip: float | None = None):
        self.way, self.temper, self.clip = way, temper, clip
        self.effective: float | None = None
        self._said: set[str] = set()

    def __call__(self, weights: Tensor) -> Tensor:
        weights = weights.double()
        total = math.fsum(weights.tolist())  # whatever their order
        negative = int((weights < 0).sum())
        if negative and (self.way == "drawn" or self.temper != 1):
            for_what = "a chance of being drawn" if self.way == "drawn" else "a power"
            raise ValueError(
                f"{negative:,} weights are negative, and none of them has {for_what}; select with non-negative weights "
                "(gradmatch(nonnegative=True)), or leave weights= and temper= as they are"
            )
        if not total > 0:
            raise ValueError(
                f"the weights sum to {total:g}, so the weighted loss points nowhere; use non-negative weights"
            )
        if negative:
            self._say(
                f"{negative:,} weights are negative, so that training drives those rows' losses up, and it may "
                "diverge; select with non-negative weights (gradmatch(nonnegative=True))",
                "negative",
            )
        if self.temper != 1:
            weights = (weights / weights.max()).pow(self.temper).where(weights > 0, 0)
        if self.clip is not None:
            weights = weights.clamp_max(self.clip * math.fsum(weights.tolist()) / len(weights))
        total = math.fsum(weights.tolist())
        self.effective = total**2 / float(weights.square().sum())
        if self.effective < THIN * len(weights):
            why = "training may diverge" if self.way == "loss" else "it sees little else"
            self._say(
                f"the weights of {len(weights):,} rows count like {self.effective:.1f} even ones (below {THIN:.0%}): "
                f"{why}; use non-negative weights, a ridge, or uniform ones, or cut them by temper= or clip=",
                "thin",
            )
        return (weights * (len(weights) / total)).float()

    def _say(self, sentence: str, kind: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            checks.warn(sentence)
