"""Each score against its formula, row by row; pickers against sorting."""

import math

import pytest
import torch

from coreset_explore import PICKERS, SCORES, Dense, History, Pool, select
from coreset_explore.methods.pickers.ranked import bottom, top
from tests.pools import history, make

POOL = make(50, c=4, epochs=7)


def softmax(row: torch.Tensor) -> list[float]:
    e = [math.exp(float(z) - float(row.max())) for z in row]
    return [v / sum(e) for v in e]


def _entropy(i: int) -> float:
    return -sum(p * math.log(p) for p in softmax(POOL.logits[i]) if p > 0)


def _margin(i: int) -> float:
    first, second = sorted(softmax(POOL.logits[i]), reverse=True)[:2]
    return 1 - (first - second)


def _least_confidence(i: int) -> float:
    return 1 - max(softmax(POOL.logits[i]))


def _el2n(i: int) -> float:
    return sum(POOL.history.el2n[i].tolist()) / POOL.history.epochs


def _grand(i: int) -> float:
    return sum(float(step.dense()[i].norm()) for step in POOL.grads.steps) / len(POOL.grads.steps)


def _forgetting(i: int) -> float:
    seen = POOL.history.correct[i].tolist()
    if not any(seen):
        return POOL.history.epochs
    return sum(a and not b for a, b in zip(seen, seen[1:], strict=False))


ORACLES = {
    "entropy": _entropy,
    "margin": _margin,
    "least_confidence": _least_confidence,
    "el2n": _el2n,
    "grand": _grand,
    "forgetting": _forgetting,
}


@pytest.mark.parametrize("name", ORACLES)
def test_score_equals_its_formula(name):
    got = SCORES[name](POOL).double()
    torch.testing.assert_close(got, torch.tensor([float(ORACLES[name](i)) for i in range(50)]).double())


def test_higher_is_harder():
    """Certain and right, then unsure, for the scores that read logits; none of them is upside down."""
    logits = torch.tensor([[9.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.3, 0.2, 0.0], [0.0, 0.0, 0.0]])
    pool = Pool.of(logits=logits)
    for name in ("entropy", "margin", "least_confidence"):
        assert (SCORES[name](pool).diff() > 0).all()


def test_confidence_is_the_largest_probability_and_not_the_largest_logit():
    pool = Pool.of(logits=torch.tensor([[9.0, 8.9, 8.9], [2.0, -5.0, -5.0]]))
    assert select("least_confidence", pool, 1).indices.tolist() == [0]


def test_confident_rows_still_rank():
    """In float32 both rows' probability is exactly one."""
    pool = Pool.of(logits=torch.tensor([[40.0, 0.0], [20.0, 0.0], [30.0, 0.0]]))
    for name in ("entropy", "margin", "least_confidence"):
        assert select(name, pool, 3).indices.tolist() == [1, 2, 0]


def test_one_class_and_ruled_out_classes():
    assert SCORES["margin"](Pool.of(logits=torch.ones(3, 1))).tolist() == [0, 0, 0]
    sure = Pool.of(logits=torch.tensor([[1000.0, -1000.0]]))
    assert [float(SCORES[name](sure)) for name in ("entropy", "margin", "least_confidence")] == [0, 0, 0]


def test_el2n_of_the_last_epoch():
    assert torch.equal(SCORES["el2n"](POOL, over="last"), POOL.history.el2n[:, -1])
    assert select("el2n", POOL, 1, over="last").indices.tolist() == [int(POOL.history.el2n[:, -1].argmax())]


def test_grand_of_gradients_that_are_no_outer_product():
    g = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(SCORES["grand"](Pool.of(grads=Dense(g))), g.norm(dim=1))


@pytest.mark.parametrize(
    "seen, wanted",
    [("0000", 4), ("1111", 0), ("0111", 0), ("1011", 1), ("1010", 2), ("0001", 0), ("0110", 1)],
)
def test_forgetting_counts_events_and_never_learnt_is_hardest(seen, wanted):
    made = history(1, 4, torch.Generator())
    fields = {name: getattr(made, name) for name in made.__dataclass_fields__}
    one = History(**{**fields, "correct": torch.tensor([[c == "1" for c in seen]])})
    assert SCORES["forgetting"](Pool.of(history=one)).tolist() == [wanted]


@pytest.mark.parametrize("pick, sign", [(top, -1), (bottom, 1)])
def test_pickers_sort_and_break_ties_by_id(pick, sign):
    scores = torch.tensor([2.0, 5.0, 2.0, 1.0, 5.0, 2.0])
    ids = torch.tensor([40, 30, 10, 60, 20, 50])
    pool = Pool.of(scores[:, None], ids=ids)
    wanted = sorted(range(6), key=lambda i: (sign * float(scores[i]), int(ids[i])))
    rng = torch.Generator()
    assert pick(pool, scores, 4, rng=rng).tolist() == wanted[:4]
    left = [i for i in wanted if i not in (1, 5)]
    assert pick(pool, scores, 3, rng=rng, given=(5, 1)).tolist() == left[:3]


def test_a_score_selects_through_the_picker_asked_for():
    values = SCORES["entropy"](POOL)
    hard, easy = select("entropy", POOL, 5), select("entropy", POOL, 5, pick="bottom")
    assert values[hard.indices].tolist() == values.sort(descending=True).values[:5].tolist()
    assert values[easy.indices].tolist() == values.sort().values[:5].tolist()
    assert hard.info["pick"] == ["top", {}] and easy.info["pick"] == ["bottom", {}]
    assert (easy.score[easy.indices].diff() <= 0).all(), "a selection's score is higher where picked earlier"
    with pytest.raises(ValueError, match="did you mean 'bottom'"):
        select("entropy", POOL, 5, pick="botom")
    with pytest.raises(ValueError, match="selects by itself"):
        select("random", POOL, 5, pick="top")
    assert set(PICKERS) >= {"top", "bottom"}
