"""The training laboratory: regimes, a grid that is kept, reports."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
import torch
from torch import nn

import coreset_explore as cx
from coreset_explore import Policy, Selection, progress
from coreset_explore.experiment import report
from coreset_explore.experiment.store import Store
from coreset_explore.labs.training import REGIMES, Regime, Setting, early_stop, frame, plan, run
from coreset_explore.labs.training.pace import Pace, ahead, pace
from coreset_explore.labs.training.regimes import BASELINES, regimes_of
from coreset_explore.training import fit
from tests.training_grids import CELLS, grid, table

ROOT = Path(__file__).resolve().parent.parent
CLOCKS = ["seconds", "train_seconds", "forward_seconds", "choosing_seconds"]
HOW = {"epochs": 4, "every": 2, "recipe": {"batch_size": 8}}


@functools.cache
def uninterrupted() -> pandas.DataFrame:
    return grid()


def same(one, two):
    pandas.testing.assert_frame_equal(one.drop(columns=CLOCKS), two.drop(columns=CLOCKS), check_exact=True)


def setting(model="logistic", **more):
    return Setting(table(), model, **{**HOW, **more})


def rows(regimes, budgets=(16,), seeds=1, **more):
    ground = more.pop("setting", None) or setting()
    return frame(run(ground, regimes, budgets=list(budgets), seeds=seeds, show=False, **more))


# -- regimes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REGIMES)
def test_every_regime_runs_by_its_name_and_makes_as_many_updates_as_the_others(name):
    found = rows(name, seeds=1).set_index("regime").loc[name]
    assert found.failed is None and found.stopped is None and 0.2 < found.accuracy <= 1
    assert found.updates == (4 * 15 if name == "FULL" else 4 * 2)
    regime = REGIMES[name]
    expected = 0 if regime.strategy is None else 1 if not regime.again or name.endswith("-Warm") else 2
    assert found.choices == expected and regime.help


def test_a_regime_is_a_policy_of_fit():
    found = rows("CRAIGPB-Warm", seeds=[3]).iloc[0]
    done = fit("logistic", table(), Policy("CRAIGPB", 16, every=2, warm=0.5), epochs=4, batch_size=8, seed=3)
    assert found.accuracy == done.accuracy and found.used == len(set(done.choices[0].rows.tolist()))
    assert found.gradient_error == done.choices[0].gradient_error


def test_training_on_everything_is_fits_own():
    found = rows(["FULL", "FULL-EARLYSTOP"]).set_index("regime")
    full = fit("logistic", table(), epochs=4, batch_size=8)
    early = fit("logistic", table(), updates=8, batch_size=8)
    assert found.accuracy.tolist() == [full.accuracy, early.accuracy]
    assert found.budget.tolist() == [120, 16] and found.used.tolist() == [120, 120]


def test_the_baselines_stand_beside_what_chooses_anew_and_beside_nothing_else():
    names = [regime.name for regime in regimes_of("GRAD-MATCH")]
    assert names == ["GRAD-MATCH", *BASELINES]
    assert [r.name for r in regimes_of(["RANDOM", "FULL"])] == ["RANDOM", "FULL"]
    assert [r.name for r in regimes_of(["RANDOM re-drawn", "CRAIG"])] == [
        "RANDOM re-drawn",
        "CRAIG",
        "FULL-EARLYSTOP",
    ]
    assert [r.name for r in regimes_of([Selection.of(range(16), name="mine")])] == ["mine"]


def test_any_strategy_is_a_regime_also_warm_and_with_weights_of_its_own_way():
    def hardest(pool, k, *, rng):
        return Selection(pool.grads.norm().argsort(descending=True)[:k])

    drawn = {"strategy": "CRAIG", "name": "drawn", "how": {"weights": "drawn"}}
    own = Selection.of(range(16), name="mine")
    found = rows([hardest, "Herding-Warm", drawn, own, {"strategy": "CRAIG", "warm": 0.25, "name": "a bit"}])
    by = found.set_index("regime")
    assert found.failed.isna().all()
    assert by.loc["hardest"].choices == 2 and by.loc["Herding-Warm"].choices == 1
    assert by.loc["mine"].choices == 1 and by.loc["mine"].used == 16
    assert by.loc["a bit"].choices == 2
    assert Regime.of(drawn).how == {"weights": "drawn"} and Regime.of(drawn).again


def test_a_regimes_own_way_of_weighing_is_fits():
    drawn = {"strategy": "CRAIG", "name": "drawn", "how": {"weights": "drawn", "temper": 0.5}}
    record = next(run(setting(), drawn, budgets=16, seeds=1, show=False))
    how = {"epochs": 4, "batch_size": 8, "weights": "drawn", "temper": 0.5}
    done = fit("logistic", table(), Policy("CRAIG", 16, every=2), **how)
    assert record.numbers["curve"]["loss"] == [e.loss for e in done.epochs if e.test_accuracy is not None]
    assert record.settings["how"]["weights"] == "drawn"


def test_early_stop_by_the_clock_says_so_and_is_run_once():
    regime = early_stop(2.0, 4.6)
    found = rows([regime, "RANDOM"], budgets=[16, 32])
    assert regime.name == "FULL-EARLYSTOP, 2 s at 4.6 updates a second"
    assert found[found.regime == regime.name].updates.tolist() == [9]


def test_glister_updates_its_target_as_often_whatever_the_budget():
    def blocks(regime):
        return [regime.policy(k, 10, 4, 0.1).strategy.params["block"] for k in (60, 600, 6000, 6001)]

    assert blocks(REGIMES["GLISTER"]) == [1, 1, 10, 11]
    assert blocks(replace(REGIMES["GLISTER"], strategy=cx.Strategy.of("GLISTER"), blocks=30)) == [
        1,
        2,
        20,
        21,
    ], "of each class"


# -- the grid ---------------------------------------------------------------------------------------------------------


def test_a_kept_grid_is_the_grid_and_is_run_once(tmp_path):
    path = tmp_path / "grid.sqlite"
    same(grid(path), uninterrupted())
    first = path.read_bytes()
    same(grid(path), uninterrupted())
    assert path.read_bytes() == first and len(uninterrupted()) == CELLS
    with Store(path) as store:
        assert len(store) == CELLS
        kept = store.frame()
    assert {"budget", "seed", "how.strategy.method", "how.warm", "accuracy", "versions.torch"} <= set(kept)


def test_what_changes_a_number_is_another_cell_and_a_name_is_none(tmp_path):
    path, other = tmp_path / "grid.sqlite", table(126)
    for ground in (setting(), setting(recipe={"batch_size": 8, "lr": 0.1}), setting(epochs=5), setting("mlp"),
                   setting(), Setting(other, "logistic", **HOW)):  # fmt: skip
        rows(["RANDOM"], setting=ground, store=path)
    rows([{"strategy": "RANDOM", "name": "chance"}], store=path)
    rows([{"strategy": "RANDOM", "name": "drawn", "how": {"weights": "drawn"}}], store=path)
    with Store(path) as store:
        assert len(store) == 6


def test_killed_again_and_again_it_goes_on_where_it_was(tmp_path):
    path = tmp_path / "grid.sqlite"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.training_grids", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("killed") >= 3
    with Store(path) as store:
        assert len(store) > 0
    same(grid(path), uninterrupted())


def test_records_come_one_by_one_and_every_seed_after_the_one_before():
    records = run(setting(), ["RANDOM", "FULL"], budgets=[16, 32], seeds=[5, 7], show=False)
    first = next(records)
    assert first.settings["regime"] == "RANDOM" and first.numbers["curve"]["updates"][-1] == 8
    assert len(first.numbers["held"]) == 3 and sum(first.numbers["held"][0]) == 16
    others = [(r.settings["regime"], r.settings["budget"], r.settings["seed"]) for r in records]
    first_seed = [("FULL", None, 5), ("RANDOM", 32, 5)]
    assert others == [*first_seed, ("RANDOM", 16, 7), ("FULL", None, 7), ("RANDOM", 32, 7)]
    records.close()


def test_how_far_it_is_and_how_long_it_takes_is_told_to_whoever_listens():
    told = []
    with progress.listening(lambda share, text: told.append((share, text)), interval=0):
        rows(["RANDOM", "FULL"], seeds=2)
    assert any("FULL, cell 2 of 4, " in text and " left" in text for _, text in told)
    shares = [share for share, _ in told]
    assert shares[0] == 0 and max(shares) <= 1 and shares[-1] > 0.9


def test_a_run_is_cancelled_between_two_updates_and_what_was_done_is_kept(tmp_path):
    path, seen = tmp_path / "grid.sqlite", []
    with pytest.raises(progress.Cancelled), progress.listening(should_stop=lambda: len(seen) == 2):
        for record in run(setting(), "CRAIGPB", budgets=[16], seeds=3, store=path):
            seen.append(record)
    with Store(path) as store:
        assert len(store) == 2


def test_how_far_it_is_counts_what_is_left_to_run(tmp_path):
    path, told = tmp_path / "grid.sqlite", []
    rows(["RANDOM", "FULL"], store=path)
    with progress.listening(lambda share, text: told.append(share), interval=0):
        rows(["RANDOM", "FULL"], seeds=2, store=path)
    assert told[0] == 0 and told[-1] > 0.9


def test_a_plan_is_what_is_run_and_says_what_is_kept_and_left(tmp_path):
    path, ground = tmp_path / "grid.sqlite", setting()
    found = plan(ground, ["CRAIGPB", "FULL"], budgets=[16, 32], seeds=2)
    assert not path.exists() and found.batch == 8 and found.left(()) == list(found.cells)
    records = run(ground, ["CRAIGPB", "FULL"], budgets=[16, 32], seeds=2, store=path, show=False)
    some = [next(records) for _ in range(4)]
    records.close()
    places = [(r.settings["regime"], r.settings["budget"], r.settings["seed"]) for r in some]
    assert places == [cell.place for cell in found.cells[:4]]
    assert [r.key for r in found.kept(path)] == [r.key for r in some]
    assert found.left(some) == list(found.cells[4:])
    failed = replace(some[0], numbers=None, error="no luck")
    assert found.left([failed, *some[1:]]) == [found.cells[0], *found.cells[4:]]


def test_every_epoch_is_told_to_who_watches():
    seen = []
    record = next(
        run(setting(), "RANDOM", budgets=16, seeds=1, show=False, watch=lambda *one: seen.append(one))
    )
    assert [cell.place for cell, _ in seen] == [("RANDOM", 16, 0)] * 4
    assert [epoch.updates for _, epoch in seen] == record.numbers["curve"]["updates"]
    assert [epoch.loss for _, epoch in seen] == record.numbers["curve"]["loss"]


def test_what_is_ahead_is_told_by_runs_that_are_done_and_by_a_few_updates():
    ground = setting()
    found = plan(ground, ["CRAIGPB", "FULL"], budgets=16, seeds=2)
    nothing = ahead(found, ())
    assert nothing.runs == 8 and nothing.updates == 2 * (60 + 3 * 8) and nothing.seconds is None
    timed = ahead(found, (), Pace(0.5, 0.0))
    assert timed.seconds == 0.5 * nothing.updates and timed.least  # what choosing takes is known to nobody
    done = list(run(ground, ["CRAIGPB", "FULL"], budgets=16, seeds=1, show=False))
    numbers = [replace(r, numbers={**r.numbers, "seconds": 1.0}) for r in done]
    rest = ahead(found, numbers, Pace(0.5, 0.0))
    assert rest.runs == 4 and rest.seconds == pytest.approx(4.0) and not rest.least
    assert ahead(found, numbers, Pace(0.5, 1.0)).seconds == pytest.approx(4.0 + 4 * 11)
    measured = pace(found)
    assert 0 < measured.update < 1 and 0 < measured.test < 1


class Broken(nn.Module):
    """Runs out of memory, or fails, in its n-th batch."""

    def __init__(self, error):
        super().__init__()
        self.head, self.error, self.done = nn.Linear(6, 3), error, 0

    def forward(self, x):
        self.done += self.training
        if self.done == 5:
            raise self.error
        return self.head(x)


def test_a_cell_without_memory_one_that_fails_and_one_that_diverges_are_rows(tmp_path):
    path = tmp_path / "grid.sqlite"
    lacking = setting(Broken(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")))
    found = rows("RANDOM", setting=lacking, store=path)
    assert found.failed[0].startswith("out of memory (CUDA out of memory. Tried to allocate 2 GiB); give the")
    found = rows("RANDOM", setting=setting(Broken(KeyError("nothing there"))))
    assert "KeyError: 'nothing there'" in found.failed[0] and found.accuracy.isna().all()
    wild = rows("RANDOM", setting=setting("mlp", recipe={"batch_size": 8, "lr": 1e20}), store=path)
    assert "not finite" in wild.stopped[0] and wild.failed[0] is None and "stopped" in wild.remarks[0]
    again = rows("RANDOM", setting=setting("mlp", recipe={"batch_size": 8, "lr": 1e20}), store=path)
    same(wild, again)


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "regimes, more, message",
    [
        ("GRADMATCH", {}, "GRAD-MATCH"),
        ("FULL-Warm", {}, "'FULL-Warm' is no regime: only what chooses anew has a warm start"),
        ("EL2N", {}, "EL2N reads history, which a whole training tells"),
        ([], {}, "no regimes: name some"),
        (7, {}, "regimes are names as"),
        (["CRAIG", "CRAIG"], {}, "two regimes are called 'CRAIG'"),
        (Policy("CRAIG", 9), {}, "a policy has a budget of its own"),
        ({"strategy": "CRAIG", "evry": 3}, {}, "a regime is described by .* not 'evry'"),
        ({"strategy": "FULL"}, {}, "FULL chooses nothing"),
        ({"strategy": "CRAIG", "how": {"lr": 1}}, {}, "not 'lr': what all regimes of a comparison share stands in"),
        ({"strategy": "CRAIG", "how": {"weights": "lost"}}, {}, "weights is one of 'loss', 'drawn'"),
        ("CRAIG", {"budgets": [121]}, "asked for 121 of 120 rows"),
        ("GLISTER", {"budgets": [115]}, "asked for 115 of 108 rows"),
        ("CRAIG", {"budgets": []}, "no budgets"),
        ("CRAIG", {"seeds": 0}, "seeds is a whole number from 1"),
        ("CRAIG", {"seeds": []}, "no seeds"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_before_anything_is(regimes, more, message):
    with pytest.raises(ValueError, match=message):
        run(setting(), regimes, **{"budgets": [16], "seeds": 1, **more})


@pytest.mark.parametrize(
    "given, message",
    [
        ({"data": cx.datasets.Data(torch.ones(4, 5), torch.arange(4) % 2, ("a", "b"), None, None, "table", "bare")},
         "bare has no test rows to judge by"),
        ({"epochs": 3, "every": 5}, "every=5 epochs between two choices is longer than the run of 3"),
        ({"epochs": 0}, "epochs is a whole number from 1"),
        ({"recipe": {"rate": 1}}, "the recipe has no parameter 'rate'"),
        ({"model": nn.Linear(6, 2)}, "Linear tells 2 classes apart"),
        ({"model": "lenet"}, "lenet needs images of at least"),
        ({"model": nn.Sequential(nn.Linear(6, 3), nn.Softmax(1))}, "Linear"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_trained_says_so(given, message):
    with pytest.raises(ValueError, match=message):
        Setting(**{"data": table(), "model": "logistic", **given}) and rows(
            "FULL", setting=Setting(**{"data": table(), **given})
        )


def test_a_store_of_another_version_is_read_and_not_written(tmp_path):
    import sqlite3

    path = tmp_path / "grid.sqlite"
    kept = rows("RANDOM", store=path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 77")
    same(rows("RANDOM", store=path), kept)
    with pytest.raises(ValueError, match="made by another version, 77"):
        rows("RANDOM", budgets=[16, 32], store=path)


# -- reports ----------------------------------------------------------------------------------------------------------


def made():
    found = {
        "regime": ["A_1", "A_1", "B", "B", "B"],
        "budget": [600, 600, 600, 600, 3000],
        "seed": [0, 1, 0, 1, 0],
        "accuracy": [0.5, 0.6, 0.9, None, 0.95],
        "seconds": [1.0, 2.0, 3.0, None, 5.25],
    }
    return pandas.DataFrame(found)


def test_a_table_is_mean_and_deviation_over_seeds_and_counts_what_failed():
    found = report.table(made())
    assert found.columns.tolist() == [600, 3000] and found.index.tolist() == ["A_1", "B"]
    assert found.to_numpy().tolist() == [["55.0 ± 7.1", "–"], ["90.0 (1 failed)", "95.0"]]
    assert report.table(made(), "seconds").loc["A_1", 600] == "1.5 ± 0.707"
    with pytest.raises(ValueError, match="the frame has no column 'loss'; it has regime, budget"):
        report.table(made(), "loss")


def test_a_table_in_latex_and_a_frame_as_csv(tmp_path):
    lines = report.latex(made()).splitlines()
    assert lines[0] == r"\begin{tabular}{lrr}" and lines[2] == r"regime & 600 & 3,000 \\"
    assert lines[4] == r"A\_1 & 55.0 $\pm$ 7.1 & -- \\" and lines[-1] == r"\end{tabular}"
    path = report.csv(made(), tmp_path / "runs.csv")
    pandas.testing.assert_frame_equal(pandas.read_csv(path), made())
    with pytest.raises(ValueError, match="a report is written as .csv, not 'runs.xls'"):
        report.csv(made(), tmp_path / "runs.xls")
