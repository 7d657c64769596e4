"""train(): the panel in one call. Header, rail and tabs around one Session; the tabs are built when first opened."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coreset_explore.labs.training.reading import frame
from widgets.kit import plain as w
from widgets.kit.laboratory import Laboratory
from widgets.training.arguments import settle
from widgets.training.control import Control
from widgets.training.estimate import advice
from widgets.training.header import header
from widgets.training.looked_at import budget_field
from widgets.training.portrait import portrait
from widgets.training.rail import rail
from widgets.training.replay import code
from widgets.training.session import Session

BLANK = "Accuracies appear here once something is trained."
CSS = Path(__file__).with_name("css") / "training.css"
TABS = {"accuracy": "Accuracy", "trade": "Trade-off", "table": "Table", "choices": "Choices"}


def train(
    data: Any = "digits",
    y: Any = None,
    *,
    model: Any = None,
    regimes: Any = None,
    budgets: int | float | Sequence[int | float] | None = None,
    seeds: int | Sequence[int] = 3,
    epochs: int = 20,
    every: int | None = None,
    holdout: float = 0.1,
    recipe: Mapping[str, Any] | None = None,
    device: Any = "auto",
    store: Any = None,
    run: bool = False,
    **options: Any,
) -> Trainer:
    """Train on coresets by several regimes and see what it comes to; returns at once and works in the background.

    `data` is a name ("digits", "fashion-mnist", "folder:photos/"), a Data, an array of features or pictures with
    `y=`, a pair (X, y), or a frame with `y="column"`. Where it has no test rows, a fifth of each class is set aside.

    - `model`: a name, or a torch.nn.Module, which is copied for each run; unless told the data chooses.
    - `regimes`: one or a list, as `labs.training.run` takes them: names in REGIMES, strategies, functions,
      dictionaries, Selections. Beside those that choose anew stand FULL-EARLYSTOP and RANDOM re-drawn, always.
    - `budgets`: numbers of rows or shares. `seeds`: how many, or which. `epochs`: T, passes over the k rows of a
      budget. `every`: R, epochs between two choices, a tenth of T unless told. `holdout`, `recipe` and `device` are
      Setting's.
    - `store`: a file that keeps each run as soon as it is done. What it holds is shown at once and not run again, also
      after the kernel was restarted; where none is named, one in the cache does.
    - `run=True` begins at once; else Train does. `options` go to `load` (files=, test=, …).

    Raises ValueError for unknown regimes, options or numbers at once; trouble with the data shows in the panel.
    """
    session = Session()
    try:
        settle(
            session,
            *(
                data,
                y,
                model,
                regimes,
                budgets,
                seeds,
                epochs,
                every,
                holdout,
                recipe,
                device,
                store,
                options,
            ),
        )
    except ValueError as mistake:
        raise mistake.with_traceback(None) from None  # where it was noticed tells the one who made it nothing
    panel = Trainer(session)
    panel.control.start() if run else panel.control.look()
    return panel


class Trainer(Laboratory):
    """The panel: a widget, shown by being the last line of a cell as often as one likes.

    `frame`, `records` and `code` say what came of it; `run()` does what Train does.
    """

    def __init__(self, session: Session):
        super().__init__(
            session, keeper=Control, heading=header, rail=rail, tabs=TABS, build=build, css=[CSS], blank=BLANK,
            touches=["budget", "hidden"], advice=advice, code=code, frame=frame, call="train(...)",
        )  # fmt: skip

    def beside(self) -> tuple[w.Widget, ...]:
        return (budget_field(self.session),)

    def portrait(self):
        return portrait(self.session)

    def __repr__(self) -> str:
        return self.told([regime.name for regime in self.session.regimes])


def build(tab: str, session: Session) -> w.Widget:
    """The tab's panel; its module is imported now, not before."""
    return getattr(importlib.import_module(f"widgets.training.{tab}"), f"{tab}_panel")(session)
