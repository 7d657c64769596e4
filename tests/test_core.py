"""Pool, gradients, Selection and progress: what they promise, and what they say to bad input."""

import functools
import json
import threading

import numpy as np
import pandas
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from coreset_explore import Cancelled, Dense, LastLayer, Missing, Pool, Selection, listening, select, track
from coreset_explore.gradients import cosine
from coreset_explore.greedy.vectors import LARGEST
from coreset_explore.machine.ram import peak_memory
from tests.pools import make

FEW = settings(max_examples=40, deadline=None, database=None)
DTYPES = st.sampled_from([np.float16, np.float32, np.float64, np.int32, np.uint8, np.bool_])


# -- Pool -------------------------------------------------------------------------------------------------------------


@FEW
@given(data=st.data(), dtype=DTYPES, n=st.integers(1, 9), d=st.integers(1, 4))
def test_any_numbers_make_a_pool_and_bad_ones_are_named(data, dtype, n, d):
    """Duplicates, empty classes, one row and one class are drawn too; a method answers for each."""
    x = data.draw(hnp.arrays(dtype, (n, d)))
    y = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    assume(not ((x != 0) & (np.abs(x) < 1e-30)).any())  # float32 takes these for zeros, and a pool says so
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(x.astype(np.float32)).all(1)
    if bad.any():
        with pytest.raises(
            ValueError, match=rf"{bad.sum()} rows of the features .* \(rows {np.flatnonzero(bad)[0]}"
        ):
            Pool.of(x, y)
        return
    pool = Pool.of(x, y)
    assert pool.emb.dtype == torch.float32 and pool.emb.shape == (n, d) and pool.y.tolist() == y
    assert sum(len(rows) for rows in pool.by_class().values()) == n  # whatever classes are empty
    ask = functools.partial(select, "kcenter", pool, n, space="emb", wrap=[("per_class", {})], show=False)
    large = float(pool.emb.double().square().sum(1).max()) / LARGEST
    assume(not 0.999 < large < 1.001)  # either answer is right there
    if large > 1:
        with pytest.raises(ValueError, match="too large to square"):
            ask()
        return
    answer = ask()  # duplicates, one row, one class
    assert sorted(answer.indices.tolist()) == list(range(n))


@FEW
@given(st.lists(st.sampled_from(["cat", "dog", "ant", "3", ""]), min_size=1, max_size=8))
def test_string_labels_are_coded_in_sorted_order(names):
    pool = Pool.of(torch.zeros(len(names), 2), names)
    assert [pool.classes[i] for i in pool.y.tolist()] == names
    assert list(pool.classes) == sorted(set(names))


@pytest.mark.parametrize(
    "y, codes, classes",
    [
        ([2, 0, 2], [2, 0, 2], "012"),  # class numbers stay: class 1 is empty
        ([2.0, 0.0, 2.0], [2, 0, 2], "012"),
        (torch.tensor([1, 0, 1], dtype=torch.uint8), [1, 0, 1], "01"),
        (np.array([-2, 10, 9]), [0, 2, 1], ("-2", "9", "10")),
        (np.array([-1, 1, -1]), [0, 1, 0], ("-1", "1")),
        ([1999, 2024, 900_000_000], [0, 1, 2], ("1999", "2024", "900000000")),
        ([True, False, True], [1, 0, 1], "01"),
        (np.array(["b", 3, "a"], dtype=object), [2, 0, 1], ("3", "a", "b")),
    ],
)
def test_labels_of_every_kind(y, codes, classes):
    pool = Pool.of(torch.zeros(3, 1), y)
    assert pool.y.tolist() == codes and pool.classes == tuple(classes) and pool.n_classes == len(classes)


X = torch.arange(6.0).reshape(3, 2)
BAD_POOLS = [
    (lambda: Pool.of(), "an empty pool"),
    (lambda: Pool.of(torch.zeros(0, 3)), "at least one row"),
    (lambda: Pool.of(torch.zeros(5)), r"shape \(n, d\), got float32 in shape \(5,\)"),
    (lambda: Pool.of(torch.zeros(2, 3, 4, 4)), "flatten images, or record features"),
    (lambda: Pool.of(torch.zeros(3, 0)), r"shape \(n, d\), got"),
    (lambda: Pool.of([["a", "b"]]), "the features, holds text .*, not numbers"),
    (lambda: Pool.of(pandas.DataFrame({"a": ["x", "y"]})), "Columns a hold no numbers"),
    (lambda: Pool.of([[1.0, float("nan")], [1, 2], [float("inf"), 0]]), r"2 rows .* \(rows 0, 2\)"),
    (lambda: Pool.of(X, [0, 1]), "'y' has 2 rows, ids have 3"),
    (lambda: Pool.of(X, [0, None, 1]), r"y lacks 1 labels \(first in rows 1\)"),
    (lambda: Pool.of(X, [0, float("nan"), 1]), r"y lacks 1 labels \(first in rows 1\)"),
    (lambda: Pool.of(X, [0.5, 1, 2]), "y holds 0.5, no class"),
    (lambda: Pool.of(X, torch.eye(3)), r"y.argmax\(1\) turns one-hot rows"),
    (lambda: Pool.of(X, ["a", "b", "c"], classes=["a", "b"]), "labels that are no class: c"),
    (lambda: Pool.of(X, [0, 1, 2], classes=["a", "b"]), "y holds 0..2, but 2 classes are 0..1"),
    (lambda: Pool.of(X, logits=torch.full((3, 2), torch.nan)), "3 rows of logits hold NaN"),
    (
        lambda: Pool.of(grads=LastLayer(torch.ones(2, 3, 2), torch.tensor([[[1.0], [2], [torch.inf]]] * 2))),
        r"1 rows of the gradients hold NaN or infinity \(rows 2\)",
    ),
    (lambda: Pool.of(X, ids=[7, 5, 7]), "ids name each row once, and 7 stands 2 times; leave ids out"),
    (lambda: Pool.of(X, ids=torch.zeros(3, 1)), r"ids, .* in one dimension, not .* \(3, 1\)"),
    (lambda: Pool.of(X, ids=[1, 2]), "ids have 2"),
    (lambda: Pool.of(Pool.of(X), [0, 1]), "'y' has 2 rows, ids have 3"),
    (lambda: LastLayer(torch.zeros(3, 2), torch.zeros(3, 4)), r"for one step pass r\[None\]"),
    (lambda: Dense(torch.zeros(3)), r"\(n, p\), got \(3,\)"),
]  # fmt: skip


@pytest.mark.parametrize("wrong, sentence", BAD_POOLS)
def test_what_makes_no_pool(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()


def test_looking_for_nan_takes_no_mask_as_large_as_the_numbers():
    """A mask of 800,000 x 64 would be 49 MB, and torch.isfinite makes a copy of the numbers beside it."""
    x = torch.zeros(64, 800_000).T
    grads = LastLayer(torch.zeros(2, 200_000, 4), torch.zeros(2, 200_000, 128))
    Pool.of(x[:9])
    with peak_memory(x.device) as peak:
        assert Pool.of(x).emb is not None
        assert Pool.of(grads=grads).grads is not None
    if peak["bytes"] is not None:
        assert peak["bytes"] < 40 << 20


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rows_that_hold_nan_are_named_wherever_they_lie(bad, dtype):
    """In the first and the last block, in any step, in columns that lie apart in memory; extras may hold it."""
    n, d = 30_000, 80
    logits = torch.zeros(d, n, dtype=dtype).T
    logits[[0, 29_999], [5, 79]] = bad
    for part in (logits, logits.contiguous()):
        with pytest.raises(ValueError, match=r"2 rows of logits .* \(rows 0, 29999\)"):
            Pool.of(logits=part)
    h = torch.zeros(2, n, d, dtype=dtype)
    h[[1, 0, 1], [7, 29_000, 7], [0, 3, 4]] = bad
    with pytest.raises(ValueError, match=r"2 rows of the gradients .* \(rows 7, 29000\)"):
        Pool.of(grads=LastLayer(torch.zeros(2, n, 3, dtype=dtype), h))
    assert len(Pool.of(torch.zeros(n, 1), distance=logits)) == n


def test_a_frame_and_a_pool_are_taken_as_they_are():
    pool = Pool.of(pandas.DataFrame({"a": [1, 2], "b": [0.5, 1]}), pandas.Series(["x", "y"]))
    assert pool.emb.tolist() == [[1, 0.5], [2, 1]] and Pool.of(pool) is pool


def test_what_is_given_beside_a_pool_takes_its_place_there():
    pool = make(20)
    labels = ["dog" if i % 2 else "cat" for i in range(20)]
    pets = ["cat", "dog", "eel"]  # the pool has logits of three classes, and two words would not say which
    other = Pool.of(pool, labels, classes=pets, info={"name": "pets"}, hardness=range(20), ids=range(40, 60))
    assert other.classes == tuple(pets) and other.y.tolist() == [i % 2 for i in range(20)]
    assert other.hardness.tolist() == list(range(20)) and other.ids.tolist() == list(range(40, 60))
    assert other.info == {"name": "pets"} and other.target is pool.target and other.emb is pool.emb
    named = Pool.of(pool, classes=["x", "y", "z"], target=other)
    assert named.classes == ("x", "y", "z") and named.y is pool.y and named.target.emb is other.emb
    assert pool.classes == ("a", "b", "c"), "the pool itself stays as it was"
    assert Pool.of(Pool.of(X), [2, 0, 1], target=pool[:0]).y.tolist() == [2, 0, 1]


def test_slicing_takes_every_field_along_and_leaves_the_target():
    pool = make(20)
    rows = torch.tensor([4, 0, 11])
    for part in (pool[rows], pool[rows.numpy()], pool[rows.tolist()]):
        assert part.ids.tolist() == pool.ids[rows].tolist() and len(part.history) == 3
        assert torch.equal(part.grads.r, pool.grads.r[:, rows]) and part.target is pool.target
    assert len(pool[pool.y == 1]) == int((pool.y == 1).sum()) and len(pool[:5]) == 5


def test_a_missing_field_says_what_is_held_and_how_to_get_it():
    pool = Pool.of(X, [0, 1, 0])
    with pytest.raises(Missing, match=r"needs 'grads', and the pool holds emb, y; .*model='logistic'"):
        pool.need("grads")
    with pytest.raises(Missing, match="holdout=0.1"):
        pool.need("target")
    with pytest.raises(Missing, match="'deepfool'.*signals"):
        pool.need("deepfool")
    with pytest.raises(AttributeError, match="no field 'embed'"):
        pool.embed  # noqa: B018


def test_the_fingerprint_sees_every_kind_of_change():
    pool = make(30)
    moved = pool.emb.clone()
    moved[17, 2] += 1e-3
    changed = [
        pool.add(emb=moved),
        pool.add(y=(pool.y + 1) % 3),
        pool[torch.arange(29, -1, -1)],
        pool.only("emb", "y"),
        pool.add(grads=LastLayer(pool.grads.r * 2, pool.grads.h)),
    ]
    assert len({p.fingerprint for p in [pool, *changed]}) == 6 and make(30).fingerprint == pool.fingerprint


# -- gradients --------------------------------------------------------------------------------------------------------


@FEW
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 99))
def test_factored_gradients_answer_as_dense_ones(n, d, c, s, seed):
    rng = torch.Generator().manual_seed(seed)
    grads = LastLayer(torch.randn(s, n, c, generator=rng), torch.randn(s, n, d, generator=rng))
    dense = Dense(grads.dense())
    rows, w = torch.randint(n, (4,), generator=rng), torch.randn(n, generator=rng)
    v = torch.randn(s, c, d + 1, generator=rng)
    near = {"rtol": 1e-4, "atol": 1e-4}
    assert dense.dim == grads.dim == dense.g.shape[1] and len(dense) == len(grads) == n
    torch.testing.assert_close(grads.gram(rows, slice(0, n)), dense.gram(rows, slice(0, n)), **near)
    torch.testing.assert_close(grads.dot(v), dense.dot(v), **near)
    torch.testing.assert_close(grads.sum().flatten(), dense.sum(), **near)
    torch.testing.assert_close(grads.sum(w).flatten(), dense.sum(w), **near)
    torch.testing.assert_close(grads.norm(), dense.norm(), **near)
    torch.testing.assert_close(cosine(grads), cosine(dense), **near)
    groups = [rows[:1], rows[1:]]
    torch.testing.assert_close(grads.sums(groups).g, dense.sums(groups).g, **near)
    torch.testing.assert_close(sum(step.gram() for step in grads.steps), grads.gram(), **near)
    assert torch.equal(grads.last.dense(), grads.steps[-1].dense())


def test_a_dense_matrix_that_does_not_fit_is_refused():
    huge = LastLayer(torch.zeros(1, 1, 1).expand(1, 10**6, 1000), torch.zeros(1, 1, 1).expand(1, 10**6, 2048))
    with pytest.raises(ValueError, match="would take 7.* GB as a dense matrix; keep them factored"):
        huge.dense()


# -- Selection --------------------------------------------------------------------------------------------------------

CHOSEN = select("gradsim", make(30), 6, wrap=[("per_class", {})], show=False)


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("answer", [CHOSEN, CHOSEN[:4], Selection.of([3, 1, 2], [0.5, -1, 3.5], name="Ünï")])
def test_a_selection_comes_back_as_it_was_saved(tmp_path, suffix, answer):
    back = Selection.load(answer.save(tmp_path / f"chosen{suffix}"))
    for name in ("indices", "weights", "gains", "score", "ids"):
        one, two = getattr(answer, name), getattr(back, name)
        assert (one is None) == (two is None) and (one is None or torch.equal(one.double(), two.double())), (
            name
        )
    assert back.info == json.loads(json.dumps(dict(answer.info)))


def test_a_table_for_people(tmp_path):
    table = pandas.read_csv(CHOSEN.save(tmp_path / "chosen.csv"))
    assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["index"].tolist() == CHOSEN.indices.tolist() and table["id"].tolist() == CHOSEN.ids.tolist()
    with pytest.raises(ValueError, match="saved as .npz, .parquet or .csv, not '.txt'"):
        CHOSEN.save(tmp_path / "chosen.txt")
    with pytest.raises(ValueError, match="loaded from .npz or .parquet"):
        Selection.load(tmp_path / "chosen.csv")


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_damaged_file_is_named(tmp_path, suffix):
    path = CHOSEN.save(tmp_path / f"chosen{suffix}")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        ValueError, match=f"chosen{suffix} is no selection that this library saved, or it is damaged"
    ):
        Selection.load(path)
    with pytest.raises(FileNotFoundError):
        Selection.load(tmp_path / f"absent{suffix}")


def test_loading_never_unpickles(tmp_path):
    np.savez(tmp_path / "trap.npz", indices=np.array([{"a": 1}], dtype=object), info=np.array("{}"))
    with pytest.raises(ValueError, match="trap.npz is no selection"):
        Selection.load(tmp_path / "trap.npz")


def test_uses_of_a_selection():
    files = [f"{i}.png" for i in range(200)]
    assert CHOSEN.names(files) == [f"{i}.png" for i in CHOSEN.ids.tolist()]
    data = torch.utils.data.TensorDataset(torch.arange(200))
    assert [int(x[0]) for x in CHOSEN.subset(data)] == CHOSEN.ids.tolist()
    mine = Selection.of([5, 2, 9], [0.0, 1.0, 0.0])
    assert set(mine.sampler(50, generator=torch.Generator())) == {1}, (
        "draws are positions of subset(), by weight"
    )
    with pytest.raises(ValueError, match="1 weights are negative, and a sampler needs chances"):
        Selection.of([1, 2], [1.0, -1.0]).sampler()


def test_a_prefix_drops_the_weights_of_the_longer_budget():
    part = CHOSEN[:2]
    assert part.indices.tolist() == CHOSEN.indices[:2].tolist() and part.weights is None
    assert part.info["prefix_of"] == 6 and part.info["k"] == 2 and part[:1].info["prefix_of"] == 6
    assert len(CHOSEN[:100]) == 6
    for wrong in (slice(1, 3), slice(0, 4, 2), 3):
        with pytest.raises(TypeError, match="cut from the front"):
            CHOSEN[wrong]


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        (lambda: Selection.of([1, 1]), "some row stands in it twice"),
        (lambda: Selection.of([1, -2]), "row numbers from 0, and row -2 was asked for"),
        (lambda: Selection.of([1, 2], [1.0]), "one value a pick, .2,., and has shape .1,."),
        (lambda: Selection.of([1, 2], [1.0, float("nan")]), "weights must be finite"),
    ],
)
def test_what_is_no_selection(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()


# -- progress ---------------------------------------------------------------------------------------------------------


def test_nested_loops_report_one_growing_fraction():
    seen: list[tuple[float, str]] = []
    with listening(lambda fraction, text: seen.append((fraction, text)), interval=0.0):
        for _ in track(range(2), "row"):
            for _ in track(range(2), "row"):  # the same label and length: told apart all the same
                break
            for _ in track(range(2), "row"):
                pass
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and 0.75 in fractions
    assert "row 2 of 2, row 1 of 2" in [text for _, text in seen]


def test_silence_costs_nothing_and_another_thread_does_not_listen():
    items = range(3)
    assert track(items, "quiet") is items
    heard = []
    with listening(should_stop=lambda: True):
        thread = threading.Thread(target=lambda: heard.extend(track(items, "elsewhere")))
        thread.start()
        thread.join()
    assert heard == [0, 1, 2]


def test_a_users_except_does_not_swallow_cancelling():
    done = []
    with pytest.raises(Cancelled), listening(should_stop=lambda: len(done) == 2):
        for i in track(range(9), "careless"):
            try:
                done.append(i)
                for _ in track(range(2), "inner"):
                    pass
            except Exception:
                done.clear()
    assert done == [0, 1]
