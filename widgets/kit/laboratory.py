"""The panel of a laboratory: what it runs is kept in a store, so that pausing is no loss and its records can be had."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from widgets.kit import plain as w
from widgets.kit.keeper import Keeper
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import brief_name, text
from widgets.kit.planned import Ground, PlannedSession
from widgets.kit.plot import figure_class
from widgets.kit.popovers import code_popover, save_popover
from widgets.kit.shell import Shell, header, status


class Laboratory(Shell):
    """A panel on a PlannedSession, run by a Keeper. `frame`, `records` and `code` say what came of it.

    - `keeper(session, loop)`, `rail(session, keeper)`, `heading(session)`, `build(tab, session)` make its parts.
    - `advice(session)`: what is there to run, told where the figures will be; `code(session)`: the same as Python.
    - `frame(records)`: the laboratory's; `call`: what opens another panel, "train(...)".
    """

    session: PlannedSession

    def __init__(
        self,
        session: PlannedSession,
        *,
        keeper: Callable[[Any, Any], Keeper],
        heading: Callable[[Any], w.Widget],
        rail: Callable[[Any, Any], w.Widget],
        tabs: Mapping[str, str],
        build: Callable[[str, Any], w.Widget],
        css: Sequence[Path],
        blank: str,
        touches: Sequence[str],
        advice: Callable[[Any], str],
        code: Callable[[Any], str],
        frame: Callable[[Any], Any],
        call: str,
    ):
        self._keeper, self._advice, self._code, self._frame, self._call = keeper, advice, code, frame, call
        self._last: tuple[Any, str] | None = None  # result and code of a panel that was put away or closed
        super().__init__(
            session,
            kernel_loop(),
            css=css,
            header=lambda: heading(session),
            rail=lambda: rail(session, self.control),
            tabs=tabs,
            build=lambda tab: build(tab, session),
            blank=blank,
            touches=touches,
        )
        threading.Thread(target=figure_class, name="imports", daemon=True).start()

    def prepare(self) -> None:
        self.control = self._keeper(self.session, self.loop)
        self.session.observe(self._guard(self._promise), ["ground", "look_note", "status"])

    def run(self, wait: bool = False):
        """Run what is not kept yet: in the background, or (`wait`) here and now with the library's bar.

        Raises RuntimeError once it was closed.
        """
        if self.comm is None:
            raise RuntimeError(
                f"this panel was closed; open another with {self._call}, which shows what is kept"
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
        """The records so far, as the laboratory's `run` gives them."""
        result = self._result
        return () if result is None else result.records

    @property
    def frame(self) -> Any:
        """A tidy frame of the records so far, a row a run."""
        result = self._result
        return self._frame(()) if result is None else result.frame

    @property
    def code(self) -> str:
        """The lines of Python that give the same records."""
        return self._code(self.session) if self._last is None or not self.away else self._last[1]

    @property
    def _result(self) -> Any:
        kept = None if self._last is None else self._last[0]
        return kept if self.session.result is None else self.session.result

    def close(self) -> None:
        """Stop what runs, take the panel away and let go of the data; what came of it can still be asked."""
        super().close()
        self.session.drop_data()

    def stop(self) -> None:
        self._last = (self._result, self._code(self.session))
        self.control.close()

    def resume(self) -> None:
        self.control.look()

    def _promise(self, _: Any) -> None:
        """Before there is a record: what is there to run, where the figures will be."""
        if self.session.result is None:
            self._told.value = f"<p>{text(self._blank_words)}</p><p>{text(self._advice(self.session))}</p>"

    def told(self, names: Sequence[str]) -> str:
        """What the panel says of itself where it is printed."""
        kind = type(self).__name__
        return f"{kind}({self.session.data_name}: {', '.join(names)}; {status(self.session)[1]})"


def laboratory_header(
    session: PlannedSession,
    name: str,
    line: Callable[[Any], str],
    code: Callable[[Any], str],
    forms: Mapping[str, str],
    what: Callable[[Any, str], str],
    write: Callable[[Any, str, Any], Path],
) -> w.Widget:
    """The panel's `name`, a `line` about its data, status; Code, and Export in one of `forms`, see `save_popover`."""
    watch = ["ground", "result", *session.SETTINGS]
    pops = {
        "Code": code_popover(session, "The same runs, in a fresh Python:", lambda: code(session), watch),
        "Export": save_popover(
            session,
            lambda: forms,
            lambda form: what(session, form),
            lambda form, folder: write(session, form, folder),
            ["result"],
        ),
    }
    return header(session, name, lambda: line(session), ["ground", "data_name"], pops)


def data_words(ground: Ground) -> str:
    """Name and size of the data, and what tests: "digits: 1,437 images, 10 classes, 360 set aside to test"."""
    data, kind = ground.data, "images" if ground.data.kind == "images" else "rows"
    tests = 0 if data.x_test is None else len(data.x_test)
    held = f"{tests:,} {'set aside ' if ground.set_aside else 'more '}to test"
    return f"{brief_name(data.name)}: {len(data):,} {kind}, {len(data.classes)} classes, {held}"
