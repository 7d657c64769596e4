"""Curves as figures: gradient error and accuracy over the budget."""

from __future__ import annotations

from collections.abc import Mapping

from coreset_explore.measures import NUMBERS, Path
from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    LARGE,
    PLAIN,
    breadth,
    brief,
    caption,
    figure,
    folded,
    legend,
    lines_high,
    literal,
    plain,
)


@literal
def curves(
    frame=None,
    paths: Mapping[str, Path] | None = None,
    *,
    budget: int | None = None,
    title: str = "",
    dark: bool = False,
):
    """Gradient error (`paths`: name → `gradient_path`) and accuracy (`frame` of `accuracy_curve`) over the budget.

    Lines are means over seeds, bands one standard deviation; `budget` draws the slider's line.
    """
    paths = dict(paths or {})
    shown = [part for part, there in (("error", bool(paths)), ("accuracy", frame is not None)) if there]
    if not shown:
        raise ValueError(
            "curves draws a frame of accuracy_curve, paths of gradient_path, or both; got neither"
        )
    names = list(dict.fromkeys([*paths, *(frame.method if frame is not None else ())]))
    styles = palette.method_styles(names, dark)
    wide, labels = 3.6 * len(shown) + 0.4, [brief(name, 26) for name in names]
    across = max(1, min(4, len(names), int(wide / (0.7 + breadth(labels)))))
    head = folded(title, wide - 0.3)  # in the legend, which takes the place of a title
    made = figure(wide, 3.15 + 0.18 * -(-len(names) // across) + lines_high(title, wide - 0.3), dark)
    lines = {}
    for axes, part in zip(made.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        draw = _errors if part == "error" else _accuracies
        lines |= draw(plain(axes, dark), paths if part == "error" else frame, styles)
        number = NUMBERS["gradient_error" if part == "error" else "accuracy"].axis
        axes.set_title(
            number, loc="left", fontsize=PLAIN + 0.5, fontweight="bold", color=palette.ink("text", dark)
        )
        _budget_axis(axes, budget, dark)
    entries = [(lines[name], label) for name, label in zip(names, labels)]
    look = {"title_fontsize": LARGE, "ncols": across, "handlelength": 3.2}
    legend(made, entries, head, dark, "outside upper left", **look)
    caption(made, _explained(frame), dark)
    return made


@literal
def accuracy(frame, *, title: str = "", dark: bool = False):
    """Accuracy over the budget of a training run's frame (`labs.training.frame`): a line a regime, a band over seeds.

    What trains on all rows is one level line, whatever the budget.
    """
    found = frame[frame.accuracy.notna()].rename(columns={"regime": "method"})
    names = list(dict.fromkeys(found.method))
    styles = palette.method_styles(names, dark)
    whole = {name for name, rows in found.groupby("method") if bool((rows.budget == rows.rows).all())}
    made = figure(5.4 + breadth([brief(name) for name in names]), 3.3 + lines_high(title, 5), dark)
    axes = plain(made.add_subplot(), dark, title)
    lines = _accuracies(axes, found[~found.method.isin(whole)], styles)
    for name in whole:
        style, level = styles[name], found[found.method == name].accuracy.mean()
        lines[name] = axes.axhline(
            level, color=style.color, linewidth=1.5, linestyle=palette.MPL_DASH[style.dash]
        )
    _budget_axis(axes, None, dark)
    axes.set_xlabel("rows trained on at a time (log scale)")
    legend(made, [(lines[name], brief(name)) for name in names], dark=dark, handlelength=3.2)
    seeds = found.seed.nunique()
    bands = f"Lines are the mean of {seeds} seeds, bands one standard deviation. " if seeds > 1 else ""
    level = f"Level: {' and '.join(sorted(whole))}, all rows." if whole else ""
    caption(made, f"{bands}{level}", dark)
    return made


def _errors(axes, paths: Mapping[str, Path], styles) -> dict:
    lines = {}
    for name, path in paths.items():
        points = sorted((b, e) for b, e in zip(path.budgets, path.errors, strict=True) if e > 0)
        lines[name] = _line(axes, [b for b, _ in points], [e for _, e in points], styles[name])
    axes.set_yscale("log")
    log_ticks(axes.yaxis)
    axes.set_ylabel("‖Σ w g − Σ g‖ / ‖Σ g‖")
    return lines


def _accuracies(axes, frame, styles) -> dict:
    lines = {}
    for name, rows in frame.groupby("method", sort=False):
        by_budget = rows.groupby("budget").accuracy
        mean, spread = by_budget.mean(), by_budget.std(ddof=1).fillna(0.0)
        lines[name] = _line(axes, mean.index.to_numpy(), mean.to_numpy(), styles[name])
        if float(spread.max()) > 0:
            low, high = (mean - spread).to_numpy(), (mean + spread).to_numpy()
            axes.fill_between(
                mean.index.to_numpy(), low, high, color=styles[name].color, alpha=0.15, linewidth=0
            )
    axes.set_ylabel(NUMBERS["accuracy"].name)
    digits = 0 if axes.get_ylim()[1] - axes.get_ylim()[0] > 0.05 else 1
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.{digits}f} %")
    return lines


def _explained(frame) -> str:
    """What the accuracies are, for the caption."""
    if frame is None:
        return ""
    how, regime, judged = (
        ", ".join(dict.fromkeys(frame[column])) for column in ("model", "regime", "judged")
    )
    seeds = frame.seed.nunique()
    bands = f"Lines are the mean of {seeds} seeds, bands one standard deviation. " if seeds > 1 else ""
    what = "a linear probe on the features" if how == "probe" else f"{how}, {regime}"
    return f"{bands}Accuracy: {what}, judged by {judged}."


def _line(axes, x, y, style: palette.Style):
    shape = {"linestyle": palette.MPL_DASH[style.dash], "marker": palette.MPL_MARKER[style.marker]}
    (line,) = axes.plot(x, y, color=style.color, linewidth=1.5, markersize=4, markeredgewidth=0, **shape)
    return line


def _budget_axis(axes, budget: int | None, dark: bool) -> None:
    """A logarithmic axis of budgets with ticks at 1, 2 and 5."""
    axes.set_xscale("log")
    log_ticks(axes.xaxis)
    axes.set_xlabel(NUMBERS["budget"].whole)
    if budget is not None:
        axes.axvline(
            budget, color=palette.ink("text", dark), linewidth=0.8, linestyle=(0, (2, 2)), gid="budget"
        )


def log_ticks(axis) -> None:
    """Ticks at 1, 2 and 5 of a logarithmic axis, in plain figures."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:.3g}")
    axis.set_minor_formatter(NullFormatter())
