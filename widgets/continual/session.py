"""What the continual panel's parts share: the settings of a run, what is known of it, and what is looked at."""

from __future__ import annotations

from typing import Any

from traitlets import Any as AnyTrait
from traitlets import Dict, Float, Int, Tuple, Unicode, observe

from widgets.continual.scenes import YOURS
from widgets.kit.planned import PlannedSession


class Session(PlannedSession):
    """Settings (the words of a scenario and of `run`), the ground they make, the records so far, and the view."""

    SETTINGS = (
        "data_name", "data", "model", "module", "scenario", "classes", "tasks", "feature", "most", "ratio",
        "streams", "capacities", "paradigm", "epochs", "seeds", "store",
    )  # fmt: skip
    setting = AnyTrait(None)  # the user's own Setting; then `scenario` may be "yours"
    texts = AnyTrait(None)  # what the user's rows are shown as, see kit/columns
    frame = AnyTrait(None)
    render = AnyTrait(None)
    scenario = Unicode("class-incremental")  # a key of SCENES
    classes = Int(2)  # of class-incremental: new ones a task
    tasks = Int(10)  # of the others
    feature = Unicode("0")  # of sorted: a column's name, or its number
    most = Float(180.0)  # of rotated: the largest angle
    ratio = Float(1.0)  # of imbalanced, the largest class over the smallest; 1: as they are
    streams = Tuple()  # of Rule
    offered = Tuple()  # the rules first given, which may be added again
    capacities = Tuple((100,))
    paradigm = Unicode("gdumb")
    epochs = Int(0)  # 0: the recipe's
    embedding = Dict()

    # view
    tab = Unicode("memory")
    step = Int(-1)  # the task looked at; -1: the last one that is known
    left = Unicode("")  # the memories looked at beside each other; "": the first stream
    right = Unicode("")  # and the last one; "-": none
    capacity = Int(0)  # 0: the largest with a record
    seed = Int(-1)  # -1: the first
    only_class = Int(-1)  # -1: all
    layout = Unicode("UMAP")
    layout_note = Unicode("")  # what is being laid out

    @observe("data_name")
    def _other_data(self, change: Any) -> None:
        """A Setting is of its own data: of others the scenario is one of the form's."""
        if self.scenario == YOURS and change["new"] != self.given_name:
            self.scenario = "class-incremental"

    @property
    def grid(self) -> tuple:
        words = (self.scenario, self.classes, self.tasks, self.feature, self.most, self.ratio)
        own = id(self.setting) if self.scenario == YOURS else None
        rules = tuple((rule.name, repr(rule.told)) for rule in self.streams)
        how = (self.capacities, self.paradigm, self.epochs, repr(self.embedding))
        return (*words, own, rules, *how)

    def drop_data(self) -> None:
        """Let go of what the user gave: a closed panel runs no more."""
        super().drop_data()
        with self.hold_trait_notifications():
            self.setting = self.texts = self.frame = self.render = None
