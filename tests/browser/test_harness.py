"""The harness by itself, on a widget that is not ours: a slider that reaches the kernel and comes back."""

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.desk import WINDOW
from tests.browser.lab import Console

CELLS = (
    "import ipywidgets as w",
    "slider = w.IntSlider(3, 0, 10); text = w.HTML()\n"
    "def show(_=None):\n"
    '    text.value = f\'<span class="cx-status" data-state="done">value {slider.value}</span>\'\n'
    "slider.observe(show, 'value'); show(); w.VBox([slider, text])",
)


def test_a_slider_moved_in_the_page_moves_in_the_kernel(notebook):
    book = notebook(*CELLS)
    book.run_all()
    expect(book.wait_state("done")).to_have_text("value 3")
    book.page.locator(".noUi-handle").press("ArrowRight")
    expect(book.page.locator(".cx-status")).to_have_text("value 4")
    assert book.kernel("slider.value") == 4
    book.execute("slider.value = 9")
    expect(book.page.locator(".cx-status")).to_have_text("value 9")
    assert book.kernel("[slider.value, slider.max]") == [9, 10]


def test_theme_and_size_change_and_nothing_is_saved_in_the_file(notebook):
    book = notebook(*CELLS)
    book.run_all()
    book.theme("dark")
    assert book.page.evaluate("() => document.body.dataset.jpThemeName") == "JupyterLab Dark"
    book.theme("light")
    book.viewport(620, 900)
    assert book.page.evaluate("() => innerWidth") == 620
    assert "widgets" not in book.save()["metadata"]


def test_a_restarted_kernel_and_a_reloaded_page_run_again(notebook):
    book = notebook(*CELLS)
    book.run_all()
    book.execute("slider.value = 5")
    book.restart_kernel()
    book.load()
    book.run_all()
    assert book.kernel("slider.value") == 3


def test_each_kernel_is_a_process_of_its_own_that_is_interrupted_and_ended(notebook):
    first = notebook("import os\nmine = os.getpid()")
    first.run_all()
    second = notebook("import time\nprint('begun')\ntime.sleep(60)")
    pid = second.kernel("__import__('os').getpid()")
    assert first.kernel("mine") != pid and not second.kernel("'mine' in globals()")
    second.page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    cell = second.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")
    expect(cell.locator(".jp-OutputArea")).to_have_text("begun")
    second.command("notebook:interrupt-kernel")
    expect(cell.locator(".jp-OutputArea")).to_contain_text("KeyboardInterrupt")
    second.restart_kernel()
    assert second.kernel("__import__('os').getpid()") != pid and not psutil.pid_exists(pid)
    assert first.kernel("mine")


def test_the_page_is_handed_on_as_it_was_found(notebook, desk):
    book = notebook(*CELLS)
    book.run_all()
    book.theme("dark")
    book.viewport(620, 900)
    assert desk.tidy()
    page = desk.take()
    assert page is book.page and page.viewport_size == WINDOW
    expect(page.locator(".jp-NotebookPanel, .cx-status")).to_have_count(0)
    assert page.evaluate("() => document.body.dataset.jpThemeName") == "JupyterLab Light"
    page.evaluate("() => { jupyterapp.commands.execute('help:about'); }")
    page.wait_for_selector(".jp-Dialog")
    assert not desk.tidy(), "a question is open"
    page.keyboard.press("Escape")
    expect(page.locator(".jp-Dialog")).to_have_count(0)


def test_a_failing_cell_and_a_failing_expression_are_told(notebook):
    book = notebook("1 / 0")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        book.run_all()
    with pytest.raises(AssertionError, match="NameError"):
        book.kernel("no_such_name")
    with pytest.raises(AssertionError, match="ValueError"):
        book.execute("raise ValueError('told')")


def test_console_errors_are_collected(page):
    console = Console().listen(page)
    page.goto("about:blank")
    page.evaluate("() => { console.error('seen'); console.error('favicon'); console.log('no error'); }")
    with pytest.raises(AssertionError, match="seen"):
        console.check()
    assert len(console.errors) == 1


def test_webgl_draws(page):
    """Maps are WebGL: a context must exist and give back the color that was drawn."""
    page.goto("about:blank")
    drawn = page.evaluate(
        """() => {
            const gl = document.createElement('canvas').getContext('webgl');
            gl.clearColor(0.2, 0.4, 0.6, 1); gl.clear(gl.COLOR_BUFFER_BIT);
            const pixel = new Uint8Array(4);
            gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
            return [...pixel];
        }"""
    )
    assert drawn == [51, 102, 153, 255]


def test_voila_shows_the_widget_and_answers(voila_page):
    page = voila_page(*CELLS)
    expect(page.locator(".cx-status")).to_have_text("value 3", timeout=60_000)
    page.locator(".noUi-handle").press("ArrowRight")
    expect(page.locator(".cx-status")).to_have_text("value 4")
