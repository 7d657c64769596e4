"""Stories of the panel's frame: cancelling, errors, reload, a lost kernel, Code and Export."""

import hashlib

import pytest
from playwright.sync_api import expect

from tests.browser.checks import misfits, pixels

CELL = "from widgets import explore\npanel = explore()\npanel"
WORKERS = "[t.name for t in __import__('threading').enumerate() if t.name == 'coreset_explore']"
BROKEN = """
import coreset_explore as cx

@cx.selector(needs="emb", title="Mine <b>")
def mine(pool, k, *, rng, given=()):
    "A method with a mistake."
    return 1 / 0
"""


def named(page, name):
    return page.locator(".cx").get_by_role("button", name=name, exact=True)


def painted(page) -> str:
    return hashlib.sha256(pixels(page.locator(".cx-plot").first).tobytes()).hexdigest()


def test_cancel_answers_at_once_and_leaves_no_thread(notebook):
    book = notebook("from widgets import explore\npanel = explore(run=False, epochs=200, seed=1)\npanel")
    book.run_all()
    book.wait_state("idle")
    named(book.page, "Select").dblclick()
    book.wait_state("running")
    expect(book.page.locator(".cx-told")).to_contain_text("of 200", timeout=60_000)
    before = named(book.page, "Cancel").bounding_box()
    named(book.page, "Cancel").click()
    expect(book.page.locator(".cx-status")).to_contain_text("Cancelled", timeout=2500)
    assert named(book.page, "Select").bounding_box() == before, "Select and Cancel share place and size"
    book.page.wait_for_timeout(1000)
    assert book.kernel(WORKERS) == []
    book.execute("panel.session.epochs = 2")
    named(book.page, "Select").click()
    book.wait_state("done")
    assert book.kernel("len(panel.selection)") == 72


def test_an_error_in_ones_own_method_is_readable_and_costs_nothing(notebook):
    book = notebook(BROKEN, CELL)
    book.run_all()
    book.wait_state("done")
    picks = book.kernel("panel.selection.indices.tolist()")
    named(book.page, "+ Add a method").click()
    book.page.locator(".cx-rail select").nth(2).select_option(label="Your own")
    named(book.page, "Add").click()
    expect(book.page.locator(".cx-status")).to_contain_text("Settings changed")
    named(book.page, "Select again").click()
    book.wait_state("error")
    box = book.page.locator(".cx-problem")
    expect(box).to_contain_text("Mine <b>: ZeroDivisionError: division by zero.")
    box.get_by_text("Details").click()
    expect(box.locator("pre")).to_contain_text("return 1 / 0")
    assert misfits(book.page) == []
    assert book.kernel("panel.selection.indices.tolist()") == picks
    book.page.get_by_title("Close this message").click()
    expect(box).to_be_hidden()


def test_after_save_and_reload_the_slider_still_moves_the_map(notebook):
    book = notebook(CELL)
    book.run_all()
    book.wait_state("done")
    saved = book.save()
    assert "widgets" not in saved["metadata"], "no widget state in the file"
    book.load()
    book.wait_state("done")
    book.page.wait_for_selector(".cx-plot canvas")
    book.page.wait_for_timeout(4000)
    before, budget = painted(book.page), book.kernel("panel.session.budget")
    handle = book.page.locator(".cx .noUi-handle").first
    for _ in range(5):
        handle.press("ArrowLeft")
    book.page.wait_for_timeout(1500)
    assert book.kernel("panel.session.budget") < budget
    assert painted(book.page) != before


def test_a_lost_kernel_is_one_sentence(notebook):
    book = notebook("from widgets import explore\npanel = explore(run=False)\npanel")
    book.run_all()
    book.wait_state("idle")
    book.restart_kernel()
    book.page.wait_for_selector(".cx.jupyter-widgets-disconnected")
    broken = "[...document.querySelectorAll('.cx *')].filter(e => getComputedStyle(e, '::before').content !== 'none')"
    shown = book.page.evaluate(
        f"() => {broken}.filter(e => e.matches('.jupyter-widgets-disconnected')).length"
    )
    assert shown == 0, "no broken link beside each control"
    said = book.page.evaluate("() => getComputedStyle(document.querySelector('.cx'), '::before').content")
    assert "run the cell again" in said


def test_code_and_export_move_nothing_and_give_what_is_shown(notebook):
    book = notebook(CELL)
    book.run_all()
    book.wait_state("done")
    body = book.page.locator(".cx-body")
    before = body.bounding_box()
    named(book.page, "Code").click()
    expect(book.page.locator(".cx-code pre")).to_contain_text("cx.select")
    assert body.bounding_box() == before
    named(book.page, "Copy").click()
    expect(book.page.locator(".cx-code [role=status]")).to_have_text("Copied")
    assert book.page.evaluate("navigator.clipboard.readText()") == book.kernel("panel.code")
    named(book.page, "Export").click()
    expect(book.page.locator(".cx-code")).to_be_hidden()
    assert body.bounding_box() == before
    named(book.page, "Save").click()
    with book.page.expect_download() as download:
        book.page.locator(".cx-saved a").click()
    assert download.value.suggested_filename == "craig_72.npz"
    import coreset_explore as cx

    path = book.root / "craig_72.npz"
    download.value.save_as(path)
    assert cx.Selection.load(path).indices.tolist() == book.kernel("panel.selection.indices.tolist()")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_forms_and_popovers_fit(notebook, theme):
    book = notebook(CELL)
    book.run_all()
    book.wait_state("done")
    book.theme(theme)
    book.page.get_by_title("Settings of CRAIG").click()
    named(book.page, "+ Add a method").click()
    for popover in ("Code", "Export"):
        named(book.page, popover).click()
        for width in (1440, 620):
            book.viewport(width, 1600)
            book.page.wait_for_timeout(400)
            assert misfits(book.page) == [], (popover, width)
