"""What every panel wears: style, a header with its chip and popovers, a form at the left, tabs built when opened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coreset_explore.plots import palette
from widgets.kit import plain as w
from widgets.kit import room
from widgets.kit.below import Below
from widgets.kit.guard import problem_box, session_guard
from widgets.kit.markup import note, percent, show, text
from widgets.kit.session import Session
from widgets.kit.shown import Shown
from widgets.kit.still import Still
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


class Shell(Shown):
    """A panel: a widget, shown by being the last line of a cell as often as one likes. A panel of one's own inherits.

    - `loop`: `kernel_loop()`, None in a script. `css`: files of style, after the shell's own.
    - `header()`, `rail()` make what stands above and beside the tabs.
    - `tabs` {key: title} (`title_tab` gives one another title later); `build(key)` makes a tab's widget, the first time
      that it is open and there is a result; until then `blank` is told.
    - `touches`: traits whose change means that the user does something.
    """

    def __init__(
        self,
        session: Session,
        loop: asyncio.AbstractEventLoop | None,
        *,
        css: Iterable[Path] = (),
        header: Callable[[], w.Widget],
        rail: Callable[[], w.Widget],
        tabs: Mapping[str, str],
        build: Callable[[str], w.Widget],
        blank: str,
        touches: Iterable[str] = (),
    ):
        self._build_tab = build
        self._header, self._rail, self._titles, self._blank_words = header, rail, dict(tabs), blank
        self._style, self._touches = stylesheet(css), tuple(touches)
        super().__init__(session, loop)
        self.add_class("cx")
        self._furnish()

    def _furnish(self) -> None:
        """Make every part of the panel."""
        session, guard = self.session, self._guard
        super()._furnish()
        self._naming = False
        self._wished: dict[
            bool, bool | None
        ] = {}  # whether the form is folded, of a narrow panel and of a wide one
        self._touched = 0.0  # when the user last did something
        self.prepare()
        self._told = note(text(self._blank_words), "cx-blank")
        self._blank = w.Box([self._told]).add_class("cx-view")
        self._views = w.VBox([self._blank]).add_class("cx-views")
        self._fold_button = w.Button(description="☰").add_class("cx-fold")
        self._fold_button.on_click(guard(self._toggle))
        self._tabs = w.ToggleButtons(options=self._offered).add_class("cx-tabs")
        self._tabs.value = session.tab or self._tabs.value
        self._tabs.observe(guard(self._turned), "value")
        top = w.Box([self._fold_button, self._tabs, *self.beside()]).add_class("cx-top")
        main = w.VBox([top, problem_box(session), self._views]).add_class("cx-main")
        self._still = Still(
            session,
            self.loop,
            self.model_id,
            draw=self.portrait,
            watch=["result", "tab", *self._touches],
            quiet=lambda: time.monotonic() - self._touched,
            wanted=lambda: bool(self._page.views),
        )
        style = w.HTML(f"<style>{self._style}\n{self._still.css}</style>").add_class("cx-style")
        body = w.Box([self._rail(), main]).add_class("cx-body")
        self.below = Below(lambda: self._page.send({"kind": "below"}))
        self.children = (style, self._page, self._header(), body, self.below, *self.over())
        session.observe(guard(self._theme), "theme")
        session.observe(guard(self._crossed), "width")
        session.observe(guard(self._fold), ["width", "folded"])
        session.observe(guard(lambda change: setattr(self._tabs, "value", change["new"])), "tab")
        session.observe(guard(self._open), ["tab", "result", "height"])
        session.observe(guard(self._old), ["result", "status", *session.SETTINGS])
        session.observe(guard(lambda _: self.shown()), "width")
        session.observe(self._in_use, [*self._touches, "hovered", "tab", "status"])
        self._theme()
        self._fold()
        self._open()

    def make_ahead(self, tab: str) -> None:
        """Send a heavy tab to the page while nobody waits for it, nor moves anything else: it then opens at once."""
        still = time.monotonic() - self._touched
        if self.loop is not None and still < QUIET:
            self.loop.call_later(QUIET - still, self._guard(self.make_ahead), tab)
        elif tab not in self._made and tab not in self._ahead and self.session.result is not None:
            self._ahead[tab] = self._view(tab)

    @property
    def busy(self) -> bool:
        return super().busy or (self.below.panel is not None and self.below.panel.busy)

    def put_away(self) -> None:
        if not self.away:
            self.below.empty()
        super().put_away()

    def beside(self) -> Sequence[w.DOMWidget]:
        """What stands at the right of the tabs, for all of them."""
        return ()

    def title_tab(self, key: str, title: str) -> None:
        """Call a tab otherwise, once it is known what is in it."""
        if self._titles[key] != title:
            self._titles[key] = title
            if not self.away:
                self._naming = True  # other options choose the first of them, which nobody asked for
                with self._tabs.hold_sync():
                    self._tabs.options, self._tabs.value = self._offered, self.session.tab
                self._naming = False

    @property
    def _offered(self) -> list[tuple[str, str]]:
        return [(title, key) for key, title in self._titles.items()]

    def _turned(self, change: Any) -> None:
        if not self._naming:
            self.session.tab = change["new"]

    def _theme(self, _=None) -> None:
        (self.add_class if self.session.dark else self.remove_class)("dark")

    def _crossed(self, change: Any) -> None:
        """What the user wished of the form in a narrow panel holds for a narrow one, and so for a wide one."""
        was, now = change["old"] <= room.NARROW, change["new"] <= room.NARROW
        if change["old"] and was != now:
            self._wished[was] = self.session.folded
            self.session.folded = self._wished.get(now)

    def _fold(self, _=None) -> None:
        """Of a folded rail only what is marked `cx-stays` is seen, in a line over the tabs."""
        folded = room.folded(self.session)
        (self.add_class if folded else self.remove_class)("cx-folded")
        self._fold_button.tooltip = "Show the settings" if folded else "Hide the settings"

    def _toggle(self, _: Any) -> None:
        self.session.folded = not room.folded(self.session)

    def _open(self, _=None) -> None:
        """Show the tab that is open, and build it the first time there is something in it; others stay, hidden.

        In a notebook not before its page has said how much room there is.
        """
        session = self.session
        missing = session.tab not in self._made
        for name, view in self._made.items():
            show(view, name == session.tab)
        show(self._blank, missing)
        if session.result is None or (self.loop is not None and not session.height):
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
        (self._views.add_class if self.session.faded else self._views.remove_class)("cx-old")

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
        said = text(line())
        title.value = f'<b>{text(name)}</b><span title="{said}" data-may-clip>{said}</span>'

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
        return state, task.STOP[1]
    if state == "error":
        return state, "Error"
    if task.stale:
        return state, "Settings changed"
    return state, task.note or ("Ready" if state == "idle" else "Done")


def stylesheet(own: Iterable[Path]) -> str:
    """All of a panel's CSS: the palette's colors as variables, the kit's style, then its `own` files."""
    kit = [
        Path(__file__).with_name("css") / name
        for name in ("shell.css", "pointer.css", "rows.css", "plot.css", "canvas.css", "gallery.css")
    ]
    colors = [
        f"{where} {{ {' '.join(f'--cx-{name}: {palette.ink(ink, dark)};' for name, ink in INKS.items())} }}"
        for where, dark in ((".cx", False), (".cx.dark", True))
    ]
    return "\n".join([*colors, *(file.read_text() for file in (*kit, *own))])
