"""Stories of the panel's frame: one button that starts and cancels, a lost kernel, forms and popovers."""

from playwright.sync_api import expect

from tests.browser.checks import misfits
from tests.browser.panel import WORKERS, until

CELL = "from widgets import explore\npanel = explore()\npanel"


def named(page, name):
    return page.locator(".cx").get_by_role("button", name=name, exact=True)


def test_cancel_answers_at_once_and_leaves_no_thread(notebook):
    book = notebook("from widgets import explore\npanel = explore(run=False, epochs=200, seed=1)\npanel")
    book.run_all()
    book.wait_state("idle")
    named(book.page, "Select").dblclick()
    book.wait_state("running")
    expect(book.page.locator(".cx-told")).to_contain_text("of 200", timeout=60_000)
    before = named(book.page, "Cancel").bounding_box()
    book.page.wait_for_timeout(500)  # the second half of a double click does not cancel
    named(book.page, "Cancel").click()
    expect(book.page.locator(".cx-status")).to_contain_text("Cancelled")
    assert named(book.page, "Select").bounding_box() == before, "Select and Cancel share place and size"
    until(book, f"not {WORKERS}", 5)
    book.execute("panel.session.epochs = 2")
    named(book.page, "Select").click()
    book.wait_state("done")
    assert book.kernel("len(panel.selection)") == 72


def test_forms_and_popovers_fit_and_move_nothing_below_them(notebook):
    book = notebook(CELL)
    book.run_all()
    book.wait_state("done")
    book.page.wait_for_selector(".cx-plot canvas")
    book.page.wait_for_timeout(1000)
    body = book.page.locator(".cx-body")
    before = body.bounding_box()
    named(book.page, "Code").click()
    expect(book.page.locator(".cx-code pre")).to_contain_text("cx.select")
    assert body.bounding_box() == before
    named(book.page, "Export").click()
    expect(book.page.locator(".cx-code")).to_be_hidden()
    assert body.bounding_box() == before
    book.page.get_by_title("Settings of Facility Location").click()
    named(book.page, "+ Add a method").click()
    for theme, width in (("light", 620), ("dark", 1440)):
        book.theme(theme)
        book.viewport(width, 1600)
        for popover in ("Code", "Export"):
            named(book.page, popover).click()
            book.page.wait_for_timeout(400)
            assert misfits(book.page) == [], (theme, popover, width)
