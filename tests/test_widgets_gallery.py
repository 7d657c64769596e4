"""The gallery: its sheet holds the pictures it names, and nothing of a label is ever HTML."""

import base64
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import widgets.kit.gallery
from widgets.kit.gallery import Cell, Gallery, Section
from widgets.kit.pictures import MAX_TILE, Pictures, data_url, lost, pack, shrink


class Shades:
    """Pictures whose shade says the row."""

    kind = "images"

    def __init__(self, height=8, width=8):
        self.shape = (height, width, 3)

    def thumbnail(self, row, size=None):
        return np.full(self.shape, row, np.uint8)


def cut(gallery, tile):
    width, height, columns = gallery.tile
    sheet = np.asarray(Image.open(io.BytesIO(gallery.sheet)))
    top, left = tile // columns * height, tile % columns * width
    return sheet[top : top + height, left : left + width]


def filled(rows, data=None, ids=None):
    gallery = Gallery()
    half = len(rows) // 2
    cells = [Cell(r, f"row {r}") for r in rows]
    gallery.show([Section([cells[:half], cells[half:]])], Pictures(data or Shades(), ids))
    return gallery


def test_each_cell_shows_its_own_row():
    gallery = filled([7, 3, 200, 3, 90])
    cells = [c for group in gallery.sections[0]["groups"] for c in group]
    assert [c["row"] for c in cells] == gallery.rows == [7, 3, 200, 3, 90]
    assert all((cut(gallery, c["tile"]) == c["row"]).all() for c in cells)
    assert len({c["tile"] for c in cells}) == 4, "a row shown twice travels once"


def test_rows_of_the_pool_are_looked_up_by_id():
    gallery = filled([0, 1], ids=np.array([50, 60]))
    assert [int(cut(gallery, t).max()) for t in (0, 1)] == [50, 60]


def test_large_pictures_are_shrunk_and_sent_as_jpeg():
    gallery = filled([100, 150], Shades(300, 200))
    assert Image.open(io.BytesIO(gallery.sheet)).format == "JPEG"
    assert gallery.tile[:2] == [64, MAX_TILE]
    assert abs(int(cut(gallery, 1)[48, 32, 0]) - 150) < 4


def test_small_pictures_keep_every_pixel():
    noise = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 3), dtype=np.uint8)
    sheet, tile = pack(list(noise))
    assert tile == [28, 28, 3]
    opened = np.asarray(Image.open(io.BytesIO(sheet)))
    assert (opened[28:56, 0:28] == noise[3]).all()
    address = data_url(noise[2])
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))
    assert address.startswith("data:image/png") and (decoded == noise[2]).all()
    assert shrink(noise[0]) is noise[0] or (shrink(noise[0]) == noise[0]).all()


def test_a_table_shows_its_values_and_no_sheet():
    table = SimpleNamespace(kind="table", x=torch.tensor([[1.0, 2.5], [3.25, -4.0]]), columns=("age", "fare"))
    gallery = Gallery()
    gallery.show([Section([[Cell(1, "row 1")]])], Pictures(table))
    assert gallery.sheet == b""
    assert gallery.sections[0]["groups"][0][0]["card"] == ["age 3.25", "fare -4"]


def test_nothing_known_of_a_row_but_its_number():
    assert Pictures(None, np.array([10, 12_345])).card(1) == ["row 12,345"]
    assert Pictures(None, np.array([10, 12_345])).thumbnail(1) is None


def test_markup_in_a_label_stays_text():
    gallery = Gallery()
    gallery.show(
        [Section([[Cell(1, "<img src=x onerror=alert(1)>")]], label="<b>bold</b>")], Pictures(Shades())
    )
    assert gallery.sections[0]["label"] == "<b>bold</b>"
    source = Path(widgets.kit.gallery.__file__).with_name("gallery.js").read_text()
    assert "insertAdjacentHTML" not in source and ".innerHTML" not in source


def test_showing_again_is_one_message(monkeypatch):
    gallery = filled([1, 2])
    sent = []
    monkeypatch.setattr(gallery, "_send", lambda message, buffers=None: sent.append(message))
    gallery.show([Section([[Cell(3, "row 3")]])], Pictures(Shades()))
    assert len(sent) == 1 and sent[0]["method"] == "update"
    assert {"sheet", "sections", "serial"} <= set(sent[0]["state"]) | {p[0] for p in sent[0]["buffer_paths"]}


def test_a_new_page_of_pictures_forgets_the_pick():
    gallery = filled([1, 2])
    gallery.picked = 2
    gallery.show([Section([[Cell(2, "row 2")]])], Pictures(Shades()))
    assert gallery.picked == -1


def test_no_rows_say_so():
    gallery = Gallery()
    gallery.show([], Pictures(Shades()), empty="No point of this class was chosen")
    assert (
        gallery.rows == [] and gallery.empty == "No point of this class was chosen" and gallery.sheet == b""
    )


@pytest.mark.parametrize("shape", [(1, 40, 3), (40, 1, 3)])
def test_odd_shapes_survive(shape):
    sheet, tile = pack([np.zeros(shape, np.uint8), np.zeros((5, 5, 3), np.uint8)])
    assert tile[0] >= 5 and tile[1] >= 5 and len(sheet) > 0


def test_names_that_are_no_files_are_cards_and_a_file_that_went_is_a_cross(tmp_path):
    names = tuple(f"tiles/{i}.tif" for i in range(20))
    shown = Pictures(SimpleNamespace(thumbnail=None, kind="images", files=names, x=torch.ones(20, 2)))
    assert not shown.has_images and shown.name(3) == "3.tif" and shown.tiles([1]) is None
    assert shown.card(3) == ["x0 1", "x1 1"]
    Image.fromarray(np.full((9, 9, 3), 7, np.uint8)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    files = tuple(str(tmp_path / f"{i}.png") for i in range(3))

    def thumbnail(row):
        return np.asarray(Image.open(files[row]).convert("RGB"))

    shown = Pictures(SimpleNamespace(thumbnail=thumbnail, kind="images", files=files))
    assert (shown.thumbnail(0) == 7).all()
    assert (shown.thumbnail(1) == lost()).all() and (shown.thumbnail(2) == lost()).all()
