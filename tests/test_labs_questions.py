"""What is asked of coresets in training: every answer beside what it must be."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas
import pytest
import torch
from scipy.stats import wilcoxon

import coreset_explore as cx
from coreset_explore import Policy, Selection
from coreset_explore.datasets import duplicates, imbalance, label_noise
from coreset_explore.experiment.significance import matrix, remark, signed_rank, significance
from coreset_explore.labs.training import Setting, frame, questions, run
from coreset_explore.training import fit
from tests.training_grids import table

HOW = {"epochs": 4, "every": 2, "recipe": {"batch_size": 8}}


def setting(model="logistic", data=None, **more):
    return Setting(table() if data is None else data, model, **{**HOW, **more})


# -- significance -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 4, 9, 14])
@pytest.mark.parametrize("rounded", [False, True])
def test_wilcoxons_p_is_that_of_all_signs_tried_one_by_one(m, rounded):
    d = np.random.default_rng(m).normal(0.4, 1, m)
    d = np.round(d * 2) / 2 if rounded else d
    d = d[d != 0]
    ranks = pandas.Series(np.abs(d)).rank().to_numpy()
    middle = ranks.sum() / 2
    sums = np.array([ranks @ signs for signs in itertools.product([0, 1], repeat=len(d))])
    expected = np.mean(np.abs(sums - middle) >= abs(ranks[d > 0].sum() - middle) - 1e-9)
    assert signed_rank([*d, 0.0, math.nan]) == pytest.approx(expected)


def test_wilcoxons_p_is_scipys_where_there_are_no_ties_and_many_pairs_are_no_trouble():
    d = np.random.default_rng(0).normal(0.3, 1, 40)
    assert signed_rank(d.tolist()) == pytest.approx(wilcoxon(d, method="exact").pvalue, rel=1e-12)
    assert signed_rank([1.0] * 5) == 0.0625 and signed_rank([]) == signed_rank([0.0, 0.0]) == 1.0


def runs(values, budgets=(60,)):
    """A frame of the accuracies {regime: one a seed}."""
    rows = [(r, b, s, v) for r, all_ in values.items() for b in budgets for s, v in enumerate(all_)]
    return pandas.DataFrame(rows, columns=["regime", "budget", "seed", "accuracy"])


def test_regimes_are_compared_on_the_seeds_and_budgets_that_both_have():
    up = [0.5 + 0.01 * s for s in range(8)]
    found = significance(runs({"A": [v + 0.02 + s / 1e3 for s, v in enumerate(up)], "B": up, "C": up[:6]}))
    first = found.iloc[0]
    assert (first.regime, first.other, first.pairs, first.says) == ("A", "B", 8, "better")
    assert first.difference == pytest.approx(0.0235) and first.p == 2 / 256 == first.least_p
    assert first.low < first.difference < first.high and first.holm == pytest.approx(3 * 2 / 256)
    from scipy.stats import ttest_1samp

    low, high = ttest_1samp([0.02 + s / 1e3 for s in range(8)], 0).confidence_interval()
    assert (first.low, first.high) == (pytest.approx(low), pytest.approx(high))
    assert found.iloc[2].pairs == 6 and found.iloc[2].p == 1 and found.iloc[2].says == "not decided"
    square = matrix(found)
    assert square.loc["A", "B"] == square.loc["B", "A"] == first.p and math.isnan(square.loc["A", "A"])
    assert remark(found) == ""
    alone = significance(runs({"A": up, "B": [v + 0.1 for v in up]}), against="B")
    assert alone[["regime", "other", "says"]].values.tolist() == [["A", "B", "worse"]]


def test_five_seeds_alone_decide_nothing_and_that_is_said():
    found = significance(runs({"A": [0.9] * 5, "B": [0.1] * 5}))
    assert found.p[0] == 0.0625 and found.says[0] == "not decided"
    assert remark(found).startswith("5 pairs cannot bring p below 0.0625")
    assert (
        significance(runs({"A": [0.9] * 5, "B": [0.1, 0.2, 0.3, 0.4, 0.5]}, budgets=(60, 120))).says[0]
        == "better"
    )
    with pytest.raises(ValueError, match="against is one of 'A', 'B', not 'C'"):
        significance(runs({"A": [0.9], "B": [0.1]}), against="C")


# -- what a frame answers ---------------------------------------------------------------------------------------------


def test_points_never_used_stand_beside_what_chance_would_leave():
    found = frame(run(setting(), ["RANDOM", "RANDOM re-drawn", "FULL"], budgets=[24], seeds=2, show=False))
    unused = questions.redundant_points(found)
    fixed = unused[unused.regime == "RANDOM"].iloc[0]
    assert fixed.unused == fixed.by_chance == 1 - 24 / 120
    again = unused[unused.regime == "RANDOM re-drawn"].iloc[0]
    assert again.by_chance == pytest.approx(0.8**2) and again.unused == pytest.approx(0.64, abs=0.1)
    assert len(unused) == 4  # full training chose nothing


def test_the_front_is_what_nothing_beats_in_seconds_and_accuracy():
    points = {"FULL": (8.0, 0.9), "A": (2.0, 0.8), "B": (3.0, 0.7), "C": (1.0, 0.5), "D": (2.0, 0.8)}
    rows = [(r, 60, s, a + s / 100, t) for r, (t, a) in points.items() for s in (0, 1)]
    found = pandas.DataFrame(rows, columns=["regime", "budget", "seed", "accuracy", "seconds"])
    made = questions.trade_off(found).set_index("regime")
    assert made.front.to_dict() == {"FULL": True, "A": True, "B": False, "C": True, "D": True}
    assert made.speedup["A"] == 4 and made.accuracy["A"] == pytest.approx(0.805) and made.seeds["A"] == 2
    assert questions.trade_off(found[found.regime != "FULL"]).speedup.isna().all()
    both = pandas.concat([found.assign(budget=600), found])
    assert questions.trade_off(both)[["regime", "budget"]].values.tolist()[:4] == [
        ["FULL", 60], ["FULL", 600], ["A", 60], ["A", 600],
    ]  # fmt: skip


# -- what is trained for ----------------------------------------------------------------------------------------------


def test_the_gradient_error_after_an_epoch_is_that_of_what_it_was_trained_on():
    found = questions.gradient_error(setting(), "CRAIG", budget=24, seeds=[3], show=False)
    assert list(found.regime.unique()) == ["CRAIG", "RANDOM re-drawn"]
    mine = found[found.regime == "CRAIG"]
    assert mine["update"].tolist() == [3, 6, 9, 12] and mine.age.tolist() == [3, 6, 3, 6]
    nets = {}

    def keep(record, net):
        nets[record.updates] = {k: v.clone() for k, v in net.state_dict().items()}

    how = {"seed": 3, "epochs": 4, "batch_size": 8, "show": False, "on_epoch": keep}
    done = fit("logistic", table(), Policy("CRAIG", 24, every=2), **how)
    net = done.model
    for updates, choice in ((6, done.choices[0]), (9, done.choices[1])):
        net.load_state_dict(nets[updates])
        error = cx.gradient_error(cx.snapshot(net, table()), choice.selection)
        assert mine[mine["update"] == updates].error.item() == pytest.approx(error, rel=1e-5)


def test_one_models_choice_trains_another():
    found = questions.transfer(setting(), "CRAIG", ["logistic", "mlp"], budgets=[20], seeds=[2], show=False)
    about = found[["strategy", "selected_by", "trained"]].values.tolist()
    assert about == [["CRAIG", a, b] for a in ("logistic", "mlp") for b in ("logistic", "mlp")]
    pool = cx.signals(table(), model="mlp", epochs=5, checkpoints="each", seed=2, show=False)
    picks = cx.select("CRAIG", pool, 20, seed=2)
    done = fit(
        "logistic",
        table(),
        Selection.of(picks.ids, picks.weights),
        seed=2,
        epochs=4,
        batch_size=8,
        show=False,
    )
    assert found.accuracy[2] == done.accuracy
    held = questions.transfer(setting(), "GLISTER", ["logistic"], budgets=0.1, seeds=1, show=False)
    assert held.failed.isna().all() and held.n.tolist() == [12]


def test_one_thing_is_changed_at_a_time():
    vary = {"every": [1, 4], "warm": [0.5], "weights": ["drawn"], "ridge": [0.0], "size": [8]}
    found = questions.ablate(setting(), "GRAD-MATCHPB", vary, budget=24, seeds=1, show=False)
    assert found.failed.isna().all()
    assert found[["factor", "value"]].values.tolist() == [
        ["as it is", None], ["every", 1], ["every", 4], ["warm", 0.5], ["weights", "drawn"], ["ridge", 0.0],
        ["size", 8],
    ]  # fmt: skip
    assert found.choices.tolist() == [2, 4, 1, 1, 2, 2, 2]
    size = fit("logistic", table(), Policy({"method": "gradmatch", "wrap": [("per_batch", {"size": 8})]}, 24, every=2),
               epochs=4, batch_size=8, show=False)  # fmt: skip
    assert found.accuracy.iloc[-1] == size.accuracy
    with pytest.raises(ValueError, match="'rigde' is nothing of GRAD-MATCHPB: vary every, warm, look"):
        questions.ablate(setting(), "GRAD-MATCHPB", {"rigde": [1]}, budget=24)
    with pytest.raises(ValueError, match="FULL chooses nothing, so there is nothing to vary"):
        questions.ablate(setting(), "FULL", {"every": [1]}, budget=24)


def test_data_gone_wrong_is_trained_on_and_good_data_tested_on():
    picked = {name: questions.VARIANTS[name] for name in ("as it is", "20 % of labels wrong")}
    found = questions.robustness(setting(), ["RANDOM"], budgets=0.2, seeds=2, variants=picked, show=False)
    assert found.variant.tolist() == ["as it is"] * 2 + ["20 % of labels wrong"] * 2
    assert found.share_is_noisy[:2].isna().all() and found.budget.tolist() == [24] * 4
    data = label_noise(table(), 0.2, 1)
    rows = fit("logistic", data, Policy("Random", 24, every=None), seed=1, epochs=4, batch_size=8, show=False)
    assert found.accuracy[3] == rows.accuracy
    assert found.share_is_noisy[3] == pytest.approx(
        float(data.truth["is_noisy"][rows.choices[0].rows].float().mean())
    )
    assert set(questions.VARIANTS) > set(picked) and all(
        len(make(table(), 0)) > 60 for make in questions.VARIANTS.values()
    )


def test_classes_are_cut_and_the_truth_of_it_is_kept():
    data = table(300)
    found = imbalance(data, 0.3, 0.9, seed=4)
    counts = torch.bincount(found.y).tolist()
    assert sorted(counts) == [10, 100, 100]
    assert torch.equal(found.x, data.x[found.truth["row"]]) and torch.equal(
        found.y, data.y[found.truth["row"]]
    )
    assert int(found.truth["is_thinned"].sum()) == 10 and "1 of 3 classes cut by 90%" in found.note
    assert torch.equal(imbalance(data, 0.3, 0.9, 4).x, found.x) and len(imbalance(data, 1.0, 1.0)) == 102
    again = imbalance(duplicates(found, 0.1), 0.3, 0.5)
    assert again.truth["row"].shape == again.truth["is_thinned"].shape == (len(again),)
    with pytest.raises(ValueError, match="fraction=1.5 is no share"):
        imbalance(data, 1.5)


def test_the_smallest_budget_that_is_enough_is_the_last_before_nothing_changes():
    found = questions.smallest_budget(
        setting(), "RANDOM", start=0.05, factor=2, tolerance=0.05, seeds=2, show=False
    )
    direct = [
        frame(run(setting(), "RANDOM", budgets=k, seeds=2, show=False)).accuracy.mean() for k in found.budget
    ]
    assert found["mean"].tolist() == pytest.approx(direct)
    assert found.budget.tolist() == [6, 12, 24, 48, 96, 120][: len(found)]
    assert found.enough.tolist()[:-1] == [False] * (len(found) - 1)
    assert found.change.tolist()[1:] == pytest.approx(np.abs(np.diff(direct)).tolist())
    if found.enough.iloc[-1]:
        assert found.attrs["smallest"] == found.budget.iloc[-2]
    never = questions.smallest_budget(
        setting(), "RANDOM", start=0.5, factor=2, tolerance=-1, seeds=1, show=False
    )
    assert never.budget.tolist() == [60, 120] and never.attrs["smallest"] is None
    with pytest.raises(ValueError, match="factor, from one budget to the next"):
        questions.smallest_budget(setting(), "RANDOM", factor=1)


def test_the_smallest_prefix_is_the_first_that_matches_well_enough():
    pool = cx.snapshot(fit("logistic", table(), epochs=2, show=False).model, table())
    picks = cx.select("gradmatch", pool, 120, ridge=0.0)
    budgets = list(range(1, len(picks) + 1))
    errors = cx.measures.matching.gradient_path(pool, picks, budgets).errors
    strategy = {"method": "gradmatch", "params": {"ridge": 0.0}}
    for error in (0.5, 0.1, errors[5]):
        expected = next(k for k, e in zip(budgets, errors, strict=True) if e <= error)
        assert questions.smallest_prefix(pool, strategy, error) == expected
    assert questions.smallest_prefix(pool, strategy, -1.0) is None
    with pytest.raises(ValueError, match="k-means is not nested"):
        questions.smallest_prefix(pool, "k-means", 0.1)


def test_questions_keep_their_cells_and_go_on(tmp_path):
    store, ground = tmp_path / "grid.sqlite", setting()
    ask = {"budgets": [20], "seeds": 1, "store": store, "show": False}
    first = questions.robustness(ground, "RANDOM", **ask)
    second = questions.robustness(replace(ground), "RANDOM", **ask)
    pandas.testing.assert_frame_equal(first, second)  # to the clock: nothing was run again
