"""The official files themselves, where CORESET_DATA names them: counts, known first rows, notes."""

import os
from pathlib import Path

import pytest
import torch

from coreset_explore.datasets import load

HOME = Path(os.environ.get("CORESET_DATA", "/nowhere"))
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        "CORESET_DATA" not in os.environ, reason="CORESET_DATA names no folder of real datasets"
    ),
]


@pytest.mark.parametrize(
    "name, first, mean",
    [("mnist", [5, 0, 4, 1, 9, 2, 1, 3], 33.318), ("fashion-mnist", [9, 0, 0, 3, 0, 2, 7, 2], 72.940)],
)
def test_the_mnists_are_whole(name, first, mean):
    data = load(name)
    assert data.x.shape == (60_000, 1, 28, 28) and data.x_test.shape == (10_000, 1, 28, 28)
    assert data.y[:8].tolist() == first and data.note == ""
    assert float(data.x.float().mean()) == pytest.approx(mean, abs=1e-3)  # the published pixel mean times 255
    assert len(torch.bincount(data.y_test)) == 10


def test_cifar10_holds_a_batch_out_and_says_so():
    if (HOME / "cifar10" / "cifar-10-batches-bin" / "test_batch.bin").exists():
        assert len(load("cifar10").x_test) == 10_000
    else:
        with pytest.raises(FileNotFoundError, match=r'test_batch.bin is missing.*test_from="data_batch_5"'):
            load("cifar10")
    data = load("cifar10", test_from="data_batch_5")
    assert data.x.shape == (40_000, 3, 32, 32) and data.x_test.shape == (10_000, 3, 32, 32)
    assert data.note == "data_batch_5 held out as test"
    assert data.classes[int(data.y[0])] == "frog" and data.classes[int(data.y[1])] == "truck"


@pytest.mark.skipif(
    not (HOME / "cifar10" / "cifar-10-batches-bin" / "test_batch_first1000.bin").exists(),
    reason="CORESET_DATA holds the whole test batch, not its first part",
)
def test_cifar10_can_be_tested_on_a_known_part():
    part = load("cifar10", test_from="test_batch_first1000")
    assert len(part) == 50_000 and part.note == "test: the first 1,000 of 10,000 images"
    assert [part.classes[i] for i in part.y_test[:4]] == ["cat", "ship", "ship", "airplane"]
    assert float(part.x.float().mean() / 255) == pytest.approx(0.4734, abs=1e-4)  # the published mean


@pytest.mark.skipif(
    not (HOME / "covertype" / "covtype.20k.data.gz").exists(),
    reason="CORESET_DATA holds no part of covertype",
)
def test_covertype_says_it_is_a_part():
    data = load("covertype")
    assert data.x.shape == (16_001, 54) and data.note == "20,000 of 581,012 rows"
    counts = (torch.bincount(data.y) + torch.bincount(data.y_test)).tolist()
    assert counts == [2942, 6022, 2160, 2160, 2396, 2160, 2160]
    assert (data.x[:, 10:14].sum(1) == 1).all() and (data.x[:, 14:].sum(1) == 1).all()  # one-hot groups
    assert (
        data.columns[0] == "Elevation" and 1800 < float(data.x[:, 0].min()) < float(data.x[:, 0].max()) < 3900
    )


@pytest.mark.skipif(
    not (HOME / "imagenette-224-subset").exists(), reason="CORESET_DATA holds no imagenette-224-subset"
)
def test_the_photographs_load_with_their_own_test_folder():
    photos = HOME / "imagenette-224-subset"
    data = load(f"folder:{photos / 'train'}", test=photos / "val")
    assert data.x.shape == (800, 3, 64, 64) and data.x_test.shape == (250, 3, 64, 64)
    assert torch.bincount(data.y).tolist() == [80] * 10 and data.note == "" and data.skipped == ()
    assert data.thumbnail(17).shape == (224, 224, 3) and Path(data.files[17]).parent.name == data.classes[0]
