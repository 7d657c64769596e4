"""Pointing in Chromium: the pick that is seen under the pointer is the one named, anywhere within its dot."""

import numpy as np
import pytest
from playwright.sync_api import expect

from coreset_explore.plots import palette
from tests.browser.checks import attached, pixels
from tests.browser.panel import API, CANVAS, until

CLOUD = """
from tests.panels import *
from widgets.explorer import Explorer
pool = pool_of({n}, 4)
session = session_of(pool, pictures_of(pool), (20, 200, {k}))
session.j = 2
panel = Explorer(session)
panel
"""
VIEW = "panel._made['map'].children[0].view"
# Goes to each place with the mouse's own event and tells, one frame later, which row the page says it is on.
ASK = """async places => {
  const plot = document.querySelector('.cx-plot'), canvas = plot.querySelector('canvas');
  const frame = () => new Promise(requestAnimationFrame);
  const found = [];
  for (const [clientX, clientY] of places) {
    canvas.dispatchEvent(new MouseEvent('mousemove', {clientX, clientY, bubbles: true}));
    await frame();
    found.push(Number(plot.dataset.row));
  }
  return found;
}"""
# A mouse that rests at one place, then arrives at another and clicks, all before the next frame: as on a busy page.
HURRIED = """async ([from, to]) => {
  const canvas = document.querySelector('.cx-plot canvas');
  const frame = () => new Promise(requestAnimationFrame);
  const say = (kind, [clientX, clientY], buttons = 0) =>
    canvas.dispatchEvent(new MouseEvent(kind, {clientX, clientY, buttons, bubbles: true}));
  say('mousemove', from);
  await frame().then(frame);
  say('mousemove', to);
  say('mousedown', to, 1);
  await frame().then(frame);
  say('mouseup', to);
  say('click', to);
  await frame().then(frame);
}"""
# Where the view has a row, and of how many that it shows.
HELD = f"""row => {{
  const api = {API};
  return JSON.stringify([[...api.get('points')[row]].slice(0, 2), api.get('filteredPoints').length]);
}}"""
NAMED = "() => Number(document.querySelector('.cx-plot').dataset.row)"
CAMERA = f"""() => {{
  const api = {API};
  return [[...api.get('cameraView')], api.get('camera').scaling[0]];
}}"""


def opened(notebook, n, k=400):
    book = notebook(CLOUD.format(n=n, k=k))
    book.run_all()
    expect(book.page.locator(CANVAS).first).to_be_visible()
    book.page.wait_for_timeout(1500)  # the first drawing, and the time in which points would be dropped
    return book


class Drawn:
    """Where each dot lies on the page, how large it is, and which lies over which, from what the kernel sent."""

    def __init__(self, book):
        book.execute(
            f"w = {VIEW}.canvas.widget; import json; told = dict(xy=w.points[:, :2].tolist(), "
            "code=w.points[:, 3].astype(int).tolist(), size=w.size, order=w.point_order.tolist(), "
            "picks=session.selection.indices.tolist(), y=session.result.pool.y.tolist())"
        )
        told = book.kernel("told")
        box = book.page.locator(CANVAS).first.bounding_box()
        view, scale = book.page.evaluate(CAMERA)
        half = box["height"] / 2
        xy = np.array(told["xy"]) * [view[0], view[5]] + [view[12], view[13]]
        self.corner = np.array([box["x"], box["y"]])
        self.at = self.corner + [box["width"] / 2, half] + xy * [half, -half]
        grow = np.arcsinh(scale) / np.arcsinh(1) if scale > 1 else scale
        self.radius = np.array(told["size"])[told["code"]] * grow / 2
        self.rank = np.empty(len(xy), int)
        self.rank[told["order"]] = np.arange(len(xy))
        inside = (self.at > self.corner + 20) & (
            self.at < self.corner + [box["width"] - 20, box["height"] - 20]
        )
        self.picks = [row for row in told["picks"] if inside[row].all()]
        self.y = np.array(told["y"])

    def some_pixel(self, row, rng):
        """One of the whole pixels that lie within a row's dot, which is where a mouse can be."""
        spread = np.arange(-np.ceil(self.radius[row]), np.ceil(self.radius[row]) + 1)
        near = np.round(self.at[row]) + np.stack(np.meshgrid(spread, spread), -1).reshape(-1, 2)
        return rng.choice(near[np.hypot(*(near - self.at[row]).T) < self.radius[row]])

    def top(self, place):
        """The row on top of all whose dot holds the place."""
        holds = np.flatnonzero(np.hypot(*(self.at - place).T) < self.radius)
        return int(holds[np.argmax(self.rank[holds])])


@pytest.mark.parametrize("n", [10_000, 60_000])
def test_within_a_picks_dot_the_pick_on_top_is_named(notebook, n):
    book = opened(notebook, n)
    seen = pixels(book.page.locator(CANVAS).first).astype(int)  # first: it scrolls the canvas into view
    drawn, rng = Drawn(book), np.random.default_rng(0)
    rows = rng.choice(drawn.picks, 200)
    places = np.stack([drawn.some_pixel(row, rng) for row in rows])
    found = book.page.evaluate(ASK, places.tolist())
    wanted = [drawn.top(place) for place in places]
    assert found == wanted
    assert set(wanted) <= set(drawn.picks), "a pick is never under a point that is not selected"
    colors = [[round(255 * c) for c in palette.rgb(c)] for c in palette.class_colors(4)]
    x, y = np.floor(places - drawn.corner).astype(int).T
    well = np.hypot(*(drawn.at[wanted] - places).T) < drawn.radius[wanted] - 1.5  # off the dot's soft edge
    gap = np.abs(seen[y, x] - np.array(colors)[drawn.y[wanted]]).max(1)
    assert well.sum() > 30 and (gap[well] < 40).mean() > 0.97, (
        "the named dot's color is what is painted there"
    )


def whole(inner, outer):
    """Whether one box lies within another."""
    return all(
        inner[side] >= outer[side] - 1 and inner[side] + inner[size] <= outer[side] + outer[size] + 1
        for side, size in (("x", "width"), ("y", "height"))
    )


def test_the_card_stands_whole_in_panel_and_window_and_a_click_pins_it(notebook):
    book = opened(notebook, 3000, 150)
    page = book.page
    book.viewport(1366, 800)
    until(book, "session.height < 800")  # then the map is drawn as high as the window leaves
    page.wait_for_timeout(800)
    page.locator(".cx-frame").first.scroll_into_view_if_needed()
    drawn = Drawn(book)
    seen = [row for row in drawn.picks if 150 < drawn.at[row][1] < 740]
    corners = {
        row for axis in (0, 1) for row in sorted(seen, key=lambda row: drawn.at[row][axis])[:: len(seen) - 1]
    }
    card, window = page.locator(".cx-tip"), {"x": 0, "y": 0, "width": 1366, "height": 800}
    for row in corners:
        page.mouse.move(*(drawn.at[row] + 30))
        page.mouse.move(*np.round(drawn.at[row]))
        expect(card).to_have_attribute("data-row", str(drawn.top(np.round(drawn.at[row]))))
        expect(card).to_be_visible()
        box = card.bounding_box()
        assert whole(box, window) and whole(box, page.locator(".cx").first.bounding_box())
    drawn = Drawn(book)  # a map that was drawn anew for the window's height meanwhile has other places
    place = np.round(drawn.at[seen[0]])
    row = drawn.top(place)
    page.mouse.move(*place)
    expect(card).to_have_attribute("data-row", str(row))  # a busy page may still draw
    page.mouse.click(*place)
    expect(page.locator(".cx-tip.cx-pinned")).to_be_visible()
    page.mouse.move(*(drawn.corner + 8))
    expect(page.locator(f'.cx-tip.cx-pinned .cx-thumb img[data-row="{row}"]')).to_be_visible()
    assert book.kernel("session.focus") == ("click", (row,))
    page.get_by_role("button", name="Close this card").click()
    expect(card).to_be_hidden()
    page.mouse.move(*place)
    expect(card).to_be_visible()
    for change in (
        "layout = 'UMAP'",
        "layout = 'PCA'",
        f"only_class = {1 - min(row % 4, 1)}",
        "only_class = -1",
    ):
        before = page.evaluate(HELD, row)
        book.execute(f"session.{change}")  # under a mouse that rests
        page.wait_for_function(f"([row, before]) => ({HELD})(row) !== before", arg=[row, before])
        page.wait_for_timeout(600)  # drawn, and pointed at anew
        named, told = (
            page.evaluate(one) for one in (NAMED, "() => document.querySelector('.cx-tip').dataset.row")
        )
        shown = card.is_visible()
        assert [named] == page.evaluate(ASK, [place.tolist()]), change
        assert shown == (named >= 0) and (not shown or int(told) == named), change
    book.execute(
        "session.tab = 'images'"
    )  # a map that is hidden under the mouse is not asked: that is an error
    expect(page.locator(".cx-images")).to_be_visible()
    page.mouse.move(*(place + 5))


def still(page, where: str) -> None:
    """Wait until the page stands still: how long it scrolls after a turn of the wheel is the machine's affair."""
    before = None
    while (now := page.evaluate(where)) != before:
        before = now
        page.wait_for_timeout(400)


def test_the_wheel_scrolls_the_page_until_the_map_was_clicked_and_zooming_has_an_end(notebook):
    book = opened(notebook, 3000, 150)
    page = book.page
    attached(page.locator(CANVAS).first.scroll_into_view_if_needed)
    where = "() => document.querySelector('.cx').getBoundingClientRect().top"
    scale, top = page.evaluate(CAMERA)[1], page.evaluate(where)
    box = page.locator(CANVAS).first.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 200)
    page.mouse.move(*middle)
    page.mouse.wheel(0, 120)
    page.wait_for_function(f"top => ({where})() < top - 50", arg=top)
    assert page.evaluate(CAMERA)[1] == scale
    still(page, where)
    attached(page.locator(CANVAS).first.scroll_into_view_if_needed)
    still(page, where)
    drawn = Drawn(book)
    seen = [
        drawn.at[row] for row in drawn.picks if drawn.at[row][1] > 250
    ]  # below all that stays while it scrolls
    place = np.round(min(seen, key=lambda at: at[1])).tolist()
    view = page.evaluate(CAMERA)
    page.evaluate(HURRIED, [middle, place])
    assert page.evaluate(CAMERA) == view, "who arrives and presses at once has not dragged the map there"
    card = page.locator(".cx-tip.cx-pinned")
    expect(card).to_be_visible()
    page.mouse.move(*place)
    page.evaluate("() => document.activeElement.blur()")  # a map with the focus would zoom
    for turn in (600, -600):
        page.mouse.wheel(0, turn)
        (expect(card).to_be_hidden if turn > 0 else expect(card).to_be_visible)()
    page.get_by_role("button", name="Close this card").click()
    box = page.locator(CANVAS).first.bounding_box()
    page.mouse.click(box["x"] + 12, box["y"] + 60)
    page.wait_for_function("() => document.activeElement.classList.contains('cx-plot')")
    top = page.evaluate(where)
    for turn, end in ((-400, 61), (400, 0.39)):
        for _ in range(30):
            page.mouse.wheel(0, turn)
        page.wait_for_timeout(600)
        now = page.evaluate(CAMERA)[1]
        assert (20 < now < end) if turn < 0 else (end < now < 1.1), f"there is an end, and it is {now}"
        assert page.evaluate(where) == top, "the page stands still, at the end too"
