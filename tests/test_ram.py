"""How much memory there is, and how much a block of code used."""

import builtins
import gc
import mmap
import sys

import psutil
import pytest
import torch

from coreset_explore.machine.ram import available_bytes, peak_memory

CPU = torch.device("cpu")


def touched(size: int) -> None:
    """Fresh pages, given back at once: an allocator might hand out what it kept of an earlier test."""
    with mmap.mmap(-1, size) as pages:
        for at in range(0, size, mmap.PAGESIZE):
            pages[at] = 1


def test_available_bytes_are_some_of_the_machines():
    told = psutil.virtual_memory()
    assert 0 < available_bytes() < told.total
    assert abs(available_bytes() - told.available) < 0.1 * told.total


@pytest.mark.skipif(sys.platform != "linux", reason="the high-water mark is the Linux kernel's")
def test_a_peak_that_is_over_is_seen_to_a_few_megabytes():
    size = 64 << 20
    gc.collect()  # what earlier tests left must not be given back in the middle
    with peak_memory(CPU) as small:
        touched(size // 4)
    with peak_memory(CPU) as found:
        touched(size)  # and gone again
    assert abs(found["bytes"] - size) < 4 << 20
    assert small["bytes"] < size / 2


def test_without_a_high_water_mark_nothing_is_claimed(monkeypatch):
    def nowhere(path, *args, **kwargs):
        raise OSError(path)

    with monkeypatch.context() as patched:
        patched.setattr(builtins, "open", nowhere)
        with peak_memory(CPU) as found:
            pass
    assert found["bytes"] is None
