"""The one object that every tab shares: settings, result and view, as traits. Tabs never talk to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, Enum, Int, Tuple, Unicode

from widgets.kit.given import state, yours
from widgets.kit.session import Session as Shared

MAX_CHOICES = 6
# What signals are recorded with, by what the rail calls it: GradSimCore counts over epochs, GMC matches fresh models.
GRADIENTS = {
    "last": ("of the trained model", {}),
    "each": ("at every epoch", {"checkpoints": "each"}),
    "inits": ("at 4 fresh initialisations", {"inits": 4}),
}


class Session(Shared):
    """Settings (what the rail edits), the result with what is learnt of it later, and the view (what the tabs show)."""

    # settings: `key` is made of these, and a result whose key differs is stale
    SETTINGS = ("data_name", "data", "model", "module", "epochs", "gradients", "choices", "k_max", "seed")
    data = AnyTrait(None)  # what the user gave, where it is no name: Data, Pool, array, (X, y) or frame
    data_name = Unicode("digits")  # a name that `datasets.load` knows, or `given_name`
    given_name = Unicode("")  # what the rail calls the user's own data
    options = Dict()  # for `load`, of the data first given: y=, files=, test_from=, …
    images = AnyTrait(None)  # pictures or paths, one a row, of the user's own features
    coords = AnyTrait(None)  # (n, 2): the user's own map
    texts = AnyTrait(None)  # one a row, or the name of a frame's column: what is read instead of values
    frame = AnyTrait(None)  # of the same rows: what is shown of them
    render = AnyTrait(None)  # fn(row) -> str, PIL image or Path: what is shown of them
    model = Unicode("")  # "" = chosen by the data; a name in MODELS, or what the rail calls the user's own
    module = AnyTrait(None)  # the user's own torch.nn.Module, which `yours(module)` names
    epochs = Int(5)
    gradients = Enum(tuple(GRADIENTS), "last")  # at which models gradients are recorded
    choices = Tuple()  # of Strategy, up to MAX_CHOICES
    unasked = Tuple()  # the choices that nobody named: while `choices` are these, the data decides
    k_max = AnyTrait(0)  # the slider's right end, a count or a share (0.1); 0 = min(5 %, 2,000)
    seed = Int(0)

    # what is learnt of `result` (a Result), or asked of it
    probe_note = Unicode("")  # "Measuring accuracies, 40 %"
    trained = AnyTrait(None)  # a tidy frame: accuracies of the real model, once it was trained on selections
    judge = Enum(("probe", "model"), "model")  # whose accuracies are shown where the real model's are known
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
    columns = Tuple()  # names of the columns of records that are shown first

    def forget(self) -> None:
        """Drop the result, the maps, and what was asked of them."""
        super().forget()
        with self.hold_trait_notifications():
            self.maps, self.trained, self.asked, self.focus, self.hovered = {}, None, None, ("", ()), -1
            self.layout_note = self.probe_note = ""

    def drop_data(self) -> None:
        """Let go of what the user gave: a closed panel selects no more."""
        with self.hold_trait_notifications():
            self.data = self.images = self.coords = self.module = None
            self.options = {}

    @property
    def key(self) -> tuple:
        """Everything a result depends on. The budget index is not: moving the slider never makes a result stale."""
        return (*self.pool_key, chosen_key(self.choices), self.k_max)

    @property
    def pool_key(self) -> tuple:
        """What the data and the pool depend on."""
        own = id(self.data) if self.data_name == self.given_name else None
        return (
            self.data_name,
            own,
            self.model,
            state(self.own_model),
            self.epochs,
            self.gradients,
            self.seed,
        )

    @property
    def own_model(self) -> Any:
        """The user's own module where it is the model chosen, else None."""
        return self.module if self.module is not None and self.model == yours(self.module) else None

    @property
    def undecided(self) -> bool:
        """Whether the methods are those that nobody named, so that the data has a say in them."""
        return bool(self.unasked) and self.choices == self.unasked

    @property
    def stale(self) -> bool:
        """Whether the result shown answers other settings than the rail's."""
        return self.result is not None and self.result.key != self.key

    def undo(self) -> None:
        """Back to the settings that the result shown answers."""
        with self.hold_trait_notifications():
            for name, value in self.result.settings.items():
                setattr(self, name, value)
            self.dismiss()  # an error of the settings that were

    @property
    def judged(self):
        """The trained models' accuracies, where they are shown instead of the probe's; else None."""
        return self.trained if self.judge == "model" else None

    @property
    def run(self):
        """The run on the map (a `Run`), or None."""
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


def chosen_key(choices: Sequence[Any]) -> tuple:
    """What an answer depends on of the methods: their settings, and one's own selections themselves."""
    return tuple((repr(c.plain()), id(c.own) if c.own is not None else None) for c in choices)
