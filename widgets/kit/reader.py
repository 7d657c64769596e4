"""One row, whole, in a dialog: its picture large, its text and fields to the end, what is known of it, its tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
from traitlets import Bytes, Dict, Int

from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.pictures import PIXELATED, Pictures, encoded, shrink
from widgets.kit.session import Session
from widgets.kit.tags import tagged, tags_of

LARGE = 1024  # pixels: no picture travels larger


class Reader(w.Plain, anywidget.AnyWidget):
    """The dialog of a panel; one for all its grids. It follows `session.opened`, (row, the rows around it, part).

    - `look()` gives the Pictures that say what rows are, None while there are none; `facts(row)` what is known of one.
    - `action` (label, call with a row): what one may do with a row besides reading it.
    """

    _esm = Path(__file__).with_name("reader.js").read_text()

    row = Int(-1).tag(sync=True)  # that is read, -1: none; the page turns it
    whole = Dict().tag(sync=True)
    large = Bytes(b"").tag(sync=True)
    serial = Int(0).tag(sync=True)  # the page redraws when it changes

    def __init__(
        self,
        session: Session,
        look: Callable[[], Pictures | None],
        facts: Callable[[int], Sequence[tuple[str, str]]] = lambda row: (),
        action: tuple[str, Callable[[int], Any]] | None = None,
    ):
        super().__init__()
        self.session, self.look, self.facts, self.action = session, look, facts, action
        self._last = ""  # the tag that was given last: the next one is mostly the same
        guard = session_guard(session)
        session.observe(guard(lambda _: self._fill()), ["opened", "tags", "result"])
        self.observe(guard(lambda change: self._turn(change.new)), "row")
        self.on_msg(guard(lambda _, content, buffers: self._told(content)))
        self.add_class("cx-reading")

    def _turn(self, row: int) -> None:
        _, rows, part = self.session.opened
        self.session.opened = (row, rows, part) if row >= 0 else (-1, (), "")

    def _told(self, content: dict) -> None:
        row, pictures = int(content.get("row", -1)), self.look()
        if "act" in content and self.action is not None:
            self.action[1](int(content["act"]))
        elif "tag" in content and pictures is not None and row >= 0:
            self._last = str(content["tag"]).strip() if content["on"] else self._last
            tagged(self.session, pictures.id(row), content["tag"], bool(content["on"]))

    def _fill(self) -> None:
        row, rows, part = self.session.opened
        pictures = self.look()
        if row < 0 or pictures is None:
            if self.whole:
                self.whole, self.large, self.row, self.serial = {}, b"", -1, self.serial + 1
            return
        face = pictures.face(row)
        exact = face.picture is not None and max(face.picture.shape[:2]) <= PIXELATED
        with self.hold_sync():
            self.large = b"" if face.picture is None else _sent(face.picture, exact)
            self.whole = {
                "row": int(row),
                "rows": [int(one) for one in rows],
                "part": part,
                "title": pictures.name(row),
                "text": face.text,
                "fields": [list(pair) for pair in face.fields],
                "trouble": face.trouble,
                "facts": [list(pair) for pair in self.facts(row)],
                "tags": tags_of(self.session, pictures.id(row)),
                "known": list(self.session.tags),
                "last": self._last,
                "exact": bool(exact),
                "action": self.action[0] if self.action is not None else "",
            }
            self.row = int(row)
            self.serial += 1


def _sent(picture: np.ndarray, exact: bool) -> bytes:
    return encoded(shrink(picture, LARGE), exact)
