"""What a newcomer does: open, run the cell, see the panel finish by itself, move the budget."""

from playwright.sync_api import expect

CELL = "from widgets import explore\npanel = explore()\npanel"
PICKS = "panel.selection.indices.tolist()"


def test_the_panel_appears_selects_by_itself_and_answers_the_slider(newcomer):
    book = newcomer(CELL)
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
