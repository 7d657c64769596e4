"""The panel through voila, without a notebook around it: it opens, selects, and the slider moves the map."""

from playwright.sync_api import expect

from tests.browser.checks import misfits
from tests.browser.panel import RING, dots_settle


def test_open_select_scrub_through_voila(voila_page):
    page = voila_page(RING)
    status = page.locator(".cx-status").first
    expect(status).to_have_attribute("data-state", "done", timeout=90_000)
    number = page.locator(".cx-typed input")
    expect(number).to_have_value("30")
    dots_settle(page, 30)
    slider = page.locator(".cx .noUi-handle").first
    seen = [30]
    for key in ("Home", "ArrowRight", "ArrowRight"):
        slider.press(key)
        expect(number).not_to_have_value(str(seen[-1]))
        seen.append(int(number.input_value()))
        dots_settle(page, seen[-1])
    assert seen[1] == 10 and seen == [30, *sorted(seen[1:])]
    seed = page.locator(".cx-even input").last
    seed.fill("1")
    seed.press("Enter")
    expect(status).to_have_text("Settings changed")
    page.locator(".cx-act").click()
    expect(status).to_contain_text("Selected in", timeout=60_000)
    dots_settle(page, seen[-1])
    assert misfits(page) == []
