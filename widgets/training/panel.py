"""train(): the panel in one call. Header, rail and tabs around one Session; the tabs are built when first opened."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as w

from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import text
from widgets.kit.plot import figure_class
from widgets.kit.shell import Shell, status
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
    settle(
        session,
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
    )
    panel = Trainer(session)
    panel.control.start() if run else panel.control.look()
    return panel


class Trainer(Shell):
    """The panel: a widget, shown by being the last line of a cell as often as one likes.

    `frame`, `records` and `code` say what came of it; `run()` does what Train does.
    """

    def __init__(self, session: Session):
        self._last: tuple[Any, str] | None = None  # result and code of a panel that was put away or closed
        super().__init__(
            session,
            kernel_loop(),
            css=[CSS],
            header=lambda: header(session),
            rail=lambda: rail(session, self.control),
            tabs=TABS,
            build=lambda tab: build(tab, session),
            blank=BLANK,
            touches=["budget", "hidden"],
        )
        threading.Thread(target=figure_class, name="imports", daemon=True).start()

    def prepare(self) -> None:
        self.control = Control(self.session, self.loop)
        self.session.observe(self._guard(self._promise), ["ground", "look_note", "status"])

    def beside(self) -> tuple[w.Widget, ...]:
        return (budget_field(self.session),)

    def run(self, wait: bool = False) -> Trainer:
        """Train what is not kept yet: in the background, or (`wait`) here and now with the library's bar.

        Raises RuntimeError once it was closed.
        """
        if self.comm is None:
            raise RuntimeError(
                "this panel was closed; open another with train(...), which shows what is kept"
            )
        if self.away:
            self._furnish()
        self.control.run_here() if wait else self.control.start()
        return self

    def cancel(self) -> None:
        """What the Pause button does."""
        self.control.cancel()

    @property
    def records(self) -> tuple:
        """The records so far, as `labs.training.run` gives them."""
        result = self._result
        return () if result is None else result.records

    @property
    def frame(self) -> Any:
        """A tidy frame of the records so far, a row a run."""
        from coreset_explore.labs.training.reading import frame

        result = self._result
        return frame(()) if result is None else result.frame

    @property
    def code(self) -> str:
        """The lines of Python that give the same records."""
        return code(self.session) if self._last is None or not self.away else self._last[1]

    @property
    def _result(self) -> Any:
        kept = None if self._last is None else self._last[0]
        return kept if self.session.result is None else self.session.result

    def close(self) -> None:
        """Stop what runs, take the panel away and let go of the data; what came of it can still be asked."""
        super().close()
        self.session.drop_data()

    def stop(self) -> None:
        self._last = (self._result, code(self.session))
        self.control.close()

    def resume(self) -> None:
        self.control.look()

    def _promise(self, _: Any) -> None:
        """Before there is a record: what is there to run, where the figures will be."""
        if self.session.result is None:
            self._told.value = f"<p>{text(BLANK)}</p><p>{text(advice(self.session))}</p>"

    def portrait(self):
        return portrait(self.session)

    def __repr__(self) -> str:
        names = ", ".join(regime.name for regime in self.session.regimes)
        return f"Trainer({self.session.data_name}: {names}; {status(self.session)[1]})"


def build(tab: str, session: Session) -> w.Widget:
    """The tab's panel; its module is imported now, not before."""
    return getattr(importlib.import_module(f"widgets.training.{tab}"), f"{tab}_panel")(session)
