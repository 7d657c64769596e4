"""Labels and the numbers that a model has for them: never another class's, and refused where nobody can tell."""

import unicodedata
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import ConcatDataset, Dataset, Subset, random_split

from coreset_explore import Pool, fit, load, signals, snapshot
from coreset_explore.inputs.classes import natural

rng = torch.Generator().manual_seed(0)
X, W = torch.randn(300, 12, generator=rng), torch.randn(10, 12, generator=rng)
Y = (X @ W.T).argmax(1)


def knowing(outputs: int = 10) -> nn.Linear:
    """A trained model that tells classes 0 to 9 apart without a mistake, by their numbers."""
    model = nn.utils.skip_init(nn.Linear, 12, outputs)
    with torch.no_grad():
        model.weight.zero_()[:10] = 5 * W
        model.bias.zero_()[10:] = -100
    return model


def some(*wanted: int) -> torch.Tensor:
    return torch.isin(Y, torch.tensor(wanted))


def accuracy(pool: Pool) -> float:
    return pool.info["accuracy"][0]["train"]


LABELS = {
    "whole numbers": lambda y: y,
    "an array": lambda y: y.numpy().astype("u1"),
    "floats": lambda y: y.double(),
    "words of digits": lambda y: [str(int(v)) for v in y],
    "a categorical of numbers": lambda y: pd.Series(y.numpy()).astype("category"),
    "a categorical of whole floats": lambda y: pd.Series(y.numpy().astype(object)).astype("category"),
    "objects": lambda y: np.array(y.tolist(), dtype=object),
}


@pytest.mark.parametrize("made", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("wanted", [(3, 5), (0, 9), (7,), (1, 2), (0, 1, 2, 3, 4, 5, 6, 7, 8)], ids=str)
def test_a_model_of_ten_outputs_sees_the_numbers_that_labels_were(made, wanted):
    rows = some(*wanted)
    pool = signals((X[rows], made(Y[rows])), model=knowing(), epochs=0, show=False)
    assert accuracy(pool) == 1 and pool.y.tolist() == Y[rows].tolist()
    assert pool.classes == tuple("0123456789") and pool.n_classes == 10
    whole = signals((X, Y), model=knowing(), epochs=0, show=False)
    assert torch.equal(pool.grads.r, whole.grads.r[:, rows])  # no gradient is another class's


def test_the_test_rows_and_a_snapshot_are_numbered_alike():
    rows = some(3, 5)
    data = load(X[rows], y=Y[rows], test=0.3)
    pool = signals(data, model=knowing(), epochs=0, show=False)
    assert pool.info["accuracy"][0]["test"] == 1 and set(pool.test.y.tolist()) == {3, 5}
    assert snapshot(knowing(), data).y.tolist() == pool.y.tolist()


def test_training_keeps_what_the_model_knew():
    rows = some(3, 5)
    model = knowing()
    fit(model, (X[rows], Y[rows]), epochs=1, lr=1e-6, show=False)
    assert (model(X).argmax(1) == Y).double().mean() > 0.99


@pytest.mark.parametrize(
    "y, more",
    [
        (lambda y: ["cat" if v == 3 else "dog" for v in y], {}),
        (lambda y: pd.Categorical(["cat" if v == 3 else "dog" for v in y]), {}),
        (lambda y: y + 10, {}),  # 13 and 15 are no outputs
        (lambda y: (y == 3).long(), {"classes": ["3", "5"]}),  # the number, or the name?
        (lambda y: [-2 if v == 3 else 5 for v in y], {}),
    ],
)
def test_labels_that_could_be_any_output_are_refused(y, more):
    rows = some(3, 5)
    data = load(X[rows], y=y(Y[rows]), **more)
    for call in (lambda: signals(data, model=knowing(), epochs=0), lambda: snapshot(knowing(), data)):
        with pytest.raises(
            ValueError, match=r"tells 10 classes apart.*of 2 \(.*give classes=\[…\]"
        ) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_names_for_all_outputs_settle_it():
    rows, names = some(3, 5), [f"kind {i}" for i in range(10)]
    words = [f"kind {int(v)}" for v in Y[rows]]
    pool = signals(load(X[rows], y=words, classes=names), model=knowing(), epochs=0, show=False)
    assert accuracy(pool) == 1 and pool.classes == tuple(names)


def test_as_many_outputs_as_classes_are_the_classes_in_their_order():
    rows = some(3, 5)
    pair = nn.utils.skip_init(nn.Linear, 12, 2)
    pair.weight.data, pair.bias.data = 5 * W[[3, 5]], torch.zeros(2)
    pool = signals((X[rows], Y[rows]), model=pair, epochs=0, show=False)
    assert accuracy(pool) == 1 and pool.classes == ("3", "5") and set(pool.y.tolist()) == {0, 1}


def test_a_model_that_was_trained_here_knows_its_classes_by_name():
    words = np.array(["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"])[Y]
    net = fit(knowing(), load(X, y=words), epochs=1, lr=1e-6, show=False).model
    rows = some(3, 5)
    now = snapshot(net, load(X[rows], y=words[rows.numpy()]))
    assert now.y.tolist() == Y[rows].tolist() and now.classes[3] == "dog"
    one_based = fit(knowing(), load(X, y=Y + 1), epochs=1, lr=1e-6, show=False).model
    assert snapshot(one_based, load(X[rows], y=Y[rows] + 1)).y.tolist() == Y[rows].tolist()
    with pytest.raises(ValueError, match="classes that it does not know: yak; leave their rows out"):
        snapshot(net, load(X[rows], y=["dog" if v == 3 else "yak" for v in Y[rows]]))
    fresh = fit("logistic", load(X[rows], y=words[rows.numpy()]), epochs=1, show=False).model
    fit(fresh, load(X[rows], y=["left" if v == 3 else "right" for v in Y[rows]]), epochs=1, show=False)
    assert fresh.classes == ("left", "right")  # trained on for other classes, which is nobody's mistake


def test_logits_of_ones_own_are_columns_by_number_too():
    rows, logits = some(3, 5), X @ W.T
    words = ["cat" if v == 3 else "dog" for v in Y[rows]]
    assert Pool.of(X[rows], Y[rows], logits=logits[rows]).y.tolist() == Y[rows].tolist()
    digits = Pool.of(X[rows], [str(int(v)) for v in Y[rows]], logits=logits[rows])
    assert digits.y.tolist() == Y[rows].tolist() and digits.n_classes == 10
    with pytest.raises(ValueError, match=r"tells 10 classes apart.*of 2 \(cat, dog\).*give classes"):
        Pool.of(X[rows], words, logits=logits[rows])
    with pytest.raises(ValueError, match="tell 10 classes apart, and y holds class 12"):
        Pool.of(X, Y + 3, logits=logits)


# -- names ------------------------------------------------------------------------------------------------------------


class Items(Dataset):
    def __init__(self, classes=None, label=lambda i: i % 2, **more):
        self.label = label
        if classes is not None:
            self.classes = classes
        self.__dict__.update(more)

    def __len__(self):
        return 20

    def __getitem__(self, i):
        return X[i, :4], self.label(i)


class Counting(Items):
    def classes(self):
        return 2


PETS = {0: "cat", 1: "dog"}
NAMED = {
    "list": Items(["cat", "dog"]),
    "array": Items(np.array(["cat", "dog"])),
    "bytes": Items([b"cat", b"dog"]),
    "index": Items(pd.Index(["cat", "dog"])),
    "values": Items(PETS.values()),
    "names to numbers": Items({"dog": 1, "cat": 0}),
    "numbers to names": Items({1: "dog", 0: "cat"}),
    "JSON": Items({"1": "dog", "0": "cat"}),
    "class_to_idx": Items(class_to_idx={"dog": 1, "cat": 0}),
    "both": Items(["dog", "cat"], class_to_idx={"dog": 1, "cat": 0}),
    "subset": Subset(Items(["cat", "dog"]), range(9)),
    "subset of a subset": Subset(Subset(Items(PETS), range(9)), range(8)),
    "concat": ConcatDataset([Items(["cat", "dog"]), Items(PETS)]),
    "split": random_split(Items(["cat", "dog"]), [15, 5], generator=torch.Generator().manual_seed(0))[0],
    "concat of subsets": ConcatDataset([Subset(Items(PETS), [0, 1]), Items()]),
}


@pytest.mark.parametrize("dataset", NAMED.values(), ids=NAMED)
def test_class_names_are_read_by_what_they_mean(dataset):
    data = load(dataset)
    assert data.classes == ("cat", "dog")
    assert [data.x[i].tolist() for i in range(4)] == [dataset[i][0].tolist() for i in range(4)]
    assert data.y.tolist() == [dataset[i][1] for i in range(len(dataset))]


@pytest.mark.parametrize(
    "dataset",
    [
        Items(2),
        Items(lambda: 2),
        Counting(),
        Items({1, 2}),
        Items("ab"),
        Items(object()),
        Items([]),
        Items({"a": "b"}),
    ],
)
def test_what_is_no_list_of_names_is_ignored(dataset):
    assert load(dataset).classes == ("0", "1")


def test_several_words_for_a_class_are_one_name():
    assert load(Items([("tench", "Tinca tinca"), ("goldfish",)])).classes == (
        "tench, Tinca tinca",
        "goldfish",
    )


def test_numbers_that_a_mapping_leaves_out_keep_their_number():
    data = load(Items({"cat": 1, "dog": 3}, label=lambda i: 1 + i % 2 * 2))
    assert data.classes == ("0", "cat", "2", "dog") and set(data.y.tolist()) == {1, 3}


def test_parts_that_disagree_about_a_number_are_refused():
    both = ConcatDataset([Items(["cat", "dog"]), Items(["dog", "cat"])])
    with pytest.raises(
        ValueError, match=r"parts of the ConcatDataset have other classes.*give classes=\[…\]"
    ):
        load(both)
    assert load(both, classes=["left", "right"]).classes == ("left", "right")


@pytest.mark.parametrize(
    "classes, sentence",
    [
        ("ab", r"a list of class names.*not 'ab'"),
        ({"cat", "dog"}, "a list of class names"),
        (2, "a list of class names.*not 2"),
        ({"cat": 0, "dog": 0}, "gives number 0 to 'cat' and 'dog'"),
        ({"cat": -1, "dog": 0}, "maps names to their numbers"),
        (["cat", "cat"], "holds 'cat' twice"),
    ],
)
def test_classes_that_name_nothing_are_refused(classes, sentence):
    for call in (
        lambda: load(X[:2], y=["cat", "dog"], classes=classes),
        lambda: Pool.of(X[:2], ["cat"] * 2, classes=classes),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()


def test_a_mapping_is_read_by_value_wherever_classes_are_given():
    swapped = {"dog": 1, "cat": 0}
    assert load(X[:2], y=[0, 1], classes=swapped).classes == ("cat", "dog")
    assert Pool.of(X[:2], ["dog", "cat"], classes=swapped).y.tolist() == [1, 0]
    assert Pool.of(Pool.of(X[:2], [0, 1]), classes=swapped).classes == ("cat", "dog")


@pytest.mark.parametrize(
    "names",
    [
        [str(i) for i in range(12)],
        [f"class{i}" for i in range(12)],
        [f"{i:05d}" for i in range(12)],
        [f"v1.{i}-b" for i in range(12)],
        ["Zebra", "ant", "bee"],
        ["a", "a1", "a2", "a10", "b"],
    ],
)
def test_names_are_sorted_as_a_person_sorts(names, tmp_path):
    back = names[::-1]
    assert sorted(back, key=natural) == names
    assert load(X[: len(names)], y=back).classes == tuple(names)
    for name in names:
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "x.png")
    assert load(f"folder:{tmp_path}", size=8, test=str(tmp_path)).classes == tuple(names)


# -- folders ----------------------------------------------------------------------------------------------------------


def folders(root, names, count=2):
    for i, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for j in range(count):
            Image.new("RGB", (8, 8), (20 * i,) * 3).save(root / name / f"{j}.png")
    return root


def shades(data):
    return {data.classes[label]: int(x[0, 0, 0]) for x, label in zip(data.x, data.y)}


COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def test_accents_are_one_however_a_disk_writes_them(tmp_path):
    root = folders(tmp_path / "a", [DECOMPOSED, "tea"])
    other = folders(tmp_path / "b", [COMPOSED, "tea"])
    data = load(f"folder:{root}", size=8, test=other)
    assert data.classes == (COMPOSED, "tea") and sorted(data.y_test.tolist()) == [0, 0, 1, 1]
    assert load(f"folder:{other}", size=8, test=root).classes == data.classes
    named = load(f"folder:{root}", size=8, classes=["tea", COMPOSED], test=other)
    assert shades(named) == {"tea": 20, COMPOSED: 0} and named.classes == ("tea", COMPOSED)
    folders(root, [COMPOSED])
    with pytest.raises(ValueError, match="two sub-folders called café"):
        load(f"folder:{root}", size=8)
    words = load(X[:3], y=[COMPOSED, DECOMPOSED, "tea"])
    assert words.classes == (COMPOSED, "tea") and words.y.tolist() == [0, 0, 1]


def test_classes_order_the_folders(tmp_path):
    root = folders(tmp_path, ["cat", "dog", "eel"])
    assert load(f"folder:{root}", size=8).classes == ("cat", "dog", "eel")
    for classes in (["eel", "ant", "dog", "cat"], {"cat": 3, "dog": 2, "ant": 1, "eel": 0}):
        data = load(f"folder:{root}", size=8, classes=classes)
        assert data.classes == ("eel", "ant", "dog", "cat") and shades(data) == {
            "cat": 0,
            "dog": 20,
            "eel": 40,
        }
    with pytest.raises(
        ValueError, match="sub-folders that are no class: eel; classes are cat, dog; list all"
    ):
        load(f"folder:{root}", size=8, classes=["cat", "dog"])
    with pytest.raises(ValueError, match="a list of class names"):
        load(f"folder:{root}", size=8, classes="cat")


class Grey(nn.Module):
    """Answers shade / 20: what a model that was trained on such folders has learnt."""

    def __init__(self, outputs):
        super().__init__()
        self.head = nn.utils.skip_init(nn.Linear, outputs, outputs, bias=False)
        self.head.weight.data = torch.eye(outputs)

    def forward(self, x):
        number = (x[:, 0, 0, 0] * 255 / 20).round()
        return self.head(-(number[:, None] - torch.arange(self.head.out_features)).abs())


def test_folders_are_the_outputs_that_they_name(tmp_path):
    whole = load(f"folder:{folders(tmp_path / 'whole', [str(i) for i in range(12)])}", size=8)
    assert accuracy(signals(whole, model=Grey(12), epochs=0, show=False)) == 1
    for name in ("3", "11"):
        (tmp_path / "two" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "whole" / name).rename(tmp_path / "two" / name)
    two = load(f"folder:{tmp_path / 'two'}", size=8, test=tmp_path / "two")
    pool = signals(two, model=Grey(12), epochs=0, show=False)
    assert accuracy(pool) == 1 and pool.info["accuracy"][0]["test"] == 1 and set(pool.y.tolist()) == {3, 11}
    (tmp_path / "two" / "3").rename(tmp_path / "two" / "cat")
    with pytest.raises(ValueError, match="tells 12 classes apart"):
        signals(load(f"folder:{tmp_path / 'two'}", size=8), model=Grey(12), epochs=0, show=False)


# -- labels that are none ---------------------------------------------------------------------------------------------

NONE = {
    "masked": np.ma.masked_equal([0, 1, -1, 0], -1),
    "masked words": np.ma.masked_array(["a", "b", "a", "b"], [False, False, True, False]),
    "not a time": np.array(["2020-01-01", "2021-01-01", "NaT", "2020-01-01"], dtype="datetime64[D]"),
    "not a time of pandas": pd.to_datetime(pd.Series(["2020-01-01", "2021-01-01", None, "2020-01-01"])),
    "nullable": pd.Series([0, 1, None, 0], dtype="Int64"),
    "nullable words": pd.Series(["a", "b", None, "a"], dtype="string"),
    "nullable truth": pd.Series([True, False, None, True], dtype="boolean"),
    "a category of none": pd.Categorical(["a", "b", None, "a"]),
    "objects": np.array(["a", b"b", None, "a"], dtype=object),
}


@pytest.mark.parametrize("y", NONE.values(), ids=NONE)
def test_a_row_without_a_label_is_named(y):
    for call in (load, lambda x, y: Pool.of(x, y)):
        with pytest.raises(ValueError, match=r"y lacks 1 labels \(first in rows 2\): drop those rows"):
            call(X[:4], y=y)


@pytest.mark.parametrize("mark", [-1, -100])
@pytest.mark.parametrize("make", [list, np.array, torch.tensor, lambda y: np.array(y, "f4"), pd.Series])
def test_marks_of_a_missing_label_are_no_class(mark, make):
    y = make([0, 1, mark, 2])
    for call in (
        load,
        lambda x, y: Pool.of(x, y),
        lambda x, y: load(Items(label=lambda i: [0, 1, mark, 2][i % 4])),
    ):
        with pytest.raises(
            ValueError, match=rf"y holds {mark}, which marks rows without a label, in .*first 2"
        ):
            call(X[:4], y=y)


def test_negative_numbers_that_are_classes_stay():
    assert Pool.of(X[:4], [-1, 1, 1, -1]).classes == ("-1", "1")
    assert Pool.of(X[:5], [-2, -1, 0, 1, 2]).classes == ("-2", "-1", "0", "1", "2")
    assert Pool.of(X[:3], ["-1", "0", "1"]).classes == ("-1", "0", "1")


def test_bytes_are_words():
    for y in (np.array([b"cat", b"dog", "né".encode()]), [b"cat", b"dog", "né".encode()]):
        assert load(X[:3], y=y).classes == ("cat", "dog", "né")
    with pytest.raises(ValueError, match="no UTF-8 text: decode them first"):
        load(X[:2], y=[b"\xff", b"a"])


@pytest.mark.parametrize(
    "y, sentence",
    [
        (np.array([1, "1", 2], dtype=object), "1 as a text and as a number"),
        (np.array([1e17, 2, 3]), r"holds 1e\+17, where float64 has lost the last digits"),
        (np.array([2**25 + 1, 2, 3], "f4"), "float32 has lost the last digits"),
        (np.array([1j, 2, 3]), "complex128 values, which name no class"),
        (np.array([(1, 2)] * 3, dtype=[("a", int), ("b", int)]), "which name no class"),
    ],
)
def test_labels_that_would_merge_or_mean_nothing_are_refused(y, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(X[:3], y=y)


def test_large_article_numbers_are_names():
    large = [2**63 + 1, 2**63 + 2, 7]
    for y in (np.array(large, dtype=np.uint64), np.array(large, dtype=object)):
        assert load(X[:3], y=y).classes == ("7", str(2**63 + 1), str(2**63 + 2))


def test_reading_labels_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(X[:3], y=["b", "a", "b"])
