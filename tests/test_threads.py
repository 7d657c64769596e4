"""The guard of threads: every pool at once, on any thread, nested and overlapping, and everything as it was after it.

Tests run with one thread each, so that what is limited here is first raised; a process of its own sees the defaults.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy
import pytest
import scipy.linalg  # noqa: F401  brings a BLAS of its own
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from coreset_explore.machine.threads import limited, threads

ROOT = Path(__file__).resolve().parent.parent


def told() -> dict[str, int]:
    """How many threads each library would use for whoever asks here."""
    # a BLAS on OpenMP asks that for its threads, whatever it says itself
    own = [one for one in threadpool_info() if one.get("threading_layer") != "openmp"]
    pools = {one["filepath"]: one["num_threads"] for one in own}
    return {**pools, "torch": torch.get_num_threads(), "faiss": faiss.omp_get_max_threads()}


def elsewhere(work):
    with ThreadPoolExecutor(1) as other:
        return other.submit(work).result()


@pytest.fixture
def three() -> Iterator[None]:
    """Three threads for every pool, here and for new threads of torch."""
    before = torch.get_num_threads()
    with threadpool_limits(3):
        torch.set_num_threads(3)
        yield
    torch.set_num_threads(before)


def set_to(counts: dict[str, int]) -> set[int]:
    return set(counts.values())


def test_every_pool_is_limited_and_comes_back(three):
    before = told()
    assert set_to(before) == {3} and sum("openblas" in name for name in before) >= 2
    with limited(1) as used:
        assert used == 1 and set_to(told()) == {1}
    assert told() == before


def test_it_comes_back_after_an_exception(three):
    with pytest.raises(ZeroDivisionError), limited(1):
        raise ZeroDivisionError
    assert set_to(told()) == {3}


def test_the_smallest_count_holds_and_nothing_is_raised(three):
    with limited(2) as two:
        with limited(5) as larger, limited(1) as smaller:
            assert (two, larger, smaller) == (2, 2, 1) and set_to(told()) == {1}
        assert set_to(told()) == {2}
    with limited(8) as used:
        assert used == 3 and set_to(told()) == {3}


def test_blocks_that_overlap_on_one_thread_end_with_the_last(three):
    first, second = limited(1), limited(2)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set_to(told()) == {2}
    second.__exit__(None, None, None)
    assert set_to(told()) == {3}


def shared(counts: dict[str, int]) -> set[int]:
    """Of the pools that belong to the process: numpy's and scipy's."""
    return {n for name, n in counts.items() if "numpy.libs" in name or "scipy.libs" in name}


def test_a_worker_limits_itself_and_leaves_other_threads_torch_alone(three):
    inside, leave = threading.Event(), threading.Event()

    def work():
        torch.set_num_threads(3)  # new threads of faiss's OpenMP start at the machine's number
        faiss.omp_set_num_threads(3)
        with limited(1):
            within = told()
            inside.set()
            leave.wait(10)
        return within, told()

    with ThreadPoolExecutor(1) as other:
        answer = other.submit(work)
        assert inside.wait(10)
        mine, newest = told(), elsewhere(told)
        leave.set()
        within, after = answer.result()
    assert set_to(within) == {1}
    assert mine["torch"] == 3 == mine["faiss"] and shared(mine) <= {1}
    assert newest["torch"] == 1, "what the work starts is limited too"
    assert after["torch"] == 3 == after["faiss"] and shared(after) <= {3}
    assert set_to(told()) == {3} and elsewhere(torch.get_num_threads) == 3


def test_whoever_leaves_first_takes_nothing_from_the_others(three):
    """A's block ends inside B's: A has its threads back, the process's pools wait for B."""
    entered, leave = threading.Barrier(2), threading.Event()

    def work():
        with limited(1):
            entered.wait(10)
            leave.wait(10)
            return told()

    with ThreadPoolExecutor(1) as other:
        with limited(2):
            answer = other.submit(work)
            entered.wait(10)
            assert torch.get_num_threads() == 2 and shared(told()) <= {1}
        assert torch.get_num_threads() == 3 and shared(told()) <= {1}
        assert elsewhere(torch.get_num_threads) == 1
        leave.set()
        assert answer.result()["torch"] == 1
    assert set_to(told()) == {3} and elsewhere(torch.get_num_threads) == 3


def test_many_users_on_many_threads_end_where_they_began(three):
    def work(seed: int) -> bool:
        right = True
        for i in range(20):
            with limited(1 + (seed + i) % 3) as used, limited(2) as less:
                right &= used <= 1 + (seed + i) % 3 and less <= 2 and torch.get_num_threads() == less
        return right

    with ThreadPoolExecutor(4) as others:
        assert all(others.map(work, range(8)))
    assert set_to(told()) == {3} and elsewhere(torch.get_num_threads) == 3


def test_a_callers_own_limit_outside_is_respected(three):
    with threadpool_limits(2):
        with limited(1):
            assert shared(told()) <= {1}
        assert shared(told()) <= {2}


def in_a_fresh_process(code: str) -> str:
    """What `code` prints where nothing limits threads from outside."""
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=free, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


LATE = """
import sys, threading
import torch
from threadpoolctl import threadpool_info
from coreset_explore.machine.threads import limited

def told(*names):
    own = [one for one in threadpool_info() if one.get("threading_layer") != "openmp"]
    return {one["num_threads"] for one in own for name in names if name in one["filepath"]}

assert "scipy" not in sys.modules and "faiss" not in sys.modules
def work():
    with limited(1):
        import scipy.linalg, faiss
        late = told("scipy.libs")
        with limited(1):
            assert told("") == {1} == told("scipy.libs") == told("faiss"), threadpool_info()
            assert faiss.omp_get_max_threads() == 1
        assert told("") == {1}, "still inside the first block"
    assert told("scipy.libs") == late and faiss.omp_get_max_threads() == max(late)
    assert told("") == late, threadpool_info()
thread = threading.Thread(target=work)
thread.start()
thread.join()
print("done")
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread")
def test_a_library_loaded_inside_is_limited_by_the_next_block_and_comes_back():
    assert in_a_fresh_process(LATE) == "done"


def test_a_block_without_imports_since_looks_for_no_libraries(monkeypatch):
    with limited(1):
        pass
    monkeypatch.setattr("coreset_explore.machine.threads.ThreadpoolController", None)
    with limited(1), limited(1):
        numpy.ones((4, 4)) @ numpy.ones((4, 4))


def test_threads_are_chosen_and_given_back(three):
    with threads(2) as count:
        assert count == 2 == torch.get_num_threads()
        with threads() as chosen:
            assert chosen in (1, 2) and set_to(told()) == {chosen}
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError), threads(1):
            raise RuntimeError
    assert set_to(told()) == {3}
