"""The Compare tab: two selections on one map in four states, their overlap, their numbers, and what only one has."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from coreset_explore.experiment.runs import Run
from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.explorer.compare_strips import only_strip
from widgets.explorer.curves_figure import accuracies
from widgets.explorer.result import Result
from widgets.explorer.rows import Reading, told
from widgets.explorer.session import Session
from widgets.kit import encode, room
from widgets.kit.canvas import Canvas
from widgets.kit.form import Controls
from widgets.kit.gallery import Gallery, link
from widgets.kit.guard import session_guard
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import field, text
from widgets.kit.pictures import Pictures
from widgets.kit.view import Part, View

HEIGHT = 446  # px of the map, in a high window
OTHERS, SLIGHT = 214, 40  # px seen with it; px of another height for which it is not drawn anew
MEASURES = ("mean_distance", "radius", "gradient_error", "effective_size")  # no seeds, so no side is marked


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
        self.strips = Gallery(size=42, label="Rows that only one of the two selections holds")
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
        wanted = room.height(self.session, OTHERS, HEIGHT)
        same = self.canvas is not None and abs(wanted - self.canvas.widget.height) <= SLIGHT
        return self.canvas.widget.height if same else wanted

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
        return encode.compare_tables(j, *sizes, self.session.dark, self.canvas.next_tick())

    def _attach(self) -> None:
        self.frame.children = (self.canvas.box,)

    def _tell(self) -> None:
        result, pair, j = self.session.result, self._pair, self._j
        self.side.value = side_html(result, *pair, j, self.session.dark)
        self.caption.value = f"<p>{text(caption_text(result, *pair, j, self.layout.value))}</p>"

    def _fill_strips(self) -> None:
        result, found, dark = self.session.result, self.session.found, self.session.dark
        a, b = (Reading(result, run, self._j, self._pictures, found) for run in self._pair)
        sections = [
            only_strip("Only in A", a, b.rows, palette.ink("a", dark)),
            only_strip("Only in B", b, a.rows, palette.ink("b", dark)),
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


def side_html(result: Result, a: Run, b: Run, j: int, dark: bool = False) -> str:
    """Jaccard, the overlap bar and the table of numbers at the slider's budget."""
    rows_a, rows_b = (run.at[j].indices.numpy() for run in (a, b))
    counts = encode.compare_counts(rows_a, rows_b, result.n)
    union = counts["a"] + counts["b"] + counts["both"]
    jaccard = counts["both"] / union if union else 1.0
    ink = {name: palette.ink(name, dark) for name in ("a", "b", "both")}
    parts = "".join(
        f'<span style="flex:{counts[n]} 1 0;background:{ink[n]};color:{palette.readable_on(ink[n])}">'
        f"{label if counts[n] > 0.12 * union else ''}</span>"
        for n, label in (
            ("a", f"A {counts['a']:,}"),
            ("both", f"{counts['both']:,}"),
            ("b", f"B {counts['b']:,}"),
        )
        if counts[n]
    )
    keys = "".join(
        f'<span><i style="background:{ink[n]}"></i>{label}</span>'
        for n, label in (("a", "A only"), ("both", "both"), ("b", "B only"))
    )
    spoken = f"only A {counts['a']}, both {counts['both']}, only B {counts['b']}"
    data = " ".join(f"data-{name}={count}" for name, count in counts.items())
    table = "".join(
        f"<tr><th scope=row>{title}</th><td>{one}</td><td>{two}</td></tr>"
        for title, one, two in _numbers(result, a, b, j)
    )
    return (
        f"<div class=cx-h>Overlap at {result.budgets[j]:,} points</div>"
        f"<div class=cx-figures><div><b class=cx-num>{jaccard:.3f}</b><span>Jaccard</span></div>"
        f"<div><b class=cx-num data-both={counts['both']}>{counts['both']:,}</b><span>in both</span></div></div>"
        f'<div class=cx-overlap role=img {data} aria-label="{spoken}">{parts}</div>'
        f"<div class=cx-key>{keys}</div>"
        f"<table class=cx-table><thead><tr><th></th><th scope=col>A</th><th scope=col>B</th></tr></thead>"
        f"<tbody>{table}</tbody></table>"
        "<p class=cx-note>Distances are between features, over all rows.</p>"
    )


def _numbers(result: Result, a: Run, b: Run, j: int) -> list[tuple[str, str, str]]:
    rows = []
    for name in MEASURES:
        values = [run.numbers.get(name, [None] * (j + 1))[j] for run in (a, b)]
        if values != [None, None]:
            rows.append((NUMBERS[name].title, *map(NUMBERS[name].write, values)))
    points = [accuracies(run.strategy.name, run) for run in (a, b)]
    if all(points):
        at = min((row[0] for row in points[0]), key=lambda budget: abs(budget - result.budgets[j]))
        one, two = (next((row for row in rows_ if row[0] == at), None) for rows_ in points)
        if one and two:
            gap = max(one[2], two[2])
            accuracy = NUMBERS["accuracy"]
            marked = [
                f"<b>{accuracy.write(v[1])}</b>" if v[1] - o[1] > gap else accuracy.write(v[1])
                for v, o in ((one, two), (two, one))
            ]
            rows.append((f"{accuracy.title} at {at:,}", *marked))
    rows.append(("Seconds", f"{a.seconds:.2f}", f"{b.seconds:.2f}"))
    return rows


def caption_text(result: Result, a: Run, b: Run, j: int, layout: str) -> str:
    """What the map shows, as a sentence."""
    k = result.budgets[j]
    said = [
        f" {side}: {words}" for side, run in (("A", a), ("B", b)) for words in told(run.at[j], result.pool)
    ]
    return (
        f"A: {a.strategy.name}. B: {b.strategy.name}. {k:,} points each of {result.n:,}. {layout} of the features."
        f"{''.join(said)}"
    )
