"""benchmarks/selection.py: every case runs on a few rows without any peer and says so; results are kept by case."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from scipy.stats import ttest_1samp

from coreset_explore import PRESETS, Selection
from tests import pretend
from tests.pools import make

FOLDER = str(Path(__file__).resolve().parents[1] / "benchmarks")
TRAINING = str(Path(FOLDER) / "training")
sys.path[:0] = [FOLDER, TRAINING]  # as it is when a script runs
try:
    import device
    import selection
    from cases import CASES, Bench, peers, race
    from cases.plain_pursuit import extrapolated
    from verdicts import verdict
finally:
    sys.path.remove(FOLDER)
    sys.path.remove(TRAINING)


@pytest.fixture
def alone(monkeypatch):
    """No peer is installed."""

    def missing(module):
        return f"{peers.PACKAGES[module]} cannot be used here (none is)" if module else ""

    monkeypatch.setattr(race, "missing", missing)
    monkeypatch.delenv("CORESET_DATA", raising=False)


@pytest.mark.parametrize("name", CASES)
def test_every_case_runs_on_a_few_rows_without_peers(name, alone):
    bench = Bench(tiny=True)
    CASES[name](bench)
    assert bench.rows and all(row["median_s"] >= 0 for row in bench.rows)
    assert all("cannot be used here" in line for line in bench.absent)
    assert all((target["found"] is None) == (target["met"] is None) for target in bench.targets)


def test_updates_of_memories_are_run_beside_the_plain_rules(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(FOLDER) / "continual"))
    monkeypatch.syspath_prepend(FOLDER)
    import streams

    monkeypatch.setattr(streams, "CAPACITY", 20)
    monkeypatch.setattr(streams, "ROWS", 60)
    monkeypatch.setattr(streams, "WIDTH", 30)
    ran = {}
    streams.updates([], lambda what, own, plain, repeats=1: ran.update({what: (own(), plain and plain())}))
    assert set(ran) >= {"reservoir", "window", "ring", "balanced", "gmc, second batch"}
    assert all(len(memory) == 20 for memory, _ in ran.values())
    assert len(ran["window"][1]) == 20 and list(ran["window"][1]) == list(range(100, 120))


def test_a_peer_that_is_not_here_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "submodlib", None)
    peers.missing.cache_clear()
    said = peers.missing("submodlib")
    peers.missing.cache_clear()
    assert said.startswith("submodlib-py cannot be used here") and "\n" not in said


def test_a_peer_that_fails_is_left_out_and_the_rest_goes_on(monkeypatch):
    monkeypatch.setattr(race, "missing", lambda module: "")

    def broken():
        raise RuntimeError("no kernel for n = 7\nand a long story")

    bench = Bench(tiny=True)
    runs = [race.Run("ours", lambda: 1), race.Run("peer", broken, "sklearn"), race.Run("other", lambda: 2)]
    bench.race("counting", runs, objective="the count", judge=float)
    assert bench.absent == ["peer, counting: RuntimeError: no kernel for n = 7"]
    assert [(row["who"], row["objective"]) for row in bench.rows] == [("ours", 1.0), ("other", 2.0)]


def test_cases_not_run_keep_their_rows(tmp_path, monkeypatch, alone):
    monkeypatch.setattr(selection, "RESULTS", tmp_path)
    monkeypatch.setattr(selection, "JSON", tmp_path / "selection.json")
    monkeypatch.setattr(selection, "TABLES", tmp_path / "selection.md")
    first, second = list(CASES)[:2]
    found = selection.measured("disparity", tiny=True)
    for name, seconds in ((second, 1.0), (first, 2.0), (second, 3.0)):
        selection.keep(name, found | {"seconds": seconds})
    kept = json.loads((tmp_path / "selection.json").read_text())["cases"]
    assert {name: case["seconds"] for name, case in kept.items()} == {first: 2.0, second: 3.0}
    assert list(kept) == [first, second]
    page = (tmp_path / "selection.md").read_text()
    assert f"## {first}" in page and "disparity_min, n=80, k=8" in page


def test_extrapolation_is_exact_where_its_form_is():
    marks = [(k, 2.0 * k + 0.01 * k**3) for k in (60, 120)]
    assert extrapolated(marks, 500) == pytest.approx(2.0 * 500 + 0.01 * 500**3)
    assert np.isclose(extrapolated([(60, 3.0), (120, 6.0)], 500), 25.0)


def test_a_gpu_beside_the_cpu_is_tried_on_the_make_believe_one(monkeypatch, capsys):
    pretend.device()
    monkeypatch.delenv("CORESET_DATA", raising=False)
    monkeypatch.setattr(device, "write", lambda *args, **more: pytest.fail("no real GPU, no results"))
    options = ["--device", "pretend", "--rows", "60", "--picks", "6", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["device.py", *options])
    assert device.main() == 0
    said = capsys.readouterr().out
    assert said.count("agrees=True") == len(PRESETS) and said.count("kernel=") == len(device.KERNELS)


def test_presets_that_do_not_agree_are_named(monkeypatch, capsys):
    pool = make(30)
    answers = {"cpu": [1, 2], "other": [3, 4]}

    def picked(name, where, k):
        info = {"method": "random" if name == "drawn" else "herding"}
        rows = torch.tensor(answers["cpu" if where is pool else "other"])
        return Selection(rows, ids=where.ids[rows], info=info), 0.0

    monkeypatch.setattr(device, "picked", picked)
    assert device.compared("drawn", pool, make(30), 2)["agrees"] is False, "what draws must draw the same"
    row = device.compared("judged", pool, make(30), 2)
    assert row["objective_is"] == "mean distance" and row["agrees"] == (row["device"] <= row["cpu"] * 1.0001)


def test_a_claim_holds_where_its_whole_interval_does():
    d = pandas.Series([-0.3, -0.2, -0.4, -0.3])
    assert [verdict(d, 0, below)["says"] for below in (True, False)] == ["holds", "does not hold"]
    assert [verdict(d + x, 0, True)["says"] for x in (0.3, 0.6)] == ["not decided", "does not hold"]
    assert verdict(d, -0.9, True)["says"] == "does not hold"
    found = verdict(d, 0, True)
    low, high = ttest_1samp(d, 0).confidence_interval()
    assert (found["low"], found["high"]) == (round(low, 5), round(high, 5)) and found["pairs"] == 4
    assert verdict(d[:1], 0, True) == {"pairs": 1, "says": "not decided"}


FEW = """
import gpu
gpu.TENTHS, gpu.FIFTHS, gpu.CHOSEN_ONCE, gpu.ANEW = (0.2,), (0.3,), ("CRAIG",), ("GRAD-MATCHPB",)
for _ in range(2):  # the second time from the store
    gpu.main()
"""


def test_training_on_a_gpu_is_tried_on_the_make_believe_one(tmp_path):
    """In a process of its own: torch counts devices at the first backward pass, and this one made it long ago."""
    given = ["--device", "pretend", "--rows", "60", "--shrink", "100", "--model", "mlp"]
    where = {"PYTHONPATH": os.pathsep.join((FOLDER, TRAINING)), "CORESET_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", FEW, *given]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **where})
    assert done.returncode == 0, done.stderr
    for name in ("FULL ", "CRAIG ", "GRAD-MATCHPB ", "RANDOM re-drawn", "FULL-EARLYSTOP"):
        told = [line for line in done.stdout.splitlines() if line.startswith(name)]
        assert len(told) == 2 and told[0] == told[1] and told[0].endswith(" s"), done.stdout
