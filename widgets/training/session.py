"""What the training panel's parts share: the settings of a grid, what is known of it, and what is looked at."""

from __future__ import annotations

from typing import Any

from traitlets import Any as AnyTrait
from traitlets import Dict, Float, Int, Tuple, Unicode

from widgets.kit.given import state, yours
from widgets.kit.session import Session as Shared


class Session(Shared):
    """Settings (the words of `Setting` and `run`), the ground they make, the records so far, and the view."""

    SETTINGS = (
        "data_name", "data", "model", "module", "regimes", "budgets", "epochs", "every", "seeds", "store",
    )  # fmt: skip
    STOP = ("Pause", "Pausing", "Paused")
    data = AnyTrait(None)  # what the user gave, where it is no name: Data, array, (X, y) or frame
    data_name = Unicode("digits")  # a name that `datasets.load` knows, or `given_name`
    given_name = Unicode("")  # what the rail calls the user's own data
    options = Dict()  # for `load`, of the data first given
    model = Unicode("")  # "" = chosen by the data; a name in MODELS, or what the rail calls the user's own
    module = AnyTrait(None)  # the user's own torch.nn.Module, which `yours(module)` names
    regimes = Tuple()  # of Regime, without the baselines that stand beside by themselves
    offered = Tuple()  # the regimes first given, which may be added again
    budgets = Tuple()  # numbers of rows, or shares
    epochs = Int(20)  # T
    every = Int(0)  # R; 0: a tenth of T
    seeds = Tuple((0, 1, 2))
    holdout = Float(0.1)
    recipe = Dict()
    device = AnyTrait("auto")
    store = Unicode("")  # a file; "": the one that keeps whatever names no other

    # what is known of these settings, and of the run
    ground = AnyTrait(None)  # a Ground: the plan they make, and what is kept of it
    look_note = Unicode("")  # "Reading digits"
    live = AnyTrait(None)  # a Live: the cell that is trained now

    # view
    tab = Unicode("accuracy")
    budget = Int(0)  # whose learning curves and choices are shown; 0: the largest with a record

    @property
    def key(self) -> tuple:
        """Everything a result depends on."""
        grid = (self.regimes, self.budgets, self.epochs, self.every or max(1, self.epochs // 10), self.seeds)
        return (*self.data_key, *grid, self.holdout, repr(self.recipe), str(self.device), self.store)

    @property
    def data_key(self) -> tuple:
        """What data and model depend on."""
        own = id(self.data) if self.data_name == self.given_name else None
        return self.data_name, own, self.model, state(self.own_model)

    @property
    def own_model(self) -> Any:
        """The user's own module where it is the model chosen, else None."""
        return self.module if self.module is not None and self.model == yours(self.module) else None

    @property
    def stale(self) -> bool:
        """Whether the records shown answer other settings than the rail's."""
        return self.result is not None and self.result.key != self.key

    @property
    def faded(self) -> bool:
        """A run adds to what is shown, and replaces nothing."""
        return self.stale

    @property
    def looked(self) -> Any:
        """The ground of the settings as they are now, or None until it is known."""
        return self.ground if self.ground is not None and self.ground.ask.key == self.key else None

    def undo(self) -> None:
        """Back to the settings that the result shown answers."""
        with self.hold_trait_notifications():
            for name, value in self.result.ground.ask.settings.items():
                setattr(self, name, value)
            self.dismiss()  # an error of the settings that were

    def forget(self) -> None:
        """Drop the records and the ground."""
        super().forget()
        with self.hold_trait_notifications():
            self.ground = self.live = None
            self.look_note = ""

    def drop_data(self) -> None:
        """Let go of what the user gave: a closed panel trains no more."""
        with self.hold_trait_notifications():
            self.data = self.module = None
            self.options = {}
