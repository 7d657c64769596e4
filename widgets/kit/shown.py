"""Where a panel is shown, and what becomes of it when it is shown no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from widgets.kit import closing, place
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.kernel import hear_on_main_thread
from widgets.kit.page import Page
from widgets.kit.session import Session
from widgets.kit.still import Still

AWAY = 60.0  # seconds on no page after which a panel is put away: a page that is loaded anew takes less


class Shown(w.VBox):
    """A panel that lives as long as it is shown.

    One that is on no page any more is put away: its parts are closed, its result is dropped. It is made anew where it
    is shown again. One whose cell has shown another panel since, and that no variable names, is closed.
    """

    _still: Still

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop | None):
        self.session, self.loop = session, loop
        self._guard = session_guard(session)
        self.replaced = False  # by another panel, that the same cell has shown since
        self.away = True  # without parts
        self._made: dict[str, w.DOMWidget] = {}
        self._ahead: dict[str, w.DOMWidget] = {}  # made, and on no page yet
        hear_on_main_thread(loop)
        self._page = Page(loop).add_class("cx-page")
        self._page.came, self._page.left = self._guard(self._came), self._guard(self._left)
        self._page.follow(session)
        super().__init__([self._page])

    def _furnish(self) -> None:
        """Make every part of the panel."""
        self.away = False

    # -- for a panel of one's own to fill -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """What runs a panel's work is made here: called before the parts are, also when they are made anew."""

    @property
    def busy(self) -> bool:
        """Whether something runs here."""
        return self.session.busy

    def over(self) -> Sequence[w.Widget]:
        """What lies over the panel when it is open, as a dialog does."""
        return ()

    def stop(self) -> None:
        """Stop what runs, and drop what it holds: called when the panel is put away or closed."""

    def resume(self) -> None:
        """The panel was put away and is shown again: bring its result back."""

    def portrait(self) -> Callable[[], Any] | None:
        """What gives a matplotlib Figure of the panel as it is now, for a notebook opened without its kernel."""
        return None

    def shown(self) -> None:
        """A page shows the panel, or gives it another width; a panel says here what may begin then."""

    # -- where it is shown ------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **kwargs: Any) -> dict | None:
        for old in place.takes_place(self):
            old.replaced = True
            old._page.call()
        self.replaced = False
        if self.comm is not None:
            self._back()
            self._still.show(repr(self))
        return super()._repr_mimebundle_(**kwargs)

    def _came(self) -> None:
        """A page shows the panel, where none did."""
        self._back()
        self.shown()

    def _back(self) -> None:
        if self.away:
            self._furnish()
            self.resume()

    def _left(self) -> None:
        """No page shows the panel any more."""
        if self.replaced and not place.named(self):
            self.close()
        elif self.replaced or self.loop is None:
            self.put_away()
        else:
            self.loop.call_later(AWAY, self._guard(self._still_away))

    def _still_away(self) -> None:
        if self._page.views or self.away or self.comm is None or self.loop is None:
            return
        if self.busy:  # what was asked for is finished: it may be for the next page
            self.loop.call_later(AWAY, self._guard(self._still_away))
        else:
            self.put_away()

    def put_away(self) -> None:
        """Close every part and drop the result; the panel itself stays, and is made anew where it is shown again."""
        if self.away:
            return
        self.away = True
        self._still.close()
        self.stop()
        session = self.session
        session.unobserve_all()
        session.forget()
        old = [one for one in (*self.children, *self._ahead.values()) if one is not self._page]
        self.children = (self._page,)
        for one in old:
            closing.close(one)
        self._made, self._ahead = {}, {}

    def close(self) -> None:
        """Stop what runs, take the panel away and drop what it holds."""
        if self.comm is None:
            return
        self.put_away()
        self._page.unobserve_all()
        closing.close(self)
