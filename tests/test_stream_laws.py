"""The laws of streams: written once, met by every registered stream on rows that come class by class.

A stream joins by being registered. A law that does not apply is declared by the stream (`skips`, with the reason).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from coreset_explore import STREAMS, Memory, Pool, observe, online
from coreset_explore.pool import Missing
from coreset_explore.registry import Method
from tests import pretend
from tests.pools import make
from tests.test_laws import explained

POOL = replace(make(48, target=False), info={})
POOL = POOL[POOL.y.argsort(stable=True)]  # class by class, as the streams come that forget
BATCHES = POOL[:20], POOL[20:27], POOL[27:28], POOL[28:]
N = len(POOL)

LAWS: dict[str, Callable[[Method], None]] = {}


def law(check: Callable[[Method], None]) -> Callable[[Method], None]:
    LAWS[check.__name__] = check
    return check


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stream" in metafunc.fixturenames:
        streams = [*STREAMS.values(), online("herding"), online("random")]
        chosen = [(name, s) for s in streams for name in LAWS if name not in s.skips]
        metafunc.parametrize("name, stream", chosen, ids=[f"{s.name}-{name}" for name, s in chosen])


def test_law(name: str, stream: Method) -> None:
    LAWS[name](stream)


def test_a_stream_skips_laws_that_there_are_and_says_why() -> None:
    assert len(STREAMS) >= 4
    for stream in STREAMS.values():
        assert set(stream.skips) <= set(LAWS) and all(reason.strip() for reason in stream.skips.values())


def run(
    stream: Method, capacity: int, batches=BATCHES, memory: Memory | None = None, seed: int = 0
) -> Memory:
    memory = memory or Memory()
    for batch in batches:
        memory = observe(stream, memory, batch, capacity, seed=seed)
    return memory


def copied(pool: Pool) -> Pool:
    return pool[torch.arange(len(pool))]


def same(one: Memory, two: Memory) -> None:
    assert one.pool.ids.tolist() == two.pool.ids.tolist() and one.seen == two.seen and one.held == two.held
    assert torch.equal(one.weights, two.weights)
    assert all(torch.equal(one.pool.fields[name], two.pool.fields[name]) for name in ("emb", "y"))


@law
def never_above_capacity_and_every_row_once(stream: Method) -> None:
    for capacity in (1, 2, 7, 20, N, N + 5):
        memory, seen = Memory(), 0
        for batch in BATCHES:
            before, memory = memory, observe(stream, memory, batch, capacity)
            seen += len(batch)
            held = [batch.ids] + [part.ids for part in (before.pool, before.aside) if part is not None]
            ids = memory.pool.ids
            assert 0 < len(memory) == len(ids.unique()) <= capacity and memory.held >= len(memory)
            assert torch.isin(ids, torch.cat(held)).all() and memory.seen == seen
            assert len(memory) == min(capacity, seen) or len(memory.stopped) > 20
            where = (ids[:, None] == POOL.ids).int().argmax(1)  # each row still has its own facts
            assert torch.equal(memory.pool.y, POOL.y[where]) and torch.equal(memory.pool.emb, POOL.emb[where])
            weighed(stream, memory)


def weighed(stream: Method, memory: Memory) -> None:
    w = memory.weights
    assert w.dtype == torch.float64 and len(w) == len(memory) and torch.isfinite(w).all()
    if stream.weights == "uniform":
        assert torch.allclose(w, torch.full_like(w, memory.seen / len(memory)))
    if stream.weights == "counts":
        assert (w >= 0).all() and float(w.sum()) == pytest.approx(memory.seen)


@law
def it_sees_each_batch_once_and_nothing_else(stream: Method) -> None:
    """What was handed over is destroyed after each update: whoever went back to it would keep other rows."""
    memory = Memory()
    for batch in BATCHES:
        batch, before = copied(batch), memory
        told = (len(before), before.seen, sorted(before.state))
        memory = observe(stream, memory, batch, 9)
        assert told == (len(before), before.seen, sorted(before.state)), "the memory handed in was changed"
        for held in (batch.emb, batch.logits, batch.grads.r, batch.grads.h):
            held.fill_(float("nan"))
        batch.ids.fill_(-1)
        batch.y.fill_(0)
    same(memory, run(stream, 9))


@law
def same_seed_same_memory(stream: Method) -> None:
    same(run(stream, 9, seed=3), run(stream, 9, seed=3))


@law
def draws_as_declared(stream: Method) -> None:
    rng = torch.Generator().manual_seed(1)
    before = rng.get_state()
    memory = Memory()
    for batch in BATCHES:
        memory = stream.fn(memory, batch, 9, rng=rng)
    assert stream.draws == (not torch.equal(before, rng.get_state()))


@law
def global_generators_untouched(stream: Method) -> None:
    def states():
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        return torch.get_rng_state().tolist(), random.getstate(), name, keys.tolist(), rest

    before = states()
    run(stream, 9)
    assert states() == before


@law
def saved_and_loaded_it_goes_on_as_if_never_stopped(stream: Method) -> None:
    with tempfile.TemporaryDirectory() as folder:
        half = run(stream, 9, BATCHES[:2])
        again = Memory.load(half.save(Path(folder) / "memory.npz"))
    same(half, again)
    same(run(stream, 9, BATCHES[2:], half), run(stream, 9, BATCHES[2:], again))


@law
def a_batch_cut_in_two_leaves_the_same_memory(stream: Method) -> None:
    """Drawn or not: what is drawn is drawn row by row, so from one generator the law and the memory are the same."""
    whole, parts = Memory(), Memory()
    one, two = (torch.Generator().manual_seed(4) for _ in range(2))
    for batch in BATCHES:
        whole = stream.fn(whole, batch, 9, rng=one)
        for part in (batch[:7], batch[7:]):
            parts = stream.fn(parts, part, 9, rng=two) if len(part) else parts
    same(whole, parts)


@law
def reads_only_what_it_declares(stream: Method) -> None:
    for fields in stream.alternatives():
        memory = run(stream, 9, [batch.only(*fields) for batch in BATCHES])
        assert memory.pool.ids.tolist() == run(stream, 9).pool.ids.tolist()


@law
def says_what_is_missing(stream: Method) -> None:
    bare = Pool(POOL.only().fields)
    if stream.alternatives()[0]:
        with pytest.raises(Missing, match="signals|Pool.of"):
            observe(stream, None, bare, 9)
    else:
        assert len(observe(stream, None, bare, 9)) == 9


@law
def rows_that_come_twice_are_refused(stream: Method) -> None:
    memory = run(stream, 9, BATCHES[:2])
    with pytest.raises(ValueError, match=r"came before and is held still") as caught:
        observe(stream, memory, memory.pool.only(*BATCHES[0].fields)[:2], 9)
    explained(caught.value)
    with pytest.raises(ValueError, match=r"brings row \d+ twice"):
        observe(stream, None, POOL[[3, 4, 3]], 9)


@law
def an_empty_batch_changes_nothing(stream: Method) -> None:
    assert len(run(stream, 9, [POOL[:0]])) == 0
    same(run(stream, 9, [*BATCHES, POOL[:0]]), run(stream, 9))


@law
def one_class_one_row_or_equal_rows(stream: Method) -> None:
    single = POOL[POOL.y == 1]
    for pool in (single, single[:1]):
        memory = run(stream, 5, [pool])
        assert 0 < len(memory) <= min(5, len(pool))
    flat = replace(
        POOL, fields={**POOL.fields, "emb": torch.ones_like(POOL.emb), "grads": POOL.grads[[0] * N]}
    )
    memory = run(stream, 5, [flat[:10], flat[10:]])
    weighed(stream, memory)


@law
def fewer_rows_than_classes(stream: Method) -> None:
    memory = run(stream, 2)
    assert 0 < len(memory) <= 2
    weighed(stream, memory)


@law
def less_room_than_before_is_obeyed(stream: Method) -> None:
    memory = observe(stream, run(stream, 9, BATCHES[:2]), BATCHES[2], 4)
    assert 0 < len(memory) <= 4
    weighed(stream, memory)


@law
def more_room_than_before_is_used_or_refused(stream: Method) -> None:
    memory = run(stream, 4, BATCHES[:2])
    try:
        after = observe(stream, memory, BATCHES[3], 9)
    except ValueError as error:
        explained(error)
    else:
        assert 4 < len(after) == len(after.pool.ids.unique()) <= 9 or len(after.stopped) > 20
        weighed(stream, after)


@law
def a_batch_of_other_features_is_told(stream: Method) -> None:
    memory = run(stream, 9, BATCHES[:2])
    narrow = replace(POOL[30:], fields={**POOL[30:].fields, "emb": POOL[30:].emb[:, :2]})
    with pytest.raises(ValueError, match="'emb' has shape") as caught:
        observe(stream, memory, narrow, 9)
    explained(caught.value)


@law
def a_capacity_is_a_whole_number(stream: Method) -> None:
    for capacity in (0, -1, 2.5, True, None):
        with pytest.raises(ValueError, match="capacity is a whole number") as caught:
            observe(stream, None, BATCHES[0], capacity)
        assert "\n" not in str(caught.value)


@law
def another_device_keeps_the_same_rows(stream: Method) -> None:
    there = [batch.to(pretend.device()) for batch in BATCHES]
    memory = run(stream, 9, there)
    assert memory.pool.device == there[0].device
    assert memory.pool.ids.to("cpu").tolist() == run(stream, 9).pool.ids.tolist()


@law
def describes_itself(stream: Method) -> None:
    assert stream.summary.endswith(".") and len(stream.summary) < 130
    assert stream.paper or stream.purpose == "baseline"
    assert all(param.help for param in stream.params.values()), "every parameter says what it does"
    assert stream.bytes is None or stream.bytes(1000, 10, 3, 100) > 0
    assert stream.at in ("initial", "current")
