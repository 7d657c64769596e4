"""Folders of pictures: cropped, upright, in order; a broken one is named, skipped and counted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from coreset_explore import select, signals
from coreset_explore.datasets import load
from coreset_explore.progress import Cancelled, listening

RED, BLUE, WHITE = (204, 0, 0), (0, 0, 200), (255, 255, 255)


def picture(path, color=RED, size=(20, 20), mode="RGB", **save):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, color).convert(mode)
    image.save(path, **save)
    return path


@pytest.fixture
def photos(tmp_path):
    """Two classes of five pictures."""
    for i in range(5):
        picture(tmp_path / "photos" / "red" / f"{i}.png", RED)
        picture(tmp_path / "photos" / "blue" / f"{i}.jpg", BLUE)
    return tmp_path / "photos"


def test_sub_folders_are_classes_in_order(photos):
    (photos / ".hidden").mkdir()
    (photos / "red" / "notes.txt").write_text("no picture")
    (photos / "red" / ".thumb.png").write_text("hidden")
    data = load(f"folder:{photos}", size=16)
    assert data.classes == ("blue", "red") and data.kind == "images"
    assert data.note == "1 file skipped that Pillow does not read: notes.txt"
    assert data.x.dtype == torch.uint8 and data.x.shape == (8, 3, 16, 16) and len(data.x_test) == 2
    for x, label, file in zip(data.x, data.y, data.files):
        assert f"/{data.classes[label]}/" in file
        assert int(x[2 if label == 0 else 0].min()) > 190 and int(x[1].max()) < 10
    assert torch.bincount(data.y_test).tolist() == [1, 1]
    assert load(photos, size=16).files == data.files  # a Path means a folder
    assert load(f"folder:{photos}", size=16, seed=1, test=0.4).files != data.files


def test_a_test_folder_of_ones_own(photos, tmp_path):
    picture(tmp_path / "val" / "red" / "x.png")
    data = load(f"folder:{photos}", size=8, test=tmp_path / "val")
    assert len(data) == 10 and data.y_test.tolist() == [1] and "row" not in data.truth
    picture(tmp_path / "val" / "green" / "x.png")
    with pytest.raises(ValueError, match=r"classes the training folder lacks \(green\)"):
        load(f"folder:{photos}", test=str(tmp_path / "val"))


def test_pictures_are_center_cropped_not_squeezed(tmp_path):
    wide = Image.new("RGB", (60, 20), BLUE)
    wide.paste(RED, (20, 0, 40, 20))
    (tmp_path / "a").mkdir()
    wide.save(tmp_path / "a" / "wide.png")
    tall = wide.transpose(Image.Transpose.ROTATE_90)
    tall.save(tmp_path / "a" / "tall.png")
    data = load(f"folder:{tmp_path}", size=20)
    assert (data.x == torch.tensor(RED)[None, :, None, None]).all()


def test_grey_transparent_palette_and_16_bit_pictures_become_rgb(tmp_path):
    picture(tmp_path / "a" / "1.png", (90, 90, 90), mode="L")
    picture(tmp_path / "a" / "2.png", RED, mode="P")
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "a" / "3.png")
    Image.fromarray(np.full((20, 20), 128 * 257, dtype=np.uint16)).save(tmp_path / "a" / "4.png")
    picture(tmp_path / "a" / "5.jpg", BLUE, mode="CMYK")
    pixels = load(f"folder:{tmp_path}", size=4, test=tmp_path).x[:, :, 2, 2].tolist()
    assert pixels[:4] == [[90, 90, 90], list(RED), list(WHITE), [128, 128, 128]]
    assert pixels[4][2] > 150 and pixels[4][0] < 40


def test_pictures_stand_upright_as_their_exif_says(tmp_path):
    left_red = Image.new("RGB", (20, 20), BLUE)
    left_red.paste(RED, (0, 0, 10, 20))
    exif = Image.Exif()
    exif[274] = 6  # to be turned a quarter clockwise: left comes to the top
    (tmp_path / "a").mkdir()
    left_red.save(tmp_path / "a" / "turned.png", exif=exif)
    data = load(f"folder:{tmp_path}", size=20)
    assert data.x[0, :, 2, 10].tolist() == list(RED) and data.x[0, :, 17, 10].tolist() == list(BLUE)
    assert data.thumbnail(0)[2, 10].tolist() == list(RED)


def test_broken_pictures_are_named_skipped_and_counted(photos):
    (photos / "red" / "1.png").write_bytes(b"no picture at all")
    whole = photos / "blue" / "3.jpg"
    whole.write_bytes(whole.read_bytes()[: len(whole.read_bytes()) // 2])
    (photos / "blue" / "empty.jpg").touch()
    data = load(f"folder:{photos}", size=8, test=photos)
    assert data.note.startswith(
        "6 broken images skipped: 3.jpg, empty.jpg, 1.png, ..."
    )  # here twice: test too
    data = load(f"folder:{photos}", size=8)
    assert data.note == "3 broken images skipped: 3.jpg, empty.jpg, 1.png"
    assert [s.rsplit("/", 2)[-2:] for s in data.skipped] == [
        ["blue", "3.jpg"],
        ["blue", "empty.jpg"],
        ["red", "1.png"],
    ]
    assert len(data) + len(data.x_test) == 8 and "1.png" not in " ".join(
        f[-9:] for f in data.files if "red" in f
    )
    red = data.y == 1
    assert (data.x[red][:, 0] > 190).all() and (data.x[~red][:, 2] > 190).all()  # rows stayed aligned


def test_thumbnails_are_read_from_the_file_whole(photos):
    picture(photos / "blue" / "0.jpg", BLUE, size=(300, 200))
    data = load(f"folder:{photos}", size=8, test=photos)
    row = next(i for i, f in enumerate(data.files) if f.endswith("blue/0.jpg"))
    assert data.thumbnail(row).shape == (200, 300, 3) and data.thumbnail(row, 48).shape == (48, 48, 3)
    assert data[[row]].thumbnail(0).shape == (200, 300, 3)
    (photos / "blue" / "0.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=f"row {row} is no longer at .*0.jpg"):
        data.thumbnail(row)


def test_a_class_of_one_picture_stays_in_training(tmp_path):
    picture(tmp_path / "one" / "x.png")
    data = load(f"folder:{tmp_path}", size=8)
    assert len(data) == 1 and data.x_test is None


def test_pictures_in_no_sub_folder_have_no_labels(tmp_path):
    for number in range(5):
        picture(tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"x")
    data = load(f"folder:{tmp_path}", size=8)
    assert data.x.shape == (5, 3, 8, 8) and data.y is None and data.classes == () and data.x_test is None
    assert data.note.startswith("no sub-folders, so no labels; 1 broken image skipped: broken.png")
    assert [Path(file).name for file in data.files] == [f"{number}.png" for number in range(5)]
    held = load(f"folder:{tmp_path}", size=8, test=0.2)
    assert len(held) == 4 and len(held.x_test) == 1 and held.y_test is None
    with pytest.raises(ValueError, match="no sub-folders, which classes= would name: leave it out"):
        load(f"folder:{tmp_path}", classes=["cat", "dog"])
    with pytest.raises(ValueError, match="has no labels, and training needs them"):
        signals(data, model="logistic", epochs=1)
    assert len(select("kcenter", data.x.flatten(1).float(), 2)) == 2


@pytest.mark.parametrize(
    "make, error, sentence",
    [
        (lambda d: None, FileNotFoundError, "photos does not exist: give a folder with one sub-folder"),
        (lambda d: d.write_text("x"), FileNotFoundError, "is a file, not a folder"),
        (lambda d: d.mkdir(), ValueError, "is empty: it has no sub-folders"),
        (
            lambda d: (d / "cat").mkdir(parents=True),
            ValueError,
            r"No sub-folder of .* holds a picture \(.bmp",
        ),
        (
            lambda d: (picture(d / "dog" / "x.png"), (d / "cat").mkdir()),
            ValueError,
            "photos/cat holds no picture that can be read",
        ),
    ],
)
def test_folders_without_classes_or_pictures_get_a_sentence(tmp_path, make, error, sentence):
    make(tmp_path / "photos")
    with pytest.raises(error, match=sentence) as caught:
        load(f"folder:{tmp_path / 'photos'}")
    assert "\n" not in str(caught.value)


def test_a_class_whose_pictures_are_all_broken_is_named(photos):
    for file in (photos / "red").iterdir():
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="photos/red holds no picture that can be read"):
        load(f"folder:{photos}")


def test_impossible_sizes_and_tests_are_refused(photos):
    with pytest.raises(ValueError, match="between 1 and 1024, got 0"):
        load(f"folder:{photos}", size=0)
    with pytest.raises(ValueError, match="another folder of pictures"):
        load(f"folder:{photos}", test=3)


def test_a_folder_without_a_path_is_not_the_current_one():
    with pytest.raises(ValueError, match="lacks its path"):
        load("folder:")


def test_reading_can_be_cancelled(photos):
    with pytest.raises(Cancelled), listening(should_stop=lambda: True, interval=0):
        load(f"folder:{photos}")
