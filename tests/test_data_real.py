"""The official files themselves, where CORESET_DATA names them: counts, known first rows, notes."""

from pathlib import Path

import pytest
import torch

from coreset_explore.datasets import load


@pytest.mark.parametrize(
    "name, first, mean",
    [
        pytest.param("mnist", [5, 0, 4, 1, 9, 2, 1, 3], 33.318, marks=pytest.mark.data("mnist")),
        pytest.param(
            "fashion-mnist", [9, 0, 0, 3, 0, 2, 7, 2], 72.940, marks=pytest.mark.data("fashion-mnist")
        ),
    ],
)
def test_the_mnists_are_whole(name, first, mean):
    data = load(name)
    assert data.x.shape == (60_000, 1, 28, 28) and data.x_test.shape == (10_000, 1, 28, 28)
    assert data.y[:8].tolist() == first and data.note == ""
    assert float(data.x.float().mean()) == pytest.approx(mean, abs=1e-3)  # the published pixel mean times 255
    assert len(torch.bincount(data.y_test)) == 10


@pytest.mark.data("cifar10")
def test_cifar10_holds_a_batch_out_and_says_so(data_folder):
    if (data_folder / "cifar10" / "cifar-10-batches-bin" / "test_batch.bin").exists():
        assert len(load("cifar10").x_test) == 10_000
    else:
        with pytest.raises(FileNotFoundError, match=r'test_batch.bin is missing.*test_from="data_batch_5"'):
            load("cifar10")
    data = load("cifar10", test_from="data_batch_5")
    assert data.x.shape == (40_000, 3, 32, 32) and data.x_test.shape == (10_000, 3, 32, 32)
    assert data.note == "data_batch_5 held out as test"
    assert data.classes[int(data.y[0])] == "frog" and data.classes[int(data.y[1])] == "truck"


@pytest.mark.data("cifar10")
def test_cifar10_can_be_tested_on_what_there_is_of_the_test_batch(data_folder):
    part = (data_folder / "cifar10" / "cifar-10-batches-bin" / "test_batch_first1000.bin").exists()
    data = load("cifar10", test_from="test_batch_first1000" if part else None)
    assert len(data) == 50_000 and data.note == ("test: the first 1,000 of 10,000 images" if part else "")
    assert [data.classes[i] for i in data.y_test[:4]] == ["cat", "ship", "ship", "airplane"]
    assert float(data.x.float().mean() / 255) == pytest.approx(0.4734, abs=1e-4)  # the published mean


@pytest.mark.data("covertype")
def test_covertype_says_when_it_is_a_part(data_folder):
    data = load("covertype")
    counts = (torch.bincount(data.y) + torch.bincount(data.y_test)).tolist()
    if (data_folder / "covertype" / "covtype.data.gz").exists():
        assert data.note == "" and counts == [211840, 283301, 35754, 2747, 9493, 17367, 20510]
    else:
        assert data.note == "20,000 of 581,012 rows" and data.x.shape == (16_001, 54)
        assert counts == [2942, 6022, 2160, 2160, 2396, 2160, 2160]
    assert (data.x[:, 10:14].sum(1) == 1).all() and (data.x[:, 14:].sum(1) == 1).all()  # one-hot groups
    assert (
        data.columns[0] == "Elevation" and 1800 < float(data.x[:, 0].min()) < float(data.x[:, 0].max()) < 3900
    )


@pytest.mark.data("imagenette-224-subset")
def test_photographs_load_with_their_own_test_folder(data_folder):
    photos = data_folder / "imagenette-224-subset"
    data = load(f"folder:{photos / 'train'}", test=photos / "val")
    assert data.x.shape == (800, 3, 64, 64) and data.x_test.shape == (250, 3, 64, 64)
    assert (
        torch.bincount(data.y).tolist() == [80] * 10
        and data.note == ""
        and data.skipped == data.reasons == ()
    )
    assert data.thumbnail(17).shape == (224, 224, 3) and Path(data.files[17]).parent.name == data.classes[0]
