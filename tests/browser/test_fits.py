"""Nothing clips, scrolls inside another part or sticks out: every view, light and dark, wide and narrow."""

from playwright.sync_api import expect

from tests.browser.checks import misfits
from tests.browser.panel import opened, press, tab

LOOKS = (("light", 1440), ("dark", 620))  # a theme changes colors, not boxes
BROKEN = """
from widgets.kit.problems import problem
try:
    raise RuntimeError("a_long_word_" * 20 + " and what was wrong, in a sentence that goes on for longer than a line")
except RuntimeError as error:
    found = problem(error)
"""


def test_every_view_fits_light_and_wide_and_dark_and_narrow(notebook):
    book = opened(notebook)
    page = book.page
    book.execute(BROKEN)
    wrong = {}

    def look(what: str, theme: str, width: int) -> None:
        page.wait_for_timeout(250)  # the panel hears of its width, and plotly draws
        if found := misfits(page):
            wrong[what, theme, width] = found

    def toggled(name: str, shown: str, *where) -> None:
        press(book, name)
        expect(page.locator(shown).filter(visible=True).first).to_be_visible()
        look(name, *where)

    for theme, width in LOOKS:
        book.theme(theme)
        book.viewport(width, 1400)
        for name, shown in (
            ("Map", ".cx-map canvas"),
            ("Images", ".cx-images .cx-cell"),
            ("Curves", ".cx-curves .cx-table"),
            ("Compare", ".cx-compare .cx-overlap"),
        ):
            tab(book, name)
            expect(page.locator(shown).first).to_be_visible(timeout=30_000)
            look(name, theme, width)
        toggled("Code", ".cx-code pre", theme, width)
        toggled("Export", ".cx-pop.cx-slim select", theme, width)
        page.locator(".cx-pop.cx-slim").get_by_role("button", name="Save").click()
        expect(page.locator(".cx-saved").first).to_contain_text("Saved to")
        look("Export, saved", theme, width)
        press(book, "Export")
        book.execute("panel.session.folded = False")  # a narrow panel's form is unfolded, as its button does
        toggled("+ Add a method", ".cx-card-box select", theme, width)
        press(book, "Close")
        settings = page.get_by_title("Settings of Facility Location", exact=True)
        settings.click()
        look("a method's settings", theme, width)
        settings.click()
        book.execute("panel.session.folded = None")
        book.execute("panel.session.problem = found")
        expect(page.locator(".cx-problem b")).to_be_visible()
        page.locator(".cx-problem summary").click()
        look("an error", theme, width)
        book.execute("panel.session.problem = None")
    assert wrong == {}
