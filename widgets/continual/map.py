"""The Map tab: all rows that have come by, the two memories in front of them, each on a map of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from widgets.continual import lives
from widgets.continual.class_keys import keys_html
from widgets.continual.looking import looking
from widgets.continual.opened import facts
from widgets.continual.pictures import pictures_of
from widgets.continual.places import LAYOUTS, Places
from widgets.continual.result import Looked
from widgets.continual.session import Session
from widgets.kit import closing, encode, room
from widgets.kit import plain as w
from widgets.kit.canvas import Canvas
from widgets.kit.form import Controls
from widgets.kit.guard import session_guard
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import field, note, show, text
from widgets.kit.pictures import Pictures, point_html
from widgets.kit.view import Part, View

HEIGHT = 470  # px of a map, in a high window
OTHERS = 190  # px of what is to be seen with it
STACKED = 700  # px: in a tab so narrow or less the two maps stand under each other
WATCH = (
    "result step left right capacity seed layout layout_note theme width height folded hovered tab".split()
)


def map_panel(session: Session, loop: Any = None) -> w.Widget:
    """The tab's widget; it follows the step, the memories looked at, the layout, theme and width."""
    return MapView(session, kernel_loop() if loop is None else loop).root


class MapView:
    """Two sides, the layout that both are drawn in, and what is said of them."""

    def __init__(self, session: Session, loop: Any):
        self.session, self.loop = session, loop
        self.places = Places(session, loop, lambda: self.view.refresh())
        self.sides = [Side(session, loop), Side(session, loop)]
        layout = w.ToggleButtons(options=list(LAYOUTS))
        self.controls, self.layout = Controls(session, layout=layout), layout
        reset = w.Button(description="Reset view", tooltip="Show the whole map again")
        reset.on_click(session_guard(session)(lambda _: [side.reset() for side in self.sides]))
        tools = looking(session, "map", field("Layout", layout), reset)
        self.busy, self.keys, self.caption = note(), w.HTML(), note()
        self.two = w.Box([side.box for side in self.sides]).add_class("cx-two-maps")
        self.root = w.VBox([tools, self.keys, self.busy, self.two, self.caption]).add_class("cx-continual")
        self.root.view = self  # for tests, and so that it lives as long as its widget
        closing.along(self.root, self.places.close)
        self._pictures = Pictures()
        parts: dict[str, Part] = {
            "pictures": (lambda: (self.data, session.result.ground.shown), self._new_pictures),
            "layout": (lambda: (session.layout,), lambda: self.controls.put(layout, session.layout)),
            "busy": (lambda: (session.layout_note,), self._say_busy),
            "maps": (self._made_of, self._draw),
            "card": (lambda: (session.hovered, *self._pinned, *self._made_of()), self._point),
            "caption": (self._made_of, self._tell),
        }
        self.view = View(session, parts, WATCH, seen=lambda: session.tab == "map")
        for side in self.sides:
            side.pinned = lambda _: self.view.refresh()
        self.view.refresh()

    @property
    def looked(self) -> Looked:
        return Looked.at(self.session)

    @property
    def data(self) -> Any:
        return self.looked.tasks(self.session.result).data

    @property
    def height(self) -> int:
        return room.height(self.session, OTHERS, HEIGHT, self.sides[0].height)

    @property
    def across(self) -> int:
        """Px that one map has."""
        whole = room.width(self.session)
        return whole if whole <= STACKED or not self.looked.right else (whole - 16) // 2

    @property
    def _pinned(self) -> tuple[int, ...]:
        return tuple(side.pin for side in self.sides)

    def _made_of(self) -> tuple:
        session, found = self.session, self.places.of(self.data)
        return session.result, self.looked, found, session.dark, self.across, self.height

    def _new_pictures(self) -> None:
        self._pictures = pictures_of(self.session.result, self.looked)

    def _say_busy(self) -> None:
        self.busy.value = text(self.session.layout_note)

    def _draw(self) -> None:
        found, looked = self.places.of(self.data), self.looked
        (self.two.add_class if self.across < room.width(self.session) else self.two.remove_class)(
            "cx-beside-maps"
        )
        for side, name in zip(self.sides, (looked.left, looked.right), strict=True):
            show(side.box, bool(name))
            if found is not None and name:
                side.draw(name, looked, found, self.across, self.height)

    def _point(self) -> None:
        session, looked = self.session, self.looked
        for side, name in zip(self.sides, (looked.left, looked.right), strict=True):
            if name and side.canvas is not None:
                row = side.canvas.pointed(session.hovered, len(self.data))
                side.canvas.point_at(row, self._card(row) if row >= 0 else "")

    def _card(self, row: int) -> str:
        said = "<br>".join(f"{text(what)} <b>{text(value)}</b>" for what, value in facts(self.session, row))
        return point_html(self._pictures, row, said, self._pictures.name(row))

    def _tell(self) -> None:
        looked, found = self.looked, self.places.of(self.data)
        self.keys.value = keys_html(self.session.result, looked, self.session.dark)
        shown_in = "" if found is None else f" Shown in {found.note}."
        self.caption.value = text(
            f"Colored by class: kept after task {looked.task + 1}; larger: came in this task. Grey: seen, not kept; "
            f"faint: still to come.{shown_in}"
        )


class Side:
    """One memory's map: its canvas, with a line over it that says whose it is and how much it shows."""

    def __init__(self, session: Session, loop: Any):
        self.session, self.loop = session, loop
        self.canvas: Canvas | None = None
        self.pinned: Any = lambda change: None
        self.height = self._n = 0  # px; rows on the canvas
        self._lives: tuple[tuple, lives.Lives | None] = ((), None)
        self.head, self.frame = note("", "cx-h"), w.Box([]).add_class("cx-frame")
        self.box = w.VBox([self.head, self.frame]).add_class("cx-side-map")

    @property
    def pin(self) -> int:
        return -1 if self.canvas is None else self.canvas.pointer.pinned

    def reset(self) -> None:
        if self.canvas is not None:
            self.canvas.reset()

    def draw(self, name: str, looked: Looked, found: Any, across: int, height: int) -> None:
        """What the stream `name` keeps at this moment, in the layout `found`."""
        result, dark = self.session.result, self.session.dark
        data, n = looked.tasks(result).data, len(found.xy)
        if self.canvas is None or (self.height, self._n) != (
            height,
            n,
        ):  # a view forgets order and filter then
            self._new_canvas(height, n, dark)
        assert self.canvas is not None  # made just now, if it was not there
        kept = {
            t: at["ids"] for t in range(result.many) if (at := looked.numbers(result, name, t)) is not None
        }
        key = (
            id(found),
            id(data),
            name,
            looked.capacity,
            looked.seed,
            tuple(kept),
            len(result.records),
            dark,
            height,
        )
        numbers, canvas = looked.numbers(result, name), self.canvas
        before, life = self._lives
        if life is None or before != key:
            life = lives.lives(data.truth["task"].numpy(), data.y.numpy(), kept, result.many)
        table = lives.tables(
            life, looked.task, n, 0 if numbers is None else numbers["rows"], dark, canvas.next_tick()
        )
        if before == key:
            canvas.look(table)
        else:
            codes = np.repeat(life.codes[:, None], 2, 1).astype(np.float32)
            canvas.theme(dark)
            canvas.draw(encode.square(np.asarray(found.xy)), codes, life.order, table)
        self._lives = key, life
        canvas.distance(round(max(1.0, 0.98 * height / max(across, 200)), 2))
        if not self.frame.children:
            self.frame.children = (canvas.box,)
        count = "not run yet" if numbers is None else f"{numbers['rows']:,} of {numbers['seen']:,} rows seen"
        self.head.value = f'{text(name)} <span class="cx-note">{count}</span>'
        canvas.pointer.label = f"Map of {n:,} rows, {count}, kept by {name}"

    def _new_canvas(self, height: int, n: int, dark: bool) -> None:
        old, session = self.canvas, self.session
        guard = session_guard(session)
        self.canvas = canvas = Canvas(height, dark, self.loop)
        self.height, self._n, self._lives = height, n, ((), None)
        canvas.on_hover = guard(lambda row: session.set_trait("hovered", row))
        canvas.on_open = guard(lambda row: session.set_trait("opened", (row, (row,), "")))
        canvas.pointer.observe(lambda change: self.pinned(change), "pinned")
        canvas.mode(False)
        self.frame.children = ()
        if old is not None:
            old.close()
