"""Scores from training dynamics against plain loops over hand-made histories."""

import statistics

import pytest
import torch

import coreset_explore as cx
from coreset_explore.methods.scores.aum import aum
from coreset_explore.methods.scores.cartography import p_true
from coreset_explore.methods.scores.dual import dual, dyn_unc
from coreset_explore.methods.scores.tdds import tdds


def pool_of(epochs: int = 7, n: int = 9, seed: int = 0) -> cx.Pool:
    rng = torch.Generator().manual_seed(seed)
    draw = [torch.rand(n, epochs, dtype=torch.float64, generator=rng) for _ in range(5)]
    kl = torch.cat([torch.zeros(n, 1, dtype=torch.float64), draw[4][:, 1:]], 1)
    history = cx.History(draw[0] > 0.5, draw[0], draw[1] - 0.5, draw[2], draw[3], kl)
    return cx.Pool.of(history=history)


def test_closed_forms_of_means():
    pool = pool_of()
    for row in range(len(pool)):
        assert float(aum(pool)[row]) == pytest.approx(
            -statistics.mean(pool.history.logit_margin[row].tolist())
        )
        assert float(p_true(pool)[row]) == pytest.approx(
            1 - statistics.mean(pool.history.p_true[row].tolist())
        )


@pytest.mark.parametrize("window", [2, 3, 7, 50])
def test_windows_as_a_plain_loop(window):
    pool = pool_of()
    for row, p in enumerate(pool.history.p_true.tolist()):
        length = min(window, len(p))
        parts = [p[i : i + length] for i in range(len(p) - length + 1)]
        spread = [statistics.stdev(part) for part in parts]
        assert float(dyn_unc(pool, window)[row]) == pytest.approx(statistics.mean(spread))
        both = [s * (1 - statistics.mean(part)) for s, part in zip(spread, parts, strict=True)]
        assert float(dual(pool, window)[row]) == pytest.approx(statistics.mean(both))


@pytest.mark.parametrize(("window", "decay"), [(2, 0.9), (3, 0.5), (6, 1.0), (99, 0.9)])
def test_tdds_is_the_recursion_of_the_paper(window, decay):
    pool = pool_of()
    for row, kl in enumerate(pool.history.kl[:, 1:].tolist()):
        length = min(window, len(kl))
        moving = 0.0
        for i in range(len(kl) - length + 1):
            part = kl[i : i + length]
            mean = statistics.mean(part)
            moving = decay * sum((d - mean) ** 2 for d in part) ** 0.5 + (1 - decay) * moving
        assert float(tdds(pool, window, decay)[row]) == pytest.approx(moving)


def test_a_row_that_swings_is_ahead_of_one_that_is_settled():
    swings, settled = [0.1, 0.9] * 4, [0.99] * 8
    p = torch.tensor([swings, settled], dtype=torch.float64)
    zeros = torch.zeros_like(p)
    pool = cx.Pool.of(history=cx.History(p > 0.5, p, zeros, zeros, zeros, zeros))
    assert dyn_unc(pool)[0] > dyn_unc(pool)[1]
    assert dual(pool)[0] > dual(pool)[1] >= 0


@pytest.mark.parametrize(("score", "epochs"), [(dyn_unc, 1), (dual, 1), (tdds, 2)])
def test_too_short_a_history_is_refused_in_a_sentence(score, epochs):
    with pytest.raises(ValueError, match="record at least"):
        score(pool_of(epochs))
