"""The picture that a notebook shows where it is opened without its kernel: of the panel as it was last.

It is an output of its own before the panel's, since a front end that knows widgets draws nothing else of an output that
has one. The panel's style hides it, so it is never seen beside a live panel; where that style is gone, it is there.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from typing import Any

import IPython

from widgets.kit.job import Job
from widgets.kit.task import Task

QUIET = 3.0  # seconds in which nothing was touched: then the picture is made
LARGEST = 150_000  # bytes
COLORS = 128
DPI = 110


class Still:
    """`show()` where the panel is shown; from then on it follows the traits of `watch`, while nobody moves anything.

    `draw()` gives a call that draws a matplotlib Figure, made on a thread, or None; `quiet()` the seconds since the
    user last did something; `wanted()` whether a page shows the panel.
    """

    def __init__(
        self,
        task: Task,
        loop: Any,
        mark: str,
        *,
        draw: Callable[[], Callable[[], Any] | None],
        watch: Iterable[str],
        quiet: Callable[[], float],
        wanted: Callable[[], bool],
    ):
        self.loop, self.mark, self.job = loop, mark, Job(loop, "picture")
        self._draw, self._quiet, self._wanted = draw, quiet, wanted
        self._handle: Any = None
        self._words = ""
        self._waiting = False
        task.observe(self._changed, list(watch))

    @property
    def css(self) -> str:
        """Hides this picture, wherever it is, and what JupyterLab puts round it."""
        image = f'img[src*="{_encoded(self.mark)}"]'
        return (
            f"{image}, .jp-OutputArea-child:has(> .jp-RenderedImage {image}) {{ display: none !important; }}"
        )

    def show(self, words: str) -> None:
        """Make room for it in the output of the cell that runs; `words` stand for it where there are no pictures."""
        if getattr(IPython.get_ipython(), "kernel", None) is None or self.loop is None:
            return
        from IPython.display import display
        from PIL import Image

        self._words = words
        self._handle = display(
            self._bundle(png(Image.new("P", (1, 1)), self.mark)), raw=True, display_id=True
        )
        self._changed()

    def close(self) -> None:
        """Follow nothing more; the picture stays as it is."""
        self.job.drop()
        self._handle = None

    def _changed(self, _: Any = None) -> None:
        if self._handle is not None and not self._waiting:
            self._waiting = True
            self.loop.call_later(QUIET, self._look)

    def _look(self) -> None:
        left = QUIET - self._quiet()
        if self._handle is None or not self._wanted():
            self._waiting = False
        elif left > 0 or self.job.alive:
            self.loop.call_later(max(left, 0.5), self._look)
        else:
            self._waiting = False
            if (make := self._draw()) is not None:
                self.job.start(lambda: self._made(make()), then=self._tell, failed=self._failed)

    def _made(self, figure: Any) -> bytes:
        from PIL import Image

        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=DPI)
        found = Image.open(file).convert("RGB")
        picture = png(found.quantize(COLORS), self.mark)
        while len(picture) > LARGEST:
            found = found.resize((found.width * 3 // 4, found.height * 3 // 4))
            picture = png(found.quantize(COLORS), self.mark)
        return picture

    def _tell(self, picture: bytes) -> None:
        if self._handle is not None:
            self._handle.update(self._bundle(picture), raw=True)

    def _failed(self, error: BaseException) -> None:
        raise error  # the loop reports it: a picture that nobody sees now is no problem of the run

    def _bundle(self, picture: bytes) -> dict[str, str]:
        return {"image/png": base64.b64encode(picture).decode(), "text/plain": self._words}


def png(image: Any, mark: str) -> bytes:
    """A Pillow image as PNG, with the mark at its head, where style finds it in a data URL."""
    from PIL.PngImagePlugin import PngInfo

    file, info = io.BytesIO(), PngInfo()
    info.add_text("Software", _text(mark))
    image.save(file, format="png", optimize=True, pnginfo=info)
    return file.getvalue()


def _text(mark: str) -> str:
    return f"coreset_explore {mark}"


def _encoded(mark: str) -> str:
    """The mark as it stands in base64: its piece begins at byte 33 of the file, after signature and header."""
    words = b"Software\0" + _text(mark).encode("latin-1")
    piece = len(words).to_bytes(4, "big") + b"tEXt" + words
    return base64.b64encode(piece[: len(piece) // 3 * 3]).decode()
