"""What a story can ask of a page beyond its text: does it fit, and what is painted."""

import io
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Locator, Page

T = TypeVar("T")

# An element fails when it hides a part of its content, offers a scroll bar, or sticks out of the panel. Left out: what
# is not shown, canvases and their layers (which are larger than their frame by design), and text for screen readers.
_MISFITS = """selector => {
    const seen = [];
    const tell = (element, what) => {
        const name = element.tagName.toLowerCase() + [...element.classList].map(c => '.' + c).join('');
        seen.push(`${name} ${what}: ${(element.innerText ?? '').trim().slice(0, 40)}`);
    };
    for (const root of document.querySelectorAll(selector)) {
        const frame = root.getBoundingClientRect();
        for (const element of [root, ...root.querySelectorAll('*')]) {
            const box = element.getBoundingClientRect(), style = getComputedStyle(element);
            if (box.width < 2 || box.height < 2 || style.visibility === 'hidden') continue;
            if (element.closest('svg, canvas, [data-may-clip]') || element.querySelector('canvas')) continue;
            const wide = element.clientWidth && style.overflowX !== 'visible'
                ? element.scrollWidth - element.clientWidth : 0;
            const high = element.clientHeight && style.overflowY !== 'visible'
                ? element.scrollHeight - element.clientHeight : 0;
            if (wide > 1) tell(element, `clips or scrolls ${wide} px across`);
            if (high > 1) tell(element, `clips or scrolls ${high} px down`);
            if (box.right > frame.right + 1 || box.left < frame.left - 1) tell(element, 'sticks out of the panel');
        }
    }
    return seen;
}"""


def misfits(page: Page, selector: str = ".cx") -> list[str]:
    """Every element inside `selector` that clips, scrolls or sticks out, with what it says; empty when all fits."""
    return page.evaluate(_MISFITS, selector)


def lasting(ask: Callable[[], list[str]], seconds: float = 5.0) -> list[str]:
    """What `ask` still says after some seconds: a page on a busy machine is drawn for another width in its own time."""
    end = time.monotonic() + seconds
    while (found := ask()) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def pixels(part: Locator) -> np.ndarray:
    """The part of the page as it is painted: (height, width, 3) uint8."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(attached(part.screenshot))).convert("RGB"))


def attached(act: Callable[[], T]) -> T:
    """What a locator's action gives; a map that is drawn anew gets a new canvas, perhaps in this very moment."""
    try:
        return act()
    except Error as error:
        if "not attached" not in error.message:
            raise
        return act()


def blobs(mask: np.ndarray) -> int:
    """How many connected patches of True a (height, width) mask holds: dots that do not touch are counted singly."""
    from scipy.ndimage import label

    return int(label(mask, structure=np.ones((3, 3)))[1])


def violations(page) -> list[str]:
    """What axe-core calls serious or critical in the panel."""
    found = Axe().run(page, context=".cx").response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
