"""Ranked images as a figure: the first and the last picks of each class."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    ENDS,
    PLAIN,
    SMALL,
    entitle,
    figure,
    fitted,
    lines_high,
    literal,
    marked,
    name_of,
    over_ends,
)
from coreset_explore.selection import Selection

CELL, TEXT, GAP, NAME = 1.0, 0.34, 0.12, 2.5  # in images


@literal
def images(
    data,
    selection: Selection,
    *,
    per: Literal["class", "all"] = "class",
    order: Literal["pick", "score"] = "pick",
    first: int = 7,
    last: int = 7,
    size: int = 64,
    title: str = "",
    dark: bool = False,
):
    """The first and last chosen images of each class (or of all), with their rank and weight below.

    `data` is the Data that the pool was made of; rows are found by the selection's ids. `order` "score" ranks every
    row of a class by the selection's score instead: the best and the worst, chosen or not.
    """
    if data.kind != "images" and data.files is None:
        raise ValueError(
            f"{data.name} is a table and has no images to show; plots.map and plots.balance work without"
        )
    rows = _rows(data, selection, per, order)
    if not rows:
        raise ValueError("an empty selection has no images to show; select at least 1 row")
    split = any(len(members) > first + last for _, members, _ in rows)
    columns = min(first + last, max(len(members) for _, members, _ in rows))
    gap = 0.45 if split else 0.0
    wide, high = NAME + max(columns, 4) * (CELL + GAP) + gap, len(rows) * (CELL + TEXT + GAP) + 0.75
    head = title or f"{len(selection):,} picks by {name_of(selection)}"
    made = figure(wide * 0.46, high * 0.46 + lines_high(head, wide * 0.46 - 0.2), dark)
    axes = made.add_subplot()
    axes.set_axis_off()
    text, muted = palette.ink("text", dark), palette.ink("muted", dark)
    heads = ENDS if order == "pick" else ("Best", "Worst")
    over = {"y": -0.2, "fontsize": PLAIN, "fontweight": "bold", "color": muted}
    for left, words in over_ends(heads, NAME, NAME + first * (CELL + GAP) + gap if split else None, first):
        axes.text(left, s=words, **over)
    axes.text(0.32, -0.2, "rank, ×weight", fontsize=SMALL, color=muted)
    for number, (label, members, note) in enumerate(rows):
        top = number * (CELL + TEXT + GAP)
        if label is not None:
            ink = palette.class_colors(len(data.classes), dark)[label]
            axes.plot([0.12], [top + 0.4], marker="o", markersize=5, color=ink, linestyle="none")
        name = "All classes" if label is None else str(data.classes[label])
        name = fitted(name, (NAME - 0.4) * 0.46)
        axes.text(0.32, top + 0.4, name, fontsize=PLAIN, fontweight="bold", va="center", color=text)
        axes.text(0.32, top + 0.78, note, fontsize=SMALL, va="center", color=muted)
        shown = list(enumerate(members)) if len(members) <= first + last else [
            *enumerate(members[:first]), *enumerate(members[len(members) - last :], first)
        ]  # fmt: skip
        for column, (row, rank, weight) in shown:
            left = NAME + column * (CELL + GAP) + (gap if split and column >= first else 0)
            picture = data.thumbnail(row, size if data.files is not None else None)
            axes.imshow(picture, extent=(left, left + CELL, top + CELL, top), interpolation="nearest")
            below = {"y": top + CELL + 0.06, "fontsize": SMALL - 1.5, "va": "top"}
            axes.text(left, s=f"{rank:,}", color=text, **below)
            if weight is not None:
                axes.text(left + CELL, s=marked(weight), ha="right", color=muted, **below)
    axes.set(xlim=(0, wide), ylim=(len(rows) * (CELL + TEXT + GAP), -0.6), aspect="equal")
    entitle(axes, head, dark, 0.2)
    return made


def _rows(data, selection: Selection, per: str, order: str) -> list[tuple]:
    """(label or None, [(row of the data, rank from 1, weight or None)], note) for each line of the figure."""
    if per not in ("class", "all") or order not in ("pick", "score"):
        raise ValueError(f"per is 'class' or 'all' and order 'pick' or 'score', not {per!r} and {order!r}")
    if order == "score":
        ids, ranks, weights = _by_score(data, selection)
    else:
        ids = selection.indices if selection.ids is None else selection.ids
        ranks, weights = torch.arange(1, len(ids) + 1), selection.weights
    if len(ids) and int(ids.max()) >= len(data):
        raise ValueError(
            f"the selection names row {int(ids.max()):,}, and {data.name} has {len(data):,} rows"
        )
    worth = [None] * len(ids) if weights is None else weights.tolist()
    cells = list(zip(ids.tolist(), ranks.tolist(), worth, strict=True))
    verb = "ranked" if order == "score" else "selected"
    if per == "all" or data.y is None:
        return [(None, cells, f"{len(cells):,} {verb}")] if cells else []
    labels = data.y[ids].tolist()
    lines = []
    for label in range(len(data.classes)):
        members = [cell for cell, own in zip(cells, labels, strict=True) if own == label]
        if members:
            lines.append((label, members, f"{len(members):,} {verb}"))
    return lines


def _by_score(data, selection: Selection) -> tuple[Tensor, Tensor, None]:
    if selection.score is None:
        raise ValueError(
            f"{name_of(selection)} does not rank every row; order='pick' shows its first and last picks"
        )
    if len(selection.score) != len(data):
        raise ValueError(
            f"the selection ranks {len(selection.score):,} rows, and {data.name} has {len(data):,}; "
            "order='score' needs a pool of every row"
        )
    ids = torch.argsort(selection.score.nan_to_num(-torch.inf), descending=True, stable=True)
    return ids, torch.arange(1, len(ids) + 1), None
