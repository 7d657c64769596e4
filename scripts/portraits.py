"""Run the walkthroughs that open panels in JupyterLab, and store what their cells show: of a panel its picture.

GitHub shows no widget, and who opens a walkthrough sees in the cell's own place what running it brings to life.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.refresh import is_view, kept, lighter, opens_panels, walkthroughs
from tests.browser.chromium import find
from tests.browser.conftest import FLAGS
from tests.browser.lab import Console, Notebook
from tests.browser.servers import jupyterlab

WINDOW = {"width": 1440, "height": 1000}
AROUND = 300  # pixels that JupyterLab and the cell need over a panel and under it
STILL = 4000  # milliseconds in which a panel changes no more
BUSY = "() => [...document.querySelectorAll('.cx-map-job')].some(one => !one.classList.contains('cx-hidden'))"


def portraits(page: Page, address: str, root: Path, path: Path) -> None:
    """Run one walkthrough in the page and write it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    (root / path.name).write_bytes(path.read_bytes())
    book = Notebook(page, address, root, path.name, Console())
    book.load()
    book.run_all()
    pictures = []
    for number in range(page.locator(".cx-status").count()):
        book.wait_state("done", timeout=120, nth=number)
        panel = page.locator(".cx").nth(number)
        panel.scroll_into_view_if_needed()
        page.wait_for_timeout(STILL)
        tall = max(WINDOW["height"], round((panel.bounding_box() or {"height": 0})["height"]) + AROUND)
        page.set_viewport_size({**WINDOW, "height": tall})  # what is not seen is not in the picture
        page.wait_for_function(f"() => !({BUSY})()", timeout=120_000)
        page.wait_for_timeout(STILL)
        pictures.append(lighter(base64.b64encode(panel.screenshot()).decode()))
    saved = nbformat.reads(json.dumps(book.save()), as_version=4)  # multi-line strings are joined
    for cell, run in zip(notebook.cells, saved.cells, strict=True):
        if cell.cell_type != "code":
            continue
        cell.metadata.clear()
        cell.execution_count = run.execution_count
        if any(map(is_view, run.outputs)):
            shown = nbformat.v4.new_output("display_data", {"image/png": pictures.pop(0)})
            cell.outputs = [shown]
        else:
            cell.outputs = [output for output in map(kept, run.outputs) if output is not None]
    notebook.metadata.pop("widgets", None)
    nbformat.write(notebook, path)
    book.close()


def main() -> None:
    root = Path(tempfile.mkdtemp())
    with jupyterlab(root) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*FLAGS, "--no-sandbox"])
        for path in walkthroughs():
            if opens_panels(nbformat.read(path, as_version=4)):
                portraits(browser.new_context(viewport=WINDOW).new_page(), address, root, path)
        browser.close()


if __name__ == "__main__":
    main()
