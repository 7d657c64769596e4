"""What people keep in a selection's info: saved in its plain form, or named and refused before a file is there."""

import datetime
import enum
import json
import math
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas
import pytest
import torch
from torch import nn

from coreset_explore import Pool, Selection, select
from coreset_explore.inputs.jsonable import jsonable


class Colour(enum.Enum):
    RED = np.float32(1.5)


PLAIN = {
    "a numpy number": (np.float32(0.5), 0.5),
    "a numpy whole number": (np.int64(3), 3),
    "a numpy truth": (np.bool_(True), True),
    "a numpy text": (np.str_("a"), "a"),
    "an array": (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
    "an array of objects": (np.array([Path("a"), {2, 1}], dtype=object), ["a", [1, 2]]),
    "a tensor": (torch.tensor([1.5, math.nan], requires_grad=True), [1.5, None]),
    "a tensor of one": (torch.tensor(2), 2),
    "half a tensor": (torch.ones(2, dtype=torch.bfloat16), [1.0, 1.0]),
    "a path": (Path("a") / "b", str(Path("a") / "b")),
    "a set": ({3, 1, 2}, [1, 2, 3]),
    "a set of several kinds": (frozenset({"b", 2}), ["b", 2]),
    "a tuple of tuples": (((1, 2), (3,)), [[1, 2], [3]]),
    "a range": (range(3), [0, 1, 2]),
    "NaN": (math.nan, None),
    "a date": (datetime.date(2026, 11, 28), "2026-11-28"),
    "numpy's time": (np.datetime64("2026-11-28T10:00:00"), "2026-11-28T10:00:00"),
    "pandas' time": (pandas.Timestamp("2026-11-28"), "2026-11-28T00:00:00"),
    "a column": (pandas.Series([1, 2]), [1, 2]),
    "an index": (pandas.Index(["a", "b"]), ["a", "b"]),
    "a device": (torch.device("cpu"), "cpu"),
    "a type of numbers": (torch.float32, "torch.float32"),
    "an enum": (Colour.RED, 1.5),
    "keys that are no text": ({1: "a", np.int64(2): "b", Path("d"): "d"}, {"1": "a", "2": "b", "d": "d"}),
    "one object twice": ([[0]] * 2, [[0], [0]]),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("value, wanted", PLAIN.values(), ids=PLAIN)
def test_what_has_a_plain_form_is_saved_in_it(value, wanted, suffix, tmp_path):
    own = Selection([3, 1], info={"method": "mine", "notes": {"deep": value}})
    assert Selection.load(own.save(tmp_path / f"x{suffix}")).info == {
        "method": "mine",
        "notes": {"deep": wanted},
    }


ENDLESS: list = [1]
ENDLESS.append({"again": ENDLESS})
REFUSED = {
    "a module": (nn.Linear(1, 1), r'info\["notes"\]\["deep"\] is .*Linear'),
    "a function": (print, r'info\["notes"\]\["deep"\] is .*print'),
    "a class": (np.ndarray, "which a file cannot hold"),
    "bytes": (b"ab", "which a file cannot hold"),
    "a complex number": (1j, "which a file cannot hold"),
    "complex numbers": (np.array([1j]), r'info\["notes"\]\["deep"\]\[0\] is 1j'),
    "a frame": (pandas.DataFrame({"a": [1]}), "which a file cannot hold"),
    "infinity": ([0.0, -math.inf], r'info\["notes"\]\["deep"\]\[1\] is infinite, which JSON cannot say'),
    "infinity in numpy": (np.float32("inf"), "is infinite"),
    "no time": ({"when": object()}, r'\["deep"\]\["when"\] is .*object'),
    "a key of two": ({(1, 2): 3}, r"has the key \(1, 2\), and keys are text"),
    "two keys alike": ({1: "a", "1": "b"}, "two keys that are both written '1'"),
    "what holds itself": (ENDLESS, r'\["deep"\]\[1\]\["again"\] holds itself'),
    "a sparse tensor": (torch.eye(2).to_sparse(), "which a file cannot hold"),
}


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("value, says", REFUSED.values(), ids=REFUSED)
def test_what_has_none_is_named_in_one_sentence_and_leaves_no_file(value, says, suffix, tmp_path):
    own = Selection([3, 1], info={"notes": {"deep": value}})
    with pytest.raises(ValueError, match=says) as caught:
        own.save(tmp_path / f"x{suffix}")
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_file_that_was_there_stays_as_it_was(tmp_path):
    good = Selection([3, 1]).save(tmp_path / "x.npz")
    before = good.read_bytes()
    with pytest.raises(ValueError, match="cannot hold"):
        Selection([1], info={"net": nn.Linear(1, 1)}).save(good)
    assert good.read_bytes() == before


def test_a_selections_own_provenance_is_plain_already():
    found = select("kcenter", Pool.of(np.eye(8)), 3, show=False)
    assert jsonable(found.info, "info") == json.loads(json.dumps(dict(found.info)))
    told = replace(found, info={**found.info, "root": PurePosixPath("/a")})
    assert jsonable(told.info, "info")["root"] == "/a"
