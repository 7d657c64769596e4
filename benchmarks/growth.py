"""What stays behind in the kernel and in the page: twenty re-runs of a panel's cell, then a thousand random actions.

Widgets and child processes of the kernel, its memory, and the page's JavaScript heap after it was swept, in MB. The
actions are those of tests/browser/test_random.py, with a seed. Needs a Chromium.

    python benchmarks/growth.py [re-runs] [actions]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from machine import write
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.browser.chromium import find
from tests.browser.conftest import FLAGS
from tests.browser.lab import Console, Notebook
from tests.browser.panel import RING
from tests.browser.servers import jupyterlab, write_notebook
from tests.browser.test_page import COUNTS
from tests.browser.test_random import Child

REST = 8000  # milliseconds: a view that was replaced is closed some seconds later


def counted(book: Notebook, what: str, at: int) -> dict:
    book.page.wait_for_timeout(REST)
    widgets, processes, memory = book.kernel(f"(__import__('gc').collect(), {COUNTS})[1]")
    devtools = book.page.context.new_cdp_session(book.page)
    devtools.send("HeapProfiler.collectGarbage")
    heap = round(devtools.send("Runtime.getHeapUsage")["usedSize"] / 2**20, 1)
    devtools.detach()
    row = {
        "what": what,
        "after": at,
        "widgets": widgets,
        "processes": processes,
        "kernel_mb": memory,
        "page_mb": heap,
    }
    print(row, flush=True)
    return row


def main(runs: str = "20", actions: str = "1000") -> None:
    rows: list[dict] = []
    root = Path(tempfile.mkdtemp())
    with jupyterlab(root) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*FLAGS, "--no-sandbox"])
        page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        page.set_default_timeout(60_000)
        console = Console().listen(page)
        write_notebook(root / "growth.ipynb", [RING])
        book = Notebook(page, address, root, "growth.ipynb", console)
        book.load()
        for at in range(int(runs) + 1):
            book.run_all()
            book.wait_state("done", timeout=120)
            if at in (0, 1) or at % 5 == 0:
                rows.append(counted(book, "re-runs of the cell", at))
        child = Child(book)
        for at in range(1, int(actions) + 1):
            child.act()
            if at in (100, 200) or at % 250 == 0:
                page.keyboard.press("Escape")
                rows.append(counted(book, "random actions", at))
        trouble = [str(error) for error in console.errors]
        print(f"{len(trouble)} errors on the page", *trouble[:5], sep="\n")
        book.close()
        browser.close()
    write("growth", rows, errors=len(trouble))


if __name__ == "__main__":
    main(*sys.argv[1:])
