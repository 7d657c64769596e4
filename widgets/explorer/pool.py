"""From the rail's settings to a pool: the data loaded, and its signals recorded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from coreset_explore.pool import Pool
from coreset_explore.selecting.strategy import Strategy
from widgets.explorer.session import GRADIENTS, Session
from widgets.kit.columns import of_rows
from widgets.kit.given import yours
from widgets.kit.pictures import missing, pictures, readable


@dataclass(frozen=True, eq=False)
class Ask:
    """The settings of one run, taken when Select is pressed: what is changed later does not reach it."""

    name: str = "digits"
    data: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    images: Any = None
    coords: Any = None
    texts: Any = None
    frame: Any = None
    render: Any = None
    model: str = ""
    module: nn.Module | None = None  # one's own, in place of `model`
    epochs: int = 5
    gradients: str = "last"  # a key of GRADIENTS
    choices: tuple[Strategy, ...] = ()
    undecided: bool = False  # whether nobody named the choices, so that the data has a say
    k_max: int | float = 0
    looked_at: int = 0  # the budget under the slider, which stays there; 0 before there was one
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
            texts=session.texts if mine else None,
            frame=session.frame if mine else None,
            render=session.render if mine else None,
            model="" if session.own_model is not None else session.model,
            module=session.own_model,
            epochs=session.epochs,
            gradients=session.gradients,
            choices=tuple(session.choices),
            undecided=session.undecided,
            k_max=session.k_max,
            looked_at=session.budget,
            seed=session.seed,
            key=session.key,
            pool_key=session.pool_key,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The session's traits that bring these settings back."""
        model = self.model if self.module is None else yours(self.module)
        return {
            "data_name": self.name, "model": model, "epochs": self.epochs, "gradients": self.gradients,
            "choices": self.choices, "k_max": self.k_max, "seed": self.seed,
        }  # fmt: skip


def load(ask: Ask) -> tuple[Any, Any]:
    """(Data, features): features is a Pool or None, where the user gave features of their own."""
    from coreset_explore import datasets

    source = ask.name if ask.data is None else ask.data
    if isinstance(source, Pool):
        x = torch.zeros(len(source), 1) if source.emb is None else source.emb.cpu()
        table = datasets.load(x, y=source.y, classes=source.classes or None)
        return _pictured(ask, replace(table, index=source.keys, truth={"row": source.ids.cpu()})), source
    data = datasets.load(source, **ask.options)
    if data.kind == "images" or ask.data is None or isinstance(source, datasets.Data):
        return data, None
    pool = Pool.of(data.x, data.y, classes=data.classes or None, info={"name": ask.name})
    return _pictured(ask, data), pool


def _pictured(ask: Ask, table):
    """The user's features as Data that shows their pictures: `images` (an array, or paths), or files of pictures.

    Paths that are no files are named in the note; where none is one, rows are shown by their values.
    """
    from coreset_explore import datasets

    images = ask.images
    if images is None and table.files and pictures(table.files):
        images = table.files
    if images is None:
        return replace(table, name=ask.name)
    images = of_rows(images, table, "images", "pictures")
    if any(isinstance(path, str | os.PathLike) for path in images):
        files = tuple(str(path) for path in images)
        table = replace(table, note="; ".join(part for part in (table.note, missing(files)) if part))
        if not readable(files):
            return replace(table, name=ask.name, files=files)
        empty = torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(
            len(files), 1, 1, 1
        )  # thumbnails come from the files
        shown = {"x": empty, "files": files, "x_test": None, "y_test": None, "columns": None}
        return replace(table, kind="images", name=ask.name, **shown)
    return replace(datasets.load(images, y=table.y, classes=table.classes or None), name=ask.name)


def bare(data, features: Pool | None) -> Pool:
    """What there is before anything is recorded: one's own features, or pictures by their pixels."""
    if features is not None:
        return features
    return Pool.of(data.x.flatten(1).float(), data.y, classes=data.classes or None)


def teachable(ask: Ask, y: torch.Tensor | None) -> bool:
    """Whether signals can be recorded: of data that is no Pool already, with labels of several classes."""
    return not isinstance(ask.data, Pool) and y is not None and len(torch.unique(y)) > 1


def record(ask: Ask, data, features: Pool | None) -> Pool:
    """The pool: signals of a model trained on the data; one's own features get the gradients of a logistic.

    Without labels nothing is trained: there one's own module says what it makes of the rows, as it is.
    """
    from coreset_explore.recording.forward import snapshot
    from coreset_explore.recording.run import signals

    if (lesson := _lesson(ask, data, features)) is not None:
        table, settings = lesson
        pool = signals(table, **settings, show=False)
        if features is None or ask.model or ask.module is not None:
            return pool
        return replace(own_features(pool, table), classes=features.classes)
    if features is not None and isinstance(ask.data, Pool):
        return features
    given = bare(data, features)
    if ask.module is not None and not teachable(ask, given.y):
        pool = snapshot(ask.module, data if features is None else _table(ask)).to("cpu")
        return replace(pool, info={**pool.info, "name": ask.name})
    return replace(given, info={"name": ask.name})


def quick(ask: Ask, data, features: Pool | None) -> bool:
    """Whether the pool is there at once: nothing has to be trained for it, or its signals are kept."""
    from coreset_explore.recording.run import recorded

    lesson = _lesson(ask, data, features)
    return lesson is None or recorded(lesson[0], **lesson[1])


def _lesson(ask: Ask, data, features: Pool | None) -> tuple[Any, dict[str, Any]] | None:
    """What `signals` is asked for: the data, and how; None where nothing is trained."""
    labels = data.y if features is None else features.y
    if isinstance(ask.data, Pool):
        return None
    if not teachable(ask, labels) and (
        ask.module is not None or labels is None or _enough(ask, bare(data, features))
    ):
        return None
    model = ask.module if ask.module is not None else ask.model or None
    settings = {
        "epochs": ask.epochs,
        "holdout": holdout(ask),
        "seed": ask.seed,
        **GRADIENTS[ask.gradients][1],
    }
    if features is None:
        return data, {"model": model, **settings}
    return _table(ask), {"model": model or "logistic", **settings}


def _enough(ask: Ask, pool: Pool) -> bool:
    """Whether every chosen method can do with the features alone."""
    return all(choice.lacks(pool) is None for choice in ask.choices)


def _table(ask: Ask):
    """The user's features as Data to train on, with their test rows."""
    from coreset_explore import datasets

    return datasets.load(ask.data, **ask.options)


def own_features(pool: Pool, table) -> Pool:
    """The pool with the features exactly as they were given, where the model saw standardized ones."""
    test = None if pool.test is None else pool.test.add(emb=table.x_test)
    target = None if pool.target is None else pool.target.add(emb=table.x[pool.target.ids])
    return replace(pool.add(emb=table.x[pool.ids]), test=test, target=target)


def holdout(ask: Ask) -> float:
    """Validation rows are set aside only where a chosen method matches them."""
    return 0.1 if any("target" in choice.reads for choice in ask.choices) else 0.0
