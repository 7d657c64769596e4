"""Every kernel beside its peers: apricot-select, submodlib-py, scikit-learn, scikit-activeml, and the machine's limits.

    python benchmarks/selection.py                    every case, some twenty minutes on two cores
    python benchmarks/selection.py craig pursuit      the cases whose names begin so
    python benchmarks/selection.py --list

Each case runs in a process of its own. Results go to benchmarks/results/selection.json and, as tables, selection.md;
cases that are not run keep the rows they have there. A peer that cannot be used is left out with a sentence.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from machine import RESULTS, machine

JSON, TABLES = RESULTS / "selection.json", RESULTS / "selection.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", help="cases, by the beginnings of their names; all, if none is given"
    )
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    parser.add_argument("--tiny", action="store_true", help="a few rows each, nothing kept: whether it runs")
    parser.add_argument(
        "--one", help=argparse.SUPPRESS
    )  # one case in this process, its results to standard output
    asked = parser.parse_args()
    if asked.one:
        print("\n" + json.dumps(measured(asked.one, asked.tiny)))
        return 0
    from cases import CASES

    if asked.list:
        print("\n".join(CASES))
        return 0
    wanted = [name for name in CASES if not asked.names or name.startswith(tuple(asked.names))]
    if idle := [name for name in asked.names if not any(case.startswith(name) for case in CASES)]:
        parser.error(f"no case begins with {', '.join(idle)}; there are {', '.join(CASES)}")
    ended = [in_its_own_process(name, asked.tiny) for name in wanted]
    return 0 if all(ended) else 1


def measured(name: str, tiny: bool) -> dict:
    """One case's results, with the machine, its rates, the versions and the load."""
    from cases import CASES, Bench
    from cases.floors import best, rates
    from cases.peers import versions

    from coreset_explore.greedy import warm

    warm()
    where, start = machine(), time.perf_counter()
    where["versions"] |= versions()
    if subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "coreset_explore"], check=False).returncode:
        where["commit"] += " and changes after it"
    here = (where["processor"], where["cores"], where["torch_threads"])
    before = [] if tiny else [found["rates"] for found in known().values() if measured_at(found) == here]
    bench = Bench(tiny, best([rates(tiny), *before]))
    CASES[name](bench)
    return {
        "machine": where | {"load_1min_after": round(os.getloadavg()[0], 2)},
        "rates": bench.limits,
        "seconds": round(time.perf_counter() - start, 1),
        "absent": bench.absent,
        "targets": bench.targets,
        "rows": bench.rows,
    }


def known() -> dict[str, dict]:
    """The cases' results so far."""
    return json.loads(JSON.read_text())["cases"] if JSON.exists() else {}


def measured_at(found: dict) -> tuple:
    return tuple(found["machine"][part] for part in ("processor", "cores", "torch_threads"))


def in_its_own_process(name: str, tiny: bool) -> bool:
    """Run a case and keep its results; False where it failed, and then its former rows stay."""
    print(f"== {name}", flush=True)
    command = [sys.executable, __file__, "--one", name, *(["--tiny"] if tiny else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    *said, last = done.stdout.rstrip().splitlines() or [""]
    print("\n".join(line for line in said if line))
    if done.returncode:
        print(f"{name} ended with code {done.returncode}; what was known of it stays as it was")
        return False
    found = json.loads(last)
    for line in tables(name, found):
        print(line)
    if not tiny:
        keep(name, found)
    return True


def keep(name: str, found: dict) -> None:
    """Put a case's results beside those of the others, in the order of the cases."""
    from cases import CASES

    kept = known() | {name: found}
    kept = {case: kept[case] for case in CASES if case in kept}
    RESULTS.mkdir(exist_ok=True)
    JSON.write_text(json.dumps({"cases": kept}, indent=1, ensure_ascii=False) + "\n")
    TABLES.write_text(report(kept))


def report(cases: dict[str, dict]) -> str:
    """All results as one page."""
    lines = [
        "# Selection kernels beside their peers",
        "",
        "Written by `python benchmarks/selection.py`. Ours and the peers get the same input, are warmed, and take",
        "turns: the median (best to worst) of so many runs. `times ours` is a peer's median over ours. Floor: the",
        "least that the operations (at this machine's float32 matrix product) and the bytes (at its reading rate) can",
        "take, stage after stage, at the best rates seen so far. Peak is memory beyond what was held before. Busy",
        "elsewhere: cores that other processes used meanwhile. `x` marks seconds extrapolated from a smaller run, as",
        "the note says.",
        "",
        "## Targets",
        "",
        "| target | found | asked for | |",
        "| --- | ---: | ---: | --- |",
    ]
    for found in cases.values():
        for row in found["targets"]:
            asked = f"≥ {row['least']:g}" if row["least"] is not None else f"≤ {row['most']:g}"
            mark = {True: "met", False: "**missed**", None: "no peer"}[row["met"]]
            value = "" if row["found"] is None else f"{row['found']:.4g}"
            lines.append(f"| {row['target']} | {value} | {asked} | {mark} |")
    for name, found in cases.items():
        lines += ["", *tables(name, found)]
    return "\n".join(lines) + "\n"


def tables(name: str, found: dict) -> list[str]:
    """One case as markdown."""
    where, limits = found["machine"], found["rates"]
    versions = ", ".join(f"{package} {version}" for package, version in where["versions"].items())
    lines = [
        f"## {name}",
        "",
        f"{where['date']}, commit {where['commit']}, {where['processor']}, {where['cores']} cores, "
        f"{where['memory_gb']} GB, {where['torch_threads']} threads, load {where['load_1min']} before and "
        f"{where['load_1min_after']} after; {limits['gemm_gflops']} GFLOP/s, {limits['read_gb_per_s']} GB/s read. "
        f"{versions}.",
        *(f"\n{line}." for line in found["absent"]),
    ]
    what = None
    for row in found["rows"]:
        if row["what"] != what:
            what = row["what"]
            least = f"; floor {row['floor_s']:.3g} s" if row["floor_s"] else ""
            lines += ["", f"**{what}** (objective: {row['objective_is']}{least})", "", HEAD, RULE]
        shown = f"{'x ' if row['extrapolated'] else ''}{row['median_s']:.3g}"
        spread = f" ({row['best_s']:.3g} to {row['worst_s']:.3g}), {row['runs']}"
        cells = [
            row["who"],
            shown + spread,
            _cell(row["ratio"]),
            _cell(row["objective"], "{:.6g}"),
            _cell(row["peak_mb"], "{:.0f}"),
            _cell(row["of_floor"]),
            _cell(row["busy_elsewhere"], "{:.2f}"),
            row["note"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


HEAD = "| | seconds, runs | times ours | objective | peak MB | times floor | busy elsewhere | |"
RULE = "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"


def _cell(value: float | None, form: str = "{:.3g}") -> str:
    return "" if value is None else form.format(value)


if __name__ == "__main__":
    Path(RESULTS).mkdir(exist_ok=True)
    sys.exit(main())
