"""From the rail's settings to a pool: the data loaded, its signals recorded, and the lines of code that do the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from coreset_explore.pool import Pool
from widgets.session import Choice, Session


@dataclass(frozen=True, eq=False)
class Ask:
    """The settings of one run, taken when Select is pressed: what is changed later does not reach it."""

    name: str = "digits"
    data: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    images: Any = None
    coords: Any = None
    model: str = ""
    epochs: int = 5
    choices: tuple[Choice, ...] = ()
    k_max: int = 0
    seed: int = 0
    key: tuple = ()
    pool_key: tuple = ()

    @classmethod
    def of(cls, session: Session) -> Ask:
        mine = session.data_name == session.given_name
        return cls(
            name=session.data_name,
            data=session.data if mine else None,
            options=dict(session.options) if mine else {},
            images=session.images if mine else None,
            coords=session.coords if mine else None,
            model=session.model,
            epochs=session.epochs,
            choices=tuple(session.choices),
            k_max=session.k_max,
            seed=session.seed,
            key=session.key,
            pool_key=session.pool_key,
        )


def load(ask: Ask) -> tuple[Any, Any]:
    """(Data, features): features is a Pool or None, where the user gave features of their own."""
    from coreset_explore import datasets

    source = ask.name if ask.data is None else ask.data
    if isinstance(source, Pool):
        return _pictures(ask.images, source.y, source.classes, source, ask.name), source
    data = datasets.load(source, **ask.options)
    if data.kind == "images" or ask.data is None or isinstance(source, datasets.Data):
        return data, None
    pool = Pool.of(data.x, data.y, classes=data.classes or None, info={"name": ask.name})
    data = replace(data, name=ask.name)
    return (
        data if ask.images is None else _pictures(ask.images, data.y, data.classes, pool, ask.name, data)
    ), pool


def _pictures(images: Any, y, classes: Sequence[str], pool: Pool, name: str, table=None):
    """Data that shows `images` (an array of pictures, or one path a row) beside a pool of features."""
    from coreset_explore import datasets

    if images is None or isinstance(images[0], str) or hasattr(images[0], "__fspath__"):
        x = pool.emb if pool.emb is not None else torch.zeros(len(pool), 1)
        files = None if images is None else [str(path) for path in images]
        data = table or datasets.load(x.cpu(), y=y, classes=classes or None)
        data = data if files is None else replace(data, files=_one_each(files, pool))
    else:
        data = datasets.load(images, y=y, classes=classes or None)
        _one_each(data.x, pool)
    return replace(data, name=name)


def _one_each(images, pool: Pool):
    if len(images) != len(pool):
        raise ValueError(
            f"images= holds {len(images):,} pictures for {len(pool):,} rows; give one a row, in the same order"
        )
    return tuple(images) if isinstance(images, list) else images


def record(ask: Ask, data, features: Pool | None) -> Pool:
    """The pool: signals of a model trained on the data; one's own features get the gradients of a logistic."""
    from coreset_explore.recording import signals

    if isinstance(ask.data, Pool) or (features is not None and features.y is None):
        return features
    if data.y is None:
        return Pool.of(data.x.flatten(1).float(), info={"name": ask.name})
    settings = {"epochs": ask.epochs, "holdout": _holdout(ask), "seed": ask.seed, "show": False}
    if features is None or ask.model:
        return signals(
            data if features is None else table_of(features, data), model=ask.model or None, **settings
        )
    pool = signals(table_of(features, data), model="logistic", **settings)
    return replace(own_features(pool, features.emb), classes=features.classes)


def table_of(features: Pool, data):
    """The user's features as Data to train on; `data` may hold their pictures instead."""
    from coreset_explore import datasets

    return (
        data
        if data.kind == "table"
        else datasets.load(features.emb, y=features.y, classes=features.classes or None)
    )


def own_features(pool: Pool, x: torch.Tensor) -> Pool:
    """The pool with the features exactly as they were given, where the model saw standardized ones."""
    return pool.add(emb=x[pool.ids])


def _holdout(ask: Ask) -> float:
    """Validation rows are set aside only where a chosen method matches them."""
    return 0.1 if any("validation" in map(str, c.params.values()) for c in ask.choices) else 0.0


def made(ask: Ask, pool: Pool) -> dict:
    """The lines of code that make the data and the pool of these settings, and the seed."""
    given = "".join(
        f", {name}={value!r}" for name, value in ask.options.items() if isinstance(value, str | int | float)
    )
    settings = f"epochs={ask.epochs}, seed={ask.seed}"
    if _holdout(ask):
        settings += f", holdout={_holdout(ask)}"
    lines: dict = {"seed": ask.seed, "load": "", "note": ""}
    if isinstance(ask.data, Pool):
        return {**lines, "note": "pool: the Pool you gave to explore", "pool": []}
    named = ask.data is None
    labels = "" if pool.y is None or named or isinstance(ask.data, tuple) or "y" in given else ", y=y"
    lines["load"] = f"cx.load({ask.name!r}{given})" if named else f"cx.load(X{labels}{given})"
    if not named:
        lines["note"] = "X, y: what you gave to explore"
    model = pool.info.get("model")
    if model is None:
        return {**lines, "pool": ["pool = cx.Pool.of(data.x.flatten(1).float())"]}
    raw = pool.emb is not None and model == "logistic" and not ask.model
    recorded = [f'pool = cx.signals(data, model="{model}", {settings})']
    return {**lines, "pool": [*recorded, *(["pool = pool.add(emb=data.x[pool.ids])"] if raw else [])]}
