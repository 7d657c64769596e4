"""Code and Export: two popovers under the header's buttons, which move nothing below them."""

from __future__ import annotations

import importlib.util
import shutil
from functools import partial
from pathlib import Path

from widgets.explorer.replay import code, variable
from widgets.explorer.session import Session
from widgets.kit import plain as w
from widgets.kit.form import Controls
from widgets.kit.guard import session_guard
from widgets.kit.markup import field
from widgets.kit.popovers import code_popover, save_popover
from widgets.kit.shell import Popover

FORMATS = {
    "npz": "Selection, .npz",
    "parquet": "Selection, .parquet",
    "csv": "Table of picks, .csv",
    "all": "All methods, one table, .csv",
    "txt": "List of files, .txt",
    "copy": "Copy of the chosen files",
    "png": "Picture of the map, .png",
}
NEEDS = {"parquet": "pyarrow", "png": "matplotlib"}  # what is offered where it is installed


def code_panel(session: Session) -> Popover:
    """The lines that give what is on the screen."""
    words = "The picks and weights on the screen, in a fresh Python:"
    return code_popover(session, words, lambda: code(session), ["result", "j", "active"])


def export_panel(session: Session) -> Popover:
    """Save a method's picks at the slider's budget into a folder: those on the map, unless another is chosen here."""

    def forms() -> dict[str, str]:
        return {key: FORMATS[key] for key in offered(session)}

    active = w.Dropdown()
    controls = Controls(session, active=active)

    def fill(_=None) -> None:
        if session.run is not None:
            controls.put(active, session.run.strategy.name, session.result.runs)

    watch = ["result", "j", "active"]
    session.observe(session_guard(session)(fill), watch)
    fill()
    above = [field("Selection", active)]
    return save_popover(session, forms, partial(whose, session), partial(write, session), watch, above)


def offered(session: Session) -> list[str]:
    """The formats that can be written of what is shown."""
    files = getattr(getattr(session.result, "data", None), "files", None)
    lacking = {"txt", "copy"} if files is None else set()
    lacking |= {key for key, module in NEEDS.items() if importlib.util.find_spec(module) is None}
    return [key for key in FORMATS if key not in lacking]


def whose(session: Session, form: str) -> str:
    """Whose picks would be saved."""
    if session.run is None:
        return "Nothing is selected yet."
    if form == "all":
        return f"{', '.join(session.result.runs)}: {session.budget:,} picks each"
    return f"{session.run.strategy.name}, {len(session.selection):,} picks"


def write(session: Session, form: str, folder: str | Path) -> Path:
    """Write the active selection in one of FORMATS; gives the path. ValueError where there is nothing to write."""
    if session.run is None:
        raise ValueError("Nothing is selected yet: press Select first.")
    selection, run, result = session.selection, session.run, session.result
    into = Path(folder).expanduser()
    into.mkdir(parents=True, exist_ok=True)
    path = into / f"{variable(run.strategy.name)}_{len(selection)}"
    if form in ("npz", "parquet"):
        return selection.save(_beside(path, form))
    if form == "csv":
        from widgets.explorer.table import picks

        picks(session, selection).to_csv(path := _beside(path, "csv"), index=False)
        return path
    if form == "all":
        from widgets.explorer.table import every_method

        path = into / f"all_methods_{session.budget}.csv"
        every_method(session).to_csv(path, index=False)
        return path
    if form == "png":
        from coreset_explore import plots

        shown = session.maps.get(session.layout) or next(iter(session.maps.values()))
        title = f"{len(selection):,} of {result.n:,} by {run.strategy.name}"
        figure = plots.map(shown, selection, result.pool, title=title, dark=session.theme == "dark")
        figure.savefig(path := _beside(path, "png"), dpi=160, bbox_inches="tight")
        return path
    files = getattr(result.data, "files", None)
    if files is None:
        raise ValueError("This data does not come from files; save a table instead")
    rows = result.rows[selection.indices].tolist()
    chosen = [files[i] for i in rows]
    if form == "txt":
        path = _beside(path, "txt")
        path.write_text("\n".join(chosen) + "\n")
        return path
    path.mkdir(exist_ok=True)
    for rank, (row, source) in enumerate(zip(rows, map(Path, chosen)), 1):
        label = result.data.classes[int(result.data.y[row])] if result.data.y is not None else ""
        part = path / label if label else path
        part.mkdir(exist_ok=True)
        shutil.copy2(source, part / f"{rank:05d}_{source.name}")  # numbered: two folders may hold one name
    return path


def _beside(path: Path, suffix: str) -> Path:
    """The path with a suffix; a method's name may hold a dot, which starts none."""
    return path.with_name(f"{path.name}.{suffix}")
