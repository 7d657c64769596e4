"""Similarities that somebody gave: what is taken and refused; methods on them, by brute force and beside apricot."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas
import pytest
import scipy.sparse as sp
import torch

import coreset_explore as cx
from coreset_explore import METHODS, Pool, Selection, reweigh, select
from coreset_explore.inputs.similarities import Similarities
from coreset_explore.measures import objective, prefixes, represent
from coreset_explore.methods.facility_location import facility_location
from tests import pretend
from tests.peers import apricot

NAMES = "facility_location graph_cut saturated_coverage log_determinant disparity_min disparity_sum".split()
PARAMS = {"log_determinant": {"ridge": 0.5}, "saturated_coverage": {"alpha": 0.3}}
PER_CLASS, MERGE = [("per_class", {})], [("merge_reduce", {"parts": 2})]


def whole(n: int, seed: int = 0, share: float = 1.0) -> np.ndarray:
    """Symmetric, of whole eighths from 0 to 4, the diagonal the largest of its row; `share` of the pairs are not 0."""
    rng = np.random.default_rng(seed)
    s = np.triu(rng.integers(1, 25, (n, n)) / 8 * (rng.random((n, n)) < share), 1)
    s = s + s.T
    np.fill_diagonal(s, rng.integers(25, 33, n) / 8)
    return s


def graph(n: int, seed: int = 0) -> np.ndarray:
    """Positive definite, mostly 0, of eighths."""
    s = whole(n, seed, 0.1)
    np.fill_diagonal(s, s.sum(1))
    return s


def naive(name: str, s: np.ndarray, k: int, given=(), **params) -> list[int]:
    """Plain greedy on the definition in float64; the first of equals."""
    n, top = len(s), s.max()
    enough = params.get("alpha", 0.1) * s.sum(1)
    away = top - s

    def value(rows) -> float:
        own = s[np.ix_(rows, rows)]
        if name == "facility_location":
            return float(s[:, rows].max(1).sum()) if rows else 0.0
        if name == "graph_cut":
            return float(s[:, rows].sum() - own.sum())
        if name == "saturated_coverage":
            return float(np.minimum(s[:, rows].sum(1), enough).sum())
        if name == "log_determinant":
            return float(np.linalg.slogdet(own + params["ridge"] * np.eye(len(rows)))[1]) if rows else 0.0
        if name == "disparity_sum":
            return float(np.triu(away[np.ix_(rows, rows)], 1).sum())
        between = away[np.ix_(rows, rows)] + np.diag(np.full(len(rows), np.inf))
        return float(between.min()) if len(rows) > 1 else 0.0

    def gain(rows, j):
        if name == "disparity_min":  # farthest first: from the nearest, whatever lies between the others
            return min((away[i, j] for i in rows), default=0.0)
        return value([*rows, j]) - value(rows)

    chosen = list(given)
    if name.startswith("disparity") and not chosen:
        chosen = [int((s.sum(1) - np.diag(s)).argmin())]
    while len(chosen) < k + len(given):
        found = np.array([-np.inf if j in chosen else gain(chosen, j) for j in range(n)])
        chosen.append(int(np.flatnonzero(found >= found.max() - 1e-9)[0]))
    return chosen[len(given) :]


def kinds(s: np.ndarray) -> dict[str, object]:
    return {
        "numpy": s,
        "float32": s.astype(np.float32),
        "torch": torch.from_numpy(s),
        "strided": torch.from_numpy(np.repeat(s, 2, 1))[:, ::2],
        "frame": pandas.DataFrame(s),
        "list": s.tolist(),
        "csr": sp.csr_matrix(s),
        "csc array": sp.csc_array(s),
        "coo": sp.coo_matrix(s),
        "torch coo": torch.from_numpy(s).to_sparse_coo(),
        "half coo": torch.from_numpy(s).half().to_sparse_coo(),
        "half": torch.from_numpy(s).half(),
    }


# -- the methods ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [[], [5, 21]])
@pytest.mark.parametrize("make", [whole, graph])
@pytest.mark.parametrize("name", NAMES)
def test_picks_of_naive_greedy_dense_and_sparse(name, make, given):
    s, params = make(30, seed=3), PARAMS.get(name, {})
    if name == "log_determinant":
        s = s + 20 * np.eye(30)  # positive definite
    want = naive(name, s, 8, given, **params)
    for similarity in (s, sp.csr_matrix(s)):
        answer = select(name, Pool.of(similarity=similarity), 8, given=given, show=False, **params)
        got = answer.indices.tolist()
        assert got == want[: len(got)] and (len(got) == 8 or answer.info["stopped"])
        assert answer.info["space"] == "similarity"


@pytest.mark.parametrize("kind", list(kinds(whole(2))))
@pytest.mark.parametrize("name", NAMES)
def test_of_whatever_make(name, kind):
    s, params = graph(24, seed=1), PARAMS.get(name, {})
    want = select(name, Pool.of(similarity=s), 7, show=False, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = select(name, Pool.of(similarity=kinds(s)[kind]), 7, show=False, **params)
    assert got.indices.tolist() == want.indices.tolist()
    assert torch.allclose(got.gains, want.gains, rtol=1e-5)
    assert torch.equal(got.weights, want.weights)


def test_torchs_compressed_rows():
    s = graph(12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls them beta
        compressed = [torch.from_numpy(s).to_sparse_csr(), torch.from_numpy(s).to_sparse_csc()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in compressed:
            pool = Pool.of(similarity=one)
            assert pool.similarity.sparse and np.array_equal(pool.similarity.scipy.toarray(), s)


@pytest.mark.parametrize("name", NAMES[:4])
def test_similarity_made_of_features_picks_as_the_methods_own(name):
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(2))
    params = PARAMS.get(name, {})
    own = select(name, Pool.of(x), 9, show=False, **params)
    unit = x.double().numpy() / np.linalg.norm(x.double().numpy(), axis=1, keepdims=True)
    s = 0.5 + 0.5 * unit @ unit.T
    np.fill_diagonal(s, 1.0)
    for similarity in (s, sp.csr_array(s)):
        got = select(name, Pool.of(x, similarity=similarity), 9, show=False, **params)
        assert got.info["space"] == "similarity" and own.info["space"] == "emb"
        assert got.indices.tolist() == own.indices.tolist()
        assert torch.allclose(got.gains, own.gains, rtol=1e-5, atol=1e-6)
        assert torch.equal(got.weights, own.weights)


@pytest.mark.parametrize("name", ["disparity_min", "disparity_sum"])
def test_similarity_made_of_distances_picks_as_the_methods_own(name):
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(3))
    apart = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    given = [int(apart.sum(1).argmax())]  # they may start elsewhere: at the farthest from the mean
    own = select(name, Pool.of(x), 9, given=given, show=False)
    got = select(name, Pool.of(similarity=apart.max() - apart), 9, given=given, show=False)
    assert got.indices.tolist() == own.indices.tolist()
    assert torch.allclose(got.gains.double(), own.gains.double(), rtol=1e-5)


@pytest.mark.parametrize("n, share", [(60, 1.0), (150, 0.1)])
def test_apricots_picks(n, share):
    rng = np.random.default_rng(4)  # of no two equal numbers: between equal gains it picks another than we do
    s = np.triu(rng.random((n, n)) * (rng.random((n, n)) < share), 1)
    s = s + s.T + np.eye(n)
    cases = (
        ("facility_location", {}, "FacilityLocationSelection", {}),
        ("graph_cut", {"lam": 2.0}, "GraphCutSelection", {"alpha": 2.0}),
        ("saturated_coverage", {"alpha": 0.2}, "SaturatedCoverageSelection", {"alpha": 0.2}),
    )
    with apricot() as peer:
        for name, params, theirs, options in cases:
            for similarity in (s, sp.csr_matrix(s)):
                made = getattr(peer, theirs)(15, metric="precomputed", **options).fit(similarity)
                ours = select(name, Pool.of(similarity=similarity), 15, show=False, **params)
                assert _value(name, s, ours.indices.tolist(), **params) == pytest.approx(
                    _value(name, s, made.ranking.tolist(), **params), rel=1e-9
                )
                if name == "facility_location":
                    assert ours.indices.tolist() == made.ranking.tolist()
                    assert np.allclose(ours.gains, made.gains, rtol=1e-5)


def _value(name: str, s: np.ndarray, rows: list[int], lam: float = 1.0, alpha: float = 0.1) -> float:
    if name == "facility_location":
        return float(s[:, rows].max(1).sum())
    if name == "graph_cut":
        return float(lam * s[:, rows].sum() - s[np.ix_(rows, rows)].sum())
    return float(np.minimum(s[:, rows].sum(1), alpha * s.sum(1)).sum())


@pytest.mark.parametrize("zero", [False, True])
def test_facility_location_reads_s_ij_as_how_like_row_i_pick_j_is(zero):
    """A graph of neighbors names them row by row: not both ways alike, and often without the row itself."""
    rng = np.random.default_rng(5)
    s = np.where(rng.random((40, 40)) < 0.15, rng.integers(1, 9, (40, 40)) / 8, 0.0)
    np.fill_diagonal(s, 0.0 if zero else 1.0)
    want = naive("facility_location", s, 12)
    for similarity in (s, sp.csr_matrix(s)):
        pool = Pool.of(similarity=similarity)
        answer = select("facility_location", pool, 12, show=False)
        assert answer.indices.tolist() == want
        assert float(answer.gains.sum()) == pytest.approx(s[:, want].max(1).sum())
        assert objective(pool, answer) == pytest.approx(40 * s.max() - s[:, want].max(1).sum())


@pytest.mark.parametrize("optimizer", ["lazy", "stochastic"])
def test_a_sparse_one_is_answered_as_the_dense_one_in_every_combination(optimizer):
    s, y = whole(60, seed=6, share=0.2), torch.arange(60) % 3
    rows = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    for wrap in ([], PER_CLASS, MERGE, [("two_stage", {"first": "random", "factor": 3.0})]):
        pools = [Pool.of(similarity=one, y=y, ids=7 + 3 * rows) for one in (s, sp.csr_matrix(s))]
        one, two = (
            select("facility_location", p, 9, wrap=wrap, optimizer=optimizer, given=[4], show=False)
            for p in pools
        )
        assert one.indices.tolist() == two.indices.tolist()
        assert torch.equal(one.weights, two.weights) and torch.allclose(one.gains, two.gains)


@pytest.mark.parametrize("name", NAMES)
def test_row_order_ids_and_prefixes(name):
    s, params = graph(36, seed=7), PARAMS.get(name, {})
    shuffled = torch.randperm(36, generator=torch.Generator().manual_seed(1))
    for similarity in (s, sp.csr_matrix(s)):
        pool = Pool.of(similarity=similarity)
        answer = select(name, pool, 12, show=False, **params)
        other = select(name, pool[shuffled], 12, show=False, **params)
        assert other.ids.tolist() == answer.ids.tolist()
        short = select(name, pool, 5, show=False, **params)
        assert short.indices.tolist() == answer.indices[:5].tolist()
        assert torch.equal(reweigh(pool, answer[:5]).weights, short.weights)
        for part, b in zip(prefixes(pool, answer, [2, 5, 9]), [2, 5, 9], strict=True):
            assert torch.equal(part.weights, reweigh(pool, answer[:b]).weights)


@pytest.mark.parametrize("name", NAMES)
def test_on_another_device(name):
    s, params = graph(30, seed=8), PARAMS.get(name, {})
    for similarity in (s, sp.csr_matrix(s)):
        here = Pool.of(similarity=similarity, y=torch.arange(30) % 2)
        there = here.to(pretend.device())
        assert there.fingerprint == here.fingerprint
        for wrap in ([], PER_CLASS):
            one, two = (select(name, pool, 6, wrap=wrap, show=False, **params) for pool in (here, there))
            assert one.indices.tolist() == two.indices.tolist()
            assert torch.equal(one.weights, two.weights)
            assert torch.equal(represent(here, one)[0], represent(there, two)[0])


# -- who stands for whom ----------------------------------------------------------------------------------------------

TWO_PARTS = np.kron(np.eye(3), np.ones((2, 2))) * 0.5 + 0.5 * np.eye(
    6
)  # three pairs that know nothing of each other


def test_rows_that_are_like_no_pick_count_for_none_and_a_pick_is_its_own():
    for similarity in (TWO_PARTS, sp.csr_matrix(TWO_PARTS)):
        pool = Pool.of(similarity=similarity)
        answer = select("facility_location", pool, 2, show=False)
        assert answer.indices.tolist() == [0, 2] and answer.weights.tolist() == [2.0, 2.0]
        owner, distance = cx.represent(pool, answer)
        assert owner.tolist() == [0, 0, 1, 1, -1, -1] and distance.tolist() == [0.0, 0.5, 0.0, 0.5, 1.0, 1.0]
        assert cx.represent(pool, Selection.of([0, 2]))[0].tolist() == owner.tolist()  # picked by hand
        assert cx.represent(pool, Selection.of([4]), "similarity")[0].tolist() == [-1, -1, -1, -1, 0, 0]
    hollow = TWO_PARTS - np.eye(6)
    hollow[hollow < 0] = 0
    both = select("facility_location", Pool.of(similarity=hollow), 6, show=False)
    assert sorted(both.weights.tolist()) == [1.0] * 6


def test_per_class_no_row_is_anothers_whose_class_it_is_not():
    pool = Pool.of(similarity=TWO_PARTS, y=[0, 0, 0, 0, 1, 1])
    answer = select("facility_location", pool, 2, wrap=PER_CLASS, show=False)
    assert answer.indices.tolist() == [0, 4] and answer.weights.tolist() == [2.0, 2.0]
    assert represent(pool, answer)[0].tolist() == [0, 0, -1, -1, 1, 1]
    assert objective(pool, answer) == pytest.approx(0.5 + 2.0 + 0.5)


def test_methods_compare_at_one_yardstick():
    s = graph(30)
    pool = Pool.of(similarity=s)
    best, other = (select(name, pool, 5, show=False) for name in ("facility_location", "graph_cut"))
    for answer in (best, other):
        wanted = 30 * s.max() - s[:, answer.indices].max(1).sum()
        assert objective(pool, answer, by="facility_location") == pytest.approx(wanted)


# -- the pool ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [slice(2, 9), [7, 3, 3, 0], torch.arange(12) % 3 == 0])
def test_rows_and_columns_are_cut_together(rows):
    s = graph(12)
    picked = np.arange(12)[rows if isinstance(rows, slice) else np.asarray(rows)]
    dense, sparse = (Pool.of(similarity=one)[rows].similarity for one in (s, sp.csr_matrix(s)))
    want = s[np.ix_(picked, picked)]
    assert np.array_equal(dense.values.numpy(), want) and np.array_equal(sparse.scipy.toarray(), want)
    assert sparse.sparse and np.array_equal(sparse.rows(torch.arange(len(want))).numpy(), want)
    assert np.array_equal(sparse.sums().numpy(), want.sum(1)) and np.array_equal(
        sparse.diagonal, np.diag(want)
    )


def test_the_fingerprint_sees_it_and_the_order_of_storing_is_nothing():
    s = graph(20)
    other = s.copy()
    other[3, 4] = other[4, 3] = 9.0
    for make in (np.asarray, sp.csr_matrix):
        assert Pool.of(similarity=make(s)).fingerprint != Pool.of(similarity=make(other)).fingerprint
    coo = sp.coo_matrix(s)
    back = np.random.default_rng(0).permutation(coo.nnz)
    mixed = sp.coo_matrix((coo.data[back], (coo.row[back], coo.col[back])), shape=coo.shape)
    assert Pool.of(similarity=mixed).fingerprint == Pool.of(similarity=sp.csr_matrix(s)).fingerprint


def test_entries_given_twice_are_added_and_nothing_of_the_callers_is_changed():
    rows, columns = [0, 0, 1, 0], [1, 1, 0, 0]
    twice = sp.coo_matrix(([0.25, 0.25, 0.5, 1.0], (rows, columns)), shape=(2, 2))
    assert Pool.of(similarity=twice).similarity.scipy.toarray().tolist() == [[1.0, 0.5], [0.5, 0.0]]
    loose = sp.csr_matrix(([1.0, 0.5], [1, 0], [0, 2, 2]), shape=(2, 2))
    Pool.of(similarity=loose)
    assert loose.indices.tolist() == [1, 0]


def test_a_frames_names_say_which_row_and_column_is_which():
    names = ["a", "b", "c", "d"]
    s = whole(4)
    frame = pandas.DataFrame(s, names, names)
    x = pandas.DataFrame({"one": [1.0, 2.0, 3.0, 4.0]}, names)
    mixed = frame.loc[["c", "a", "d", "b"], ["d", "b", "a", "c"]]
    for given in (frame, mixed, frame[["d", "c", "b", "a"]]):
        assert np.array_equal(Pool.of(x, similarity=given).similarity.values.numpy(), s)
        assert np.array_equal(Pool.of(x).add(similarity=given).similarity.values.numpy(), s)
    with pytest.raises(ValueError, match="rows called a, b, c, … and columns called e, b, c"):
        Pool.of(x, similarity=frame.rename(columns={"a": "e"}))


def test_millions_of_pairs_that_are_not_there_cost_nothing():
    """n x n would be a terabyte."""
    n = 300_000
    rng = np.random.default_rng(0)
    rows, columns = np.repeat(np.arange(n), 3), rng.integers(0, n, 3 * n)
    graph = sp.coo_matrix((np.ones(3 * n), (rows, columns)), shape=(n, n)).tocsr()
    pool = Pool.of(similarity=graph.maximum(graph.T))
    for name in ("facility_location", "saturated_coverage"):
        answer = select(name, pool, 5, show=False)
        assert len(answer) == 5 and answer.info["estimated_bytes"] < 1e9
    assert cx.neighbor_list(pool, 2, rows=[5]).rows.shape == (1, 2)


def test_repr_and_lacks():
    pool = Pool.of([[0.0], [1.0]], similarity=np.eye(2))
    assert repr(pool) == "Pool(unnamed: 2 rows, emb (2, 1), similarity (2, 2), ids (2,))"
    assert repr(Similarities(torch.eye(2))) == "Similarities(2 x 2)"
    strategy = cx.Strategy.of("graph_cut")
    assert strategy.lacks(pool) is None and strategy.reads == ("grads",)
    assert strategy.lacks(Pool.of(logits=[[0.0, 1.0]])).name == "grads"
    assert cx.Strategy.of("graph_cut", space="similarity").lacks(Pool.of([[0.0]])).name == "similarity"


def test_a_space_that_nobody_named_is_the_first_declared_that_the_pool_holds():
    for method in METHODS.values():
        if "space" in method.params:
            declared = [fields[0] for fields in method.alternatives()]
            assert method.params["space"].default == declared[0] and "similarity" not in declared[0]
            assert set(method.params["space"].choices) == set(declared)
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    assert select("craig", Pool.of(x), 3, show=False).info["space"] == "emb"
    assert select("kcenter", Pool.of(grads=cx.Dense(x)), 3, show=False).info["params"]["space"] == "grads"
    both = Pool.of(x, grads=cx.Dense(x), similarity=np.eye(20))
    assert select("graph_cut", both, 3, show=False).info["space"] == "similarity"
    assert select("graph_cut", both, 3, space="emb", show=False).info["space"] == "emb"


# -- mistakes ---------------------------------------------------------------------------------------------------------

NEGATIVE = np.array([[1.0, -0.5], [-0.5, 1.0]])
LOPSIDED = np.array([[1.0, 0.5, 0.0], [0.25, 1.0, 0.0], [0.0, 0.0, 1.0]])
WRONG = [
    (np.ones((2, 3)), r"similarity is square, .* got shape \(2, 3\)"),
    (sp.csr_matrix((2, 3)), r"similarity is square, .* got shape \(2, 3\)"),
    (np.ones(4), r"similarity is square, .* got shape \(4,\)"),
    (np.array([[1.0, np.nan], [0.0, 1.0]]), r"1 rows of similarity hold NaN, infinity .*\(0\)"),
    (sp.csr_matrix([[0.0, 0.0], [np.inf, 1.0]]), r"1 rows of similarity hold NaN, infinity .*\(1\)"),
    (np.array([["a", "b"], ["c", "d"]]), "similarity holds text|similarity holds <U1 values|not numbers"),
    (np.eye(2) * 1j, "similarity holds complex numbers"),
    (np.ma.masked_equal(np.eye(2), 0.0), "similarity has masked values"),
]


@pytest.mark.parametrize("similarity, sentence", WRONG)
def test_what_is_no_similarity_is_told_so(similarity, sentence):
    with pytest.raises(ValueError, match=sentence):
        Pool.of(similarity=similarity)


def test_of_other_rows():
    with pytest.raises(ValueError, match="pool field 'similarity' has 2 rows, ids have 3"):
        Pool.of([[0.0], [1.0], [2.0]], similarity=np.eye(2))
    one, two = Pool.of(similarity=np.eye(2)), Pool.of(similarity=np.eye(2), ids=[5, 6])
    with pytest.raises(ValueError, match="first pool holds a similarity, and how like each other"):
        Pool.join(one, two)
    with pytest.raises(ValueError, match="second pool holds a similarity"):
        Pool.join(Pool.of([[0.0]], ids=[9]), two.add(emb=[[0.0], [1.0]]))
    assert Pool.join(one) is one


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
def test_what_a_method_cannot_use_is_told_with_what_to_do(make):
    negative, lopsided = Pool.of(similarity=make(NEGATIVE)), Pool.of(similarity=make(LOPSIDED))
    for name in ("facility_location", "saturated_coverage"):
        with pytest.raises(
            ValueError, match="counts similarity from 0, .* smallest given is -0.5; give 0 or more"
        ):
            select(name, negative, 1)
    for name in NAMES[1:]:
        with pytest.raises(
            ValueError, match=r"alike both ways, and s\[0, 1\] is 0.5 where s\[1, 0\] is 0.25; give"
        ):
            select(name, lopsided, 1)
    assert len(select("facility_location", lopsided, 2)) == len(select("graph_cut", negative, 2)) == 2
    indefinite = Pool.of(similarity=make(np.array([[1.0, 2.0], [2.0, 1.0]])))
    with pytest.raises(ValueError, match="positive semidefinite, .* came to -3; set ridge"):
        select("log_determinant", indefinite, 2)
    assert len(select("log_determinant", indefinite, 2, ridge=4.0)) == 2


def test_what_would_be_ignored_is_refused():
    pool = Pool.of([[0.0], [1.0], [3.0]], similarity=np.eye(3))
    for params in ({"similarity": "rbf"}, {"sigma": 2.0}):
        with pytest.raises(
            ValueError, match="similarities are given, and similarity= and sigma= say how to make"
        ):
            select("graph_cut", pool, 2, **params)
        kind = {"similarity": "rbf"} | params
        assert select("graph_cut", pool, 2, space="emb", **kind).info["params"]["similarity"] == "rbf"
    with pytest.raises(ValueError, match="batches of rows have no similarity"):
        select("graph_cut", pool, 2, space="similarity", wrap=["per_batch"])


def test_methods_that_need_vectors_say_what_is_missing():
    pool = Pool.of(similarity=np.eye(3))
    for name, lacks in (
        ("kcenter", "emb"),
        ("craig", "grads"),
        ("uniqueness", "emb"),
        ("gradmatch", "grads"),
    ):
        with pytest.raises(cx.Missing, match=f"this needs '{lacks}', and the pool holds similarity; "):
            select(name, pool, 1)
    with pytest.raises(
        cx.Missing, match="this needs 'similarity', and the pool holds emb; Pool.of.similarity=S"
    ):
        select("graph_cut", [[0.0], [1.0]], 1, space="similarity")


def test_the_plain_function_reads_the_space_it_is_told():
    pool, rng = Pool.of(similarity=graph(9)), torch.Generator().manual_seed(0)
    assert len(facility_location(pool, 2, rng=rng, space="similarity")) == 2
    assert math.isfinite(float(select("facility_location", pool, 9).gains.sum()))
