"""CAL, DeepFool and contextual diversity against their definitions, written out."""

import pytest
import torch
from torch import nn

from coreset_explore import Cancelled, Pool, listening, select, signals
from coreset_explore.datasets import Data
from coreset_explore.methods.contextual_diversity import contextual_diversity
from coreset_explore.methods.scores.cal import cal
from coreset_explore.recording import extras
from coreset_explore.training import models
from tests.pools import make


def kl(p: torch.Tensor, q: torch.Tensor) -> float:
    return float((p * (p / q).log()).sum())


@pytest.mark.parametrize("neighbors", [1, 4, 500])
def test_cal_is_the_mean_divergence_from_the_nearest_rows(neighbors):
    pool = make(40)
    p = pool.logits.double().softmax(1)
    distance = torch.cdist(pool.emb.double(), pool.emb.double()).fill_diagonal_(torch.inf)
    wanted = []
    for i in range(40):
        near = distance[i].argsort()[: min(neighbors, 39)].tolist()
        wanted.append(sum(kl(p[j], p[i]) for j in near) / len(near))
    found = cal(pool, neighbors=neighbors)
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64), rtol=1e-6, atol=1e-9)
    assert torch.equal(cal(pool, neighbors=neighbors, order="lowest"), -found)


def test_cal_finds_the_row_that_disagrees_with_its_neighbors():
    """In a heap of rows predicted alike, the one predicted differently comes first, or last."""
    rng = torch.Generator().manual_seed(0)
    logits = torch.tensor([4.0, 0, 0]).repeat(50, 1) + 0.1 * torch.randn(50, 3, generator=rng)
    logits[17] = torch.tensor([0.0, 4, 0])
    pool = Pool.of(torch.randn(50, 4, generator=rng), logits=logits)
    assert select("cal", pool, 1).indices.tolist() == [17]
    assert select("cal", pool, 50, order="lowest").indices[-1] == 17


def test_certain_predictions_divide_by_no_zero():
    pool = make(30)
    pool = pool.add(logits=1e4 * pool.logits)
    assert (
        torch.isfinite(cal(pool)).all()
        and torch.isfinite(select("contextual_diversity", pool, 30).gains).all()
    )


def test_neighbors_at_equal_distances_are_those_of_smaller_ids():
    pool = make(24)
    pool = pool.add(emb=torch.zeros_like(pool.emb))
    shuffled = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(cal(pool)[shuffled], cal(pool[shuffled]), rtol=1e-12, atol=1e-15)


def test_contextual_diversity_is_farthest_first_by_symmetric_divergence():
    pool = make(40)
    p = pool.logits.double().softmax(1)
    d = torch.tensor([[(kl(a, b) + kl(b, a)) / 2 for b in p] for a in p], dtype=torch.float64)
    picks = [int(d.mean(1).argmin())]
    reach = []
    while len(picks) < 15:
        nearest = d[picks].amin(0)
        picks.append(int(nearest.argmax()))
        reach.append(float(nearest.max()))
    answer = select("contextual_diversity", pool, 15)
    assert answer.indices.tolist() == picks
    assert answer.gains[1:].tolist() == pytest.approx(reach) and answer.gains[0] == answer.gains[1]
    rest = select("contextual_diversity", pool, 5, given=picks[:10])
    assert rest.indices.tolist() == picks[10:]


def test_equal_predictions_are_picked_last_and_by_id():
    base = make(8)
    pool = base[torch.arange(8).repeat_interleave(3)]
    pool = Pool({**pool.fields, "ids": torch.randperm(24, generator=torch.Generator().manual_seed(0))})
    answer = select("contextual_diversity", pool, 24)
    assert sorted((answer.indices[:8] // 3).tolist()) == list(range(8))
    assert answer.ids[8:].tolist() == sorted(answer.ids[8:].tolist()) and not answer.gains[8:].any()


def test_contextual_diversity_stops_between_blocks_of_rows():
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        contextual_diversity(make(10), 2, rng=torch.Generator())


def table(n: int = 60, d: int = 5, c: int = 4) -> Data:
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(n) % c
    x = torch.randn(n, d, generator=rng) * 3 + torch.randn(c, d, generator=rng)[y]
    return Data(x, y, tuple("abcdef"[:c]), None, None, "table", "made")


def linear(data: Data, seed: int = 1) -> tuple[nn.Linear, torch.Tensor]:
    """A linear model, and each row's true distance from the nearest plane between its class and another."""
    net = nn.utils.skip_init(nn.Linear, data.x.shape[1], len(data.classes))
    models.init_(net, torch.Generator().manual_seed(seed))
    w, b = net.weight.detach().double(), net.bias.detach().double()
    score = data.x.double() @ w.T + b
    own = score.argmax(1)
    gap = score.gather(1, own[:, None]) - score
    apart = (w[own][:, None] - w[None]).norm(dim=2)
    return net, (gap / apart).nan_to_num(nan=torch.inf).amin(1)


def test_deepfool_is_exact_on_a_linear_model():
    data = table()
    net, true = linear(data)
    found = extras.deepfool(models.adapt(net, data.x), data.x, data.y)
    torch.testing.assert_close(found.double(), true, rtol=1e-4, atol=1e-5)
    pool = signals(data, model=net, epochs=0, extras="deepfool", show=False)
    torch.testing.assert_close(pool.deepfool.double(), true, rtol=1e-4, atol=1e-5)
    assert select("deepfool", pool, 10).indices.tolist() == true.argsort()[:10].tolist()


def test_deepfool_looks_at_the_ten_likeliest_of_many_classes():
    data = table(c=6)
    net = nn.utils.skip_init(nn.Linear, 5, 40)
    models.init_(net, torch.Generator().manual_seed(2))
    found = extras.deepfool(models.adapt(net, data.x), data.x, data.y)
    w, score = net.weight.detach(), net(data.x).detach()
    own = score.argmax(1)
    near = score.topk(10).indices
    gap = (score.gather(1, own[:, None]) - score) / (w[own][:, None] - w[None]).norm(dim=2)
    true = gap.gather(1, near[:, 1:]).amin(1)
    torch.testing.assert_close(found, true, rtol=1e-3, atol=1e-4)


def test_deepfool_reaches_the_boundary_of_a_network():
    """The found distance is an upper bound, so no point much nearer may be of another class; and it is not far off."""
    data = table(40)
    net = models.build("mlp", data, torch.Generator().manual_seed(3))
    modes = [m.training for m in net.modules()]
    wanted = [p.requires_grad for p in net.parameters()]
    found = extras.deepfool(net, data.x, data.y)
    assert [m.training for m in net.modules()] == modes
    assert [p.requires_grad for p in net.parameters()] == wanted
    assert all(p.grad is None for p in net.parameters())
    assert torch.isfinite(found).all() and (found > 0).all()
    rng = torch.Generator().manual_seed(4)
    x = net.prepare(data.x)
    body = nn.Sequential(net.trunk, net.head)
    with torch.no_grad():
        own = body(x).argmax(1)
        for share, least in ((0.5, 0.999), (30.0, 0.0)):
            way = torch.nn.functional.normalize(torch.randn(200, *x.shape, generator=rng), dim=2)
            there = body((x + share * found[:, None] * way).flatten(0, 1)).argmax(1).reshape(200, -1)
            same = float((there == own).double().mean())
            assert same >= least and (share < 1 or same < 0.95)


def test_deepfool_is_the_same_in_blocks_and_can_be_stopped():
    data = table(50)
    net = models.build("mlp", data, torch.Generator().manual_seed(5))
    whole = extras.deepfool(net, data.x, data.y)
    one = torch.cat([extras.deepfool(net, data.x[i : i + 1], data.y[i : i + 1]) for i in range(50)])
    torch.testing.assert_close(whole, one, rtol=1e-3, atol=1e-5)
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        extras.deepfool(net, data.x, data.y)


def test_rows_that_nothing_can_move_are_the_easiest():
    """A network that answers with its bias has no boundary: infinite distances, which rank last and stay finite."""
    data = table(20)
    net, _ = linear(data)
    nn.init.zeros_(net.weight)
    found = extras.deepfool(models.adapt(net, data.x), data.x, data.y)
    assert torch.isinf(found).all()
    pool = make(20)
    score = select("deepfool", pool.add(deepfool=found), 20).score
    assert (score == 0).all()
    mixed = found.clone()
    mixed[3], mixed[7], mixed[11] = 1.5, 4.0, 8.0
    ranked = select("deepfool", pool.add(deepfool=mixed), 20)
    assert ranked.indices[:2].tolist() == [3, 7] and ranked.score.min() == -8


def test_deepfool_names_the_call_that_makes_it():
    with pytest.raises(ValueError, match=r"extras=\('deepfool',\)"):
        select("deepfool", make(10).only("emb", "y"), 3)
