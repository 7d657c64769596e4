"""How the weights are spread, and the picks over the classes."""

from __future__ import annotations

from coreset_explore.measures import NUMBERS, THIN, class_balance, effective_size
from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    PLAIN,
    breadth,
    brief,
    entitle,
    figure,
    lines_high,
    literal,
    name_of,
    plain,
)
from coreset_explore.pool import Pool
from coreset_explore.selection import Selection


@literal
def weights(selection: Selection, *, title: str = "", dark: bool = False):
    """How the weights are spread: a histogram, their mean, and how many equal weights they are worth."""
    if selection.weights is None or len(selection) == 0:
        raise ValueError("this selection has no weights to draw; reweigh(pool, selection) states them")
    values = selection.weights.double()
    worth, k = effective_size(values), len(values)
    made = figure(4.4, 3.0, dark)
    axes = plain(made.add_subplot(), dark, title or f"Weights of {k:,} picks by {name_of(selection)}")
    axes.hist(values.numpy(), bins=min(40, max(8, k // 8)), color=palette.ink("a", dark), linewidth=0)
    axes.axvline(float(values.mean()), color=palette.ink("text", dark), linewidth=1, linestyle=(0, (2, 2)))
    axes.set(xlabel="weight (how many rows a pick counts for)", ylabel="picks")
    thin = worth < THIN * k
    size = NUMBERS["effective_size"]
    text = f"{size.name} {size.write(worth)} of {k:,}\nmean {float(values.mean()):,.3g} (dotted)"
    text += "\nso uneven that training may diverge" if thin else ""
    ink = palette.ink("warning" if thin else "text", dark)
    left = float(values.mean()) > float(values.min() + values.max()) / 2  # write where the bars are low
    at = {"x": 0.03, "ha": "left"} if left else {"x": 0.97, "ha": "right"}
    axes.text(y=0.95, s=text, va="top", transform=axes.transAxes, fontsize=PLAIN, color=ink, **at)
    return made


@literal
def balance(pool: Pool, selection: Selection, *, title: str = "", dark: bool = False):
    """Picks per class as bars, with the class's share of the whole pool as a mark."""
    found = class_balance(pool, selection)
    names = pool.classes or tuple(str(c) for c in range(pool.n_classes))
    c = len(names)
    names = [brief(name) for name in names]
    head, beside = title or f"Picks per class, {name_of(selection)}", 0.3 + breadth(names)
    wide = max(4.4, 2.6 + beside)
    made = figure(wide, max(1.6, 0.9 + 0.2 * c) + max(0.0, lines_high(head, wide - beside) - 0.3), dark)
    axes = plain(made.add_subplot(), dark)
    entitle(axes, head, dark, beside)
    axes.grid(False, axis="y")
    axes.barh(range(c), found.counts.numpy(), color=palette.class_colors(c, dark), height=0.72)
    expected = (found.pool_share * len(selection)).numpy()
    ink = palette.ink("text", dark)
    axes.scatter(expected, range(c), marker="|", s=90, color=ink, linewidths=1.4, zorder=3, gid="expected")
    axes.set_yticks(range(c), names)
    axes.set_ylim(c - 0.4, -0.6)
    axes.set_xlabel("picks (mark: in proportion to the pool)")
    return made
