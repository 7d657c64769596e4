"""The panel as a story drives it: its tabs, its slider, its settings, and what it says."""

import re
from collections.abc import Callable, Iterable

from playwright.sync_api import Locator, Page, expect

from tests.browser.checks import blobs, lasting, misfits, pixels, violations
from tests.browser.lab import STATUS, Notebook

CELL = "from widgets import explore\npanel = explore()\npanel"
# Points on a ring, so that no two dots touch, and three classes whose colors are far from grey.
RING = """
import numpy as np
from widgets import explore
turn = np.arange(36) / 36 * 2 * np.pi
ring = np.stack([np.cos(turn), np.sin(turn)], 1).astype("float32")
panel = explore(ring, y=np.arange(36) % 3, coords=ring, k_max=30)
panel
"""
PICKS = "panel.selection.indices.tolist()"
WORKERS = "[t.name for t in __import__('threading').enumerate() if t.name == 'coreset_explore']"
CANVAS = ".cx-plot canvas"
# jupyter-scatter's handle to the first map on the page
API = """(() => {
  let holder = document.querySelector('.cx-plot canvas');
  while (!holder.api) holder = holder.parentElement;
  return holder.api;
})()"""


def opened(notebook, *cells: str, timeout: float = 90) -> Notebook:
    """A notebook whose panel has its first result."""
    book = notebook(*(cells or (CELL,)))
    book.run_all()
    finished(book, timeout)
    return book


def finished(book: Notebook, timeout: float = 60) -> None:
    """Wait until the panel is done; where it fails instead, so does the story, with the traceback."""
    status = book.page.locator(STATUS).first
    expect(status).to_have_attribute("data-state", re.compile("done|error"), timeout=timeout * 1000)
    if status.get_attribute("data-state") == "error":
        raise AssertionError(book.kernel("panel.session.problem.details"))


def tab(book: Notebook, name: str) -> None:
    """Open one of the panel's tabs."""
    book.page.locator(".cx-tabs").get_by_role("tab", name=name, exact=True).click()


def press(book: Notebook, name: str) -> None:
    """Press one of the panel's buttons by what it says."""
    book.page.locator(".cx").get_by_role("button", name=name, exact=True).click()


def every_tab_fits(book: Notebook, shown: Callable[[str], None], names: Iterable[str]) -> None:
    """Light and wide, dark and narrow: what a tab shows fits, and is told to who does not see it."""
    found, misfit = {}, {}
    for theme, width in (("light", 1440), ("dark", 620)):
        book.theme(theme)
        book.viewport(width)
        for name in names:
            shown(name)
            if theme == "light" or name == "Accuracy":  # a theme changes colors, and these alike in all tabs
                found[name, theme] = violations(book.page)
            if wrong := lasting(lambda: misfits(book.page)):
                misfit[name, width] = wrong
    assert not any(found.values()) and misfit == {}, (found, misfit)


def control(book: Notebook, label: str, within: str = ".cx") -> Locator:
    """The control under a label of the rail or a toolbar, of those that are seen."""
    fields = book.page.locator(f"{within} .cx-field").filter(has_text=label).locator("select, input")
    return fields.filter(visible=True).first


def budget(book: Notebook, j: int) -> int:
    """Move the slider to its j-th budget with the keyboard, and wait until the rail says so; gives the budget."""
    budgets = book.kernel("list(map(int, panel.session.result.budgets))")
    handle, here = book.page.locator(".cx .noUi-handle").first, book.kernel("panel.session.j")
    for _ in range(abs(j - here)):
        handle.press("ArrowRight" if j > here else "ArrowLeft")
    expect(book.page.locator(".cx-typed input")).to_have_value(f"{budgets[j]:,}")
    return budgets[j]


def cells(part: Locator) -> list[int]:
    """The rows of the pool whose thumbnails a gallery shows, in order."""
    return part.locator(".cx-cell").evaluate_all("found => found.map(cell => Number(cell.dataset.row))")


def workers(book: Notebook) -> list[str]:
    """The panel's worker threads that are alive in the kernel."""
    return book.kernel(WORKERS)


def dots(page: Page) -> int:
    """Dots on the map in a class's color: neither background nor the grey of what is not selected."""
    seen = pixels(page.locator(CANVAS).first).astype(int)
    return blobs(seen.max(2) - seen.min(2) > 70)


def dots_settle(page: Page, wanted: int, seconds: float = 15) -> None:
    """Wait until the map holds that many dots; it is drawn a little after the slider moved."""
    for _ in range(round(seconds / 0.3)):
        page.wait_for_timeout(300)
        if (seen := dots(page)) == wanted:
            return
    assert seen == wanted, f"{seen} dots on the map, {wanted} points selected"


def until(book: Notebook, condition: str, seconds: float = 60) -> None:
    """Wait until an expression is true in the kernel."""
    for _ in range(round(seconds / 0.3)):
        if book.kernel(f"bool({condition})"):
            return
        book.page.wait_for_timeout(300)
    raise AssertionError(f"after {seconds} s still not true: {condition}")
