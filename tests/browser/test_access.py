"""The panel for those who hear it or use its keys: what axe-core finds, names, states, Escape, a focus that is kept."""

from playwright.sync_api import expect

from tests.browser.checks import violations
from tests.browser.panel import budget, opened, press, tab

TABS = {
    "Map": ".cx-map canvas",
    "Images": ".cx-images .cx-cell",
    "Curves": ".cx-curves .cx-table",
    "Compare": ".cx-compare .cx-overlap",
}
IN_PANEL = "() => document.activeElement.closest('.cx') !== null"


def test_axe_finds_nothing_serious_in_any_tab(notebook):
    book = opened(notebook)
    page = book.page
    found = {}
    for name, shown in TABS.items():
        tab(book, name)
        expect(page.locator(shown).first).to_be_visible(timeout=30_000)
        if wrong := violations(page):
            found[name] = wrong
    book.theme("dark")
    if wrong := violations(page):
        found["dark"] = wrong
    for pop in ("Code", "Export"):
        press(book, pop)
        if wrong := violations(page):
            found[pop] = wrong
    assert found == {}


def test_what_is_chosen_and_shown_is_told(notebook):
    book = opened(notebook)
    page = book.page
    k = budget(book, 3)
    slider = page.get_by_role("slider", name="Points to keep")
    expect(slider).to_have_attribute("aria-valuetext", f"{k} points, {100 * k / 1438:.1f} % of 1,438")
    expect(page.get_by_role("tab", name="Map")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("button", name="Lasso")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("img", name=f"Map: {k} of 1,438")).to_be_visible()
    page.get_by_role("tab", name="Map").press("ArrowRight")
    expect(page.get_by_role("tab", name="Images")).to_be_focused()
    cell = page.locator(".cx-images .cx-cell").first
    cell.focus()
    cell.press("Enter")
    expect(page.locator("dialog.cx-reader")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.cx-reader")).to_be_hidden()
    page.wait_for_function(IN_PANEL)
    for name in ("Code", "Export"):
        press(book, name)
        pop = page.get_by_role("dialog", name=name)
        expect(pop).to_be_visible()
        pop.locator("button, select").first.press("Escape")
        expect(pop).to_be_hidden()
        expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    for key in (
        "m",
        "d",
        "d",
        "x",
        "j",
        "Enter",
    ):  # text cell, delete, cut, next cell, edit: in a notebook's hands
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert page.evaluate("() => jupyterapp.shell.currentWidget.content.activeCell.model.type") == "code"
    expect(page.get_by_role("dialog", name="Export")).to_be_visible()  # Enter pressed the button
    assert page.evaluate(IN_PANEL) and page.locator(".cx").count() == 1
