"""A grid that is kept: killed at any moment, gone on with, filled by two processes at once, read by another version."""

from __future__ import annotations

import functools
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas
import pytest
import torch

import coreset_explore as cx
from coreset_explore import Selection, accuracy_curve
from coreset_explore.experiment import grid
from coreset_explore.experiment.store import Store
from coreset_explore.registry import METHODS, selector
from tests.grids import BUDGETS, CELLS, curve, pool

CLOCKS = ["selection_seconds", "train_seconds"]
ROOT = Path(__file__).resolve().parent.parent
LEARNT = grid._learnt


@functools.cache
def uninterrupted() -> pandas.DataFrame:
    return curve()


def same(one: pandas.DataFrame, two: pandas.DataFrame) -> None:
    pandas.testing.assert_frame_equal(one.drop(columns=CLOCKS), two.drop(columns=CLOCKS), check_exact=True)


def started(what: str, path: Path) -> subprocess.Popen:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.grids", what, str(path)]
    return subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def run(monkeypatch) -> list:
    """Cells that were really run, not read: the rows each was trained on."""
    uninterrupted()
    cells: list = []

    def learnt(judge, chosen, seed):
        cells.append(len(chosen))
        return LEARNT(judge, chosen, seed)

    monkeypatch.setattr(grid, "_learnt", learnt)
    return cells


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "grid.sqlite"


def test_a_kept_curve_is_the_curve_and_is_run_once(path, run):
    same(curve(path), uninterrupted())
    assert len(run) == CELLS
    same(curve(path), uninterrupted())
    assert len(run) == CELLS
    with Store(path) as store:
        assert len(store) == CELLS
        kept = store.frame()
    assert set(kept["strategy.method"]) == {"kcenter", "herding", "random", "probcover", "kmeans"}
    assert {"budget", "seed", "accuracy", "versions.torch"} <= set(kept.columns)


def test_killed_at_twenty_random_moments_it_goes_on_where_it_was(path, run):
    process = started("kill", path)
    said, wrong = process.communicate(timeout=120)
    assert process.returncode == 0, wrong
    assert len(said.split()) == 20 and said.count("killed") >= 10
    with Store(path) as store:
        held = len(store)
    assert held > 0
    same(curve(path), uninterrupted())
    assert len(run) == CELLS - held


def test_two_processes_fill_one_store(path, run):
    both = [started("fill", path) for _ in range(2)]
    for process in both:
        _, wrong = process.communicate(timeout=120)
        assert process.returncode == 0, wrong
    with Store(path) as store:
        assert len(store) == CELLS
    same(curve(path), uninterrupted())
    assert run == []


def test_only_what_is_new_is_run(path, run):
    accuracy_curve(pool(), ["kcenter"], [20], seeds=1, store=path, show=False)
    assert run == [20, 20]  # random is always beside
    frame = accuracy_curve(pool(), {"mine": "kcenter"}, [8, 20], seeds=2, store=path, show=False)
    assert len(run) == 2 + 6 and list(frame.method.unique()) == ["mine", "Random"]  # a label is no setting
    accuracy_curve(pool(), [{"method": "kcenter", "params": {"metric": "cosine"}}], [20], seeds=1, store=path)
    assert len(run) == 9
    own = Selection.of(range(30))
    accuracy_curve(pool(), [own], [20, 30], seeds=1, store=path, show=False)
    accuracy_curve(pool(), [Selection.of(range(1, 31))], [20], seeds=1, store=path, show=False)
    assert len(run) == 9 + 3 + 1  # random at 30 as well; other rows of one's own are other cells


def test_other_data_and_another_version_are_other_cells(path, run, monkeypatch):
    accuracy_curve(pool(), "random", [20], seeds=1, store=path, show=False)
    other = pool()
    other.emb[3, 2] += 1
    accuracy_curve(cx.Pool(other.fields, test=other.test), "random", [20], seeds=1, store=path, show=False)
    judged_by_others = cx.Pool(pool().fields, test=pool().test[:40])
    accuracy_curve(judged_by_others, "random", [20], seeds=1, store=path, show=False)
    monkeypatch.setattr(cx, "__version__", "9.9")
    accuracy_curve(pool(), "random", [20], seeds=1, store=path, show=False)
    assert len(run) == 4


def test_a_method_of_ones_own_that_is_edited_is_run_again(path, run):
    def defined(text: str):
        space = {"selector": selector, "Selection": Selection, "torch": torch}
        exec(text, space)
        return accuracy_curve(pool(), "front_rows", [20], seeds=1, store=path, show=False)

    code = (
        "@selector(needs='emb', nested=True, draws=False)\n"
        "def front_rows(pool, k, *, rng, given=()):\n    'The first rows.'\n"
        "    return Selection(torch.arange(k) + {})\n"
    )
    try:
        one = defined(code.format(0))
        again, two = defined(code.format(0)), defined(code.format(50))
    finally:
        METHODS._found.pop("front_rows", None)
    assert len(run) == 3 and one.accuracy[0] == again.accuracy[0] != two.accuracy[0]


def test_a_cell_that_fails_is_a_row_with_its_sentence_and_is_tried_again(path, run):
    broken = [True]

    @selector(needs="emb", draws=False, nested=False)
    def moody(pool, k, *, rng, given=()):
        """Fails at 20 rows while it is told to."""
        if broken[0] and k == 20:
            raise ValueError("twenty is\nno number; ask for 21")
        return Selection(torch.arange(k))

    try:
        with pytest.raises(ValueError, match="twenty is"):
            accuracy_curve(pool(), "moody", BUDGETS, seeds=1, show=False)
        run.clear()
        frame = accuracy_curve(pool(), "moody", BUDGETS, seeds=1, store=path, show=False)
        mine = frame[frame.method == "moody"]
        assert mine.failed.dropna().tolist() == ["twenty is no number; ask for 21"]
        assert mine.accuracy.isna().tolist() == [False, True, False]
        broken[0] = False
        frame = accuracy_curve(pool(), "moody", BUDGETS, seeds=1, store=path, show=False)
        assert frame.failed.isna().all() and frame.accuracy.notna().all()
        assert sorted(run) == [8, 8, 20, 20, 60, 60]
    finally:
        METHODS._found.pop("moody")


def test_a_store_of_another_version_is_read_where_its_keys_say_the_same_and_left_alone(path, run):
    frame = accuracy_curve(pool(), "random", [20], seeds=1, store=path, show=False)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 77")
    before = path.read_bytes()
    same(accuracy_curve(pool(), "random", [20], seeds=1, store=path, show=False), frame)
    assert len(run) == 1
    with pytest.raises(ValueError, match="made by another version, 77"):
        accuracy_curve(pool(), "random", [20, 60], seeds=1, store=path, show=False)
    assert path.read_bytes() == before


def test_training_for_real_is_kept_by_its_recipe(path, monkeypatch):
    digits = cx.load("digits")
    made = cx.Pool.of(digits.x.flatten(1).float(), digits.y)
    fits: list = []
    real = grid.training

    def training(*given):
        judge = real(*given)
        return cx.experiment.judging.replace(judge, learn=lambda *a: fits.append(a) or (0.5, 0.5, 9))

    monkeypatch.setattr(grid, "training", training)
    ask = functools.partial(
        accuracy_curve, made, "random", [40], data=digits, seeds=1, store=path, model="logistic", show=False
    )
    for how in (
        {},
        {},
        {"epochs": 3},
        {"recipe": {"lr": 0.1}},
        {"recipe": {"lr": 0.1}},
        {"equal": "updates"},
    ):
        ask(**how)
    assert len(fits) == 4
