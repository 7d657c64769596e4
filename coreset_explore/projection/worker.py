"""Layouts in a process of their own: the caller's interpreter stays free, and cancelling is immediate.

UMAP holds the interpreter for seconds while it is imported and its machine code read, or compiled where none was kept,
which would freeze a notebook's page; the process is kept, so that is once.
`python -m coreset_explore.projection.worker` is the other end.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from coreset_explore.progress import listening, relay
from coreset_explore.projection import layouts


class Worker:
    """One process that lays out points on request; started when first asked, ended by `close` or by a cancel."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def __call__(self, how: str, x: Tensor, seed: int, **settings: Any) -> Tensor:
        """`layouts.umap` or `tsne` of x (n, d), over there: (n, 2). Tells progress; a cancel ends the process."""
        with tempfile.TemporaryDirectory(prefix="coreset-map-") as folder:
            given, answer = Path(folder) / "x.npy", Path(folder) / "xy.npy"
            np.save(given, x.numpy())
            self._ask({"how": how, "seed": seed, "settings": settings, "x": str(given), "xy": str(answer)})
            try:
                self._listen()
            except BaseException:  # cancelled, interrupted or failed: whatever it does now is not wanted
                self.close()
                raise
            return torch.from_numpy(np.load(answer))

    def start(self) -> subprocess.Popen[str]:
        """Start the process now, so that a later request need not wait for its imports."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._lines, self._words = queue.SimpleQueue(), tempfile.TemporaryFile("w+")
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "coreset_explore.projection.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([p for p in sys.path if p]),
                "OMP_NUM_THREADS": "1",
            },
        )
        threading.Thread(target=self._read, args=(process.stdout, self._lines), daemon=True).start()
        return process

    def close(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
            self._words.close()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _ask(self, request: dict) -> None:
        pipe = self.start().stdin
        assert pipe is not None  # as asked of Popen
        pipe.write(json.dumps(request) + "\n")
        pipe.flush()

    def _listen(self) -> None:
        with relay() as tell:
            while True:
                tell()  # a chance to be cancelled, also while the other side compiles and says nothing
                try:
                    line = self._lines.get(timeout=0.05)
                except queue.Empty:
                    continue
                if line is None:
                    raise RuntimeError(f"the process that draws maps ended: {self._last_words()}")
                said = json.loads(line)
                if "error" in said:
                    raise RuntimeError(f"the map could not be drawn: {said['error']}")
                if "done" in said:
                    return
                tell(said["fraction"], said["text"])

    def _last_words(self) -> str:
        status = self._process.wait() if self._process else None
        self._words.seek(0)
        return (self._words.read().strip().splitlines() or [f"exit status {status}"])[-1]

    @staticmethod
    def _read(said: IO[str], lines: queue.SimpleQueue) -> None:
        for line in said:
            lines.put(line)
        lines.put(None)


def _serve() -> None:
    """Answer requests until the other end closes; quietly, so that nothing but answers goes to stdout."""
    answers = sys.stdout
    sys.stdout = sys.stderr
    if hasattr(os, "nice"):
        os.nice(5)  # the page comes first

    def say(**words) -> None:
        print(json.dumps(words), file=answers, flush=True)

    for line in sys.stdin:
        request = json.loads(line)
        try:
            with listening(lambda fraction, text: say(fraction=fraction, text=text)):
                layout = getattr(layouts, request["how"])
                xy = layout(torch.from_numpy(np.load(request["x"])), request["seed"], **request["settings"])
            np.save(request["xy"], xy.numpy())
        except Exception as error:  # told to the one who asked, who raises it there
            say(error=f"{type(error).__name__}: {error}")
        else:
            say(done=True)


if __name__ == "__main__":
    _serve()
