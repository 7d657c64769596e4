"""Many selections in one figure: a small map each, or a line of images each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    ENDS,
    PLAIN,
    SMALL,
    bare,
    breadth,
    brief,
    caption,
    dots,
    figure,
    fitted,
    headline,
    legend,
    lines_high,
    literal,
    over_ends,
)
from coreset_explore.plots.maps import _coordinates, _labels, _within
from coreset_explore.pool import Pool
from coreset_explore.selection import Selection

CROWD = 6_000  # gray dots a small map: more are one blot, and a heavy file
WIDE, HIGH = 2.25, 2.2  # inches of one small map
CELL, GAP, NAME, SPLIT = 1.0, 0.1, 4.2, 0.5  # in images


@literal
def many_maps(
    xy,
    selections: Mapping[str, Selection],
    y: Pool | Tensor | Sequence[int] | None = None,
    classes: Sequence[str] = (),
    *,
    columns: int = 4,
    title: str = "",
    note: str = "",
    dark: bool = False,
):
    """One small map a selection, picks in their class's color over rows in gray; the first map shows the classes.

    `xy` and `y` as in `map`. Of many rows a seeded CROWD is drawn, picks always; without labels the first map is left
    out.
    """
    if not selections:
        raise ValueError("nothing to draw: pass a mapping from names to selections")
    points, note = _coordinates(xy, note)
    y, classes = _labels(y, classes, len(points))
    for chosen in selections.values():
        _within(chosen, len(points))
    panels = [*([None] if y is not None else []), *selections]
    columns = min(columns, len(panels))
    lines = -(-len(panels) // columns)
    made = figure(WIDE * columns, HIGH * lines + 0.25 + lines_high(title, WIDE * columns - 0.3), dark)
    headline(made, title, dark, x=0.01, ha="left")
    some = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:CROWD]
    inks = palette.class_colors(len(classes), dark) if y is not None else []
    grid = made.subplots(lines, columns, squeeze=False).ravel()
    for axes, name in zip(grid, panels):
        bare(axes, dark)
        axes.set_title(
            "All rows, by class" if name is None else fitted(name, WIDE - 0.3),
            loc="left", fontsize=PLAIN, fontweight="bold", color=palette.ink("text", dark),
        )  # fmt: skip
        if name is None:
            dots(
                axes,
                points[some],
                [inks[c] for c in y[some].tolist()],
                2.0,
                alpha=0.6,
                gid="rest",
                rasterized=True,
            )
            _name_classes(axes, points, y, classes, dark)
            continue
        dots(
            axes,
            points[some],
            palette.ink("rest", dark),
            1.2,
            alpha=palette.REST_ALPHA,
            gid="rest",
            rasterized=True,
        )
        rows = selections[name].indices
        ink = palette.ink("accent", dark) if y is None else [inks[c] for c in y[rows].tolist()]
        size = max(4.0, min(12.0, 3000 / max(len(rows), 1)))
        edge = palette.ink("background", dark)
        dots(axes, points[rows], ink, size, edgecolors=edge, linewidths=0.2, zorder=3, gid="picks")
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    counts = sorted({len(chosen) for chosen in selections.values()})
    picks = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    text = f"{picks} picks a map, of {len(points):,} rows"
    text += f"; {CROWD:,} of them drawn in gray." if len(points) > CROWD else "."
    caption(made, f"{text} {note}".strip(), dark)
    return made


@literal
def many_images(
    data,
    selections: Mapping[str, Selection],
    *,
    first: int = 10,
    last: int = 10,
    title: str = "",
    dark: bool = False,
):
    """One line a selection: its first and last images in pick order, underlined in the color of their class.

    `data` is the Data that the pool was made of; rows are found by the selections' ids.
    """
    if data.kind != "images" and data.files is None:
        raise ValueError(f"{data.name} is a table and has no images to show; many_maps works without")
    lines = {name: chosen for name, chosen in selections.items() if len(chosen)}
    if not lines:
        raise ValueError("nothing to draw: pass a mapping from names to selections that hold at least 1 row")
    columns = min(first + last, max(map(len, lines.values())))
    wide, high = NAME + max(columns, 8) * (CELL + GAP) + SPLIT, len(lines) * (CELL + 0.24) + 0.8
    inks = palette.class_colors(len(data.classes), dark)
    entries = _classes(data, lines.values(), inks)
    names, across = len(entries), _across([label for _, label in entries], wide * 0.4)
    tall = high * 0.4 + 0.25 + 0.16 * -(-names // across) + lines_high(title, wide * 0.4 - 0.2)
    made = figure(wide * 0.4, tall, dark)
    axes = made.add_subplot()
    axes.set_axis_off()
    text, muted = palette.ink("text", dark), palette.ink("muted", dark)
    head = {"y": -0.25, "fontsize": PLAIN, "fontweight": "bold", "color": muted}
    second = NAME + first * (CELL + GAP) + SPLIT if columns > first else None
    for left, words in over_ends(ENDS, NAME, second, first):
        axes.text(left, s=words, **head)
    for number, (name, chosen) in enumerate(lines.items()):
        top = number * (CELL + 0.24)
        name = fitted(name, (NAME - 0.2) * 0.4)
        axes.text(0, top + CELL / 2, name, fontsize=PLAIN, fontweight="bold", va="center", color=text)
        rows = (chosen.indices if chosen.ids is None else chosen.ids).tolist()
        shown = rows if len(rows) <= first + last else [*rows[:first], *rows[len(rows) - last :]]
        for column, row in enumerate(shown):
            left = NAME + column * (CELL + GAP) + (SPLIT if column >= first else 0)
            picture = data.thumbnail(row, 64 if data.files is not None else None)
            axes.imshow(picture, extent=(left, left + CELL, top + CELL, top), interpolation="nearest")
            if data.y is not None:
                axes.plot(
                    [left, left + CELL], [top + CELL + 0.07] * 2,
                    color=inks[int(data.y[row])], linewidth=1.8, solid_capstyle="butt", gid="class",
                )  # fmt: skip
    bottom = len(lines) * (CELL + 0.24)
    axes.set(xlim=(0, wide), ylim=(bottom, -0.65), aspect="equal", anchor="W")
    headline(made, title, dark, x=0.01, ha="left")
    legend(
        made, entries, "", dark, "outside lower left", ncols=across,
        fontsize=SMALL, handlelength=1.2, columnspacing=1.1, handletextpad=0.4,
    )  # fmt: skip
    return made


def _classes(data, selections: Iterable[Selection], inks: Sequence[str]) -> list[tuple]:
    """(handle, name) of every class that is shown: which color is which."""
    from matplotlib.lines import Line2D

    if data.y is None:
        return []
    rows = torch.cat([c.indices if c.ids is None else c.ids for c in selections])
    return [
        (Line2D([], [], color=inks[c], linewidth=3), brief(data.classes[c]))
        for c in data.y[rows].unique().tolist()
    ]


def _across(names: Sequence[str], inches: float) -> int:
    """How many of these names a legend holds beside each other."""
    return max(1, min(len(names), 10, int(inches / (0.4 + breadth(names, SMALL)))))


def _name_classes(axes, points: Tensor, y: Tensor, classes: Sequence[str], dark: bool) -> None:
    """Each class's name where it outnumbers the others most, on a ground that lets it be read."""
    from matplotlib import patheffects

    if len(classes) > 12:
        return
    ground = [patheffects.withStroke(linewidth=2.2, foreground=palette.ink("background", dark))]
    low, high = points.min(0).values, points.max(0).values
    cells = ((points - low) / (high - low).clamp_min(1e-12) * 12).long().clamp_max(11) @ torch.tensor([12, 1])
    everyone = torch.bincount(cells, minlength=144)
    for label, name in enumerate(classes):
        members = y == label
        if bool(members.any()):
            margin = 2 * torch.bincount(cells[members], minlength=144) - everyone
            margin[torch.bincount(cells[members], minlength=144) == 0] = -len(points) - 1
            x, height = points[members & (cells == margin.argmax())].mean(0).tolist()
            at = (x - float(low[0])) / max(float(high[0] - low[0]), 1e-12)
            side = "left" if at < 0.2 else "right" if at > 0.8 else "center"  # a long name stays in the map
            axes.text(
                x, height, brief(name, 16), ha=side, va="center", fontsize=SMALL - 1.5, zorder=5,
                color=palette.ink("text", dark), path_effects=ground, clip_on=True,
            )  # fmt: skip
