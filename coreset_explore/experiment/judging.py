"""What judges a selection: a linear probe on the pool's features, or a network trained for real; by rows set aside."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from coreset_explore.datasets import Data, load
from coreset_explore.experiment.linear_probe import Bench
from coreset_explore.machine.cache import key
from coreset_explore.pool import Pool
from coreset_explore.selection import Selection
from coreset_explore.training.optimizers import usual_batch
from coreset_explore.training.own import copied
from coreset_explore.training.run import fit
from coreset_explore.training.run import recipe as checked_recipe

Learn = Callable[[Selection, int], tuple[float | None, float, int]]


@dataclass(frozen=True)
class Judge:
    """`learn(selection, seed)` gives accuracy (None where the recipe asks for no test), the best epoch's, and the rows
    trained on.

    `pool` is what to select from: the given one without the rows that judge; `place` (n,) where each row of the given
    pool went, −1 if set aside. `settings` says what is learnt and on what, plain JSON: the same settings, the same
    accuracies.
    """

    pool: Pool
    place: Tensor
    learn: Learn
    model: str
    regime: str
    judged: str
    settings: Mapping[str, Any]


def probing(pool: Pool) -> Judge:
    """A linear classifier on the features, judged by `pool.test` or by a fifth of each class, which is set aside."""
    bench, place = Bench.of(pool), torch.arange(len(pool))
    if not bool(bench.free.all()):
        rows, held = bench.free.nonzero().flatten(), (~bench.free).nonzero().flatten()
        place = torch.full((len(pool),), -1, dtype=torch.int64)
        place[rows] = torch.arange(len(rows))
        pool, judged = replace(pool[rows], test=pool[held]), bench.judged
        bench = replace(Bench.of(pool), judged=judged)

    def learn(chosen: Selection, seed: int) -> tuple[float, float, int]:
        found = bench.probe(chosen)
        return found.accuracy, math.nan, found.n

    settings = {"judge": key(bench.x_judge, bench.y_judge)}
    return Judge(pool, place, learn, "probe", "probe", bench.judged, settings)


def training(
    pool: Pool,
    data: Any,
    model: str | nn.Module,
    equal: str,
    epochs: int,
    updates: int | None,
    sizes: Sequence[int],
    recipe: Mapping[str, Any] | None,
) -> Judge:
    """A network trained by `fit` from scratch on picks of these `sizes`, for equal epochs or updates."""
    data = tested(data, model)
    device = {}
    if isinstance(recipe, Mapping) and "device" in recipe:  # fit's own, where a recipe says how to train
        device, recipe = {"device": recipe["device"]}, {k: v for k, v in recipe.items() if k != "device"}
    recipe = checked_recipe(recipe, "test_every")
    # One batch for all budgets, which are compared by their updates. The smallest one's makes the larger slower at
    # worst, where the largest one's would leave the smaller too few updates.
    batch = recipe.get("batch_size") or usual_batch(sizes[0])
    recipe = {**recipe, "batch_size": batch}
    if equal == "epochs":
        how, regime = {"epochs": epochs}, f"equal epochs: {epochs:,}"
    else:
        steps = updates or epochs * math.ceil(sizes[-1] / batch)
        how, regime = {"updates": steps}, f"equal updates: {steps:,}"

    def learn(chosen: Selection, seed: int) -> tuple[float | None, float, int]:
        net = model if isinstance(model, str) else copied(model)
        done = fit(net, data, chosen, **how, seed=seed, show=False, **device, **recipe)
        scored = [e.test_accuracy for e in done.epochs if e.test_accuracy is not None]
        return done.accuracy, max(scored, default=math.nan), len(chosen)

    name = model if isinstance(model, str) else type(model).__name__
    settings = {
        "judge": digest(data, model),
        "how": how,
        "recipe": recipe,
        **{k: str(v) for k, v in device.items()},
    }
    judged = f"{len(data.x_test):,} test rows"
    return Judge(pool, torch.arange(len(pool)), learn, name, regime, judged, settings)


def tested(data: Any, model: Any) -> Data:
    """The data loaded, with test rows; ValueError where there are none to judge by."""
    if data is None:
        raise ValueError(f"training {model!r} for real needs the data: accuracy_curve(pool, …, data=data)")
    data = load(data)
    if data.x_test is None or data.y_test is None:
        raise ValueError(
            f"{data.name} has no test rows to judge by; load it with test=0.2, or use model='probe'"
        )
    return data


def digest(data: Data, model: Any = None) -> str:
    """What a store calls these rows and labels, with a module's weights where it is one's own model."""
    own = [repr(model), *model.state_dict().values()] if isinstance(model, nn.Module) else []
    return key(data.x, data.y, data.x_test, data.y_test, data.kind, *own)
