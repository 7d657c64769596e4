"""Registry and select(): parameters read from signatures, and a sentence for every mistake."""

import functools
import json
import sys
import types
from typing import Annotated, Literal

import pytest
import torch

import coreset_explore
from coreset_explore import (
    METHODS,
    SCORES,
    Dense,
    Missing,
    Pool,
    Range,
    Selection,
    Strategy,
    merge_reduce,
    method_table,
    per_class,
    reweigh,
    scorer,
    select,
    selector,
)
from coreset_explore import registry as registry_module
from coreset_explore.params import parameters
from coreset_explore.registry import PURPOSES, STREAMS, skips_table
from coreset_explore.selecting.answer import budget, estimated_bytes
from coreset_explore.selecting.bare import bind
from coreset_explore.selecting.views import batch_groups
from tests.pools import first_k, make, rng

POOL = make(60)


@pytest.fixture
def registries():
    """A test's own methods leave with it."""
    registry_module.discover()
    held = [(r, dict(r._found)) for r in (METHODS, SCORES)]
    yield
    for r, found in held:
        r._found.clear()
        r._found.update(found)


# -- registry ---------------------------------------------------------------------------------------------------------


def test_a_notebook_cell_run_twice_replaces_and_a_clash_is_an_error(registries):
    def cell(module: str, docs: str):
        source = f'def mine(pool, k, *, rng):\n    "{docs}"\n    return first_k(pool, k, rng=rng)\n'
        space = {"first_k": first_k, "__name__": module}
        exec(source, space)
        return selector(needs="emb")(space["mine"])

    returned = cell("__main__", "One.")
    assert METHODS["mine"].fn is returned, "the decorator returns the function untouched"
    cell("__main__", "Two.")
    assert METHODS["mine"].summary == "Two." and select("mine", POOL, 3).indices.tolist() == [0, 1, 2]
    with pytest.raises(
        ValueError, match="'mine' is already defined as __main__.mine; give yours another name"
    ):
        cell("elsewhere", "Three.")
    assert METHODS["mine"].summary == "Two."
    for taken in ("random", "entropy"):
        clash = types.FunctionType(first_k.__code__, first_k.__globals__, taken, None, None)
        clash.__kwdefaults__, clash.__module__ = {"given": ()}, "__main__"
        with pytest.raises(ValueError, match=f"'{taken}' is already defined as coreset_explore.methods"):
            selector(needs="")(clash)


def test_a_score_of_ones_own_and_what_it_may_not_return(registries):
    @scorer(needs="emb")
    def length(pool: Pool, power: Annotated[float, Range(0.5, 3), "exponent"] = 1.0):
        """How long the features are."""
        return pool.emb.norm(dim=1) ** power

    assert select("length", POOL, 1, power=2.0).indices.tolist() == [int(POOL.emb.norm(dim=1).argmax())]

    @scorer(needs="emb")
    def broken(pool: Pool):
        """NaN somewhere."""
        return torch.where(torch.arange(len(pool)) == 7, torch.nan, 1.0)

    with pytest.raises(ValueError, match="score broken is NaN or infinite for 1 rows, first row 7"):
        select("broken", POOL, 3)

    @scorer(needs="emb")
    def short(pool: Pool):
        """Not one value a row."""
        return torch.zeros(3)

    with pytest.raises(ValueError, match=r"score short returned \(3,\), not one value a row"):
        select("short", POOL, 3)


def test_parameters_are_read_from_the_signature():
    def method(
        pool,
        k,
        *,
        rng,
        given=(),
        space: Literal["emb", "grads"] = "emb",
        ridge: Annotated[float, Range(0, 10, log=True), "how much"] = 0.5,
        parts: Annotated[int | None, Range(1, 9)] = None,
        exact: bool = True,
    ): ...

    found = parameters(method)
    assert list(found) == ["space", "ridge", "parts", "exact"]
    assert (found["space"].kind, found["space"].choices) == ("choice", ("emb", "grads"))
    assert (found["ridge"].low, found["ridge"].high, found["ridge"].log, found["ridge"].help) == (
        0,
        10,
        True,
        "how much",
    )
    assert (found["parts"].kind, found["parts"].optional, found["exact"].kind) == ("int", True, "bool")
    for name, wrong in {"space": "logits", "ridge": 11.0, "parts": 2.5, "exact": 1}.items():
        with pytest.raises(ValueError, match=name):
            found[name].check(wrong)
    assert found["parts"].check(None) is None and found["ridge"].check(3) == 3


@pytest.mark.parametrize(
    "hint, default, sentence",
    [
        (float, 1.0, "needs a range"),
        (list, None, "is a bool, int, float or Literal"),
        (None, 1, "needs an annotation and a default"),
    ],
)
def test_a_parameter_that_no_form_could_show_is_refused_at_once(registries, hint, default, sentence):
    def odd(pool, k, *, rng, x=default): ...

    odd.__annotations__ = {} if hint is None else {"x": hint}
    with pytest.raises(TypeError, match=sentence):
        selector(needs="")(odd)
    assert "odd" not in METHODS


def test_a_selector_needs_the_signature(registries):
    with pytest.raises(TypeError, match=r"wants the signature wrong\(pool, k"):

        @selector(needs="")
        def wrong(data, budget): ...

    with pytest.raises(ValueError, match="weights is one of"):
        selector(needs="", weights="heavy")


def test_an_error_in_a_method_file_is_not_swallowed(monkeypatch):
    broken = types.SimpleNamespace(name="no_such_file")
    monkeypatch.setitem(registry_module._discovery, "done", False)
    monkeypatch.setattr(registry_module.pkgutil, "walk_packages", lambda path, prefix: [broken])
    with pytest.raises(ModuleNotFoundError, match="no_such_file"):
        len(METHODS)


def test_the_table_shows_every_method_and_what_it_skips(registries):
    def mine(pool, k, *, rng): ...

    mine.__module__ = "coreset_explore.methods.mine"
    paper = "arXiv:2501.00001, Algorithm 1"
    selector(needs="emb|logits,y", paper=paper, skips={"memory": "a | b", "speed": "a | b"})(mine)
    everything = (*METHODS.values(), *SCORES.values(), *STREAMS.values())
    own = [m for m in everything if m.fn.__module__.startswith("coreset_explore.")]

    rows = [line for line in method_table().splitlines() if line.startswith("| **")]
    assert len(rows) == len(own) and all(sum(f"`{m.name}`" in row for row in rows) == 1 for m in own)
    (row,) = [row for row in rows if "`mine`" in row]
    assert row.count("`emb` or `logits` and `y`") == 1 and "memory" not in row
    assert "[arXiv:2501.00001](https://arxiv.org/abs/2501.00001), Algorithm 1 |" in row
    assert "| `mine` | `memory`, `speed` | a \\| b |\n" in skips_table()


def test_the_table_is_grouped_by_what_one_wants():
    table = method_table()
    heads = [line.removeprefix("### ") for line in table.splitlines() if line.startswith("### ")]
    wanted = [title for purpose, title in PURPOSES.items() if purpose != "own"]
    assert heads == [*wanted, "Keep a memory of a stream"]
    assert "`kcenter`" in table.partition(f"### {heads[0]}")[2].partition("###")[0]


def test_the_table_leaves_out_what_a_user_registered(registries):
    @selector(needs="emb")
    def mine(pool, k, *, rng): ...

    assert "mine" in METHODS and "`mine`" not in method_table()


# -- select -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k, wanted", [(1, 1), (60, 60), (0.05, 3), (1.0, 60), (0.0001, 1)])
def test_budgets(k, wanted):
    assert budget(k, 60) == wanted == len(select("random", POOL, k))


@pytest.mark.parametrize("k", [0, -3, 61, 0.0, 1.5, -0.1, float("nan"), "5", True, None])
def test_budgets_that_are_none(k):
    with pytest.raises(ValueError, match="asked for 61 of 60" if k == 61 else "a budget is"):
        select("random", POOL, k)


MISTAKES = [
    ("kcentre", {}, "no method is called 'kcentre'; did you mean 'kcenter'"),
    ("zzz", {}, "no method is called 'zzz'; there are"),
    ("gradsim", {"threshhold": 0.5}, "gradsim has no parameter 'threshhold'; did you mean 'threshold'"),
    ("random", {"speed": 1}, "random has no parameter 'speed'; it takes none"),
    ("gradsim", {"threshold": 2.0}, "threshold lies between -1 and 1, got 2.0"),
    ("herding", {"space": "pixels"}, "space is one of 'emb', 'grads', not 'pixels'"),
    ("herding", {"normalize": "yes"}, "normalize is True or False, not 'yes'"),
    ("random", {"wrap": [("per_clas", {})]}, "no combinator is called 'per_clas'; did you mean 'per_class'"),
    (
        "random",
        {"wrap": [("per_class", {"veiw": "own_class"})]},
        "per_class has no parameter 'veiw'; did you mean 'view'",
    ),
    ("random", {"wrap": [("per_batch", {"size": 1})]}, "size lies between 2 and 4096"),
    ("random", {"wrap": [("two_stage", {"first": "randm"})]}, "did you mean 'random'"),
    ("random", {"given": [60]}, "given is a list of row numbers from 0 to 59, and row 60 was asked for"),
]


@pytest.mark.parametrize("name, options, sentence", MISTAKES)
def test_a_mistake_is_answered_with_what_was_meant(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        select(name, POOL, 5, **options)


def test_an_array_means_features_and_the_seed_decides():
    x = torch.randn(20, 3, generator=rng()).numpy()
    assert len(select("kcenter", x, 4, space="emb")) == 4
    picks = [select("random", x, 9, seed=s).indices.tolist() for s in (0, 0, 1)]
    assert picks[0] == picks[1] != picks[2]


def test_a_function_that_nobody_registered_is_a_method_too():
    answer = select(first_k, POOL, 4, wrap=[("per_class", {})])
    assert len(answer) == 4 and answer.info["method"] == "first_k"
    by_hand = select(lambda pool, k, *, rng: Selection.of(range(k)), POOL, 4)
    assert by_hand.info["method"] == "<lambda>"


COMBINED = [
    (per_class("kcenter"), [], "kcenter", {}, ["per_class"]),
    (per_class(bind("craig", space="emb")), [], "craig", {"space": "emb"}, ["per_class"]),
    (merge_reduce(per_class("kcenter")), [], "kcenter", {}, ["per_class", "merge_reduce"]),
    (per_class("kcenter"), [("merge_reduce", {"parts": 2})], "kcenter", {}, ["per_class", "merge_reduce"]),
    (per_class(bind("entropy", pick="bottom")), [], "entropy", {}, ["per_class"]),
]


@pytest.mark.parametrize("method, outer, name, params, wrap", COMBINED)
def test_what_combinators_made_beforehand_keeps_its_provenance(method, outer, name, params, wrap):
    answer = select(method, POOL, 12, wrap=outer, show=False)
    info = json.loads(json.dumps(dict(answer.info)))
    assert info["method"] == name and info["params"].items() >= params.items()
    assert [kind for kind, _ in info["wrap"]] == wrap and info["weights"] == {**METHODS, **SCORES}[
        name
    ].weights
    assert info["nested"] == (wrap == ["per_class"]), "a prefix is an answer only where it would be by name"
    weights = reweigh(POOL, answer[:5]).weights
    held = POOL.y.bincount()[POOL.y[answer.indices[:5]].unique()].sum()  # each class counts for itself
    assert float(weights.sum()) == pytest.approx(float(held))


def test_a_method_that_calls_another_is_what_it_declares(registries):
    @selector(needs="emb", weights="uniform")
    def outer(pool, k, *, rng):
        """Another's picks."""
        return select("kcenter", pool, k, wrap=[("per_class", {})], show=False)

    info = select("outer", POOL, 6).info
    assert (info["method"], info["weights"], info["params"], info["wrap"]) == ("outer", "uniform", {}, [])


@pytest.mark.parametrize("held", [METHODS["kcenter"], METHODS["kcenter"].fn], ids=["method", "function"])
def test_a_method_with_arguments_fixed_is_that_method(held):
    fixed = functools.partial(held, space="grads", metric="cosine")
    answer, named = select(fixed, POOL, 9), select("kcenter", POOL, 9, space="grads", metric="cosine")
    same = ("method", "weights", "params", "space", "nested")
    assert {name: answer.info[name] for name in same} == {name: named.info[name] for name in same}
    assert answer.indices.tolist() == named.indices.tolist()
    assert reweigh(POOL, answer[:4]).weights.tolist() == reweigh(POOL, named[:4]).weights.tolist()
    assert select(functools.partial(first_k), POOL, 3).info["method"] == "first_k"


def test_an_object_that_can_be_called_goes_by_its_class():
    class Last:
        def __call__(self, pool, k, *, rng, given=()):
            return Selection(torch.arange(len(pool) - k, len(pool)))

    assert select(Last(), POOL, 3).info["method"] == "Last"


BROKEN = [
    (lambda pool, k, *, rng: [1, 2], TypeError, "returned list, and a method returns a Selection"),
    (lambda pool, k, *, rng: Selection.of([99]), ValueError, "picked row 99 of a pool of 60 rows"),
    (lambda pool, k, *, rng: Selection.of([1, 2]), ValueError, "did not say why it stopped"),
    (lambda pool, k, *, rng: Selection.of([1, 2, 3, 4]), ValueError, "returned 4 rows for a budget of 3"),
    (lambda pool, k, *, rng: 1 / 0, ZeroDivisionError, "division"),
]


@pytest.mark.parametrize("method, error, sentence", BROKEN)
def test_a_broken_method_of_ones_own_is_told_what_it_did(method, error, sentence):
    with pytest.raises(error, match=sentence):
        select(method, POOL, 3)
    with pytest.raises(ValueError, match="takes no rows already chosen"):
        select(method, POOL, 3, given=[0])


def test_memory_is_refused_beforehand_with_what_to_use_instead(registries):
    @selector(needs="emb", bytes=lambda n, d, c, k: 2.0**60 if n > 30 else 8 * n * d)
    def greedy_for_memory(pool, k, *, rng, given=()):
        """Wants an exabyte for more than thirty rows."""
        return first_k(pool, k, rng=rng, given=given)

    with pytest.raises(
        MemoryError, match="would need about 1073741824.0 GB .* per_class, two_stage or merge_reduce"
    ):
        select("greedy_for_memory", POOL, 5)
    answer = select("greedy_for_memory", POOL, 5, wrap=[("per_class", {})])
    assert answer.info["estimated_bytes"] == 8 * 20 * 5
    assert estimated_bytes(bind("greedy_for_memory"), POOL, 5, [("merge_reduce", {"parts": 3})]) == 8 * 20 * 5


def test_dense_gradients_are_sums_over_batches():
    groups = batch_groups(POOL, 16, seed=0)
    assert isinstance(POOL.grads.sums(groups), Dense)
    torch.testing.assert_close(
        POOL.grads.sums(groups).g[3], POOL.grads.dense()[groups[3]].sum(0), rtol=1e-4, atol=1e-4
    )


def test_the_public_names_are_there():
    for name in ("select", "Pool", "METHODS", "method_table", "reweigh", "per_class", "Range", "Missing"):
        assert name in dir(coreset_explore) and getattr(coreset_explore, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'selekt'"):
        coreset_explore.selekt  # noqa: B018
    assert "coreset_explore.registry" in sys.modules


# -- where rows are compared -------------------------------------------------------------------------------------------

SPACED = {name: method.params["space"] for name, method in METHODS.items() if "space" in method.params}


@pytest.mark.parametrize("name", [name for name, space in SPACED.items() if len(space.choices) > 1])
@pytest.mark.parametrize("held", ["emb", "grads"])
@pytest.mark.parametrize("wrap", [[], ["per_class"], ["two_stage"], ["merge_reduce"]])
def test_unless_told_rows_are_compared_by_what_the_pool_holds(name, held, wrap):
    pool = make(40).only("y", held)
    found = select(name, pool, 8, wrap=wrap, show=False)
    told = select(name, pool, 8, wrap=wrap, space=held, show=False)
    assert found.info["params"]["space"] == found.info["space"] == held
    assert torch.equal(found.indices, told.indices) and torch.equal(found.weights, told.weights)
    assert Strategy.of(name).lacks(pool) is None
    if METHODS[name].weights == "counts":
        assert reweigh(pool, found[:4]).weights.sum() == 40
    whole = select(name, make(40), 8, wrap=wrap, show=False)
    assert whole.info["space"] == SPACED[name].default, "its own space comes first where there are both"


@pytest.mark.parametrize("name", [name for name, space in SPACED.items() if len(space.choices) > 1])
def test_a_space_that_was_asked_for_and_is_not_there_is_named_with_the_call_that_makes_it(name):
    with pytest.raises(Missing, match=r"needs 'grads'.*cx\.signals\(data\)"):
        select(name, make(40).only("y", "emb"), 8, space="grads", show=False)


def test_the_method_comes_first():
    with pytest.raises(ValueError, match="the method comes first: select"):
        select(make(30), "kcenter", 3)


def test_what_classes_have_in_common_is_said_once():
    alike = {"a": "too few", "b": "too few"}
    many = {letter: f"no {letter}" for letter in "abcde"}
    found = Selection([0, 1], info={"ridge_binds": alike, "few_steps": many, "stopped": "at 2"})
    assert found.remarks == (
        "at 2",
        "too few",
        "in class a and 4 more, no a",
    )
    assert Selection([0, 1]).remarks == ()
