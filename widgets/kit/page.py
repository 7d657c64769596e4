"""What the page says of itself (theme, sizes), and whether any page shows the panel at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
from traitlets import Int, Unicode

from widgets.kit import plain as w
from widgets.kit.session import Session

ANSWER = 3.0  # seconds in which a view that is left answers a roll call


class Page(w.Plain, anywidget.AnyWidget):
    """The panel's ear: `theme` ("light", "dark"), `width` of the panel and `height` of the window, in px.

    Each view of it says that it is there, and that it goes. A page that is closed or loaded anew says nothing, so
    where one goes the others are called: `views` are those that answered. `came()` is called when a view appears
    where there was none, `left()` when none is left.
    """

    _esm = "\n".join(
        Path(__file__).with_name(name).read_text() for name in ("theme.js", "access.js", "page.js")
    )

    theme = Unicode("light").tag(sync=True)
    width = Int(0).tag(sync=True)
    height = Int(0).tag(sync=True)

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None):
        self.loop = loop
        self.views: set[str] = set()
        self.came: Callable[[], Any] = lambda: None
        self.left: Callable[[], Any] = lambda: None
        self._answers: set[str] = set()
        self._calls = 0
        super().__init__()
        self.on_msg(self._heard)

    def follow(self, session: Session) -> None:
        """Write what the page says into the session."""
        for trait in ("theme", "width", "height"):
            self.observe(lambda change: session.set_trait(change.name, change.new), trait)

    def call(self) -> None:
        """Ask who shows the panel; those who do not answer are gone."""
        if self.loop is None:
            return
        self._answers, self._calls = set(), self._calls + 1
        self.send({"kind": "who"})
        self.loop.call_later(ANSWER, self._count, self._calls)

    def _heard(self, _widget: Any, said: dict, _buffers: Any) -> None:
        view = said.get("view", "")
        if said.get("kind") == "here":
            new = not self.views
            self.views.add(view)
            self._answers.add(view)
            if new:
                self.came()
        elif said.get("kind") == "bye":
            self.views.discard(view)
            self.call()

    def _count(self, call: int) -> None:
        if call == self._calls and self.comm is not None:
            self.views &= self._answers
            if not self.views:
                self.left()
