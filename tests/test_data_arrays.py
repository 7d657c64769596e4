"""One's own arrays, frames and Datasets: converted where it is unambiguous, else refused with what to do."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from coreset_explore.datasets import load

X = np.arange(12.0).reshape(6, 2)
WORDS = ["cat", "dog", "cat", "ant", "dog", "cat"]
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 3, 8, 9)).astype(np.uint8)


@pytest.mark.parametrize("x", [X, X.astype("f4"), X.astype(int), X.astype("f2"), X.tolist(), torch.tensor(X)])
@pytest.mark.parametrize("dtype", ["as it is", "big endian", "strided", "read-only"])
def test_two_dimensions_are_a_table(x, dtype):
    if isinstance(x, np.ndarray):
        x = {"big endian": x.astype(">f8"), "strided": x[::-1], "read-only": x.copy()}.get(dtype, x)
        x.flags.writeable = x.flags.writeable and dtype != "read-only"
    wanted = X[::-1] if dtype == "strided" and isinstance(x, np.ndarray) else X
    data = load(x)
    assert data.kind == "table" and data.x.dtype == torch.float32 and data.x.tolist() == wanted.tolist()
    assert data.y is None and data.classes == () and data.x_test is None


def test_string_labels_are_coded_with_their_classes_kept():
    for data in (
        load((X, WORDS)),
        load(X, y=np.array(WORDS)),
        load(X, y=pd.Series(WORDS)),
        load(X, y=tuple(WORDS)),
    ):
        assert data.classes == ("ant", "cat", "dog") and data.y.tolist() == [1, 2, 1, 0, 2, 1]
    mine = load(X, y=WORDS, classes=["dog", "cat", "ant", "bee"])
    assert mine.classes == ("dog", "cat", "ant", "bee") and mine.y.tolist() == [1, 0, 1, 2, 0, 1]


def test_a_categorical_keeps_its_order():
    data = load(X, y=pd.Series(WORDS, dtype=pd.CategoricalDtype(["dog", "cat", "ant", "never"])))
    assert data.classes == ("dog", "cat", "ant", "never") and data.y.tolist() == [1, 0, 1, 2, 0, 1]


def test_a_categorical_of_numbers_holds_names_not_codes():
    data = load(X, y=pd.Series([3, 1, 3, 1, 1, 3], dtype="category"))
    assert data.classes == ("1", "3") and data.y.tolist() == [1, 0, 1, 0, 0, 1]


def test_test_labels_are_coded_as_the_training_labels_were():
    data = load(X, y=[1, 3, 7, 1, 3, 7], test=(X[:2], [7, 1]))
    assert data.classes == ("1", "3", "7") and data.y_test.tolist() == [2, 0]
    with pytest.raises(ValueError, match="labels that are no class: 2; classes are 1, 3, 7"):
        load(X, y=[1, 3, 7, 1, 3, 7], test=(X[:2], [2, 1]))
    given = load(X, y=[1, 0, 0, 1, 1, 0], classes=["no", "yes"], test=(X[:2], [1, 0]))
    assert given.classes == ("no", "yes") and given.y_test.tolist() == [1, 0]


@pytest.mark.parametrize(
    "y, classes, codes",
    [
        ([0, 1, 2, 0, 1, 2], ("0", "1", "2"), [0, 1, 2, 0, 1, 2]),
        ([1, 3, 7, 1, 3, 7], ("1", "3", "7"), [0, 1, 2, 0, 1, 2]),
        ([-1, 1, -1, 1, 1, 1], ("-1", "1"), [0, 1, 0, 1, 1, 1]),
        ([1.0, 2.0, 1.0, 2.0, 1.0, 1.0], ("1", "2"), [0, 1, 0, 1, 0, 0]),
        ([True, False, True, True, True, True], ("False", "True"), [1, 0, 1, 1, 1, 1]),
        (np.array([[5], [6], [5], [5], [5], [5]]), ("5", "6"), [0, 1, 0, 0, 0, 0]),
        (torch.tensor([2, 2, 2, 2, 2, 2]), ("2",), [0] * 6),
        (np.array([3, 1, 3, 1, 1, 1], dtype=object), ("1", "3"), [1, 0, 1, 0, 0, 0]),
        (np.array([3, 1, 3, 1, 1, 1], dtype=np.uint64), ("1", "3"), [1, 0, 1, 0, 0, 0]),
    ],
)
def test_labels_of_any_kind_become_codes(y, classes, codes):
    data = load(X, y=y)
    assert data.classes == classes and data.y.tolist() == codes and data.y.dtype == torch.int64


@pytest.mark.parametrize(
    "y, more, sentence",
    [
        (WORDS[:5], {}, "5 labels for 6 rows; give one label a row"),
        ([0.5, 1, 2, 3, 4, 5], {}, "holds 0.5, no class: bin a continuous target"),
        ([np.nan, 1, 2, 3, 4, np.nan], {}, r"lacks 2 labels \(first in rows 0, 5\)"),
        (pd.Series([1, None, 2, 1, 1, 1], dtype="Int64"), {}, r"lacks 1 labels \(first in rows 1\)"),
        (pd.Series(["a", None, "b", "a", "a", "a"]), {}, r"lacks 1 labels \(first in rows 1\)"),
        (["a", None, "b", "a", "a", "a"], {}, r"lacks 1 labels \(first in rows 1\)"),
        (np.eye(6), {}, r"y has shape \(6, 6\).*argmax"),
        (WORDS, {"classes": ["cat", "dog"]}, "labels that are no class: ant; classes are cat, dog"),
        ([0, 1, 2, 3, 4, 5], {"classes": ["a", "b"]}, r"holds 0..5, but 2 classes are 0..1"),
    ],
)
def test_labels_that_make_no_sense_are_refused(y, more, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(X, y=y, **more)


def test_whole_numbers_with_classes_are_codes():
    data = load(X, y=[2, 0, 2, 0, 2, 0], classes=["a", "b", "c"])
    assert data.classes == ("a", "b", "c") and data.y.tolist() == [2, 0, 2, 0, 2, 0]  # class b is empty


@pytest.mark.parametrize(
    "x, sentence",
    [
        (np.array([[1, np.nan], [1, 2], [np.inf, 1]]), r"x: NaN or infinite features in 2 rows \(0, 2\)"),
        (np.array([[1, 2], [1e39, 2]]), "infinite features in row 1;"),  # overflows float32
        (np.array([["a", "b"]]), "holds text .*, not numbers"),
        (np.arange(3), r"shape \(3,\): a table is \(rows, features\)"),
        (np.zeros((0, 3)), "x is empty"),
        (np.zeros((3, 0)), "x is empty"),
        (np.zeros((1, 2, 3, 4, 5)), "x has shape"),
        ([[1, 2], [3]], "rows of different lengths"),
        (X.astype(complex), "complex"),
        (torch.tensor(X).to_sparse(), r"sparse tensor: give x.to_dense\(\)"),
        (scipy.sparse.csr_matrix(X), r"sparse matrix: give x.toarray\(\)"),
        (np.zeros((4, 3, 8, 3)), "could be channels-first or channels-last"),
        (np.zeros((4, 8, 8, 2)), "has neither 1 nor 3 channels"),
        (np.zeros((4, 8, 8, 4)), "has neither 1 nor 3 channels"),
        (np.random.default_rng(0).normal(size=(4, 3, 8, 8)), "neither 0..1 nor 0..255: undo a normalization"),
        (np.full((4, 8, 8), 16.0), "pixels in 16..16, neither"),
        (np.full((4, 8, 8), 300), "pixels in 300..300"),
        (np.full((4, 8, 8), np.nan), "NaN or infinite"),
    ],
)
def test_features_that_make_no_sense_are_refused(x, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        load(x)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "x",
    [
        PIXELS,
        PIXELS.transpose(0, 2, 3, 1),
        PIXELS / 255,
        (PIXELS / 255).astype("f4").transpose(0, 2, 3, 1),
        PIXELS.astype("f8"),
        PIXELS.astype(int),
        torch.tensor(PIXELS).float() / 255,
    ],
)
def test_images_come_channels_first_in_bytes(x):
    data = load(x)
    assert data.kind == "images" and data.x.dtype == torch.uint8 and data.x.is_contiguous()
    assert data.x.tolist() == PIXELS.tolist()


def test_grey_and_binary_images():
    assert load(PIXELS[:, 0]).x.tolist() == PIXELS[:, :1].tolist()
    assert set(load(PIXELS[:, 0] > 100).x.flatten().tolist()) == {0, 255}


def test_one_row_and_one_class_are_data():
    data = load(X[:1], y=["only"])
    assert len(data) == 1 and data.classes == ("only",) and repr(data) == "Data(arrays: 1 rows x 2, 1 class)"


def test_ones_own_rows_stay_whole_unless_a_test_is_asked_for():
    assert load(X, y=WORDS).x_test is None
    data = load(np.repeat(X, 10, 0), y=WORDS * 10, test=0.3, seed=2)
    assert len(data) == 42 and len(data.x_test) == 18
    assert data.x.tolist() == np.repeat(X, 10, 0)[data.truth["row"].numpy()].tolist()
    given_test = load(X, y=WORDS, test=(X[:2] + 1, ["dog", "ant"]))
    assert given_test.x_test.tolist() == (X[:2] + 1).tolist() and given_test.y_test.tolist() == [2, 0]
    for test, sentence in [
        ((X, ["cow"] * 6), "labels that are no class: cow"),
        ((X, None), "both the training and the test rows"),
        ((X[:, :1], WORDS), "test rows have shape"),
        (3, "a pair"),
        ((X, WORDS, 1), "a pair"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            load(X, y=WORDS, test=test)


def test_embeddings_with_labels_and_pictures(tmp_path):
    from PIL import Image

    paths = []
    for i in range(6):
        paths.append(tmp_path / f"{i}.png")
        Image.new("RGB", (30, 20), (i, 0, 0)).save(paths[-1])
    data = load(X, y=WORDS, files=paths)
    assert data.kind == "table" and data.files == tuple(map(str, paths))
    assert data.thumbnail(4).shape == (20, 30, 3) and data[[5, 4]].thumbnail(1, 8)[0, 0].tolist() == [4, 0, 0]
    with pytest.raises(ValueError, match="files has 2 entries for 6 rows"):
        load(X, files=paths[:2])


FRAME = pd.DataFrame(
    {"wide": [1, 2, 3], "long": [0.5, 1.5, 2.5], "kind": ["a", "b", "a"], "path": ["x", "y", "z"]}
)


def test_a_frame_keeps_its_columns_and_names_its_label():
    data = load(FRAME, y="kind", files="path")
    assert data.columns == ("wide", "long") and data.classes == ("a", "b") and data.y.tolist() == [0, 1, 0]
    assert data.x.tolist() == [[1, 0.5], [2, 1.5], [3, 2.5]] and data.files == ("x", "y", "z")
    assert load(FRAME, y="kind", columns=["long"]).columns == ("long",)
    assert load(FRAME[["wide", "long"]], y=["u", "v", "u"]).classes == ("u", "v")
    tested = load(FRAME[:2], y="kind", files="path", test=FRAME[1:])
    assert tested.x_test.tolist() == [[2, 1.5], [3, 2.5]] and tested.y_test.tolist() == [1, 0]
    nullable = FRAME[["wide"]].astype("Int64")
    assert load(nullable).x.tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    "frame, y, sentence",
    [
        (FRAME, "knd", "no column 'knd': did you mean kind"),
        (FRAME, "zzz", "it has wide, long, kind, path"),
        (FRAME, "kind", "Columns path hold no numbers"),
        (
            FRAME.assign(path=[1, np.nan, 2]),
            "kind",
            r"NaN or infinite values in 1 rows \(1\), first in column 'path'",
        ),
        (
            FRAME[["wide"]].astype("Int64").assign(wide=[1, None, 2]).convert_dtypes(),
            None,
            "first in column 'wide'",
        ),
        (FRAME[["kind"]], "kind", "x is empty"),
    ],
)
def test_frames_that_make_no_sense_are_refused(frame, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(frame, y=y)


class Pairs(torch.utils.data.Dataset):
    def __init__(self, items, classes=None):
        self.items = items
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def test_a_map_style_dataset_is_read_once():
    from PIL import Image

    tensors = torch.utils.data.TensorDataset(torch.tensor(PIXELS), torch.tensor([1, 0, 2, 1, 0, 2]))
    assert load(tensors).x.tolist() == PIXELS.tolist() and load(tensors).y.tolist() == [1, 0, 2, 1, 0, 2]
    subset = torch.utils.data.Subset(tensors, [3, 1])
    assert load(subset).x.tolist() == PIXELS[[3, 1]].tolist()
    pictures = Pairs(
        [(Image.fromarray(p.transpose(1, 2, 0)), i % 2) for i, p in enumerate(PIXELS)], ["even", "odd"]
    )
    data = load(pictures, test=pictures)
    assert data.x.tolist() == PIXELS.tolist() and data.classes == ("even", "odd") and len(data.x_test) == 6
    assert data.name == "Pairs" and load(FRAME[["wide"]]).name == "frame"
    floats = load(Pairs([(torch.tensor(p) / 255, torch.tensor(1)) for p in PIXELS]))
    assert floats.x.tolist() == PIXELS.tolist() and floats.classes == ("1",)
    assert load(Pairs(list(torch.tensor(X)))).y is None


class Items:
    """No torch Dataset by birth, but items by number."""

    def __len__(self):
        return 6

    def __getitem__(self, i):
        return X[i], WORDS[i]


def test_anything_with_items_by_number_is_a_dataset():
    assert load(Items()).classes == ("ant", "cat", "dog") and load(Items()).x.tolist() == X.tolist()


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([])


@pytest.mark.parametrize(
    "dataset, sentence",
    [
        (Stream(), "map-style"),
        (Pairs([]), "The Dataset is empty"),
        (Pairs([(torch.zeros(3), 0), (torch.zeros(4), 0)]), r"Item 1 .* shape \(4,\), item 0 \(3,\)"),
        (Pairs([(torch.zeros(3), 0, 1)]), r"Item 0 of the Dataset is no pair"),
        (Pairs([{"image": 1}]), "give one a row"),
    ],
)
def test_datasets_that_cannot_be_read_are_refused(dataset, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(dataset)


def test_a_dataset_brings_its_own_labels():
    with pytest.raises(ValueError, match="leave y out"):
        load(Items(), y=WORDS)


@settings(deadline=None, max_examples=60)
@example(np.array([[3.3e-63], [0.0]]))
@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.uint8]),
        hnp.array_shapes(min_dims=2, max_dims=4, max_side=5),
    )
)
def test_any_array_becomes_data_or_one_sentence(x):
    try:
        data = load(x)
    except ValueError as error:
        assert re.match(r"(Column \d+ of )?x\b", str(error)) and "\n" not in str(error)
    else:
        assert len(data) == len(x) and data.kind == ("table" if x.ndim == 2 else "images")
        assert data.kind == "images" or torch.isfinite(data.x).all()
