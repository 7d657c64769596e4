"""What every result file says about where it was measured, and how it is written."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def machine() -> dict:
    """Processor, cores, load, memory, threads, versions and date."""
    import numba
    import numpy
    import torch

    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "commit": commit.stdout.strip(),
        "processor": name,
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "numba": numba.__version__,
        },
    }


def seconds(run: Callable[[], object], repeats: int = 3) -> list[float]:
    """Wall-clock seconds of `repeats` calls."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return found


def summary(times: list[float]) -> dict:
    """Median, best and worst of some seconds."""
    middle = statistics.median(times)
    return {
        "median_s": round(middle, 4),
        "best_s": round(min(times), 4),
        "worst_s": round(max(times), 4),
        "runs": len(times),
    }


def write(name: str, rows: list[dict], **more) -> Path:
    """benchmarks/results/NAME.json with the rows and the machine, load taken before and after."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **more, "rows": rows}, indent=1) + "\n")
    for row in rows:
        print("  ".join(f"{k}={v}" for k, v in row.items()))
    print(f"written to {path}")
    return path
