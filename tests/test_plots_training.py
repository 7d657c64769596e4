"""The training laboratory's figures: what they draw is what the frames say."""

from __future__ import annotations

import io

import numpy as np
import pandas
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from coreset_explore.experiment.significance import matrix, significance
from coreset_explore.plots import training as plots
from tests.test_plots_names import drawn

NAMES = ["FULL", "CRAIG", "RANDOM re-drawn"]


def traded():
    rows = [("FULL", 600, 9.0, 0.9, True), ("CRAIG", 60, 1.0, 0.7, True), ("CRAIG", 120, 2.0, 0.8, True),
            ("RANDOM re-drawn", 60, 1.5, 0.6, False), ("RANDOM re-drawn", 120, 2.5, 0.7, False)]  # fmt: skip
    return pandas.DataFrame(rows, columns=["regime", "budget", "seconds", "accuracy", "front"])


def errors():
    rows = [(n, u, s, 1 / u + s / 10) for n in NAMES[1:] for u in (5, 10) for s in (0, 1)]
    return pandas.DataFrame(rows, columns=["regime", "update", "seed", "error"])


def unused():
    rows = [(n, 60, s, 0.5 + s / 10, 0.4) for n in NAMES[1:] for s in (0, 1)]
    return pandas.DataFrame(rows, columns=["regime", "budget", "seed", "unused", "by_chance"])


def passed_on():
    rows = [("CRAIG", a, b, 0.5 + 0.1 * (a == b)) for a in ("mlp", "lenet") for b in ("mlp", "lenet")]
    return pandas.DataFrame(rows, columns=["strategy", "selected_by", "trained", "accuracy"])


def changed():
    rows = [("CRAIG", "as it is", None, 0.8), ("CRAIG, every=1", "every", 1, 0.82)]
    rows += [("CRAIG, warm=0.5", "warm", 0.5, 0.85)]
    return pandas.DataFrame(rows, columns=["regime", "factor", "value", "accuracy"])


def variants():
    rows = [(n, v, 0.7) for n in NAMES for v in ("as it is", "20 % of labels wrong")]
    return pandas.DataFrame(rows, columns=["regime", "variant", "accuracy"])


def grown():
    found = pandas.DataFrame({"budget": [6, 60, 600], "mean": [0.4, 0.8, 0.805], "sd": [0.1, 0.01, np.nan]})
    found.attrs["smallest"] = 60
    return found


def compared():
    rows = [
        (n, 60, s, 0.5 + i / 10 + s / 100 + s % 2 * i / 50) for i, n in enumerate(NAMES) for s in range(8)
    ]
    return matrix(significance(pandas.DataFrame(rows, columns=["regime", "budget", "seed", "accuracy"])))


FIGURES = {
    "trade_off": traded, "gradient_error": errors, "redundant_points": unused, "transfer": passed_on,
    "ablation": changed, "robustness": variants, "budgets": grown, "significance": compared,
}  # fmt: skip


def words(figure):
    FigureCanvasAgg(figure).draw()
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def by_id(figure, name):
    found = [artist for axes in figure.axes for artist in axes.get_children() if artist.get_gid() == name]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", FIGURES)
def test_every_question_has_a_figure_that_is_drawn_whole(name, dark):
    figure = getattr(plots, name)(FIGURES[name](), title="A title, $5 to $10", dark=dark)
    assert "A title, $5 to $10" in " ".join(words(figure)).replace("\n", " ")
    for said, box, _ in drawn(figure):
        assert "mathdefault" not in said
        assert figure.bbox.padded(1).contains(box.x0, box.y0) and figure.bbox.padded(1).contains(
            box.x1, box.y1
        ), said
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    assert file.tell() > 2000


def test_the_front_is_ringed_and_every_regime_has_a_line_of_its_budgets():
    figure = plots.trade_off(traded())
    rings = by_id(figure, "front").get_offsets().tolist()
    assert rings == [[1.0, 0.7], [2.0, 0.8], [9.0, 0.9]]
    lines = [line.get_xydata().tolist() for line in figure.axes[0].lines[1:]]
    assert lines == [[[9.0, 0.9]], [[1.0, 0.7], [2.0, 0.8]], [[1.5, 0.6], [2.5, 0.7]]]
    assert "CRAIG" in words(figure)


def test_bars_are_means_over_seeds_and_marks_what_chance_leaves():
    figure = plots.redundant_points(unused())
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0.55, 0.55]
    assert by_id(figure, "chance").get_offsets().tolist() == [[0.4, 0], [0.4, 1]]
    two = pandas.concat([unused(), unused().assign(budget=600)])
    assert "CRAIG, 600" in words(plots.redundant_points(two))


def test_errors_are_means_over_seeds():
    figure = plots.gradient_error(errors())
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[5, 0.25], [10, pytest.approx(0.15)]]


def test_squares_hold_their_numbers_and_leave_out_what_is_not_known():
    assert [w for w in words(plots.transfer(passed_on())) if w.endswith(" %")] == [
        "60.0 %",
        "50.0 %",
        "50.0 %",
        "60.0 %",
    ]
    figure = plots.significance(compared())
    assert (
        sum(word.startswith((".", "<")) or word == "1.000" for word in words(figure)) == 6
    )  # none on the diagonal


def test_what_changed_is_a_dot_beside_the_line_of_what_is():
    figure = plots.ablation(changed())
    assert by_id(figure, "base").get_xdata()[0] == 0.8
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["every = 1", "warm = 0.5"]


def test_the_budget_that_is_enough_is_marked_and_none_where_none_is():
    assert by_id(plots.budgets(grown()), "smallest").get_xdata()[0] == 60
    none = grown()
    none.attrs["smallest"] = None
    assert all(artist.get_gid() != "smallest" for artist in plots.budgets(none).axes[0].get_children())
