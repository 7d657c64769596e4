"""What a newcomer does: open, run the cell, see the panel finish by itself, move the budget."""

from playwright.sync_api import expect

from tests.browser.checks import misfits

CELL = "from widgets import explore\npanel = explore()\npanel"
PICKS = "panel.selection.indices.tolist()"


def test_the_panel_appears_selects_by_itself_and_answers_the_slider(notebook):
    book = notebook(CELL)
    book.run_all()
    book.wait_state("done", timeout=60)
    expect(book.page.locator(".cx").first).to_be_visible()
    every = book.kernel(PICKS)
    assert len(set(every)) == len(every) > 50
    budgets = book.kernel("list(map(int, panel.session.result.budgets))")
    assert budgets[-1] == len(every)
    handle = book.page.locator(".cx .noUi-handle").first
    handle.press("ArrowLeft")
    expect(book.page.locator(".cx")).to_contain_text(str(budgets[-2]))
    fewer = book.kernel(PICKS)
    assert len(fewer) == budgets[-2]
    assert set(fewer) <= set(every) and fewer == every[: len(fewer)], "a nested method's prefix is its answer"
    book.wait_state("done")


def test_nothing_clips_or_sticks_out_at_first_sight(notebook):
    book = notebook(CELL)
    book.run_all()
    book.wait_state("done", timeout=60)
    found = {}
    for theme in ("light", "dark"):
        book.theme(theme)
        for width in (1440, 620):
            book.viewport(width, 1400)
            book.page.wait_for_timeout(500)
            found[theme, width] = misfits(book.page)
    assert found == {view: [] for view in found}


def test_voila_shows_the_panel_and_it_finishes(voila_page):
    page = voila_page(CELL)
    status = page.locator(".cx-status").first
    expect(status).to_have_attribute("data-state", "done", timeout=90_000)
    assert misfits(page) == []
