"""The continual panel: a run stepped through, paused and gone on with; every tab in both themes and widths."""

from playwright.sync_api import expect

from tests.browser.lab import STATUS
from tests.browser.panel import every_tab_fits, press, tab

CELL = """
from widgets import remember
panel = remember("digits", model="logistic", seeds=2, capacity=[40, 100], recipe={"epochs": 3}, store="runs.sqlite",
                 streams=["gmc", "reservoir"], embedding={"inits": 1, "width": 100})
panel.session.layout = "PCA"  # another process lays out UMAP, which other stories wait for
panel
"""
TABS = {
    "Memory": ".cx-kept-rows .cx-cell",
    "Map": ".cx-side-map canvas",
    "Classes": ".cx-continual .barlayer .point",
    "Accuracy": ".cx-continual .scatterlayer .point",
    "Tasks": ".cx-continual .heatmaplayer .hm",
}


def shown(book, name):
    tab(book, name)
    expect(book.page.locator(TABS[name]).filter(visible=True).first).to_be_visible(timeout=30_000)


def test_a_stream_is_run_stepped_through_and_there_again_after_a_restart(notebook):
    book = notebook(CELL)
    page = book.page
    book.run_all()
    book.wait_state("idle")
    expect(page.locator(".cx-told")).to_contain_text("40 models: 2 streams, 2 sizes, 5 tasks, 2 seeds")
    press(book, "Run")
    book.wait_state("done", 90)
    shown(book, "Memory")
    expect(page.locator(".cx-step")).to_contain_text("Task 5 of 5")
    rows = page.locator(".cx-kept-rows .cx-section:has(.cx-cell)")
    expect(rows).to_have_count(10)
    slider = page.locator(".cx-stepper .noUi-handle")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".cx-step")).to_contain_text("Task 1 of 5")
    expect(rows).to_have_count(2)  # of two classes alone
    press(book, "Play the tasks")
    expect(page.locator(".cx-step")).to_contain_text("Task 5 of 5", timeout=20_000)
    expect(rows).to_have_count(10)
    rows.first.locator(".cx-cell").first.click()
    dialog = page.locator(".cx-reader[open]")
    expect(dialog).to_contain_text("Kept by gmc")
    page.keyboard.press("Escape")
    book.restart_kernel()
    book.run_all()
    expect(page.locator(".cx-told")).to_contain_text("All 40 models are there", timeout=30_000)
    every_tab_fits(book, lambda name: shown(book, name), TABS)
    for pop, words in (("Code", "class_incremental("), ("Export", "40 of 40 models")):
        press(book, pop)
        expect(page.locator(".cx-pop").filter(visible=True)).to_contain_text(words)
        press(book, pop)
    expect(page.locator(STATUS)).to_contain_text("40 of 40 models kept")
