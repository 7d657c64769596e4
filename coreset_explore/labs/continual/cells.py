"""What a run is made of, before any of it is run: a cell for every seed, task, capacity and stream."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from coreset_explore.experiment.grid import several
from coreset_explore.experiment.judging import digest
from coreset_explore.inputs import checks
from coreset_explore.labs.continual.reading import PLACE
from coreset_explore.labs.continual.rules import Rule, rules_of
from coreset_explore.labs.continual.setting import Setting
from coreset_explore.labs.keeping import Planned
from coreset_explore.machine.cache import versions
from coreset_explore.machine.seeds import generator
from coreset_explore.recording.initial import initial_gradients
from coreset_explore.training import models
from coreset_explore.training.own import copied
from coreset_explore.training.recipes import RECIPES
from coreset_explore.training.run import augmenting, made
from coreset_explore.training.run import recipe as checked_recipe

PARADIGMS = ("gdumb", "replay")
JUDGED = ("each", "last")
QUICK: dict[str, Any] = {
    "epochs": 50, "batch_size": 32, "optimizer": "adam", "lr": None, "weight_decay": 0.0, "schedule": "constant",
}  # fmt: skip
PAPER: dict[str, Any] = RECIPES["gmc"]
EMBEDDING: dict[str, Any] = {"how": "sketched", "inits": 4, "width": 2000}  # s = 4, d = 2,000 (GMC, B.4)


@dataclass(frozen=True)
class Cell:
    """One model to judge: what a stream keeps in a memory of this capacity after this task, drawn by this seed."""

    rule: Rule
    capacity: int
    seed: int
    task: int

    @property
    def place(self) -> tuple[str, int, int, int]:
        """Where it stands in the grid; no two cells of a plan stand there."""
        return self.rule.name, self.capacity, self.seed, self.task


@dataclass(frozen=True, eq=False)
class Plan(Planned):
    """The cells of a run in their order, and what all of them share."""

    PLACE = PLACE
    setting: Setting
    cells: tuple[Cell, ...]
    paradigm: str
    model: str | nn.Module
    recipe: Mapping[str, Any]
    embedding: Mapping[str, Any]
    device: str | torch.device
    shared: dict[str, Any]

    def fresh(self) -> str | nn.Module:
        """The model for one training: a module is copied, since training changes it."""
        return self.model if isinstance(self.model, str) else copied(self.model)

    def settings(self, cell: Cell) -> dict[str, Any]:
        """All that a cell's numbers depend on: what a store keeps it under. The stream's name is none of it."""
        told = {"capacity": cell.capacity, "seed": cell.seed, "task": cell.task, "rule": dict(cell.rule.told)}
        return {**self.shared, **told}


def plan(
    setting: Setting,
    streams: Any,
    *,
    capacity: int | Sequence[int],
    paradigm: str = "gdumb",
    model: str | nn.Module | None = None,
    recipe: Mapping[str, Any] | None = None,
    embedding: Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] = 1,
    judged: str = "each",
    device: str | torch.device = "auto",
) -> Plan:
    """What `run` would run with these arguments. Raises ValueError for what cannot be run.

    >>> from coreset_explore.labs.continual import class_incremental, plan
    >>> found = plan(class_incremental("digits"), ["reservoir", "gmc"], capacity=[60, 120], seeds=3)
    >>> len(found.cells)  # of five tasks
    60
    """
    if not isinstance(setting, Setting):
        raise ValueError(
            f"a run wants a setting, not {checks.shown(setting)}; class_incremental(data) makes one"
        )
    rules = rules_of(streams)
    sizes = sorted({checks.whole(one, "capacity", 1) for one in several(capacity, "capacity")})
    drawn = [checks.seed(seed) for seed in several(seeds, "seeds", count=True)]
    if not sizes or not drawn:
        raise ValueError(f"no {'seeds' if sizes else 'capacity'}: pass a number from 1 or a list")
    if sizes[0] < (classes := len(setting.data.classes)):
        checks.warn(
            f"a memory of {sizes[0]:,} rows cannot hold one of each of {classes:,} classes, and a model learns nothing "
            f"of those it does not hold; give capacity={classes:,} or more"
        )
    paradigm, judged = checks.choice(paradigm, "paradigm", PARADIGMS), checks.choice(judged, "judged", JUDGED)
    how = {**QUICK, **checked_recipe(recipe, "epochs")}
    if paradigm == "replay" and "weights" in how:
        raise ValueError(
            "in replay the memory's rows are drawn by their weights; leave weights out of the recipe"
        )
    embedding = _embedding(embedding)
    model = models.default(setting.data) if model is None else model
    augmenting(how.get("augment"), setting.data)
    own = model if isinstance(model, str) else copied(model)
    made(own, setting.data, generator(0, "init"))  # refuses now what no run could train
    if embedding["how"] == "exact":  # not of every network
        initial_gradients(setting.data, rows=[0], model=model, inits=1, how="exact", show=False)
    shared = {
        **setting.plain(), "data": digest(setting.data, model), "paradigm": paradigm,
        "model": model if isinstance(model, str) else type(model).__name__, "recipe": dict(how),
        "embedding": embedding, "versions": versions(), **({} if device == "auto" else {"device": str(device)}),
        **({} if judged == "each" else {"judged": judged}),  # what was before is not known to it
    }  # fmt: skip
    tasks = range(setting.many) if judged == "each" else [setting.many - 1]
    order = itertools.product(drawn, tasks, sizes, rules)
    cells = tuple(Cell(rule, size, seed, task) for seed, task, size, rule in order)
    return Plan(setting, cells, paradigm, model, how, embedding, device, shared)


def _embedding(given: Mapping[str, Any] | None) -> dict[str, Any]:
    told = {} if given is None else given
    if not isinstance(told, Mapping) or set(told) - set(EMBEDDING):
        raise ValueError(
            f"embedding is a dictionary of {', '.join(EMBEDDING)}, arguments of initial_gradients, not {told!r:.80}"
        )
    found = {**EMBEDDING, **told}
    checks.choice(found["how"], "how", ("exact", "projected", "sketched", "last layer"))
    return {**found, **{word: checks.whole(found[word], word, 1) for word in ("inits", "width")}}
