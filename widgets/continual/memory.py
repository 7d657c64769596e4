"""The Memory tab: what two memories hold after a task, class by class beside each other, with weights."""

from __future__ import annotations

from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.continual.holdings import Holding, section
from widgets.continual.looking import SIDES, looking
from widgets.continual.pictures import pictures_of
from widgets.continual.result import Looked, Result
from widgets.continual.session import Session
from widgets.kit import plain as w
from widgets.kit.gallery import Gallery, link
from widgets.kit.guard import session_guard
from widgets.kit.markup import note, percent, show, swatch, text
from widgets.kit.pictures import Pictures
from widgets.kit.view import Part, View

EACH, ALONE = 14, 63  # thumbnails of a class on either side, and where one class is shown alone
CARDS = 4  # cards need more room
PAGE = 12  # classes at once
UNDER = "Under a row stands the task it came in, then its weight; outlined is what came in this task."
WATCH = ["result", "step", "left", "right", "capacity", "seed", "only_class", "theme", "tab"]


def memory_panel(session: Session) -> w.Widget:
    """The tab's widget; it follows the step, the memories looked at, the class and the theme."""
    table, told = w.HTML().add_class("cx-tables"), note()
    gallery = Gallery(size=44, label="Rows kept, by class").add_class("cx-kept-rows")
    held: dict[str, Pictures] = {}
    back, on = w.Button(description="Previous"), w.Button(description="Next")
    which = note("", "cx-note", "cx-page-note")
    pager = w.Box([back, which, on]).add_class("cx-pager")
    page = 0

    def looked() -> Looked:
        return Looked.at(session)

    def new_pictures() -> None:
        held["now"] = pictures_of(session.result, looked())

    def draw() -> None:
        nonlocal page
        result, now = session.result, looked()
        classes = result.ground.setting.data.classes
        sides = [Holding.of(result, now, name) for name in now.sides]
        pages = -(-len(classes) // PAGE)
        page = min(page, pages - 1)
        labels = list(range(len(classes)))[page * PAGE : (page + 1) * PAGE]
        if (one := Looked.label(session)) >= 0:
            labels = [one]
        pictured = held["now"].kind in ("images", "values")
        each = (ALONE if len(labels) == 1 else EACH) if pictured else CARDS * (4 if len(labels) == 1 else 1)
        each *= 1 if now.right else 2
        sections = [section(sides, label, each, held["now"], classes, session.dark) for label in labels]
        empty = "This was not run yet: press Run." if not any(sides) else "No row of this class is kept."
        gallery.show(
            [one for one in sections if any(one.groups)] if any(sides) else [],
            held["now"], head=now.sides,
            label=f"Rows kept by {' and '.join(now.sides)} after task {now.task + 1}", empty=empty,
        )  # fmt: skip
        table.value = table_html(result, now, session.dark)
        told.value = f'<span role="status">{text(describe(result, now))}</span>'
        show(pager, pages > 1 and one < 0)
        back.disabled, on.disabled = page == 0, page == pages - 1
        which.value = f"{labels[0] + 1} to {labels[-1] + 1} of {len(classes):,} classes"

    def turn(step: int) -> None:
        nonlocal page
        page = max(0, page + step)
        draw()

    def seen() -> tuple:
        return session.result, looked(), session.only_class, session.dark

    guard = session_guard(session)
    back.on_click(guard(lambda _: turn(-1)))
    on.on_click(guard(lambda _: turn(1)))
    link(gallery, session)
    parts: dict[str, Part] = {
        "pictures": (
            lambda: (looked().tasks(session.result).data, session.result.ground.shown),
            new_pictures,
        ),
        "rows": (seen, draw),
    }
    view = View(session, parts, WATCH, seen=lambda: session.tab == "memory")
    view.refresh()
    tools = looking(session, "memory", pager, asks=(*SIDES, "only_class"))
    root = w.VBox([tools, table, told, gallery]).add_class("cx-continual")
    root.view = view  # for tests
    return root


def table_html(result: Result, looked: Looked, dark: bool) -> str:
    """A row a memory: how many rows of how many classes, what it is worth, and how a model does that learnt from it."""
    styles, lines = palette.method_styles(result.names, dark), []
    for name in looked.sides:
        found = looked.numbers(result, name)
        cells = ["–"] * 6 if found is None else _cells(found)
        body = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f"<tr><th scope=row>{swatch(styles[name])} <span>{text(name)}</span></th>{body}</tr>")
    heads = ["Memory", "Rows", "Classes", "Effective size", "Gradient error", "Accuracy", "Forgetting"]
    head = "".join(f"<th scope=col>{one}</th>" for one in heads)
    return f"<table class=cx-table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cells(found) -> list[str]:
    aside = f"<small>{found['held'] - found['rows']:,} aside</small>" if found["held"] > found["rows"] else ""
    return [
        f"{found['rows']:,}{aside}",
        f"{sum(count > 0 for count in found['counts']):,}",
        *(NUMBERS[name].write(found[name]) for name in ("effective_size", "gradient_error")),
        percent(found["accuracy"], 1),
        "–" if found["forgetting"] is None else percent(found["forgetting"], 1),
    ]


def describe(result: Result, looked: Looked) -> str:
    """When this is, how much came by, and what is odd about a memory."""
    tasks, found = looked.tasks(result), [looked.numbers(result, name) for name in looked.sides]
    seen = sum(len(rows) for rows in tasks.rows[: looked.task + 1])
    said = [f"{seen:,} rows have come by.", UNDER]
    for name, numbers in zip(looked.sides, found, strict=True):
        if numbers is None:
            said.append(f"{name} is not known here yet.")
        elif numbers["short"]:
            said.append(f"{name}: {numbers['short']}.")
    return " ".join(said)
