"""Batches cut to fit the budget: their weights by hand, restated, and as the version before stated them."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from coreset_explore import Selection, reweigh, select
from coreset_explore.measures import prefixes
from coreset_explore.selecting.views import batch_groups
from tests.pools import make

POOL = make(60)


def batches_of(rows: list[int], groups: list[torch.Tensor]) -> tuple[list[int], list[list[int]]]:
    """The batches that some rows are of, in the rows' order, and which rows of each there are."""
    members = [set(group.tolist()) for group in groups]
    chosen = list(dict.fromkeys(next(n for n, own in enumerate(members) if row in own) for row in rows))
    return chosen, [[row for row in rows if row in members[n]] for n in chosen]


@pytest.mark.parametrize("k", [16, 17, 31, 41, 60])
def test_a_cut_batch_is_matched_by_what_is_kept_of_it(k):
    """By hand: least squares of the kept rows' sums against all rows' sum, λ on sums; every kept row weighs alike."""
    answer = select("gradmatch", POOL, k, wrap=[("per_batch", {"size": 16, "seed": 0})], show=False)
    g, mine = POOL.grads.last.dense().double(), answer.indices.tolist()
    _, kept = batches_of(mine, batch_groups(POOL, 16, 0))
    a = torch.stack([g[rows].sum(0) for rows in kept])
    stacked = np.concatenate([a.T.numpy(), np.sqrt(0.5) * np.eye(len(a))])
    wanted = nnls(stacked, np.concatenate([g.sum(0).numpy(), np.zeros(len(a))]))[0]
    for rows, weight in zip(kept, wanted):
        inside = [place for place, row in enumerate(mine) if row in rows]
        assert answer.weights[inside].tolist() == pytest.approx([weight] * len(rows), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("k", [1, 7, 16, 17, 41, 60])
@pytest.mark.parametrize("space", ["grads", "emb"])
def test_a_cut_batch_counts_the_rows_of_the_batches_nearest_to_the_mean_of_what_is_kept(k, space):
    answer = select("craig", POOL, k, wrap=[("per_batch", {"size": 16, "seed": 0})], space=space, show=False)
    groups = batch_groups(POOL, 16, 0)
    x = (POOL.emb if space == "emb" else POOL.grads.last.dense()).double()
    mine = answer.indices.tolist()
    _, kept = batches_of(mine, groups)
    rests = [[row for row in group.tolist() if row not in mine] for group in groups]
    parts = kept + [rest for rest in rests if rest]
    mean = torch.stack([x[rows].mean(0) for rows in parts])
    owner = torch.cdist(mean, mean[: len(kept)]).argmin(1)
    for own, rows in enumerate(kept):
        total = sum(len(part) for part, one in zip(parts, owner.tolist()) if one == own)
        inside = [place for place, row in enumerate(mine) if row in rows]
        assert answer.weights[inside].tolist() == pytest.approx([total / len(rows)] * len(rows))
    assert float(answer.weights.sum()) == pytest.approx(60)
    assert torch.equal(reweigh(POOL, answer).weights, answer.weights)
    if k > 7:
        assert torch.equal(reweigh(POOL, answer[:7]).weights, prefixes(POOL, answer, [7])[0].weights)


def test_batches_of_the_version_before_are_weighed_as_they_were():
    """There a cut batch counted for all of itself, and λ on means of batches."""
    told = select("gradmatch", POOL, 20, wrap=[("per_batch", {"size": 16, "seed": 0})], show=False)
    old = Selection(told.indices, info={k: v for k, v in told.info.items() if k != "batches"}, ids=told.ids)
    groups = batch_groups(POOL, 16, 0)
    chosen, _ = batches_of(told.indices.tolist(), groups)
    means = torch.stack([POOL.grads.last[rows].dense().double().sum(0) / 16 for rows in groups])
    a = means[chosen]
    stacked = np.concatenate([a.T.numpy(), np.sqrt(0.5) * np.eye(len(a))])
    wanted = nnls(stacked, np.concatenate([means.sum(0).numpy(), np.zeros(len(a))]))[0]
    weights = reweigh(POOL, old).weights
    for n, weight in zip(chosen, wanted):
        inside = torch.isin(told.indices, groups[n])
        assert float(weights[inside].sum()) == pytest.approx(weight * len(groups[n]), rel=1e-4)


@pytest.mark.parametrize("method", ["glister", "random", "gradmatch"])
@pytest.mark.parametrize("k", [16, 17, 33])
def test_no_row_left_of_a_batch_weighs_as_much_as_the_batch(method, k):
    pool = make(200, steps=1)
    answer = select(method, pool, k, wrap=[("per_batch", {"size": 16, "seed": 0})], show=False)
    assert float(answer.weights[-1]) < 2 * 200 / k  # a batch's would be 16 times the others'
    if method in ("glister", "random"):
        assert answer.weights.tolist() == [200 / k] * k


def test_rows_given_leave_batches_that_are_cut_too():
    given = [int(group[0]) for group in batch_groups(POOL, 16, 0)]
    answer = select("craig", POOL, 30, wrap=[("per_batch", {"size": 16, "seed": 0})], given=given, show=False)
    assert float(answer.weights.sum()) == pytest.approx(60)
    assert torch.equal(reweigh(POOL, answer).weights, answer.weights)
