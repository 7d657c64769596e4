"""Batch methods as streams, and streams as batch methods."""

import pytest
import torch

from coreset_explore import Cancelled, Memory, Pool, Selection, listening, observe, offline, online, select
from tests.pools import make

POOL = make(60, target=False)
BY_CLASS = POOL[POOL.y.argsort(stable=True)]


def passed(rule, capacity: int, parts: int = 6, pool: Pool = BY_CLASS) -> Memory:
    memory = Memory()
    for rows in torch.arange(len(pool)).tensor_split(parts):
        memory = observe(rule, memory, pool[rows], capacity)
    return memory


def test_each_part_has_its_share_and_the_method_picks_within():
    memory = observe(online("herding"), None, BY_CLASS[:40], 12)
    assert memory.pool.ids.tolist() == select("herding", BY_CLASS[:40], 12, show=False).ids.tolist()
    after = observe(online("herding"), memory, BY_CLASS[40:], 12)
    old = select("herding", memory.pool, 8, show=False).ids.tolist()
    new = select("herding", BY_CLASS[40:], 4, show=False).ids.tolist()
    assert after.pool.ids.tolist() == old + new
    assert after.weights.tolist() == pytest.approx([40 / 8] * 8 + [20 / 4] * 4)


def test_the_past_is_not_forgotten():
    """Choosing anew from the union of memory and batch would leave the first class a row or none."""
    counts = passed(online("herding"), 18, 12).pool.y.bincount(minlength=3)
    assert counts.min() >= 4


def test_counts_stay_the_methods_own_and_add_up():
    memory = passed(online("kcenter"), 9)
    assert float(memory.weights.sum()) == pytest.approx(60) and len(set(memory.weights.tolist())) > 2
    again = passed(online("craig", wrap=["per_class"], space="emb"), 9)
    assert float(again.weights.sum()) == pytest.approx(60)


def test_what_can_be_no_stream_is_told():
    with pytest.raises(ValueError, match="picks of your own"):
        online(Selection.of([1, 2]))
    with pytest.raises(ValueError, match="matches validation rows"):
        online("glister")


def test_a_stream_selects_from_a_pool_in_the_order_of_ids():
    for name in ("window", "gmc"):
        found = select(offline(name, size=25), POOL, 7, show=False)
        memory, order = Memory(), POOL.ids.argsort()
        for rows in order.split(25):
            memory = observe(name, memory, POOL[rows], 7)
        assert found.ids.tolist() == memory.pool.ids.tolist()
        assert torch.allclose(found.weights, memory.weights)


def test_streams_combine_as_methods_do():
    found = select(offline("reservoir"), POOL, 9, wrap=["per_class"], show=False)
    assert POOL.y[found.indices].bincount().tolist() == [3, 3, 3]
    with pytest.raises(ValueError, match="begins with an empty memory"):
        select(offline("window"), POOL, 3, given=[1], show=False)


def test_a_long_stream_can_be_stopped():
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        select(offline("window"), POOL, 3, show=False)
