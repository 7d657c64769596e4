"""How long imports take beyond torch: median of seven fresh processes each."""

from __future__ import annotations

import subprocess
import sys

from machine import summary, write

EVERYTHING = "import torch, coreset_explore as c\nfor name in c.__all__: getattr(c, name)"
CASES = {
    "torch": "import torch",
    "torch, numpy, then coreset_explore": "import torch, numpy, coreset_explore",
    "torch, then coreset_explore and every name in it": EVERYTHING,
    "torch, ipywidgets, then widgets.explore": "import torch, ipywidgets\nfrom widgets import explore",
}
CODE = "import time, sys\nt=time.perf_counter()\n{}\nprint(time.perf_counter()-t)"


def measure(statement: str) -> float:
    """Seconds of the statement in a fresh process, the interpreter's own start not counted."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(statement)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    times = {name: [] for name in CASES}
    for _ in range(7):
        for name, statement in CASES.items():
            times[name].append(measure(statement))
    write("imports", [{"what": name, **summary(found)} for name, found in times.items()])
