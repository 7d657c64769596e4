"""Maps as figures: one selection, or two compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from coreset_explore.measures import jaccard
from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    bare,
    breadth,
    brief,
    caption,
    dot,
    dots,
    entitle,
    figure,
    legend,
    literal,
    marked,
    name_of,
)
from coreset_explore.pool import Pool
from coreset_explore.selection import Selection

MANY = 20  # classes beyond which a legend would be longer than the map


@literal
def map(
    xy,
    selection: Selection | None = None,
    y: Pool | Tensor | Sequence[int] | None = None,
    classes: Sequence[str] = (),
    *,
    color: Literal["class", "rank", "weight"] = "class",
    title: str = "",
    note: str = "",
    dark: bool = False,
):
    """Where the picks lie: every row in gray, picks in their class's color with an area that follows the weight.

    `xy` is a Map or coordinates (n, 2); `y` labels (n,), or the Pool, which has the classes' names too. `color` "rank"
    or "weight" uses cividis, dark for early and light. A negative weight is a ring.
    """
    points, note = _coordinates(xy, note)
    y, classes = _labels(y, classes, len(points))
    classes = [brief(name) for name in classes]
    made = figure(6.4, 4.8, dark)
    axes = bare(made.add_subplot(), dark)
    chosen = Selection.of([]) if selection is None else selection
    k = len(chosen)
    _within(chosen, len(points))
    rest = torch.ones(len(points), dtype=torch.bool)
    rest[chosen.indices] = False
    area = float(min(9.0, max(1.2, 40_000 / max(len(points), 1))))
    dots(axes, points[rest], palette.ink("rest", dark), area, alpha=palette.REST_ALPHA, gid="rest")
    weights = None if chosen.weights is None else chosen.weights.double()
    areas = _areas(weights, k)
    inks = _colors(chosen, y, classes, color, dark)
    edge = palette.ink("background", dark)
    if k:
        order = torch.argsort(
            areas, descending=True, stable=True
        )  # large first, so that none is hidden whole
        negative = torch.zeros(k, dtype=torch.bool) if weights is None else weights < 0
        faces = ["none" if negative[i] else inks[i] for i in order.tolist()]
        edges = [inks[i] if negative[i] else edge for i in order.tolist()]
        dots(
            axes, points[chosen.indices[order]], faces, areas[order].numpy(),
            edgecolors=edges, linewidths=0.3, zorder=3, gid="picks",
        )  # fmt: skip
    _map_legends(made, chosen, y, classes, color, weights, dark)
    entitle(axes, title, dark, _beside(made))
    text = f"{k:,} of {len(points):,} points chosen by {name_of(chosen)}. Gray is not selected." if k else ""
    uneven = weights is not None and k > 0 and float(weights.min()) != float(weights.max())
    caption(made, " ".join(part for part in (text, "Area is weight." if uneven else "", note) if part), dark)
    return made


@literal
def compare(
    xy,
    a: Selection,
    b: Selection,
    names: Sequence[str] | None = None,
    *,
    title: str = "",
    note: str = "",
    dark=False,
):
    """Two selections on one map in four states: only A, only B, both, neither; with their Jaccard overlap."""
    points, note = _coordinates(xy, note)
    name_a, name_b = (brief(name, 60) for name in names or (name_of(a), name_of(b)))
    in_a, in_b = (torch.zeros(len(points), dtype=torch.bool) for _ in "ab")
    for inside, chosen in ((in_a, a), (in_b, b)):
        _within(chosen, len(points))
        inside[chosen.indices] = True
    made = figure(6.4, 4.8, dark)
    axes = bare(made.add_subplot(), dark)
    area = float(min(9.0, max(1.2, 40_000 / max(len(points), 1))))
    neither = ~(in_a | in_b)
    dots(axes, points[neither], palette.ink("rest", dark), area, alpha=palette.REST_ALPHA, gid="neither")
    edge = palette.ink("background", dark)
    entries = []
    states = (
        ("a", in_a & ~in_b, f"only {brief(name_a)}"),
        ("b", in_b & ~in_a, f"only {brief(name_b)}"),
        ("both", in_a & in_b, "both"),
    )
    for number, (state, inside, label) in enumerate(states):
        ink, size = palette.ink(state, dark), 26.0 if state == "both" else 16.0
        look = {"edgecolors": edge, "linewidths": 0.3, "zorder": 3 + number, "gid": state}
        dots(axes, points[inside], ink, size, **look)
        entries.append((dot(ink, 40), f"{label}: {int(inside.sum()):,}"))
    entries.append((dot(palette.ink("rest", dark), 20), f"neither: {int(neither.sum()):,}"))
    legend(made, entries, f"Jaccard {jaccard(a.indices, b.indices):.3f}", dark)
    entitle(axes, title, dark, _beside(made))
    text = f"{name_a}: {len(a):,} points. {name_b}: {len(b):,} points. {len(points):,} in all."
    caption(made, f"{text} {note}".strip(), dark)
    return made


def _beside(made) -> float:
    """About how many inches of the figure the legends take."""
    words = [text.get_text() for box in made.legends for text in (box.get_title(), *box.get_texts())]
    return 0.5 + breadth(words) if words else 0.2


def _coordinates(xy, note: str) -> tuple[Tensor, str]:
    """Points (n, 2) on the CPU of a Map or an array, and the note for the caption."""
    if hasattr(xy, "xy"):
        xy, note = xy.xy, note or f"Layout: {xy.note}."
    points = torch.as_tensor(xy).detach().cpu().float()
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"a map wants coordinates (n, 2) of at least one row, got {tuple(points.shape)}")
    if not torch.isfinite(points).all():
        raise ValueError("a map wants finite coordinates, and some are NaN or infinite")
    return points, note


def _labels(y, classes: Sequence[str], n: int) -> tuple[Tensor | None, tuple[str, ...]]:
    if isinstance(y, Pool):
        y, classes = y.y, tuple(classes) or y.classes
    if y is None:
        return None, ()
    y = torch.as_tensor(y).cpu()
    if len(y) != n:
        raise ValueError(f"y wants one label for each of the {n:,} points, got {len(y):,}")
    return y, tuple(classes) or tuple(str(c) for c in range(int(y.max()) + 1))


def _within(selection: Selection, n: int) -> None:
    if len(selection) and int(selection.indices.max()) >= n:
        raise ValueError(
            f"the selection names row {int(selection.indices.max()):,}, and the map has {n:,} points"
        )


def _areas(weights: Tensor | None, k: int) -> Tensor:
    """Area (k,) in points² of each pick: in proportion to |weight|, within limits that can be seen."""
    usual = max(11.0, min(26.0, 6000 / max(k, 1)))
    if weights is None or k == 0 or not weights.any():
        return torch.full((k,), usual, dtype=torch.float64)
    return (usual * weights.abs() / weights.abs().mean()).clamp(0.35 * usual, 6 * usual)


def _colors(chosen: Selection, y: Tensor | None, classes: Sequence[str], color: str, dark: bool) -> list[str]:
    k = len(chosen)
    if color not in ("class", "rank", "weight"):
        raise ValueError(f"color is 'class', 'rank' or 'weight', not {color!r}")
    if color == "class":
        if y is None:
            return [palette.ink("accent", dark)] * k
        of_class = palette.class_colors(len(classes), dark)
        return [of_class[label] for label in y[chosen.indices].tolist()]
    if color == "weight":
        if chosen.weights is None:
            raise ValueError(
                "this selection has no weights to color by; reweigh(pool, selection) states them"
            )
        ranks = torch.argsort(torch.argsort(chosen.weights, stable=True))
    else:
        ranks = torch.arange(k)
    return [palette.RAMP[int(10 * rank / k)] for rank in ranks.tolist()]


def _map_legends(made, chosen, y, classes, color, weights, dark) -> None:
    k = len(chosen)
    if k == 0:
        return
    if color != "class":
        marks = [(dot(palette.RAMP[i], 40), text) for i, text in _ramp_texts(chosen, color)]
        legend(made, marks, color.capitalize(), dark)
    elif y is not None:
        counts = torch.bincount(y[chosen.indices], minlength=len(classes)).tolist()
        inks = palette.class_colors(len(classes), dark)
        most = sorted(range(len(classes)), key=lambda c: -counts[c])[:MANY]
        entries = [(dot(inks[c], 40), f"{classes[c]}: {counts[c]:,}") for c in sorted(most)]
        title = "Picks per class" if len(classes) <= MANY else f"Picks, {MANY} of {len(classes):,} classes"
        legend(made, entries, title, dark)
    if weights is not None and float(weights.min()) != float(weights.max()):
        size = weights.abs()
        shown = sorted({round(float(q), 6) for q in (size.min(), size.median(), size.max())})
        at = [int((size - value).abs().argmin()) for value in shown]
        areas = _areas(weights, k)
        ink = palette.ink("muted", dark)
        entries = [(dot(ink, float(areas[i])), marked(float(size[i]))) for i in at]
        if bool((weights < 0).any()):
            entries.append((dot(ink, 26, hollow=True), "negative"))
        legend(made, entries, "Weight", dark, "outside right lower", labelspacing=0.9)


def _ramp_texts(chosen: Selection, color: str) -> list[tuple[int, str]]:
    k = len(chosen)
    if color == "rank":
        return [(i, f"{1 + round(i / 9 * (k - 1)):,}") for i in (0, 3, 6, 9)]
    values = chosen.weights.sort().values
    return [(i, marked(float(values[round(i / 9 * (k - 1))]))) for i in (0, 3, 6, 9)]
