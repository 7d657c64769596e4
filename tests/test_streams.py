"""Streams against their definitions, written out; memories kept in files."""

from collections import Counter

import pytest
import torch

import coreset_explore as cx
from coreset_explore import Dense, Memory, Pool, observe
from coreset_explore.registry import STREAMS, stream
from tests.pools import make


def rows(start: int, stop: int, y=None) -> Pool:
    return Pool.of(
        [[float(i)] for i in range(start, stop)], y, ids=range(start, stop), classes=list("abcdef")
    )


def labelled(labels: str, start: int = 0) -> Pool:
    return rows(start, start + len(labels), ["abcdef".index(label) for label in labels])


def test_a_reservoir_keeps_every_row_with_the_same_chance():
    """Chi-square of 12 rows, 4 kept, over 600 streams in batches of 1 to 6: χ²(11) but for a factor.

    What is drawn without replacement scatters less than what is: (1 − m/n)·n/(n − 1) times as much.
    """
    runs, n, m = 600, 12, 4
    batches = [Pool({"ids": torch.arange(*ends)}) for ends in ((0, 3), (3, 4), (4, 6), (6, n))]
    counts, rng = torch.zeros(n), torch.Generator().manual_seed(0)
    for _ in range(runs):
        memory = Memory()
        for batch in batches:
            memory = STREAMS["reservoir"](memory, batch, m, rng=rng)
        counts[memory.pool.ids] += 1
    expected = runs * m / n
    statistic = float(((counts - expected).square() / expected).sum()) / ((1 - m / n) * n / (n - 1))
    assert 2.6 < statistic < 31.3  # each side one in a hundred or a thousand


def test_a_reservoir_knows_after_loading_how_many_it_has_seen(tmp_path):
    """One that began to count anew would let nearly all of the next rows in."""
    memory = observe("reservoir", None, rows(0, 4000), 50)
    loaded = Memory.load(memory.save(tmp_path / "memory.npz"))
    after = observe("reservoir", loaded, rows(4000, 4400), 50)
    assert after.seen == 4400 and int((after.pool.ids >= 4000).sum()) < 20  # 4.5 expected


def test_a_reservoir_cannot_grow_again():
    memory = observe("reservoir", None, rows(0, 30), 5)
    with pytest.raises(ValueError, match="held 5 of 30 rows and is asked for 6"):
        observe("reservoir", memory, rows(30, 31), 6)
    assert len(observe("reservoir", observe("reservoir", None, rows(0, 3), 5), rows(3, 40), 9)) == 9


def test_a_window_keeps_the_last():
    memory = observe("window", observe("window", None, rows(0, 4), 5), rows(4, 7), 5)
    assert memory.pool.ids.tolist() == [2, 3, 4, 5, 6] and memory.weights.tolist() == [1.4] * 5


def test_a_ring_keeps_the_newest_of_each_class():
    memory = observe("ring", None, labelled("aaaaaabbc"), 6)
    assert memory.pool.ids.tolist() == [3, 4, 5, 6, 7, 8]
    memory = observe("ring", memory, labelled("bcca", 9), 6)
    # b, c, c make room for themselves until all have two; the new a takes the place of the oldest
    assert memory.pool.ids.tolist() == [5, 7, 9, 10, 11, 12]
    assert Counter(memory.pool.y.tolist()) == {0: 2, 1: 2, 2: 2}


def test_a_ring_fills_what_small_classes_leave():
    memory = observe("ring", None, labelled("bcaaaaaaaaaa"), 8)
    assert Counter(memory.pool.y.tolist()) == {0: 6, 1: 1, 2: 1}
    assert observe("ring", None, labelled("abcdef"), 3).pool.y.tolist() == [0, 1, 2]


def test_a_ring_is_a_queue_a_class_a_row_at_a_time():
    """Above capacity the row's own class lets its oldest go if none is larger, else the first of the largest does."""
    rng = torch.Generator().manual_seed(0)
    for capacity in (1, 3, 7, 12):
        labels = torch.randint(0, 5, (40,), generator=rng).sort(descending=bool(capacity % 2)).values.tolist()
        queues: dict[int, list[int]] = {}
        for row, label in enumerate(labels):
            queues.setdefault(label, []).append(row)
            if sum(map(len, queues.values())) > capacity:
                most = max(map(len, queues.values()))
                full = (
                    label if len(queues[label]) == most else min(c for c in queues if len(queues[c]) == most)
                )
                queues[full].pop(0)
        memory = Memory()
        for start in range(0, 40, 9):
            batch = rows(start, min(start + 9, 40), labels[start : start + 9])
            memory = observe("ring", memory, batch, capacity)
        assert memory.pool.ids.tolist() == sorted(row for own in queues.values() for row in own)


def gdumb(labels: list[int], capacity: int, draws: list[list[float]]) -> list[int]:
    """Algorithm 1 of the paper, a row at a time, with the room filled first."""
    kept: list[int] = []
    known: list[int] = []
    for row, (label, (which, place)) in enumerate(zip(labels, draws, strict=True)):
        share = capacity / len(known) if known else capacity
        new, count = label not in known, sum(labels[i] == label for i in kept)
        if len(kept) < capacity or new or count < share:
            if len(kept) >= capacity:
                counts = {c: sum(labels[i] == c for i in kept) for c in known}
                largest = [c for c in known if counts[c] == max(counts.values())]
                victim = largest[int(which * len(largest))]
                mine = [i for i in kept if labels[i] == victim]
                kept.remove(mine[int(place * len(mine))])
            kept.append(row)
        known += [label] * new
    return sorted(kept)


@pytest.mark.parametrize("capacity", [1, 3, 8, 20])
def test_balanced_is_gdumbs_algorithm(capacity):
    labels = torch.randint(0, 4, (60,), generator=torch.Generator().manual_seed(0)).sort().values.tolist()
    draws = torch.rand(60, 2, generator=torch.Generator().manual_seed(5)).tolist()
    rng, memory = torch.Generator().manual_seed(5), Memory()
    for start in range(0, 60, 13):
        batch = rows(start, min(start + 13, 60), labels[start : start + 13])
        memory = STREAMS["balanced"](memory, batch, capacity, rng=rng)
    assert memory.pool.ids.tolist() == gdumb(labels, capacity, draws)


def test_balanced_in_a_long_stream_has_as_many_of_each_class():
    memory = Memory()
    for start in range(0, 90, 30):
        memory = observe("balanced", memory, labelled("abc"[start // 30] * 30, start), 12)
    assert Counter(memory.pool.y.tolist()) == {0: 4, 1: 4, 2: 4}


# -- one's own, and what is told of mistakes ------------------------------------------------------------------------


def test_a_stream_of_ones_own_is_registered_or_handed_over(monkeypatch):
    monkeypatch.setattr(STREAMS, "_found", dict(STREAMS._found))

    def oldest(memory, batch, capacity, *, rng):
        """The first rows."""
        return memory.keep(torch.arange(len(memory) + len(batch))[:capacity], batch)

    stream(needs="", draws=False)(oldest)
    for mine in ("oldest", oldest, STREAMS["oldest"]):
        memory = observe(mine, observe(mine, None, rows(0, 3), 2), rows(3, 5), 2)
        assert memory.pool.ids.tolist() == [0, 1] and memory.seen == 5
    with pytest.raises(TypeError, match=r"wants the signature update\(memory, batch, capacity"):
        stream(needs="")(lambda_of("update"))
    with pytest.raises(ValueError, match='"initial" or "current"'):
        stream(needs="", at="last")


def lambda_of(name):
    def update(rows, k, *, rng):
        return rows

    return update


def test_what_is_no_stream_no_memory_or_no_answer_is_told():
    with pytest.raises(ValueError, match="did you mean 'reservoir'"):
        observe("resevoir", None, rows(0, 3), 2)
    with pytest.raises(ValueError, match=r"a stream is a name \(.*reservoir"):
        observe(len, None, rows(0, 3), 2)
    with pytest.raises(ValueError, match="goes on from a Memory, not Pool"):
        observe("window", rows(0, 3), rows(3, 5), 2)
    with pytest.raises(ValueError, match="takes none"):
        observe("window", None, rows(0, 3), 2, size=3)

    def greedy(memory, batch, capacity, *, rng):
        return memory.keep(torch.arange(len(batch)), batch)

    with pytest.raises(ValueError, match="at most 2 rows was asked for"):
        observe(greedy, None, rows(0, 3), 2)


def test_batches_with_other_fields_are_told_apart():
    memory = observe("window", None, rows(0, 4), 3)
    with pytest.raises(ValueError, match="the second pool holds 'risk'"):
        observe("window", memory, rows(4, 6).add(risk=[0.1, 0.2]), 3)


def test_a_memory_file_holds_every_kind_of_field(tmp_path):
    pool = make(12, target=False).only("y", "emb", "grads", "history")
    for part in (pool, pool.add(grads=Dense(torch.rand(12, 3))), pool.add(grads=layers())):
        memory = observe("window", None, part, 12)
        again = Memory.load(memory.save(tmp_path / "memory.npz"))
        assert again.pool.classes == pool.classes and type(again.pool.grads) is type(part.grads)
        assert torch.equal(again.pool.grads.sum(), part.grads.sum())
        assert torch.equal(again.pool.grads.last.sum(), part.grads.last.sum())
        assert torch.equal(again.pool.history.kl, pool.history.kl)


def layers():
    X = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    return cx.initial_gradients(X, torch.arange(12) % 3, model="mlp", inits=1, how="exact", show=False)


def test_what_is_no_file_of_a_memory_is_told(tmp_path):
    memory = observe("window", None, rows(0, 4), 3)
    with pytest.raises(ValueError, match="saved as .npz, not '.csv'"):
        memory.save(tmp_path / "memory.csv")
    with pytest.raises(FileNotFoundError):
        Memory.load(tmp_path / "none.npz")
    path = memory.save(tmp_path / "memory.npz")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match="memory.npz is no memory that this library saved"):
        Memory.load(path)
    with pytest.raises(ValueError, match=r"state\['net'\] is .*which a file cannot hold"):
        Memory(memory.pool, memory.weights, 4, {"net": object()}).save(path)


def test_what_a_batch_brings_besides_its_rows_is_not_kept():
    """Validation and test rows are no rows of the stream."""
    memory = observe("reservoir", None, make(20), 5)
    assert memory.pool.target is None and memory.pool.test is None
