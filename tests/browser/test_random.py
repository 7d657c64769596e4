"""A panel in a child's hands: whatever is pressed, turned, dragged and typed, in whatever order, nothing throws."""

import time

import numpy as np
from playwright.sync_api import expect

from tests.browser.lab import Notebook
from tests.browser.panel import CANVAS, RING
from tests.browser.test_pointing import CAMERA, VIEW

SEED, ACTIONS, SECONDS = 0, 80, 5
WINDOWS = [(1440, 900), (1366, 768), (1008, 700), (620, 900)]
KEYS = [
    "ArrowRight",
    "ArrowLeft",
    "ArrowDown",
    "ArrowUp",
    "Home",
    "End",
    "Enter",
    "Escape",
    "Tab",
    "t",
    "m",
    " ",
]
# Where the parts of a kind are that can be reached in the window, as [x, y, width, height].
PARTS = """selector => [...document.querySelectorAll(selector)].filter(one => !one.disabled && one.offsetParent)
  .map(one => one.getBoundingClientRect()).map(box => [box.x, box.y, box.width, box.height])
  .filter(([x, y, wide, high]) => wide > 3 && y + high / 2 > 60 && y + high / 2 < innerHeight - 20)"""
CHANGE = """([at, share]) => {
  const all = [...document.querySelectorAll('.cx .cx-main select')].filter(one => one.offsetParent);
  const one = all[Math.floor(at * all.length)];
  if (!one) return;
  one.selectedIndex = Math.floor(share * one.options.length);
  one.dispatchEvent(new Event('change', {bubbles: true}));
}"""


class Child:
    """Does one thing after the other; what is not to be seen is left alone."""

    def __init__(self, book: Notebook):
        self.page, self.rng = book.page, np.random.default_rng(SEED)

    def act(self) -> None:
        often = {
            self.press: 3, self.turn_to: 4, self.drag: 4, self.wheel: 4, self.point: 4, self.key: 5, self.choose: 3,
            self.find: 1, self.resize: 2,
        }  # fmt: skip
        self.rng.choice(list(often), p=np.array(list(often.values())) / sum(often.values()))()
        self.page.wait_for_timeout(int(self.rng.choice([0, 20, 90])))

    def place(self, selector: str) -> tuple[float, float] | None:
        """Somewhere on one of these parts."""
        found = self.page.evaluate(PARTS, selector)
        if not found:
            return None
        x, y, wide, high = found[self.rng.integers(len(found))]
        low, high = max(y, 62), min(y + high, self.page.viewport_size["height"] - 22)
        return x + wide * self.rng.random(), low + max(high - low, 0) * self.rng.random()

    def click(self, selector: str) -> None:
        if (place := self.place(selector)) is not None:
            self.page.mouse.click(*place)

    def press(self) -> None:
        self.click(".cx .cx-main button:not(.cx-cell), .cx .cx-header button, .cx .cx-cell")

    def turn_to(self) -> None:
        self.page.keyboard.press("Escape")  # a dialog lies over the tabs
        self.click(".cx-tabs button")

    def drag(self) -> None:
        """In the hand or as a lasso; sometimes the map is taken away meanwhile."""
        place = self.place(".cx-plot canvas")
        if place is None:
            return
        self.page.mouse.move(*place)
        self.page.mouse.down()
        for _ in range(4):
            self.page.mouse.move(*(np.array(place) + self.rng.normal(size=2) * 60))
        if self.rng.random() < 0.3:
            self.page.locator(".cx-tabs button").nth(1).dispatch_event("click")
            self.page.mouse.move(*place)
        self.page.mouse.up()

    def wheel(self) -> None:
        if (place := self.place(".cx-plot canvas")) is not None:
            self.page.mouse.move(*place)
            self.page.keyboard.down("Control")
            for turn in self.rng.normal(size=6) * 500:
                self.page.mouse.wheel(0, float(turn))
            self.page.keyboard.up("Control")

    def point(self) -> None:
        for _ in range(3):
            if (place := self.place(".cx-plot canvas")) is not None:
                self.page.mouse.move(*place)

    def key(self) -> None:
        if self.page.evaluate("() => !!document.activeElement.closest('.cx')"):  # else it is the notebook's
            self.page.keyboard.press(KEYS[self.rng.integers(len(KEYS))])

    def choose(self) -> None:
        self.page.evaluate(CHANGE, self.rng.random(2).tolist())

    def find(self) -> None:
        if (place := self.place(".cx-find input")) is not None:
            self.page.mouse.click(*place, click_count=3)
            self.page.keyboard.type(str(self.rng.choice(["", "class:1", "tag:x", "x0<0", '"', "zzz"])))

    def resize(self) -> None:
        wide, high = WINDOWS[self.rng.integers(len(WINDOWS))]
        self.page.set_viewport_size({"width": wide, "height": high})


def taken_away(book: Notebook, mode: str) -> None:
    """Hide the map under a pressed mouse: its camera moved by a share of no height, and every frame threw."""
    page, canvas = book.page, book.page.locator(CANVAS).first
    book.execute(f"{VIEW}.tools.mouse.value = {mode!r}")
    page.wait_for_timeout(200)
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 120
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=4)
    book.execute("panel.session.tab = 'images'")
    expect(page.locator(".cx-images")).to_be_visible()
    page.mouse.move(x, y + 60, steps=4)
    page.mouse.up()
    book.execute("panel.session.tab = 'map'")
    expect(canvas).to_be_visible()
    page.wait_for_timeout(200)
    view, scale = page.evaluate(CAMERA)
    assert np.isfinite([*view, scale]).all(), mode


def test_nothing_that_is_pressed_dragged_or_typed_throws(notebook):
    book = notebook(RING)
    book.run_all()
    page = book.page
    expect(page.locator(CANVAS).first).to_be_visible()
    page.wait_for_timeout(1000)  # the first drawing
    for mode in ("move", "lasso"):
        taken_away(book, mode)
    child, began = Child(book), time.monotonic()
    for _ in range(ACTIONS):
        child.act()
        if time.monotonic() - began > SECONDS:
            break
    page.keyboard.press("Escape")
    book.viewport(1440, 1000)
    book.execute("panel.session.tab, panel.session.query, panel.session.layout = 'map', '', 'PCA'")
    expect(page.locator(CANVAS).first).to_be_visible()
    assert book.kernel("panel.session.problem and panel.session.problem.details") is None
