"""What waiting for the panel feels like, in JupyterLab and a Chromium without a GPU: first paint, slider, lasso, hover.

Needs CORESET_DATA (Fashion-MNIST) and a Chromium. Times are the browser's own clock, from the event to the first
frame that shows the answer; reading the canvas back frame by frame is inside them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import write
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.browser.chromium import find
from tests.browser.conftest import FLAGS
from tests.browser.lab import Console, Notebook
from tests.browser.servers import jupyterlab, write_notebook

STILL = 8000  # milliseconds without a touch, in which the page gets what Curves are drawn with
PREPARE = """
import coreset_explore as cx, torch
data = cx.load("fashion-mnist")[:{n}]
cx.signals(data, epochs=2, show=False)
print("ready")
"""
SHOW = """
import time
began = time.time()
from widgets import explore
panel = explore(data, epochs=2, methods=["CRAIG", "GRAD-MATCH per class", "Random"])
panel
"""
PAINT = """() => {
  window.cxPaint = {};
  const look = () => {
    if (!cxPaint.panel && document.querySelector('.cx-status')) cxPaint.panel = Date.now();
    if (!cxPaint.map && document.querySelector('.cx-plot canvas')) cxPaint.map = Date.now();
    if (!cxPaint.map) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
WATCH = """([event, test]) => {
  const canvas = document.querySelector('.cx-plot canvas');
  const small = new OffscreenCanvas(240, 180), pen = small.getContext('2d', {willReadFrequently: true});
  const picture = () => {
    pen.clearRect(0, 0, 240, 180); pen.drawImage(canvas, 0, 0, 240, 180);
    let h = 0; for (const v of pen.getImageData(0, 0, 240, 180).data) h = (h * 31 + v) | 0; return h;
  };
  const before = test === 'pixels' ? picture() : 0;
  let start = 0;
  const armed = performance.now();
  addEventListener(event, () => { start = performance.now(); }, {capture: true});
  const seen = () => test === 'pixels' ? picture() !== before : (TEST);
  window.cxAnswer = new Promise(resolve => {
    const look = () => {
      if (performance.now() - armed > 20000) resolve(null);
      else if (start && seen()) resolve(performance.now() - start);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}"""

# What no panel can be faster than: the view draws the same points again, and the canvas is read back.
REDRAWN = """() => new Promise(resolve => {
  let holder = document.querySelector('.cx-plot canvas');
  const canvas = holder, pen = new OffscreenCanvas(240, 180).getContext('2d', {willReadFrequently: true});
  while (!holder.api) holder = holder.parentElement;
  const start = performance.now();
  holder.api.subscribe('draw', () => {
    pen.drawImage(canvas, 0, 0, 240, 180); pen.getImageData(0, 0, 240, 180);
    resolve(performance.now() - start);
  }, 1);
  holder.api.redraw();
})"""


def timed(page: Page, event: str, test: str, act) -> float | None:
    """Milliseconds from the last `event` that `act` causes until `test` (JavaScript or "pixels") holds; None: never."""
    page.evaluate(WATCH.replace("TEST", "false" if test == "pixels" else test), [event, test])
    act()
    return page.evaluate("() => window.cxAnswer")


def row(what: str, n: int, values: list, goal: float | None = None) -> dict:
    known = [v for v in values if v is not None]
    found = {
        "what": what,
        "points": n,
        "median_ms": round(statistics.median(known)) if known else None,
        "low_ms": round(min(known)) if known else None,
        "high_ms": round(max(known)) if known else None,
        "answered": len(known),
        "runs": len(values),
        "goal_ms": goal,
    }
    print(found, flush=True)
    return found


def story(book: Notebook, n: int, received: list[int]) -> list[dict]:
    page, rows = book.page, []
    page.evaluate(PAINT)
    book.run_all()
    page.wait_for_function("() => window.cxPaint.map", timeout=120_000)
    paint, began = page.evaluate("() => window.cxPaint"), 1000 * book.kernel("began")
    rows.append(row("cell run to the panel on the page", n, [paint["panel"] - began], 2000))
    rows.append(row("cell run to the first map", n, [paint["map"] - began]))
    book.wait_state("done", timeout=300)
    book.execute("panel.session.layout = 'PCA'")
    page.wait_for_timeout(3000)
    slider = page.locator(".cx .noUi-handle").first
    page.locator(".cx").first.evaluate(
        "panel => panel.scrollIntoView()"
    )  # what is below the fold is not hovered
    page.wait_for_timeout(500)

    slider.focus()
    moves, sent = [], []
    for key in ["ArrowLeft"] * 5 + ["ArrowRight"] * 5:
        received.clear()
        moves.append(timed(page, "keydown", "pixels", lambda key=key: page.keyboard.press(key)))
        page.wait_for_timeout(150)
        sent.append(sum(received))
        page.wait_for_timeout(1500)
    rows.append(row("slider key to new pixels", n, moves, 150))
    rows.append(
        row("the same points drawn again by the page alone", n, [page.evaluate(REDRAWN) for _ in range(9)])
    )
    rows.append(
        {
            "what": "bytes per slider move",
            "points": n,
            "median": int(statistics.median(sent)),
            "most": max(sent),
            "goal": 65536,
        }
    )

    end = time.monotonic() + 180  # a layout that comes meanwhile would move what is pointed at
    while time.monotonic() < end and book.kernel("panel.session.layout_note"):
        page.wait_for_timeout(1000)
    page.wait_for_timeout(STILL)
    box = page.locator(".cx-plot canvas").first.bounding_box()
    center = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    hovers = []
    places = np.array(book.kernel("panel._made['map'].children[0].view.canvas.widget.points[:, :2].tolist()"))
    order = book.kernel("panel.selection.indices.tolist()")
    inside = [row for row in order if np.abs(places[row]).max() < 0.8]
    for chosen in inside[:7]:
        x, y = center + places[chosen] * [box["height"] / 2, -box["height"] / 2]
        card = "document.querySelector('.cx-map .cx-tip:not([hidden])')?.dataset.row"
        shown = f"({card} ?? window.cxOld) !== window.cxOld"
        page.evaluate(f"() => {{ window.cxOld = {card} }}")

        def move(x=x, y=y) -> None:
            page.mouse.move(x + 1, y)
            page.mouse.move(x, y)

        hovers.append(timed(page, "mousemove", shown, move))
        page.wait_for_timeout(400)
    rows.append(row("hover to the card at the pointer", n, hovers, 100))

    clicks = []
    for chosen in inside[7:12]:
        place = np.round(center + places[chosen] * [box["height"] / 2, -box["height"] / 2])
        page.evaluate("() => { window.cxBefore = document.querySelector('.cx-strip-head').innerText }")
        changed = "document.querySelector('.cx-strip-head').innerText !== window.cxBefore"
        clicks.append(timed(page, "mousedown", changed, lambda place=place: page.mouse.click(*place)))
        page.wait_for_timeout(1500)
    rows.append(row("pick clicked to what it represents", n, clicks, 200))
    page.keyboard.press("Escape")
    page.wait_for_timeout(800)

    page.get_by_role("button", name="Lasso", exact=True).click()
    page.wait_for_timeout(800)
    lassos = []
    for i in range(5):
        turn = np.linspace(0, 2 * np.pi, 30)
        radius = (0.1 + 0.05 * i) * box["height"]
        ring = center + radius * np.stack([np.cos(turn), np.sin(turn)], 1)
        before = page.locator(".cx-strip-head").inner_text()

        def draw(ring=ring) -> None:
            page.mouse.move(*ring[0])
            page.mouse.down()
            for x, y in ring[1:]:
                page.mouse.move(x, y)
                page.wait_for_timeout(10)
            page.mouse.up()

        page.evaluate("before => { window.cxBefore = before }", before)
        changed = "document.querySelector('.cx-strip-head').innerText !== window.cxBefore"
        lassos.append(timed(page, "mouseup", changed, draw))
        page.wait_for_timeout(800)
    rows.append(row("lasso released to images", n, lassos, 150))

    cancels = []
    book.execute("panel.session.seed = 1")
    for i in range(3):
        page.get_by_role("button", name="Select again", exact=True).click()
        page.wait_for_timeout(1500 + 700 * i)
        chip = "document.querySelector('.cx-status').dataset.state !== 'running'"
        cancels.append(
            timed(page, "click", chip, lambda: page.get_by_role("button", name="Cancel", exact=True).click())
        )
        book.wait_state("idle", timeout=30)
    rows.append(row("cancel clicked to chip changed", n, cancels, 200))
    book.execute("panel.session.seed = 0")

    page.wait_for_timeout(STILL)
    start = time.monotonic()
    page.get_by_role("tab", name="Curves", exact=True).first.click()
    page.wait_for_selector(".cx-curves-plot .main-svg", timeout=60_000)
    spent = 1000 * (time.monotonic() - start)
    rows.append(
        row(f"Curves opened the first time, {STILL // 1000} s after the last touch", n, [spent], 2000)
    )
    return rows


def listen(page: Page, received: list[int]) -> None:
    """Note the size of every message that the page receives."""
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: received.append(len(data))))


def main(*sizes: str) -> None:
    rows: list[dict] = []
    root = Path(tempfile.mkdtemp())
    with jupyterlab(root) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*FLAGS, "--no-sandbox"])
        for n in map(int, sizes or ("10000", "60000")):
            page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
            page.set_default_timeout(60_000)
            received: list[int] = []
            listen(page, received)
            console = Console().listen(page)
            cells = [PREPARE.format(n=n), SHOW]
            write_notebook(root / f"panel{n}.ipynb", cells)
            book = Notebook(page, address, root, f"panel{n}.ipynb", console)
            book.load()
            rows += story(book, n, received)
            book.close()
            page.context.close()
        browser.close()
    write(f"panel-{'-'.join(sizes) or 'all'}", rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
