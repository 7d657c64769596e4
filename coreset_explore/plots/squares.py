"""A matrix with its numbers, and an axis in percent: what the laboratories' figures share."""

from __future__ import annotations

from coreset_explore.plots import palette
from coreset_explore.plots.base import SMALL, brief


def numbered(
    axes, values, rows, columns, write, dark: bool, limits: tuple[float, float] | None = None
) -> None:
    """A matrix in cividis with its numbers; NaN is left empty. `limits` are its darkest and brightest value."""
    import numpy as np

    array = np.array(values, dtype=float)
    known = array[~np.isnan(array)]
    low, high = limits or ((known.min(), known.max()) if len(known) else (0.0, 1.0))
    share = (array - low) / ((high - low) or 1.0)
    axes.grid(False)
    axes.imshow(np.ma.masked_invalid(share), cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(columns)), [brief(c) for c in columns], **slanted)
    axes.set_yticks(range(len(rows)), [brief(r) for r in rows])
    for (i, j), value in np.ndenumerate(array):
        if not np.isnan(value):
            ink = palette.readable_on(palette.RAMP[min(9, max(0, round(share[i, j] * 9)))])
            axes.text(j, i, write(value), ha="center", va="center", fontsize=SMALL, color=ink)


def percent(axis) -> None:
    """Shares on this axis as 12 %, with a digit more where it spans little."""
    low, high = axis.get_view_interval()
    digits = 0 if high - low > 0.05 else 1
    axis.set_major_formatter(lambda value, _: f"{100 * value:.{digits}f} %")
