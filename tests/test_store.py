"""The store: what was put is there to the last bit, whoever else writes and whenever a process is killed."""

import json
import math
import os
import pickle
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_explore.experiment import cells
from coreset_explore.experiment import store as module
from coreset_explore.experiment.store import Record, Store

FILE = Path(module.__file__)


def cell(seed: int, **more) -> dict:
    return {
        "data": "0a1b2c3d4e5f",
        "budget": 600,
        "seed": seed,
        "recipe": {"lr": 0.1, "epochs": 30},
        "strategy": {"method": "craig", "wrap": [["per_class", {}]], "params": {}},
        **more,
    }


def put(store: Store, wanted: dict, numbers=None, **how) -> bool:
    return store.put(store.key(wanted), wanted, numbers, **how)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "grid.sqlite"


@pytest.fixture
def store(path):
    with Store(path) as opened:
        yield opened


# -- cells ------------------------------------------------------------------------------------------------------------


def test_a_cell_is_found_by_its_key_and_after_opening_anew(store, path):
    key = store.key(cell(0))
    assert key not in store and store.get(key) is None and len(store) == 0 and store
    assert put(store, cell(0), {"accuracy": 0.5, "curve": [0.1, 0.5], "n": 600})
    wanted = Record(key, cell(0), {"accuracy": 0.5, "curve": [0.1, 0.5], "n": 600}, None)
    assert key in store and store.get(key) == wanted and len(store) == 1
    with Store(str(path)) as again:
        assert again.get(key) == wanted and list(again) == [wanted] and not again.sealed
    assert Path(f"{path}").exists() and [p.name for p in path.parent.iterdir()] == ["grid.sqlite"]


def test_the_first_of_two_is_kept(store):
    assert put(store, cell(0), {"accuracy": 0.5})
    assert not put(store, cell(0), {"accuracy": 0.7}) and not put(store, cell(0), error="no memory")
    assert len(store) == len(list(store)) == len(store.frame()) == 1
    assert store.get(store.key(cell(0))).numbers == {"accuracy": 0.5}


def test_a_cell_that_failed_is_a_row_until_it_has_numbers(store):
    assert put(store, cell(0), error="no memory is left") and put(store, cell(1), {"accuracy": 0.5})
    assert not put(store, cell(0), error="another word for it")
    assert (
        put(store, cell(2), error="no file \udc80")
        and store.get(store.key(cell(2))).error == r"no file \udc80"
    )
    failed = store.get(store.key(cell(0)))
    assert failed.numbers is None and failed.error == "no memory is left" and failed.key in store
    assert store.frame().error.tolist() == ["no memory is left", None, r"no file \udc80"]
    assert put(store, cell(0), {"accuracy": 0.9}) and not put(store, cell(0), {"accuracy": 1.0})
    assert store.get(failed.key).numbers == {"accuracy": 0.9} and store.get(failed.key).error is None
    frame = store.frame()
    assert len(store) == 3 and frame.seed.tolist() == [1, 2, 0] and frame.accuracy[2] == 0.9


def test_the_loop_of_the_docstring_runs_every_cell_once_and_failures_again(path):
    runs = []

    def run(one):
        runs.append(one["seed"])
        if one["seed"] == 2 and runs.count(2) == 1:
            raise ValueError("seed 2 is unlucky")
        return {"accuracy": one["seed"] / 10}

    def grid():
        with Store.open(path) as store:
            for one in [cell(seed) for seed in range(4)]:
                key = store.key(one)
                record = store.get(key)
                if record is None or record.error:
                    try:
                        store.put(key, one, run(one))
                    except ValueError as error:
                        store.put(key, one, error=str(error))
                    record = store.get(key)
                yield record

    first, second = list(grid()), list(grid())
    assert runs == [0, 1, 2, 3, 2] and first[2].error == "seed 2 is unlucky"
    assert [record.numbers["accuracy"] for record in second] == [0.0, 0.1, 0.2, 0.3]


def test_open_takes_a_store_and_leaves_it_open(store, path):
    with Store.open(store) as same:
        assert same is store
    assert len(store) == 0
    with Store.open(path) as other:
        assert other is not store
    with pytest.raises(ValueError, match="has been closed; open it again"):
        len(other)
    other.close()
    assert repr(store) == f"Store({str(path)!r})" and "closed" in repr(other)


# -- keys -------------------------------------------------------------------------------------------------------------


def test_the_key_is_the_content():
    assert Store.key({"a": 1, "b": {"x": 1, "y": 2}}) == Store.key({"b": {"y": 2, "x": 1}, "a": 1})
    assert Store.key({"a": (1, 2)}) == Store.key({"a": [1, 2]})
    assert Store.key(cell(0)) == Store.key(json.loads(json.dumps(cell(0))))
    other = [
        {"a": 1},
        {"a": 1.0},
        {"a": True},
        {"a": "1"},
        {"a": None},
        {"a": [1]},
        {"a": -0.0},
        {"a": 0.0},
        {"b": 1},
        {},
    ]
    other += [{"a": {"b": 1}}, {"a.b": 1}, {"a": math.nan}, {"a": math.inf}, {"a": 2**62}, {"a": 2**62 + 1}]
    assert len({Store.key(one) for one in other}) == len(other)


def test_keys_of_today_are_keys_of_tomorrow():
    """Written down, since a store outlives the version that made it: another way of hashing loses every cell."""
    assert Store.key(cell(3, note="ä, β", share=0.1)) == KEY


KEY = "dacc07ad2ef80b95b66a50ef11d553bee791bea34afd8fa823938e9011e1079c"


@pytest.mark.parametrize(
    "given, meant",
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.1), 0.10000000149011612),
        (np.float16(0.1), 0.0999755859375),
        (torch.tensor(0.1), 0.10000000149011612),
        (torch.tensor(0.1, dtype=torch.bfloat16), 0.10009765625),
        (torch.tensor(2.0, requires_grad=True), 2.0),
        (np.int64(2**62 + 1), 2**62 + 1),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (torch.tensor(7), 7),
        (np.array(7), 7),
        (np.bool_(True), True),
        (torch.tensor(False), False),
        (np.str_("word"), "word"),
        (np.float64("nan"), math.nan),
        (np.float32("-inf"), -math.inf),
        ((1, (2, 3)), [1, [2, 3]]),
    ],
)
def test_numbers_of_any_make_are_pythons(store, given, meant):
    asked, numbers = {"setting": given, "deep": {"er": [given]}}, {"number": given}
    assert store.key(asked) == store.key({"setting": meant, "deep": {"er": [meant]}})
    put(store, asked, numbers)
    record = store.get(store.key(asked))
    for found in (record.settings["setting"], record.settings["deep"]["er"][0], record.numbers["number"]):
        assert type(found) is type(meant) and (found == meant or (math.isnan(meant) and math.isnan(found)))


@settings(max_examples=100, deadline=None, database=None)
@given(st.floats(), st.integers(-(2**80), 2**80), st.text(max_size=8))
def test_every_float_integer_and_text_comes_back_to_the_last_bit(real, whole, text):
    record = json.loads(cells.text(cells.plain({"x": real, "n": whole, "t": text}, "numbers")))
    bits = (struct.pack("d", math.nan if math.isnan(v) else v) for v in (record["x"], real))
    assert next(bits) == next(bits) and record["n"] == whole and record["t"] == text


def test_odd_numbers_and_texts_travel_through_the_file(store):
    odd = {"zero": -0.0, "tiny": 5e-324, "large": 1.7976931348623157e308, "nan": math.nan, "inf": math.inf}
    odd |= {
        "minus": -math.inf,
        "third": 1 / 3,
        "text": "naïve \x00 ' \" 日本",
        "none": None,
        "seed": 2**63 - 1,
    }
    put(store, {"s": 1, **{f"asked {name}": value for name, value in odd.items()}}, odd)
    (record,) = store
    assert repr(record.numbers) == repr(odd)
    frame = store.frame()
    assert frame.seed[0] == 2**63 - 1 and math.isnan(frame["nan"][0]) and frame["inf"][0] == math.inf


# -- the frame --------------------------------------------------------------------------------------------------------


def test_the_frame_is_one_row_a_cell_in_the_order_they_were_put(store):
    put(store, cell(2**60 + 1), {"accuracy": 0.5, "n": 10, "curve": [0.1, 0.5]})
    put(store, {"regime": "probe", **cell(1)}, error="it failed")
    put(store, cell(0, budget=1.5), {"accuracy": 0.25, "n": 12})
    frame = store.frame()
    names = ["data", "budget", "seed", "recipe.lr", "recipe.epochs", "strategy.method", "strategy.wrap"]
    names += ["strategy.params", "regime", "accuracy", "n", "curve", "error", "key"]
    assert list(frame.columns) == names
    assert frame.seed.tolist() == [2**60 + 1, 1, 0] and frame.budget.tolist() == [600, 600, 1.5]
    assert frame["strategy.wrap"].tolist() == ['[["per_class",{}]]'] * 3
    assert frame.n.tolist() == [10, pandas.NA, 12] and frame.n.dtype == "Int64"
    assert frame.accuracy.dtype == float and math.isnan(frame.accuracy[1]) and frame.curve[0] == [0.1, 0.5]
    assert frame.error.tolist() == [None, "it failed", None]
    assert frame.key.tolist() == [record.key for record in store]
    assert len(frame.groupby(["strategy.wrap", "strategy.params"])) == 1


def test_the_frame_of_no_cells(store):
    assert len(store.frame()) == 0 and list(store.frame().columns) == ["error", "key"]


# -- processes and threads --------------------------------------------------------------------------------------------

LOAD = """
import os, sys, types
room = types.ModuleType("coreset_explore.experiment")  # what lies beside the store in its room imports torch
room.__path__ = [sys.argv[1]]
sys.modules[room.__name__] = room
from coreset_explore.experiment import store as module
assert not {"torch", "numpy", "pandas"} & set(sys.modules), "a store is opened by the standard library alone"
store = module.Store(sys.argv[2])
def numbers(seed, who=0): return {"seed squared": seed * seed, "who": who, "curve": [seed / 7] * 400}
def put(seed, who=0): return store.put(store.key({"seed": seed}), {"seed": seed}, numbers(seed, who))
"""


def started(path: Path, code: str, *arguments) -> subprocess.Popen:
    command = [sys.executable, "-c", LOAD + code, str(FILE.parent), str(path), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=FILE.parents[2])


def expected(seed: int, who: int = 0) -> dict:
    return {"seed squared": seed * seed, "who": who, "curve": [seed / 7] * 400}


def test_a_process_killed_at_any_moment_loses_no_cell_that_was_put(path):
    """Twenty times SIGKILL: all that a put returned for is there and whole, and one cell more at most."""
    moments, told, extra = random.Random(0), 0, 0
    code = "for seed in range(len(store), 10**6):\n    put(seed)\n    print(seed, flush=True)"
    for _ in range(20):
        process = started(path, code)
        last = process.stdout.readline()
        time.sleep(moments.random() * 0.04)
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0]
        assert process.returncode == -signal.SIGKILL
        seeds = [int(seed) for seed in (last + rest).split("\n")[:-1]]
        assert seeds[0] == told + extra, "it went on where the last one was killed"
        told = seeds[-1] + 1
        with Store(path) as store:
            records = list(store)
        extra = len(records) - told
        assert extra in (0, 1)
        assert [record.settings for record in records] == [{"seed": i} for i in range(told + extra)]
        assert all(record.numbers == expected(i) for i, record in enumerate(records))
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


def test_two_processes_write_one_store_and_the_first_to_put_a_cell_has_it(path):
    code = """
for seed in range(120):
    if put(seed, int(sys.argv[3])):
        print(seed)
"""
    writers = [started(path, code, who) for who in (1, 2)]
    kept = [[int(seed) for seed in writer.communicate()[0].split()] for writer in writers]
    assert all(writer.returncode == 0 for writer in writers)
    assert sorted(kept[0] + kept[1]) == list(range(120))
    with Store(path) as store:
        for who, seeds in enumerate(kept, 1):
            for seed in seeds:
                assert store.get(store.key({"seed": seed})).numbers == expected(seed, who)


def test_a_fork_does_not_use_its_parents_connection(path):
    code = """
put(0)
child = os.fork()
for seed in range(1, 40):
    put(seed if child else 100 + seed)
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert len(store) == 79
"""
    writer = started(path, code)
    writer.communicate()
    assert writer.returncode == 0


def test_threads_share_a_store(store):
    def work(start):
        for seed in range(start, start + 10):
            put(store, cell(seed), {"accuracy": seed / 100})

    crew = [threading.Thread(target=work, args=(10 * i,)) for i in range(4)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert sorted(record.settings["seed"] for record in store) == list(range(40))


def test_a_store_can_be_sent_to_another_process(store):
    put(store, cell(0), {"accuracy": 0.5})
    with pickle.loads(pickle.dumps(store)) as sent:
        assert sent.path == store.path and sent.key(cell(0)) in sent


# -- other files ------------------------------------------------------------------------------------------------------


def of_another_version(path: Path, *changes: str) -> bytes:
    with Store(path) as store:
        put(store, cell(0), {"accuracy": 0.5})
        put(store, cell(1), error="it failed")
    db = sqlite3.connect(path)
    for change in ("PRAGMA user_version = 99", *changes):
        db.execute(change)
    db.commit()
    db.close()
    return path.read_bytes()


def test_a_store_of_another_version_is_read_and_left_alone(path):
    before = of_another_version(path, "ALTER TABLE cells ADD COLUMN seconds REAL")
    with Store(path) as store:
        assert store.get(store.key(cell(0))).numbers == {"accuracy": 0.5} and store.key(cell(2)) not in store
        assert len(store) == len(store.frame()) == 2
        assert "another version, 99 where this one writes 1" in store.sealed
        for wanted in (cell(0), cell(2)):
            with pytest.raises(
                ValueError, match="its cells can be read and none be put; put new ones into another"
            ):
                put(store, wanted, {"accuracy": 0.1})
    assert path.read_bytes() == before


def test_a_store_of_another_version_that_cannot_be_read_is_left_alone(path):
    before = of_another_version(path, "ALTER TABLE cells RENAME COLUMN numbers TO results")
    with pytest.raises(ValueError, match="another version, 99 .* cannot be read by it; it is left as it is"):
        Store(path)
    assert path.read_bytes() == before


def test_a_read_only_store_is_read(path, monkeypatch):
    with Store(path) as store:
        put(store, cell(0), {"accuracy": 0.5})
    before = path.read_bytes()
    monkeypatch.setattr(module.os, "access", lambda *_: False)  # to the superuser no file is read-only
    with Store(path) as store:
        assert (
            store.get(store.key(cell(0))).numbers == {"accuracy": 0.5} and "cannot be written" in store.sealed
        )
        with pytest.raises(ValueError, match="or its folder cannot be written; copy it to where both can be"):
            put(store, cell(1), {"accuracy": 0.1})
    assert path.read_bytes() == before
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="or its folder cannot be written"):
        Store(path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="to the superuser no file is read-only")
def test_a_file_without_write_permission_is_read(path):
    Store(path).close()
    path.chmod(0o444)
    with Store(path) as store, pytest.raises(ValueError, match="cannot be written"):
        put(store, cell(0), {"accuracy": 0.5})


def test_an_empty_file_and_a_missing_folder_become_a_store(tmp_path):
    (tmp_path / "empty.sqlite").touch()
    for path in (tmp_path / "empty.sqlite", tmp_path / "new" / "folder" / "a?b#c 50%.sqlite"):
        with Store(path) as store:
            assert put(store, cell(0), {"accuracy": 0.5})
        assert path.stat().st_size > 0


def text(path: Path) -> None:
    path.write_text("budget,accuracy\n" * 100)


def database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE other (x)")
    db.close()


def filled(path: Path) -> None:
    with Store(path) as store:
        for seed in range(60):
            put(store, cell(seed), {"accuracy": 0.5, "curve": [0.1] * 100})


def cut(path: Path) -> None:
    filled(path)
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    filled(path)
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)


def no_json(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE cells SET numbers = '{half' WHERE id = 30")
    db.close()


@pytest.mark.parametrize(
    "make, sentence",
    [
        (Path.mkdir, "is a folder, and a store is one file in it"),
        (text, "is no store, but some other file; give another path"),
        (database, "is a database of something else, no store; give another path"),
        (cut, "is damaged .*restore a copy, or begin another store"),
        (overwritten, "is damaged .*restore a copy, or begin another store"),
        (no_json, "is damaged .the cell [0-9a-f]{64} is no JSON"),
    ],
)
def test_what_is_no_store_is_refused_in_one_sentence_and_left_alone(path, make, sentence):
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ValueError, match=sentence) as caught, Store(path) as store:
        list(store)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert before is None or path.read_bytes() == before


def test_a_folder_that_is_a_file_and_a_path_that_is_none(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        OSError, match="the folder of .* cannot be made .*; give a path in one that can be written"
    ):
        Store(tmp_path / "file" / "grid.sqlite")
    with pytest.raises(ValueError, match="a store is a file's path, as 'grid.sqlite', not 3"):
        Store(3)


def test_a_store_that_others_have_locked_says_so(path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with Store(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match="locked by another process for 0 s; try again later"):
            put(store, cell(0), {"accuracy": 0.5})
        other.execute("ROLLBACK")
        other.close()
        assert put(store, cell(0), {"accuracy": 0.5})


def test_a_full_disk_says_so_and_keeps_what_is_there(store):
    put(store, cell(0), {"accuracy": 0.5})
    pages = store._run("PRAGMA page_count")[0][0]
    store._run(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OSError, match="cannot be used .*full"):
        put(store, cell(1), {"curve": [0.1] * 10_000})
    assert len(store) == 1


WRONG = {
    "no settings": (lambda s: s.key([1]), r"settings are a dictionary, name to value, not \[1\]"),
    "a tensor": (lambda s: s.key({"w": torch.ones(3)}), r"settings\['w'\] is a Tensor, .*give its tolist\(\)"),
    "an array inside": (lambda s: s.key({"a": [{"b": np.ones(2)}]}), r"settings\['a'\]\[0\]\['b'\] is a ndarray"),
    "half a character": (lambda s: s.key({"file": "a\ud800"}), r"settings\['file'\] is 'a.ud800', no text that"),
    "half a name": (lambda s: s.key({"a\ud800": 1}), "no text that a file can hold"),
    "a set": (lambda s: s.key({"rows": {1, 2}}), r"settings\['rows'\] is a set"),
    "a complex": (lambda s: s.key({"z": np.complex128(1)}), r"settings\['z'\] is a complex"),
    "a wide float": (lambda s: s.key({"z": np.longdouble(1) / 3}), r"settings\['z'\] is a longdouble"),
    "a number as a name": (lambda s: s.key({"a": {0: 1}}), r"names in settings\['a'\] are texts, and one is 0"),
    "numbers that are none": (lambda s: put(s, cell(0), 0.5), "numbers are a dictionary, name to value, not 0.5"),
    "an object": (lambda s: put(s, cell(0), {"x": object()}), r"numbers\['x'\] is a object"),
    "another's key": (lambda s: s.put("abc", cell(0), {"x": 1}), "'abc' is not the key of these settings"),
    "neither": (lambda s: put(s, cell(0)), "give numbers or error=, one of them"),
    "both": (lambda s: put(s, cell(0), {"x": 1}, error="no"), "give numbers or error=, one of them"),
    "an exception": (lambda s: put(s, cell(0), error=ValueError("x")), r"not ValueError\('x'\); give str\(exception\)"),
    "an empty sentence": (lambda s: put(s, cell(0), error=""), "error is the sentence that a cell failed with"),
    "a name twice": (lambda s: put(s, cell(0), {"seed": 1}), "the name 'seed' stands for two things"),
    "a name twice, nested": (lambda s: put(s, {"a.b": 1, "a": {"b": 2}}, {}), "the name 'a.b' stands for two things"),
    "the frame's name": (lambda s: put(s, cell(0), {"error": 0.1}), "the name 'error' is the frame's own"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_makes_no_cell_is_refused_in_one_sentence(store, wrong):
    call, sentence = WRONG[wrong]
    with pytest.raises(ValueError, match=sentence) as caught:
        call(store)
    assert "\n" not in str(caught.value) and len(store) == 0
