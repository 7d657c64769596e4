"""The panel as a story drives it: its tabs, its slider, its settings, and what it says."""

from playwright.sync_api import Locator, expect

from tests.browser.lab import Notebook

CELL = "from widgets import explore\npanel = explore()\npanel"
PICKS = "panel.selection.indices.tolist()"
WORKERS = "[t.name for t in __import__('threading').enumerate() if t.name == 'coreset_explore']"
CANVAS = ".cx-plot canvas"


def opened(notebook, cell: str = CELL, timeout: float = 90) -> Notebook:
    """A notebook whose panel has its first result."""
    book = notebook(cell)
    book.run_all()
    book.wait_state("done", timeout=timeout)
    return book


def tab(book: Notebook, name: str) -> None:
    """Open one of the panel's tabs."""
    book.page.locator(".cx-tabs").get_by_role("button", name=name, exact=True).click()


def press(book: Notebook, name: str) -> None:
    """Press one of the panel's buttons by what it says."""
    book.page.locator(".cx").get_by_role("button", name=name, exact=True).click()


def control(book: Notebook, label: str) -> Locator:
    """The control under a label of the rail or a toolbar, of those that are seen."""
    fields = book.page.locator(".cx .cx-field").filter(has_text=label).locator("select, input")
    return fields.filter(visible=True).first


def budget(book: Notebook, j: int) -> int:
    """Move the slider to its j-th budget with the keyboard, and wait until the rail says so; gives the budget."""
    budgets = book.kernel("list(map(int, panel.session.result.budgets))")
    handle, here = book.page.locator(".cx .noUi-handle").first, book.kernel("panel.session.j")
    for _ in range(abs(j - here)):
        handle.press("ArrowRight" if j > here else "ArrowLeft")
    expect(book.page.locator(".cx-budget .cx-num")).to_have_text(f"{budgets[j]:,}")
    return budgets[j]


def cells(part: Locator) -> list[int]:
    """The rows of the pool whose thumbnails a gallery shows, in order."""
    return part.locator(".cx-cell").evaluate_all("found => found.map(cell => Number(cell.dataset.row))")


def workers(book: Notebook) -> list[str]:
    """The panel's worker threads that are alive in the kernel."""
    return book.kernel(WORKERS)
