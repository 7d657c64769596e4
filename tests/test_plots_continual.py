"""The continual laboratory's figures: what they draw is what the frames say."""

from __future__ import annotations

import io

import numpy as np
import pandas
import pytest

from coreset_explore.labs.continual import class_incremental
from coreset_explore.plots import continual as plots
from tests.continual_runs import table
from tests.test_plots_names import drawn

NAMES = ["Continual GMC", "reservoir"]


def arrives():
    return class_incremental(table(), classes=2).tasks().frequencies()


def kept():
    rows = [(n, 60, s, t, c, 0.25 + 0.5 * (i == t)) for n in NAMES for s in (0, 1) for t in (0, 1)
            for i, c in enumerate(("cat", "$dog$"))]  # fmt: skip
    found = pandas.DataFrame(rows, columns=["stream", "capacity", "seed", "task", "class", "share"])
    return found


def judged():
    rows = [(n, 60, s, t, j, np.nan if j == 2 else 0.5 + s / 10 + (t == j) / 4) for n in NAMES for s in (0, 1)
            for t in range(3) for j in range(3)]  # fmt: skip
    return pandas.DataFrame(rows, columns=["stream", "capacity", "seed", "task", "judged", "accuracy"])


def ran():
    rows = [(n, k, s, t, 0.5 + t / 10 + s / 100 + k / 1000) for n in NAMES for k in (60, 120) for s in (0, 1)
            for t in range(3)]  # fmt: skip
    return pandas.DataFrame(rows, columns=["stream", "capacity", "seed", "task", "accuracy"])


FIGURES = {
    "arrives": lambda **how: plots.frequencies(arrives(), **how),
    "kept": lambda **how: plots.frequencies(kept(), **how),
    "matrix": lambda **how: plots.task_matrix(judged(), **how),
    "tasks": lambda **how: plots.over_tasks(ran()[ran().capacity == 60], **how),
    "sizes": lambda **how: plots.over_sizes(ran()[ran().task == 2], **how),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_whole(name):
    figure = FIGURES[name](title="A title, $5 to $10", dark=name in ("kept", "tasks"))
    said = drawn(figure)
    assert any("A title" in words for words, _, _ in said)
    for words, box, _ in said:
        inside = figure.bbox.padded(1)
        assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1), words
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    assert file.tell() > 2000


def test_bars_are_the_shares_stacked():
    figure = plots.frequencies(arrives())
    bars = figure.axes[0].patches
    assert [(round(bar.get_height(), 9), round(bar.get_y(), 9)) for bar in bars] == [
        (0.5, 0), (0, 0), (0.5, 0.5), (0, 0), (0, 1), (0.5, 0), (0, 1), (0.5, 0.5),
    ]  # fmt: skip
    assert len(plots.frequencies(kept()).axes) == 2


def test_a_matrix_holds_means_over_seeds_and_nothing_where_no_row_judges():
    figure = plots.task_matrix(judged())
    assert [t.get_text() for t in figure.axes[0].texts] == ["80", "55", "55", "80", "55", "55"]


def test_lines_are_means_over_seeds():
    (first, _) = plots.over_tasks(ran()[ran().capacity == 60]).axes[0].lines
    assert first.get_xydata().tolist() == [[t + 1, pytest.approx(0.565 + t / 10)] for t in range(3)]
    (first, _) = plots.over_sizes(ran()[ran().task == 2]).axes[0].lines
    assert first.get_xdata().tolist() == [60, 120]
