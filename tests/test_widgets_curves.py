"""Curves: what is drawn equals the numbers of the runs; the cursor, the caption and the table follow the Session."""

from dataclasses import replace

import ipywidgets as w
import numpy as np
import pandas
import pytest

from coreset_explore.experiment.runs import Run
from tests.panels import BUDGETS, pool_of, session_of, table_of
from tests.tree import button, texts, widgets_in
from widgets.explorer.accuracy import all_runs
from widgets.explorer.curves import curves_panel, describe, table_html
from widgets.explorer.curves_figure import accuracies, error_measure, guide_lines, layout, traces
from widgets.explorer.curves_rows import train_budgets, training_note
from widgets.kit.plot import log_ticks


def frame(method: str, means: dict[int, tuple[float, ...]], regime: str = "probe") -> pandas.DataFrame:
    rows = [
        {
            "method": method,
            "budget": b,
            "seed": s,
            "accuracy": a,
            "regime": regime,
            "judged": "360 test rows",
            "model": "mlp",
        }
        for b, values in means.items()
        for s, a in enumerate(values)
    ]
    return pandas.DataFrame(rows)


def with_accuracy(run: Run, means: dict) -> Run:
    return Run(
        run.strategy,
        run.selection,
        run.at,
        run.numbers,
        run.seconds,
        run.nested,
        frame(run.strategy.name, means),
    )


@pytest.fixture
def session():
    return session_of(pool_of())


def test_the_error_lines_are_the_numbers_of_the_runs(session):
    result = session.result
    drawn = {t["name"]: t for t in traces(result, "gradient_error", dark=False) if t.get("name")}
    assert set(drawn) == set(all_runs(result))
    for name, run in all_runs(result).items():
        assert drawn[name]["x"] == list(result.budgets)
        assert drawn[name]["y"] == run.numbers["gradient_error"]
    looks = {(t["line"]["dash"], t["marker"]["symbol"]) for t in drawn.values()}
    assert len(looks) == len(drawn), "lines are told apart without color"


def test_names_are_drawn_as_they_are(session):
    """plotly reads markup and entities in a name, and a page with MathJax what stands between two dollars."""
    names = {"CRAIG": "<b>$5-$10</b> & more", "Herding": "a name as files have it, " * 5}
    runs = {
        called: replace(run, strategy=replace(run.strategy, name=called))
        for called, run in ((names[name], run) for name, run in session.result.runs.items())
    }
    drawn = {
        t["name"]
        for t in traces(replace(session.result, runs=runs), "gradient_error", dark=False)
        if "name" in t
    }
    assert "&lt;b&gt;$5-$10&lt;/b&gt; &amp; more" in drawn and max(map(len, drawn)) <= 40
    session.tab = "curves"
    [plot] = [one for one in widgets_in(curves_panel(session)) if hasattr(one, "_config")]
    assert plot._config["typesetMath"] is False


def test_without_gradients_the_distance_is_drawn(session):
    for run in all_runs(session.result).values():
        run.numbers["gradient_error"] = [None] * len(BUDGETS)
    assert error_measure(session.result) == "mean_distance"
    titles = [a["text"] for a in layout(session, "mean_distance")["annotations"]]
    assert "Mean distance" in titles[0]


def test_accuracies_are_means_with_a_band_of_one_standard_deviation(session):
    run = with_accuracy(session.result.random, {8: (0.5, 0.7), 80: (0.9, 0.9)})
    points = accuracies("Random", run)
    assert (
        points[0][0] == 8
        and points[0][1] == pytest.approx(0.6)
        and points[0][2] == pytest.approx(0.1414, abs=1e-3)
    )
    assert points[1][1:] == (pytest.approx(0.9), 0.0)
    trained = frame("Random", {80: (0.3,)}, "equal epochs: 50")
    [(budget, mean, deviation)] = accuracies("Random", run, trained)
    assert (budget, mean) == (80, pytest.approx(0.3)), "trained models take the probes' place"
    assert np.isnan(deviation), "one seed has none"


def test_the_cursor_stands_at_the_budget_and_stays_out_of_the_key(session):
    before = session.key
    for j, budget in enumerate(session.result.budgets):
        session.j = j
        assert {line["x0"] for line in guide_lines(session)} == {budget}
    assert session.key == before and not session.stale


@pytest.mark.parametrize(("width", "stacked"), [(1260, False), (560, True)])
def test_the_figure_fits_the_panel(session, width, stacked):
    session.width = width
    found = layout(session, "gradient_error")
    assert found["width"] < width
    assert (found["xaxis"]["domain"] == found["xaxis2"]["domain"]) is stacked


def test_the_table_marks_a_lead_of_more_than_one_deviation_only(session):
    runs = session.result.runs
    names = list(runs)
    clear = {name: {80: (0.9, 0.9) if name == names[0] else (0.5, 0.5)} for name in all_runs(session.result)}
    close = {name: {80: (0.6, 0.5) if name == names[0] else (0.5, 0.52)} for name in all_runs(session.result)}
    for means, marked in ((clear, True), (close, False)):
        filled = {name: with_accuracy(run, means[name]) for name, run in runs.items()}
        random = with_accuracy(session.result.random, {80: (0.5, 0.5)})
        if session.result.random in runs.values():
            random = filled[next(n for n, r in runs.items() if r is session.result.random)]
        session.result = replace(session.result, runs=filled, random=random)
        runs = session.result.runs
        session.j = len(BUDGETS) - 1
        assert ("<b>" in table_html(session)) is marked


def test_names_are_escaped(session):
    result = session.result
    renamed = {"<script>x</script>": next(iter(result.runs.values()))}
    session.result = replace(result, runs=renamed)
    assert "<script>" not in table_html(session)


def test_the_caption_says_who_judged(session):
    assert "Accuracy" not in describe(session)
    session.probe_note = "Measuring accuracies, 40 %"
    words = [a["text"] for a in layout(session, "gradient_error")["annotations"]]
    assert "Measuring accuracies, 40 %" in words, "said where the curve will be"
    session.trained = frame("Random", {80: (0.5,)}, "equal epochs: 50")
    words = describe(session)
    assert "mlp (equal epochs: 50)" in words and "360 test rows" in words and "one seed, so no band" in words


def test_training_says_what_it_will_take(session):
    session.j = 0
    assert train_budgets(session) == (BUDGETS[0], BUDGETS[-1])
    session.j = len(BUDGETS) - 1
    assert train_budgets(session) == (BUDGETS[-1],)
    teach(session)
    assert "logistic from scratch on 80 rows of 3 selections" in training_note(session, 50)


def teach(session, model: str = "logistic", **data) -> None:
    """Give the result's pool a model, and its data test rows."""
    pool = replace(session.result.pool, info={"model": model, "seconds": 0.1})
    table = replace(table_of(pool), **{"x_test": pool.emb[:9], "y_test": pool.y[:9], **data})
    session.result = replace(session.result, pool=pool, data=table)


def test_the_real_model_is_offered_where_it_can_be_trained_and_scored(session):
    session.tab = "curves"
    root = curves_panel(session)
    train = button(root, "Train the real model")

    def told(call: str) -> bool:
        return train.disabled and call in texts(root)

    teach(session)
    assert not train.disabled
    session.data = session.given_name = session.data_name = "your data"
    teach(session, x_test=None, y_test=None)
    assert told("Needs test rows to score by: explore(X, y, test=0.2).")
    session.options = {"y": "grade"}
    teach(session, x_test=None, y_test=None)
    assert told("explore(frame, y=&#x27;grade&#x27;, test=0.2).")
    teach(session, model="")
    assert told("Needs a model")
    session.data = session.result.pool
    teach(session)
    assert told("of which a Pool holds signals only: explore(X, y, test=0.2)")


def test_the_real_model_is_not_offered_without_labels():
    session = session_of(pool_of(labels=False))
    assert "Needs labels" in training_note(session, 50) and "explore(X, y, test=0.2)" in training_note(
        session, 50
    )


# -- what stands around them -------------------------------------------------------------------------------------------


def buttons_of(panel, kind):
    return [one for one in widgets_in(panel) if isinstance(one, kind)]


def test_a_curve_is_taken_away_and_brought_back_by_its_button(session):
    session.tab = "curves"
    root = curves_panel(session)
    [plot] = [one for one in widgets_in(root) if hasattr(one, "_config")]
    names = list(all_runs(session.result))
    toggles = {one.description: one for one in buttons_of(root, w.ToggleButton)}
    assert set(toggles) == set(names)

    def drawn():
        return {t.name for t in plot.data if t.name}

    assert drawn() == set(names)
    toggles[names[0]].value = False
    assert session.hidden == (names[0],) and drawn() == set(names[1:])
    toggles[names[0]].value = True
    assert session.hidden == () and drawn() == set(names)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.41, 0.46),
        (1.0, 1.004),
        (0.09, 0.31),
        (3.0, 800.0),
        (0.00042, 0.00061),
        (1e-9, 1e9),
        (0.2, 2.0),
        (5, 90),
    ],
)
def test_a_log_axis_has_three_numbers_at_least_and_few_enough_to_read(low, high):
    ticks = log_ticks(low, high)
    assert 3 <= len(ticks) <= 12 and all(low <= tick <= high for tick in ticks) and ticks == sorted(ticks)
    assert len({f"{tick:,.6g}" for tick in ticks}) == len(ticks), "each reads otherwise"


def test_the_error_axis_says_that_it_is_log_and_shows_every_line(session):
    made = layout(session, "gradient_error")
    assert made["annotations"][0]["text"].endswith(", log scale</b>")
    values = [v for run in all_runs(session.result).values() for v in run.numbers["gradient_error"]]
    low, high = (10**end for end in made["yaxis"]["range"])
    assert low < min(values) and max(values) < high and len(made["yaxis"]["ticktext"]) >= 3


def test_the_axes_of_accuracies_are_drawn_without_any(session):
    empty = [t for t in traces(session.result, "gradient_error", dark=False) if t["xaxis"] == "x2"]
    assert [t["x"] for t in empty] == [[None]], "plotly draws no axes without a trace"


def test_one_may_go_back_from_the_real_model_to_the_probe(session):
    runs = {n: with_accuracy(r, {80: (0.69, 0.71)}) for n, r in session.result.runs.items()}
    random = with_accuracy(session.result.random, {80: (0.5, 0.5)})
    session.result = replace(session.result, runs=runs, random=random)
    session.j = len(BUDGETS) - 1
    session.tab = "curves"
    root = curves_panel(session)
    [judge] = buttons_of(root, w.ToggleButtons)
    assert "cx-hidden" in judge._dom_classes and "70.0 ± 1.4" in table_html(session)
    assert "50.0</td>" in table_html(session), "what no seed changes has none to tell"
    assert "always is right in 25.0 %: the level line" in describe(session)
    assert "do not tell" not in describe(session)
    trained = pandas.concat(frame(n, {80: (0.9,)}, "equal epochs: 50") for n in all_runs(session.result))
    session.trained = trained
    assert "cx-hidden" not in judge._dom_classes
    assert "90.0" in table_html(session) and "90.0 ±" not in table_html(session), "one seed has no deviation"
    assert "<b>90.0" not in table_html(session), "nor does it lead"
    judge.value = "probe"
    assert (
        session.judge == "probe"
        and "70.0 ± " in table_html(session)
        and "a linear classifier" in describe(session)
    )
    judge.value = "model"
    assert "90.0" in table_html(session)


def test_accuracies_that_a_constant_answer_has_too_lead_nothing_and_are_said_to_tell_nothing(session):
    """Four even classes: naming one is right in a quarter."""
    runs = {n: with_accuracy(r, {80: (0.24, 0.26)}) for n, r in session.result.runs.items()}
    first = next(iter(runs))
    runs[first] = with_accuracy(runs[first], {80: (0.245, 0.247)})
    random = with_accuracy(session.result.random, {80: (0.10, 0.10)})
    session.result = replace(session.result, runs={first: runs[first]}, random=random)
    session.j = len(BUDGETS) - 1
    assert "these accuracies do not tell methods apart" in describe(session)
    table = table_html(session)
    assert "<b>" not in table, "what leads is below the constant answer"
    assert "Always the largest class</th><td>–</td><td>25.0</td><td>+15.0</td>" in table
    [level] = [line for line in guide_lines(session) if line["xref"] == "x2 domain"]
    assert level["y0"] == level["y1"] == 0.25
