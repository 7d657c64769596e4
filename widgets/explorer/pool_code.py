"""The lines of code that make the data and the pool of a run's settings in a fresh Python."""

from __future__ import annotations

from typing import Any

from coreset_explore.inputs.code import python
from coreset_explore.pool import Pool
from widgets.explorer.pool import Ask, holdout
from widgets.explorer.session import GRADIENTS


def made(ask: Ask, pool: Pool) -> dict:
    """The lines of code that make the data and the pool of these settings, and the seed."""
    from coreset_explore.datasets import Data

    lines: dict = {"seed": ask.seed, "load": "", "note": "", "pool": []}
    if isinstance(ask.data, Pool):
        return {**lines, "note": "pool: the Pool you gave to explore"}
    if isinstance(ask.data, Data):
        lines["note"] = "data: the Data you gave to explore"
    else:
        given = "".join(_written(name, value) for name, value in ask.options.items())
        lines["load"] = f"cx.load({'X' if ask.data is not None else python(ask.name)}{given})"
        if ask.data is not None:
            lines["note"] = f"X{', y' if ', y=y' in given else ''}: what you gave to explore"
    model = pool.info.get("model")
    if model is None:
        features = "data.x.flatten(1).float()" + ("" if pool.y is None else ", data.y, classes=data.classes")
        return {**lines, "pool": [f"pool = cx.Pool.of({features})"]}
    if ask.module is not None:
        lines["note"] += f"{', ' if lines['note'] else ''}model: the {model} you gave to explore"
        if "inits" not in pool.info:  # a snapshot's: nothing was trained
            return {**lines, "pool": ["pool = cx.snapshot(model, data)"]}
    named = "model" if ask.module is not None else python(model)
    settings = f"model={named}, epochs={ask.epochs}, seed={ask.seed}"
    settings += "".join(f", {name}={python(value)}" for name, value in GRADIENTS[ask.gradients][1].items())
    if holdout(ask):
        settings += f", holdout={holdout(ask)}"
    lines["pool"] = [f"pool = cx.signals(data, {settings})"]
    if ask.data is not None and not isinstance(ask.data, Data) and model == "logistic" and not ask.model:
        lines["pool"].append("pool = pool.add(emb=data.x[pool.ids])")
    return lines


def _written(name: str, value: Any) -> str:
    """An option of `load` as code; what is too long to write stays a name. Files do not change the picks."""
    if name == "files":
        return ""
    plain = isinstance(value, str | int | float) or (
        isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
    )
    return (
        f", {name}={python(value)}"
        if plain and not (name == "y" and not isinstance(value, str))
        else f", {name}={name}"
    )
