"""Frames of any make: the same table; labels by their index; rows that are found again by what the frame calls them."""

import importlib.util

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from coreset_explore import Pool, Selection, fit, load, select, signals, snapshot

PLAIN = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [4, 3, 2, 1], "label": list("uvuv")})


class GeoFrame(pd.DataFrame):
    """A subclass from another package, as geopandas has."""

    @property
    def _constructor(self):
        return GeoFrame


class ToPandas:
    """What only says how it becomes a pandas frame."""

    def __init__(self, frame):
        self.frame, self.columns = frame, list(frame.columns)

    def to_pandas(self):
        return self.frame


class Protocol:
    """What only speaks the interchange protocol."""

    def __init__(self, frame):
        self.frame = pa.Table.from_pandas(frame)

    def __dataframe__(self, *args, **more):
        return self.frame.__dataframe__(*args, **more)


class Stream:
    """What only gives Arrow's stream, under names."""

    def __init__(self, frame):
        self.frame = pa.Table.from_pandas(frame)
        self.column_names = self.frame.column_names

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


MAKES = {
    "pandas": lambda df: df,
    "subclass": GeoFrame,
    "arrow": pa.Table.from_pandas,
    "a batch": pa.RecordBatch.from_pandas,
    "to_pandas": ToPandas,
    "__dataframe__": Protocol,
    "a stream": Stream,
    "pandas on arrow": lambda df: df.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda df: df.convert_dtypes(),
    "objects": lambda df: df.astype(object),
}


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_a_frame_of_any_make_is_the_same_table(make):
    data = load(make(PLAIN), y="label", test=make(PLAIN[["label", "b", "a"]][:2]))
    assert data.columns == ("a", "b") and data.classes == ("u", "v") and data.y.tolist() == [0, 1, 0, 1]
    assert data.x.tolist() == [[1, 4], [2, 3], [3, 2], [4, 1]] and data.name == "frame"
    assert data.x_test.tolist() == [[1, 4], [2, 3]] and data.y_test.tolist() == [0, 1]
    pool = Pool.of(make(PLAIN), "label")
    assert pool.emb.tolist() == data.x.tolist() and pool.classes == ("u", "v")
    assert Pool.of(make(PLAIN[["a", "b"]])).emb.tolist() == data.x.tolist()
    with pytest.raises(ValueError, match="Columns label hold no numbers: drop them, encode"):
        load(make(PLAIN))


def test_polars_frames_are_frames():
    if importlib.util.find_spec("polars") is None:
        pytest.skip("no polars here")
    import polars as pl

    frame = pl.DataFrame({"a": [1.0, 2, 3, 4], "label": list("vuvu"), "e": [[1.0, 2]] * 4})
    for one in (frame, frame.lazy()):
        data = load(one, y="label")
        assert (
            data.columns == ("a", "e[0]", "e[1]")
            and data.classes == ("u", "v")
            and data.y.tolist() == [1, 0, 1, 0]
        )
    kinds = {"string": pl.String, "Enum": pl.Enum(["w", "v", "u"]), "Categorical": pl.Categorical}
    for name, kind in kinds.items():
        classes = ("w", "v", "u") if name == "Enum" else ("u", "v")
        for data in (
            load(frame[["a"]], y=frame["label"].cast(kind)),
            load(frame[["a", "label"]].cast({"label": kind}), y="label"),
        ):
            assert data.classes == classes and [data.classes[i] for i in data.y.tolist()] == list("vuvu")
    with pytest.raises(ValueError, match="NaN or infinite values in 1 rows"):
        load(pl.DataFrame({"a": [1, None]}))
    with pytest.raises(ValueError, match="y lacks 1 labels"):
        load(pl.DataFrame({"a": [1, 2]}), y=pl.Series(["u", None]))


LABELS = {
    "dictionary": pa.array(list("uvuv")).dictionary_encode(),
    "chunked": pa.chunked_array([list("uv"), list("uv")]),
    "large": pa.array(list("uvuv"), pa.large_string()),
    "arrow's": pd.Series(list("uvuv"), dtype=pd.ArrowDtype(pa.string())),
    "arrow's dictionary": pd.Series(list("uvuv"), dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
    "an index": pd.CategoricalIndex(list("uvuv")),
}


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_labels_of_any_make(y):
    data = load(PLAIN[["a"]], y=y)
    assert data.classes == ("u", "v") and data.y.tolist() == [0, 1, 0, 1]


def test_what_gives_no_frame_is_told():
    class Broken(ToPandas):
        def to_pandas(self):
            raise RuntimeError("no connection\nat all")

    with pytest.raises(
        ValueError, match=r"The frame is a Broken that gives no pandas frame \(no connection\)"
    ):
        load(Broken(PLAIN), y="label")


# -- columns of vectors -----------------------------------------------------------------------------------------------

VECTORS = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("kind", [list, tuple, np.asarray, torch.tensor, lambda v: np.float32(v)])
def test_a_column_of_vectors_is_stacked(kind):
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "emb": [kind(v) for v in VECTORS], "label": list("uvuv")})
    data = load(frame, y="label")
    assert data.columns == ("a", "emb[0]", "emb[1]", "emb[2]")
    assert data.x.tolist() == np.c_[[1, 2, 3, 4], VECTORS].tolist()
    tested = load(frame, y="label", columns="emb", test=frame[2:])
    assert tested.x.tolist() == VECTORS.tolist() and tested.x_test.tolist() == VECTORS[2:].tolist()
    assert Pool.of(frame["emb"], frame["label"]).emb.tolist() == VECTORS.tolist()


def test_embeddings_from_a_parquet_file(tmp_path):
    fixed = pa.FixedSizeListArray.from_arrays(VECTORS.ravel(), 3)
    table = pa.table({"id": list("wxyz"), "emb": fixed, "label": list("uvuv")})
    pa.parquet.write_table(table, tmp_path / "x.parquet")
    for backend in ("numpy_nullable", "pyarrow", None):
        more = {} if backend is None else {"dtype_backend": backend}
        frame = pd.read_parquet(tmp_path / "x.parquet", **more)
        assert load(frame, y="label", columns="emb").x.tolist() == VECTORS.tolist()
    assert (
        load(pa.parquet.read_table(tmp_path / "x.parquet"), y="label", columns=["emb"]).x.tolist()
        == VECTORS.tolist()
    )


@pytest.mark.parametrize(
    "column, sentence",
    [
        (
            [[1, 2], [3], [4, 5], [6, 7]],
            r"Column 'e' of the frame has rows of different lengths, \(2,\) in row 0",
        ),
        ([[1, 2], None, [4, 5], [6, 7]], r"lacks its vector in 1 rows \(1\)"),
        ([{"x": 1}] * 4, "Column 'e' of the frame holds dictionaries"),
        ([b"\x89PNG"] * 4, "Column 'e' of the frame holds bytes"),
        ([1, None, 2, 3], r"NaN or infinite values in 1 rows \(1\), first in column 'e'"),
        (pd.period_range("2020", periods=4), "objects of type Period"),
        (pd.Categorical(["a", "b", "a", "b"]), "Columns e hold no numbers"),
    ],
)
def test_columns_that_are_no_numbers_are_said_to_be_what_they_are(column, sentence):
    frame = pd.DataFrame(
        {"a": [1.0, 2, 3, 4], "e": pd.Series(column, dtype=getattr(column, "dtype", object))}
    )
    with pytest.raises(ValueError, match=sentence):
        load(frame)


# -- an index ---------------------------------------------------------------------------------------------------------


def table(n=40, index=None):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "target": np.arange(n) % 2})
    return frame if index is None else frame.set_index(pd.Index(index))


INDEXES = {
    "a slice": lambda: table().iloc[10:40],
    "shuffled": lambda: table().sample(frac=1, random_state=0),
    "words": lambda: table(5, list("vwxyz")),
    "dates": lambda: table(9, pd.date_range("2020-01-01", periods=9)),
    "two levels": lambda: table(6).set_index(pd.MultiIndex.from_product([["s", "t"], [1, 2, 3]])),
}


@pytest.mark.parametrize("made", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("way", ["pool", "frame", "signals", "snapshot"])
def test_the_rows_are_found_again(made, way, tmp_path):
    frame = made()
    data = load(frame, y="target")
    net = fit("logistic", data, epochs=1, show=False).model
    pool = {
        "pool": lambda: Pool.of(frame, "target"),
        "frame": lambda: Pool.of(frame[["a", "b"]]),
        "signals": lambda: signals(data, model="logistic", epochs=1, show=False),
        "snapshot": lambda: snapshot(net, data),
    }[way]()
    picked = select("kcenter", pool[1:], 2, space="emb", show=False)
    assert (frame.loc[list(picked.keys)].index == frame.index[picked.ids.numpy()]).all()
    assert np.allclose(frame.loc[list(picked.keys), ["a", "b"]], data.x[picked.ids])
    assert list(picked.frame().key) == list(picked.keys) and picked[:1].keys == picked.keys[:1]
    for name in ("x.npz", "x.parquet"):
        again = Selection.load(picked.save(tmp_path / name))
        plain = tuple(key if isinstance(key, int | str | tuple) else str(key) for key in picked.keys)
        assert again.keys == plain and again.ids.tolist() == picked.ids.tolist()
    assert "key" in pd.read_csv(picked.save(tmp_path / "x.csv")).columns


def test_rows_that_a_frame_calls_by_number_need_no_keys():
    for pool in (Pool.of(table()), Pool.of(table().to_numpy()), Pool.of(table(), ids=range(40))):
        picked = select("random", pool, 3, show=False)
        assert picked.keys is None and "key" not in picked.frame().columns
    twice = pd.concat([table()] * 2)  # frame.loc would give more rows than were picked
    assert select("random", Pool.of(twice), 3, show=False).keys is None
    assert select("random", Pool.of(table().iloc[9:], ids=range(31)), 3, show=False).keys is None
    with pytest.raises(ValueError, match="keys wants one a pick, 2, and has 1"):
        Selection([1, 2], keys=("a",))


def test_held_out_and_sliced_rows_keep_their_names():
    frame = table().iloc[10:40]
    data = load(frame, y="target", test=0.3, seed=1)
    assert np.allclose(frame.loc[data.index, ["a", "b"]], data.x)
    assert np.allclose(frame.loc[data[[3, 1]].index, ["a", "b"]], data.x[[3, 1]])
    held = signals(data, model="logistic", epochs=1, holdout=0.2, show=False)
    assert np.allclose(frame.loc[held.target.keys, ["a", "b"]], data.x[held.target.ids])
    parts = Pool.join(held[:5], held[5:])
    assert parts.keys.equals(held.keys)


X = pd.DataFrame({"a": [1.0, 2, 3, 4]}, index=list("abcd"))


def test_what_stands_beside_a_frame_is_aligned_by_its_index():
    y = pd.Series(list("uuvv"), index=list("dcba"))
    risk, files = pd.Series([4, 3, 2, 1], index=list("dcba")), pd.Series(list("zyxw"), index=list("dcba"))
    data = load(X, y=y, files=files, test=(X[:2], y[3:1:-1][::-1]))
    assert data.y.tolist() == [1, 1, 0, 0] and data.files == tuple("wxyz") and data.y_test.tolist() == [1, 1]
    assert load(X, y=y.to_frame()).y.tolist() == [1, 1, 0, 0]
    assert load(X, y=y.astype("category")).y.tolist() == [1, 1, 0, 0]
    pool = Pool.of(X, y, risk=risk)
    assert pool.y.tolist() == [1, 1, 0, 0] and pool.risk.tolist() == [1, 2, 3, 4]
    assert pool[1:].add(more=risk[["d", "b", "c"]]).more.tolist() == [2, 3, 4]
    assert Pool.of(pool, y.map({"u": "a", "v": "b"})).y.tolist() == [1, 1, 0, 0]
    assert load(X, y=y.to_numpy()).y.tolist() == [0, 0, 1, 1]  # an array has no names


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(list("uuvv")),
        pd.Series(list("uuvv"), index=list("abce")),
        pd.Series(list("uuvvu"), index=list("abcde")),
        pd.Series(list("uuvv"), index=list("aabb")),
    ],
)
def test_labels_of_other_rows_are_refused(y):
    for call in (lambda: load(X, y=y), lambda: Pool.of(X, y), lambda: Pool.of(Pool.of(X), y)):
        with pytest.raises(
            ValueError, match=r"y has \d rows called .*give y.loc\[frame.index\], or y.to_numpy"
        ):
            call()
    with pytest.raises(ValueError, match="risk has"):
        Pool.of(X, risk=y.map(ord))


def test_the_labels_own_column_is_no_feature():
    frame = table()
    for y in (frame["target"], frame[["target"]], frame["target"].sample(frac=1, random_state=0), "target"):
        data = load(frame, y=y, test=frame[:5])
        assert (
            data.columns == ("a", "b") and data.y.tolist() == frame.target.tolist() and len(data.y_test) == 5
        )
        assert Pool.of(frame, y).emb.shape == (40, 2)
    assert load(frame, y=frame["target"], columns=["a", "target"]).columns == (
        "a",
        "target",
    )  # you asked for it
    for y in (frame["target"].map({0: "no", 1: "yes"}), 1 - frame["target"]):
        with pytest.raises(ValueError, match="has a column 'target' that differs from y.*drop it"):
            load(frame, y=y)
    with pytest.raises(ValueError, match="several columns called 'a'"):
        load(pd.DataFrame([[1, 2]], columns=["a", "a"]), y="a")


def test_a_column_of_sentences_is_told_to_be_embedded_and_one_of_words_to_be_encoded():
    sentences = pd.DataFrame({"text": ["no", "I liked it a lot"]})
    with pytest.raises(ValueError, match="Columns text hold no numbers: embed them, with .*TfidfVectorizer"):
        load(sentences)
    with pytest.raises(ValueError, match=r"encode them \(pandas.get_dummies\)"):
        load(pd.DataFrame({"color": ["red", "deep blue"]}))
