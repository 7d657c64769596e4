"""The training laboratory's answers as figures: each draws the frame of the question that it is called after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    PLAIN,
    breadth,
    brief,
    caption,
    entitle,
    figure,
    legend,
    lines_high,
    literal,
    plain,
)
from coreset_explore.plots.lines import log_ticks
from coreset_explore.plots.squares import numbered, percent

ACCURACY, ERROR = NUMBERS["accuracy"], NUMBERS["gradient_error"]
ROW, LINE = 0.34, 3.3  # inches: a regime in a list, and the height of a figure of lines


@literal
def trade_off(found, *, title: str = "", dark: bool = False):
    """Accuracy against seconds (`questions.trade_off`): a line a regime, the Pareto front ringed and joined."""
    made, axes = _lines_figure(list(dict.fromkeys(found.regime)), title, dark)
    front = found[found.front].sort_values("seconds")
    ink = palette.ink("text", dark)
    axes.plot(front.seconds, front.accuracy, color=ink, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    handles = _draw_lines(axes, found, "seconds", "accuracy", dark)
    look = {"facecolors": "none", "edgecolors": ink, "linewidths": 1.1}
    axes.scatter(front.seconds, front.accuracy, s=90, zorder=3, gid="front", **look)
    axes.set_xscale("log")
    log_ticks(axes.xaxis)
    axes.set(xlabel="seconds: training, forward passes and choosing (log scale)", ylabel=ACCURACY.axis)
    percent(axes.yaxis)
    _legend(made, handles, dark)
    rings = "Rings: nothing is as fast and as accurate, and better in one of them."
    caption(made, f"{rings} Points along a line are budgets, means over seeds.", dark)
    return made


@literal
def gradient_error(found, *, title: str = "", dark: bool = False):
    """The error of what is trained on over the updates (`questions.gradient_error`), means over seeds."""
    made, axes = _lines_figure(list(dict.fromkeys(found.regime)), title, dark)
    means = found.groupby(["regime", "update"], sort=False).error.mean().reset_index()
    handles = _draw_lines(axes, means, "update", "error", dark)
    axes.set_yscale("log")
    log_ticks(axes.yaxis)
    axes.set(xlabel="updates", ylabel=ERROR.axis)
    _legend(made, handles, dark)
    caption(made, "Under the gradients after each epoch. It jumps where rows are chosen anew.", dark)
    return made


@literal
def redundant_points(found, *, title: str = "", dark: bool = False):
    """The share of rows never chosen as bars (`questions.redundant_points`), and what chance would leave as marks."""
    means = found.groupby(["regime", "budget"], sort=False)[["unused", "by_chance"]].mean().reset_index()
    labels = _labels(means)
    made, axes = _list_figure(labels, title or "Rows never chosen", dark)
    axes.barh(range(len(means)), means.unused, color=palette.ink("a", dark), height=0.66)
    ink = palette.ink("text", dark)
    look = {"marker": "|", "s": 110, "color": ink, "linewidths": 1.4, "zorder": 3}
    axes.scatter(means.by_chance, range(len(means)), gid="chance", **look)
    axes.set_xlim(0, 1)
    percent(axes.xaxis)
    caption(made, "Mark: what drawing as many rows anew, as often, would leave.", dark)
    return made


@literal
def transfer(found, *, title: str = "", dark: bool = False):
    """Mean accuracy of the model in a column on what the model in a row chose (`questions.transfer`)."""
    names = list(dict.fromkeys(found.strategy))
    models = list(dict.fromkeys([*found.selected_by, *found.trained]))
    means = found.groupby(["strategy", "selected_by", "trained"]).accuracy.mean()
    beside, cell = 0.5 + breadth(models), 0.72
    made = figure((beside + cell * len(models)) * len(names) + 0.3, 1.25 + 0.5 * len(models), dark)
    for axes, name in zip(made.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        square = [[float(means.get((name, a, b), float("nan"))) for b in models] for a in models]
        plain(axes, dark)
        entitle(axes, brief(name), dark, made.get_figwidth() * (1 - 1 / len(names)) + beside, PLAIN + 0.5)
        numbered(axes, square, models, models, ACCURACY.write, dark)
        axes.set(xlabel="trained", ylabel="chosen by")
    if title:
        made.suptitle(title, color=palette.ink("text", dark), fontweight="bold", fontsize=PLAIN + 1)
    return made


@literal
def ablation(found, *, title: str = "", dark: bool = False):
    """Accuracy with one thing changed at a time (`questions.ablate`): a dot a change, the regime as it is as a line."""
    means = found.groupby(["factor", "regime"], sort=False).agg(
        value=("value", "first"), mean=("accuracy", "mean"), sd=("accuracy", "std")
    )
    means = means.reset_index()
    base, rest = means[means.factor == "as it is"], means[means.factor != "as it is"]
    labels = [f"{row.factor} = {_written(row.value)}" for row in rest.itertuples()]
    made, axes = _list_figure(labels, title or "One thing changed at a time", dark)
    _dots(axes, rest["mean"], rest.sd, palette.ink("a", dark))
    for value in base["mean"]:
        axes.axvline(value, color=palette.ink("text", dark), linewidth=1, linestyle=(0, (2, 2)), gid="base")
    axes.set_xlabel(ACCURACY.axis)
    percent(axes.xaxis)
    caption(made, "Means and one standard deviation over seeds; dotted: the regime as it is.", dark)
    return made


@literal
def robustness(found, *, title: str = "", dark: bool = False):
    """Mean accuracy of each regime on each variant of the data (`questions.robustness`)."""
    names, variants = (list(dict.fromkeys(found[column])) for column in ("regime", "variant"))
    means = found.groupby(["regime", "variant"]).accuracy.mean()
    square = [[float(means.get((name, variant), float("nan"))) for variant in variants] for name in names]
    beside = 0.4 + breadth([brief(name) for name in names])
    below = 0.3 + 0.5 * breadth([brief(name) for name in variants])
    high = below + 0.42 * len(names) + 0.2 + lines_high(title, 5)
    made = figure(beside + 1.0 * len(variants) + 0.9, high, dark)
    axes = plain(made.add_subplot(), dark)
    if title:
        entitle(axes, title, dark, beside)
    numbered(axes, square, names, variants, ACCURACY.write, dark)
    return made


@literal
def budgets(found, *, title: str = "", dark: bool = False):
    """Accuracy over growing budgets and the smallest that is enough (`questions.smallest_budget`)."""
    made = figure(4.6, LINE, dark)
    axes = plain(made.add_subplot(), dark, title)
    sd = found.sd.fillna(0.0)
    color = palette.ink("a", dark)
    axes.errorbar(found.budget, found["mean"], yerr=sd, color=color, marker="o", markersize=4, linewidth=1.5)
    if found.attrs.get("smallest") is not None:
        look = {"color": palette.ink("text", dark), "linewidth": 1, "linestyle": (0, (2, 2))}
        axes.axvline(found.attrs["smallest"], gid="smallest", **look)
        caption(made, f"Dotted: {found.attrs['smallest']:,} rows; the next budget changes no more.", dark)
    axes.set_xscale("log")
    log_ticks(axes.xaxis)
    axes.set(xlabel=NUMBERS["budget"].whole, ylabel=ACCURACY.axis)
    percent(axes.yaxis)
    return made


@literal
def significance(square, *, title: str = "", dark: bool = False):
    """p of every two regimes (`experiment.significance.matrix`); the surer, the brighter."""
    names = list(square.columns)
    beside = 0.3 + breadth([brief(name) for name in names])
    made = figure(beside + 0.66 * len(names) + 0.5, 0.4 + 0.6 * beside + 0.42 * len(names), dark)
    axes = plain(made.add_subplot(), dark)
    entitle(axes, title or "Wilcoxon's p", dark, beside)
    values = square.to_numpy().tolist()
    numbered(axes, values, names, names, _p, dark, (1.0, 0.0))  # what is sure is bright
    return made


# -- what they share --------------------------------------------------------------------------------------------------


def _lines_figure(names: Sequence[str], title: str, dark: bool):
    made = figure(5.0 + breadth([brief(name) for name in names]), LINE + lines_high(title, 5), dark)
    return made, plain(made.add_subplot(), dark, title)


def _list_figure(labels: Sequence[str], title: str, dark: bool):
    """A figure of one row a label, from the top."""
    beside = 0.3 + breadth(labels)
    made = figure(3.6 + beside, 1.2 + ROW * len(labels) + lines_high(title, 3.6), dark)
    axes = plain(made.add_subplot(), dark)
    entitle(axes, title, dark, beside)
    axes.grid(False, axis="y")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    return made, axes


def _draw_lines(axes, found, x: str, y: str, dark: bool) -> list[tuple]:
    """A line a regime; (handle, label) of each."""
    names = list(dict.fromkeys(found.regime))
    styles, handles = palette.method_styles(names, dark), []
    for name in names:
        part, style = found[found.regime == name], styles[name]
        shape = {"linestyle": palette.MPL_DASH[style.dash], "marker": palette.MPL_MARKER[style.marker]}
        (line,) = axes.plot(part[x], part[y], color=style.color, linewidth=1.4, markersize=4.5, **shape)
        handles.append((line, brief(name)))
    return handles


def _legend(made, handles: list[tuple], dark: bool) -> None:
    legend(made, handles, dark=dark, handlelength=3.2)


def _dots(axes, means, sds, color: str) -> None:
    look = {"fmt": "o", "color": color, "markersize": 4.5, "elinewidth": 1.2}
    axes.errorbar(means, range(len(means)), xerr=sds.fillna(0.0), **look)


def _labels(means) -> list[str]:
    one = means.budget.nunique() == 1
    return [brief(r.regime) if one else f"{brief(r.regime)}, {r.budget:,}" for r in means.itertuples()]


def _p(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0")


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
