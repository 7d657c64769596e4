"""Rows that are read: a text by pointing at it, whole in a dialog, searched, tagged; a picture large."""

from playwright.sync_api import expect

from tests.browser.checks import misfits
from tests.browser.panel import opened, tab

TEXTS = """
import numpy as np
from widgets import explore
turn = np.arange(36) / 36 * 2 * np.pi
ring = np.stack([np.cos(turn), np.sin(turn)], 1).astype("float32")
words = [f"Tale {i}. " + ("<b>It was a dark night</b> and " if i % 2 else "The sun shone and ") * 20 for i in range(36)]
panel = explore(ring, y=np.arange(36) % 3, texts=words, coords=ring, k_max=30)
panel
"""


def test_a_text_is_read_by_pointing_opened_searched_and_tagged(notebook):
    book = opened(notebook, TEXTS)
    page, words = book.page, book.kernel("words")
    order = book.kernel("panel.selection.indices.tolist()")
    cells = page.locator(".cx-strip .cx-cell")
    expect(cells.first).to_contain_text(f"Tale {order[0]}.")
    cells.nth(1).hover()
    card = page.locator(".cx-tip .cx-read")
    expect(card).to_contain_text(words[order[1]][:60])
    assert page.locator(".cx b", has_text="dark night").count() == 0, "markup in a text stays text"

    tab(book, "Texts")
    cells = page.locator(".cx-images .cx-cell")
    expect(cells.first).to_be_visible()
    shown = cells.evaluate_all("all => all.map(one => Number(one.dataset.row))")
    cells.first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator(".cx-reader-text")).to_have_text(words[shown[0]].strip())
    box, view = dialog.bounding_box(), page.viewport_size
    assert (
        0 <= box["x"]
        and box["x"] + box["width"] <= view["width"]
        and box["y"] + box["height"] <= view["height"]
    )
    assert abs(box["x"] + box["width"] / 2 - view["width"] / 2) < 12, "in the middle of the page"
    page.keyboard.press("ArrowRight")
    expect(dialog).to_have_attribute("data-row", str(shown[1]))
    page.keyboard.press("t")
    page.keyboard.type("to check")
    page.keyboard.press("Enter")
    expect(dialog.locator(".cx-tag")).to_contain_text("to check")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    focused = "() => Number(document.activeElement.dataset.row)"
    assert page.evaluate(focused) == shown[0], "focus returns to where it was"

    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("t")
    expect(dialog.get_by_label("Add a tag")).to_be_focused()
    page.keyboard.press("Enter")  # the last tag again
    expect(dialog).to_be_hidden()
    expect(cells.nth(2).locator(".cx-cell-tags")).to_have_text("to check")
    assert book.kernel("panel.tags") == {"to check": sorted(shown[1:3])}
    assert page.evaluate(focused) == shown[2]

    page.get_by_placeholder("Find texts").fill("dark night")
    expect(page.locator(".cx-images")).to_contain_text("Found: 18 texts")
    assert all(row % 2 for row in cells.evaluate_all("all => all.map(one => Number(one.dataset.row))"))
    page.get_by_placeholder("Find texts").fill("tag:check")
    expect(page.locator(".cx-images")).to_contain_text("Found: 2 texts")
    assert misfits(page) == []
