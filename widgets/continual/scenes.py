"""The scenarios as the form offers them: what each is called, which settings it has, and how it is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coreset_explore.datasets import Data
from coreset_explore.labs import continual
from coreset_explore.labs.continual import Setting

YOURS = "yours"


@dataclass(frozen=True)
class Scene:
    """`words`: the traits of the session that it reads; `make(data, **words)`: the laboratory's function, `call`."""

    title: str
    help: str
    words: tuple[str, ...]
    call: str

    @property
    def make(self) -> Callable[..., Setting]:
        return getattr(continual, self.call)

    def given(self, ask: Any) -> dict[str, Any]:
        """The keywords, from the settings."""
        found = {word: getattr(ask, word) for word in self.words}
        if "feature" in found and found["feature"].isdigit():
            found["feature"] = int(found["feature"])
        return found


SCENES = {
    "class-incremental": Scene(
        "Classes arrive in turn", "Some new classes a task, never seen again.", ("classes",), "class_incremental"
    ),
    "sorted": Scene(
        "Sorted by a feature", "Rows in the order of one feature: the classes drift.", ("feature", "tasks"), "sorted_by"
    ),
    "iid-incremental": Scene(
        "In random order", "Nothing drifts: every task is like all.", ("tasks",), "iid_incremental"
    ),
    "rotated": Scene(
        "Turned pictures", "All classes in every task, each task at an angle of its own.", ("tasks", "most"), "rotated"
    ),
}  # fmt: skip


def setting_of(ask: Any, data: Data) -> Setting:
    """The setting that these settings make of the data; the user's own where that is the scenario."""
    if ask.scenario == YOURS:
        return ask.setting
    scene = SCENES[ask.scenario]
    made = scene.make(data, **scene.given(ask))
    return made if ask.ratio <= 1 else continual.imbalanced(made, ratio=ask.ratio)
