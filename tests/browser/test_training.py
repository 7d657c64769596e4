"""The training panel: a run paused, the kernel restarted, the run gone on with; every tab in both themes and widths."""

from playwright.sync_api import expect

from tests.browser.checks import misfits, violations
from tests.browser.lab import STATUS
from tests.browser.panel import every_tab_fits, opened, press, tab

CELL = """
import os
import time
import torch
from coreset_explore import Selection, progress
from widgets import train

def patient(pool, k, *, rng):
    while not os.path.exists("go"):
        time.sleep(0.01)
        progress.check()
    return Selection(torch.randperm(len(pool.y), generator=rng)[:k])

regimes = ["GRAD-MATCHPB-Warm", patient, "FULL"]
panel = train("digits", model="mlp", regimes=regimes, budgets=[72, 144], seeds=2, epochs=3, store="runs.sqlite")
panel
"""
EXPLORE = """
from widgets import explore
panel = explore(methods=["CRAIGPB", "EL2N"], epochs=2)
panel
"""
TABS = {
    "Accuracy": ".cx-training .scatterlayer .point",
    "Trade-off": ".cx-training .scatterlayer .point",
    "Table": ".cx-table-tab .cx-table",
    "Choices": ".cx-training .heatmaplayer .hm",
}
BELOW = ".cx .cx-below .cx"


def shown(book, name):
    tab(book, name)
    expect(book.page.locator(TABS[name]).filter(visible=True).first).to_be_visible(timeout=30_000)


def test_a_run_is_paused_outlives_its_kernel_and_goes_on(notebook):
    book = notebook(CELL)
    page = book.page
    book.run_all()
    book.wait_state("idle")
    expect(page.locator(".cx-told")).to_contain_text("18 runs, ")
    press(book, "Train")
    expect(page.locator(".cx-told")).to_contain_text("patient, cell 2 of 18")
    press(book, "Pause")
    expect(page.locator(STATUS)).to_contain_text("Paused at")
    assert book.kernel("len(panel.records)") == 1
    book.execute("open('go', 'w').close()")
    book.restart_kernel()
    book.run_all()
    expect(page.locator(".cx-told")).to_contain_text("1 of 18 runs is kept.")
    shown(book, "Accuracy")
    press(book, "Continue")
    book.wait_state("done", 60)
    expect(page.locator(".cx-told")).to_contain_text("All 18 runs are there")
    assert book.kernel("(len(panel.frame), panel.frame.failed.notna().sum().item())") == (18, 0)
    every_tab_fits(book, lambda name: shown(book, name), TABS)
    for pop, words in (("Code", "run(setting, regimes, budgets=[72, 144]"), ("Export", "18 of 18 runs")):
        press(book, pop)
        expect(page.locator(".cx-pop").filter(visible=True)).to_contain_text(words)
        press(book, pop)


def test_curves_opens_it_with_the_same_data_model_and_methods(notebook):
    book = opened(
        notebook, "from widgets import explore\npanel = explore(methods=['CRAIGPB', 'EL2N'], epochs=2)\npanel"
    )
    page = book.page
    tab(book, "Curves")
    press(book, "Choose while training …")
    below = page.locator(BELOW)
    expect(below.locator(".cx-told")).to_contain_text(" runs, ", timeout=30_000)
    expect(below.locator(".cx-header")).to_be_in_viewport()
    names = book.kernel("[r.name for r in panel.training.session.regimes]")
    assert names == ["CRAIGPB", "EL2N, chosen once", "RANDOM", "FULL"]
    assert book.kernel("panel.training.session.ground.setting.name") == book.kernel(
        "panel.session.result.pool.info['model']"
    )
    assert violations(page) == [] and misfits(page) == []
    press(book, "Close")
    expect(below).to_have_count(0)
    assert book.kernel("panel.training is None")
