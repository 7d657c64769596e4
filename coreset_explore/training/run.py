"""Training on a dataset or on a weighted choice of its rows: the data is one tensor on the device, the loop one page.

n rows, c classes, d features.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.datasets import Data
from coreset_explore.inputs.checks import seed as checked_seed
from coreset_explore.inputs.checks import shown, warn
from coreset_explore.machine.cache import versions
from coreset_explore.machine.devices import pick_device
from coreset_explore.machine.seeds import generator
from coreset_explore.machine.threads import threads
from coreset_explore.params import Param, Range, check_params, parameters
from coreset_explore.training import models
from coreset_explore.training.choosing import Adaptive, Choice
from coreset_explore.training.epochs import Epoch, Training
from coreset_explore.training.evaluation import evaluate, outputs
from coreset_explore.training.optimizers import SGD, Adam, usual_batch
from coreset_explore.training.rows import chosen, taught
from coreset_explore.training.weighing import Weighing

OPTIMIZERS = {"sgd": (SGD, 0.05), "adam": (Adam, 1e-3)}  # with their usual rates
# how to train, whatever the budget
RECIPE = ("batch_size", "optimizer", "lr", "weight_decay", "schedule", "augment", "weights", "temper", "clip")
Count = Annotated[int, Range(1, math.inf)]
Amount = Annotated[float, Range(0, math.inf)]


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained model, a record an epoch, how it was trained (`info`, plain JSON), and what was chosen on the way."""

    model: nn.Module
    epochs: tuple[Epoch, ...]
    info: Mapping[str, Any]
    choices: tuple[Choice, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """Test accuracy after the last epoch; the best epoch would be chosen by the test set."""
        return self.epochs[-1].test_accuracy

    def frame(self):
        """A pandas frame, one row an epoch."""
        import pandas

        return pandas.DataFrame([asdict(record) for record in self.epochs])

    def __repr__(self) -> str:
        tested = f", test accuracy {self.accuracy:.1%}" if self.accuracy is not None else ""
        return f"Fit({self.info['model']}: {len(self.epochs)} epochs on {self.info['rows']:,} rows{tested})"


def fit(
    model: str | nn.Module,
    data,
    subset: Any = None,
    *,
    weights: Literal["loss", "drawn"] = "loss",
    temper: Annotated[float, Range(0, 1)] = 1.0,
    clip: Annotated[float, Range(1, math.inf)] | None = None,
    epochs: Count = 10,
    updates: Count | None = None,
    batch_size: Count | None = None,
    optimizer: Literal["sgd", "adam"] = "sgd",
    lr: Amount | None = None,
    weight_decay: Amount = 5e-4,
    schedule: Literal["cosine", "constant"] = "cosine",
    augment: Literal[None, "crop", "crop+flip"] = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    test_every: Annotated[int, Range(0, math.inf)] | None = None,
    on_epoch: Callable[[Epoch, nn.Module], None] | None = None,
    show: bool | None = None,
) -> Fit:
    """Train a named model, or a module in place, on `data` or on the rows that `subset` names.

    - `data`: a dataset's name, a Data, or (X, y). `subset`: row numbers, or a Selection, whose ids are used where
      it has them; or a `Policy`, which chooses during training, by the model as it is then (`Fit.choices`). In whatever
      order they stand, the same rows train to the same model, and runs of one seed see the rows they share in the same
      order.
    - `weights` of a Selection, scaled to mean 1, multiply the rows' losses (batch norm does not see them), or say how
      often a row is "drawn": of k rows an epoch w_i times in the mean. `temper` is τ of w^τ, and `clip` cuts what is
      above so many times the mean.
    - An epoch is one pass over k rows, a Policy's `every` and `epochs` too; its warm start counts by updates.
    - `updates`: train for so many steps instead of `epochs` passes, so that subsets of any size train equally long.
    - `batch_size`: unless told `usual_batch` of the rows trained on; to compare runs on more and on fewer rows, give
      all of them one. Batches are even, since a short last one would count its rows more.
    - `sgd` (Nesterov momentum 0.9) takes a rate of 0.05 and `adam` one of 1e-3 unless told; cosine falls to zero.
    - `test_every` epochs, and after the last, the test set is scored: unless told about ten times; 0 is never.
    - `on_epoch(record, model)` is called after each epoch.

    Raises ValueError for what cannot be trained; warns where weights are so uneven that training may diverge.

    >>> import coreset_explore as cx
    >>> X, y = [[0.0], [1.0], [3.0], [10.0], [12.0], [17.0]], ["cat", "cat", "cat", "dog", "dog", "dog"]
    >>> trained = cx.fit("logistic", cx.load(X, y=y), subset=[0, 2, 3, 5], epochs=5)
    >>> trained
    Fit(logistic: 5 epochs on 4 rows)
    >>> list(trained.frame().columns)
    ['epoch', 'updates', 'loss', 'lr', 'train_accuracy', 'test_accuracy', 'seconds']
    """
    given = {
        "epochs": epochs, "updates": updates, "batch_size": batch_size, "optimizer": optimizer, "lr": lr,
        "weight_decay": weight_decay, "schedule": schedule, "augment": augment, "test_every": test_every,
        "weights": weights, "temper": temper, "clip": clip,
    }  # fmt: skip
    epochs, updates, batch_size, _, lr, weight_decay, _, _, test_every, _, temper, clip = check_params(
        "fit", _options(), given
    ).values()
    data, seed = taught(data, model=model), checked_seed(seed)
    move = augmenting(augment, data)
    weighing, adaptive = Weighing(weights, temper, clip), None
    starts = callable(getattr(subset, "start", None))  # a range has a start too
    chooser = subset.start(data, seed) if starts else None
    rows, factors = chosen(None, data) if chooser is not None else chosen(subset, data, weighing)
    k = len(rows) if chooser is None else chooser.k
    where = pick_device(device)
    net = made(model, data, generator(seed, "init")).to(where)
    kind, usual = OPTIMIZERS[optimizer]
    lr = usual if lr is None else lr
    batch_size = batch_size or usual_batch(k)
    steps = math.ceil(k / batch_size)
    total = epochs * steps if updates is None else updates
    epochs = math.ceil(total / steps)
    if chooser is not None:
        adaptive = Adaptive(chooser, data, weighing, total, batch_size)
        epochs = adaptive.expected()
    test_every = max(1, epochs // 10) if test_every is None else test_every

    def rate(done: int) -> float:
        return lr * (0.5 + 0.5 * math.cos(math.pi * done / total)) if schedule == "cosine" else lr

    run = Training(
        net, data.x, data.y, kind(net.parameters(), decay=weight_decay), rate, batch_size=batch_size, seed=seed,
        move=move,
    )  # fmt: skip
    if adaptive is None:
        run.on(None if subset is None else rows, factors, drawn=weights == "drawn")
    passes = run.epochs(until=total) if adaptive is None else adaptive.passes(run)
    records: list[Epoch] = []
    stopped, test_seconds = None, 0.0
    start = time.perf_counter()
    with progress.bar(f"Training {net.name}", show), threads() as threads_used:
        for record in progress.track(passes, "epoch", epochs):
            last = run.updates >= total or not math.isfinite(record.loss)
            if data.y_test is not None and test_every and (last or record.epoch % test_every == 0):
                begun = time.perf_counter()
                with progress.stage("testing", 0.75, 1):
                    tested = evaluate(net, data.x_test, data.y_test)
                tested_in = time.perf_counter() - begun
                test_seconds += tested_in
                record = replace(record, test_accuracy=tested, seconds=record.seconds + tested_in)
            records.append(record)
            if on_epoch is not None:
                with progress.stage("recording", 0.75, 1):
                    on_epoch(record, net)
            if not math.isfinite(record.loss):
                stopped = f"the loss was not finite in epoch {record.epoch}: lower lr={lr:g}, or use more even weights"
                break
        else:
            if run.updates < total:
                stopped = f"the model was not finite after update {run.updates:,}: lower lr={lr:g}"
    if stopped:
        warn(f"training stopped: {stopped}")
    choices = () if adaptive is None else tuple(adaptive.choices)
    info = {
        "model": net.name, "data": data.name, "rows": k,
        "weighted": weighing.effective is not None, "weights": weights, "temper": temper, "clip": clip,
        "effective_size": weighing.effective, "policy": None if chooser is None else dict(chooser.plain()),
        "epochs": epochs, "updates": run.updates, "batch_size": batch_size, "optimizer": optimizer, "lr": lr,
        "weight_decay": weight_decay, "schedule": schedule, "augment": augment, "seed": seed, "device": str(where),
        "threads": threads_used, "seconds": round(time.perf_counter() - start, 3),
        "test_seconds": round(test_seconds, 3), "versions": versions(), "stopped": stopped,
    }  # fmt: skip
    return Fit(net.eval(), tuple(records), info, choices)


def made(model: str | nn.Module, data: Data, rng: torch.Generator) -> models.Classifier | models.Adapted:
    """The named model, freshly initialised, or one's own module adapted; it must tell the classes of `data` apart.

    From now on it knows them by name.
    """
    net = models.build(model, data, rng) if isinstance(model, str) else models.adapt(model, data.x)
    if (given := outputs(net, data.x)) < len(data.classes):
        raise ValueError(f"{net.name} tells {given} classes apart, and {data.name} has {len(data.classes)}")
    net.classes = data.classes
    return net


def augmenting(augment: str | None, data: Data) -> Callable[[Tensor, torch.Generator], Tensor] | None:
    """What moves a batch of pictures before it is seen; ValueError for a table."""
    if augment is not None and data.kind != "images":
        raise ValueError(f"augment={augment!r} moves pixels, and {data.name} is a table: leave it out")
    return None if augment is None else partial(moved, flip="flip" in augment)


def moved(x: Tensor, rng: torch.Generator, flip: bool, reach: int = 4) -> Tensor:
    """Each image (b, ch, h, w) shifted by up to `reach` pixels, edges reflected; half of them mirrored if `flip`."""
    b, _, h, w = x.shape
    reach = min(reach, h - 1, w - 1)
    shift = torch.randint(-reach, reach + 1, (2, b, 1), generator=rng)
    mirror = torch.rand(b, 1, generator=rng) < 0.5 if flip else torch.zeros(b, 1, dtype=torch.bool)
    down, across = torch.arange(h) + shift[0], torch.arange(w) + shift[1]
    down, across = (side - 1 - (side - 1 - v.abs()).abs() for v, side in ((down, h), (across, w)))
    across = torch.where(mirror, w - 1 - across, across)
    row = torch.arange(b)[:, None, None]
    row, down, across = (v.to(x.device) for v in (row, down[:, :, None], across[:, None, :]))
    return x[row, :, down, across].permute(0, 3, 1, 2)


def recipe(given: Mapping[str, Any] | None, *more: str) -> dict[str, Any]:
    """Arguments for `fit` that others pass on, checked by its signature; `more` names what they allow beside RECIPE."""
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(f'recipe is a dictionary of arguments for fit, as {{"lr": 0.1}}, not {shown(given)}')
    known = _options()
    return check_params("the recipe", {name: known[name] for name in (*RECIPE, *more)}, given or {})


def _options() -> dict[str, Param]:
    return parameters(fit, skip=("model", "data", "subset", "seed", "device", "on_epoch", "show"))
