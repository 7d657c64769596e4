"""Ours and its peers on the same input: warmed, in turns, with objective, memory and distance from the floor."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from machine import summary

from cases.floors import Rates, floor
from cases.peers import missing
from coreset_explore.machine.ram import peak_memory

CASES: dict[str, Callable[[Bench], None]] = {}
ROUNDS = 5
LONG = ((60.0, 1), (20.0, 2), (8.0, 3))  # from so many seconds a run, only so many runs


def case(name: str):
    """Register a case."""

    def keep(function):
        CASES[name] = function
        return function

    return keep


@dataclass(frozen=True)
class Run:
    """One way to do it. `needs` names the package it comes from."""

    who: str
    call: Callable[[], Any]
    needs: str = ""
    # From what a smaller run answered and its seconds, the seconds of the whole: an extrapolated row.
    whole: Callable[[Any, float], float] | None = None
    judge: Callable[[Any], float | None] | None = None  # where the race's own does not apply
    note: str = ""


@dataclass
class Bench:
    """What a case is given, the machine's limits too, and what it leaves: rows, targets, what is missing."""

    tiny: bool = False
    limits: Rates = field(default_factory=dict)
    rows: list[dict] = field(default_factory=list)
    targets: list[dict] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def size(self, full: int, tiny: int) -> int:
        return tiny if self.tiny else full

    def race(
        self,
        what: str,
        runs: Sequence[Run],
        *,
        objective: str,
        judge: Callable[[Any], float | None],
        stages: Sequence[tuple[float, float]] = (),
    ) -> dict[str, dict]:
        """Rows by name. The first of `runs` is ours: the others' `ratio` is their seconds over its seconds.

        Every run is made once to warm it, which also gives its peak memory beyond what was held before, then in
        turns with the others: five times, fewer where one takes long.
        """
        least, before, field = floor(stages, self.limits), os.getloadavg()[0], {}
        for run in runs:
            if line := missing(run.needs):
                self._leave_out(line)
                continue
            _give_back()
            with Elsewhere() as elsewhere, peak_memory(torch.device("cpu")) as peak:
                start = time.perf_counter()
                answer, failed = _attempt(run)
                first = time.perf_counter() - start
            if failed:
                self._leave_out(f"{run.who}, {what}: {failed}")
                continue
            row = {"what": what, "who": run.who, "objective_is": objective}
            row["objective"] = _figures((run.judge or judge)(answer))
            row["peak_mb"] = None if peak["bytes"] is None else round(peak["bytes"] / 2**20, 1)
            field[run.who] = (run, row, [run.whole(answer, first) if run.whole else first], [elsewhere.cores])
            del answer
        self._take_turns(field)
        ours = None
        for run, row, times, busy in field.values():
            row |= summary(times)
            row["best_s"], row["median_s"], row["worst_s"] = (
                _figures(row[name]) for name in ("best_s", "median_s", "worst_s")
            )
            ours = ours or row["median_s"]
            row["ratio"] = round(row["median_s"] / ours, 2) if ours else None
            row["floor_s"] = _figures(least)
            row["of_floor"] = round(row["median_s"] / least, 1) if least else None
            row["load_before"], row["load_after"] = round(before, 2), round(os.getloadavg()[0], 2)
            row["busy_elsewhere"] = max((b for b in busy if b is not None), default=None)
            row["threads"] = torch.get_num_threads()
            row["extrapolated"], row["note"] = run.whole is not None, run.note
            self.rows.append(row)
        return {who: row for who, (_, row, _, _) in field.items()}

    def target(
        self, text: str, value: float | None, *, least: float | None = None, most: float | None = None
    ):
        """A number that was asked for beside the one that was found (None: its peer is not here)."""
        met = None if value is None else (least is None or value >= least) and (most is None or value <= most)
        self.targets.append({"target": text, "found": value, "least": least, "most": most, "met": met})

    def _leave_out(self, line: str) -> None:
        if line not in self.absent:
            self.absent.append(line)
            print(line, flush=True)

    def _take_turns(self, field: dict) -> None:
        rounds = {
            who: 1 if self.tiny else _rounds(run, times[0]) for who, (run, _, times, _) in field.items()
        }
        for turn in range(max(rounds.values(), default=0)):
            for who, (run, _, times, busy) in field.items():
                if rounds[who] == 1 or turn >= rounds[who]:
                    continue  # the first run is the one that counts
                gc.collect()
                with Elsewhere() as elsewhere:
                    start = time.perf_counter()
                    answer = run.call()
                    seconds = time.perf_counter() - start
                if turn == 0:
                    times.clear()  # that was the warming
                times.append(run.whole(answer, seconds) if run.whole else seconds)
                busy.append(elsewhere.cores)
                del answer


def _give_back() -> None:
    """Freed memory goes back to the system, so that what a run takes anew is seen."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # a C library of another kind
        ctypes.CDLL(None).malloc_trim(0)


def _attempt(run: Run) -> tuple[Any, str]:
    if not run.needs:
        return run.call(), ""
    try:
        return run.call(), ""
    except Exception as error:  # a peer's failure is a result, and the rest goes on
        return None, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"


def _rounds(run: Run, seconds: float) -> int:
    most = 2 if run.whole else ROUNDS
    return min(most, next((count for limit, count in LONG if seconds >= limit), ROUNDS))


def _figures(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


class Elsewhere:
    """How many cores, on average, other processes kept busy inside the block; None without psutil."""

    cores: float | None = None

    def __enter__(self) -> Elsewhere:
        self._start = self._read()
        return self

    def __exit__(self, *error) -> None:
        now = self._read()
        if now and self._start and now[0] - self._start[0] > 0.2:  # below that the clock ticks are too coarse
            wall, busy, own = (b - a for a, b in zip(self._start, now))
            self.cores = round(max(0.0, busy - own) / wall, 2)

    @staticmethod
    def _read() -> tuple[float, float, float] | None:
        if missing("psutil"):
            return None
        import psutil

        times, own = psutil.cpu_times(), psutil.Process().cpu_times()
        busy = sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
        return time.perf_counter(), busy, own.user + own.system
