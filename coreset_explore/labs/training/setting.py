"""What every run of a comparison shares: the data, the model, how long and how it is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from coreset_explore.datasets import Data
from coreset_explore.experiment.judging import digest, tested
from coreset_explore.inputs import checks
from coreset_explore.machine.seeds import generator
from coreset_explore.training import models
from coreset_explore.training.own import copied
from coreset_explore.training.rows import taught
from coreset_explore.training.run import made
from coreset_explore.training.run import recipe as checked_recipe


@dataclass(frozen=True, eq=False)
class Setting:
    """A comparison's ground: `Setting("fashion-mnist", "lenet", epochs=40)`.

    - `data`: a dataset's name, a Data, or (X, y), with test rows. `model`: a name, a module, which is copied for each
      run, or None: the data chooses.
    - `epochs`: T, passes over the k rows of a subset; FULL passes as often over all. `every`: R, epochs between two
      choices, a tenth of T unless told.
    - `holdout`: the share that is set aside from regimes that read validation rows (GLISTER).
    - `recipe`: arguments for `fit`; its `batch_size`, one for all regimes and budgets, is unless told what `fit` would
      take for the smallest budget.

    Raises ValueError for what cannot be trained or tested.
    """

    data: Any
    model: str | nn.Module | None = None
    epochs: int = 40
    every: int | None = None
    holdout: float = 0.1
    recipe: Mapping[str, Any] = field(default_factory=dict)
    device: str | torch.device = "auto"

    def __post_init__(self) -> None:
        keep = object.__setattr__
        data = taught(*self.data) if isinstance(self.data, tuple) else taught(self.data, model=self.model)
        keep(self, "model", models.default(data) if self.model is None else self.model)
        data = tested(data, self.model)
        keep(self, "data", data)
        made(self.fresh(), data, generator(0, "init"))  # refuses now what no run could train
        keep(self, "epochs", checks.whole(self.epochs, "epochs", 1))
        every = max(1, self.epochs // 10) if self.every is None else self.every
        keep(self, "every", checks.whole(every, "every, epochs between two choices,", 1))
        if every > self.epochs:
            raise ValueError(
                f"every={every:,} epochs between two choices is longer than the run of {self.epochs:,}, so nothing "
                "would be chosen anew; give a smaller number"
            )
        keep(self, "recipe", checked_recipe(self.recipe, "test_every"))

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.model if isinstance(self.model, str) else type(self.model).__name__

    def fresh(self) -> str | nn.Module:
        """The model for one run: a module is copied, since training changes it."""
        assert self.model is not None  # chosen when this was made
        return self.model if isinstance(self.model, str) else copied(self.model)

    def updates(self, k: int, batch_size: int) -> int:
        """U = T·⌈k/B⌉: what each regime makes on a budget of k."""
        return self.epochs * math.ceil(k / batch_size)

    def plain(self) -> dict[str, Any]:
        """JSON: all of it that a number depends on; the data by a digest."""
        data: Data = self.data
        return {
            "data": digest(data, self.model),
            "dataset": data.name,
            "model": self.name,
            "epochs": self.epochs,
            "recipe": dict(self.recipe),
            **({} if self.device == "auto" else {"device": str(self.device)}),
        }
