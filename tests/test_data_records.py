"""Sets whose items are mappings, and other things that people hand over: taken as they are meant, or one sentence."""

import numpy as np
import pandas
import pytest
import torch
from PIL import Image

import coreset_explore as cx
from coreset_explore import Pool, load

RNG = np.random.default_rng(0)


class Named:
    """What a set's `features` say of a label."""

    names = ["cat", "dog", "eel"]


class Records:
    """As Hugging Face's datasets.Dataset: items by number are mappings, and it gives a pandas frame."""

    def __init__(self, columns, features=None):
        self.columns, self.features = columns, features or {}
        self.column_names = list(columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, row):
        return {name: values[row] for name, values in self.columns.items()}

    def to_pandas(self):
        return pandas.DataFrame({name: list(values) for name, values in self.columns.items()})


def picture(side=8):
    return Image.fromarray(RNG.integers(0, 255, (side, side, 3), dtype="uint8"))


NUMBERS = [i % 3 for i in range(12)]


@pytest.mark.parametrize("called", ["label", "labels", "target", "fine_label"])
def test_pictures_in_records_are_pictures(called):
    data = load(
        Records({"image": [picture() for _ in NUMBERS], called: NUMBERS}, {"image": None, called: Named()})
    )
    assert data.kind == "images" and data.classes == ("cat", "dog", "eel") and data.y.tolist() == NUMBERS


def test_pictures_in_records_without_labels():
    data = load(Records({"image": [picture() for _ in NUMBERS], "caption": ["a b c"] * 12}, {"image": None}))
    assert data.y is None and len(data) == 12


def test_two_pictures_an_item_are_not_guessed_among():
    both = Records({"left": [picture()] * 3, "right": [picture()] * 3, "label": [0, 1, 2]}, {"left": None})
    with pytest.raises(ValueError, match="'left', 'right', 'label', of which 2 are pictures.*select_columns"):
        load(both)


@pytest.mark.parametrize("y", [None, "label"])
def test_embeddings_in_records_are_a_table_and_their_label_is_none_of_it(y):
    vectors = [list(row) for row in RNG.normal(size=(12, 4))]
    data = load(Records({"embedding": vectors, "label": NUMBERS}, {"embedding": None, "label": Named()}), y=y)
    assert data.x.shape == (12, 4) and data.classes == ("cat", "dog", "eel") and data.y.tolist() == NUMBERS


class Items(torch.utils.data.Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


def test_a_torch_dataset_of_mappings():
    items = Items([{"input": torch.full((5,), float(i)), "label": i % 2} for i in range(6)])
    assert load(items).x.shape == (6, 5) and load(items).y.tolist() == [0, 1, 0, 1, 0, 1]
    with pytest.raises(
        ValueError, match="Item 0 of the Dataset holds 'text', 'label', of which 0 are pictures"
    ):
        load(Items([{"text": "a b", "label": 1}]))


MISTAKES = {
    "a dictionary": (lambda: load({"x": [[1.0]], "y": [0]}), r"give a pair of what it holds"),
    "a generator": (lambda: Pool.of(row for row in [[1.0]]), r"a generator, which is read once.*give list"),
    "a map": (lambda: load(map(float, [1, 2])), "give"),
    "sentences": (
        lambda: load(["the cat sat", "dogs bark at night"]),
        r"text \('dogs bark at night'\).*embed them",
    ),
    "words": (lambda: Pool.of(np.array(["red", "blue"])), r"text \('blue'\), not numbers: encode them"),
    "a csv's path": (lambda: load("people.csv"), r'read_csv\("people.csv"\)'),
    "a parquet's path": (lambda: load("a/b.parquet", y="kind"), "takes no y=|read_parquet"),
    "an npy's path": (lambda: cx.signals("x.npy"), r'numpy\.load\("x.npy"\)'),
    "an npz's path": (lambda: load("X.NPZ"), r'found = numpy\.load\("X.NPZ"\)'),
}


@pytest.mark.parametrize("given, sentence", MISTAKES.values(), ids=MISTAKES)
def test_other_things_get_one_sentence_that_says_what_to_do(given, sentence):
    with pytest.raises(ValueError, match=sentence) as told:
        given()
    assert "\n" not in str(told.value) and len(str(told.value)) < 260
