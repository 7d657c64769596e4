"""From the rail's settings to what would be run: data, model and every cell, with what the store holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from coreset_explore import progress
from coreset_explore.datasets import Data
from coreset_explore.experiment.store import Record
from coreset_explore.labs.training.cells import Plan, plan
from coreset_explore.labs.training.pace import Pace, pace
from coreset_explore.labs.training.regimes import Regime
from coreset_explore.labs.training.setting import Setting
from widgets.kit.given import yours
from widgets.kit.planned import loaded, store_file
from widgets.training.session import Session


@dataclass(frozen=True, eq=False)
class Ask:
    """The settings of one run, taken when it begins: what is changed later does not reach it."""

    name: str = "digits"
    data: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    module: nn.Module | None = None
    regimes: tuple[Regime, ...] = ()
    budgets: tuple[int | float, ...] = ()
    epochs: int = 20
    every: int = 0
    seeds: tuple[int, ...] = (0,)
    holdout: float = 0.1
    recipe: Mapping[str, Any] = field(default_factory=dict)
    device: Any = "auto"
    store: str = ""
    key: tuple = ()
    data_key: tuple = ()

    @classmethod
    def of(cls, session: Session) -> Ask:
        mine = session.data_name == session.given_name
        same = (
            "regimes",
            "budgets",
            "epochs",
            "every",
            "seeds",
            "holdout",
            "recipe",
            "device",
            "store",
            "key",
        )
        return cls(
            name=session.data_name,
            data=session.data if mine else None,
            options=dict(session.options) if mine else {},
            model="" if session.own_model is not None else session.model,
            module=session.own_model,
            data_key=session.data_key,
            **{word: getattr(session, word) for word in same},
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The session's traits that bring these settings back."""
        same = ("regimes", "budgets", "epochs", "every", "seeds", "store")
        model = self.model if self.module is None else yours(self.module)
        return {"data_name": self.name, "model": model, **{word: getattr(self, word) for word in same}}


@dataclass(frozen=True, eq=False)
class Ground:
    """What the settings make: the `plan`, where it is kept, what was `kept` of it already, and how fast an update is.

    `set_aside`: whether test rows were set aside here, the data having none.
    """

    ask: Ask
    data: Data
    plan: Plan
    store: Path
    kept: tuple[Record, ...]
    pace: Pace | None
    set_aside: bool

    @property
    def setting(self) -> Setting:
        return self.plan.setting

    @property
    def whole(self) -> set[str]:
        """The regimes that have no budget: one and the same run whatever it is."""
        return {cell.regime.name for cell in self.plan.cells if cell.budget is None}


def store_of(ask: Ask) -> Path:
    """The file that keeps the cells."""
    return store_file(ask.store, "training.sqlite")


def look(ask: Ask, before: Ground | None = None) -> Ground:
    """What there is to run and what of it is kept; nothing is trained but a few updates, to know how fast they are.

    What an earlier ground knows of the same data and model is not asked anew. ValueError for what cannot be run.
    """
    same = before is not None and before.ask.data_key == ask.data_key
    if before is not None and same:
        data, set_aside = before.data, before.set_aside
    else:
        with progress.stage(f"Reading {ask.name}", 0, 0.8):
            data, set_aside = loaded(ask.name, ask.data, ask.options)
    setting = Setting(
        data, ask.model or ask.module or None, epochs=ask.epochs, every=ask.every or None, holdout=ask.holdout,
        recipe=ask.recipe, device=ask.device,
    )  # fmt: skip
    found = plan(setting, ask.regimes, budgets=list(ask.budgets), seeds=list(ask.seeds))
    store = store_of(ask)
    kept = tuple(found.kept(store)) if store.exists() else ()
    made = Ground(
        ask, data, found, store, kept, before.pace if before is not None and same else None, set_aside
    )
    alike = made.pace is not None and before is not None and before.plan.batch == found.batch
    if found.left(kept) and not alike:
        made = replace(made, pace=pace(found))
    return made
