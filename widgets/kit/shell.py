"""What every panel wears: style, a header with its chip and popovers, a form at the left, tabs built when opened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import ipywidgets as w

from coreset_explore.plots import palette
from widgets.kit.gallery import Gallery, link
from widgets.kit.guard import problem_box, session_guard
from widgets.kit.kernel import hear_on_main_thread
from widgets.kit.markup import note, percent, show, text
from widgets.kit.session import Session
from widgets.kit.task import Task

OPENING = "Drawing …"
INKS = {  # --cx-…: the palette's name
    "text": "text",
    "ground": "background",
    "muted": "muted",
    "accent": "accent",
    "error": "error",
    "warn": "warning",
    "done": "done",
}
QUIET = 3.0  # seconds in which nothing was touched: then megabytes that no one waits for may go to the page


class Shell(w.VBox):
    """A panel: a widget, shown by being the last line of a cell as often as one likes. A panel of one's own inherits.

    - `loop`: `kernel_loop()`, None in a script. `css`: files of style, after the shell's own.
    - `tabs` {key: title}; `build(key)` makes a tab's widget, the first time that it is open and there is a result;
      until then `blank` is told.
    - `touches`: traits whose change means that the user does something.
    """

    def __init__(
        self,
        session: Session,
        loop: asyncio.AbstractEventLoop | None,
        *,
        css: Iterable[Path] = (),
        header: w.Widget,
        rail: w.Widget,
        tabs: Mapping[str, str],
        build: Callable[[str], w.Widget],
        blank: str,
        touches: Iterable[str] = (),
    ):
        self.session, self.loop, self._build_tab = session, loop, build
        self._made: dict[str, w.DOMWidget] = {}
        self._ahead: dict[str, w.DOMWidget] = {}  # made, and on no page yet
        self._touched = 0.0  # when the user last did something
        self._guard = guard = session_guard(session)
        hear_on_main_thread(loop)
        page = Gallery().add_class("cx-page")
        link(page, session)
        self._told = note(text(blank), "cx-blank")
        self._blank = w.Box([self._told]).add_class("cx-view")
        self._views = w.VBox([self._blank]).add_class("cx-views")
        main = w.VBox([self._tabs(tabs), problem_box(session), self._views]).add_class("cx-main")
        style = w.HTML(f"<style>{stylesheet(css)}</style>").add_class("cx-style")
        super().__init__([style, page, header, w.Box([rail, main]).add_class("cx-body")])
        self.add_class("cx")
        session.observe(guard(self._theme), "theme")
        session.observe(guard(self._open), ["tab", "result"])
        session.observe(guard(self._old), ["result", "status", *session.SETTINGS])
        page.observe(guard(lambda _: self.shown()), "width")
        session.observe(self._in_use, [*touches, "hovered", "tab", "status"])
        self._theme()
        self._open()

    def shown(self) -> None:
        """A page shows the panel, or gives it another width; a panel says here what may begin then."""

    def make_ahead(self, tab: str) -> None:
        """Send a heavy tab to the page while nobody waits for it, nor moves anything else: it then opens at once."""
        still = time.monotonic() - self._touched
        if self.loop is not None and still < QUIET:
            self.loop.call_later(QUIET - still, self._guard(self.make_ahead), tab)
        elif tab not in self._made and tab not in self._ahead and self.session.result is not None:
            self._ahead[tab] = self._view(tab)

    def _tabs(self, titles: Mapping[str, str]) -> w.Widget:
        tabs = w.ToggleButtons(options=[(title, key) for key, title in titles.items()]).add_class("cx-tabs")
        tabs.observe(self._guard(lambda change: self.session.set_trait("tab", change["new"])), "value")
        self.session.observe(self._guard(lambda change: setattr(tabs, "value", change["new"])), "tab")
        return tabs

    def _theme(self, _=None) -> None:
        (self.add_class if self.session.dark else self.remove_class)("dark")

    def _open(self, _=None) -> None:
        """Show the tab that is open, and build it the first time there is something in it; others stay, hidden."""
        session = self.session
        missing = session.tab not in self._made
        for name, view in self._made.items():
            show(view, name == session.tab)
        show(self._blank, missing)
        if session.result is None:
            return
        if missing and self.loop is not None and self._made:
            self._told.value = text(OPENING)  # said before what draws it is loaded, which takes seconds
            self.loop.call_later(0.02, self._guard(self._build))
        elif missing:
            self._build()

    def _build(self) -> None:
        tab = self.session.tab
        if tab in self._made or self.session.result is None:
            return
        self._made[tab] = self._ahead.pop(tab, None) or self._view(tab)
        self._views.children = (*self._views.children, self._made[tab])
        show(self._blank, False)

    def _view(self, tab: str) -> w.DOMWidget:
        return w.Box([self._build_tab(tab)]).add_class("cx-view")

    def _old(self, _=None) -> None:
        """An answer to other settings, or one that is being replaced, stays usable and is drawn faded."""
        faded = self.session.stale or self.session.busy and self.session.result is not None
        (self._views.add_class if faded else self._views.remove_class)("cx-old")

    def _in_use(self, _=None) -> None:
        self._touched = time.monotonic()


class Popover(w.VBox):
    """What a button of the header opens; hidden (`markup.show`) where it is not open."""

    refresh: Callable[[], None]  # called when a button was pressed, so when this may have been opened


def header(
    task: Task, name: str, line: Callable[[], str], watch: Sequence[str], pops: Mapping[str, Popover]
) -> w.Widget:
    """The panel's name, a `line` about what it shows, the state, and a button for every popover {title: widget}.

    `line` is asked again when a trait of `watch` changes.
    """
    guard = session_guard(task)
    title, chip = note("", "cx-title"), note("", "cx-chip")
    buttons = [w.Button(description=pop) for pop in pops]

    def toggle(chosen: str) -> None:
        for other, pop in pops.items():
            show(pop, other == chosen and "cx-hidden" in pop._dom_classes)
            pop.refresh()

    def told(_=None) -> None:
        state, words = status(task)
        stale = " cx-stale" if task.stale and state in ("idle", "done") else ""
        chip.value = (
            f'<span class="cx-status{stale}" data-state="{state}" aria-live="polite">{text(words)}</span>'
        )

    def named(_=None) -> None:
        title.value = f"<b>{text(name)}</b><span>{text(line())}</span>"

    for button in buttons:
        button.on_click(guard(lambda b: toggle(b.description)))
    task.observe(guard(told), ["status", "progress", "note", "result", *task.SETTINGS])
    task.observe(guard(named), list(watch))
    told()
    named()
    return w.Box([title, chip, *buttons, *pops.values()]).add_class("cx-header")


def status(task: Task) -> tuple[str, str]:
    """The status element's data-state and its words."""
    state = task.status
    if state == "running":
        return state, f"Running {percent(task.progress)}"
    if state == "cancelling":
        return state, "Cancelling"
    if state == "error":
        return state, "Error"
    if task.stale:
        return state, "Settings changed"
    return state, task.note or ("Ready" if state == "idle" else "Done")


def stylesheet(own: Iterable[Path]) -> str:
    """All of a panel's CSS: the palette's colors as variables, the shell's style, then its `own` files."""
    kit = Path(__file__).with_name("css")
    colors = [
        f"{where} {{ {' '.join(f'--cx-{name}: {palette.ink(ink, dark)};' for name, ink in INKS.items())} }}"
        for where, dark in ((".cx", False), (".cx.dark", True))
    ]
    return "\n".join([*colors, *(file.read_text() for file in (kit / "shell.css", kit / "rows.css", *own))])
