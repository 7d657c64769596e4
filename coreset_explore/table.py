"""The README's method table, written from the registries."""

from __future__ import annotations

from coreset_explore.registry import METHODS, PURPOSES, SCORES, Method

COLUMNS = ("Method", "What it is", "Reads", "Weights", "Nested", "Paper", "Laws that do not apply")


def method_table() -> str:
    """This library's selectors and scores as a markdown table, grouped by what one wants of them, then by title."""
    own = __package__ + "."
    methods = [m for m in (*METHODS.values(), *SCORES.values()) if m.fn.__module__.startswith(own)]
    methods.sort(key=lambda m: (list(PURPOSES).index(m.purpose), m.title.lower()))
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, methods)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _row(method: Method) -> tuple[str, ...]:
    reads = " or ".join(" and ".join(f"`{f}`" for f in fields) for fields in method.alternatives())
    skips = "; ".join(f"{law}: {reason}" for law, reason in method.skips.items())
    cells = (
        f"**{method.title}** `{method.name}`" + (" (a score)" if method.kind == "score" else ""),
        method.summary,
        reads or "nothing",
        method.weights or "none",
        "yes" if method.nested else "no",
        method.paper,
        skips,
    )
    return tuple(cell.replace("|", "\\|") for cell in cells)
