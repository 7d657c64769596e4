"""The Compare tab: two selections on one map in four states, their overlap, their numbers, and what only one has."""

from __future__ import annotations

from typing import Any

import numpy as np

from coreset_explore.experiment.runs import Run
from widgets.explorer.compare_side import caption_text, inks, side_html
from widgets.explorer.compare_strips import only_strip
from widgets.explorer.map_layout import how_made
from widgets.explorer.result import Result
from widgets.explorer.rows import Reading
from widgets.explorer.session import Session
from widgets.explorer.tip import Side, compared_html
from widgets.kit import encode, room
from widgets.kit import plain as w
from widgets.kit.canvas import Canvas
from widgets.kit.form import Controls
from widgets.kit.gallery import Gallery, link
from widgets.kit.guard import session_guard
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import field, text
from widgets.kit.pictures import Pictures
from widgets.kit.tags import tags_of
from widgets.kit.view import Part, View

HEIGHT = 446  # px of the map, in a high window
OTHERS = 214  # px seen with it


def compare_panel(session: Session) -> w.Widget:
    """The tab's widget; it follows the result, the pair, the slider, the layout and the theme."""
    return CompareView(session, kernel_loop()).root


class CompareView:
    """One map of both selections, with what stands beside and under it."""

    def __init__(self, session: Session, loop: Any = None):
        self.session, self.loop = session, loop
        self.canvas: Canvas | None = None
        self._pictures: Pictures | None = None
        self.pick_a, self.pick_b = w.Dropdown(), w.Dropdown()
        self.layout = w.ToggleButtons(options=["PCA"]).add_class("cx-toggle")
        self.controls = Controls(session, compare_a=self.pick_a, compare_b=self.pick_b, layout=self.layout)
        swap = w.Button(description="Swap").add_class("cx-button")
        swap.on_click(session_guard(session)(self._swap))
        self.frame = w.Box([]).add_class("cx-frame")
        self.caption, self.side = w.HTML().add_class("cx-note"), w.HTML().add_class("cx-compare-side")
        self.strips = Gallery(size=42, label="What only one of the two selections holds")
        link(self.strips, session)
        tools = [field("A", self.pick_a), field("B", self.pick_b), swap, field("Layout", self.layout)]
        toolbar = w.HBox(tools).add_class("cx-toolbar")
        plot = w.VBox([self.frame, self.caption]).add_class("cx-compare-plot")
        body = w.Box([plot, self.side]).add_class("cx-two")
        self.root = w.VBox([toolbar, body, self.strips]).add_class("cx-compare")
        self.root.view = self
        watch = [
            "result",
            "maps",
            "layout",
            "compare_a",
            "compare_b",
            "j",
            "found",
            "columns",
            "theme",
            "tab",
            "height",
            "hovered",
            "tags",
        ]
        self.view = View(session, self._parts(), watch, seen=lambda: session.tab == "compare")
        self.view.refresh()

    def _parts(self) -> dict[str, Part]:
        session = self.session

        def drawable(*made_of: Any) -> tuple | None:
            """On the canvas, of these, once there is a map to draw."""
            return (self.canvas, *made_of) if session.maps else None

        def picks() -> tuple:
            a, b = self._pair
            return a.at, b.at, None if a.nested and b.nested else self._j

        return {
            "pictures": (lambda: (session.result.pool, session.result.data), self._new_pictures),
            "tools": (
                lambda: (tuple(session.result.runs), *self._names, session.layout, session.maps),
                self._offer,
            ),
            "canvas": (lambda: (session.result.n, self._height) if session.maps else None, self._new_canvas),
            "theme": (lambda: drawable(session.dark), lambda: self.canvas.theme(session.dark)),
            "points": (lambda: drawable(*picks(), self._map), self._draw),
            "look": (
                lambda: drawable(*picks(), self._j, session.dark),
                lambda: self.canvas.look(self._table()),
            ),
            "only": (lambda: drawable(session.found), lambda: self.canvas.only(session.found)),
            "card": (
                lambda: drawable(*self._pair, self._j, self._pointed, self._pictures, session.tags),
                self._point,
            ),
            "plot": (lambda: drawable(), self._attach),  # last: a view wants its points first
            "words": (lambda: (*self._pair, self._j, session.dark, self.layout.value), self._tell),
            "strips": (
                lambda: (*picks(), self._pictures, self._j, session.dark, session.found, session.columns),
                self._fill_strips,
            ),
        }

    @property
    def _names(self) -> tuple[str, str]:
        """A, and a B that is another one where there is one."""
        session, runs = self.session, list(self.session.result.runs)
        a = session.compare_a if session.compare_a in runs else runs[0]
        others = [name for name in runs if name != a]
        return a, session.compare_b if session.compare_b in others else (others or [a])[0]

    @property
    def _pair(self) -> tuple[Run, Run]:
        a, b = self._names
        return self.session.result.runs[a], self.session.result.runs[b]

    @property
    def _j(self) -> int:
        return min(self.session.j, len(self.session.result.budgets) - 1)

    @property
    def _height(self) -> int:
        now = 0 if self.canvas is None else self.canvas.widget.height
        return room.height(self.session, OTHERS, HEIGHT, now)

    @property
    def _map(self) -> Any:
        return self.session.maps[self.layout.value]

    def _new_pictures(self) -> None:
        self._pictures = Pictures.of(self.session.result)

    def _offer(self) -> None:
        session, runs, maps = self.session, list(self.session.result.runs), list(self.session.maps)
        for box, name in zip((self.pick_a, self.pick_b), self._names, strict=True):
            self.controls.put(box, name, runs)
        if maps:
            self.controls.put(self.layout, session.layout if session.layout in maps else maps[0], maps)

    def _new_canvas(self) -> None:
        """The view cannot change its number of points."""
        old, self.canvas = self.canvas, Canvas(self._height, self.session.dark, self.loop)
        guard = session_guard(self.session)
        self.canvas.on_hover = guard(lambda row: self.session.set_trait("hovered", row))
        self.canvas.on_open = guard(lambda row: self.session.set_trait("opened", (row, (row,), "")))
        self.canvas.pointer.observe(lambda _: self.view.refresh(), "pinned")
        if old is not None:
            old.close()

    def _draw(self) -> None:
        """New codes: another result, another pair, another map, or a prefix that is not its method's answer."""
        codes, order = _codes(self.session.result, *self._pair, self._j)
        self.canvas.draw(encode.square(np.asarray(self._map.xy)), codes, order, self._table())
        self.view.drawn("look")

    def _table(self) -> encode.Table:
        result, j = self.session.result, self._j
        sizes = (len(result.budgets), result.n, result.budgets[j])
        look = (self.session.dark, self.canvas.next_tick(), self._inks)
        return encode.compare_tables(j, *sizes, *look)

    @property
    def _inks(self) -> tuple[str, str]:
        return inks(self.session.result, *self._names, self.session.dark)

    @property
    def _pointed(self) -> int:
        return self.canvas.pointed(self.session.hovered, self.session.result.n)

    def _point(self) -> None:
        sides = [Side(self.session.result, run, self._j, self._pictures) for run in self._pair]
        row = self._pointed
        tags = tags_of(self.session, self._pictures.id(row)) if row >= 0 else []
        self.canvas.point_at(row, compared_html(*sides, row, tags))

    def _attach(self) -> None:
        self.frame.children = (self.canvas.box,)

    def _tell(self) -> None:
        result, pair, j = self.session.result, self._pair, self._j
        if self.canvas is not None:
            names = (one.strategy.name for one in pair)
            self.canvas.pointer.label = (
                f"Map of {self._pictures.many(result.n)}: A {next(names)}, B {next(names)}"
            )
        self.side.value = side_html(result, *pair, j, self._pictures, self.session.dark)
        made = how_made(self.layout.value, self.session.maps.get(self.layout.value))
        said = caption_text(result, *pair, j, made, self._pictures)
        self.caption.value = f"<p>{text(said)}</p>"

    def _fill_strips(self) -> None:
        result, found = self.session.result, self.session.found
        a, b = (Reading(result, run, self._j, self._pictures, found) for run in self._pair)
        sections = [
            only_strip("Only in A", a, b.rows, self._inks[0]),
            only_strip("Only in B", b, a.rows, self._inks[1]),
        ]
        self.strips.show(sections, self._pictures, label=self.strips.label)

    def _swap(self, _) -> None:
        a, b = self._names
        with self.session.hold_trait_notifications():
            self.session.compare_a, self.session.compare_b = b, a


def _codes(result: Result, a: Run, b: Run, j: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes and drawing order: by first budget for nested runs, else by membership at this budget."""
    bins_a, bins_b = (_bins(result, run, j) for run in (a, b))
    return encode.compare_codes(bins_a, bins_b, len(result.budgets)), encode.compare_order(bins_a, bins_b)


def _bins(result: Result, run: Run, j: int) -> np.ndarray:
    if run.nested:
        return encode.bins([s.indices.numpy() for s in run.at], result.n)
    return encode.member(run.at[j].indices.numpy(), result.n, len(result.budgets))
