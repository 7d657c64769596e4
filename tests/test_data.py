"""Data verifies itself and slices whole; `load` by name knows its names; the variants keep the truth."""

import pytest
import torch

from coreset_explore.datasets import Data, duplicates, label_noise, load, longtail, names


def small(n=12, classes=("a", "b", "c"), **more):
    x = torch.arange(n * 3 * 4 * 4).remainder(251).to(torch.uint8).reshape(n, 3, 4, 4)
    fields = {
        "x": x,
        "y": torch.arange(n) % len(classes),
        "classes": classes,
        "x_test": x[:2],
        "y_test": torch.zeros(2, dtype=torch.int64),
        "kind": "images",
        "name": "small",
    }
    return Data(**{**fields, **more})


def table(n=12, **more):
    x = torch.arange(n * 2.0).reshape(n, 2)
    return small(n, x=x, x_test=x[:2], kind="table", **more)


def same(a, b):
    assert torch.equal(a.x, b.x) and torch.equal(a.y, b.y)
    assert (a.x_test is None) == (b.x_test is None)
    assert a.x_test is None or (torch.equal(a.x_test, b.x_test) and torch.equal(a.y_test, b.y_test))
    assert a.truth.keys() == b.truth.keys()
    assert all(torch.equal(a.truth[key], b.truth[key]) for key in a.truth)


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"x": torch.zeros(12, 3, 4, 4)}, r"images are uint8 .*not torch.float32 \(12, 3, 4, 4\)"),
        ({"x": torch.zeros(12, 2, 4, 4, dtype=torch.uint8)}, "1 or 3 channels, not 2"),
        ({"x": torch.zeros(0, 3, 4, 4, dtype=torch.uint8)}, "is empty"),
        ({"y": torch.zeros(11, dtype=torch.int64)}, "11 labels for 12 rows"),
        ({"y": torch.zeros(12, dtype=torch.int32)}, r"int64 \(n,\), not torch.int32"),
        ({"y": torch.full((12,), -1)}, r"holds -1..-1, but 3 classes are 0..2"),
        ({"y": torch.full((12,), 3)}, r"holds 3..3, but 3 classes"),
        ({"x_test": torch.zeros(2, 3, 5, 5, dtype=torch.uint8)}, r"test rows have shape \(3, 5, 5\)"),
        ({"y_test": torch.zeros(3, dtype=torch.int64)}, "y_test has 3 labels for 2 rows"),
        ({"x_test": None}, "y_test is given without x_test"),
        ({"files": ("one",)}, "files has 1 entries for 12 rows"),
        ({"truth": {"row": torch.arange(3)}}, r"truth\['row'\] has 3 entries"),
        ({"kind": "sound"}, "not 'sound'"),
    ],
)
def test_data_verifies_its_own_shapes(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        small(**change)


def test_a_table_names_the_rows_that_are_not_finite():
    x = torch.ones(9, 2)
    x[4, 1], x[7, 0] = float("nan"), float("inf")
    with pytest.raises(ValueError, match=r"2 rows \(4, 7\)"):
        small(9, x=x, x_test=None, y_test=None, kind="table")
    # values whose sum overflows are finite all the same
    huge = torch.full((9, 2), 3e38)
    assert len(small(9, x=huge, x_test=None, y_test=None, kind="table")) == 9


def test_columns_must_fit_the_table():
    with pytest.raises(ValueError, match="3 column names for 2 columns"):
        table(columns=("a", "b", "c"))


def test_slicing_takes_every_row_aligned_field_and_leaves_the_test_set():
    data = small(files=tuple(f"{i}.png" for i in range(12)), truth={"row": torch.arange(100, 112)})
    for rows in ([7, 2], torch.tensor([7, 2]), (7, 2), torch.tensor([-5, 2])):
        part = data[rows]
        assert torch.equal(part.x, data.x[[7, 2]]) and part.y.tolist() == [1, 2]
        assert part.files == ("7.png", "2.png") and part.truth["row"].tolist() == [107, 102]
        assert torch.equal(part.x_test, data.x_test)
    assert data[1:3].y.tolist() == [1, 2]
    assert data[data.y == 2].y.tolist() == [2] * 4
    assert len(data[5]) == 1 and [int(d.y) for d in data] == data.y.tolist()


@pytest.mark.parametrize(
    "rows, error, sentence",
    [
        ([0, 12], IndexError, "0 to 11, and row 12 was asked for"),
        ([-13], IndexError, "0 to 11"),
        ([], ValueError, "No rows"),
        ([0.5], ValueError, "whole numbers"),
        (torch.ones(11, dtype=torch.bool), ValueError, "mask"),
    ],
)
def test_rows_that_do_not_exist_are_refused(rows, error, sentence):
    with pytest.raises(error, match=sentence):
        small()[rows]


def test_repr_is_one_line_that_says_what_it_is():
    assert repr(small()) == "Data(small: 12 images 3x4x4, 3 classes, 2 for testing)"
    plain = table(y=None, y_test=None, note="12 of 99 rows")
    assert repr(plain) == "Data(small: 12 rows x 2, 2 for testing; 12 of 99 rows)"


def test_thumbnails_come_from_the_tensor():
    data = small()
    whole = data.thumbnail(3)
    assert whole.dtype == "uint8" and (torch.from_numpy(whole).permute(2, 0, 1) == data.x[3]).all()
    grown = data.thumbnail(3, 8)  # small pictures grow by whole pixels
    assert grown.shape == (8, 8, 3) and (grown[::2, ::2] == whole).all()
    grey = load("digits")
    assert (grey.thumbnail(0)[:, :, 1] == grey.x[0, 0].numpy()).all()
    with pytest.raises(ValueError, match="small is a table: it has no pictures"):
        table().thumbnail(0)
    with pytest.raises(IndexError, match="no row 12"):
        data.thumbnail(12)


def test_digits_are_scikit_learns_scaled_to_bytes():
    from sklearn.datasets import load_digits

    digits, official = load("digits"), load_digits()
    assert digits.x.dtype == torch.uint8 and digits.x.shape[1:] == (1, 8, 8) and int(digits.x.max()) == 255
    rows = digits.truth["row"]
    assert torch.equal((digits.x[:, 0] * (16 / 255)).round(), torch.from_numpy(official.images).float()[rows])
    assert digits.y.tolist() == official.target[rows].tolist()
    assert len(digits) + len(digits.x_test) == 1797 and digits.classes == tuple("0123456789")


def test_the_split_is_stratified_and_drawn_by_the_seed_alone():
    state = torch.get_rng_state()
    first, again, other = load("digits"), load("digits"), load("digits", seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    same(first, again)
    assert first.truth["row"].tolist() != other.truth["row"].tolist()
    share = torch.bincount(first.y_test) / (torch.bincount(first.y) + torch.bincount(first.y_test))
    assert ((share - 0.2).abs() < 0.01).all()
    tenth = load("digits", test=0.1)
    assert abs(len(tenth.x_test) / 1797 - 0.1) < 0.01


def test_names_are_loadable_and_an_unknown_one_gets_the_nearest():
    assert names() == ["digits", "mnist", "fashion-mnist", "cifar10", "cifar100", "covertype"]
    with pytest.raises(ValueError, match="did you mean fashion-mnist"):
        load("fashon_mnist")
    with pytest.raises(ValueError, match="did you mean cifar10 or cifar100"):
        load("CIFAR-10")
    with pytest.raises(ValueError, match="'zzz': There are digits, mnist"):
        load("zzz")


def test_a_folder_given_as_a_name_is_told_how_to_be_one(tmp_path):
    with pytest.raises(ValueError, match=r'write load\("folder:'):
        load(str(tmp_path))


@pytest.mark.parametrize(
    "call, sentence",
    [
        ({"name": "digits", "y": [1]}, "takes no y="),
        ({"name": "digits", "test_from": "data_batch_5"}, "takes no test_from="),
        ({"name": "mnist", "test": 0.2}, "official test set.* takes no test="),
        ({"name": "digits", "test": "photos"}, "test is the share of rows"),
        ({"name": "digits", "test": 1.5}, "no share of the rows"),
        ({"name": (1, 2, 3)}, "a pair"),
        ({"name": small(), "test": 0.2}, "takes no test="),
    ],
)
def test_arguments_that_do_not_apply_are_refused_not_swallowed(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(**call)


def test_a_data_is_returned_as_it_is():
    data = small()
    assert load(data) is data


def test_longtail_thins_exponentially_and_keeps_the_rows():
    digits = load("digits")
    tail = longtail(digits, ratio=10, seed=3)
    counts, before = torch.bincount(tail.y), torch.bincount(digits.y)
    wanted = [min(int(b), round(int(before.max()) * 10 ** (-c / 9))) for c, b in enumerate(before)]
    assert counts.tolist() == wanted and int(counts[-1]) == round(int(before.max()) / 10)
    same(tail, longtail(digits, ratio=10, seed=3))
    assert torch.equal(tail.truth["row"].sort().values, tail.truth["row"])
    everything = torch.cat([digits.x.flatten(1), digits.truth["row"][:, None]], 1).tolist()
    rows = {tuple(r) for r in everything}
    assert all(
        tuple(r) in rows for r in torch.cat([tail.x.flatten(1), tail.truth["row"][:, None]], 1).tolist()
    )
    assert "long tail 10:1" in tail.note
    extreme = longtail(digits, ratio=1e6)
    assert int(torch.bincount(extreme.y).min()) == 1


def test_label_noise_changes_exactly_the_stated_share():
    digits = load("digits")
    noisy = label_noise(digits, 0.3, seed=5)
    assert int(noisy.truth["is_noisy"].sum()) == round(0.3 * len(digits))
    assert torch.equal(noisy.truth["true_label"], digits.y)
    assert torch.equal(noisy.y != digits.y, noisy.truth["is_noisy"]) and torch.equal(noisy.x, digits.x)
    assert torch.equal(noisy.y_test, digits.y_test)
    wrong = (noisy.y - digits.y).remainder(10)[noisy.truth["is_noisy"]]
    assert set(wrong.tolist()) == set(range(1, 10))  # every other class is drawn
    same(noisy, label_noise(digits, 0.3, seed=5))
    assert label_noise(digits, 0.3, seed=6).y.tolist() != noisy.y.tolist()
    twice = label_noise(noisy, 0.5, seed=1)
    assert torch.equal(twice.truth["true_label"], digits.y)
    assert torch.equal(twice.truth["is_noisy"], twice.y != digits.y)


def test_duplicates_are_exact_copies_at_the_end():
    digits = load("digits")
    double = duplicates(digits, 0.25, seed=2)
    n, copied = len(digits), round(0.25 * len(digits))
    assert len(double) == n + copied and torch.equal(double.x[:n], digits.x)
    assert int(double.truth["is_duplicate"].sum()) == copied and not double.truth["is_duplicate"][:n].any()
    of = double.truth["duplicate_of"]
    assert torch.equal(double.x, digits.x[of]) and torch.equal(double.y, digits.y[of])
    assert len(set(of[n:].tolist())) == copied
    with_files = duplicates(small(files=tuple(map(str, range(12)))), 0.5)
    assert len(with_files.files) == 18


@pytest.mark.parametrize("variant", [label_noise, longtail])
def test_variants_of_labels_need_labels(variant):
    with pytest.raises(ValueError, match="has no labels"):
        variant(table(y=None, y_test=None))
    with pytest.raises(ValueError, match="has 1 class"):
        variant(small(classes=("only",)))


def test_variants_refuse_impossible_shares():
    with pytest.raises(ValueError, match="fraction=1.5"):
        label_noise(small(), 1.5)
    with pytest.raises(ValueError, match="fraction=-0.1"):
        duplicates(small(), -0.1)
    with pytest.raises(ValueError, match="ratio=0.5"):
        longtail(small(), 0.5)
