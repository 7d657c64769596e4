"""Thumbnails from one sheet: the only way images reach the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import anywidget
from traitlets import Bytes, Int, Unicode
from traitlets import Dict as DictTrait
from traitlets import List as ListTrait

from widgets.kit import plain as w
from widgets.kit.cards import clipped
from widgets.kit.guard import session_guard
from widgets.kit.pictures import Pictures, pack
from widgets.kit.records import ABSENT
from widgets.kit.session import Session
from widgets.kit.tags import tags_of

LETTERS, FIELDS = 180, 5  # of a text and of a record in a cell; the large view has all


@dataclass(frozen=True)
class Cell:
    """One row as a thumbnail or a card: its row of the pool, what a screen reader says, what stands under it, whether
    it is outlined.
    """

    row: int
    alt: str
    top: str = ""
    sub: str = ""
    mark: bool = False
    off: bool = False  # whether the model says another class than the label


@dataclass(frozen=True)
class Section:
    """One line of the gallery: groups of cells, divided by a rule, behind an optional label with a color dot."""

    groups: Sequence[Sequence[Cell]]
    label: str = ""
    note: str = ""
    color: str = ""
    whole: str = ""  # the label, where it was cut: seen where it is pointed at


class Gallery(w.Plain, anywidget.AnyWidget):
    """A grid or strip of thumbnails and cards; `show` fills it. A click, or Enter, opens a row: see `link`.

    `hovered` (under mouse or focus) and `picked` (asked about, with Shift) are rows of the pool, -1 for none.
    """

    # as text: of a Path anywidget would keep every widget alive
    _esm = Path(__file__).with_name("gallery.js").read_text()
    pictures = Pictures()  # of what is shown

    sheet = Bytes(b"").tag(sync=True)
    tile = ListTrait([1, 1, 1]).tag(sync=True)  # width, height, columns of the sheet
    sections = ListTrait().tag(sync=True)
    head = ListTrait().tag(sync=True)
    size = Int(44).tag(sync=True)
    label = Unicode("Images").tag(sync=True)
    empty = Unicode("").tag(sync=True)
    serial = Int(0).tag(sync=True)  # the page redraws when it changes, so once a `show`

    tags = DictTrait().tag(sync=True)  # {row as a word: its tags}, of the rows shown

    hovered = Int(-1).tag(sync=True)
    picked = Int(-1).tag(sync=True)

    def show(
        self,
        sections: Sequence[Section],
        pictures: Pictures | None,
        *,
        head: Sequence[str] = (),
        label: str = "Images",
        empty: str = "",
    ) -> None:
        """Replace what is shown, in one message. Each row's picture is fetched once."""
        rows = list(dict.fromkeys(cell.row for s in sections for group in s.groups for cell in group))
        self.pictures = pictures = pictures or Pictures()
        tiles = [pictures.tile(row) for row in rows]
        sheet, tile = pack([t for t in tiles if t is not None])
        place, at = {}, 0
        for row, found in zip(rows, tiles, strict=True):
            place[row] = at if found is not None else -1
            at += found is not None

        def plain(cell: Cell) -> dict:
            shown = {} if place[cell.row] >= 0 else card(pictures, cell.row)
            return {**asdict(cell), "tile": place[cell.row], **shown}

        with self.hold_sync():
            self.sheet, self.tile = sheet, tile
            self.sections = [
                {**asdict(replace(s, groups=())), "groups": [[plain(c) for c in g] for g in s.groups]}
                for s in sections
            ]
            self.head, self.label, self.empty = list(head), label, empty
            self.picked = -1
            self.serial += 1

    @property
    def rows(self) -> list[int]:
        """The rows shown, in order."""
        return [cell["row"] for s in self.sections for group in s["groups"] for cell in group]


def card(pictures: Pictures, row: int) -> dict:
    """What stands in a cell without a picture: {"text", "trouble"}, {"fields"}, or {"card"}: first values or a name."""
    if not pictures.shown.kind:
        return {"card": pictures.card(row)}
    face = pictures.face(row)
    if face.trouble or face.text or not face.fields:
        return {"text": clipped(" ".join((face.text or "").split()), LETTERS), "trouble": face.trouble}
    told = [pair for pair in face.fields if pair[1] != ABSENT] or face.fields
    return {"fields": [[name, clipped(value, 60)] for name, value in told[:FIELDS]]}


def link(gallery: Gallery, session: Session, on_pick: Callable[[int], None] | None = None) -> None:
    """Let the gallery's page tell the session which rows are hovered and opened.

    A cell that is asked about (clicked with Shift, or `m`) goes to `on_pick`.
    """

    def told(_: Any, content: dict, buffers: Any) -> None:
        if "open" in content:
            session.opened = (
                -1,
                (),
                "",
            )  # a page that was loaded anew shows no dialog: the same row opens again
            session.opened = (int(content["open"]), tuple(gallery.rows), str(content.get("part", "")))

    def tag(_: Any = None) -> None:
        named = (
            {row: tags_of(session, gallery.pictures.id(row)) for row in gallery.rows} if session.tags else {}
        )
        gallery.tags = {str(row): tags for row, tags in named.items() if tags}

    guard = session_guard(session)
    gallery.on_msg(guard(told))
    gallery.observe(guard(tag), "serial")
    session.observe(guard(tag), "tags")
    gallery.observe(lambda change: session.set_trait("hovered", change.new), "hovered")
    if on_pick is not None:
        gallery.observe(lambda change: on_pick(change.new), "picked")
