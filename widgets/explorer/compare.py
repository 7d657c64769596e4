"""The Compare tab: two selections on one map in four states, their overlap, their numbers, and what only one has."""

from __future__ import annotations

import ipywidgets as w
import numpy as np

from coreset_explore.experiment.runs import Run
from coreset_explore.plots import palette
from widgets.explorer.curves_figure import accuracies
from widgets.explorer.result import Result
from widgets.explorer.rows import short
from widgets.explorer.session import Session
from widgets.kit import encode
from widgets.kit.canvas import Canvas
from widgets.kit.gallery import Cell, Gallery, Section, link
from widgets.kit.kernel import kernel_loop
from widgets.kit.markup import percent, text
from widgets.kit.pictures import Pictures
from widgets.kit.problems import session_guard

STRIP = 16
HEIGHT = 446
MEASURES = {  # name in Run.numbers: (title, whether less is better); no seeds, so no side is marked
    "mean_distance": "Mean distance",
    "radius": "Coverage radius",
    "gradient_error": "Gradient error",
    "effective_size": "Effective size",
}


def compare_panel(session: Session) -> w.Widget:
    """The tab's widget; it follows the result, the slider, the layout and the theme."""
    loop = kernel_loop()
    state = {"own": False, "n": 0, "canvas": Canvas(HEIGHT, session.theme == "dark", loop)}
    frame = w.Box([state["canvas"].box]).add_class("cx-frame")
    pick_a, pick_b = w.Dropdown(), w.Dropdown()
    swap = w.Button(description="Swap").add_class("cx-button")
    layout = w.ToggleButtons(options=["PCA"]).add_class("cx-toggle")
    caption, side = w.HTML().add_class("cx-note"), w.HTML().add_class("cx-compare-side")
    strips = Gallery(size=42, label="Rows that only one of the two selections holds")
    link(strips, session)
    guard = session_guard(session)

    def canvas() -> Canvas:
        return state["canvas"]

    def names() -> tuple[str, str]:
        runs = list(session.result.runs)
        a = session.compare_a if session.compare_a in runs else runs[0]
        others = [name for name in runs if name != a]
        fallback = others[0] if others else a
        return a, session.compare_b if session.compare_b in others else fallback

    def table():
        n, budgets, dark = session.result.n, session.result.budgets, session.theme == "dark"
        j = min(session.j, len(budgets) - 1)
        return encode.compare_tables(j, len(budgets), n, budgets[j], dark, canvas().next_tick())

    @guard
    def draw(_=None) -> None:
        """New codes: another result, another pair, another map, or a prefix that is not its method's answer."""
        result = session.result
        if result is None or not session.maps:
            return
        a, b = names()
        state["own"] = True
        try:
            for box, value in ((pick_a, a), (pick_b, b)):
                box.options = list(result.runs)
                box.value = value
            layout.options = list(session.maps)
            layout.value = session.layout if session.layout in session.maps else next(iter(session.maps))
        finally:
            state["own"] = False
        if state["n"] not in (0, result.n):  # the view cannot change its number of points
            old, state["canvas"] = canvas(), Canvas(HEIGHT, session.theme == "dark", loop)
            frame.children = (canvas().box,)
            old.close()
        state["n"] = result.n
        codes, order = _codes(result, result.runs[a], result.runs[b], min(session.j, len(result.budgets) - 1))
        canvas().draw(encode.square(np.asarray(session.maps[layout.value].xy)), codes, order, table())
        tell()

    @guard
    def move(_=None) -> None:
        """The slider: tables only, where every prefix is its method's answer."""
        result = session.result
        if result is None or not session.maps or session.tab != "compare":
            return
        if not all(result.runs[name].nested for name in names()):
            draw()
            return
        canvas().look(table())
        tell()

    def tell() -> None:
        result, dark = session.result, session.theme == "dark"
        a, b = (result.runs[name] for name in names())
        j = min(session.j, len(result.budgets) - 1)
        side.value = side_html(result, a, b, j, dark)
        caption.value = f"<p>{text(caption_text(result, a, b, j, layout.value))}</p>"
        strips.show(_strips(result, a, b, j, dark), Pictures.of(result), label=strips.label)

    @guard
    def themed(_) -> None:
        canvas().theme(session.theme == "dark")
        move()

    @guard
    def choose(change) -> None:
        if state["own"] or change.new is None:
            return
        with session.hold_trait_notifications():
            session.compare_a, session.compare_b = pick_a.value, pick_b.value
            if change.owner is layout:
                session.layout = layout.value
        draw()

    @guard
    def swapped(_) -> None:
        a, b = names()
        with session.hold_trait_notifications():
            session.compare_a, session.compare_b = b, a
        draw()

    for box in (pick_a, pick_b, layout):
        box.observe(choose, "value")
    swap.on_click(swapped)
    session.observe(draw, ["result", "maps", "layout"])
    session.observe(move, ["j", "tab"])
    session.observe(themed, "theme")
    toolbar = w.HBox([_field("A", pick_a), _field("B", pick_b), _field("", swap), _field("Layout", layout)])
    plot = w.VBox([frame, caption]).add_class("cx-compare-plot")
    body = w.Box([plot, side]).add_class("cx-two")
    draw()
    return w.VBox([toolbar.add_class("cx-toolbar"), body, strips]).add_class("cx-compare")


def _field(label: str, control: w.Widget) -> w.Widget:
    return w.VBox([w.HTML(f"<label>{label}&nbsp;</label>"), control]).add_class("cx-field")


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
    for name, title in MEASURES.items():
        one, two = (run.numbers.get(name, [None] * (j + 1))[j] for run in (a, b))
        if one is not None or two is not None:
            rows.append(
                (
                    title,
                    *(
                        "–" if v is None else f"{v:.3g}" if name != "effective_size" else f"{v:,.0f}"
                        for v in (one, two)
                    ),
                )
            )
    points = [accuracies(run.choice.name, run) for run in (a, b)]
    if all(points):
        at = min((row[0] for row in points[0]), key=lambda budget: abs(budget - result.budgets[j]))
        one, two = (next((row for row in rows_ if row[0] == at), None) for rows_ in points)
        if one and two:
            gap = max(one[2], two[2])
            marked = [
                f"<b>{percent(v[1], 1)}</b>" if v[1] - o[1] > gap else percent(v[1], 1)
                for v, o in ((one, two), (two, one))
            ]
            rows.append((f"Accuracy at {at:,}", *marked))
    rows.append(("Seconds", f"{a.seconds:.2f}", f"{b.seconds:.2f}"))
    return rows


def caption_text(result: Result, a: Run, b: Run, j: int, layout: str) -> str:
    """What the map shows, as a sentence."""
    k = result.budgets[j]
    return f"A: {a.choice.name}. B: {b.choice.name}. {k:,} points each of {result.n:,}. {layout} of the features."


def _strips(result: Result, a: Run, b: Run, j: int, dark: bool) -> list[Section]:
    rows_a, rows_b = (run.at[j].indices.tolist() for run in (a, b))
    return [
        _strip("Only in A", a, j, set(rows_b), palette.ink("a", dark), result),
        _strip("Only in B", b, j, set(rows_a), palette.ink("b", dark), result),
    ]


def _strip(label: str, run: Run, j: int, other: set[int], color: str, result: Result) -> Section:
    selection, pictures = run.at[j], Pictures.of(result)
    weights = selection.weights
    only = [(rank, row) for rank, row in enumerate(selection.indices.tolist()) if row not in other]
    cells = [
        Cell(
            row,
            f"{pictures.name(row)}, rank {rank + 1} of {run.choice.name}",
            str(rank + 1),
            "" if weights is None else f"×{short(float(weights[rank]))}",
        )
        for rank, row in only[:STRIP]
    ]
    return Section([cells], label, f"{len(only):,} rows", color)
