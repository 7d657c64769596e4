"""Convex models' way to the optimum as a figure: CRAIG's figure 1, of one's own data."""

from __future__ import annotations

from typing import Literal

from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    PLAIN,
    breadth,
    brief,
    caption,
    entitle,
    figure,
    folded,
    legend,
    lines_high,
    literal,
    plain,
)
from coreset_explore.plots.lines import log_ticks

AXES = {
    "seconds": "seconds: choosing and steps (log scale)",
    "visits": "rows whose gradient was taken (log scale)",
    "epoch": "epochs of the rows trained on",
}
VALUES = {"residual": "loss over all rows − optimum", "error": "error on the test rows"}
WIDE, HIGH = 3.3, 2.4  # inches a panel


@literal
def convergence(
    found, *, x: Literal["seconds", "visits", "epoch"] = "seconds", title: str = "", dark: bool = False
):
    """Loss residual and test error on the way (`questions.convergence`), an optimizer a column; means over seeds."""
    found = found.assign(line=_lines(found))
    optimizers = list(dict.fromkeys(found.optimizer))
    values = [name for name in VALUES if name == "residual" or found[name].notna().any()]
    names = list(dict.fromkeys(found.line))
    styles, labels = palette.method_styles(names, dark), [brief(name, 26) for name in names]
    wide = WIDE * len(optimizers) + 0.4
    across = max(1, min(len(names), int(wide / (0.7 + breadth(labels)))))
    head = 0.18 * -(-len(names) // across) + lines_high(title, wide - 0.3)
    made = figure(wide, HIGH * len(values) + 0.7 + head, dark)
    panels = made.subplots(len(values), len(optimizers), squeeze=False, sharex=True, sharey="row")
    handles = {}
    for column, optimizer in enumerate(optimizers):
        part = found[found.optimizer == optimizer]
        about = ["line", "epoch"]
        means = part.groupby(about, sort=False)[
            [*dict.fromkeys([x, *values, "floor"]).keys() - {"epoch"}]
        ].mean()
        for axes, value in zip(panels[:, column], values, strict=True):
            plain(axes, dark)
            for name in names:
                if name in means.index.get_level_values(0):
                    handles[name] = _draw(axes, means.loc[name].reset_index(), x, value, styles[name])
            if value == "residual":
                axes.set_yscale("log")
                _log_ticks(axes.yaxis)
                entitle(axes, optimizer.upper(), dark, 0.5, PLAIN + 0.5)
            if x != "epoch":
                axes.set_xscale("log")
                _log_ticks(axes.xaxis)
            if column == 0:
                axes.set_ylabel(VALUES[value])
        panels[-1, column].set_xlabel(AXES[x])
    entries = [(handles[name], label) for name, label in zip(names, labels, strict=True)]
    look = {"title_fontsize": PLAIN + 1, "ncols": across, "handlelength": 3.2}
    legend(made, entries, folded(title, wide - 0.3), dark, "outside upper left", **look)
    caption(
        made,
        "Means over seeds. Dotted: the optimum of the weighted picks, where training on them ends.",
        dark,
    )
    return made


def _lines(found):
    """What a line is called: the method, with its budget where there are several."""
    chosen = found[found.method != "Full"].budget.nunique() > 1
    return [
        f"{method}, {k:,}" if chosen and method != "Full" else method
        for method, k in zip(found.method, found.budget, strict=True)
    ]


def _log_ticks(axis) -> None:
    """At 1, 2 and 5, or at powers of ten alone where the axis holds more than two."""
    from matplotlib.ticker import LogLocator

    log_ticks(axis)
    low, high = axis.get_view_interval()
    if high > 100 * low:
        axis.set_major_locator(LogLocator(subs=(1,), numticks=6))


def _draw(axes, means, x: str, value: str, style: palette.Style):
    known = means[(means[x] > 0) | (x == "epoch")]
    if value == "residual":
        known = known[known.residual > 0]  # on a log scale; below rounding there is nothing to see
        if float(means.floor.iloc[0]) > 0:
            axes.axhline(
                means.floor.iloc[0], color=style.color, linewidth=0.9, linestyle=(0, (1, 2)), gid="floor"
            )
    shape = {"linestyle": palette.MPL_DASH[style.dash], "marker": palette.MPL_MARKER[style.marker]}
    many = max(1, len(known) // 10)
    (line,) = axes.plot(
        known[x], known[value], color=style.color, linewidth=1.4, markersize=4, markevery=many, **shape
    )
    return line
