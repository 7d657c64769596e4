"""The continual panel without a page: settings to cells, what is kept, two memories and a step, its code, refusals."""

from __future__ import annotations

import re

import ipywidgets as w
import numpy as np
import pandas
import pytest
import torch

import coreset_explore as cx
from coreset_explore.datasets import Data
from coreset_explore.labs.continual import class_incremental, frame, mixture, run
from coreset_explore.projection import Map
from coreset_explore.registry import STREAMS
from tests.continual_runs import table
from tests.tree import button, texts, widgets_in
from widgets import remember
from widgets.continual import lives
from widgets.continual.accuracy_figure import VALUES
from widgets.continual.accuracy_figure import traces as accuracies
from widgets.continual.classes import shares
from widgets.continual.estimate import advice
from widgets.continual.export import FORMATS, write
from widgets.continual.holdings import Holding
from widgets.continual.map import MapView
from widgets.continual.opened import facts
from widgets.continual.places import Places
from widgets.continual.result import NONE, Looked
from widgets.continual.stepper import Stepper
from widgets.continual.stream_list import offered, refused
from widgets.continual.tasks import matrix

CLOCKS = ["embed_seconds", "update_seconds", "train_seconds"]
HOW = {"model": "logistic", "recipe": {"epochs": 4, "batch_size": 8}, "embedding": {"inits": 2, "width": 60}}
SMALL = {**HOW, "streams": ["gmc", "reservoir", "window"], "capacity": [12, 20], "seeds": 2}
CELLS = 3 * 2 * 2 * 2  # streams, sizes, seeds, tasks
TABS = ("memory", "classes", "accuracy", "tasks")


def panel_of(store, data=None, **more):
    found = remember(table() if data is None else data, store=store, **{**SMALL, **more})
    assert found.control.wait(20)
    return found


def ran(store, data=None, **more):
    panel = panel_of(store, data, **more)
    panel.run(wait=True)
    assert panel.session.status == "done", panel.session.problem
    return panel


def same(one, two):
    names = ["stream", "capacity", "seed", "task"]
    one, two = (f.drop(columns=CLOCKS).sort_values(names, ignore_index=True) for f in (one, two))
    pandas.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A store that holds the whole run, and the panel that filled it."""
    store = tmp_path_factory.mktemp("kept") / "runs.sqlite"
    return store, ran(store)


def test_the_panel_runs_what_the_library_runs(kept):
    _, panel = kept
    setting = class_incremental(table(), classes=2)
    alone = run(setting, SMALL["streams"], capacity=[12, 20], seeds=2, show=False, **HOW)
    same(panel.frame, frame(alone))
    assert len(panel.records) == CELLS


def test_what_is_kept_is_shown_at_once_and_not_run_again(kept):
    store, first = kept
    again = panel_of(store)
    assert not again.session.stale and "nothing is left to train" in texts(again)
    same(again.frame, first.frame)
    before = store.read_bytes()
    again.run(wait=True)
    assert store.read_bytes() == before
    more = panel_of(store, seeds=3)
    assert button(more, "Continue") and f"{CELLS} of {CELLS * 3 // 2} models are kept" in advice(more.session)
    assert "3 streams, 2 sizes, 2 tasks, 3 seeds; about" in advice(more.session)


def test_another_scenario_makes_the_result_stale_and_undo_brings_it_back(kept):
    panel = panel_of(kept[0])
    session = panel.session
    session.scenario, session.tasks, session.ratio = "sorted", 3, 2.0
    assert panel.control.wait(20) and session.stale and session.looked.setting.many == 3
    assert "ratio=2" in repr(session.looked.setting)
    button(panel, "Undo changes").click()
    assert session.scenario == "class-incremental" and session.ratio == 1 and not session.stale


def test_every_tab_is_drawn_at_every_step_of_every_pair(kept):
    panel = panel_of(kept[0])
    session = panel.session
    for name in TABS:
        session.tab = name
        for step in (0, 1, -1):
            session.step = step
        for right in ("reservoir", NONE, ""):
            session.right = right
        assert session.problem is None, (name, session.problem)
    for value in VALUES:
        assert [one for one in accuracies(session, value) if one.get("name") == "gmc" and len(one["y"])], (
            value
        )


# -- what is looked at ------------------------------------------------------------------------------------------------


def test_two_memories_are_looked_at_after_one_task(kept):
    session = panel_of(kept[0]).session
    assert Looked.at(session) == Looked("gmc", "window", 20, 0, 1)
    session.left, session.right, session.capacity, session.seed, session.step = "window", NONE, 12, 1, 0
    assert Looked.at(session) == Looked("window", "", 12, 1, 0)
    session.left, session.right, session.step = "gone", "gmc", 99
    assert Looked.at(session) == Looked(
        "gmc", "", 12, 1, 1
    )  # what is not there gives way, and none stands beside itself


def test_a_class_that_other_data_do_not_have_is_not_asked_for(kept, tmp_path):
    panel = panel_of(kept[0])
    panel.session.only_class = 3
    panel.session.data = table(classes=3)
    panel.run(wait=True)
    assert panel.session.problem is None and Looked.label(panel.session) == -1


def test_a_map_is_asked_for_once_where_there_can_be_none(kept, monkeypatch):
    session, asked = panel_of(kept[0]).session, []

    def refuse(data, how, runner):
        asked.append(how)
        raise ValueError("these rows have no place")

    monkeypatch.setattr("widgets.continual.places.laid_out", refuse)
    places = Places(session, None, lambda: None)
    data = session.result.ground.data
    for _ in range(3):
        assert places.of(data) is None and places.job.wait(10)
    assert asked == ["pca"] and session.problem.sentence.startswith("These rows have no place")
    monkeypatch.setattr("widgets.continual.places.laid_out", lambda data, how, runner: how)
    other = table()
    places.of(other)
    places.job.wait(10)  # for PCA, which begins the one asked for
    assert places.job.wait(10) and places.of(other) == "umap"
    places.close()


def test_pointing_at_a_row_draws_no_map_anew(kept, monkeypatch):
    session = panel_of(kept[0]).session
    places = Map(torch.rand(120, 2), "pca", "PCA", 0, 0.0)
    monkeypatch.setattr("widgets.continual.places.laid_out", lambda data, how, runner: places)
    view = MapView(session, None)
    session.tab = "map"
    while not view.places.job.wait(10) or len(view.places.maps) < 2:  # PCA begins the one asked for
        pass
    view.view.refresh()
    drawn = [side.canvas.tick for side in view.sides]
    row = session.result.numbers("gmc", 20, 0, 1)["ids"][0]
    session.hovered = row
    assert [side.canvas.tick for side in view.sides] == drawn and drawn[0] > 0
    assert all(f"row {row}" in side.canvas.pointer.card["html"] for side in view.sides)
    session.step = 0
    assert [side.canvas.tick for side in view.sides] == [tick + 1 for tick in drawn]
    view.places.close()


def test_a_memory_is_what_the_record_says_in_the_order_of_arrival(kept):
    panel = panel_of(kept[0])
    result, looked = panel.session.result, Looked("reservoir", "", 20, 1, 1)
    held, record = Holding.of(result, looked, "reservoir"), result.numbers("reservoir", 20, 1, 1)
    assert sorted(held.rows) == sorted(record["ids"]) and (np.diff(held.came) >= 0).all()
    weight = dict(zip(record["ids"], record["weights"], strict=True))
    assert [weight[row] for row in held.rows.tolist()] == held.weights.tolist()
    tasks = result.ground.tasks(1)
    assert all(row in tasks.rows[came].tolist() for row, came in zip(held.rows, held.came, strict=True))
    assert np.array_equal(held.labels, table().y.numpy()[held.rows])


def test_a_row_tells_when_it_was_kept(kept):
    session = panel_of(kept[0]).session
    session.left, session.right, session.step = "window", "reservoir", 0
    result = session.result
    row = result.numbers("window", 20, 0, 0)["ids"][0]
    assert (
        row not in result.numbers("window", 20, 0, 1)["ids"]
    )  # the window holds none of the first task by then
    told = dict(facts(session, row))
    assert told["Class"] == table().classes[int(table().y[row])] and told["Came in"] == "task 1"
    assert re.fullmatch(r"after task 1; weight \d+(\.\d)?", told["Kept by window"])
    session.step = 1
    assert dict(facts(session, row))["Kept by window"] == "after task 1"
    never = next(i for i in range(120) if all(i not in (r.numbers or {})["ids"] for r in result.records))
    assert dict(facts(session, never))["Kept by reservoir"] == "never"


def test_shares_and_the_matrix_are_the_records(kept):
    session = panel_of(kept[0]).session
    result, looked = session.result, Looked.at(session)
    found = shares(result, looked)
    assert list(found) == ["What arrives", "gmc", "reservoir", "window"]
    assert found["What arrives"] == [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
    counts = result.numbers("gmc", 20, 0, 1)["counts"]
    assert found["gmc"][1] == [count / sum(counts) for count in counts]
    rows = [result.numbers("gmc", 20, seed, 1)["per_task"] for seed in (0, 1)]
    assert matrix(result, "gmc", 20)[1] == [sum(column) / 2 for column in zip(*rows, strict=True)]


def test_accuracies_are_means_over_seeds_at_the_size_looked_at(kept):
    session = panel_of(kept[0]).session
    session.capacity = 12
    drawn = [t for t in accuracies(session, "accuracy") if t.get("name") == "gmc"]
    over_tasks, over_sizes = drawn
    found = session.result.frame.query("stream == 'gmc' and capacity == 12")
    assert over_tasks["x"] == [1, 2] and over_sizes["x"] == [12, 20]
    assert over_tasks["y"] == pytest.approx(found.groupby("task").accuracy.mean().tolist())


class Clock:
    """A loop whose later calls a test makes itself."""

    def __init__(self):
        self.due = []

    def call_later(self, delay, call, *args):
        self.due.append((call, args))

    def tick(self):
        call, args = self.due.pop(0)
        call(*args)


def test_tasks_are_played_to_the_last_and_a_move_of_the_slider_stops_it(kept):
    session, clock = panel_of(kept[0]).session, Clock()
    player = Stepper(session, clock)
    assert player.slider.value == 1 and "Task 2 of 2" in player.told.value
    player.button.click()
    assert session.step == 0 and player.playing and player.button.tooltip == "Pause"
    clock.tick()
    assert session.step == 1 and not player.playing and not clock.due
    player.button.click()
    player.slider.value = 1
    assert session.step == 1 and not player.playing
    session.step = 0
    clock.tick()  # what was due before does nothing
    assert session.step == 0 and not clock.due


# -- the map's codes --------------------------------------------------------------------------------------------------


def test_a_steps_tables_say_what_the_memory_holds_then():
    rng = np.random.default_rng(0)
    n, many = 60, 4
    came, labels = rng.integers(-1, many, n), rng.integers(0, 3, n)
    kept, held = {}, np.zeros(0, int)
    for task in range(many):
        there = np.concatenate([held, np.flatnonzero(came == task)])
        kept[task] = held = rng.permutation(there)[:10]
    found = lives.lives(came, labels, kept, many)
    for task in range(many):
        state = lives.states(found, task)[found.codes]
        wanted = np.where((came > task) | (came < 0), lives.UNSEEN, lives.GONE)
        wanted[kept[task]] = lives.KEPT
        wanted[kept[task][came[kept[task]] == task]] = lives.FRESH
        assert np.array_equal(state, wanted)
        table = lives.tables(found, task, n, 10, False, task)
        assert {len(table.color), len(table.size), len(table.opacity)} == {len(found.group)}
    assert np.array_equal(found.group[found.codes], labels)
    assert set(found.order) == set(range(n)) and found.codes.max() + 1 == len(found.group)


# -- code and files ---------------------------------------------------------------------------------------------------


def done(code, names, folder):
    """The frame that the lines make in a store of their own."""
    lines = re.sub(r"store='[^']*'", f"store={str(folder / 'other.sqlite')!r}", code).splitlines()
    exec("\n".join([*lines[:-1], f"found = {lines[-1]}"]), names)
    return names["found"]


def test_its_code_gives_the_same_records(tmp_path):
    streams = [
        {"stream": "gmc", "params": {"nonnegative": False}, "name": "GMC, free"}, "herding",
        {"online": "CRAIG", "at": "current"},
    ]  # fmt: skip
    data = table()
    given = (data.x.numpy(), data.y.numpy())
    panel = ran(
        tmp_path / "a.sqlite", given, streams=streams, scenario="iid-incremental", tasks=2, seeds=1, ratio=2
    )
    assert "hold_out" in panel.code and "imbalanced(iid_incremental(data, tasks=2), ratio=2)" in panel.code
    same(done(panel.code, {"data": given}, tmp_path), panel.frame)


def test_a_setting_of_ones_own_is_run_as_it_is(tmp_path):
    setting = mixture([table(), table(classes=2)])
    panel = ran(tmp_path / "a.sqlite", setting, seeds=1, capacity=8, streams="reservoir")
    assert "# setting: the Setting you passed to remember()" in panel.code and len(panel.records) == 2
    same(done(panel.code, {"setting": setting}, tmp_path), panel.frame)
    panel.session.scenario = "iid-incremental"  # of the same data
    assert panel.control.wait(20) and panel.session.looked.data.classes == setting.data.classes


def test_a_setting_is_of_its_own_data_alone(tmp_path):
    panel = panel_of(
        tmp_path / "a.sqlite", mixture([table(), table(classes=2)]), seeds=1, capacity=8, streams="window"
    )
    session = panel.session
    assert session.scenario == "yours"
    session.data_name = "digits"
    assert panel.control.wait(20) and session.looked.data.name == "digits"
    assert session.scenario == "class-incremental" and session.problem is None
    assert "A memory of 8 rows cannot hold one of each of 10 classes" in advice(session)
    dropdowns = [one for one in widgets_in(panel) if isinstance(one, w.Dropdown)]
    [scenario] = [one for one in dropdowns if ("Turned pictures", "rotated") in one.options]
    assert ("yours", "yours") not in scenario.options


def test_everything_that_is_offered_is_saved(kept, tmp_path):
    session = panel_of(kept[0]).session
    for form in FORMATS:
        assert write(session, form, tmp_path / "out").stat().st_size > 200
    rows = pandas.read_csv(tmp_path / "out" / "memories.csv")
    record = session.result.numbers("gmc", 20, 1, 1)
    own = rows.query("stream == 'gmc' and capacity == 20 and seed == 1 and task == 1")
    assert own.id.tolist() == record["ids"] and own.weight.tolist() == pytest.approx(record["weights"])
    with pytest.raises(ValueError, match="nothing is trained yet"):
        write(remember(table()).session, "runs", tmp_path)


# -- what is given ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more, message",
    [
        ({"streams": "resevoir"}, "reservoir"),
        ({"streams": []}, "no streams"),
        ({"scenario": "sortd"}, "scenario"),
        ({"capacity": 0}, "capacity, rows kept, is a whole number from 1"),
        ({"capacity": []}, "no capacity"),
        ({"classes": 0}, "classes a task"),
        ({"tasks": 1}, "tasks is a whole number from 2"),
        ({"most": -1}, "the largest angle in degrees"),
        ({"ratio": 0.5}, "the largest class over the smallest"),
        ({"paradigm": "dumb"}, "gdumb"),
        ({"seeds": 0}, "seeds is a whole number from 1"),
        ({"recipe": {"lr": -1}}, "lr"),
        ({"store": 7}, "store is a file's path"),
        ({"streems": 3}, "did you mean 'streams'"),
        ({"frame": 3}, "frame is a data frame"),
    ],
)
def test_what_is_wrong_is_said_at_once(more, message):
    with pytest.raises(ValueError, match=message):
        remember("digits", **more)


def test_a_setting_brings_its_own_data():
    with pytest.raises(ValueError, match="leave y= out"):
        remember(class_incremental(table()), [0, 1])
    with pytest.raises(ValueError, match="a Pool is what they record"):
        remember(cx.Pool.of([[0.0], [1.0]], [0, 1]))


@pytest.mark.parametrize(
    "more, message",
    [
        ({"classes": 4}, "make one task, which is no stream"),
        ({"scenario": "rotated"}, "only pictures turn"),
        ({"scenario": "sorted", "feature": "age"}, "no column names"),
        ({"embedding": {"how": "guess"}}, "how"),
    ],
)
def test_what_the_data_refuses_is_said_in_the_panel(tmp_path, more, message):
    panel = panel_of(tmp_path / "a.sqlite", **more)
    assert panel.session.status == "error" and message in texts(panel)
    assert "change what the message names" in texts(panel)


def test_the_form_writes_the_settings(kept):
    panel = panel_of(kept[0])
    session, fields = (
        panel.session,
        {one.tooltip: one for one in widgets_in(panel) if getattr(one, "tooltip", None)},
    )
    rows = next(one for tip, one in fields.items() if tip.startswith("rows that a memory holds"))
    assert rows.value == "12, 20"
    rows.value = "30, 1,000"
    assert session.capacities == (30, 1000)
    rows.value = "5 %"
    assert "capacity, rows kept, is a whole number" in texts(panel) and session.capacities == (30, 1000)
    fields["passes over what is learnt from, after each task"].value = 7
    assert session.epochs == 7 and session.looked is None
    panel.control.wait(20)


def test_streams_are_added_changed_and_removed(kept):
    panel = panel_of(kept[0])
    session = panel.session
    button(panel, "+ Add a stream").click()
    choice = next(one for one in widgets_in(panel) if isinstance(one, w.Dropdown) and "icarl" in one.options)
    assert set(STREAMS) <= set(choice.options) and "online CRAIG" in choice.options
    choice.value = "icarl"
    button(panel, "Add").click()
    assert [rule.name for rule in session.streams] == ["gmc", "reservoir", "window", "icarl"]
    gear = next(one for one in widgets_in(panel) if getattr(one, "tooltip", "") == "Settings of gmc")
    gear.click()
    free = next(
        one for one in widgets_in(panel) if isinstance(one, w.Checkbox) and one.description == "nonnegative"
    )
    free.value = False
    assert session.streams[0].name == "gmc" and session.streams[0].params == {"nonnegative": False}
    assert session.stale  # it is another rule, whatever it is called
    for name in ("gmc", "reservoir", "window", "icarl"):
        next(one for one in widgets_in(panel) if getattr(one, "tooltip", "") == f"Remove {name}").click()
    assert [rule.name for rule in session.streams] == ["icarl"] and "one stream has to stay" in texts(panel)
    panel.control.wait(20)


def test_what_can_be_added_runs_or_says_why_not(kept):
    session = panel_of(kept[0]).session
    why = {name: refused(rule) for name, rule in offered(session).items()}
    assert not any(why[name] for name in STREAMS)
    assert "reads history" in next(words for name, words in why.items() if "EL2N" in name)


def test_rows_are_shown_as_what_was_given(tmp_path):
    """A frame's words are read, its numbers learnt from; turned pictures are shown as this seed turned them."""
    data = table()
    rows = pandas.DataFrame(data.x.numpy(), columns=[f"f{i}" for i in range(6)])
    rows["label"], rows["note"] = (
        [data.classes[i] for i in data.y.tolist()],
        [f"these are the words of row {i}, to be read" for i in range(120)],
    )
    panel = ran(tmp_path / "a.sqlite", rows, y="label", seeds=1, capacity=12)
    assert "learnt from: f0, f1, f2, f3 and 2 more; shown: note" in texts(panel)
    panel.session.opened = (5, (5,), "")
    dialog = next(one for one in widgets_in(panel) if hasattr(one, "whole"))
    aside = panel.session.ground.data.truth["row"]
    assert dialog.whole["text"] == f"these are the words of row {int(aside[5])}, to be read"
    x = torch.randint(0, 256, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pictures = Data(x, torch.arange(40) % 4, tuple("abcd"), x[:8], torch.arange(8) % 4, "images", "noise")
    turned = ran(tmp_path / "b.sqlite", pictures, scenario="rotated", tasks=2, seeds=1, capacity=8)
    tasks = Looked.at(turned.session).tasks(turned.session.result)
    assert not torch.equal(tasks.data.x, x)
    turned.session.opened = (3, (3,), "")
    dialog = next(one for one in widgets_in(turned) if hasattr(one, "whole"))
    assert dialog.large and dict(dialog.whole["facts"])["Class"] == "d"
