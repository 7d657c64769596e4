"""From the rail's settings to what would be run: data, tasks and every cell, with what the store holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from coreset_explore import progress
from coreset_explore.datasets import Data
from coreset_explore.experiment.store import Record
from coreset_explore.inputs import checks
from coreset_explore.labs.continual import Plan, Rule, Setting, Tasks, plan
from widgets.continual.scenes import YOURS, setting_of
from widgets.continual.session import Session
from widgets.kit.cards import Shown
from widgets.kit.columns import parted, shown
from widgets.kit.given import yours
from widgets.kit.planned import loaded, store_file

SETTINGS = (
    "scenario", "classes", "tasks", "feature", "most", "ratio", "streams", "capacities", "paradigm", "epochs", "seeds",
    "store",
)  # fmt: skip
REST = ("recipe", "embedding", "device", "setting", "key", "data_key")


@dataclass(frozen=True, eq=False)
class Ask:
    """The settings of one run, taken when it begins: what is changed later does not reach it."""

    name: str = "digits"
    data: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    texts: Any = None
    frame: Any = None
    render: Any = None
    model: str = ""
    module: nn.Module | None = None
    setting: Setting | None = None
    scenario: str = "class-incremental"
    classes: int = 2
    tasks: int = 10
    feature: str = "0"
    most: float = 180.0
    ratio: float = 1.0
    streams: tuple[Rule, ...] = ()
    capacities: tuple[int, ...] = (100,)
    paradigm: str = "gdumb"
    epochs: int = 0
    seeds: tuple[int, ...] = (0,)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    embedding: Mapping[str, Any] = field(default_factory=dict)
    device: Any = "auto"
    store: str = ""
    key: tuple = ()
    data_key: tuple = ()

    @classmethod
    def of(cls, session: Session) -> Ask:
        mine = session.data_name == session.given_name
        own = ("data", "options", "texts", "frame", "render") if mine else ()
        return cls(
            name=session.data_name,
            model="" if session.own_model is not None else session.model,
            module=session.own_model,
            **{word: getattr(session, word) for word in (*own, *SETTINGS, *REST)},
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The session's traits that bring these settings back."""
        model = self.model if self.module is None else yours(self.module)
        return {"data_name": self.name, "model": model, **{word: getattr(self, word) for word in SETTINGS}}

    @property
    def how(self) -> dict[str, Any]:
        """The recipe, with the form's epochs."""
        return {**self.recipe, **({"epochs": self.epochs} if self.epochs else {})}

    @property
    def run(self) -> dict[str, Any]:
        """The arguments of `run`, and of `plan`, besides setting and streams."""
        return {
            "capacity": list(self.capacities), "paradigm": self.paradigm, "seeds": list(self.seeds),
            "model": self.model or self.module or None, "recipe": self.how, "embedding": self.embedding,
            "device": self.device,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ground:
    """What the settings make: the `plan`, where it is kept, and what was `kept` of it already.

    `set_aside`: whether test rows were set aside here, the data having none; `shown`: what rows are shown as, where the
    user said; `said`: which columns of a frame are learnt from; `options`: what `load` was given;
    `remarks`: what is doubtful about the plan.
    """

    ask: Ask
    data: Data
    plan: Plan
    store: Path
    kept: tuple[Record, ...]
    set_aside: bool
    shown: Shown | None
    said: str
    options: Mapping[str, Any]
    remarks: tuple[str, ...]
    _tasks: dict[int, Tasks] = field(default_factory=dict)

    @property
    def setting(self) -> Setting:
        return self.plan.setting

    def tasks(self, seed: int) -> Tasks:
        """What arrives when the stream is drawn by this seed; drawn once."""
        if seed not in self._tasks:
            self._tasks[seed] = self.setting.tasks(seed)
        return self._tasks[seed]


def store_of(ask: Ask) -> Path:
    """The file that keeps the cells."""
    return store_file(ask.store, "continual.sqlite")


def look(ask: Ask, before: Ground | None = None) -> Ground:
    """What there is to run and what of it is kept; nothing is run. ValueError for what cannot be run.

    What an earlier ground knows of the same data is not asked anew.
    """
    if ask.scenario == YOURS and ask.setting is not None:
        data, set_aside, looks, said, options = ask.setting.data, False, None, "", {}
    elif before is not None and before.ask.data_key == ask.data_key and before.ask.scenario != YOURS:
        data, set_aside, looks = before.data, before.set_aside, before.shown
        said, options = before.said, before.options
    else:
        with progress.stage(f"Reading {ask.name}", 0, 0.8):
            learnt, said = parted(ask)
            data, set_aside = loaded(learnt.name, learnt.data, learnt.options)
            looks, options = shown(ask, data), learnt.options
    setting = setting_of(ask, data)
    with checks.gathered() as remarks:
        made = plan(setting, ask.streams, **ask.run)
    store = store_of(ask)
    kept = tuple(made.kept(store)) if store.exists() else ()
    same = before is not None and before.setting.scenario == setting.scenario and before.data is data
    drawn = before._tasks if same and before is not None else {}
    return Ground(ask, data, made, store, kept, set_aside, looks, said, options, tuple(remarks), drawn)
