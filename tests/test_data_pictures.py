"""Pictures as people have them: every kind Pillow reads, one scale where they are deep, nothing left out unsaid."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, features

from coreset_explore.datasets import load
from coreset_explore.datasets.pictures import Unreadable, open_picture
from tests.test_data_folder import BLUE, RED, picture
from widgets.explorer.pool import Ask
from widgets.explorer.pool import load as loaded
from widgets.kit.pictures import Pictures, lost


def deep(path, value, dtype=np.uint16, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, value, dtype)).save(path)
    return path


def by_name(data):
    """Each file's first pixel."""
    return {Path(file).stem: x[:, 0, 0].tolist() for file, x in zip(data.files, data.x)}


# -- folders ----------------------------------------------------------------------------------------------------------

KINDS = {
    ".jfif": "JPEG", ".JPG": "JPEG", ".ppm": "PPM", ".tga": "TGA", ".dib": "DIB", ".pcx": "PCX", ".sgi": "SGI",
    ".jp2": "JPEG2000", ".avif": "AVIF", "": "PNG", ".jpg_large": "JPEG",
}  # fmt: skip
HAVE = [
    s
    for s in KINDS
    if (s != ".avif" or features.check("avif")) and (s != ".jp2" or features.check("jpg_2000"))
]


@pytest.mark.parametrize("suffix", HAVE)
def test_whatever_pillow_reads_is_read_whatever_its_name(tmp_path, suffix):
    (tmp_path / "a").mkdir()
    Image.new("RGB", (20, 20), RED).save(tmp_path / "a" / f"picture{suffix}", KINDS[suffix])
    data = load(tmp_path, size=8)
    assert len(data) == 1 and data.note == "" and data.skipped == ()
    assert abs(data.x[0, :, 4, 4].int() - torch.tensor(RED)).max() < 12


def test_folders_below_a_class_are_the_classs_and_said(tmp_path):
    picture(tmp_path / "a" / "0.png", RED)
    for i in range(3):
        picture(tmp_path / "a" / "2024" / "may" / f"{i}.png", RED)
    picture(tmp_path / "b" / "roll" / "0.png", BLUE)
    picture(tmp_path / "b" / ".ipynb_checkpoints" / "0-checkpoint.png", RED)
    (tmp_path / "b" / "roll" / "back").symlink_to(tmp_path / "b", target_is_directory=True)
    data = load(tmp_path, size=8, test=tmp_path)
    assert data.y.tolist() == [0, 0, 0, 0, 1] and data.classes == ("a", "b")
    assert (
        data.note == "8 pictures from folders below a class's: a/2024/may, b/roll"
    )  # training and test alike
    assert [Path(f).relative_to(tmp_path).as_posix() for f in data.files[:2]] == [
        "a/0.png",
        "a/2024/may/0.png",
    ]


def test_every_file_passed_over_is_counted_and_named_with_its_reason(tmp_path):
    picture(tmp_path / "a" / "0.png")
    (tmp_path / "a" / "1.png").write_bytes(b"no picture")
    (tmp_path / "a" / "boxes.xml").write_text("<boxes/>")
    (tmp_path / "a" / "deep").mkdir()
    (tmp_path / "a" / "deep" / "IMG_0001.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "a" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "a" / "Thumbs.db").touch()
    (tmp_path / "labels.csv").write_text("0.png,cat")
    picture(tmp_path / "stray.png")
    data = load(tmp_path, size=8)
    assert len(data) == 1 and len(data.skipped) == len(data.reasons) == 6
    for said in (
        "2 broken images skipped: 1.png, gone.jpg",
        "2 files skipped that Pillow does not read: boxes.xml, IMG_0001.HEIC",
        "pillow_heif.register_heif_opener() makes it read .heic",
        "2 files outside the class folders skipped: labels.csv, stray.png",
    ):
        assert said in data.note
    why = {Path(file).name: reason for file, reason in zip(data.skipped, data.reasons)}
    assert why["1.png"] == "broken: Pillow knows no such kind of file" and why["gone.jpg"].startswith(
        "broken: "
    )
    assert why["boxes.xml"] == "Pillow does not read files of this kind"
    assert why["stray.png"] == "outside the class folders"


def test_a_class_of_a_phones_pictures_alone_says_why_none_is_read(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "IMG_1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(
        ValueError, match=r"a holds no picture that can be read \(IMG_1.heic: Pillow does not read"
    ):
        load(tmp_path)


SPLIT = {
    "train and val": (("train/cat/0.png", "val/cat/0.png"), r"load\(\"folder:.*train\", test=\"folder:.*val\"\)"),
    "Train, Test, notes": (
        ("Train/cat/0.png", "Test/cat/0.png", "notes/0.png"), r"load\(\"folder:.*Train\", test=\"folder:.*Test\"\)"
    ),
    "training alone": (("training/cat/0.png",), r"a split whose sub-folders are the classes: write load\(\"folder:"),
    "no classes": (("train/0.png", "test/0.png"), "make one sub-folder a class in each"),
}  # fmt: skip


@pytest.mark.parametrize("files, sentence", SPLIT.values(), ids=SPLIT)
def test_a_folder_of_splits_gets_the_hint(tmp_path, files, sentence):
    for file in files:
        picture(tmp_path / file)
    with pytest.raises(ValueError, match=sentence) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_class_may_be_called_train(tmp_path):
    for name in ("car", "train", "plane"):
        picture(tmp_path / name / "0.png")
    assert load(tmp_path, size=8).classes == ("car", "plane", "train")


# -- more than eight bits ---------------------------------------------------------------------------------------------


def test_deep_pictures_of_a_folder_have_one_scale_which_the_note_says(tmp_path):
    for value in (255, 256, 4095):
        deep(tmp_path / "photos" / "a" / f"{value}.png", value)
    picture(tmp_path / "photos" / "a" / "plain.png", (90, 90, 90), mode="L")
    data = load(tmp_path / "photos", size=8, test=tmp_path / "photos")
    assert by_name(data) == {"255": [16] * 3, "256": [16] * 3, "4095": [255] * 3, "plain": [90] * 3}
    assert "6 pictures of more than 8 bits: 0 is black and 4,095 white in every one" in data.note
    for row, file in enumerate(data.files):
        assert data.thumbnail(row)[0, 0].tolist() == by_name(data)[Path(file).stem]
    deep(tmp_path / "test" / "a" / "brighter.png", 60_000)
    darker = load(tmp_path / "photos", size=8, test=tmp_path / "test")
    assert by_name(darker)["4095"] == [16] * 3 and int(darker.x_test.max()) == 233
    assert darker[1:].thumbnail(1)[0, 0].tolist() == [16] * 3  # a part of the rows keeps the scale


@pytest.mark.parametrize(
    "values, dtype, expected",
    [((-1000, 0, 3000), np.int32, [0, 64, 255]), ((0.25, 0.5, 1.0), np.float32, [64, 128, 255])],
    ids=["CT numbers below 0", "fractions"],
)
def test_other_deep_pictures_have_one_scale_too(tmp_path, values, dtype, expected):
    for i, value in enumerate(values):
        deep(tmp_path / "a" / f"{i}.tif", value, dtype)
    assert [int(x[0]) for x in by_name(load(tmp_path, size=8, test=tmp_path)).values()] == expected


def test_values_that_are_not_finite_are_no_picture(tmp_path):
    deep(tmp_path / "a" / "0.tif", 0.5, np.float32)
    deep(tmp_path / "a" / "1.tif", np.nan, np.float32)
    data = load(tmp_path, size=8)
    assert len(data) == 1 and data.reasons == ("broken: it holds NaN or infinite values",)


def test_thumbnails_of_files_of_ones_own_have_one_scale(tmp_path):
    files = [deep(tmp_path / f"{v}.png", v) for v in (200, 1000, 4000)]
    data = load(torch.randn(3, 2), y=[0, 1, 0], files=files)
    assert [int(data.thumbnail(row).max()) for row in range(3)] == [12, 62, 249]


# -- pictures in memory -----------------------------------------------------------------------------------------------


class Photos(torch.utils.data.Dataset):
    def __init__(self, *pictures):
        self.pictures = pictures

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        return self.pictures[i], i % 2


def turned(color=RED):
    """A picture whose EXIF says that its left is the top."""
    made = Image.new("RGB", (10, 10), BLUE)
    made.paste(color, (0, 0, 5, 10))
    exif, out = Image.Exif(), io.BytesIO()
    exif[274] = 6
    made.save(out, "PNG", exif=exif)
    return Image.open(io.BytesIO(out.getvalue()))


PLAIN = Image.new("RGB", (10, 10), RED)
MODES = {
    "palette": (PLAIN.convert("P"), list(RED)),
    "palette with alpha": (PLAIN.convert("PA") if hasattr(Image, "PA") else PLAIN.convert("P"), list(RED)),
    "transparent": (Image.new("RGBA", (10, 10), (0, 0, 0, 0)), [255] * 3),
    "grey and alpha": (Image.new("LA", (10, 10), (0, 0)), [255] * 3),
    "CMYK": (PLAIN.convert("CMYK"), list(RED)),
    "HSV": (PLAIN.convert("HSV"), list(RED)),
    "YCbCr": (PLAIN.convert("YCbCr"), list(RED)),
    "grey": (Image.new("L", (10, 10), 70), [70]),
    "black and white": (Image.new("1", (10, 10), 1), [255]),
}


@pytest.mark.parametrize("given", ["items", "list", "test"])
@pytest.mark.parametrize("one, pixel", MODES.values(), ids=MODES)
def test_pictures_in_memory_are_what_a_person_sees(one, pixel, given):
    if given == "items":
        found = load(Photos(one, one)).x
    elif given == "list":
        found = load(([one, one], [0, 1])).x
    else:
        found = load(([one, one], [0, 1]), test=([one], [0])).x_test
    near = (found[0, :, 0, 0].int() - torch.tensor(pixel)).abs().max()
    assert found.shape[1:] == (len(pixel), 10, 10) and found.dtype == torch.uint8 and near < 4


def test_a_grey_picture_among_coloured_ones_and_one_lying_on_its_side():
    data = load(Photos(turned(), Image.new("L", (10, 10), 70)), test=Photos(Image.new("L", (10, 10), 9)))
    assert data.x[0, :, 1, 7].tolist() == list(RED) and data.x[0, :, 8, 1].tolist() == list(BLUE)
    assert data.x[1, :, 0, 0].tolist() == [70] * 3 and data.x_test[0, :, 0, 0].tolist() == [9] * 3


def test_deep_pictures_in_memory_have_one_scale_with_those_of_the_test_set():
    one, two, three = (Image.fromarray(np.full((4, 4), v, np.uint16)) for v in (100, 1000, 4000))
    data = load(Photos(one, two), test=Photos(three))
    assert [int(x.max()) for x in (*data.x, *data.x_test)] == [6, 62, 249]
    assert data.note == "3 pictures of more than 8 bits: 0 is black and 4,095 white in every one"


def broken():
    out = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(out, "PNG")
    return Image.open(io.BytesIO(out.getvalue()[:900]))


WRONG = {
    "sizes": (Photos(PLAIN, Image.new("RGB", (9, 8))), "Item 1 of the Dataset has 9 x 8 pixels, the first one 10 x 10"),
    "kinds": (Photos(PLAIN, torch.zeros(3, 10, 10)), "Item 1 of the Dataset is Tensor among pictures"),
    "nothing": (([PLAIN, None], [0, 1]), "x, picture 1, is NoneType among pictures: give pictures alone"),
    "broken": (Photos(broken()), "Item 0 of the Dataset cannot be read as a picture: .*; leave it out"),
}  # fmt: skip


@pytest.mark.parametrize("given, sentence", WRONG.values(), ids=WRONG)
def test_pictures_in_memory_that_do_not_fit_are_named(given, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        load(given)
    assert "\n" not in str(caught.value)


# -- metadata ---------------------------------------------------------------------------------------------------------


def chunk(name, data, crc=None):
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


BAD = {
    "EXIF that is none": chunk(b"eXIf", b"garbage!"),
    "a wrong checksum": chunk(b"tEXt", b"a\0b", crc=5),
    "text too large": chunk(b"zTXt", b"a\0\0" + zlib.compress(b"0" * 2_000_000)),
    "an unknown compression": chunk(b"zTXt", b"a\0\7nonsense"),
    "a short resolution": chunk(b"pHYs", b"ab"),
    "a short gamma": chunk(b"gAMA", b"a"),
    "a raw profile": chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 4\nzzzz"),
}


@pytest.mark.parametrize("where", [33, -12], ids=["before the pixels", "after them"])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_metadata_that_cannot_be_read_leaves_the_picture(tmp_path, bad, where):
    good = picture(tmp_path / "a" / "0.png", RED).read_bytes()
    (tmp_path / "a" / "0.png").write_bytes(good[:where] + bad + good[where:])
    data = load(tmp_path, size=8)
    assert by_name(data) == {"0": list(RED)} and data.note == ""
    assert data.thumbnail(0)[0, 0].tolist() == list(RED)


def test_a_jpeg_with_broken_segments_and_an_orientation_beside_broken_text(tmp_path):
    good = picture(tmp_path / "a" / "0.jpg", BLUE).read_bytes()
    (tmp_path / "a" / "0.jpg").write_bytes(good[:2] + b"\xff\xed\x00\x15Photoshop 3.0\x008BIMz" + good[2:])
    turned().save(tmp_path / "a" / "1.png", exif=turned().getexif())
    png = (tmp_path / "a" / "1.png").read_bytes()
    (tmp_path / "a" / "1.png").write_bytes(png[:33] + BAD["a wrong checksum"] + png[33:])
    data = load(tmp_path, size=10, test=tmp_path)
    assert data.note == "" and int(data.x[0, 2].min()) > 150
    assert data.x[1, :, 1, 7].tolist() == list(RED), (
        "turned as its EXIF says, though the text beside it is broken"
    )


def test_pixels_that_are_broken_stay_broken(tmp_path):
    file = tmp_path / "0.png"
    Image.effect_noise((64, 64), 90).save(file)
    file.write_bytes(file.read_bytes()[:900])
    with pytest.raises(Unreadable, match="0.png cannot be read as a picture: ") as caught:
        open_picture(file)
    assert "\n" not in str(caught.value)


# -- images= of the panel ---------------------------------------------------------------------------------------------


def shown(images, n=20):
    data, _ = loaded(Ask(name="mine", data=(torch.randn(n, 4), torch.arange(n) % 2), images=images))
    return data, Pictures(data)


@pytest.mark.parametrize("make", [str, Path])
def test_paths_that_are_missing_do_not_hide_the_pictures_that_are_there(tmp_path, make):
    paths = [make(tmp_path / f"{i}.png") for i in range(20)]
    for path in paths[12:]:
        picture(Path(path), RED)
    data, pictures = shown(paths)
    assert pictures.has_images and data.note == f"12 of 20 files missing, first {tmp_path}/0.png"
    assert (pictures.thumbnail(0) == lost()).all() and pictures.thumbnail(12)[0, 0].tolist() == list(RED)
    data, pictures = shown([None, *paths[1:]])
    assert (
        pictures.has_images
        and data.note == "12 of 20 files missing, first None" + f" (looked for in {Path.cwd()})"
    )


def test_paths_of_which_none_is_there_are_named_and_rows_keep_their_values():
    data, pictures = shown([f"wrong/{i}.png" for i in range(20)])
    assert not pictures.has_images and len(pictures.card(0)) == 3 and data.kind == "table"
    assert data.note == f"none of 20 files is there, from wrong/0.png on (looked for in {Path.cwd()})"


def test_images_may_be_pictures_in_memory_and_files_of_any_kind(tmp_path):
    _, pictures = shown([Image.new("RGB", (10, 10), RED).convert("P")] * 20)
    assert pictures.thumbnail(3)[0, 0].tolist() == list(RED)
    files = [str(tmp_path / f"{i}.jfif") for i in range(20)]
    for file in files[10:]:
        Image.new("RGB", (10, 10), BLUE).save(file, "JPEG")
    ask = Ask(name="mine", data=(torch.randn(20, 4), torch.arange(20) % 2), options={"files": files})
    assert Pictures(loaded(ask)[0]).has_images
