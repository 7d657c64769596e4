"""The cache: every change is another key; damage, kills and unwritable folders cost a warning and no result."""

import os
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from coreset_explore.datasets import Data
from coreset_explore.machine import cache
from coreset_explore.recording import run as recording
from coreset_explore.recording.run import signals


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_told", set())
    return tmp_path / "cache"


@pytest.fixture
def runs(monkeypatch):
    """How often something was really recorded."""
    count, real = [], recording._record

    def counted(*arguments):
        count.append(1)
        return real(*arguments)

    monkeypatch.setattr(recording, "_record", counted)
    return count


def images(change=None, **more):
    x = torch.randint(0, 256, (30, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    parts = {
        "x": x,
        "y": torch.arange(30) % 3,
        "classes": tuple("abc"),
        "x_test": x[:6].clone(),
        "kind": "images",
    }
    parts |= {"y_test": torch.arange(6) % 3, "name": "made", **more}
    if change is not None:
        change(parts)
    return Data(**parts)


def one_pixel(parts):
    parts["x"][29, 0, 7, 7] ^= 1


def one_label(parts):
    parts["y"][29] = 0


def one_test_pixel(parts):
    parts["x_test"][5, 0, 7, 7] ^= 1


def test_the_second_time_reads_and_gives_the_same_bits(runs, folder):
    arguments = {"epochs": 2, "holdout": 0.2, "checkpoints": "each", "extras": ("full_grad_norm",)}
    one, two = signals(images(), **arguments), signals(images(), **arguments)
    assert len(runs) == 1 and len(list(folder.iterdir())) == 1
    for a, b in ((one, two), (one.target, two.target)):
        assert a.fingerprint == b.fingerprint and a.info == b.info and a.classes == b.classes
        assert torch.equal(a.grads.r, b.grads.r) and torch.equal(a.history.kl, b.history.kl)
        assert torch.equal(a.full_grad_norm, b.full_grad_norm) and a.history.correct.dtype == torch.bool
    assert torch.equal(one.test.emb, two.test.emb)


@pytest.mark.parametrize("change", [one_pixel, one_label, one_test_pixel], ids=lambda f: f.__name__)
def test_a_changed_row_misses(runs, change):
    signals(images(), epochs=1)
    signals(images(change), epochs=1)
    assert len(runs) == 2


@pytest.mark.parametrize(
    "setting",
    [{"epochs": 2}, {"seed": 1}, {"holdout": 0.2}, {"model": "logistic"}, {"inits": 1}, {"checkpoints": [0, 1]},
     {"extras": "full_grad_norm"}, {"recipe": {"lr": 0.01}}],
    ids=str,
)  # fmt: skip
def test_a_changed_setting_misses(runs, setting):
    signals(images(), epochs=1)
    signals(images(), **{"epochs": 1, **setting})
    assert len(runs) == 2


@pytest.mark.parametrize("what", ["coreset_explore.__version__", "torch.__version__"])
def test_another_version_misses(runs, monkeypatch, what):
    signals(images(), epochs=1)
    monkeypatch.setattr(what, "9.9.9")
    signals(images(), epochs=1)
    assert len(runs) == 2


@pytest.mark.parametrize("path", recording.SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_another_code_misses(runs, monkeypatch, tmp_path, path):
    """What is kept was computed by these files; results of a mended one must not come from before it was mended."""
    signals(images(), epochs=1)
    changed = tmp_path / "changed.py"
    changed.write_text(path.read_text() + "# mended\n")
    sources = tuple(changed if source == path else source for source in recording.SOURCES)
    monkeypatch.setattr(recording, "SOURCES", sources)
    signals(images(), epochs=1)
    assert len(runs) == 2


def test_no_cache_when_told_and_none_for_ones_own_module(runs, folder):
    for _ in range(2):
        signals(images(), epochs=1, cache=False)
        signals(images(), epochs=0, model=torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)))
    assert len(runs) == 4 and not folder.exists()


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_file_is_made_again_with_a_warning(runs, folder, damage):
    first = signals(images(), epochs=1)
    (path,) = folder.iterdir()
    whole = bytearray(path.read_bytes())
    if damage == "flip":
        whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "flip": whole, "empty": b"", "text": b"not a zip"}[damage]
    )
    with pytest.warns(UserWarning, match=r"the cached signals-.*\.npz is damaged and is made again"):
        second = signals(images(), epochs=1)
    assert len(runs) == 2 and torch.equal(first.emb, second.emb)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        signals(images(), epochs=1)
    assert len(runs) == 2, "the mended file is used"


@pytest.mark.parametrize("kind", ["a file stands there", "full"])
def test_an_unusable_folder_warns_once_and_the_work_goes_on(runs, folder, monkeypatch, kind):
    # permissions would not stop root, who runs many containers; these two stop everybody
    if kind == "full":
        import numpy

        def full(*arguments, **more):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(numpy, "savez", full)
    else:
        folder.write_text("in the way")
    with pytest.warns(UserWarning, match="set CORESET_CACHE to a folder that can be written") as told:
        pools = [signals(images(), epochs=1) for _ in range(3)]
    assert len([w for w in told if "CORESET_CACHE" in str(w.message)]) == 1
    assert len(runs) == 3 and torch.equal(pools[0].emb, pools[2].emb)
    assert kind != "full" or not list(folder.iterdir()), "no half file stays"


@contextmanager
def nobody():
    """Root may write anywhere, so the test gives that right up for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_read_only_folder_still_serves_what_it_holds(monkeypatch):
    with tempfile.TemporaryDirectory() as place:
        monkeypatch.setenv("CORESET_CACHE", place)
        cache.write("signals", "kept", {"a": torch.ones(3)})
        Path(place, "signals-kept.npz").chmod(0o444)
        Path(place).chmod(0o555)
        with nobody():
            assert torch.equal(cache.read("signals", "kept")["a"], torch.ones(3))
            with pytest.warns(UserWarning, match="cannot be used .Permission denied"):
                cache.write("signals", "new", {"a": torch.ones(3)})
        assert cache.read("signals", "new") is None and len(os.listdir(place)) == 1


def test_a_kill_while_writing_leaves_no_half_file(folder):
    code = """
import os, numpy, torch
from coreset_explore.machine import cache
real = numpy.savez
def half(file, **arrays):
    real(file, **arrays); file.flush(); os.truncate(file.name, 50); os._exit(9)
numpy.savez = half
cache.write("signals", "k", {"a": torch.ones(1000)})
"""
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ}).returncode == 9
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    assert cache.read("signals", "k") is None
    (part,) = folder.iterdir()
    os.utime(part, (0, 0))
    cache.write("signals", "k", {"a": torch.ones(1000), "about": "text"})
    assert [path.name for path in folder.iterdir()] == ["signals-k.npz"], "what the kill left is cleared away"
    found = cache.read("signals", "k")
    assert torch.equal(found["a"], torch.ones(1000)) and found["about"] == "text"


def test_keys_tell_apart_what_differs():
    x = torch.arange(6, dtype=torch.uint8)
    parts = [
        (x,),
        (x.reshape(2, 3),),
        (x.to(torch.int8),),
        (x, None),
        (x, ""),
        (x, 1),
        (x, 1.5),
        (x, "1"),
        ([1], 2),
        (1, [2]),
    ]
    keys = [cache.key(*part) for part in parts]
    assert len(set(keys)) == len(keys) and cache.key(x.clone()) == keys[0]
    assert cache.key(x.reshape(2, 3).T) == cache.key(x.reshape(2, 3).T.contiguous())
    assert cache.key({"b": 1, "a": 2}) == cache.key({"a": 2, "b": 1})


def test_the_longest_unused_go_when_the_folder_is_large(folder, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 3_000)
    for i, name in enumerate("abc"):
        cache.write("signals", name, {"x": torch.zeros(250)})
        os.utime(folder / f"signals-{name}.npz", (i, i))
    assert cache.read("signals", "a") is not None  # used just now
    cache.write("signals", "d", {"x": torch.zeros(250)})
    names = {path.stem[-1] for path in folder.iterdir()}
    assert {"a", "d"} <= names and "b" not in names
