"""What every figure shares: a matplotlib Figure apart from pyplot, type sizes, quiet axes, legends outside."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

import torch

from coreset_explore.plots import palette
from coreset_explore.selection import Selection

SMALL, PLAIN, LARGE = 7.5, 8.5, 10.0  # points
ENDS = ("First chosen", "Last chosen")  # over the two ends of a selection in pick order


@lru_cache(maxsize=1)
def _picture():
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A Figure that shows itself in a notebook; `savefig` writes svg, pdf or png."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png", dpi=120)
            return file.getvalue()

    return Picture


def figure(width: float, height: float, dark: bool = False):
    """An empty figure of this size in inches."""
    made = _picture()(figsize=(width, height), layout="constrained", dpi=120)
    made.set_facecolor(palette.ink("background", dark))
    made.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    return made


def plain(axes, dark: bool = False, title: str = ""):
    """Axes for numbers: light grid, no box, small type."""
    axes.set_facecolor(palette.ink("background", dark))
    axes.grid(True, color=palette.ink("grid", dark), linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(palette.ink("rest", dark))
    axes.tick_params(
        labelsize=PLAIN, colors=palette.ink("text", dark), color=palette.ink("rest", dark), which="both"
    )
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(size=PLAIN, color=palette.ink("text", dark))
    if title:
        axes.set_title(title, loc="left", fontsize=LARGE, fontweight="bold", color=palette.ink("text", dark))
    return axes


def bare(axes, dark: bool = False, title: str = ""):
    """Axes for a map: equal scales and no ticks, since a map's coordinates mean nothing."""
    plain(axes, dark, title)
    axes.grid(False)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(palette.ink("grid", dark))
    axes.margins(0.03)
    return axes


def dots(axes, xy: torch.Tensor, color, size, **more):
    """One scatter of all rows; a picture inside an SVG or PDF where there are many."""
    crowd = len(xy) > 3000
    options = {"linewidths": 0, "rasterized": crowd, **more}
    return axes.scatter(xy[:, 0].numpy(), xy[:, 1].numpy(), s=size, c=color, **options)


def legend(
    made, entries: Sequence[tuple], title: str = "", dark: bool = False, loc="outside right upper", **more
):
    """A legend beside the axes, of (handle, label)."""
    if not entries:
        return None
    handles, labels = zip(*entries, strict=True)
    ink = palette.ink("text", dark)
    options = {
        "fontsize": PLAIN,
        "title_fontsize": PLAIN,
        "frameon": False,
        "labelcolor": ink,
        "alignment": "left",
    }
    box = made.legend(handles, labels, loc=loc, title=title or None, borderaxespad=0.2, **{**options, **more})
    box.get_title().set(color=ink, fontweight="bold")
    return box


def dot(color, area: float = 30.0, hollow: bool = False, **more):
    """A legend's handle: one dot with this area in points²."""
    from matplotlib.lines import Line2D

    face = "none" if hollow else color
    options = {"linestyle": "none", "marker": "o", "markersize": area**0.5, "markeredgecolor": color}
    return Line2D(
        [], [], markerfacecolor=face, **{**options, "markeredgewidth": 0.9 if hollow else 0, **more}
    )


def caption(made, text: str, dark: bool = False) -> None:
    """A line or two below everything."""
    if text:
        import textwrap

        wide = max(30, int(made.get_figwidth() * 17))
        shown = textwrap.fill(text, wide)
        made.supxlabel(shown, x=0.012, ha="left", fontsize=SMALL, color=palette.ink("muted", dark))


def name_of(selection: Selection) -> str:
    """What a selection is called: its method."""
    return str(selection.info.get("method", "selection")).replace("_", " ")


def marked(weight: float) -> str:
    """A weight as it stands under an image: ×34, ×0.5."""
    return f"×{weight:.0f}" if abs(weight) >= 9.95 else f"×{weight:.2g}"
