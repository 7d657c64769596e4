"""Every objective equals its definition, computed by brute force on built matrices; and methods compare by one."""

import pytest
import torch

from coreset_explore import METHODS, SCORES, Pool, Selection, select, selector
from coreset_explore.measures import objective
from coreset_explore.measures.objectives import OBJECTIVES
from tests.pools import first_k, make

POOL = make(40)
FLAT = POOL.grads.last.dense().double()
APART = torch.cdist(FLAT, FLAT, compute_mode="donot_use_mm_for_euclid_dist")


def picked(name: str, **options) -> tuple[float, Selection]:
    answer = select(name, POOL, 6, show=False, **options)
    return objective(POOL, answer), answer


def test_every_method_names_one_that_there_is_or_none():
    named = {m.name: m.objective for m in METHODS.values()}
    assert set(named.values()) <= {*OBJECTIVES, None} and set(OBJECTIVES) <= set(named.values())
    assert named["craig"] == "distance" and named["gradmatch"] == "gradient distance", (
        "by the kind of weights"
    )
    assert named["random"] is None and all(m.objective is None for m in SCORES.values())


def test_distance_and_radius():
    found, answer = picked("craig")
    assert found == pytest.approx(float(APART[answer.indices].amin(0).sum()))
    found, answer = picked("kcenter", space="grads")
    assert found == pytest.approx(float(APART[answer.indices].amin(0).max()))
    found, answer = picked("kcenter_robust", space="grads", outliers=0.1)
    assert found == pytest.approx(float(APART[answer.indices].amin(0).sort().values[-5]))


def test_distance_per_class_is_to_picks_of_the_class():
    found, answer = picked("craig", wrap=["per_class"])
    other = POOL.y[answer.indices][:, None] != POOL.y[None]
    assert found == pytest.approx(float(APART[answer.indices].masked_fill(other, torch.inf).amin(0).sum()))


@pytest.mark.parametrize("params", [{}, {"similarity": "rbf"}, {"similarity": "rbf", "wrap": ["per_class"]}])
def test_dissimilarity_is_what_the_gains_leave(params):
    found, answer = picked("facility_location", **params)
    assert found == pytest.approx(len(POOL) - float(answer.gains.sum()), rel=1e-5)


def test_gradient_and_mean_distance():
    found, answer = picked("gradmatch")
    left = answer.weights @ FLAT[answer.indices] - FLAT.sum(0)
    assert found == pytest.approx(float(left.norm() / FLAT.sum(0).norm()), rel=1e-5)
    found, answer = picked("gradmatch", against="validation")
    target = POOL.target.grads.last.dense().double().mean(0) * len(POOL)
    assert found == pytest.approx(
        float((answer.weights @ FLAT[answer.indices] - target).norm() / target.norm()), rel=1e-5
    )
    found, answer = picked("herding")
    assert found == pytest.approx(
        float((POOL.emb[answer.indices].mean(0) - POOL.emb.mean(0)).norm()), rel=1e-4
    )


def test_gains_are_the_methods_own_account():
    found, answer = picked("graph_cut")
    assert found == -float(answer.gains.sum())
    with pytest.raises(ValueError, match="judged by the gains of its own steps"):
        objective(POOL, select("craig", POOL, 6, show=False), by="graph_cut")


def test_two_methods_compare_at_the_objective_of_one():
    one, two = (select(name, POOL, 6, show=False) for name in ("craig", "random"))
    assert objective(POOL, one, by="craig") == objective(POOL, one) < objective(POOL, two, by="craig")
    assert objective(POOL, one, by="gradmatch") > objective(POOL, select("gradmatch", POOL, 6, show=False))
    features = Pool.of([[0.0], [1.0], [2.0], [9.0]])
    assert objective(features, Selection.of([1, 3]), by="craig") == 2.0, "in the space that there is"


def test_what_draws_or_ranks_has_none():
    for name in ("random", "entropy"):
        with pytest.raises(ValueError, match="names no objective.*compare the picks"):
            objective(POOL, select(name, POOL, 3, show=False))
    with pytest.raises(ValueError, match="no method is called"):
        objective(POOL, Selection.of([1, 2]))


def test_ones_own_method_may_bring_ones_own():
    def late(pool, k, *, rng, given=()):
        """The last rows."""
        return first_k(pool, k, rng=rng, given=given)

    late.__name__ = late.__qualname__ = "late"
    selector(needs="", objective=lambda pool, selection: -float(selection.indices.sum()))(late)
    try:
        assert objective(POOL, select("late", POOL, 3, show=False)) == -3.0
    finally:
        METHODS._found.pop("late")
