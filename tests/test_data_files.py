"""The official formats, in small files made here: read exactly, refused with one sentence when damaged."""

import gzip
import hashlib
import json

import numpy as np
import pytest
import torch

from coreset_explore.datasets import download, load
from coreset_explore.datasets.formats import COVERTYPE_COLUMNS
from coreset_explore.machine import cache

IDX = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"]
IDX += ["t10k-labels-idx1-ubyte.gz"]


def md5(path):
    return f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"


def idx(values):
    head = bytes((0, 0, 8, values.ndim)) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return gzip.compress(head + values.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A CORESET_DATA folder, with the memory of checksums beside it."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("CORESET_DATA", str(folder))
    monkeypatch.setattr(cache, "cache_root", lambda: tmp_path / "cache")
    return folder


def list_files(monkeypatch, name, folder, paths, **more):
    """Register what lies in `folder` as the official files of `name`."""
    entry = {**download.manifest()[name], **more}
    entry["files"] = [{"name": p, "checksum": md5(folder / p)} for p in paths]
    monkeypatch.setitem(download.manifest(), name, entry)


@pytest.fixture
def mnist(home, monkeypatch):
    rng = np.random.default_rng(0)
    folder = home / "mnist"
    folder.mkdir()
    arrays = [rng.integers(0, 256, (20, 28, 28)), np.arange(20) % 10]
    arrays += [rng.integers(0, 256, (5, 28, 28)), np.arange(5)]
    for name, values in zip(IDX, arrays):
        (folder / name).write_bytes(idx(values))
    list_files(monkeypatch, "mnist", folder, IDX)
    return folder, arrays


@pytest.fixture
def cifar(home, monkeypatch):
    rng = np.random.default_rng(0)
    folder = home / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    official = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    records = {}
    for name in official:
        records[name] = rng.integers(0, 256, (4, 3073)).astype(np.uint8)
        records[name][:, 0] = rng.integers(0, 10, 4)
        (folder / name).write_bytes(records[name].tobytes())
    list_files(monkeypatch, "cifar10", folder, official)
    for file in download.manifest()["cifar10"]["files"]:
        file["records"] = 4
    return folder, records


def covertype_lines(n=70):
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.integers(-50, 3000, (n, 54)), np.arange(n) % 7 + 1])
    return rows, "\n".join(",".join(map(str, row)) for row in rows) + "\n"


@pytest.fixture
def covertype(home, monkeypatch):
    folder = home / "covertype"
    folder.mkdir()
    rows, text = covertype_lines()
    (folder / "covtype.data.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    list_files(monkeypatch, "covertype", folder, ["covtype.data.gz"], partial=[])
    return folder, rows


def test_idx_files_are_read_exactly(mnist):
    _, arrays = mnist
    data = load("mnist")
    assert data.x.dtype == torch.uint8 and data.x.shape == (20, 1, 28, 28) and data.kind == "images"
    for got, wanted in zip((data.x[:, 0], data.y, data.x_test[:, 0], data.y_test), arrays):
        assert got.tolist() == wanted.tolist()


def test_root_does_what_the_variable_does(mnist, monkeypatch):
    folder, _ = mnist
    monkeypatch.delenv("CORESET_DATA")
    assert len(load("mnist", root=folder.parent)) == 20


def cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def scramble(path):
    raw = bytearray(path.read_bytes())
    raw[:2] = b"no"
    path.write_bytes(bytes(raw))


def flip_inside(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(bytes(raw))


def other_magic(path):
    path.write_bytes(gzip.compress(b"\0\0\x0d\x03" + gzip.decompress(path.read_bytes())[4:]))


def too_short(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-7]))


def nothing(path):
    path.write_bytes(gzip.compress(b""))


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (cut, "it ends too early, after .* bytes, expected a whole gzip file"),
        (scramble, "it cannot be unpacked .*expected a gzip file"),
        (flip_inside, "it cannot be unpacked|it ends too early|bytes, expected|begins with"),
        (other_magic, "it begins with 00000d03, expected the IDX mark 00000803"),
        (too_short, "it unpacks to 15,689 bytes, expected 15,696 for 20x28x28"),
        (nothing, "it begins with nothing"),
    ],
)
def test_a_damaged_idx_file_is_named_with_what_was_expected(mnist, damage, sentence):
    folder, _ = mnist
    damage(folder / IDX[0])
    with pytest.raises(ValueError, match=sentence) as caught:
        load("mnist")
    assert f"{folder / IDX[0]} is damaged" in str(caught.value)
    assert "delete it and load again" in str(caught.value) and "\n" not in str(caught.value)


def test_images_and_labels_must_be_as_many(mnist):
    folder, _ = mnist
    (folder / IDX[1]).write_bytes(idx(np.zeros(19)))
    with pytest.raises(ValueError, match="it has 19 labels, expected 20"):
        load("mnist")


def test_labels_must_be_classes(mnist):
    folder, _ = mnist
    (folder / IDX[1]).write_bytes(idx(np.full(20, 10)))
    with pytest.raises(ValueError, match=r"it holds label 10, expected 0\.\.9"):
        load("mnist")


def test_a_readable_file_with_another_checksum_is_refused(mnist):
    folder, arrays = mnist
    (folder / IDX[0]).write_bytes(idx(arrays[0][::-1]))
    with pytest.raises(ValueError, match=f"{IDX[0]} is not the official file"):
        load("mnist")


def test_a_missing_file_is_named(mnist):
    folder, _ = mnist
    (folder / IDX[3]).unlink()
    with pytest.raises(FileNotFoundError, match=f"{IDX[3]} is missing; put the official file there"):
        load("mnist")


def test_coreset_data_must_be_a_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="CORESET_DATA names .*nowhere, which is no folder"):
        load("mnist")


def test_checksums_are_computed_once_and_again_when_the_file_changes(mnist, tmp_path, monkeypatch):
    import hashlib

    folder, arrays = mnist
    asked = []
    plain = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, *a: asked.append(file.name) or plain(file, *a))
    load("mnist")
    assert len(asked) == 4
    load("mnist")
    assert len(asked) == 4
    memory = tmp_path / "cache" / "verified.json"
    assert len(json.loads(memory.read_text())) == 4
    (folder / IDX[1]).write_bytes(idx(arrays[1][::-1]))
    with pytest.raises(ValueError, match="not the official file"):
        load("mnist")
    (folder / IDX[1]).write_bytes(idx(arrays[1]))
    memory.write_text("{ damaged")  # costs one more look at every file
    asked.clear()
    assert len(load("mnist")) == 20 and len(asked) == 4


def test_cifar_records_are_read_exactly(cifar):
    _, records = cifar
    data = load("cifar10")
    wanted = np.concatenate([records[f"data_batch_{i}.bin"] for i in range(1, 6)])
    assert data.y.tolist() == wanted[:, 0].tolist()
    assert data.x.flatten(1).tolist() == wanted[:, 1:].tolist() and data.x.shape == (20, 3, 32, 32)
    assert data.y_test.tolist() == records["test_batch.bin"][:, 0].tolist() and data.note == ""


def test_without_a_test_batch_cifar10_says_how_to_hold_one_out(cifar):
    folder, records = cifar
    (folder / "test_batch.bin").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        load("cifar10")
    assert "test_batch.bin is missing" in str(caught.value)
    assert 'load("cifar10", test_from="data_batch_5")' in str(caught.value)
    held = load("cifar10", test_from="data_batch_5")
    assert held.note == "data_batch_5 held out as test" and len(held) == 16
    assert held.x_test.flatten(1).tolist() == records["data_batch_5.bin"][:, 1:].tolist()
    assert load("cifar10", test_from="data_batch_2.bin").note == "data_batch_2 held out as test"


def test_test_from_must_be_a_file_that_is_there(cifar):
    with pytest.raises(FileNotFoundError, match=r"no file data_batch_9.bin: test_from can be data_batch_1, "):
        load("cifar10", test_from="data_batch_9")


def test_a_missing_training_batch_is_named(cifar):
    folder, _ = cifar
    (folder / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_3.bin is missing"):
        load("cifar10")


@pytest.mark.parametrize(
    "keep, sentence",
    [
        (slice(0, -5), r"it has 12,287 bytes, expected 12,292 \(4 records of 3,073\)"),
        (slice(0, 2 * 3073), r"it has 6,146 bytes, expected 12,292"),
        (slice(0, 0), r"it has 0 bytes"),
    ],
)
def test_a_cifar_file_of_the_wrong_length_is_refused(cifar, keep, sentence):
    folder, _ = cifar
    path = folder / "data_batch_1.bin"
    path.write_bytes(path.read_bytes()[keep])
    with pytest.raises(ValueError, match=sentence):
        load("cifar10")


def test_a_cifar_label_out_of_range_is_refused(cifar):
    folder, records = cifar
    records["data_batch_2.bin"][1, 0] = 10
    (folder / "data_batch_2.bin").write_bytes(records["data_batch_2.bin"].tobytes())
    with pytest.raises(
        ValueError, match=r"data_batch_2.bin is damaged: record 1 has label 10, expected labels 0\.\.9"
    ):
        load("cifar10")


def test_cifar100_reads_the_fine_label(home, monkeypatch):
    folder = home / "cifar100" / "cifar-100-binary"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (6, 3074)).astype(np.uint8)
    records[:, 0], records[:, 1] = 19, [0, 99, 5, 5, 42, 7]
    for name in ("train.bin", "test.bin"):
        (folder / name).write_bytes(records.tobytes())
    list_files(monkeypatch, "cifar100", folder, ["train.bin", "test.bin"])
    data = load("cifar100")
    assert data.y.tolist() == [0, 99, 5, 5, 42, 7] and len(data.classes) == 100
    assert data.classes[0] == "apple" and data.classes[99] == "worm"
    assert data.x.flatten(1).tolist() == records[:, 2:].tolist()
    (folder / "test.bin").unlink()
    with pytest.raises(FileNotFoundError, match="test.bin is missing"):
        load("cifar100")


def test_covertype_keeps_raw_features_and_codes_classes(covertype):
    _, rows = covertype
    data = load("covertype", seed=4)
    assert data.kind == "table" and data.x.dtype == torch.float32 and data.note == ""
    assert data.columns == COVERTYPE_COLUMNS and len(data.columns) == 54
    assert data.classes[0] == "Spruce/Fir" and data.classes[6] == "Krummholz"
    mine = rows[data.truth["row"].numpy()]
    assert data.x.tolist() == mine[:, :54].tolist() and (data.y + 1).tolist() == mine[:, 54].tolist()
    assert torch.bincount(data.y_test).tolist() == [2] * 7 and len(data) == 56


def test_a_known_part_of_covertype_says_so(covertype, monkeypatch):
    folder, _ = covertype
    (folder / "covtype.data.gz").rename(folder / "covtype.20k.data.gz")
    part = {
        "name": "covtype.20k.data.gz",
        "checksum": md5(folder / "covtype.20k.data.gz"),
        "note": "70 of 99 rows",
    }
    monkeypatch.setitem(download.manifest()["covertype"], "partial", [part])
    data = load("covertype")
    assert data.note == "70 of 99 rows" and "70 of 99 rows" in repr(data)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda text: text.replace("\n", ",1\n"), "its rows have 56 values, expected 55"),
        (lambda text: text[: text.rindex(",")], "line 70 lacks values, expected 55 numbers"),
        (lambda text: "a" + text, "expected rows of 55 numbers"),
        (lambda text: text[: text.rindex(",")] + ",8\n", r"line 70 has class 8, expected classes 1\.\.7"),
        (lambda text: "", "expected rows of 55 numbers"),
        (lambda text: text.rstrip("\n") + ",5,6\n", "expected rows of 55 numbers"),
    ],
)
def test_damaged_covertype_rows_are_named(covertype, change, sentence):
    folder, _ = covertype
    text = change(covertype_lines()[1])
    (folder / "covtype.data.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(ValueError, match=sentence) as caught:
        load("covertype")
    assert "covtype.data.gz is damaged" in str(caught.value) and "\n" not in str(caught.value)


def test_nothing_is_unpickled():
    from pathlib import Path

    for file in Path(download.__file__).parent.glob("*.py"):
        assert "pickle" not in file.read_text().replace("unpickle", "")
