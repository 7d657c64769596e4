"""How long a warm `make explore` takes until its page answers: median of five, from the command to the page's HTTP 200.

Runs in the project it lies in, with whatever `.venv` stands there: the first, cold run installs and is not counted.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from machine import summary, write

ROOT = Path(__file__).resolve().parents[1]


def start() -> tuple[float, float]:
    """Seconds until the address was printed, and until a GET of it answered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    server = subprocess.Popen(
        ["make", "explore", f"PORT={port}"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, "BROWSER": "true"},
    )  # fmt: skip
    try:
        printed = []
        for line in server.stdout:
            printed.append(line)
            if found := re.search(rf"http://127\.0\.0\.1:{port}\S+", line):
                break
        else:
            raise RuntimeError("make explore ended without an address:\n" + "".join(printed))
        told = time.perf_counter() - began
        with urllib.request.urlopen(found.group(), timeout=30) as page:
            page.read()
        return told, time.perf_counter() - began
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.communicate(timeout=30)


if __name__ == "__main__":
    start()  # installs, where that was not done; and warms the disk cache
    times = [start() for _ in range(5)]
    rows = [
        {"what": "make explore to its address", **summary([told for told, _ in times])},
        {"what": "make explore to the page answering", **summary([answered for _, answered in times])},
    ]
    write("startup", rows)
    print(rows)
