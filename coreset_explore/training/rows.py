"""What is trained on: data that something can be learnt from, and the rows of it that a subset names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from coreset_explore.datasets import Data, load
from coreset_explore.inputs import checks
from coreset_explore.inputs.classes import numbered
from coreset_explore.inputs.origin import doubt_of_data
from coreset_explore.pool import Pool
from coreset_explore.selection import Selection
from coreset_explore.training import models
from coreset_explore.training.evaluation import outputs
from coreset_explore.training.weighing import Weighing


def taught(data: Any, y: Any = None, model: Any = None) -> Data:
    """The data loaded, its labels as the numbers of one's own `model`; ValueError where nothing can be learnt."""
    if isinstance(data, Pool):
        raise ValueError(
            "training and recording take data, and a Pool is what they record: pass what it was recorded from, or "
            "(pool.emb, pool.y) to train on its features"
        )
    data = load(data) if y is None else load(data, y=y)
    if data.y is None:
        raise ValueError(
            f"{data.name} has no labels, and training needs them; features alone go into Pool.of(X)"
        )
    if isinstance(model, nn.Module):
        data = spoken(data, models.adapt(model, data.x))
    if len(data.classes) < 2:
        raise ValueError(
            f"{data.name} has one class only, so there is nothing to learn: every gradient would be zero"
        )
    return data


def spoken(data: Data, net: models.Classifier | models.Adapted) -> Data:
    """The data with its labels as the numbers that the model has for them: labels are renumbered, and it is not.

    A model that was trained here knows its classes by name; of any other, `numbered` tells from how many it has.
    """
    if data.y is None or net.classes[: len(data.classes)] == data.classes:
        return data
    known = {name: number for number, name in enumerate(net.classes)}
    shared = known.keys() & set(data.classes) if len(known) == len(net.classes) else set()

    def told(y: Tensor) -> tuple[Tensor, tuple[str, ...]]:
        if not shared:
            return numbered(y, data.classes, data.coded, outputs(net, data.x), net.name)
        return torch.tensor([known[name] for name in data.classes])[y], net.classes

    if shared and (unknown := [name for name in data.classes if name not in known]):
        raise ValueError(
            f"{net.name} was trained to tell {', '.join(net.classes[:8])} apart, and {data.name} has classes that it "
            f"does not know: {', '.join(unknown[:3])}; leave their rows out, or train a new model"
        )
    y, classes = told(data.y)
    y_test = None if data.y_test is None else told(data.y_test)[0]
    return replace(data, y=y, y_test=y_test, classes=classes, coded=False)


def chosen(subset: Any, data: Data, weighing: Weighing | None = None) -> tuple[Tensor, Tensor | None]:
    """The rows of `data` that `subset` names (row numbers, a mask, a Selection) and their weights, scaled to mean 1."""
    n = len(data)
    if subset is None:
        return torch.arange(n), None
    own = isinstance(subset, Selection)
    named = (subset.indices if subset.ids is None else subset.ids) if own else subset
    rows = checks.rows(named, "the subset", n)
    if len(rows) == 0:
        raise ValueError("the subset is empty: training needs at least one row")
    if own and (why := doubt_of_data(subset.info, n, data.y)):
        checks.warn(f"{subset!r} hardly belongs to {data.name}: {why}")
    weights = subset.weights if own else None
    return rows, None if weights is None else (weighing or Weighing())(weights)
