"""What a model says of rows now, as a Pool: one forward pass. Recording ends in it, and whoever selects anew while
training calls it between two epochs.

n rows, c classes, d features, s steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coreset_explore.datasets import Data, load
from coreset_explore.gradients import LastLayer, residuals
from coreset_explore.inputs import checks
from coreset_explore.inputs.origin import partition
from coreset_explore.machine.cache import versions
from coreset_explore.machine.devices import device_of
from coreset_explore.pool import Pool
from coreset_explore.recording.extras import EXTRAS
from coreset_explore.training import models
from coreset_explore.training.evaluation import logits_features
from coreset_explore.training.rows import spoken

PASS = ("emb", "logits", "grads")  # what one forward pass gives
BY_LABEL = ("grads", "full_grad_norm")  # of these, what asks for labels


def snapshot(net: nn.Module, data, rows=None, held=None, fields: Sequence[str] = ()) -> Pool:
    """What `net` says of `rows` of `data` now: a Pool of their ids, `y`, `emb`, `logits` and last-layer `grads`.

    - `net`: a model of this library, or a module that ends in Linear. It is left as it was: weights, running
      statistics, the mode of every module, and no random number is drawn.
    - `data`: a Data, or whatever `load` takes; rows nobody labelled (`y=None`) have no `y` and no `grads`.
    - `rows`: numbers of the rows to record, which become the pool's `ids`; all of them, less `held`, unless told.
    - `held`: numbers of validation rows, which become `pool.target`; no row is both.
    - `fields`: which facts to take, all that one pass gives unless told: "emb", "logits", "grads", and the names in
      EXTRAS, each of which costs a pass of its own.

    The pool lies on the model's device; its gradients are one step's, and `emb` shares their memory. Nothing is cached.
    Time: one forward pass over rows and held; n(c + d) numbers of memory, and n·c more for the gradients. Raises
    ValueError for a model that has diverged, and for what cannot be recorded.

    >>> import coreset_explore as cx
    >>> data = cx.load("digits")
    >>> net = cx.fit("mlp", data, epochs=1, show=False).model
    >>> cx.snapshot(net, data, rows=range(100), held=[200, 201], fields=["logits"])
    Pool(digits: 100 rows, ids (100,), y (100,), logits (100, 10))
    """
    if not isinstance(net, nn.Module):
        raise ValueError(
            f"snapshot asks a trained torch.nn.Module, not {checks.shown(net)}; fit(…).model is one, and "
            "signals(data, model=…) trains one first"
        )
    if isinstance(data, Pool):
        raise ValueError(
            "snapshot takes data, and a Pool is what it records: pass what the pool was recorded from, and its ids as "
            "rows"
        )
    data = load(data)
    names = _names(fields, data)
    held = _rows(held, "held", data) if held is not None and len(held) else None
    if rows is not None:
        rows = _rows(rows, "rows", data)
    elif held is not None:
        rows = torch.ones(len(data), dtype=torch.bool).index_fill_(0, held, False).nonzero().flatten()
    if held is not None and (both := torch.isin(held, rows)).any():
        raise ValueError(
            f"row {int(held[both][0])} is to be recorded and held for validation; leave it out of rows or of held"
        )
    net = models.adapt(net, data.x)
    data = spoken(data, net)
    info = {"name": data.name, "note": data.note, "kind": data.kind, "model": net.name, "steps": ["now"]}
    info |= {"device": str(device_of(net)), "versions": versions(), "rows": len(data)}
    if data.y is not None:
        info["labels"] = partition(data.y)
    target = None
    if held is not None:
        target = Pool(_recorded(net, data, held, names), data.classes, None, info, index=data.index)
    return Pool(_recorded(net, data, rows, names), data.classes, target, info, index=data.index)


def facts(
    logits: Tensor,
    features: Tensor,
    y: Tensor | None,
    names: Sequence[str] = PASS,
    steps: int | None = None,
    *,
    bias: bool,
) -> dict[str, Any]:
    """Those of emb, logits and grads that are named, from a model's logits (s, n, c) and features (s, n, d) at s steps.

    Features and logits are the last step's; gradients those of the first `steps`, all unless told, of a last layer
    with a `bias` or without.
    """
    found = {"emb": features[-1], "logits": logits[-1]}
    if "grads" in names:
        found["grads"] = LastLayer(residuals(logits[:steps], y), features[:steps], bias)
    return {name: found[name] for name in PASS if name in names}


def _recorded(net: nn.Module, data: Data, rows: Tensor | None, names: Sequence[str]) -> dict[str, Any]:
    """The fields of a pool of these rows (None is all, without a copy), on the model's device."""
    where = device_of(net)
    x, y = data.x if rows is None else data.x[rows], data.y
    found: dict[str, Any] = {"ids": (torch.arange(len(x)) if rows is None else rows).to(where)}
    if y is not None:
        y = y if rows is None else y[rows]
        found["y"] = y.to(where)
    if any(name in PASS for name in names):
        logits, features = logits_features(net, x, keep=where)
        if not logits.isfinite().all():
            raise ValueError(
                "the model cannot be recorded: its logits are NaN or infinite; train it at a smaller learning rate"
            )
        if y is not None and int(y.max()) >= logits.shape[1]:
            raise ValueError(
                f"the model tells {logits.shape[1]} classes apart, and the rows are of classes up to {int(y.max())}; "
                "record rows of classes that it knows"
            )
        found |= facts(logits[None], features[None], found.get("y"), names, bias=models.learns_bias(net.head))
    return found | {name: EXTRAS[name](net, x, y).to(where) for name in names if name in EXTRAS}


def _names(fields: Sequence[str], data: Data) -> list[str]:
    asked = [name for name, _ in checks.names(fields, "fields")]
    if "history" in asked:
        raise ValueError("history is what a whole training tells; cx.signals(data, epochs=5) records it")
    for name in asked:
        checks.choice(name, "a field of a snapshot", ("ids", "y", *PASS, *EXTRAS))
        if data.y is None and name in ("y", *BY_LABEL):
            raise ValueError(
                f"{name!r} asks for labels, and {data.name} has none; load(data, y=labels) gives them"
            )
    return asked or [name for name in PASS if data.y is not None or name not in BY_LABEL]


def _rows(value: Any, what: str, data: Data) -> Tensor:
    found = checks.rows(value, what, len(data)).cpu()
    if len(found) == 0:
        raise ValueError(f"{what} names no row; give one at least, or leave it out")
    if len(found.unique()) < len(found):
        raise ValueError(f"{what} names row {int(found.mode().values)} more than once; name each row once")
    return found
