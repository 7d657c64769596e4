"""remember(): the panel in one call. Header, rail and tabs around one Session; the tabs are built when first opened."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coreset_explore.labs.continual.reading import frame as frame_of
from widgets.continual.arguments import settle
from widgets.continual.control import Control
from widgets.continual.estimate import advice
from widgets.continual.header import header
from widgets.continual.opened import reader
from widgets.continual.portrait import portrait
from widgets.continual.rail import rail
from widgets.continual.replay import code
from widgets.continual.session import Session
from widgets.continual.stepper import stepper
from widgets.kit import plain as w
from widgets.kit.laboratory import Laboratory

BLANK = "What each stream keeps appears here, task by task, once something was run."
CSS = Path(__file__).with_name("css") / "continual.css"
TABS = {"memory": "Memory", "map": "Map", "classes": "Classes", "accuracy": "Accuracy", "tasks": "Tasks"}


def remember(
    data: Any = "digits",
    y: Any = None,
    *,
    scenario: str = "class-incremental",
    classes: int = 2,
    tasks: int = 10,
    feature: int | str = 0,
    most: float = 180.0,
    ratio: float = 1.0,
    streams: Any = None,
    capacity: int | Sequence[int] = 100,
    paradigm: str = "gdumb",
    model: Any = None,
    seeds: int | Sequence[int] = 3,
    recipe: Mapping[str, Any] | None = None,
    embedding: Mapping[str, Any] | None = None,
    texts: Any = None,
    frame: Any = None,
    render: Any = None,
    device: Any = "auto",
    store: Any = None,
    run: bool = False,
    **options: Any,
) -> Memories:
    """Let data come by as a stream, keep a few rows, and see what is remembered; returns at once, works in background.

    `data` is a name ("digits", "fashion-mnist", "folder:photos/"), a Data, an array of features or pictures with
    `y=`, a pair (X, y), a frame with `y="column"`, or a Setting of `labs.continual` (a mixture, say). Where it has no
    test rows, a fifth of each class is set aside.

    - `scenario`: "class-incremental" (`classes` new ones a task), "sorted" (by a `feature`, cut into `tasks`),
      "iid-incremental", "rotated" (up to `most` degrees). `ratio`: how many times the largest class of a task
      outnumbers the smallest.
    - `streams`: one or a list, as `labs.continual.run` takes them: names in STREAMS, batch methods, which are made
      streams by `online`, dictionaries. Unless told: gmc, reservoir, balanced and window.
    - `capacity`: rows a memory holds, one size or several. `paradigm`: "gdumb" or "replay". `seeds`: how many, or
      which. `model`, `recipe`, `embedding` and `device` are `run`'s.
    - `texts`, `frame` and `render` say what rows are shown as, as `explore` takes them.
    - `store`: a file that keeps each model as soon as it is judged. What it holds is shown at once and not run again,
      also after the kernel was restarted; where none is named, one in the cache does.
    - `run=True` begins at once; else Run does. `options` go to `load` (files=, test=, …).

    Raises ValueError for unknown streams, options or numbers at once; trouble with the data shows in the panel.
    """
    session = Session()
    given = {
        "scenario": scenario, "classes": classes, "tasks": tasks, "feature": feature, "most": most,
        "ratio": ratio,
        "streams": streams, "capacity": capacity, "paradigm": paradigm, "model": model, "seeds": seeds,
        "recipe": recipe, "embedding": embedding, "device": device, "store": store,
    }  # fmt: skip
    try:
        settle(session, data, y, given, {"texts": texts, "frame": frame, "render": render}, options)
    except ValueError as mistake:
        raise mistake.with_traceback(None) from None  # where it was noticed tells the one who made it nothing
    panel = Memories(session)
    panel.control.start() if run else panel.control.look()
    return panel


class Memories(Laboratory):
    """The panel: a widget, shown by being the last line of a cell as often as one likes.

    `frame`, `records` and `code` say what came of it; `run()` does what Run does.
    """

    def __init__(self, session: Session):
        super().__init__(
            session, keeper=Control, heading=header, rail=rail, tabs=TABS, build=build, css=[CSS], blank=BLANK,
            touches=["step", "left", "right", "capacity", "seed", "hidden", "only_class"], advice=advice, code=code,
            frame=frame_of, call="remember(...)",
        )  # fmt: skip

    def beside(self) -> tuple[w.Widget, ...]:
        return (stepper(self.session),)

    def over(self) -> tuple[w.Widget, ...]:
        return (reader(self.session),)

    def portrait(self):
        return portrait(self.session)

    def __repr__(self) -> str:
        return self.told([rule.name for rule in self.session.streams])


def build(tab: str, session: Session) -> w.Widget:
    """The tab's panel; its module is imported now, not before."""
    return getattr(importlib.import_module(f"widgets.continual.{tab}"), f"{tab}_panel")(session)
