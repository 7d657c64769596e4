"""What every figure shares: a matplotlib Figure apart from pyplot, type sizes, quiet axes, legends outside, names."""

from __future__ import annotations

import functools
import io
import textwrap
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import ParamSpec, TypeVar

import torch

from coreset_explore.plots import palette
from coreset_explore.selection import Selection

SMALL, PLAIN, LARGE = 7.5, 8.5, 10.0  # points
BESIDE = 24  # characters of a name beside the axes, before it is shortened
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


P, R = ParamSpec("P"), TypeVar("R")


def literal(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorator for what draws a figure: its words are drawn as they are, whatever they hold.

    matplotlib sets what stands between two dollars as mathematics, and classes, methods and files are called so. Text
    that is added to the figure later is read as matplotlib's always is.
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        from matplotlib.text import Text

        made = draw(*args, **kwargs)
        for words in made.findobj(Text):
            words.set_parse_math(False)
        return made

    return drawn


def brief(name: object, most: int = BESIDE) -> str:
    """A name on one line of at most `most` characters: of a longer one its beginning and its end."""
    line = " ".join(str(name).split())
    return line if len(line) <= most else f"{line[: most - most // 2 - 1]}…{line[-(most // 2) :]}"


def breadth(words: Sequence[str], size: float = PLAIN, bold: bool = False) -> float:
    """How wide the longest of these is, in inches, in type of `size` points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    # a line at a time: what is measured as one string has no breaks
    lines = [line for word in words for line in word.split("\n") if line]
    return (
        max((text_to_path.get_text_width_height_descent(line, font, False)[0] for line in lines), default=0)
        / 72
    )


def fitted(name: object, inches: float) -> str:
    """A name in bold for a place so wide: whole, or as much of its beginning and its end as there is room for."""
    whole = " ".join(str(name).split())
    most = len(whole)
    while most > 3 and (wide := breadth([brief(whole, most)], bold=True)) > inches:
        most = max(3, min(most - 1, int(most * inches / wide)))
    return brief(whole, most)


def folded(text: str, inches: float, size: float = LARGE) -> str:
    """A heading in lines of at most so many inches, in bold type of `size` points."""
    most = max((len(line) for line in text.split("\n")), default=0)
    shown = text
    while most > 5 and (wide := breadth([shown], size, bold=True)) > inches:
        most = max(5, min(most - 1, int(most * inches / wide)))
        shown = "\n".join(textwrap.fill(line, most) for line in text.split("\n"))
    return shown


def lines_high(title: str, inches: float) -> float:
    """How high a title in so many inches is, 0 without one."""
    return 0.12 + 0.18 * len(folded(title, inches).split("\n")) if title else 0.0


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
        entitle(axes, title, dark, 0.9)
    return axes


def entitle(axes, title: str, dark: bool, beside: float, size: float = LARGE) -> None:
    """The title over the axes; `beside` them are so many inches of the figure that it must not run into."""
    shown = folded(title, axes.figure.get_figwidth() - beside, size)
    axes.set_title(shown, loc="left", fontsize=size, fontweight="bold", color=palette.ink("text", dark))


def headline(made, title: str, dark: bool, beside: float = 0.3, **place) -> None:
    """The title over all axes; `beside` it are so many inches of the figure that it must not run into."""
    if title:
        look = {"fontsize": LARGE, "fontweight": "bold", "color": palette.ink("text", dark)}
        made.suptitle(folded(title, made.get_figwidth() - beside), **look, **place)


def bare(axes, dark: bool = False):
    """Axes for a map: equal scales and no ticks, since a map's coordinates mean nothing."""
    plain(axes, dark)
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
    places = [
        str(i) for i in range(len(labels))
    ]  # at first: matplotlib passes over a label that begins with _
    box = made.legend(handles, places, loc=loc, title=title or None, borderaxespad=0.2, **{**options, **more})
    for words, label in zip(box.get_texts(), labels, strict=True):
        words.set_text(label)
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
        wide = max(30, int(made.get_figwidth() * 17))
        shown = textwrap.fill(text, wide)
        made.supxlabel(shown, x=0.012, ha="left", fontsize=SMALL, color=palette.ink("muted", dark))


def over_ends(
    words: tuple[str, str], left: float, second: float | None, first: int
) -> list[tuple[float, str]]:
    """What stands over the first images and over the last ones, and where; together where the first are too few."""
    if second is None or first < 1:
        return [(left, words[1] if first < 1 else words[0])]
    return (
        [(left, f"{words[0]}, {words[1].lower()}")] if first < 2 else [(left, words[0]), (second, words[1])]
    )


def name_of(selection: Selection) -> str:
    """What a selection is called: its method."""
    return brief(str(selection.info.get("method", "selection")).replace("_", " "), 60)


def marked(weight: float) -> str:
    """A weight as it stands under an image: ×34, ×0.5."""
    return f"×{weight:.0f}" if abs(weight) >= 9.95 else f"×{weight:.2g}"
