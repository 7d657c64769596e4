"""Train a model once and keep what it says about every row: features, logits, factored gradients, dynamics.

n rows, c classes, d features, s steps (checkpoints or initialisations), T epochs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coreset_explore import progress
from coreset_explore.datasets import Data
from coreset_explore.datasets.data import split
from coreset_explore.inputs import checks
from coreset_explore.inputs.fields import History
from coreset_explore.inputs.origin import partition
from coreset_explore.machine.cache import holds, key, read, versions, write
from coreset_explore.machine.devices import pick_device
from coreset_explore.machine.seeds import generator
from coreset_explore.machine.threads import threads
from coreset_explore.pool import Pool
from coreset_explore.recording.extras import EXTRAS
from coreset_explore.recording.forward import facts
from coreset_explore.training import models
from coreset_explore.training import run as training
from coreset_explore.training.evaluation import logits_features, measured
from coreset_explore.training.own import copied
from coreset_explore.training.rows import taught

MEASURED = tuple(f.name for f in fields(History))
# What a recording is computed by: a mended file must not be answered from before it was mended.
PACKAGE = Path(__file__).parents[1]
SOURCES = (
    PACKAGE / "gradients.py",
    PACKAGE / "machine" / "seeds.py",
    *(path for room in ("training", "recording") for path in sorted((PACKAGE / room).glob("*.py"))),
)


@dataclass(frozen=True)
class Plan:
    """What to record: checked once, written into the pool's info, part of the cache's key."""

    model: str
    epochs: int
    checkpoints: tuple[int, ...]
    inits: int
    holdout: float
    seed: int
    extras: tuple[str, ...]
    recipe: Mapping[str, Any]


def signals(
    data,
    y=None,
    *,
    model: str | nn.Module | None = None,
    epochs: int = 5,
    checkpoints: Literal["last", "each"] | Sequence[int] = "last",
    inits: int = 0,
    holdout: float = 0.0,
    seed: int = 0,
    device: str | torch.device = "auto",
    cache: bool = True,
    extras: Sequence[str] = (),
    recipe: Mapping[str, Any] | None = None,
    show: bool | None = None,
) -> Pool:
    """Train `model` on `data` (a name, a Data, or X with labels y) and return what it says about each training row.

    The pool holds `ids` (rows of `data`), `y`, `emb` (features of the last step), `logits`, `grads` (last-layer
    gradients at the chosen steps), `history` (every epoch, all rows under the same weights), `test` (the test rows'
    features and logits, for judging), and `info`. It lies on the CPU; `pool.to(device)` moves it.

    - `model`: a name in `models.MODELS`, None (the data chooses), or a module that ends in Linear: a copy of it is
      trained, or with `epochs=0` recorded as it is. Only named models are cached: nobody can hash a module's code.
      Where it tells more classes apart than the data has, whole numbers as labels are the outputs that they name.
    - `checkpoints`: epochs at which gradients are kept; 0 is the initialisation. Without training that is all there
      is. Features and logits are those of the last one.
    - `inits`: gradients at so many fresh initialisations instead (GMC; the same for the same seed). With epochs > 0
      features, logits and history still come from the trained model; with epochs=0 from the last initialisation.
    - `holdout`: a share of every class set aside by `seed`; it becomes `pool.target`, and is not trained on. The test
      set never is a target.
    - `extras`: more facts about each row, named in EXTRAS. `recipe`: arguments for `fit`, as {"lr": 0.1}.

    Raises ValueError for what cannot be recorded. Time: about one and a quarter of plain training.

    >>> import coreset_explore as cx
    >>> pool = cx.signals("digits", model="logistic", epochs=2, seed=0)
    >>> pool
    Pool(digits: 1,438 rows, ids (1438,), y (1438,), emb (1438, 64), logits (1438, 10), grads, history)
    >>> pool.grads
    LastLayer(1,438 rows, 10 classes, 64 features, 1 step; 650 numbers a row)
    >>> len(pool.test)
    359
    """
    data = taught(data, y, model)
    plan = _plan(data, model, epochs, checkpoints, inits, holdout, seed, extras, recipe)
    where = pick_device(device)
    name = _name(data, plan, where) if cache and not isinstance(model, nn.Module) else None
    kept = None if name is None else read("signals", name)
    if kept is None:
        with progress.bar(f"Recording {plan.model} on {data.name}", show), threads() as count:
            start = time.perf_counter()
            kept, accuracy = _record(data, plan, plan.model if model is None else model, where)
            progress.check()
        about = {
            "name": data.name,
            "note": data.note,
            **asdict(plan),
            "steps": _steps(plan),
            "accuracy": accuracy,
        }
        about |= {"seconds": round(time.perf_counter() - start, 3), "threads": count, "device": str(where)}
        kept["info"] = json.dumps({**about, "versions": versions()})
        if name is not None:
            write("signals", name, kept)
    return _pool(data, plan, kept)


def recorded(
    data: Data,
    *,
    model: str | nn.Module | None = None,
    epochs: int = 5,
    checkpoints: Literal["last", "each"] | Sequence[int] = "last",
    inits: int = 0,
    holdout: float = 0.0,
    seed: int = 0,
) -> bool:
    """Whether `signals` with these arguments, and its own for the others, finds its answer on the disk."""
    if isinstance(model, nn.Module):
        return False
    plan = _plan(data, model, epochs, checkpoints, inits, holdout, seed, (), None)
    return holds("signals", _name(taught(data, None, model), plan, pick_device("auto")))


def _name(data: Data, plan: Plan, where: torch.device) -> str:
    """What the answer is kept as: named by all that it depends on."""
    tensors = [data.x, data.y, data.x_test, data.y_test]
    about = [data.name, data.note, data.kind, data.classes, where.type, asdict(plan)]
    return key(*tensors, *about, *SOURCES)


def _plan(data: Data, model, epochs, checkpoints, inits, holdout, seed, extras, recipe) -> Plan:
    epochs, inits = checks.whole(epochs, "epochs", 0), checks.whole(inits, "inits", 0)
    steps = _steps_of(checkpoints, epochs)
    if inits and not (isinstance(checkpoints, str) and checkpoints == "last"):
        raise ValueError("gradients are kept at checkpoints or at fresh initialisations: leave one out")
    if checks.real(holdout, "holdout", 0) >= 1:
        raise ValueError(f"holdout is the share of rows set aside, from 0 to below 1, not {holdout!r}")
    extras = tuple(name for name, _ in checks.names(extras, "extras"))
    if unknown := [name for name in extras if name not in EXTRAS]:
        raise ValueError(
            f"no extra is called {unknown[0]!r}; there is {', '.join(EXTRAS)}; your own: pool.add({unknown[0]}=values)"
        )
    called = models.default(data) if model is None else model
    called = type(model).__name__ if isinstance(model, nn.Module) else called
    return Plan(
        called, epochs, steps, inits, float(holdout), checks.seed(seed), extras, training.recipe(recipe)
    )


def _steps_of(checkpoints: Any, epochs: int) -> tuple[int, ...]:
    if isinstance(checkpoints, str) and checkpoints in ("last", "each"):
        return (epochs,) if checkpoints == "last" else tuple(range(1, epochs + 1)) or (0,)
    try:
        steps = tuple(checks.rows(checkpoints, "checkpoints", epochs + 1).unique().tolist())
    except ValueError:
        steps = ()
    if not steps:
        raise ValueError(
            f"checkpoints are 'last', 'each' or a list of epochs from 0 to {epochs} (epochs={epochs}), not "
            f"{checks.shown(checkpoints)}"
        )
    return steps


def _steps(plan: Plan) -> list[str]:
    if plan.inits:
        return [f"initialisation {i}" for i in range(1, plan.inits + 1)]
    return [f"epoch {step}" if step else "initialisation" for step in plan.checkpoints]


def _record(data: Data, plan: Plan, model: str | nn.Module, where: torch.device) -> tuple[dict, list[dict]]:
    """Everything kept, over all rows of `data` (candidates and held-out alike), and the accuracies."""
    rows, held = torch.arange(len(data)), torch.arange(0)
    if plan.holdout:
        rows, held = split(data.y, len(data), plan.holdout, plan.seed)
        if len(held) == 0:
            raise ValueError(f"holdout={plan.holdout:g} of {len(data):,} rows sets none aside; take more")
    seen = data if len(held) == 0 else data[rows]
    steps: list[tuple[Tensor, Tensor]] = []
    kept: dict[str, Any] = {"rows": rows, "held": held}
    accuracy: list[dict] = []
    history: list[tuple[Tensor, ...]] = []
    before: Tensor | None = None

    def started(purpose: str) -> nn.Module:
        own = copied(model) if isinstance(model, nn.Module) else model
        return training.made(own, seen, generator(plan.seed, purpose)).to(where)

    def record(net: nn.Module, when: dict[str, int], keep: bool, last: bool) -> Tensor:
        share = len(data) / (len(data) + (0 if data.y_test is None else len(data.y_test)))
        with progress.stage("training rows", 0, share):
            logits, features = logits_features(net, data.x)
        right = {"train": _accuracy(logits[rows], data.y[rows])}
        if data.y_test is not None:
            with progress.stage("test rows", share, 1):
                test = logits_features(net, data.x_test)
            right["test"] = _accuracy(test[0], data.y_test)
            if last:
                kept["test_logits"], kept["test_features"] = test
        accuracy.append({**when, **right})
        if keep:
            steps.append((logits, features))
        if last:
            kept["bias"] = torch.tensor(models.learns_bias(net.head))
            kept.update({f"extra.{name}": EXTRAS[name](net, data.x, data.y) for name in plan.extras})
        return logits

    def each(result: training.Epoch, net: nn.Module) -> None:
        nonlocal before
        last = result.epoch == plan.checkpoints[-1]
        keep = last or (not plan.inits and result.epoch in plan.checkpoints)
        logits = record(net, {"epoch": result.epoch}, keep, last)
        now = F.log_softmax(logits, 1)
        history.append(measured(now, logits, data.y, now if before is None else before))
        before = now

    # an epoch with its recording takes about five times as long as an initialisation
    trained = 5 * plan.epochs / (5 * plan.epochs + plan.inits + 1)
    with progress.stage("recording", 0, 1 - trained):
        for i in progress.track(range(1, plan.inits + 1), "initialisation"):
            net = started(f"init {i}")
            if isinstance(model, nn.Module):
                models.init_(net, generator(plan.seed, f"init {i}"))
            record(net, {"initialisation": i}, True, last=plan.epochs == 0 and i == plan.inits)
    if not plan.inits or plan.epochs:
        net = started("init")
        if not plan.inits and plan.checkpoints[0] == 0:
            record(net, {"epoch": 0}, True, last=plan.checkpoints == (0,))
    if plan.epochs:
        recipe = {"seed": plan.seed, "device": where, "test_every": 0, **plan.recipe}
        with progress.stage("recording", 1 - trained, 1):
            fit = training.fit(net, seen, epochs=plan.epochs, on_epoch=each, **recipe)
        if fit.info["stopped"]:
            raise ValueError(f"the model cannot be recorded: {fit.info['stopped']}")
    kept["logits"], kept["features"] = (torch.stack(parts) for parts in zip(*steps))
    for name, values in zip(MEASURED, zip(*history)):
        kept[f"history.{name}"] = torch.stack(values, 1)
    return kept, accuracy


def _accuracy(logits: Tensor, y: Tensor) -> float:
    return float((logits.argmax(1) == y).double().mean())


def _pool(data: Data, plan: Plan, kept: Mapping[str, Any]) -> Pool:
    """The pool from what was kept; residuals follow from the logits and are not stored."""
    count = plan.inits or len(plan.checkpoints)
    whole = {
        "y": data.y,
        # entries kept before heads without bias were told apart are of named models, whose heads have one
        **facts(kept["logits"], kept["features"], data.y, steps=count, bias=bool(kept.get("bias", True))),
        **{k.removeprefix("extra."): v for k, v in kept.items() if k.startswith("extra.")},
    }
    if plan.epochs:
        whole["history"] = History(**{name: kept[f"history.{name}"] for name in MEASURED})
    info = {**json.loads(kept["info"]), "kind": data.kind, "rows": len(data), "labels": partition(data.y)}
    pool = Pool({"ids": torch.arange(len(data)), **whole}, data.classes, None, info, index=data.index)
    target = test = None
    if len(kept["held"]):
        target = replace(pool[kept["held"]], info={**info, "role": "target"})
        pool = pool[kept["rows"]]
    if "test_logits" in kept:
        judged = {"ids": torch.arange(len(data.y_test)), "y": data.y_test}
        judged |= {"emb": kept["test_features"], "logits": kept["test_logits"]}
        test = Pool(judged, data.classes, None, {**info, "role": "test"})
    return replace(pool, target=target, test=test)
