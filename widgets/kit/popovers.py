"""Code and Export: two popovers under the header's buttons, which move nothing below them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from widgets.kit import plain as w
from widgets.kit.code import Code
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, note, show, text
from widgets.kit.shell import Popover
from widgets.kit.task import Task

LINKED = 4_000_000  # bytes: up to this size a saved file can also be downloaded through the page


def code_popover(task: Task, words: str, code: Callable[[], str], watch: Sequence[str]) -> Popover:
    """The lines that `code` gives under `words`, kept up to date with the traits of `watch` while it is open."""
    shown = Code()
    box = Popover([note(text(words)), shown]).add_class("cx-pop")

    def refresh(_=None) -> None:
        if "cx-hidden" not in box._dom_classes:
            shown.text = code()

    task.observe(session_guard(task)(refresh), list(watch))
    box.refresh = refresh
    show(box, False)
    return box


def save_popover(
    task: Task,
    forms: Callable[[], Mapping[str, str]],
    what: Callable[[str], str],
    write: Callable[[str, str], Path],
    watch: Sequence[str],
    above: Sequence[w.Widget] = (),
) -> Popover:
    """Save in one of the `forms` {key: title} into a folder: `write(key, folder)` gives the path.

    `what(key)` says what would be saved, under the controls that stand `above`. Nothing can be before the task has a
    result.
    """
    guard = session_guard(task)
    form = w.Dropdown(options=[(title, key) for key, title in forms().items()])
    folder = w.Text("coreset", tooltip="a folder beside the notebook; it is made if it is not there")
    button = w.Button(description="Save").add_class("cx-strong")
    told, about = note("", "cx-saved", "cx-note"), note()
    row = w.Box([button]).add_class("cx-row")
    box = Popover([*above, about, field("As", form), field("Folder", folder), row, told])
    box.add_class("cx-pop").add_class("cx-slim")

    def refresh(_=None) -> None:
        button.disabled = task.result is None
        options = [(title, key) for key, title in forms().items()]
        if options != list(form.options):
            held = form.value
            form.options = options
            form.value = held if held in dict(options).values() else options[0][1]
        about.value = text(what(str(form.value)))

    @guard
    def save(_) -> None:
        try:
            told.value = _link(write(str(form.value), str(folder.value)))
        except (ValueError, OSError) as error:
            told.value = f'<span class="cx-lack">{text(error)}</span>'

    button.on_click(save)
    form.observe(guard(refresh), "value")
    task.observe(guard(refresh), list(watch))
    box.refresh = refresh
    refresh()
    show(box, False)
    return box


def _link(path: Path) -> str:
    whole = text(path.resolve())
    if path.is_dir() or path.stat().st_size > LINKED:
        return f"Saved to {whole}"
    data = base64.b64encode(path.read_bytes()).decode()
    href = f"data:application/octet-stream;base64,{data}"
    return f'Saved to {whole} · <a download="{text(path.name)}" href="{href}">Download</a>'
