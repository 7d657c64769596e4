"""For which budget the dots' sizes are stated: the slider's, once it rests, since telling every point takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from widgets.explorer.session import Session
from widgets.kit.guard import session_guard

SETTLE = 0.3  # seconds after the slider's last move until sizes are stated for that budget
LARGE = 20_000  # rows above which it waits longer: a page without a GPU then stands still for half a second
SETTLE_LARGE = 1.0
RESTATED = 100_000  # rows above which dots keep the size of their weight at the largest budget


class Sizes:
    """`stated` is the budget's place; `moving` tells while the slider moves. `settled` is called once it rests.

    With sizes goes the membership of methods whose prefixes are not their answers: it is stated for a budget too.
    """

    def __init__(self, session: Session, loop: Any, settled: Callable[[], Any]):
        self.session, self.loop, self.settled = session, loop, settled
        self.stated = 0
        self._timer: Any = None

    @property
    def moving(self) -> bool:
        return self._timer is not None

    @property
    def restated(self) -> bool:
        """Whether sizes follow the slider."""
        return self.session.result.n <= RESTATED or not self.session.run.nested

    def begin(self) -> None:
        """Another run is on the map."""
        self.stated = self._here if self.restated else len(self.session.run.at) - 1

    def later(self) -> None:
        """The slider moved: state sizes when it rests, or at once where there is no loop to wait on."""
        if self._timer is not None:
            self._timer.cancel()
        if self.loop is not None:
            seconds = SETTLE if self.session.result.n <= LARGE else SETTLE_LARGE
            self._timer = self.loop.call_later(seconds, session_guard(self.session)(self._settle))
        elif self.restated:
            self.stated = self._here

    def _settle(self) -> None:
        self._timer = None
        if self.session.result is not None:
            if self.restated:
                self.stated = self._here
            self.settled()

    @property
    def _here(self) -> int:
        return min(self.session.j, len(self.session.run.at) - 1)
