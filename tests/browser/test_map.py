"""The map in Chromium: dots counted on the canvas, a lasso's rows against numpy, the hovered picture's bytes."""

import base64
import io

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.checks import blobs, misfits, pixels
from tests.browser.panel import API, CANVAS

# Points on a ring, so that no two dots touch; three classes whose colors are far from grey.
RING = """
from tests.panels import *
from widgets.explorer import Explorer
n, budgets = 36, (3, 7, 12, 20, 30)
turn = np.arange(n) / n * 2 * np.pi
ring = np.stack([np.cos(turn), np.sin(turn)], 1).astype("float32")
pool = Pool.of(ring, torch.arange(n) % 3, classes=("a", "b", "c"))
session = session_of(pool, pictures_of(pool), budgets)
panel = Explorer(session)
panel
"""
CLOUD = """
from tests.panels import *
from widgets.explorer import Explorer
pool = pool_of(3000, 4)
session = session_of(pool, pictures_of(pool), (20, 60, 150))
session.j = 2
panel = Explorer(session)
panel
"""


def opened(notebook, cell):
    book = notebook(cell)
    book.run_all()
    expect(book.page.locator(CANVAS).first).to_be_visible()
    book.page.wait_for_timeout(1200)  # the first drawing, and the time in which points would be dropped
    return book


def dots(book):
    """Dots in a class's color: not the background, not the grey of points that are not selected."""
    seen = pixels(book.page.locator(CANVAS).first).astype(int)
    return blobs(seen.max(2) - seen.min(2) > 70)


def at(book, xy):
    """Where on the page the map shows `xy` (m, 2) within [-1, 1]."""
    box = book.page.locator(CANVAS).first.bounding_box()
    half = box["height"] / 2
    return np.array([box["x"] + box["width"] / 2, box["y"] + half]) + np.asarray(xy) * [half, -half]


def settled(book, said):
    """Wait for what the strip says, then for the drawing."""
    expect(book.page.locator(".cx-strip-head")).to_contain_text(said)
    book.page.wait_for_timeout(300)


BUDGETS = (3, 7, 12, 20, 30)


FITTED = """() => {
  const [drawn, shown] = [jupyterScatter.renderer.canvas, document.querySelector('.cx-plot canvas')];
  return shown.width > 300 && drawn.width === shown.width && drawn.height === shown.height;
}"""

# How often regl asks to draw in two seconds: 120 times where it never rests.
FRAMES = """async () => {
  const asked = window.requestAnimationFrame;
  let frames = 0;
  window.requestAnimationFrame = callback => {
    if (callback.name === 'handleRAF') frames++;
    return asked.call(window, callback);
  };
  await new Promise(resolve => setTimeout(resolve, 2000));
  window.requestAnimationFrame = asked;
  return frames;
}"""


def dots_at_every_budget(book):
    found = []
    for j in [4, 1, 0, 3, 2]:
        book.execute(f"session.j = {j}")
        expect(book.page.locator(".cx-gutter").first).to_contain_text(f"At {BUDGETS[j]} images")
        book.page.wait_for_timeout(900)  # sizes are stated 0.3 s after the last move
        found.append((BUDGETS[j], dots(book)))
    return found


def test_the_canvas_shows_as_many_dots_as_points_are_selected(notebook):
    book = opened(notebook, RING)
    wanted = [(BUDGETS[j], BUDGETS[j]) for j in [4, 1, 0, 3, 2]]
    assert dots_at_every_budget(book) == wanted, "sizes by weight"
    book.execute(
        "session.result = session_of(pool, session.result.data, budgets, weights=False, nested=False).result"
    )
    book.page.wait_for_timeout(900)
    assert dots_at_every_budget(book) == wanted, "a method whose prefixes are not its answers"
    book.execute("session.active = 'Herding'")
    book.page.wait_for_timeout(900)
    assert dots(book) == 12
    for layout in ("UMAP", "PCA"):  # other places, same picks: the tree of points is built anew
        book.execute(f"session.layout = {layout!r}")
        book.page.wait_for_timeout(900)
    assert dots(book) == 12
    book.execute("session.only_class = 1")
    book.page.wait_for_timeout(500)
    wanted = book.kernel("int(((session.selection.indices % 3) == 1).sum())")
    assert dots(book) == wanted
    # jupyter-scatter's own canvas takes the window's size, and the map's when it is drawn
    for width in (1000, 1440):
        book.viewport(width)
        book.page.wait_for_function(FITTED)
    assert dots(book) == wanted
    book.page.mouse.move(0, 0)
    book.page.wait_for_timeout(1000)
    assert 0 < book.page.evaluate(FRAMES) < 15, "a map that nobody touches rests"


def inside(polygon, xy):
    """Which of `xy` (n, 2) lie inside the polygon (m, 2): crossings of a ray to the right."""
    found = np.zeros(len(xy), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0)):
        crosses = (y0 > xy[:, 1]) != (y1 > xy[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            found ^= crosses & (xy[:, 0] < (x1 - x0) * (xy[:, 1] - y0) / (y1 - y0) + x0)
    return found


LASSO = f"() => {API}.get('mouseMode') === 'lasso'"


def test_a_lasso_holds_the_rows_that_numpy_finds_in_its_polygon(notebook):
    book = opened(notebook, CLOUD)
    book.page.get_by_role("button", name="Lasso", exact=True).click()
    book.page.wait_for_function(LASSO)  # the mouse's mode goes by way of the kernel
    turn = np.linspace(0, 2 * np.pi, 40)
    ring = np.stack([0.1 + 0.45 * np.cos(turn), 0.5 * np.sin(turn)], 1)
    mouse = book.page.mouse
    for i, (x, y) in enumerate(at(book, ring)):
        mouse.move(x, y)
        book.page.wait_for_timeout(15)
        if i == 0:
            mouse.down()
    mouse.up()
    expect(book.page.locator(".cx-strip-head")).to_contain_text("Lasso:")
    book.page.wait_for_timeout(500)
    kind, rows = book.kernel("(session.focus[0], list(map(int, session.focus[1])))")
    view = "panel._made['map'].children[0].view"
    xy = np.array(book.kernel(f"{view}.canvas.widget.points[:, :2].tolist()"))
    drawn = np.array(book.kernel(f"{view}.canvas.polygon.tolist()"))
    assert kind == "lasso" and len(rows) > 200
    assert np.abs(np.abs(drawn).max(0) - np.abs(ring).max(0)).max() < 0.03, (
        "the polygon is the one the mouse drew"
    )
    assert set(rows) == set(np.flatnonzero(inside(drawn, xy)).tolist())
    picked = [r for r in book.kernel("session.selection.indices.tolist()") if r in set(rows)]
    others = sorted(set(rows) - set(picked))
    shown = [int(c.get_attribute("data-row")) for c in book.page.locator(".cx-strip .cx-cell").all()]
    marked = book.page.locator(".cx-strip .cx-cell.cx-mark").count()
    assert shown == picked[:marked] + others[: len(shown) - marked] and marked > 0
    expect(book.page.locator(".cx-strip-head")).to_contain_text(
        f"Lasso: {len(rows):,} images, {len(picked)} selected"
    )
    assert misfits(book.page) == []


def test_hover_shows_that_points_picture_and_click_what_it_represents(notebook):
    book = opened(notebook, RING)
    view = "panel._made['map'].children[0].view"
    book.execute("session.j = 4")
    book.page.wait_for_timeout(800)
    places = at(book, book.kernel(f"{view}.canvas.widget.points[:, :2].tolist()"))
    order = book.kernel("session.selection.indices.tolist()")
    for row in (order[0], order[11], next(r for r in range(36) if r not in order)):
        book.page.mouse.move(*(places[row] + 1))
        book.page.mouse.move(*places[row])
        picture = book.page.locator(f'.cx-thumb img[data-row="{row}"]')
        expect(picture).to_be_visible()
        data = picture.get_attribute("src").split(",")[1]
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        assert shown.tolist() == book.kernel(f"session.result.data.thumbnail({row}).tolist()")
    book.page.mouse.move(*places[order[0]])
    expect(book.page.locator(f'.cx-thumb img[data-row="{order[0]}"]')).to_be_visible()
    book.page.mouse.click(*places[order[0]])
    expect(book.page.locator(".cx-strip-head")).to_contain_text("rank 1, represents")
    first = book.page.locator(".cx-strip .cx-cell").first
    assert int(first.get_attribute("data-row")) == order[0]
    assert misfits(book.page) == []


def test_thumbnails_are_walked_with_the_keyboard(notebook):
    book = opened(notebook, CLOUD)
    rows = book.kernel("session.selection.indices.tolist()")[:18]
    cells = book.page.locator(".cx-strip .cx-cell")
    assert [int(c.get_attribute("data-row")) for c in cells.all()] == rows
    assert [c.get_attribute("tabindex") for c in cells.all()] == ["0"] + ["-1"] * 17

    def focused():
        return int(book.page.evaluate("() => document.activeElement.dataset.row ?? -1"))

    cells.first.focus()
    for key, place in [
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 17),
        ("ArrowRight", 17),
        ("Home", 0),
    ]:
        book.page.keyboard.press(key)
        assert focused() == rows[place], key
    expect(book.page.locator(f'.cx-thumb img[data-row="{rows[0]}"]')).to_be_visible()
    assert cells.first.get_attribute("aria-label").startswith("rank 1, class <")
    book.page.keyboard.press("m")  # asks the map
    settled(book, "rank 1, represents")
    assert focused() == rows[0], "focus stays where it was"
    assert book.kernel("session.focus") == ("click", (rows[0],))

    book.page.get_by_role("tab", name="Images", exact=True).click()  # in Images, down and up change the class
    cells = book.page.locator(".cx-images .cx-cell")
    expect(cells.first).to_be_visible()
    expect(book.page.locator(".cx-images .cx-section-label")).to_have_count(4)
    lines = book.page.locator(".cx-images .cx-section:not(.cx-gallery-head)").all()
    row = [[int(c.get_attribute("data-row")) for c in line.locator(".cx-cell").all()] for line in lines]
    cells.first.focus()
    walk = [("ArrowDown", 1, 0), ("ArrowRight", 1, 1), ("ArrowDown", 2, 1), ("ArrowUp", 1, 1)]
    for key, line, place in walk:
        book.page.keyboard.press(key)
        assert focused() == row[line][place], key
    drawn = cells.first.locator("canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(c.width / 16, c.height / 16, 1, 1).data]"
    )
    assert drawn == [*book.kernel(f"session.result.data.thumbnail({row[0][0]})[0, 0].tolist()"), 255]
