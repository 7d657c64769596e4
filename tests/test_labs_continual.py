"""The continual laboratory: scenarios, what a run is made of, and the laws it keeps."""

from __future__ import annotations

import functools
import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
import torch
from torch import nn

from coreset_explore import (
    STREAMS,
    Memory,
    Pool,
    Selection,
    initial_gradients,
    observe,
    online,
    progress,
    snapshot,
)
from coreset_explore.datasets import Data, load
from coreset_explore.experiment.store import Store
from coreset_explore.labs.continual import (
    Rule,
    Tasks,
    backward_transfer,
    class_incremental,
    forgetting,
    frame,
    iid_incremental,
    imbalanced,
    memory_classes,
    mixture,
    plan,
    questions,
    rotated,
    run,
    sorted_by,
    task_matrix,
)
from coreset_explore.labs.continual.learners import GDumb, Replay
from coreset_explore.labs.continual.pictures import turned
from coreset_explore.training import fit
from tests.continual_runs import CELLS, HOW, continual, table

ROOT = Path(__file__).resolve().parent.parent
CLOCKS = ["embed_seconds", "update_seconds", "train_seconds"]

SCENARIOS = {
    "class-incremental": lambda: class_incremental(table(), classes=2),
    "sorted": lambda: sorted_by(table(), feature=1, tasks=4),
    "iid-incremental": lambda: iid_incremental(table(), tasks=4),
    "rotated": lambda: rotated("digits", tasks=3),
    "mixture": lambda: mixture([table(), replace(table(60, classes=3), name="other")]),
    "imbalanced": lambda: imbalanced(iid_incremental(table(), tasks=4), ratio=4),
}


# -- scenarios --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_hands_over_each_row_once_keeps_its_truth_and_is_drawn_by_its_seed(name):
    setting = SCENARIOS[name]()
    tasks, again = setting.tasks(3), setting.tasks(3)
    when, rows = tasks.data.truth["task"], torch.cat(tasks.rows)
    assert len(rows.unique()) == len(rows) and (len(rows) < len(tasks.data)) == (name == "imbalanced")
    assert all(bool((when[own] == task).all()) for task, own in enumerate(tasks.rows))
    assert int((when >= 0).sum()) == len(rows)
    assert all(
        torch.equal(a, b) for a, b in zip(tasks.rows + tasks.tests, again.rows + again.tests, strict=True)
    )
    assert setting.many == len(tasks)
    assert torch.equal(tasks.data.x, again.data.x) and len(tasks.names) == len(tasks) == len(tasks.tests)
    assert torch.cat(tasks.tests).unique().tolist() == list(range(len(tasks.data.x_test)))
    others = torch.cat(setting.tasks(4).rows)
    assert torch.equal(rows, others) == (name == "sorted")
    assert setting.plain()["scenario"]["scenario"] == name
    assert f"Setting({setting.data.name}, {name}" in repr(setting)


def test_class_frequencies_are_those_of_the_rows_that_arrive():
    setting = class_incremental(table(), classes=3)
    found = setting.tasks(0).frequencies()
    assert list(found.columns) == ["task", "name", "class", "rows", "share"]
    assert found[found.task == 0].rows.tolist() == [30, 30, 30, 0] and found.name[0] == "a, b, c"
    assert found.groupby("task").share.sum().tolist() == pytest.approx([1, 1])


def test_sorted_rows_come_in_the_order_of_the_feature_and_parts_are_judged_by_their_own_range():
    tasks = sorted_by(table(), feature=1, tasks=4).tasks()
    values = tasks.data.x[torch.cat(tasks.rows), 1]
    assert bool((values.diff() >= 0).all()) and {len(rows) for rows in tasks.rows} == {30}
    for earlier, later in zip(tasks.tests[:-1], tasks.tests[1:], strict=True):
        assert tasks.data.x_test[earlier, 1].max() <= tasks.data.x_test[later, 1].min()


def test_a_picture_turned_by_a_right_angle_is_rot90_and_by_nothing_itself():
    x = torch.randint(0, 256, (3, 1, 7, 7), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert torch.equal(turned(x, 0.0), x)
    assert torch.equal(turned(x, 90.0), torch.rot90(x, 1, (2, 3)))
    wide = torch.zeros(1, 1, 4, 8, dtype=torch.uint8)
    wide[0, 0, 1, 3] = 200  # just above and left of the center
    assert torch.equal(turned(wide, 180.0), wide.flip(2, 3))


def test_every_picture_is_seen_at_its_tasks_angle():
    digits = load("digits")
    tasks = rotated(digits, tasks=3, most=90).tasks(1)
    angles = tasks.data.truth["angle"]
    assert len(angles.unique()) == 3 and float(angles.max()) <= 90
    row, test = int(tasks.rows[1][0]), int(tasks.tests[1][0])
    assert torch.equal(tasks.data.x[[row]], turned(digits.x[[row]], float(angles[row])))
    assert torch.equal(tasks.data.x_test[[test]], turned(digits.x_test[[test]], float(angles[row])))


def test_a_mixture_keeps_classes_apart_and_makes_pictures_alike():
    small = torch.randint(
        0, 256, (12, 3, 6, 6), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    y = torch.arange(12) % 2
    other = Data(small, y, ("0", "1"), small[:4], y[:4], "images", "colored")
    tasks = mixture(["digits", other]).tasks()
    assert tasks.data.x.shape[1:] == (3, 8, 8) and tasks.data.classes[-2:] == ("colored 0", "colored 1")
    assert tasks.counts[1].tolist() == [0] * 10 + [6, 6] and tasks.counts[0, 10:].sum() == 0
    assert torch.equal(tasks.data.y[-12:], y + 10) and tasks.data.truth["dataset"].bincount().tolist() == [
        1438,
        12,
    ]


def test_an_imbalanced_scenario_thins_classes_within_each_task_and_leaves_their_order():
    setting = imbalanced(class_incremental(table(), classes=2), ratio=10)
    tasks, whole = setting.tasks(2), class_incremental(table(), classes=2).tasks(2)
    for counts, rows, before in zip(tasks.counts.tolist(), tasks.rows, whole.rows, strict=True):
        assert sorted(counts) == [0, 0, 3, 30]
        assert rows.tolist() == [row for row in before.tolist() if row in set(rows.tolist())]
    assert torch.equal(torch.cat(tasks.tests), torch.cat(whole.tests))
    alone = imbalanced(class_incremental(table(), classes=1)).tasks()
    assert alone.counts.sum() == 120


BARE = Data(torch.ones(4, 5), torch.arange(4) % 2, ("a", "b"), None, None, "table", "bare")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: class_incremental(BARE), "bare has no test rows to judge by"),
        (lambda: class_incremental(table(), classes=4), "made has 4 classes, so 4 a task make one task"),
        (lambda: class_incremental(table(), classes=0), "classes a task is a whole number from 1"),
        (lambda: sorted_by(table(), feature=6), "feature, a column's number, lies between 0 and 5, got 6"),
        (lambda: sorted_by(table(), feature="age"), "made has no column names, so 'age' is none of them"),
        (lambda: sorted_by(replace(table(), columns=tuple("uvwxyz")), feature="W"), "did you mean 'w'"),
        (lambda: sorted_by(table(), tasks=121), "121 tasks of made's 120 rows leave some without a row"),
        (lambda: rotated(table()), "made is a table, and only pictures turn"),
        (lambda: mixture("digits"), "a mixture is of two datasets or more"),
        (lambda: mixture(["digits", table()]), "a mixture is of pictures alone"),
        (lambda: imbalanced(table()), "imbalanced thins a setting"),
        (lambda: class_incremental(replace(table(), classes=tuple("abcdef"))).tasks(), "no row arrives in task e, f"),
        (lambda: Tasks(table(), (torch.arange(3), torch.arange(2, 4)), (), ("a", "b")), "a row arrives in two tasks"),
    ],
)  # fmt: skip
def test_a_scenario_that_cannot_be_cut_says_so(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# -- runs -------------------------------------------------------------------------------------------------------------


def records(streams, setting=None, **more):
    setting = setting or class_incremental(table(), classes=2)
    return list(run(setting, streams, **{"capacity": 12, "show": False, **HOW, **more}))


def same(one, two):
    pandas.testing.assert_frame_equal(one.drop(columns=CLOCKS), two.drop(columns=CLOCKS), check_exact=True)


@functools.cache
def uninterrupted() -> pandas.DataFrame:
    return continual()


@pytest.mark.parametrize("paradigm", ["gdumb", "replay"])
def test_every_stream_runs_by_its_name_and_the_same_seed_gives_the_same_records(paradigm):
    names = list(STREAMS)
    one, two = (records(names, paradigm=paradigm, recipe={"epochs": 1}) for _ in range(2))
    found = frame(one)
    assert found.failed.isna().all() and len(found) == 2 * len(STREAMS)
    same(found, frame(two))
    assert [r.numbers["ids"] for r in one] == [r.numbers["ids"] for r in two]
    assert found.remarks.isna().all()
    assert found.seen.tolist() == [60] * len(names) + [120] * len(names) and (found.rows <= 12).all()


def test_records_come_seed_by_seed_task_by_task_and_each_stands_where_the_plan_says():
    setting = class_incremental(table(), classes=2)
    planned = plan(setting, ["window", "ring"], capacity=[9, 6], seeds=[5, 2], **HOW)
    found = records(["window", "ring"], capacity=[9, 6], seeds=[5, 2])
    places = [tuple(r.settings[w] for w in ("stream", "capacity", "seed", "task")) for r in found]
    assert places == [cell.place for cell in planned.cells]
    assert places[:5] == [(s, c, 5, 0) for c in (6, 9) for s in ("window", "ring")] + [("window", 6, 5, 1)]


@pytest.mark.parametrize("rule", ["reservoir", "gmc", "window", "balanced", "online herding"])
def test_a_memory_that_holds_everything_trains_as_on_all_rows(rule):
    last = records(rule.removeprefix("online "), capacity=120)[-1].numbers
    done = fit("logistic", table(), **recipe())
    assert last["accuracy"] == done.accuracy and last["gradient_error"] == pytest.approx(0, abs=1e-6)
    assert sorted(last["ids"]) == list(range(120)) and set(last["weights"]) == {1.0}


def recipe(epochs=4):
    return {
        "epochs": epochs, "batch_size": 8, "optimizer": "adam", "weight_decay": 0.0, "schedule": "constant",
        "show": False,
    }  # fmt: skip


def test_one_task_with_a_reservoir_is_a_random_subset():
    setting = iid_incremental(table(), tasks=1)
    found = records("reservoir", setting, seeds=20, recipe={"epochs": 1})
    for seed, record in enumerate(found[:3]):
        numbers = record.numbers
        done = fit("logistic", table(), numbers["ids"], seed=seed, **{**recipe(1), "batch_size": 32})
        assert numbers["accuracy"] == done.accuracy and set(numbers["weights"]) == {10.0}
        assert numbers["forgetting"] is None and numbers["per_task"] == [numbers["accuracy"]]
    times = torch.bincount(torch.tensor([r.numbers["ids"] for r in found]).flatten(), minlength=120)
    # each of 120 rows 2 times in the mean of 20 draws of 12: chi-square with 119 degrees, 99.9 % below 172
    assert float((times - 2).square().sum() / (2 * 0.9)) < 172


def test_a_record_is_what_observing_embedding_and_training_by_hand_give():
    setting = class_incremental(table(), classes=2)
    tasks, memory, total, accuracies = setting.tasks(1), Memory(), 0.0, []
    for rows in tasks.rows:
        grads = initial_gradients(
            tasks.data, rows=rows, model="logistic", inits=2, width=60, how="sketched", seed=1
        )
        batch = Pool({"ids": rows, "y": tasks.data.y[rows], "grads": grads}, tasks.data.classes)
        memory, total = observe("gmc", memory, batch, 12, seed=1), total + grads.sum()
        done = fit("logistic", tasks.data, Selection(memory.pool.ids, memory.weights), seed=1, **recipe())
        accuracies.append(done.accuracy)
    found = records("gmc", seeds=[1])
    assert [r.numbers["accuracy"] for r in found] == accuracies
    last = found[-1].numbers
    assert last["ids"] == memory.pool.ids.tolist() and last["weights"] == memory.weights.tolist()
    error = (memory.pool.grads.sum(memory.weights) - total).norm() / total.norm()
    assert last["gradient_error"] == pytest.approx(float(error))
    assert last["counts"] == torch.bincount(tasks.data.y[memory.pool.ids], minlength=4).tolist()
    assert sum(last["class_weights"]) == pytest.approx(float(memory.weights.sum()))


def test_a_stream_that_asks_the_model_is_handed_what_it_says_by_then():
    tasks = class_incremental(table(), classes=2).tasks(0)
    found = records("gmc_local", paradigm="replay")
    setting_rows, memory = tasks.rows, Memory()
    model = Replay(tasks, lambda: "logistic", {**QUICKLY}, 0, "cpu")
    for record, rows in zip(found, setting_rows, strict=True):
        model.meet(rows, memory)
        if memory.pool is not None:
            memory = replace(memory, pool=snapshot(model.net, tasks.data, memory.pool.ids))
        memory = observe("gmc_local", memory, snapshot(model.net, tasks.data, rows), 12)
        assert record.numbers["ids"] == memory.pool.ids.tolist()
        assert record.numbers["weights"] == memory.weights.tolist()


QUICKLY = {"optimizer": "adam", "lr": None, "weight_decay": 0.0, "schedule": "constant", **HOW["recipe"]}


def test_replay_begins_as_training_on_the_first_task_does():
    tasks = class_incremental(table(), classes=2).tasks(0)
    first = records("window", paradigm="replay")[0].numbers
    done = fit("logistic", tasks.data, tasks.rows[0], **recipe())
    assert first["accuracy"] == done.accuracy and first["updates"] == done.info["updates"]


def test_replay_draws_the_memorys_rows_by_weight_as_many_as_are_new():
    data = table()
    tasks = class_incremental(data, classes=2).tasks(0)
    held = tasks.rows[0][:4]
    memory = Memory(Pool({"ids": held}), torch.tensor([30.0, 15.0, 15.0, 0.0], dtype=torch.float64), 60)
    model, seen = Replay(tasks, lambda: "logistic", {**QUICKLY, "epochs": 20}, 0, "cpu"), []
    model.net.register_forward_pre_hook(lambda net, given: seen.append(given[0][:, 0]))
    model.meet(tasks.rows[1], memory)
    assert model.updates == len(seen) == 20 * 8 and {len(part) for part in seen} == {15}
    seen = torch.cat(seen)
    times = torch.tensor([int((seen == value).sum()) for value in data.x[:, 0]])
    new, old = times[tasks.rows[1]].float(), times[held].float()
    assert set(new.tolist()) == {20} and old.sum() == new.sum() == times.sum() / 2
    assert (old / old.sum()).tolist() == pytest.approx([0.5, 0.25, 0.25, 0.0], abs=0.01)


def test_a_module_of_ones_own_is_copied_and_another_cell(tmp_path):
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    before = [p.clone() for p in net.parameters()]
    for paradigm in ("gdumb", "replay"):
        assert frame(records("gmc", model=net, paradigm=paradigm)).failed.isna().all()
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_a_memory_too_small_for_the_classes_says_so_and_runs():
    with pytest.warns(UserWarning, match="a memory of 3 rows cannot hold one of each of 4 classes"):
        found = records(["balanced", "ring", "gmc", "icarl"], capacity=3)
    assert frame(found).failed.isna().all() and all(r.numbers["rows"] <= 3 for r in found)


# -- kept and resumed -------------------------------------------------------------------------------------------------


def test_killed_again_and_again_it_goes_on_where_it_was(tmp_path):
    path = tmp_path / "continual.sqlite"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.continual_runs", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("killed") >= 2
    same(continual(path), uninterrupted())
    with Store(path) as store:
        assert len(store) == CELLS == len(uninterrupted())


@pytest.mark.parametrize("paradigm", ["gdumb", "replay"])
def test_stopped_anywhere_it_goes_on_and_trains_what_is_missing(tmp_path, paradigm, monkeypatch):
    setting, names = iid_incremental(table(), tasks=3), ["reservoir", "gmc_local"]
    whole = frame(records(names, setting, paradigm=paradigm))
    trained = []
    for kind in (GDumb, Replay):
        for part in ("meet", "settle"):
            plain = getattr(kind, part)
            monkeypatch.setattr(
                kind,
                part,
                lambda self, *a, _p=plain, _n=part: (trained.append((type(self), _n)), _p(self, *a))[1],
            )
    for stop in (1, 4):
        path, seen = tmp_path / f"{stop}.sqlite", []
        with (
            pytest.raises(progress.Cancelled),
            progress.listening(should_stop=lambda seen=seen, n=stop: len(seen) == n),
        ):
            for record in run(setting, names, capacity=12, paradigm=paradigm, store=path, show=False, **HOW):
                seen.append(record)
        trained.clear()
        same(frame(records(names, setting, paradigm=paradigm, store=path)), whole)
        begun = trained.count((GDumb if paradigm == "gdumb" else Replay, "settle"))
        # of the reservoir what is missing, if no model goes on; of what asks the model, and of replay, all of it
        own = 3 - (stop + 1) // 2 if paradigm == "gdumb" else 3 * (stop < 5)
        assert begun == own + 3
        trained.clear()
        same(frame(records(names, setting, paradigm=paradigm, store=path)), whole)
        assert not trained


@pytest.mark.parametrize("paradigm", ["gdumb", "replay"])
def test_judged_at_the_end_alone_it_says_what_the_last_of_each_says_with_the_trainings_it_needs(
    tmp_path, paradigm, monkeypatch
):
    setting, names = iid_incremental(table(), tasks=3), ["reservoir", "gmc_local"]
    each = frame(records(names, setting, paradigm=paradigm))
    models, plain = [], GDumb.settle
    monkeypatch.setattr(GDumb, "settle", lambda self, *a: (models.append(self), plain(self, *a))[1])
    how = {"paradigm": paradigm, "judged": "last", "seeds": 2, "store": tmp_path / "last.sqlite"}
    for take in (1, None):  # stopped after the first, and gone on
        found = list(itertools.islice(run(setting, names, capacity=12, show=False, **HOW, **how), take))
    last = frame(found).drop(columns=[*CLOCKS, "forgetting", "backward_transfer"])
    wanted = questions.final(each).drop(columns=[*CLOCKS, "forgetting", "backward_transfer"])
    pandas.testing.assert_frame_equal(last[last.seed == 0].reset_index(drop=True), wanted)
    assert frame(found).forgetting.isna().all() and set(last.seed) == {0, 1}
    # a reservoir's model is trained once a seed, one that its rule asks after each task: two of these before the stop
    assert len(models) == (2 + 2 * (1 + 3) if paradigm == "gdumb" else 0)


def test_what_changes_a_number_is_another_cell_and_a_name_is_none(tmp_path):
    path = tmp_path / "continual.sqlite"
    for more in (
        {}, {"capacity": 11}, {"seeds": [1]}, {"paradigm": "replay"}, {"model": "mlp"}, {"embedding": {"inits": 1}},
        {"recipe": {"epochs": 3}}, {"setting": iid_incremental(table(), tasks=2)}, {"judged": "last"}, {},
    ):  # fmt: skip
        records("gmc", store=path, **more)
    records({"stream": "gmc", "name": "GMC"}, store=path)
    records({"stream": "gmc", "params": {"nonnegative": False}}, store=path)
    with Store(path) as store:
        assert len(store) == 2 * 9 + 1
    with Store(path) as store:
        kept = plan(class_incremental(table()), {"stream": "gmc", "name": "GMC"}, capacity=12, **HOW).kept(
            store
        )
    assert [r.settings["stream"] for r in kept] == ["GMC", "GMC"]


def test_a_stream_that_fails_is_a_sentence_in_each_cell_that_follows_and_is_tried_again(tmp_path):
    path, broken = tmp_path / "continual.sqlite", []

    def fussy(memory, batch, capacity, *, rng):
        if memory.seen and not broken:
            raise ValueError("no more of this")
        return memory.keep(torch.arange(len(batch))[:capacity] + len(memory), batch)

    setting = iid_incremental(table(), tasks=3)
    found = frame(records([fussy, "window"], setting, store=path)).set_index("stream")
    assert found.loc["fussy"].failed.fillna("").tolist() == [
        "", "no more of this", "task 2 failed, and what comes after goes on from it: no more of this",
    ]  # fmt: skip
    assert found.loc["window"].failed.isna().all()
    broken.append(True)
    assert frame(records([fussy, "window"], setting, store=path)).failed.isna().all()


# -- what it comes to -------------------------------------------------------------------------------------------------


def test_forgetting_and_backward_transfer_of_a_matrix_worked_by_hand():
    matrix = [[0.9, 0.1, 0.0], [0.6, 0.8, 0.2], [0.7, 0.5, 0.9]]
    assert forgetting(matrix[:1]) is None and backward_transfer(matrix[:1]) is None
    assert forgetting(matrix[:2]) == pytest.approx(0.3) and backward_transfer(matrix[:2]) == pytest.approx(
        -0.3
    )
    assert forgetting(matrix) == pytest.approx((0.2 + 0.3) / 2)
    assert backward_transfer(matrix) == pytest.approx((-0.2 - 0.3) / 2)
    better = [[0.5, 0.0], [0.6, 0.9]]
    assert forgetting(better) == pytest.approx(-0.1) and backward_transfer(better) == pytest.approx(0.1)
    # what was best need not be what it was right after the task
    assert forgetting([[0.5, 0, 0], [0.9, 0.8, 0], [0.6, 0.8, 1]]) == pytest.approx(0.15)
    assert forgetting([[0.5, None], [0.6, None]]) == pytest.approx(-0.1)
    assert forgetting([None, [0.6, 0.9]]) is None and backward_transfer([[0.5, 1.0], None]) is None


def test_a_record_holds_what_its_own_matrix_comes_to():
    found = records("window", class_incremental(table(), classes=1))
    matrix = [r.numbers["per_task"] for r in found]
    for task, record in enumerate(found):
        assert record.numbers["forgetting"] == forgetting(matrix[: task + 1])
        assert record.numbers["accuracy_seen"] == pytest.approx(sum(matrix[task][: task + 1]) / (task + 1))
        # every class has as many test rows, and all together are all of them
        assert record.numbers["accuracy"] == pytest.approx(sum(matrix[task]) / 4)
    tidy = task_matrix(found)
    assert tidy.pivot(index="task", columns="judged", values="accuracy").to_numpy().tolist() == matrix
    held = memory_classes(found, tuple("abcd"))
    assert held[held.task == 3].rows.tolist() == [0, 0, 0, 12] and held[held.task == 3].weight.sum() == 120


CONVOLVED = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10))


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "streams, more, message",
    [
        ("resrvoir", {}, "did you mean 'reservoir'"),
        ([], {}, "no streams: name some"),
        (7, {}, "streams are names as"),
        (["gmc", "gmc"], {}, "two streams are called 'gmc'"),
        (online("herding"), {}, "online herding is a stream made on the way"),
        ({"stream": "gmc", "ridge": 1}, {}, "a rule is described by stream, params and name"),
        ({"stream": "gmc", "params": {"ridge": 1}}, {}, "gmc has no parameter 'ridge'"),
        ({"stream": "gmc", "params": 3}, {}, "params are a dictionary"),
        ("margin", {}, 'online margin reads logits, and rows come with .* "at": "current"'),
        ("EL2N", {}, "reads history, and rows come with .*; take another rule"),
        ("GLISTER", {}, "matches validation rows, which no memory holds"),
        ("gmc", {"capacity": 0}, "capacity is a whole number from 1"),
        ("gmc", {"capacity": []}, "no capacity"),
        ("gmc", {"seeds": []}, "no seeds"),
        ("gmc", {"judged": "end"}, "judged is one of"),
        ("gmc", {"paradigm": "gdump"}, "did you mean 'gdumb'"),
        ("gmc", {"paradigm": "replay", "recipe": {"weights": "loss"}}, "drawn by their weights; leave weights out"),
        ("gmc", {"recipe": {"rate": 1}}, "the recipe has no parameter 'rate'"),
        ("gmc", {"recipe": {"augment": "crop"}}, "augment='crop' moves pixels"),
        ("gmc", {"embedding": {"with": 3}}, "embedding is a dictionary of how, inits, width"),
        ("gmc", {"embedding": {"how": "drawn"}}, "how is one of"),
        ("gmc", {"setting": class_incremental("digits"), "model": CONVOLVED, "embedding": {"how": "exact"}}, "factor"),
        ("gmc", {"model": "lenet"}, "lenet needs images of at least"),
        ("gmc", {"setting": table()}, "a run wants a setting"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_before_anything_is(streams, more, message):
    more = {"setting": class_incremental(table()), "capacity": 12, **HOW, **more}
    with pytest.raises(ValueError, match=message):
        run(more.pop("setting"), streams, **more)


def test_a_rule_is_told_apart_by_what_it_is_made_of():
    assert Rule.of("CRAIG").told["online"]["method"] == "craig" and not Rule.of("CRAIG").now
    now = Rule.of({"online": "margin", "at": "current", "name": "least sure"})
    assert now.now and now.name == "least sure" and now.told != Rule.of({"online": "margin"}).told
    assert Rule.of(STREAMS["gmc"]).told == Rule.of(STREAMS["gmc"].fn).told == Rule.of("gmc").told


# -- questions --------------------------------------------------------------------------------------------------------


def test_streams_are_compared_over_scenarios_and_paradigms_and_the_last_task_is_what_counts():
    settings = {"classes": class_incremental(table(), classes=2), "parts": iid_incremental(table(), tasks=3)}
    found = questions.compare(
        settings, ["window", "reservoir"], capacity=[8, 12], paradigms=("gdumb", "replay"), show=False, **HOW
    )
    assert len(found) == 2 * 2 * 2 * (2 + 3)
    last = questions.final(found)
    assert last.groupby("scenario").task.unique().map(list).to_dict() == {"classes": [1], "parts": [2]}
    told = questions.gains(found)
    assert len(told) == 8 and set(told.stream) == {"window"} and set(told.says) == {"not decided"}
    window = last[(last.scenario == "classes") & (last.paradigm == "gdumb") & (last.capacity == 8)].set_index(
        "stream"
    )
    gain = told[(told.scenario == "classes") & (told.paradigm == "gdumb") & (told.capacity == 8)].gain.item()
    assert gain == pytest.approx(window.accuracy["window"] - window.accuracy["reservoir"])


def test_a_gain_is_said_where_its_interval_leaves_nothing_out():
    rows = [("gmc", 60, s, 1, 0.8 + s / 100) for s in range(4)] + [
        ("reservoir", 60, s, 1, 0.7 + s / 90) for s in range(4)
    ]
    rows += [("gmc", 60, s, 0, 0.0) for s in range(4)] + [
        ("ring", 60, s, 1, 0.71 + (-1) ** s / 50) for s in range(4)
    ]
    found = questions.gains(
        pandas.DataFrame(rows, columns=["stream", "capacity", "seed", "task", "accuracy"])
    )
    assert found.set_index("stream").says.to_dict() == {"gmc": "better", "ring": "not decided"}
    assert found.gain[0] == pytest.approx(0.1 + 1.5 / 100 - 1.5 / 90) and found.pairs.tolist() == [4, 4]


def test_one_thing_is_changed_at_a_time():
    setting = class_incremental(table(), classes=2)
    how = {**HOW, "capacity": 12, "show": False}
    found = questions.ablate(setting, "gmc", {"inits": [2, 1], "nonnegative": [False], "epochs": [1]}, **how)
    assert found.groupby(["factor", "value"], sort=False, dropna=False).size().tolist() == [2] * 5
    base, same_inits, free = (
        found[found.factor == f].reset_index() for f in ("as it is", "inits", "nonnegative")
    )
    assert same_inits.gradient_error[:2].tolist() == base.gradient_error.tolist()
    assert (free.gradient_error <= base.gradient_error + 1e-9).all() and set(found.stream) == {"gmc"}
    with pytest.raises(ValueError, match="'ridge' is nothing of gmc: vary how, inits, width, epochs"):
        questions.ablate(setting, "gmc", {"ridge": [1]}, **how)
