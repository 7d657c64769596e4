"""Strategy: one configured method, made of anything, written down and read back; what an older version saved."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import coreset_explore as cx
from coreset_explore import LastLayer, Pool, Selection, Strategy, select
from coreset_explore.registry import METHODS, PICKERS, SCORES, selector
from coreset_explore.selecting.strategy import presets
from tests.pools import first_k, make

SAVED = Path(__file__).parent / "saved"  # by version 0.1.0
POOL = make(90)


def rows(answer: Selection) -> list[int]:
    return answer.indices.tolist()


@pytest.mark.parametrize("name", presets())
def test_what_is_written_down_is_read_back(name):
    strategy = cx.PRESETS[name]
    read = Strategy.of(json.loads(json.dumps(strategy.plain())))
    assert replace(read, help=strategy.help, cite=strategy.cite) == strategy
    assert rows(read.select(POOL, 9, seed=4)) == rows(select(name, POOL, 9, seed=4, show=False))


@pytest.mark.parametrize("name", presets())
def test_its_line_of_code_gives_its_picks_and_weights(name):
    strategy = cx.PRESETS[name]
    answer = eval(strategy.code(9, seed=4), {"cx": cx, "pool": POOL})
    told = strategy.select(POOL, 9, seed=4)
    assert rows(answer) == rows(told) and torch.equal(answer.weights, told.weights)


def test_it_is_made_of_a_name_a_papers_name_a_function_a_dictionary_a_selection_or_itself():
    plain = Strategy.of("kcenter")
    assert plain == Strategy.of(METHODS["kcenter"]) == Strategy.of(METHODS["kcenter"].fn)
    assert plain == Strategy.of({"method": "kcenter"}) == Strategy.of(plain)
    assert (plain.name, plain.wrap, plain.purpose) == ("kcenter", (), "cover")
    paper = Strategy.of("k-center per class")
    assert paper == Strategy.of({"method": "k-center per class"}) and paper.wrap == (("per_class", {}),)
    mine = Strategy.of(first_k)
    assert (mine.name, mine.purpose, rows(mine.select(POOL, 3))) == ("first_k", "own", [0, 1, 2])
    own = Strategy.of(Selection.of([5, 3, 8], name="by hand"))
    assert (own.name, own.nested, own.draws, own.reads) == ("by hand", True, False, ())
    assert rows(own.select(POOL, 2)) == [5, 3] and rows(own.select(POOL, 10)) == [5, 3, 8]


def test_what_is_said_beside_it_replaces_what_it_brings():
    found = Strategy.of("Moderate", name="mine", wrap=[], pick=("ccs", {"strata": 9}), center="median")
    assert (found.name, found.wrap, found.pick) == ("mine", (), ("ccs", {"strata": 9}))
    assert found.params == {"center": "median"} and found.method == "class_distance"
    assert Strategy.of({"method": "CRAIG", "params": {"steps": "all"}, "label": "all steps"}).plain() == {
        "name": "all steps",
        "method": "craig",
        "wrap": [["per_class", {}]],
        "params": {"steps": "all"},
        "pick": None,
    }


def test_a_partial_keeps_what_it_was_given():
    near = functools.partial(METHODS["kcenter"].fn, metric="cosine")
    assert rows(Strategy.of(near).select(POOL, 9)) == rows(select("kcenter", POOL, 9, metric="cosine"))


def test_it_is_a_method_that_combinators_wrap():
    inner = Strategy.of("GraphCut")
    found = cx.two_stage(inner, first="random")(POOL, 9, rng=torch.Generator().manual_seed(1))
    assert len(found) == 9 and [name for name, _ in found.info["wrap"]] == ["per_class", "two_stage"]


def test_a_cell_run_again_is_heeded():
    def define(offset):
        @selector(needs="emb", nested=True, draws=False)
        def shifted(pool, k, *, rng, given=()):
            """k rows from an offset."""
            return Selection(torch.arange(offset, offset + k))

        return shifted

    try:
        define(0)
        strategy = Strategy.of("shifted")
        before = strategy.functions
        assert rows(strategy.select(POOL, 3)) == [0, 1, 2]
        define(5)
        assert rows(strategy.select(POOL, 3)) == [5, 6, 7] and strategy.functions != before
    finally:
        METHODS._found.pop("shifted")


@pytest.mark.parametrize("name", presets())
def test_what_it_reads_is_enough_and_what_it_lacks_is_said(name):
    strategy = cx.PRESETS[name]
    kept = replace(POOL.only(*strategy.reads), target=POOL.target if "target" in strategy.reads else None)
    assert strategy.lacks(kept) is None
    assert len(strategy.select(kept, 9, seed=1)) > 0
    either = {f for fields in strategy.declared.alternatives() for f in fields}
    for missing in set(strategy.reads) - (either if "|" in strategy.declared.needs else set()):
        less = Pool(
            {k: v for k, v in kept.fields.items() if k != missing},
            kept.classes,
            None if missing == "target" else kept.target,
        )
        assert strategy.lacks(less).name == missing
        with pytest.raises(ValueError, match=missing):
            strategy.select(less, 9)


def test_reads_follow_the_parameters():
    assert Strategy.of("gradmatch").reads == ("grads",)
    assert Strategy.of("gradmatch", against="validation").reads == ("grads", "target")
    assert Strategy.of("kcenter", space="grads", wrap=["per_class"]).reads == ("grads", "y")
    unlabelled = Strategy.of("entropy", wrap=[("per_class", {"view": "pseudo_label"})])
    assert unlabelled.reads == ("logits",)
    assert Strategy.of("forgetting", pick="d2").reads == ("history", "emb")
    assert Strategy.of("probcover").draws and not Strategy.of("probcover", delta=1.0).draws


@pytest.mark.parametrize("kind", [METHODS, SCORES, PICKERS], ids=["methods", "scores", "pickers"])
def test_what_draws_is_declared_by_parameters_that_exist(kind):
    for method in kind.values():
        conditions = [*method.also, *([method.draws] if isinstance(method.draws, str) else [])]
        assert all(condition.partition("=")[0] in method.params for condition in conditions)


def test_a_condition_on_no_parameter_is_refused_where_it_is_declared():
    with pytest.raises(TypeError, match="'speed=fast', and it has no such parameter"):

        @selector(needs="emb", draws="speed=fast")
        def hasty(pool, k, *, rng, given=()):
            """Never registered."""


def test_mistakes_are_said():
    with pytest.raises(ValueError, match="described by method, params, wrap, pick, name, not 'colour'"):
        Strategy.of({"method": "kcenter", "colour": "red"})
    with pytest.raises(ValueError, match="picked already: leave wrap, pick and parameters out"):
        Strategy.of(Selection.of([1]), wrap=["per_class"])
    with pytest.raises(ValueError, match="which no line of code makes"):
        Strategy.of(Selection.of([1])).code(1)
    with pytest.raises(ValueError, match="did you mean 'craig' or 'CRAIG'"):
        Strategy.of("CRIAG")
    with pytest.raises(ValueError, match="row 200"):
        Strategy.of(Selection.of([200])).select(POOL, 1)


def test_it_prints_as_one_line():
    assert repr(cx.PRESETS["CCS"]) == 'Strategy(CCS: aum(pick="ccs"))'
    text = repr(
        Strategy.of("kcenter", metric="cosine", wrap=[("two_stage", {"first": "random", "factor": 3.0})])
    )
    assert text == 'Strategy(kcenter: kcenter(metric="cosine") in two_stage(first="random", factor=3.0))'
    assert repr(Strategy.of(Selection.of([1, 2]))) == "Strategy(mine: 2 rows of your own)"


# -- what version 0.1.0 saved -----------------------------------------------------------------------------------------


def waves() -> tuple[torch.Tensor, torch.Tensor]:
    i = torch.arange(240)
    return torch.stack([torch.sin(i * (j + 1) * 0.37) * (j + 1) for j in range(6)], 1), i % 3


def wave_pool() -> Pool:
    x, y = waves()
    r = torch.stack([torch.cos(torch.arange(240) * (j + 2) * 0.71) for j in range(3)], 1)
    return Pool.of(x, y, grads=LastLayer(r[None], x[None]))


def test_a_config_of_the_version_before_opens_the_same_panel():
    from widgets import explore

    saved = json.loads((SAVED / "panel-0.1.0.json").read_text())
    panel = explore(waves(), config=saved["config"], run=False).run(wait=True)
    for name, picks in saved["picks"].items():
        assert panel.session.result.runs[name].selection.indices.tolist() == picks
    again = panel.config
    assert again["methods"] == [
        {**m, "pick": again["methods"][i]["pick"]} for i, m in enumerate(saved["config"]["methods"])
    ]
    assert [m["pick"] for m in again["methods"]] == [None, "top", ["ccs", {"strata": 20}], None, None, None]
    assert {k: again[k] for k in ("budget", "seed")} == {k: saved["config"][k] for k in ("budget", "seed")}
    assert again["view"].items() >= saved["config"]["view"].items()
    # one comment stands earlier now
    assert sorted(panel.code.split("\n")) == sorted(saved["code"].split("\n"))
    # the lines replay: they give what the panel shows
    found: dict = {"X": waves()}
    exec(saved["code"], found)
    for run in panel.session.result.runs.values():
        name = "".join(c if c.isalnum() else "_" for c in run.strategy.name.lower())
        assert found[name].indices.tolist() == run.at[panel.session.j].indices.tolist(), name


def test_batches_of_a_config_of_the_version_before_are_dealt_as_they_were():
    from widgets.explorer import replay
    from widgets.explorer.session import Session

    saved = json.loads((SAVED / "panel-0.1.0.json").read_text())["config"]
    batches = {
        "name": "CRAIGPB",
        "method": "craig",
        "wrap": [["per_batch", {"size": 16}]],
        "params": {},
        "pick": None,
    }
    for version, options in (("0.1.0", {"seed": 0, "size": 16}), ("0.2.0", {"size": 16})):
        session = Session()
        replay.apply(session, {**saved, "data": "digits", "version": version, "methods": [batches]})
        assert session.choices[0].wrap == (("per_batch", options),)
    old = Selection.load(SAVED / "batches.npz")
    again = select("gradmatch", wave_pool(), 40, seed=5, wrap=[("per_batch", {"size": 16, "seed": 0})])
    assert rows(again) == rows(old)


@pytest.mark.parametrize("file", ["batches.npz", "classes.parquet"])
def test_a_selection_of_the_version_before_loads_and_is_weighed_as_it_was(file):
    old = Selection.load(SAVED / file)
    again = cx.reweigh(wave_pool(), old)
    torch.testing.assert_close(again.weights, old.weights, rtol=1e-6, atol=1e-8)
    assert again.info["wrap"] == old.info["wrap"]
