"""explore(): the panel in one call. Header, rail and tabs around one Session; the tabs are built when first opened."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from widgets.explorer import replay
from widgets.explorer.arguments import settle
from widgets.explorer.control import Control
from widgets.explorer.header import header
from widgets.explorer.opened import reader
from widgets.explorer.portrait import portrait
from widgets.explorer.rail import rail
from widgets.explorer.search import columns_first, finder, search_field, tags_of_each_data
from widgets.explorer.session import Session
from widgets.explorer.training import open_training
from widgets.kit import plain as w
from widgets.kit.kernel import kernel_loop
from widgets.kit.pictures import Pictures
from widgets.kit.shell import Shell, status
from widgets.kit.tags import checked

BLANK = "Your points appear here once they are selected."
CSS = Path(__file__).with_name("css")
TABS = {"map": "Map", "images": "Images", "curves": "Curves", "compare": "Compare"}


def explore(
    data: Any = "digits",
    y: Any = None,
    *,
    images: Any = None,
    texts: Any = None,
    frame: Any = None,
    render: Callable[[int], Any] | None = None,
    coords: Any = None,
    selections: Any = (),
    methods: Any = (),
    model: Any = "",
    epochs: int = 5,
    k_max: int | float = 0,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    run: bool = True,
    **options: Any,
) -> Explorer:
    """Look at what methods pick from `data`; returns at once and works in the background.

    `data` is a name ("digits", "fashion-mnist", "folder:photos/"), a Data, a Pool, an array of features or pictures, a
    pair (X, y), a pandas frame with `y="column"`, or a torch Dataset.

    - What a row is shown as. `images`: pictures or paths, one a row, of features of your own. `texts`: one a row, or
      the name of a frame's column. `frame`: a data frame of the same rows, whose columns are shown, those that vary
      most first. `render(row)`: a str (shown as it is, never as HTML), a PIL image or a Path; `row` counts as your data
      does. Of a frame given as `data`, numbers are features, and words and dates are shown. What has an index goes to
      the rows of its names. Nothing is rendered before it is shown.
    - `coords` (n, 2): your own map.
    - `methods`: names ("CRAIG", "kcenter") or presets, one or a list. Unless told: facility location and random, per
      class, or among all rows where there are no classes; k-center and random of more than 12,000 such rows.
    - `selections`: your own, one, a list or {name: one}; each is a Selection, row numbers, or a mask.
    - `model`, `epochs`, `seed`: how signals are recorded. `model` is a name, or a torch.nn.Module that ends in Linear:
      a copy of it is trained, or with `epochs=0` (and where the data has no labels) recorded as it is.
    - `k_max`: the slider's right end, a count or a share (0.1); 0 for min(5 %, 2,000).
    - `config`: what `panel.config` gave. `run=False` waits for Select. `options` go to `load` (files=, test=, …).

    Raises ValueError for unknown methods, options or shapes at once; trouble with the data shows in the panel.
    """
    session = Session()
    try:
        settle(
            session, data, y, images, texts, frame, render, coords, selections, methods, model, k_max, options
        )
    except ValueError as mistake:
        raise mistake.with_traceback(None) from None  # where it was noticed tells the one who made it nothing
    with session.hold_trait_notifications():
        session.epochs, session.seed = epochs, seed
    if config is not None:
        replay.apply(session, config)
    panel = Explorer(session, config or {})
    if run:
        panel.run()
    return panel


class Explorer(Shell):
    """The panel: a widget, shown by being the last line of a cell as often as one likes.

    `session` holds every setting and the result; `selection`, `config` and `code` say what was done.
    """

    def __init__(self, session: Session, config: Mapping[str, Any] | None = None):
        self._wanted = dict(config or {})
        self._last: Last | None = None  # what was selected, of a panel that was put away or closed
        super().__init__(
            session,
            kernel_loop(),
            css=[CSS / f"{tab}.css" for tab in TABS],
            header=lambda: header(session),
            rail=lambda: rail(session, self.control),
            tabs={**TABS, "images": TABS["images"] if session.data is None else "Rows"},
            build=lambda tab: build(tab, session),
            blank=BLANK,
            touches=["focus", "j", "active", "layout"],
        )
        threading.Thread(target=warm, name="imports", daemon=True).start()

    def prepare(self) -> None:
        self.control = Control(self.session, self.loop)
        self.control.background.warmed = self._guard(lambda: self.make_ahead("curves"))
        self.session.observe(self._guard(self._replay), "result")
        self.session.observe(self._guard(self._name_rows), "result")
        self.session.observe(self._guard(lambda _: open_training(self.session, self.below)), "asked")
        for follow in (
            tags_of_each_data,
            finder,
            columns_first,
        ):  # before the tabs, which show what these find
            follow(self.session)

    def beside(self) -> tuple[w.Widget, ...]:
        return (search_field(self.session),)

    def over(self) -> tuple[w.Widget, ...]:
        return (reader(self.session),)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], data: Any = "digits", run: bool = True, **given: Any
    ) -> Explorer:
        """The panel that `panel.config` describes; data of your own is passed again."""
        return explore(data, config=config, run=run, **given)

    # -- what was done ----------------------------------------------------------------------------------------------

    def run(self, wait: bool = False) -> Explorer:
        """Select with the settings of the rail: in the background, or (`wait`) here and now with the library's bar.

        Where a run of these settings goes on already, `wait` waits for it. Raises RuntimeError once it was closed.
        """
        if self.comm is None:
            raise RuntimeError(
                "this panel was closed and holds no data any more; open another with explore(...)"
            )
        if self.away:
            self._furnish()
        self._recall()
        self.control.run_here() if wait else self.control.start()
        return self

    def cancel(self) -> None:
        """What the Cancel button does."""
        self.control.cancel()

    @property
    def selection(self):
        """The active selection at the slider's budget, with its weights; None before the first result."""
        return self.session.selection if self._last is None else self._last.selection

    @property
    def selections(self) -> dict:
        """Every method's selection at the slider's budget, by name."""
        if self._last is not None:
            return dict(self._last.selections)
        result = self.session.result
        return {} if result is None else {name: run.at[self.session.j] for name, run in result.runs.items()}

    @property
    def tags(self) -> dict[str, list[int]]:
        """Tags given to rows in the panel, {tag: ids}; what is set here is shown there. `tagged` names the rows."""
        return {tag: list(ids) for tag, ids in self.session.tags.items()}

    @tags.setter
    def tags(self, tags: Mapping[str, Any]) -> None:
        self.session.tags = checked(tags)

    @property
    def tagged(self) -> Any:
        """The rows that have a tag, as a frame: id, key (as in what was given), class, tags, text and record."""
        from widgets.explorer.table import tagged

        return tagged(self.session)

    @property
    def config(self) -> dict:
        """Settings, tags, budget and view as plain JSON, for `explore(config=...)`."""
        return replay.config(self.session) if self._last is None else copy.deepcopy(self._last.config)

    @property
    def code(self) -> str:
        """The lines of Python that give the same picks and weights."""
        return replay.code(self.session) if self._last is None else self._last.code

    def close(self) -> None:
        """Stop what runs, take the panel away and let go of data and result; what was selected can still be asked."""
        super().close()
        self.session.drop_data()

    def stop(self) -> None:
        if self.session.result is not None:
            self._last = Last(self.selection, self.selections, self.config, self.code)
        self.control.close()

    def resume(self) -> None:
        if self._last is not None:
            self.run()

    def _recall(self) -> None:
        """Where the result was dropped, budget and view of it come back with the next one."""
        if self._last is not None:
            self._wanted, self._last = self._last.config, None

    def __repr__(self) -> str:
        names = ", ".join(choice.name for choice in self.session.choices)
        return f"Explorer({self.session.data_name}: {names}; {status(self.session)[1]})"

    def shown(self) -> None:
        self.control.background.seen()

    def portrait(self):
        return portrait(self.session)

    def _name_rows(self, _=None) -> None:
        """The tab of the rows is called what they are."""
        if self.session.result is not None:
            self.title_tab("images", Pictures.of(self.session.result).word.capitalize())

    @property
    def training(self) -> Any:
        """The training panel that was opened from Curves, or None."""
        return self.below.panel

    def _replay(self, _=None) -> None:
        wanted, self._wanted = self._wanted, {}
        replay.view(self.session, wanted)


@dataclass(frozen=True)
class Last:
    """What a panel had selected when its result was dropped."""

    selection: Any
    selections: dict
    config: dict
    code: str


def warm() -> None:
    """Import what the map is drawn with (one to two seconds) while the first selection is computed."""
    import jscatter  # noqa: F401


def build(tab: str, session: Session) -> w.Widget:
    """The tab's panel; its module is imported now, not before."""
    import importlib

    return getattr(importlib.import_module(f"widgets.explorer.{tab}"), f"{tab}_panel")(session)
