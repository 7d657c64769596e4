"""Pool.join: what slicing took apart it puts together again, to the last bit; whatever does not fit is refused."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_explore import Dense, Pool, select
from coreset_explore.inputs.fields import parts_of
from coreset_explore.recording.initial import Layers
from tests.pools import make

POOL = make()
N = len(POOL)


def assert_same(one: Pool, two: Pool) -> None:
    assert list(one.fields) == list(two.fields)
    for name, value in one.fields.items():
        assert type(value) is type(two.fields[name])
        assert getattr(value, "bias", None) == getattr(two.fields[name], "bias", None)
        for a, b in zip(parts_of(value), parts_of(two.fields[name]), strict=True):
            assert a.dtype == b.dtype and torch.equal(a, b), name


@settings(max_examples=25, deadline=None, database=None)
@given(st.lists(st.integers(0, N), max_size=3), st.integers(0, 2**31))
def test_what_is_sliced_apart_joins_to_the_same_pool(cuts, seed):
    """Any rows in any order, an empty part among them: targets, classes, info and fingerprint are the pool's own."""
    order = torch.randperm(N, generator=torch.Generator().manual_seed(seed))
    whole = POOL[order]
    edges = [0, *sorted(cuts), N]
    cut = [whole[a:b] for a, b in zip(edges, edges[1:])]
    joined = Pool.join(*cut)
    assert_same(joined, whole)
    assert joined.fingerprint == whole.fingerprint and joined.info == POOL.info
    assert joined.classes == POOL.classes and joined.target is POOL.target
    for a, b, part in zip(edges, edges[1:], cut):
        assert_same(joined[a:b], part)


def test_a_method_sees_the_joined_rows_as_it_sees_the_whole():
    joined = Pool.join(POOL[40:], POOL[:40])
    for name in ("craig", "gradmatch", "forgetting", "glister"):
        one, two = (select(name, pool, 9, wrap=["per_class"], show=False) for pool in (POOL, joined))
        assert set(one.ids.tolist()) == set(two.ids.tolist())
        assert torch.equal(joined.ids[two.indices], two.ids)


def test_the_fingerprint_tells_the_order_and_the_rows():
    told = {
        pool.fingerprint
        for pool in (
            POOL,
            Pool.join(POOL[40:], POOL[:40]),
            Pool.join(POOL[:20], POOL[20:59]),
            Pool.join(POOL[:20], POOL[20:].add(deepfool=torch.zeros(40))),
        )
    }
    assert len(told) == 4


def test_gradients_keep_their_kind():
    layers = POOL.add(grads=Layers(POOL.grads.r, POOL.grads.h))
    assert type(Pool.join(layers[:7], layers[7:]).grads) is Layers
    dense = POOL.add(grads=Dense(POOL.grads.dense()))
    assert torch.equal(Pool.join(dense[:7], dense[7:]).grads.g, dense.grads.g)


def test_one_pool_is_itself_and_the_parts_are_left_alone():
    assert Pool.join(POOL) is POOL
    a, b = POOL[:30], POOL[30:]
    joined = Pool.join(a, b)
    joined.emb.zero_()
    assert torch.equal(a.emb, POOL.emb[:30]) and POOL.emb.any()


X = torch.arange(6.0).reshape(3, 2)
LATER = [3, 4, 5]


@pytest.mark.parametrize(
    "one, two, classes",
    [
        ([0, 1, 0], [2, 1, 0], ("0", "1", "2")),  # class numbers, of which the second pool knows one more
        ([2, 1, 0], [0, 1, 0], ("0", "1", "2")),
        (["a", "b", "a"], ["a", "b", "b"], ("a", "b")),
        (None, None, ()),
    ],
)
def test_labels_that_mean_the_same_classes(one, two, classes):
    joined = Pool.join(Pool.of(X, one), Pool.of(X, two, ids=LATER))
    assert joined.classes == classes
    assert joined.y is None if one is None else joined.n_classes == len(classes)


def test_a_pool_without_class_names_takes_the_others():
    bare = Pool({"ids": torch.tensor(LATER), "emb": X, "y": torch.tensor([0, 1, 1])})
    assert Pool.join(bare, Pool.of(X, ["a", "b", "a"]).only("emb", "y")).classes == ("a", "b")


def test_info_keeps_what_is_true_of_all_rows():
    a, b = (
        Pool.of(X, info={"name": "digits", "epochs": n, "recipe": {"lr": 0.1}}, ids=ids)
        for n, ids in ((5, [0, 1, 2]), (9, LATER))
    )
    assert Pool.join(a, b).info == {"name": "digits", "recipe": {"lr": 0.1}}


def test_target_and_test_stay_where_all_that_have_one_agree():
    held, other = make(9, target=False), make(9, seed=4, target=False)
    a, b = POOL[:30], replace(POOL[30:], target=None)
    assert Pool.join(a, b).target is POOL.target and Pool.join(b, a).target is POOL.target
    judged = replace(b, test=held)
    assert Pool.join(a, judged).test is held and Pool.join(judged, a).test is held
    again = replace(
        POOL[30:], target=Pool(dict(POOL.target.fields), POOL.classes)
    )  # the same rows recorded twice
    assert Pool.join(a, again).target is POOL.target
    with pytest.raises(
        ValueError, match=r"the first pool and the third pool have different target rows; .*None"
    ):
        Pool.join(a, replace(POOL[30:40], target=None), replace(POOL[40:], target=other))
    with pytest.raises(
        ValueError, match=r"different test rows; give both the same, dataclasses.replace\(pool, test"
    ):
        Pool.join(judged, replace(POOL[:30], test=other))


A, B = POOL[:30], POOL[30:]
WRONG = {
    "nothing": (lambda: Pool.join(), "takes one pool or more, got none"),
    "no pool": (lambda: Pool.join(A, X), r"takes pools, not Tensor of float32 \(3, 2\); Pool.of\(X, y\) makes one"),
    "a list": (lambda: Pool.join([A, B]), "takes pools, not"),
    "ids": (
        lambda: Pool.join(A, POOL[28:]),
        rf"2 of them stand twice \(first {min(POOL.ids[28:30].tolist())}, in the first pool and the second pool\)",
    ),
    "ids alone": (
        lambda: Pool.join(Pool({"ids": torch.tensor([1, 1]), "emb": X[:2]}), Pool.of(X, ids=LATER)),
        "first 1, twice in the first pool",
    ),
    "a field": (
        lambda: Pool.join(A.only("emb", "y", "deepfool"), B.only("emb", "y")),
        r"the first pool holds 'deepfool' and the second pool does not; join what all hold, with pool.only\('emb', "
        r"'y'\), or give it there with pool.add\(deepfool=…\)",
    ),
    "labels": (
        lambda: Pool.join(A.only("emb"), B.only("emb", "y")),
        r"the second pool holds 'y' and the first pool does not.*Pool.of\(pool, y\)",
    ),
    "the third": (
        lambda: Pool.join(POOL[:10], POOL[10:20], POOL[20:].only("emb")),
        "the first pool holds 'y' and the third pool does not",
    ),
    "widths": (
        lambda: Pool.join(Pool.of(X), Pool.of(X[:, :1], ids=LATER)),
        r"'emb' has shape \(n, 2\) in the first pool and \(n, 1\) in the second pool; record both by one model",
    ),
    "steps": (
        lambda: Pool.join(A, B.add(grads=B.grads.last)),
        r"'grads.r' has shape \(2, n, 3\) in the first pool and \(1, n, 3\) in the second pool; .* the same steps",
    ),
    "kinds": (
        lambda: Pool.join(A, B.add(grads=Dense(B.grads.dense()))),
        "'grads' is LastLayer in the first pool and Dense in the second pool",
    ),
    "heads": (
        lambda: Pool.join(A.add(grads=replace(A.grads, bias=False)), B),
        "'grads' are of a last layer with a bias in the second pool and without one in the first pool; record both by",
    ),
    "epochs": (
        lambda: Pool.join(A, make(60, epochs=3)[30:]), r"'history.correct' has shape \(n, 6\) .* \(n, 3\)",
    ),
    "dtypes": (
        lambda: Pool.join(A, B.add(deepfool=B.deepfool.double())),
        r"'deepfool' is float32 in the first pool and float64 in the second pool; convert one, pool.add",
    ),
    "devices": (
        lambda: Pool.join(Pool.of(X), Pool.of(X, ids=LATER).to("meta")),
        r"'ids' lies on cpu in the first pool and meta in the second pool; move one, pool.to\(…\)",
    ),
    "devices of a field": (
        lambda: Pool.join(A, Pool({**B.fields, "emb": B.emb.to("meta")}, B.classes)),
        "'emb' lies on cpu in the first pool and meta in the second pool",
    ),
    "classes": (
        lambda: Pool.join(Pool.of(X, ["cat", "dog", "cat"]), Pool.of(X, ["ant", "cat", "dog"], ids=LATER)),
        "classes are cat, dog in the first pool and ant, cat, dog in the second pool; code both by one list",
    ),
    "more classes than names": (
        lambda: Pool.join(
            Pool.of(X, ["cat", "dog", "cat"]).only("emb", "y"),
            Pool({"ids": torch.tensor(LATER), "emb": X, "y": torch.tensor([0, 2, 1])}),
        ),
        "classes are 0 to 2 in the second pool and cat, dog in the first pool",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_refused_in_one_sentence(wrong):
    call, sentence = WRONG[wrong]
    with pytest.raises(ValueError, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)
