"""The panel and the page it is on: a cell run again, a page loaded anew, a window of another size."""

import base64

import numpy as np
from playwright.sync_api import Page, expect

from tests.browser.checks import pixels
from tests.browser.panel import budget, control, opened, press, tab, until

AGAIN = 20
COUNTS = (
    "[len(__import__('ipywidgets').widgets.widget._instances), "
    "len(__import__('psutil').Process().children(recursive=True)), "
    "__import__('psutil').Process().memory_info().rss >> 20]"
)
POINTS = """
import base64

import numpy as np
from widgets import explore
X = np.random.default_rng(0).normal(size=(300, 8)).astype("float32")
panel = explore(X, methods=["kcenter"], k_max=30)
panel
"""
SHOWN = {
    "Map": ".cx-map canvas",
    "Images": ".cx-images .cx-cell",
    "Curves": ".cx-curves .scatterlayer .trace",
    "Compare": ".cx-compare canvas",
}
CURVES = 90  # widgets that are sent ahead while nobody moves anything: a panel has some 400


def test_a_cell_run_twenty_times_leaves_no_widget_no_process_and_no_memory(notebook):
    book = opened(notebook, POINTS)
    expect(book.page.locator(".cx-map canvas").first).to_be_visible()  # the tab is built
    widgets, _, memory = book.kernel(COUNTS)
    for _ in range(AGAIN):
        book.run_all()
    book.wait_state("done")
    expect(book.page.locator(".cx")).to_have_count(1)
    until(book, f"{COUNTS}[0] <= {widgets + CURVES}", 20)
    _, processes, now = book.kernel(COUNTS)
    assert processes <= 1 and now - memory < 150, (processes, memory, now)
    assert book.page.evaluate("() => coresetExploreModules.size") <= 2, "the page loads a large module once"


def stands_still(page: Page, seconds: float = 15) -> np.ndarray:
    """What the panel's open tab looks like, once it has not changed for most of a second."""
    last = None
    for _ in range(round(seconds / 0.7)):
        page.mouse.move(0, 0)
        now = pixels(page.locator(".cx-main"))
        if last is not None and last.shape == now.shape and not (now != last).any():
            break
        last = now
        page.wait_for_timeout(700)
    return now


def test_every_tab_after_a_reload_is_as_it_was_before_and_a_picture_where_there_is_no_kernel(notebook):
    book = opened(notebook)
    page = book.page
    pictures = page.locator(".jp-OutputArea img[src^='data:image/png']")
    until(book, "not panel.session.layout_note and 'UMAP' in panel.session.maps")

    def look() -> dict[str, np.ndarray]:
        found = {}
        for name, shown in SHOWN.items():
            tab(book, name)
            expect(page.locator(shown).first).to_be_visible(timeout=30_000)
            until(book, "panel.session.probe_note == ''")
            found[name] = stands_still(page)
        return found

    k = budget(book, 3)
    page.wait_for_function(
        "() => document.querySelector('.jp-OutputArea .jp-RenderedImage img')?.naturalWidth > 400"
    )
    before = look()
    expect(pictures).to_be_hidden()
    still, live = book.save()["cells"][0]["outputs"]
    picture = base64.b64decode(still["data"]["image/png"])
    assert len(picture) < 150_000 and "Explorer(digits" in "".join(still["data"]["text/plain"])
    assert "application/vnd.jupyter.widget-view+json" in live["data"]

    book.load()  # the page alone: the kernel goes on, and the panel is drawn from it again
    book.wait_state("done")
    expect(page.locator(".cx-typed input")).to_have_value(str(k))
    for name, after in look().items():
        assert after.shape == before[name].shape, name
        differ = (np.abs(after.astype(int) - before[name]).max(2) > 60).mean()
        assert differ < 0.002, (name, differ)
    assert budget(book, 2) == book.kernel("len(panel.selection)")
    expect(pictures).to_be_hidden()
    book.execute("panel.close()")
    expect(pictures).to_be_visible()


def test_in_the_default_window_card_numbers_and_slider_are_seen_without_scrolling(notebook):
    book = opened(notebook)
    page = book.page
    page.evaluate("() => jupyterapp.shell.expandLeft()")
    for width, height in ((1440, 900), (1366, 768)):
        book.viewport(width, height)
        bottom = page.locator("#jp-bottom-panel, .jp-StatusBar-Widget").first.bounding_box()["y"]
        expect(page.locator(".cx-map canvas").first).to_be_visible()
        page.locator(".cx-map .cx-strip .cx-cell").first.hover()  # its card stands at its point, on the map
        expect(page.locator(".cx .cx-tip").first).to_be_visible()
        tabs, find = (page.locator(f".cx {part}").first.bounding_box() for part in (".cx-tabs", ".cx-find"))
        assert tabs["y"] < find["y"] and find["y"] + find["height"] < tabs["y"] + tabs["height"], (
            "takes no height"
        )
        for part in (".cx-tip", ".cx-numbers", ".noUi-handle", ".cx-frame"):
            box = page.locator(f".cx {part}").first.bounding_box()
            assert box["y"] + box["height"] < bottom, (part, width, height, box, bottom)
    strip = page.locator(".cx-map .cx-strip .cx-cell").first
    book.viewport(1440, 900)
    until(book, "panel.session.height > 700")
    box = strip.bounding_box()
    assert box["y"] + box["height"] < page.locator(".jp-StatusBar-Widget").bounding_box()["y"]


def test_the_rail_folds_and_the_slider_stays_beside_the_map(notebook):
    book = opened(notebook)
    page = book.page
    dataset, handle = control(book, "Dataset"), page.locator(".cx .noUi-handle").first
    press(book, "Hide the settings")
    expect(dataset).to_be_hidden()
    wide = page.locator(".cx-frame").first.bounding_box()
    assert abs(handle.bounding_box()["y"] - wide["y"]) < 260
    assert budget(book, 2) == book.kernel("len(panel.selection)")
    press(book, "Show the settings")
    expect(dataset).to_be_visible()
    for width in (900, 700):  # folded by itself
        book.execute("panel.session.folded = None")
        book.viewport(width, 900)
        expect(dataset).to_be_hidden()
        assert abs(handle.bounding_box()["y"] - page.locator(".cx-frame").first.bounding_box()["y"]) < 300
