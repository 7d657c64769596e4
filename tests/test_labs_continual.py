"""The continual laboratory: scenarios, what a run is made of, and the laws it keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from coreset_explore.datasets import Data, load
from coreset_explore.labs.continual import (
    Tasks,
    class_incremental,
    iid_incremental,
    imbalanced,
    mixture,
    rotated,
    sorted_by,
)
from coreset_explore.labs.continual.scenarios import turned
from tests.continual_runs import table

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
