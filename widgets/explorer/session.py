"""The one object that every tab shares: settings, result and view, as traits. Tabs never talk to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, Int, Tuple, Unicode

from widgets.kit.session import Session as Shared

MAX_CHOICES = 6


@dataclass(frozen=True)
class Choice:
    """One method in the rail: a preset with its parameters, or a selection the user brought (`own`)."""

    name: str  # what the legend says
    method: str
    wrap: tuple = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    pick: Any = None
    own: Any = None  # a Selection

    def plain(self) -> dict:
        """JSON: the same words `select` takes."""
        wrap = [[name, dict(options)] for name, options in self.wrap]
        return {
            "name": self.name,
            "method": self.method,
            "wrap": wrap,
            "params": dict(self.params),
            "pick": self.pick,
        }

    @classmethod
    def of(cls, preset, **params) -> Choice:
        """From a `coreset_explore.selecting.presets.Preset`, with parameters changed."""
        wrap = tuple((name, dict(options)) for name, options in preset.wrap)
        return cls(preset.name, preset.method, wrap, {**preset.params, **params}, preset.pick)


@dataclass(frozen=True, eq=False)
class Run:
    """What one choice answered, with everything the views show at each budget of the slider's grid.

    `selection` holds the picks up to the largest budget; `at[i]` is the selection for `Result.budgets[i]` with its
    weights. For a nested method `at[i]` holds the first picks of `selection`; `nested` says so.
    `numbers[name]` is a list with one value a budget (None where it does not apply): "radius", "mean_distance",
    "gradient_error", "effective_size". `accuracy` is a tidy frame once the probes have run.
    """

    choice: Choice
    selection: Any
    at: tuple
    numbers: Mapping[str, list]
    seconds: float
    nested: bool = True
    accuracy: Any = None
    took: float = 0.0  # seconds of selecting, weights and numbers together
    functions: tuple = ()  # that answered: a cell run again registers others under the same names


@dataclass(frozen=True, eq=False)
class Result:
    """The last good answer: data, pool, budgets, one Run a choice by name, and random beside them, always."""

    data: Any
    pool: Any
    budgets: tuple[int, ...]
    runs: Mapping[str, Run]
    random: Run
    key: tuple
    seconds: float
    made: Mapping[str, Any] = field(
        default_factory=dict
    )  # the lines of code that make `data` and `pool`; the seed

    @property
    def n(self) -> int:
        return len(self.pool)


class Session(Shared):
    """Settings (what the rail edits), the result with what is learnt of it later, and the view (what the tabs show)."""

    # settings: `key` is made of these, and a result whose key differs is stale
    SETTINGS = ("data_name", "data", "model", "epochs", "choices", "k_max", "seed")
    data = AnyTrait(None)  # what the user gave, where it is no name: Data, Pool, array, (X, y) or frame
    data_name = Unicode("digits")  # a name that `datasets.load` knows, or `given_name`
    given_name = Unicode("")  # what the rail calls the user's own data
    options = Dict()  # for `load`, of the data first given: y=, files=, test_from=, …
    images = AnyTrait(None)  # pictures or paths, one a row, of the user's own features
    coords = AnyTrait(None)  # (n, 2): the user's own map
    model = Unicode("")  # "" = chosen by the data
    epochs = Int(5)
    choices = Tuple()  # of Choice, up to MAX_CHOICES
    k_max = Int(0)  # the slider's right end; 0 = min(5 %, 2,000)
    seed = Int(0)

    # what is learnt of `result` (a Result), or asked of it
    probe_note = Unicode("")  # "Measuring accuracies, 40 %"
    trained = AnyTrait(None)  # a tidy frame: accuracies of the real model, once it was trained on selections
    asked = AnyTrait(None)  # what a tab asks for: {"train": {"model": "lenet", "budgets": (300, 3000), …}}

    # view
    tab = Unicode("map")
    j = Int(0)  # index into result.budgets; never part of `key`
    active = Unicode("")  # name of the choice on the map
    color_by = Unicode("class")
    only_class = Int(-1)
    layout = Unicode("PCA")
    maps = Dict()  # layout name -> projection.Map
    layout_note = Unicode("")  # "Computing UMAP, 43 %"
    compare_a = Unicode("")
    compare_b = Unicode("")
    focus = Tuple(default_value=("", ()))  # ("lasso" | "click", rows of the pool)
    images_given = Bool(False)

    @property
    def key(self) -> tuple:
        """Everything a result depends on. The budget index is not: moving the slider never makes a result stale."""
        chosen = tuple((repr(c.plain()), id(c.own) if c.own is not None else None) for c in self.choices)
        return (*self.pool_key, chosen, self.k_max)

    @property
    def pool_key(self) -> tuple:
        """What the data and the pool depend on."""
        own = id(self.data) if self.data_name == self.given_name else None
        return (self.data_name, own, self.model, self.epochs, self.seed)

    @property
    def stale(self) -> bool:
        """Whether the result shown answers other settings than the rail's."""
        return self.result is not None and self.result.key != self.key

    @property
    def run(self) -> Run | None:
        """The run on the map."""
        if self.result is None:
            return None
        return self.result.runs.get(self.active) or next(iter(self.result.runs.values()))

    @property
    def budget(self) -> int:
        """The budget under the slider."""
        return self.result.budgets[min(self.j, len(self.result.budgets) - 1)] if self.result else 0

    @property
    def selection(self):
        """The active selection at the slider's budget, with its weights."""
        run = self.run
        return None if run is None else run.at[min(self.j, len(run.at) - 1)]


def budget_grid(k_max: int, n_classes: int = 1, size: int = 20) -> tuple[int, ...]:
    """Up to `size` budgets, even on a log scale, from one a class (at least 10) to k_max, rounded to read well."""
    low = min(max(10, n_classes), k_max)
    raw = np.geomspace(low, k_max, size)
    magnitude = 10.0 ** np.floor(np.log10(raw))
    rounded = np.round(raw / magnitude * 20) / 20 * magnitude
    grid = np.unique(np.clip(np.round(rounded), 1, k_max).astype(int))
    return tuple(int(b) for b in np.unique(np.append(grid[grid < k_max], k_max)))


def default_k_max(n: int) -> int:
    """min(5 %, 2,000), at least one."""
    return max(1, min(round(0.05 * n), 2000))
