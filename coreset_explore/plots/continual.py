"""The continual laboratory's frames as figures: classes over time, accuracy over tasks and sizes, each task on each."""

from __future__ import annotations

from collections.abc import Sequence

from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    PLAIN,
    breadth,
    brief,
    caption,
    entitle,
    figure,
    headline,
    legend,
    lines_high,
    literal,
    plain,
)
from coreset_explore.plots.lines import log_ticks
from coreset_explore.plots.squares import numbered, percent

ACCURACY = NUMBERS["accuracy"]
WIDE, HIGH = 2.6, 2.6  # inches of one panel


@literal
def frequencies(found, *, title: str = "", dark: bool = False):
    """Class frequencies over time (GMC, figure 6): a bar a task, its classes stacked.

    Of `Tasks.frequencies()`, what arrives, or of `memory_classes(…)`, what each stream kept: a panel a stream, means
    over seeds and capacities.
    """
    found = found if "stream" in found else found.assign(stream="what arrives")
    names, classes, tasks = (list(dict.fromkeys(found[word])) for word in ("stream", "class", "task"))
    means = found.groupby(["stream", "task", "class"]).share.mean()
    colors = palette.class_colors(len(classes), dark)
    made, panels = _panels(names, title, 0.5 + breadth([brief(c) for c in classes]), dark)
    handles = []
    for axes, name in zip(panels, names, strict=True):
        below = [0.0] * len(tasks)
        handles = []
        for label, color in zip(classes, colors, strict=True):
            shares = [float(means.get((name, task, label), 0.0)) for task in tasks]
            handles.append(axes.bar(tasks, shares, bottom=below, width=0.86, color=color, linewidth=0))
            below = [low + share for low, share in zip(below, shares, strict=True)]
        axes.set(ylim=(0, 1), xlabel="task")
        _tasks(axes, tasks)
        percent(axes.yaxis)
    panels[0].set_ylabel("share of the rows")
    entries = [(h, brief(c)) for h, c in zip(handles, classes, strict=True)]
    legend(made, entries[::-1], dark=dark)  # in the order of the stack, from its top
    return made


@literal
def task_matrix(found, *, title: str = "", dark: bool = False):
    """Accuracy after each task (a row) on each (a column), of `task_matrix(records)`: a panel a stream.

    Means over seeds and capacities; empty where no test row judges a task.
    """
    names, tasks, judged = (list(dict.fromkeys(found[word])) for word in ("stream", "task", "judged"))
    means = found.groupby(["stream", "task", "judged"]).accuracy.mean()
    made, panels = _panels(names, title, 0.3, dark, 0.9 + 0.44 * len(judged), 0.9 + 0.3 * len(tasks))
    for axes, name in zip(panels, names, strict=True):
        values = [[float(means.get((name, task, on), float("nan"))) for on in judged] for task in tasks]
        labels = [[str(task + 1) for task in part] for part in (tasks, judged)]
        numbered(axes, values, *labels, lambda share: f"{100 * share:.0f}", dark, (0.0, 1.0))
        axes.tick_params(axis="x", rotation=0)
        axes.set(xlabel="on task")
    panels[0].set_ylabel("after task")
    caption(made, "Accuracy in percent. Right of the diagonal are tasks to come.", dark)
    return made


@literal
def over_tasks(found, value: str = "accuracy", *, title: str = "", dark: bool = False):
    """A number after each task, of `frame(records)` at one capacity: a line a stream, its band one deviation."""
    made, axes = _lines(found.assign(task=found.task + 1), "task", value, title, dark)
    _tasks(axes, sorted(set(found.task + 1)), 0)
    axes.set_xlabel("task")
    return made


@literal
def over_sizes(found, value: str = "accuracy", *, title: str = "", dark: bool = False):
    """A number after the last task against the capacity (GMC, figure 1), of `questions.final(…)`."""
    made, axes = _lines(found, "capacity", value, title, dark)
    axes.set_xscale("log")
    log_ticks(axes.xaxis)
    axes.set_xlabel("rows in the memory (log scale)")
    return made


def _lines(found, x: str, value: str, title: str, dark: bool):
    """A line a stream with its band over seeds, and a legend of them."""
    names = list(dict.fromkeys(found.stream))
    beside = breadth([brief(name) for name in names])
    made = figure(5.0 + beside, 3.3 + lines_high(title, 5), dark)
    axes, handles = plain(made.add_subplot(), dark, title), []
    styles, number = palette.method_styles(names, dark), NUMBERS.get(value)
    by = found.groupby(["stream", x])[value]
    means, sds = by.mean(), by.std().fillna(0.0)
    for name in names:
        style, mean, sd = styles[name], means[name], sds[name]
        shape = {"linestyle": palette.MPL_DASH[style.dash], "marker": palette.MPL_MARKER[style.marker]}
        (line,) = axes.plot(mean.index, mean, color=style.color, linewidth=1.4, markersize=4.5, **shape)
        axes.fill_between(mean.index, mean - sd, mean + sd, color=style.color, alpha=0.15, linewidth=0)
        handles.append((line, brief(name)))
    axes.set_ylabel(value.replace("_", " ").capitalize() if number is None else number.axis)
    if value.startswith("accuracy") or value in ("forgetting", "backward_transfer"):
        percent(axes.yaxis)
    legend(made, handles, dark=dark, handlelength=3.2)
    return made, axes


def _panels(
    names: Sequence[str], title: str, beside: float, dark: bool, wide: float = WIDE, high: float = HIGH
):
    """A figure of one panel a name, with its name over it, and the title over all of them, not over the legend."""
    width = max(wide * len(names) + beside, 3.2)
    head = lines_high(title, width - beside) + lines_high("one", 1)
    made = figure(width, high + head, dark)
    panels = made.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for axes, name in zip(panels, names, strict=True):
        plain(axes, dark)
        axes.grid(False, axis="x")
        entitle(axes, brief(name), dark, made.get_figwidth() - wide, PLAIN + 0.5)
    headline(made, title, dark, beside, x=0.02, ha="left")
    return made, list(panels)


def _tasks(axes, tasks: Sequence[int], shift: int = 1) -> None:
    """Tasks are counted from 1 where people read, and few are written where there are many."""
    step = max(1, len(tasks) // 10)
    axes.set_xticks(tasks[::step], [str(task + shift) for task in tasks[::step]])
