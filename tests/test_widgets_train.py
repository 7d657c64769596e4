"""The training panel without a page: settings to grid, runs that go on where they were, its code, what it refuses."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import ipywidgets as w
import pandas
import pytest
import torch

import coreset_explore as cx
import widgets
from coreset_explore import Selection
from coreset_explore.experiment.store import Store
from coreset_explore.labs.training import frame, run
from coreset_explore.labs.training.reading import trade_off
from coreset_explore.labs.training.regimes import REGIMES, Regime, regimes_of
from tests.training_grids import table
from tests.tree import button, texts
from widgets import explore, train
from widgets.kit.markup import roughly
from widgets.kit.typed import spoken_seeds, typed_seeds
from widgets.training.accuracy_figure import traces
from widgets.training.choices import held
from widgets.training.estimate import advice
from widgets.training.export import FORMATS, write
from widgets.training.result import Live, Result
from widgets.training.session import Session
from widgets.training.table import accuracies_html

CLOCKS = ["seconds", "train_seconds", "forward_seconds", "choosing_seconds"]
HOW = {"model": "logistic", "epochs": 4, "every": 2, "recipe": {"batch_size": 8}}
SMALL = {**HOW, "regimes": ["CRAIGPB", "FULL"], "budgets": [16, 32], "seeds": 2}
CELLS = 2 * (1 + 2 * 3)  # two seeds of FULL, and at two budgets CRAIGPB with the two baselines


def panel_of(store, data=None, **more):
    found = train(table() if data is None else data, store=store, **{**SMALL, **more})
    assert found.control.wait(20)
    return found


def trained(store, **more):
    panel = panel_of(store, **more)
    panel.run()
    assert panel.control.wait(60) and panel.session.status == "done", panel.session.problem
    return panel


def same(one, two):
    names = ["regime", "budget", "seed"]
    one, two = (f.drop(columns=CLOCKS).sort_values(names, ignore_index=True) for f in (one, two))
    pandas.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A store that holds the whole grid, and the panel that filled it."""
    store = tmp_path_factory.mktemp("kept") / "runs.sqlite"
    return store, trained(store)


# -- settings to grid -------------------------------------------------------------------------------------------------


def test_the_panel_runs_what_the_library_runs(kept):
    _, panel = kept
    ground = panel.session.ground
    alone = run(ground.setting, ["CRAIGPB", "FULL"], budgets=[16, 32], seeds=2, show=False)
    same(panel.frame, frame(alone))
    assert len(panel.records) == CELLS and "Done in" in panel.session.note


def test_what_is_kept_is_shown_before_anybody_clicks_and_nothing_is_run_again(kept):
    store, first = kept
    again = panel_of(store)
    assert again.session.status == "idle" and not again.session.stale
    same(again.frame, first.frame)
    assert "nothing is left to train" in texts(again) and "Accuracies appear here" not in texts(
        again._views.children[-1]
    )
    before = store.read_bytes()
    again.run(wait=True)
    assert store.read_bytes() == before and again.session.status == "done"


def test_a_store_grows_with_the_grid(kept, tmp_path):
    store = tmp_path / "copy.sqlite"
    store.write_bytes(kept[0].read_bytes())
    panel = panel_of(store, seeds=3)
    assert len(panel.records) == CELLS and button(panel, "Continue")
    assert f"{CELLS} of {CELLS * 3 // 2} runs are kept. {CELLS // 2} runs to go" in advice(panel.session)
    panel.run(wait=True)
    assert len(panel.records) == CELLS * 3 // 2


def test_a_setting_changed_makes_the_result_stale_until_what_is_kept_of_it_is_shown(kept):
    store, _ = kept
    panel = panel_of(store)
    panel.session.epochs = 5  # of which nothing is kept
    assert panel.control.wait(20)
    assert panel.session.stale and "Settings changed" in texts(panel) and button(panel, "Train")
    assert "cx-old" in panel._views._dom_classes and len(panel.records) == CELLS
    panel.session.epochs = 4
    assert panel.control.wait(20)
    assert not panel.session.stale and "cx-old" not in panel._views._dom_classes
    panel.session.seeds = (0,)  # of which all is kept, as a part
    assert panel.control.wait(20)
    assert not panel.session.stale and len(panel.records) == CELLS // 2


def test_undo_goes_back_to_what_is_shown(kept):
    panel = panel_of(kept[0])
    panel.session.budgets, panel.session.epochs = (24,), 9
    assert panel.control.wait(20) and panel.session.stale
    button(panel, "Undo changes").click()
    assert panel.session.budgets == (16, 32) and panel.session.epochs == 4 and not panel.session.stale


# -- running ----------------------------------------------------------------------------------------------------------


def test_paused_it_keeps_what_is_done_and_goes_on(kept, tmp_path, monkeypatch):
    monkeypatch.setattr("widgets.kit.keeper.OFTEN", -1.0)  # each record is told at once
    store = tmp_path / "runs.sqlite"
    panel = panel_of(store)
    assert button(panel, "Train") and not store.exists()  # to look makes no file
    control = panel.control
    panel.session.observe(
        lambda change: (
            control.main.job.cancel() if change["new"] and len(change["new"].records) == 3 else None
        ),
        "result",
    )
    panel.run()
    assert control.wait(30)
    assert panel.session.status == "idle" and panel.session.note.startswith("Paused at ")
    with Store(store) as inside:
        assert len(inside) == len(panel.records) == 3
    panel.session.unobserve_all("result")
    other = panel_of(store)  # as after a restart of the kernel
    assert len(other.records) == 3 and button(other, "Continue")
    other.run(wait=True)
    same(other.frame, kept[1].frame)


def test_the_cell_that_is_trained_is_seen_while_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("widgets.kit.keeper.OFTEN", -1.0)
    panel = panel_of(tmp_path / "runs.sqlite", epochs=120, regimes="FULL", budgets=[32], seeds=1)
    seen = []
    panel.session.observe(lambda change: seen.append(change["new"]), "live")
    panel.run()
    assert panel.control.wait(30)
    live = next(one for one in seen if one is not None)
    assert live.name == "FULL" and live.budget is None and live.seed == 0
    assert 0 < live.made[0] < live.made[-1] <= 1 and len(live.loss) == len(live.accuracy) == len(live.made)
    assert panel.session.live is None, "nothing is trained any more"


def test_a_cell_that_fails_is_a_row_and_the_others_go_on(tmp_path):
    def second(pool, k, *, rng):
        if len(pool.y) and k == 32:
            raise RuntimeError("no luck at 32")
        return Selection(torch.arange(k))

    panel = trained(tmp_path / "runs.sqlite", regimes=[second], seeds=1)
    assert panel.session.note.endswith(", 1 failed")
    failed = panel.frame[panel.frame.failed.notna()]
    assert failed.regime.tolist() == ["second"] and failed.budget.tolist() == [32]
    panel.session.tab = "table"
    assert "no luck at 32" in texts(panel) and "second, 32 rows, seed 0" in texts(panel)


def test_the_estimate_says_what_is_known(tmp_path, kept):
    session = panel_of(tmp_path / "runs.sqlite").session
    assert advice(session).startswith(f"{CELLS} runs, ") and "at least" in advice(session)
    ground = session.ground
    assert ground.pace.update > 0 and ground.plan.left(()) == list(ground.plan.cells)
    session.regimes = (Regime.of("FULL"),)
    time.sleep(0.05)
    panel = panel_of(tmp_path / "runs.sqlite", regimes="FULL", seeds=1)
    assert "about" in advice(panel.session) and "least" not in advice(panel.session)


def test_a_guess_has_few_digits():
    said = [roughly(seconds).replace("\u00a0", " ") for seconds in (0.01, 0.5, 40.4, 1634, 12_600)]
    assert said == ["0.1 s", "0.5 s", "40 s", "27 min", "3.5 h"]


# -- as code ----------------------------------------------------------------------------------------------------------


def test_the_code_gives_the_same_frame(kept, tmp_path):
    _, panel = kept
    names = {"data": table()}
    code = panel.code
    assert (
        "# data: what you passed to train()" in code
        and "Setting(data, 'logistic', epochs=4, every=2" in code.replace('"', "'")
    )
    same(done(code, names, tmp_path), panel.frame)


def test_every_regime_runs_by_name_and_from_the_code(tmp_path):
    panel = trained(tmp_path / "a.sqlite", regimes=list(REGIMES), budgets=[24], seeds=1)
    found = panel.frame
    assert set(found.regime) == set(REGIMES) and not any(found.failed), found.failed.tolist()
    same(done(panel.code, {"data": table()}, tmp_path), found)


@pytest.mark.parametrize("name", [name for name, one in REGIMES.items() if one.strategy is not None])
def test_a_regime_that_was_changed_is_written_in_words(name, tmp_path):
    mine = replace(REGIMES[name], name="mine", warm=0.25, every=3, how={"weights": "drawn"})
    panel = panel_of(tmp_path / "a.sqlite", regimes=[mine], budgets=[24], seeds=1)
    [line] = [line for line in panel.code.splitlines() if line.startswith("regimes = ")]
    made, *_ = regimes_of(eval(line.removeprefix("regimes = ")))
    assert made.policy(24, 3, 2, 0.1).plain() == mine.policy(24, 3, 2, 0.1).plain()
    assert (made.name, made.again, made.how) == (mine.name, mine.again, mine.how)


def done(code, names, folder):
    """The frame that the lines make in a store of their own."""
    lines = re.sub(r"store='[^']*'", f"store={str(folder / 'other.sqlite')!r}", code).splitlines()
    exec("\n".join([*lines[:-1], f"found = {lines[-1]}"]), names)
    return names["found"]


def test_the_code_of_a_name_and_of_regimes_with_words(tmp_path):
    warm = {"strategy": "CRAIG", "name": "a bit", "warm": 0.25, "how": {"weights": "drawn"}}
    mine = Selection.of(range(16), name="mine")
    panel = panel_of(
        tmp_path / "a.sqlite", "digits", regimes=[warm, "Herding", mine], seeds=1, budgets=[0.05]
    )
    names = {"mine": mine}
    code = panel.code
    assert '"digits", "logistic"' in code and "# mine: the selection you passed to train()" in code
    made = code.replace("records = run(", "grid = plan(").replace(
        "import Setting, frame, run", "import Setting, plan"
    )
    made = made[: made.rindex(", store=")] + ")"
    exec(made, names)
    ours, theirs = panel.session.ground.plan, names["grid"]
    assert [ours.settings(c) for c in ours.cells] == [theirs.settings(c) for c in theirs.cells]
    assert [c.place for c in ours.cells] == [c.place for c in theirs.cells]


# -- what is given ----------------------------------------------------------------------------------------------------


def test_data_without_test_rows_gives_a_fifth_of_them(tmp_path):
    data = table()
    panel = panel_of(tmp_path / "a.sqlite", (data.x.numpy(), data.y.numpy()), seeds=1)
    ground = panel.session.ground
    assert ground.set_aside and len(ground.data) == 96 and len(ground.data.x_test) == 24
    assert "24 set aside to test" in texts(panel) and "hold_out" in panel.code
    names = {"data": (data.x.numpy(), data.y.numpy())}
    code = panel.code.replace("frame(records)", "found = setting.plain()")
    exec("\n".join(line for line in code.splitlines() if not line.startswith("records")), names)
    assert names["found"] == ground.setting.plain()


@pytest.mark.parametrize(
    "more, message",
    [
        ({"regimes": "GRADMATCH"}, "GRAD-MATCH"),
        ({"regimes": []}, "no regimes"),
        ({"budgets": []}, "no budgets"),
        ({"budgets": [0]}, "budget"),
        ({"budgets": [1.5]}, "budget"),
        ({"seeds": 0}, "seeds is a whole number from 1"),
        ({"epochs": 0}, "epochs is a whole number from 1"),
        ({"every": 0}, "every, epochs between two choices"),
        ({"recipe": {"lr": -1}}, "lr"),
        ({"model": "lenett"}, "did you mean 'lenet'"),
        ({"store": 7}, "store is a file's path"),
        ({"tset": 0.2}, "train takes no 'tset'; did you mean 'test'"),
        ({"budget": 5}, "did you mean 'budgets'"),
    ],
)
def test_what_is_wrong_is_said_at_once(more, message):
    with pytest.raises(ValueError, match=message):
        train("digits", **more)


def test_a_pool_is_refused_with_what_to_pass():
    with pytest.raises(ValueError, match="a Pool is what they record"):
        train(cx.Pool.of([[0.0], [1.0]], [0, 1]))


@pytest.mark.parametrize(
    "more, message",
    [
        ({"budgets": [500]}, "Asked for 500 of 120 rows"),
        ({"every": 9}, "longer than the run of 4"),
        ({"regimes": "EL2N"}, "EL2N reads history"),
    ],
)
def test_what_the_data_refuses_is_said_in_the_panel(tmp_path, more, message):
    panel = panel_of(tmp_path / "a.sqlite", **more)
    assert panel.session.status == "error" and message in texts(panel)
    assert "change what the message names" in texts(panel)
    panel.session.budgets, panel.session.every, panel.session.regimes = (16,), 2, (Regime.of("RANDOM"),)
    assert panel.control.wait(20) and panel.session.looked is not None


def test_seeds_are_typed_as_they_are_spoken():
    for seeds in ((0, 1, 2), (5, 7), (5,), (0,)):
        assert typed_seeds(spoken_seeds(seeds)) == seeds
    assert typed_seeds("3") == (0, 1, 2)
    with pytest.raises(ValueError, match="are no seeds"):
        typed_seeds("a few")


def test_the_form_writes_the_settings(kept):
    panel = panel_of(kept[0])
    fields = {one.tooltip: one for one in widgets_of(panel) if getattr(one, "tooltip", None)}
    rows = next(one for tip, one in fields.items() if tip.startswith("budgets: rows to train on"))
    assert rows.value == "16, 32"
    rows.value = "5%, 20 %, 2,000"
    assert panel.session.budgets == (0.05, 0.2, 2000) and rows.value == "5 %, 20 %, 2,000"
    rows.value = "many"
    assert "no number of points" in texts(panel) and panel.session.budgets == (0.05, 0.2, 2000)
    seeds = fields["how many, 3, or which: 5, 7"]
    seeds.value = "5, 7"
    assert panel.session.seeds == (5, 7)
    panel.control.wait(20)


def widgets_of(panel):
    from tests.tree import widgets_in

    return widgets_in(panel)


def test_regimes_are_added_and_removed_and_the_baselines_follow(kept):
    panel = panel_of(kept[0])
    session: Session = panel.session
    assert "Grey: always beside" in texts(panel)
    button(panel, "+ Add a regime").click()
    dropdown = next(
        one for one in widgets_of(panel) if getattr(one, "options", None) and "GLISTER" in one.options
    )
    search = next(
        one for one in widgets_of(panel) if getattr(one, "placeholder", "").startswith("a name, an")
    )
    assert "Herding" in dropdown.options and "GLISTER-Warm" not in dropdown.options
    search.value = "gradmatch"
    assert dropdown.value == "GRAD-MATCH"
    warm = next(one for one in widgets_of(panel) if getattr(one, "description", "").startswith("Warm start"))
    warm.value = True
    button(panel, "Add").click()
    assert [r.name for r in session.regimes] == ["CRAIGPB", "FULL", "GRAD-MATCH-Warm"]
    search.value = "EL2N"
    assert "reads history" in texts(panel) and button(panel, "Add").disabled
    for name in ("CRAIGPB", "GRAD-MATCH-Warm"):
        next(one for one in widgets_of(panel) if getattr(one, "tooltip", "") == f"Remove {name}").click()
    assert [r.name for r in session.regimes] == ["FULL"] and "Grey: always" not in texts(panel)
    next(one for one in widgets_of(panel) if getattr(one, "tooltip", "") == "Remove FULL").click()
    assert session.problem is not None and [r.name for r in session.regimes] == ["FULL"]
    panel.control.wait(20)


# -- what is shown ----------------------------------------------------------------------------------------------------


def opened(panel, tab):
    panel.session.tab = tab
    return panel._made[tab].children[0]


def test_lines_against_the_budget_are_the_frames_means(kept):
    result = panel_of(kept[0]).session.result
    means = result.frame.groupby(["regime", "budget"]).accuracy.agg(["mean", "std"])
    for name in result.names:
        for at, mean, sd in result.accuracies(name):
            budget = 120 if name == "FULL" else at
            assert (mean, sd) == pytest.approx(tuple(means.loc[name, budget]))
    assert [at for at, _, _ in result.accuracies("CRAIGPB")] == [16, 32]


def test_a_figure_always_has_as_many_traces_and_draws_only_what_is_not_hidden(kept):
    panel = panel_of(kept[0])
    session, result = panel.session, panel.session.result
    opened(panel, "accuracy")
    live = Live("FULL", None, 0, (0.5, 1.0), (1.0, 0.5), (None, 0.7))
    for some in (Result(result.ground), result):
        for now in (None, live):
            assert len(traces(some, now, session)) == 3 + 4 * 4 + 2
    session.hidden = ("FULL",)
    drawn = {one["name"]: one["visible"] for one in traces(result, None, session) if "name" in one}
    assert drawn == {name: name != "FULL" for name in result.names}
    assert session.problem is None


def test_the_budget_that_is_shown_is_the_one_asked_for_or_trained_or_the_largest(kept):
    result = panel_of(kept[0]).session.result
    assert result.shown(0) == 32 and result.shown(16) == 16 and result.shown(99) == 32
    assert result.shown(0, Live("CRAIGPB", 16, 0, (), (), ())) == 16
    assert Result(result.ground).shown(0) == 32


def test_the_trade_off_marks_the_front_and_says_what_the_seconds_went_to(kept):
    panel = panel_of(kept[0])
    opened(panel, "trade")
    said = texts(panel)
    points = trade_off(panel.frame)
    assert said.count("◯") == int(points.front.sum())
    assert "whatever else it did, without testing" in said and "1.0×" in said
    alone = panel_of(kept[0], regimes="CRAIGPB")
    opened(alone, "trade")
    assert "No speed-up is known without FULL" in texts(alone)


def test_the_table_has_means_and_what_they_decide(kept):
    panel = panel_of(kept[0])
    opened(panel, "table")
    said = texts(panel)
    of = panel.frame[(panel.frame.regime == "CRAIGPB") & (panel.frame.budget == 16)].accuracy * 100
    assert f"{of.mean():.1f} ± {of.std():.1f}" in said
    assert "4 pairs cannot bring p below 0.125" in said and "not decided" in said
    assert "FULL makes more updates, so it is not compared" in said
    one = panel_of(kept[0], seeds=1)
    opened(one, "table")
    assert "one seed, so no deviation" in texts(one) and "±" not in accuracies_html(
        one.session.result, 9, False
    )


def test_a_table_says_of_how_many_seeds_a_mean_is_and_breaks_where_there_is_no_room(kept):
    result = panel_of(kept[0]).session.result
    some = Result(result.ground, tuple(r for r in result.records if r.settings["seed"] == 0))
    html = accuracies_html(some, 1, False)
    assert html.count("<table") == 2 and "1 of 2 seeds" in html
    assert "…" in accuracies_html(Result(result.ground), 9, False)


def test_choices_are_the_records_counts_and_stand_beside_chance(kept):
    panel = panel_of(kept[0])
    opened(panel, "choices")
    result = panel.session.result
    rows = held(result, 16)
    assert [(name, when) for name, when, _ in rows[:2]] == [("CRAIGPB", "first"), ("CRAIGPB", "last")]
    records = [r.numbers["held"] for r in result.of("CRAIGPB", 16)]
    assert rows[0][2] == [(a + b) / 2 for a, b in zip(*(one[0] for one in records))]
    assert all(sum(counts) == pytest.approx(16) for _, _, counts in rows)
    said, chance = texts(panel), (1 - 32 / 120) ** 2
    assert f"random {100 * chance:.1f} %" in said and "FULL" not in [name for name, _, _ in rows]


def test_export_writes_what_it_says(kept, tmp_path):
    panel = panel_of(kept[0])
    for form in FORMATS:
        path = write(panel.session, form, tmp_path / "out")
        assert path.stat().st_size > 100
    frame_back = pandas.read_csv(tmp_path / "out" / "runs.csv")
    assert (
        len(frame_back) == CELLS and "\\begin{tabular}" in (tmp_path / "out" / "accuracies.tex").read_text()
    )
    with pytest.raises(ValueError, match="nothing is trained yet"):
        write(panel_of(tmp_path / "none.sqlite").session, "runs", tmp_path)


def test_a_saved_notebook_gets_a_picture(kept):
    panel = panel_of(kept[0])
    assert panel.portrait()().axes
    panel.session.tab = "trade"
    assert panel.portrait()().axes


def test_a_panel_put_away_or_closed_still_says_what_came_of_it(kept):
    panel = panel_of(kept[0])
    code = panel.code
    panel.put_away()
    assert panel.session.result is None and len(panel.records) == CELLS and panel.code == code
    panel._furnish()
    panel.resume()
    assert panel.control.wait(20) and len(panel.session.result.records) == CELLS
    panel.close()
    assert len(panel.frame) == CELLS and panel.code == code
    with pytest.raises(RuntimeError, match="this panel was closed"):
        panel.run()


def test_a_regimes_own_settings_are_changed_in_its_row(tmp_path):
    panel = panel_of(tmp_path / "a.sqlite", regimes=["CRAIGPB-Warm", "RANDOM", "FULL"], budgets=[24], seeds=1)
    session = panel.session
    gears = [one for one in widgets_of(panel) if getattr(one, "tooltip", "") == "Settings of CRAIGPB-Warm"]
    gears[0].click()
    fields = {one.tooltip: one for one in widgets_of(panel) if getattr(one, "tooltip", None)}
    warm = next(one for tip, one in fields.items() if tip.startswith("κ: "))
    assert warm.value == 50
    warm.value = 25
    next(one for tip, one in fields.items() if tip.startswith("R: epochs between two choices of")).value = 3
    next(one for tip, one in fields.items() if tip.startswith("share of the rows")).value = 80
    weights = next(one for tip, one in fields.items() if tip.startswith("what a weight does"))
    weights.value = "drawn"
    changed = session.regimes[0]
    assert (changed.name, changed.warm, changed.every, changed.look) == ("CRAIGPB-Warm", 0.25, 3, 0.8)
    assert changed.how == {"weights": "drawn"} and "The first 25 % of the updates" in texts(panel)
    assert panel.control.wait(20) and session.looked is not None
    panel.run(wait=True)
    same(done(panel.code, {"data": table()}, tmp_path), panel.frame)
    weights.value = "loss"
    assert session.regimes[0].how == {}
    assert panel.control.wait(20)
    hidden = [one for one in widgets_of(panel) if getattr(one, "tooltip", "") == "Settings of FULL"]
    assert "cx-unseen" in hidden[0]._dom_classes  # what trains on everything has none


# -- from the Explorer ------------------------------------------------------------------------------------------------


def test_curves_gives_what_it_shows(monkeypatch):
    own = Selection.of(range(20), name="mine")
    explorer = explore("digits", methods=["CRAIGPB", "EL2N"], selections={"mine": own}, epochs=2, run=False)
    explorer.run(wait=True)
    asked = {}
    monkeypatch.setattr(widgets, "train", lambda **given: asked.update(given) or w.VBox(), raising=False)
    explorer.session.asked = {"open": "train", "epochs": 7}
    assert explorer.session.asked is None and explorer.training is not None
    names = [one if isinstance(one, str) else one.name for one in asked["regimes"]]
    assert names == ["CRAIGPB", "EL2N, chosen once", "mine", "RANDOM", "FULL"]
    assert asked["regimes"][0] is REGIMES["CRAIGPB"] and not asked["regimes"][1].again
    assert (asked["data"], asked["model"], asked["epochs"]) == ("digits", "mlp", 7)
    assert asked["budgets"] == sorted({explorer.session.budget, explorer.session.result.budgets[-1]})
    button(explorer, "Close").click()
    assert explorer.training is None
