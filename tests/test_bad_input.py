"""Inputs at the edge, which every method meets alike: a sentence for a mistake, an answer for what is merely odd."""

from decimal import Decimal

import numpy as np
import pandas
import pytest
import scipy.sparse
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from coreset_explore import (
    METHODS,
    PRESETS,
    Dense,
    LastLayer,
    Pool,
    Selection,
    accuracy_curve,
    fit,
    initial_gradients,
    load,
    project,
    reweigh,
    select,
    signals,
)
from coreset_explore.inputs.checks import nearest
from coreset_explore.measures import class_balance, coverage, gradient_error
from tests.pools import constant, make

PER_CLASS = [("per_class", {})]
DRAWN = {
    "random",
    "badge",
    "fastcore",
    "fastcore_hull",
    "stratified_lsh",
    "kmeans",
    "typiclust",
    "pbcs",
    "bcsr",
}  # by their seed
MATCHING = {"glister": {}, "gradmatch": {"against": "validation"}}


@pytest.mark.parametrize("name, params", MATCHING.items())
def test_a_class_without_validation_rows_is_named_with_what_to_do(name, params):
    pool = make(30)
    without = Pool(pool.fields, pool.classes, pool.target[pool.target.y != 1])
    with pytest.raises(ValueError, match="no validation row belongs to this group; set more rows aside"):
        select(name, without, 6, wrap=PER_CLASS, show=False, **params)


@pytest.mark.parametrize("name, params", MATCHING.items())
def test_a_target_of_another_width_is_told_both_widths(name, params):
    pool, other = make(30, d=5), make(30, d=7).target
    with pytest.raises(ValueError, match="(36 numbers|7 features|24 numbers).* (36|18|5)"):
        select(name, Pool(pool.fields, pool.classes, other), 6, show=False, **params)


@pytest.mark.parametrize("threshold", [-1.0, 1.0])
def test_equal_counts_of_similar_gradients_leave_the_mean_cosine_to_decide(threshold):
    """Above −1 all rows are neighbors of all, above 1 none is: counts are equal and say nothing."""
    pool = make(40)
    answer = select("gradsim", pool, 40, threshold=threshold, show=False)
    means = []
    for step in pool.grads.steps:
        dense = step.dense().double()
        unit = dense / dense.norm(dim=1, keepdim=True)  # some are 1e-14 long
        means.append(unit @ unit.mean(0))
    assert answer.indices.tolist() == torch.stack(means).mean(0).argsort(descending=True).tolist()


@pytest.mark.parametrize("name", sorted(set(METHODS) - DRAWN))
def test_equal_rows_are_picked_once_each_and_by_id(name):
    pool = constant(1.0, 14)
    shuffled = pool[torch.randperm(14, generator=torch.Generator().manual_seed(1))]
    answer = select(name, shuffled, 14, show=False)
    assert len(answer.indices.unique()) == len(answer)
    assert answer.ids.tolist() == sorted(answer.ids.tolist()) and (not len(answer) or answer.ids[0] == 0)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_pairs_of_equal_rows_never_give_one_row_twice(name):
    pool = make(30)[torch.arange(30).repeat(2)]
    pool = Pool({**pool.fields, "ids": torch.arange(60)}, pool.classes, pool.target)
    for k in (20, 60):
        answer = select(name, pool, k, show=False)
        assert len(answer.indices.unique()) == len(answer) and (len(answer) == k or answer.info["stopped"])


@pytest.mark.parametrize("name", sorted(METHODS))
def test_gradients_and_features_of_zeros_give_every_row_or_a_reason(name):
    pool = constant(0.0, 14)
    for k in (1, 14):
        answer = select(name, pool, k, show=False)
        assert len(answer) == k or (len(answer) < k and len(answer.info["stopped"]) > 10)
        assert answer.weights is None or torch.isfinite(answer.weights).all()


@pytest.mark.parametrize("name", ["fastcore", "craig_pq"])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_fewer_rows_than_codewords(name, rows):
    pool = Pool.of(torch.randn(rows, 8, generator=torch.Generator().manual_seed(0)))
    more = {"bound": "true"} if name == "fastcore" else {}
    answer = select(name, pool, rows, centroids=256, show=False, **more)
    assert sorted(answer.indices.tolist()) == list(range(rows)) and float(answer.weights.sum()) == rows


def test_gradients_that_do_not_belong_to_the_features_are_told_apart():
    with pytest.raises(ValueError, match=r"LastLayer wants r \(steps, n, classes\)"):
        LastLayer(torch.zeros(1, 4, 3), torch.zeros(1, 5, 2))
    with pytest.raises(
        ValueError, match="True or False, not Tensor; what the bias holds makes no difference"
    ):
        LastLayer(torch.zeros(1, 4, 3), torch.zeros(1, 4, 2), torch.zeros(3))
    with pytest.raises(ValueError, match=r"one row a gradient, \(n, p\)"):
        Dense(torch.zeros(4))


# -- what is passed to a call: (call, what came, what to do or what was expected) -------------------------------------

POOL = make(60)
X, Y = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32), [0, 1, 2] * 20
DATA = load((X, Y))
FRAME = pandas.DataFrame({"a": [1.0, 2, 3], "b": [4.0, 5, 6], "l": ["u", "v", "u"]})
MASK = torch.arange(60) < 4
WORDED = X.astype(object)
WORDED[7, 2] = "a"
OBJECTS = np.empty(2, dtype=object)
OBJECTS[:] = [Image.new("L", (2, 2)), Image.new("L", (3, 3))]
RAGGED, HOLED = np.empty(2, dtype=object), np.empty(2, dtype=object)
RAGGED[:], HOLED[:] = [np.zeros(3), np.zeros(2)], [np.zeros(3), None]
SECONDS = np.stack([np.arange(300) % 7, 1_700_000_000 + np.arange(300.0)], 1)
ODD = np.r_[0, 1_700_000_000.5 + np.arange(300)][:, None]


class Masked(nn.Module):
    """A module that asks for more than rows."""

    def forward(self, x, mask):
        return x * mask


class Items(torch.utils.data.Dataset):
    """A map-style Dataset of given items."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def chosen(method="random", pool=POOL, k=5, **more):
    return select(method, pool, k, show=False, **more)


def curve(methods=("kcenter",), budgets=(6,), **more):
    return accuracy_curve(POOL, methods, budgets, show=False, **more)


def aimed(**held):
    """A pool whose validation rows hold only this."""
    return Pool(POOL.fields, POOL.classes, Pool.of(X, **held))


WRONG = {
    "test frame of other columns": (
        lambda: load(FRAME, y="l", test=pandas.DataFrame({"c": [10.0], "z": [1.0], "l": ["u"]})),
        "The test frame has no column 'a', 'b'", "it has c, z, l",
    ),
    "schedule": (lambda: fit("mlp", DATA, schedule="linear"), "not 'linear'", "'cosine', 'constant'"),
    "augment": (lambda: fit("mlp", DATA, augment="rotate"), "not 'rotate'", "None, 'crop', 'crop.flip'"),
    "recipe's schedule": (
        lambda: signals(DATA, recipe={"schedule": "cosin"}), "not 'cosin'", "did you mean 'cosine'"
    ),
    "recipe's name": (lambda: signals(DATA, recipe={"shedule": 1}), "'shedule'", "did you mean 'schedule'"),
    "recipe list": (lambda: signals(DATA, recipe=["lr"]), r"\['lr'\]", "a dictionary of arguments for fit"),
    "recipe of a curve": (
        lambda: curve(data=load("digits"), model="mlp", recipe={"rate": 1}), "'rate'", "it takes batch_size"
    ),
    "lr": (lambda: fit("mlp", DATA, lr=-1), "not -1", "lr is a number from 0"),
    "lr text": (lambda: signals(DATA, recipe={"lr": "a"}), "not 'a'", "lr is a number from 0"),
    "test_every": (lambda: fit("mlp", DATA, test_every=-1), "not -1", "a whole number from 0"),
    "epochs": (lambda: fit("mlp", DATA, epochs=1.5), "not 1.5", "a whole number from 1"),
    "rows mask": (lambda: Selection.of(torch.tensor([True, False])), "not a mask", r"give mask.nonzero\(\)"),
    "rows fractions": (lambda: Selection.of([1.7, 2.2]), r"not \[1.7, 2.2\]", "whole numbers"),
    "rows text": (lambda: Selection.of("abc"), "not 'abc'", "a list of row numbers from 0"),
    "weights column": (lambda: Selection.of([1, 2], torch.ones(2, 1)), r"\(2, 1\)", "one value a pick"),
    "weights text": (lambda: Selection.of([1, 2], ["a", "b"]), "not numbers", "give one a pick"),
    "sampler of zeros": (lambda: Selection.of([1, 2], [0.0, 0.0]).sampler(), "no pick", "give weights above 0"),
    "sampler of none": (lambda: Selection.of([1, 2]).sampler(0), "not 0", "a whole number from 1"),
    "names": (lambda: Selection.of([1, 2]).names(["a"]), "names 1 rows", "give the whole list"),
    "given fraction": (lambda: chosen(given=[1.5]), r"not \[1.5\]", "row numbers from 0 to 59"),
    "given text": (lambda: chosen(given=["a"]), r"not \['a'\]", "row numbers from 0 to 59"),
    "given all": (lambda: chosen(given=range(60)), "given names all 60", "give fewer"),
    "an empty pool": (lambda: chosen(pool=POOL[[]]), "the pool is empty", "give it some"),
    "subset fraction": (lambda: fit("mlp", DATA, [0.5, 1.7]), r"not \[0.5, 1.7\]", "whole numbers"),
    "subset mask": (lambda: fit("mlp", DATA, MASK[:9]), "a mask of 9 rows", "there are 60; give one entry"),
    "seed None": (lambda: chosen(seed=None), "not None", "seed is a whole number"),
    "seed text": (lambda: signals(DATA, seed="x"), "not 'x'", "seed is a whole number"),
    "budget True": (lambda: chosen(k=True), "got True", r"a count \(600\) or a share"),
    "capitals": (lambda: chosen("KCENTER"), "'KCENTER'", "did you mean 'kcenter' or 'k-center'"),
    "no name": (lambda: chosen(None), "None names no method", "there are aum"),
    "a list of names": (lambda: chosen(["craig"]), r"\['craig'\] names no method", "there are"),
    "preset": (lambda: PRESETS["CRAGI"], "'CRAGI'", "did you mean 'CRAIG'"),
    "curve's preset": (lambda: curve(["CRAGI"]), "'CRAGI'", "did you mean 'craig' or 'CRAIG'"),
    "curve's rows": (lambda: curve({"mine": [1, 2]}), r"not \[1, 2\]", r"Selection.of\(rows\)"),
    "curve's list": (lambda: curve([["craig"]]), r"not \['craig'\]", "a paper's"),
    "curve of nothing": (lambda: curve(None), "not None", "a list of them"),
    "curve's seeds": (lambda: curve(seeds=None), "not None", "a number or a list"),
    "curve's budgets": (lambda: curve(budgets="6"), "not '6'", "a number or a list"),
    "wrap number": (lambda: chosen(wrap=5), "not 5", r"a list of \(.name., .options.\)"),
    "wrap numbers": (lambda: chosen(wrap=[5]), "not 5", "wrap is a name"),
    "pick number": (lambda: chosen("entropy", pick=5), "not 5", "pick is a name"),
    "per_batch outside": (
        lambda: chosen("gradmatch", wrap=["per_class", "per_batch"]),
        "per_batch around per_class", r"write wrap=\[.per_batch., .per_class.\]",
    ),
    "own_class twice": (
        lambda: chosen("gradmatch", wrap=[("per_class", {"view": "own_class"})] * 2), "own_class", "once"
    ),
    "grads tensor": (lambda: Pool.of(X, grads=torch.ones(60, 4)), "not Tensor", r"Dense\(g\)"),
    "logits flat": (lambda: Pool.of(X, logits=torch.ones(60)), r"got shape \(60,\)", r"\(n, classes\)"),
    "history": (lambda: Pool.of(X, history={"a": 1}), "not {'a': 1}", r"a History\("),
    "target": (lambda: Pool.of(X, target=3), "not 3", r"Pool.of\(X, y\) makes one"),
    "an extra of a taken name": (lambda: Pool.of(X, index=Y), "has a 'index' of its own", "another name"),
    "an empty frame": (lambda: load(FRAME[["a"]][:0]), "x is empty", "at least one row"),
    "ids": (lambda: Pool.of(X, ids=["a"] * 60), "'a', 'a'", "number in the original dataset"),
    "sparse": (lambda: Pool.of(torch.eye(3).to_sparse()), "a sparse tensor", r"give x.to_dense\(\)"),
    "objects": (lambda: Pool.of(WORDED), r"holds text \('a'\), not numbers", "first in row 7"),
    "objects without a number": (lambda: Pool.of([[1, None], [2, 3]]), "1 rows of the features hold NaN", "rows 0"),
    "bytes": (lambda: Pool.of(np.array([[b"\x89PNG"]], dtype=object)), "holds bytes", "decode them first"),
    "dictionaries": (lambda: Pool.of([{"a": 1}, {"a": 2}]), "holds dictionaries", "make each key a column"),
    "dates": (lambda: Pool.of([[pandas.Timestamp(0)]]), "holds dates", "seconds from the first"),
    "numpy's dates": (lambda: Pool.of(np.zeros((2, 1), "M8[s]")), "datetime64.s. values", "seconds from the first"),
    "a column of dates": (lambda: load(FRAME.assign(when=pandas.Timestamp(0)), y="l"), "'when' .* dates", "seconds"),
    "records": (lambda: Pool.of(np.zeros(2, [("a", "f4"), ("b", "f4")])), "records of a, b", r"pandas.DataFrame\(x\)"),
    "pictures as objects": (lambda: Pool.of(OBJECTS), "holds pictures", "make them one array"),
    "other objects": (lambda: Pool.of([[slice(3)]]), "objects of type slice", "numbers that they stand for"),
    "vectors of two lengths": (lambda: Pool.of(RAGGED), r"\(3,\) in row 0 and \(2,\) in row 1", "of one length"),
    "a vector that is missing": (lambda: Pool.of(HOLED), "lacks its vector in 1 rows", "drop or fill"),
    "masked features": (lambda: Pool.of(np.ma.masked_less(X, -2)), "X, the features, has masked", "drop those rows"),
    "masked items": (lambda: load(Items((np.ma.masked_equal([1, 2], 2), 0))), "Item 0 .* masked", "fill them"),
    "masked extra": (lambda: POOL.add(risk=np.ma.masked_equal(Y, 2)), "risk has masked .* 20 rows", "2, 5, 8"),
    "masked rows": (lambda: POOL[np.ma.masked_equal([1, 2], 2)], "masked values", r"rows \(1\)"),
    "masked weights": (lambda: Selection.of([1, 2], np.ma.masked_equal([1, 2], 2)), "weights has masked", "fill"),
    "masked test rows": (lambda: load(X, y=Y, test=(np.ma.masked_less(X, -2), Y)), "the test set has masked", "fill"),
    "seconds of a day": (lambda: Pool.of(SECONDS), "Column 1 of the features .*300 .* become 3", "mean off first"),
    "seconds of a frame": (lambda: load(pandas.DataFrame(SECONDS, columns=["a", "t"])), "Column 't'", "mean off first"),
    "long numbers": (lambda: load(torch.arange(9)[:, None] + 2**60), "Column 0 of x", "mean off first"),
    "places in a street": (lambda: load(52.52 + 1e-5 * X[:, :1].astype(float)), "Column 0 of x", "mean off first"),
    "tiny numbers": (lambda: load(1e-60 * X.astype(float)), "Column 0 of x", "divide by its spread"),
    "one odd row among seconds": (lambda: load(ODD), "Column 0 of x", "mean off first"),
    "words": (lambda: Pool.of(FRAME), "Columns l hold no numbers", "pass the label column as y"),
    "dataset's name": (lambda: chosen(pool="digits"), "got 'digits'", r"signals\(data\)"),
    "data": (lambda: chosen(pool=DATA), "got Data", r"signals\(data\)"),
    "pair": (lambda: chosen(pool=(X, Y)), "got a pair", r"Pool.of\(X, y\)"),
    "one row": (lambda: POOL[5], "not 5 alone", r"give \[5\]"),
    "field": (lambda: POOL["emb"], "not 'emb'", r"pool.need\('emb'\)"),
    "pool's mask": (lambda: POOL[MASK[:9]], "a mask of 9 rows", "there are 60; give one entry"),
    "field of one number": (lambda: POOL.add(z=3.0), r"got shape \(\)", "one entry a row"),
    "target without labels": (
        lambda: chosen("glister", aimed(grads=POOL.grads)), "needs 'y', and the target", "y=..."
    ),
    "target without gradients": (
        lambda: chosen("gradmatch", aimed(y=Y), against="validation"), "needs 'grads', and the target", "grads="
    ),
    "target of as many numbers": (
        lambda: chosen("gradmatch", Pool(POOL.fields, (), make(30, d=8, c=2).target), against="validation"),
        r"\(1, 2, 9\)", "match gradients of one model",
    ),
    "reweigh a list": (lambda: reweigh(POOL, [1, 2]), r"not \[1, 2\]", r"Selection.of\(rows\)"),
    "reweigh another pool's": (
        lambda: reweigh(POOL, chosen("kcenter", make(99), 99, space="emb")), "row 98", "has 60 rows; give the pool"
    ),
    "coverage of a list": (lambda: coverage(POOL, [1, 2]), r"not \[1, 2\]", r"Selection.of\(rows\)"),
    "gradient error of rows that are not there": (
        lambda: gradient_error(POOL, Selection.of([3, 60])), "row 60", "has 60 rows; give the pool"
    ),
    "classes of a list": (lambda: class_balance(POOL, [1, 2]), r"not \[1, 2\]", r"Selection.of\(rows\)"),
    "signals of a pool": (lambda: signals(POOL), "a Pool is what they record", r"\(pool.emb, pool.y\)"),
    "fit a pool": (lambda: fit("logistic", POOL), "a Pool is what they record", r"\(pool.emb, pool.y\)"),
    "checkpoints number": (lambda: signals(DATA, checkpoints=2), "not 2", "a list of epochs from 0 to 5"),
    "checkpoints text": (lambda: signals(DATA, checkpoints=["a"]), r"not \['a'\]", "epochs from 0 to 5"),
    "holdout": (lambda: signals(DATA, holdout="0.1"), "not '0.1'", "a number from 0"),
    "extras": (lambda: signals(DATA, extras=5), "not 5", "extras is a list"),
    "device": (lambda: signals(DATA, device="gpu"), "device='gpu'", "write 'cpu', or 'auto'"),
    "how": (lambda: initial_gradients(DATA, how="projekted"), "not 'projekted'", "did you mean 'projected'"),
    "limit": (lambda: project(POOL, "umap", limit=0), "not 0", "a whole number from 8"),
    "perplexity": (lambda: project(POOL, "tsne", perplexity=0), "not 0", "a number from 1"),
    "perplexity text": (lambda: project(POOL, "tsne", perplexity="a"), "not 'a'", "a number from 1"),
    "model of more arguments": (
        lambda: signals(DATA, model=Masked(), epochs=0), "missing 1 required .*'mask'", r"whose forward\(x\) gives it"
    ),
    "model in half precision": (
        lambda: signals(DATA, model=nn.utils.skip_init(nn.Linear, 4, 3).half()), "weights of float16", "model.float"
    ),
    "model that ends in nothing known": (
        lambda: fit(nn.Flatten(), DATA), r"returns a tensor of shape \(1, 4\)", "must end in a Linear layer"
    ),
    "pictures and none": (
        lambda: load([Image.new("L", (4, 4)), None]), "picture 1, is NoneType", "give pictures alone"
    ),
    "pictures of two sizes": (
        lambda: load([Image.new("L", (4, 4)), Image.new("L", (5, 4))]), "5 x 4 pixels", "a transform that makes all"
    ),
    "load nothing": (lambda: load(None), "not None", "a dataset's name"),
    "load a dictionary": (lambda: load({"a": 1}), "not {'a': 1}", "give a pair of what it holds"),
    "load a loader": (lambda: load(DataLoader(Items((X[0], 0)))), "a DataLoader", "the Dataset it draws from"),
    "load a pool": (lambda: load(POOL), "not Pool", r"give \(pool.emb, pool.y\)"),
    "features of gradients": (lambda: chosen(pool=POOL.grads), "got gradients", r"Pool.of\(grads=…\)"),
    "features too large": (
        lambda: chosen("kcenter", Pool.of(torch.full((3, 2), 2.0**63)), 1), "3 rows", "mend or drop them first"
    ),
    "ragged labels": (lambda: Pool.of(X[:2], [[0], [1, 2]]), "several lengths", "one label a row"),
    "sparse labels": (lambda: Pool.of(X[:2], torch.eye(2).to_sparse()), "a sparse tensor", "to_dense"),
    "label vectors": (lambda: load(Items((X[0], torch.ones(3)))), r"float32 \(3,\) as its label", "one label an item"),
    "items of text": (lambda: load(Items(("abc", 0))), "Item 0 of the Dataset holds 'abc'", "not numbers"),
    "items of nothing": (lambda: load(Items((None, 0))), "Item 0 of the Dataset holds None", "not numbers"),
    "no such column": (lambda: load(FRAME, y=7), "no column 7", "it has a, b, l"),
    "test_from": (lambda: load("cifar10", test_from=5), "not 5", "data_batch_5"),
    "size": (lambda: load("folder:here", size="8"), "not '8'", "a whole number from 1 to 1024"),
    "a module in info": (
        lambda: Selection([1], info={"by": {"net": nn.Linear(1, 1)}}).save("x.npz"),
        r'info\["by"\]\["net"\] is .*Linear', "give numbers, text, lists or dictionaries",
    ),
    "infinity in info": (
        lambda: Selection([1], info={"a": [np.inf]}).save("x.npz"), r'info\["a"\]\[0\] is infinite', "give a number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("call, came, wanted", WRONG.values(), ids=WRONG)
def test_a_mistake_is_one_sentence_that_says_what_came_and_what_to_do(call, came, wanted):
    with pytest.raises(ValueError, match=f"(?s)(?=.*{came})(?=.*{wanted})") as caught:
        call()
    assert "\n" not in str(caught.value)


def test_no_gpu_is_said_where_there_is_none():
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device='cuda' is none that torch can use here"):
            fit("mlp", DATA, device="cuda")


def test_a_saved_file_with_other_provenance_is_no_selection(tmp_path):
    np.savez(tmp_path / "x.npz", info=np.array("[1, 2]"), indices=np.array([1, 2]))
    with pytest.raises(ValueError, match=r"x.npz is no selection .* info is a dictionary .* not \[1, 2\]"):
        Selection.load(tmp_path / "x.npz")


def test_a_test_frames_columns_are_taken_by_name():
    held = pandas.DataFrame({"b": [10.0], "a": [1.0], "l": ["u"]})
    assert load(FRAME, y="l", test=held).x_test.tolist() == [[1, 10]]
    assert load(FRAME, y="l", test=(held[["b", "a"]], ["u"])).x_test.tolist() == [[1, 10]]
    numbered = pandas.DataFrame({0: ["u", "v"], 1: [1.0, 2.0]})
    assert load(numbered, y=0).y.tolist() == [0, 1]


def test_numbers_of_every_make_are_numbers():
    assert len(chosen(k=np.int64(5), seed=np.int64(3))) == len(chosen(k=torch.tensor(5))) == 5
    assert chosen(k=np.float32(0.1)).info["asked"] == 6
    assert chosen("gradsim", threshold=np.float32(0.5)).info["params"]["threshold"] == 0.5
    assert fit("logistic", DATA, epochs=np.int64(1), lr=np.float32(0.5), show=False).info["lr"] == 0.5
    frame = curve("CRAIG", np.array([6, 9]), seeds=np.int64(2))
    assert (
        set(frame.method) == {"CRAIG", "Random"} and set(frame.budget) == {6, 9} and set(frame.seed) == {0, 1}
    )
    assert set(curve(budgets=6).budget) == {6}


def test_rows_come_as_a_mask_a_selection_or_a_series():
    for given in (MASK, MASK.numpy(), [0, 1, 2, 3], {0, 1, 2, 3}, Selection.of([3, 2, 1, 0])):
        assert min(chosen(k=56, given=given).indices.tolist()) == 4
    assert POOL[MASK].ids.tolist() == POOL[:4].ids.tolist() and POOL[[-1]].ids == POOL.ids[-1]
    assert Selection.of(pandas.Series([3, 1])).indices.tolist() == [3, 1]
    assert fit("logistic", DATA, MASK, epochs=1, show=False).info["rows"] == 4


@pytest.mark.parametrize(
    "wrap", ["per_class", ["per_class"], ("per_class", {}), [("per_class", {})]], ids=str
)
def test_a_combinator_is_named_alone_or_with_options(wrap):
    assert chosen(wrap=wrap).info["wrap"] == [["per_class", {}]]
    assert chosen(wrap=None).info["wrap"] == []


@pytest.mark.parametrize("pick", ["ccs", ["ccs"], ("ccs", {}), ["ccs", {}]], ids=str)
def test_a_picker_is_named_alone_or_with_options(pick):
    assert chosen("entropy", pick=pick).info["pick"] == ["ccs", {}]


def test_a_preset_brings_its_combinators_and_picker_which_yours_replace():
    plain = chosen("craig", wrap=["per_class"])
    for preset in ("CRAIG", PRESETS["CRAIG"]):
        assert chosen(preset).indices.tolist() == plain.indices.tolist()
        assert (
            chosen(preset, wrap=[]).info["wrap"] == [] and chosen(preset, space="emb").info["space"] == "emb"
        )
    assert chosen("CCS").info["pick"] == ["ccs", {}] and chosen("CCS", pick="top").info["pick"] == ["top", {}]


def test_a_method_among_the_options_is_saved_by_its_name(tmp_path):
    staged = chosen("kcenter", wrap=[("two_stage", {"first": METHODS["random"]})])
    again = Selection.load(staged.save(tmp_path / "x.npz"))
    assert again.info["wrap"] == [["two_stage", {"first": "random"}]]


def test_arrays_of_every_make_are_features():
    plain = Pool.of(X).emb
    vectors = np.empty(60, dtype=object)
    vectors[:] = [tuple(row) if i % 2 else row for i, row in enumerate(X)]
    alike = (
        X[::-1][::-1], X.astype(">f4"), torch.tensor(X, requires_grad=True), pandas.DataFrame(X), X.astype(object),
        vectors, list(torch.tensor(X)), np.ma.masked_equal(X, 1e9), np.vectorize(Decimal)(X.astype(float)),
    )  # fmt: skip
    for other in alike:
        assert torch.equal(Pool.of(other).emb, plain)
    tracked = Pool.of(X, Y, logits=torch.tensor(X, requires_grad=True))
    assert len(chosen("kcenter", tracked, space="emb")) == len(chosen("entropy", tracked)) == 5


SQUARE = np.eye(60)


@pytest.mark.parametrize(
    "given, sentence",
    [
        (SQUARE[:, :9], r"similarity is square, .* got shape \(60, 9\)"),
        (SQUARE[:9, :9], "pool field 'similarity' has 9 rows, ids have 60"),
        (
            np.where(SQUARE > 0, np.nan, 0),
            r"60 rows of similarity hold .* \(0, 1, 2, 3, 4, …\); mend or drop",
        ),
        (scipy.sparse.eye_array(60, 9), "similarity is square"),
        (scipy.sparse.eye_array(60) * np.inf, "60 rows of similarity hold NaN, infinity"),
        (pandas.DataFrame(SQUARE).astype(str), "similarity holds text"),
        ("cosine", "similarity holds 'cosine', not numbers"),
    ],
)
def test_similarities_that_are_none_are_told_so(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        Pool.of(X, similarity=given)


@pytest.mark.parametrize("name", ["k center", "K-Center", "k_center", "KCENTER", "kcentre"])
def test_names_are_compared_as_they_are_read(name):
    assert nearest(name, ["entropy", "kcenter", "kmeans"])[0] == "kcenter"


@pytest.mark.parametrize("space", ["emb", "grads"])
@pytest.mark.parametrize("name", ["herding", "kcenter", "uniqueness", "cal", "gradsim"])
def test_numbers_too_large_to_square_are_refused_alike(name, space):
    """Squared they are infinite: distances all 0 or infinite say nothing, and no argmin is to be tried on them."""
    pool = make(60)
    grads = LastLayer(pool.grads.r, pool.grads.h * 1e25)
    pool = pool.add(emb=pool.emb * 1e25, grads=grads)
    params = {"space": space} if name in ("herding", "kcenter") else {}
    params |= {"metric": "euclidean"} if name == "uniqueness" else {}
    with pytest.raises(ValueError, match="60 rows hold NaN, infinity or values too large to square"):
        select(name, pool, 9, show=False, **params)


def test_directions_of_large_numbers_are_those_of_small_ones():
    """Cosines need no square of a length: features of 1e25 rank and are picked as the same features divided by it."""
    pool = make(60)
    large = pool.add(emb=pool.emb * 2.0**83)
    for name, params in (
        ("uniqueness", {"metric": "cosine"}),
        ("herding", {"normalize": True}),
        ("kcenter", {"metric": "cosine"}),
    ):
        one, two = (select(name, p, 20, show=False, **params) for p in (pool, large))
        assert one.indices.tolist() == two.indices.tolist()
        assert one.score is None or torch.allclose(one.score, two.score)


@pytest.mark.parametrize(
    "column",
    [
        1_700_000_000 + 3600.0 * np.arange(8760),  # the hours of a year
        np.arange(8760) + 2**23,
        np.full(8760, 0.1),
        1e9 + 1e-7 * (np.arange(8760) % 2),  # one value, and the last digits of a sum
        101_325 + 100 * np.sin(np.arange(8760)),
        np.where(np.arange(8760) % 10, 0, np.arange(8760) / 7.0),
        np.r_[np.arange(8759.0), 1e300 / 1e270],
        np.repeat(np.arange(876) / 7, 10) + 1e-12 * np.arange(8760),  # near duplicates
    ],
)
def test_a_column_that_float32_holds_well_enough_is_taken(column):
    assert Pool.of(column[:, None]).emb.shape == (8760, 1)
    assert len(load(pandas.DataFrame({"t": column}))) == 8760
