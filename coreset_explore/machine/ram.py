"""How much memory a block of code used, and how much there is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psutil
import torch


@contextlib.contextmanager
def peak_memory(device: torch.device) -> Iterator[dict]:
    """Extra memory used inside the block, in bytes under "bytes": on a GPU by torch's count, else by the kernel's
    high-water mark of the process; None where there is neither (outside Linux: what psutil knows there is the
    highest of the process's whole life)."""
    found: dict[str, int | None] = {"bytes": None}
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield found
        found["bytes"] = torch.cuda.max_memory_allocated(device) - before
        return
    before = None
    with contextlib.suppress(OSError):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = _status("VmRSS")
    yield found
    if before is not None:
        found["bytes"] = max(0, _status("VmHWM") - before)


def available_bytes() -> int:
    """Memory that a run could take without swapping."""
    return psutil.virtual_memory().available


def _status(key: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))
