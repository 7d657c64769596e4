"""benchmarks/selection.py: every case runs on a few rows without any peer and says so; results are kept by case."""

import importlib
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
from coreset_explore.datasets import load
from coreset_explore.labs.continual import class_incremental, plan
from tests import pretend
from tests.continual_runs import table
from tests.pools import make

FOLDER = str(Path(__file__).resolve().parents[1] / "benchmarks")
TRAINING, CONTINUAL = (str(Path(FOLDER) / name) for name in ("training", "continual"))
sys.path.insert(0, FOLDER)  # as it is when a script runs
try:
    import device
    import selection
    from cases import CASES, Bench, peers, race
    from cases.plain_pursuit import extrapolated
    from verdicts import verdict
finally:
    sys.path.remove(FOLDER)


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


def script(monkeypatch, name: str):
    """A script of benchmarks/continual, with what it imports; those of training are called alike."""
    for folder in (CONTINUAL, FOLDER):
        monkeypatch.syspath_prepend(folder)
    for other in ("claims", "judging", "tables", "gpu"):
        monkeypatch.delitem(sys.modules, other, raising=False)
    return importlib.import_module(name)


def test_updates_of_memories_are_run_beside_the_plain_rules(monkeypatch):
    streams = script(monkeypatch, "streams")
    monkeypatch.setattr(streams, "CAPACITY", 20)
    monkeypatch.setattr(streams, "ROWS", 60)
    monkeypatch.setattr(streams, "WIDTH", 30)
    ran = {}
    streams.updates([], lambda what, own, plain, repeats=1: ran.update({what: (own(), plain and plain())}))
    assert set(ran) >= {"reservoir", "window", "ring", "balanced", "gmc, second batch"}
    assert all(len(memory) == 20 for memory, _ in ran.values())
    assert len(ran["window"][1]) == 20 and list(ran["window"][1]) == list(range(100, 120))
    for name, few in (("FOUR", 50), ("FEATURES", 8), ("LARGE", 25)):
        monkeypatch.setattr(streams, name, few)
    ran.clear()
    streams.larger(lambda what, own, plain, memory=False: ran.update({what: own()}))
    assert [len(memory) for memory in ran.values()] == [20, 20, 25]


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


def studied(claims):
    """Two small studies in place of an hour's: of each kind of part one."""
    setting, recipe = class_incremental(table(), classes=2), {"epochs": 2}
    name, two = "class-incremental", ("reservoir", "gmc")
    parts = (
        claims.Part(name, setting, two, (8, 12), recipe=recipe),
        claims.Part(name, setting, ("gmc_local",), (12,), "replay", recipe),
        claims.Part(name, setting, two, (16,), recipe=recipe, each=True),
        claims.Part(name, setting, ("gmc",), (8,), recipe=recipe, inits=True),
    )
    return claims.Study("logistic", parts, 2, "most of it")


def test_claims_of_memories_are_run_judged_and_written(tmp_path, monkeypatch):
    claims = script(monkeypatch, "claims")
    tables = importlib.import_module("tables")
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- continual -->\nstale\n<!-- /continual -->\nafter\n")
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path))
    monkeypatch.setattr(sys.modules["machine"], "RESULTS", tmp_path)
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    monkeypatch.setattr(sys.modules["pages"], "README", page)
    monkeypatch.setattr(claims, "STUDIES", {"mnist": lambda: studied(claims)})
    claims.main()
    told = json.loads((tmp_path / "continual-mnist.json").read_text())
    assert told["seeds"] == 2 and not any(row["failed"] for row in told["rows"])
    assert {(row["paradigm"], row["capacity"], row["task"]) for row in told["rows"]} == {
        ("gdumb", 8, 1), ("gdumb", 12, 1), ("replay", 12, 1), ("gdumb", 16, 0), ("gdumb", 16, 1),
    }  # fmt: skip
    assert [row["inits"] for row in told["rows"] if row["varied"]] == [4, 1, 2, 8]
    said = [claim["claim"] for claim in told["claims"]]
    for size in (8, 12, 16):
        assert f"class-incremental, gdumb, {size} rows: GMC is better than the reservoir" in said
    assert all(claim["pairs"] == 2 for claim in told["claims"])
    tables.main()
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "stale" not in text
    assert "120 rows, logistic, 2 seeds" in text and all(f"| {claim} | GMC" in text for claim in said[:3])
    assert "| 16 rows, after task, % | 1 | 2 |" in text and "s = 8 |" in text


def test_every_study_can_be_run_and_has_its_claims(monkeypatch):
    claims = script(monkeypatch, "claims")
    assert set(claims.STUDIES) == set(claims.CLAIMS)
    monkeypatch.setattr(claims, "some", lambda name, rows: load("digits"))
    found = [
        claims.tables(load("digits"), (50, 100), True, "much"),
        claims.pictures("mnist", True, "much"),
        claims.turned(),
    ]
    for part in (part for study in found for part in study.parts):
        how = {"recipe": part.recipe, "paradigm": part.paradigm, "model": "mlp"}
        assert plan(part.setting, part.streams, capacity=part.sizes, **how).cells


def test_what_is_claimed_of_memories_is_judged_by_seeds(monkeypatch):
    """Made-up accuracies: GMC is better by 2 points at 10 rows and by 1 at 20, the sieve as good, the window worse."""
    judging = script(monkeypatch, "judging")
    better = {"reservoir": 0.0, "gmc": 0.2, "balanced": -0.1, "window": -0.3, "sieve": 0.0}
    about = {"task": 3, "each": False, "varied": False, "paradigm": "gdumb"}
    found = pandas.DataFrame(
        {**about, "scenario": scenario, "stream": name, "capacity": size, "seed": seed,
         "accuracy": 0.5 + 0.01 * seed + gain / size + 1e-4 * ((seed + len(name)) % 3)}
        for scenario in ("sorted", "iid") for name, gain in better.items() for size in (10, 20) for seed in range(4)
    )  # fmt: skip
    said = {claim["claim"]: claim for claim in judging.of_tables(found)}
    gain = said["sorted, gdumb, 10 rows: GMC is better than the reservoir"]
    assert gain["says"] == "holds" and gain["difference"] == pytest.approx(0.02, abs=2e-4)
    holds = [claim for claim, told in said.items() if told["says"] == "holds"]
    for words in (
        "is larger at 10 rows than at 20", "balanced is worse than", "window is worse than",
        "iid, gdumb: sieve is at most a point worse than reservoir", "gmc is better than sieve",
    ):  # fmt: skip
        assert any(words in claim for claim in holds), words
    assert said["sorted, gdumb: sieve is worse than reservoir"]["says"] == "not decided"
    assert not any("local" in claim for claim in said), "what was not run is no claim"


FEW = f"""
import sys
import gpu
gpu.TENTHS, gpu.FIFTHS, gpu.CHOSEN_ONCE, gpu.ANEW = (0.2,), (0.3,), ("CRAIG",), ("GRAD-MATCHPB",)
for _ in range(2):  # the second time from the store
    gpu.main()
del sys.modules["gpu"]
sys.path.insert(0, {CONTINUAL!r})
sys.argv += ["--seeds", "1"]
import gpu
gpu.STREAMS, gpu.SIZES, gpu.OVER_TIME = ("window", "gmc"), (20,), (30,)
for _ in range(2):
    gpu.main()
"""


def test_laboratories_on_a_gpu_are_tried_on_the_make_believe_one(tmp_path):
    """In a process of its own: torch counts devices at the first backward pass, and this one made it long ago."""
    given = ["--device", "pretend", "--rows", "60", "--shrink", "100", "--model", "mlp"]
    where = {"PYTHONPATH": os.pathsep.join((FOLDER, TRAINING)), "CORESET_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", FEW, *given]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **where})
    assert done.returncode == 0, done.stderr
    for name in ("FULL ", "CRAIG ", "GRAD-MATCHPB ", "RANDOM re-drawn", "FULL-EARLYSTOP"):
        told = [line for line in done.stdout.splitlines() if line.startswith(name)]
        assert len(told) == 2 and told[0] == told[1] and told[0].endswith(" s"), done.stdout
    cells = [line for line in done.stdout.splitlines() if ", seed " in line]
    half = len(cells) // 2
    assert cells[:half] == cells[half:] and not any("None" in line for line in cells)
    assert sum("sketched" in line for line in cells[:half]) == 1 + 5, (
        "at the end, and after each of five tasks"
    )
