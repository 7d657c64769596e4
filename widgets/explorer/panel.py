"""explore(): the panel in one call. Header, rail and tabs around one Session; the tabs are built when first opened."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as w

from widgets.explorer import replay
from widgets.explorer.arguments import settle
from widgets.explorer.control import Control
from widgets.explorer.header import header, status
from widgets.explorer.rail import rail
from widgets.explorer.session import SETTINGS, Session
from widgets.kit.gallery import Gallery, link
from widgets.kit.kernel import hear_on_main_thread, kernel_loop
from widgets.kit.markup import note, show, text
from widgets.kit.problems import problem_box, session_guard
from widgets.kit.shell import stylesheet

BLANK = "Your points appear here once they are selected."
OPENING = "Drawing …"
QUIET = 3.0  # seconds in which nothing was touched: then megabytes that no one waits for may go to the page
CSS = Path(__file__).with_name("css")
TABS = {"map": "Map", "images": "Images", "curves": "Curves", "compare": "Compare"}


def explore(
    data: Any = "digits",
    y: Any = None,
    *,
    images: Any = None,
    coords: Any = None,
    selections: Sequence[Any] | Mapping[str, Any] = (),
    methods: Sequence[Any] = (),
    model: str = "",
    epochs: int = 5,
    k_max: int = 0,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    run: bool = True,
    **options: Any,
) -> Explorer:
    """Look at what methods pick from `data`; returns at once and works in the background.

    `data` is a name ("digits", "fashion-mnist", "folder:photos/"), a Data, a Pool, an array of features or pictures, a
    pair (X, y), a pandas frame with `y="column"`, or a torch Dataset.

    - `images`: pictures or paths, one a row, of features of your own; `coords` (n, 2): your own map.
    - `methods`: names ("CRAIG", "kcenter") or presets; the default is CRAIG and random, per class. `selections`: your
      own, a list or {name: Selection}.
    - `model`, `epochs`, `seed`: how signals are recorded. `k_max`: the slider's right end, 0 for min(5 %, 2,000).
    - `config`: what `panel.config` gave. `run=False` waits for Select. `options` go to `load` (files=, test=, …).

    Raises ValueError for unknown methods, options or shapes at once; trouble with the data shows in the panel.
    """
    session = Session()
    settle(session, data, y, images, coords, selections, methods, options)
    with session.hold_trait_notifications():
        session.model, session.epochs, session.k_max, session.seed = model, epochs, k_max, seed
    if config is not None:
        replay.apply(session, config)
    panel = Explorer(session, config or {})
    if run:
        panel.run()
    return panel


class Explorer(w.VBox):
    """The panel: a widget, shown by being the last line of a cell as often as one likes.

    `session` holds every setting and the result; `selection`, `config` and `code` say what was done.
    """

    def __init__(self, session: Session, config: Mapping[str, Any] | None = None):
        self.session = session
        loop = kernel_loop()
        hear_on_main_thread(loop)
        self.control = Control(session, loop)
        self._wanted = dict(config or {})
        self._made: dict[str, w.Widget] = {}
        self._ahead: dict[str, w.Widget] = {}  # made, and on no page yet
        self._touched = 0.0  # when the user last did something
        self._guard = session_guard(session)
        self._page = Gallery().add_class("cx-page")
        link(self._page, session)
        self._told = note(text(BLANK), "cx-blank")
        self._blank = w.Box([self._told]).add_class("cx-view")
        self._views = w.VBox([self._blank]).add_class("cx-views")
        main = w.VBox([self._tabs(), problem_box(session), self._views]).add_class("cx-main")
        body = w.Box([rail(session, self.control), main]).add_class("cx-body")
        style = w.HTML(f"<style>{stylesheet(CSS / f'{tab}.css' for tab in TABS)}</style>").add_class(
            "cx-style"
        )
        super().__init__([style, self._page, header(session), body])
        self.add_class("cx")
        session.observe(self._guard(self._theme), "theme")
        session.observe(self._guard(self._open), ["tab", "result"])
        session.observe(self._guard(self._old), ["result", "status", *SETTINGS])
        session.observe(self._guard(self._replay), "result")
        self._page.observe(self._guard(lambda _: self.control.background.seen()), "width")
        session.observe(self._in_use, ["hovered", "focus", "j", "tab", "active", "layout", "status"])
        self.control.background.warmed = self._guard(self._send_ahead)
        self._theme()
        self._open()
        threading.Thread(target=warm, name="imports", daemon=True).start()

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], data: Any = "digits", run: bool = True, **given: Any
    ) -> Explorer:
        """The panel that `panel.config` describes; data of your own is passed again."""
        return explore(data, config=config, run=run, **given)

    # -- what was done ----------------------------------------------------------------------------------------------

    def run(self, wait: bool = False) -> Explorer:
        """Select with the settings of the rail: in the background, or (`wait`) here and now with the library's bar."""
        self.control.run_here() if wait else self.control.start()
        return self

    def cancel(self) -> None:
        """What the Cancel button does."""
        self.control.cancel()

    @property
    def selection(self):
        """The active selection at the slider's budget, with its weights; None before the first result."""
        return self.session.selection

    @property
    def selections(self) -> dict:
        """Every method's selection at the slider's budget, by name."""
        result = self.session.result
        return {} if result is None else {name: run.at[self.session.j] for name, run in result.runs.items()}

    @property
    def config(self) -> dict:
        """Settings, budget and view as plain JSON, for `explore(config=...)`."""
        return replay.config(self.session)

    @property
    def code(self) -> str:
        """The lines of Python that give the same picks and weights."""
        return replay.code(self.session)

    def close(self) -> None:
        """Stop what runs and take the panel away."""
        self.control.close()
        super().close()

    def __repr__(self) -> str:
        names = ", ".join(choice.name for choice in self.session.choices)
        return f"Explorer({self.session.data_name}: {names}; {status(self.session)[1]})"

    def _in_use(self, _=None) -> None:
        self._touched = time.monotonic()

    # -- parts ------------------------------------------------------------------------------------------------------

    def _tabs(self) -> w.Widget:
        tabs = w.ToggleButtons(options=[(label, key) for key, label in TABS.items()]).add_class("cx-tabs")
        tabs.observe(self._guard(lambda change: self.session.set_trait("tab", change["new"])), "value")
        self.session.observe(self._guard(lambda change: setattr(tabs, "value", change["new"])), "tab")
        return tabs

    def _theme(self, _=None) -> None:
        (self.add_class if self.session.theme == "dark" else self.remove_class)("dark")

    def _open(self, _=None) -> None:
        """Show the tab that is open, and build it the first time there is something in it; others stay, hidden."""
        session = self.session
        missing = session.tab not in self._made
        for name, view in self._made.items():
            show(view, name == session.tab)
        show(self._blank, missing)
        if session.result is None:
            return
        if missing and self.control.loop is not None and self._made:
            self._told.value = text(OPENING)  # said before plotly is loaded, which takes seconds
            self.control.loop.call_later(0.02, self._guard(self._build))
        elif missing:
            self._build()

    def _build(self) -> None:
        tab = self.session.tab
        if tab in self._made or self.session.result is None:
            return
        self._made[tab] = self._ahead.pop(tab, None) or self._view(tab)
        self._views.children = (*self._views.children, self._made[tab])
        show(self._blank, False)

    def _view(self, tab: str) -> w.Widget:
        return w.Box([build(tab, self.session)]).add_class("cx-view")

    def _send_ahead(self) -> None:
        """Let the page load plotly's five megabytes while nobody waits for the curves, nor moves anything else."""
        loop, still = self.control.loop, time.monotonic() - self._touched
        if loop is not None and still < QUIET:
            loop.call_later(QUIET - still, self._guard(self._send_ahead))
        elif "curves" not in self._made and "curves" not in self._ahead and self.session.result is not None:
            self._ahead["curves"] = self._view("curves")

    def _old(self, _=None) -> None:
        """An answer to other settings, or one that is being replaced, stays usable and is drawn faded."""
        faded = self.session.stale or self.control.busy and self.session.result is not None
        (self._views.add_class if faded else self._views.remove_class)("cx-old")

    def _replay(self, _=None) -> None:
        """The budget and the view of a config, once its result is there."""
        wanted, self._wanted = self._wanted, {}
        session = self.session
        if wanted.get("budget") and session.result is not None:
            budgets = session.result.budgets
            session.j = min(range(len(budgets)), key=lambda i: abs(budgets[i] - wanted["budget"]))
        for name, value in wanted.get("view", {}).items():
            if name in ("active", "compare_a", "compare_b") and value not in session.result.runs:
                continue
            session.set_trait(name, value)


def warm() -> None:
    """Import what the map is drawn with (one to two seconds) while the first selection is computed."""
    import jscatter  # noqa: F401


def build(tab: str, session: Session) -> w.Widget:
    """The tab's panel; its module is imported now, not before."""
    import importlib

    return getattr(importlib.import_module(f"widgets.explorer.{tab}"), f"{tab}_panel")(session)
