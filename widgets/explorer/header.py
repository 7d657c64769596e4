"""The header: what is shown, how it goes, Code and Export; and the box that shows an error."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as w

from widgets.explorer.export import code_panel, export_panel
from widgets.explorer.session import SETTINGS, Session
from widgets.kit.markup import brief_name, note, percent, show, text
from widgets.kit.problems import session_guard


def header(session: Session) -> w.Widget:
    """Title, dataset, status, Code and Export."""
    guard = session_guard(session)
    title, chip = note("", "cx-title"), note("", "cx-chip")
    pops = {"Code": code_panel(session), "Export": export_panel(session)}
    buttons = [w.Button(description=name) for name in pops]

    def toggle(name: str) -> None:
        for other, pop in pops.items():
            show(pop, other == name and "cx-hidden" in pop._dom_classes)
            pop.refresh()

    for button in buttons:
        button.on_click(guard(lambda b: toggle(b.description)))

    def told(_=None) -> None:
        state, words = status(session)
        stale = " cx-stale" if session.stale and state in ("idle", "done") else ""
        chip.value = (
            f'<span class="cx-status{stale}" data-state="{state}" aria-live="polite">{text(words)}</span>'
        )

    def named(_=None) -> None:
        title.value = f"<b>Explore</b><span>{text(dataset_line(session))}</span>"

    session.observe(guard(told), ["status", "progress", "note", "result", *SETTINGS])
    session.observe(guard(named), ["result", "data_name"])
    told()
    named()
    return w.Box([title, chip, *buttons, *pops.values()]).add_class("cx-header")


def status(session: Session) -> tuple[str, str]:
    """The status element's data-state and its words."""
    state = session.status
    if state == "running":
        return state, f"Running {percent(session.progress)}"
    if state == "cancelling":
        return state, "Cancelling"
    if state == "error":
        return state, "Error"
    if session.stale:
        return state, "Settings changed"
    return state, session.note or ("Ready" if state == "idle" else "Done")


def dataset_line(session: Session) -> str:
    """Name, size, classes, features and what a reader must know about the data of the result."""
    result = session.result
    if result is None:
        return session.data_name
    data, pool = result.data, result.pool
    kind = "images" if getattr(data, "kind", "") == "images" else "rows"
    parts = [f"{result.n:,} {kind}"]
    if pool.y is not None:
        parts.append(f"{pool.n_classes} class{'es' * (pool.n_classes != 1)}")
    if pool.emb is not None:
        model = pool.info.get("model")
        parts.append(f"{pool.emb.shape[1]}-d features{f' of {model}' if model else ''}")
    line = f"{brief_name(getattr(data, 'name', session.data_name))}: {', '.join(parts)}"
    if note_ := getattr(data, "note", ""):
        line += f" ({note_})"
    if skipped := getattr(data, "skipped", ()):
        named = ", ".join(Path(path).name for path in skipped[:2])
        line += f" ({len(skipped)} broken file{'s' * (len(skipped) != 1)} skipped: {named}{', …' * (len(skipped) > 2)})"
    return line
