"""What the form says of the time ahead: models to train, and seconds once some of a kind were trained."""

from __future__ import annotations

from widgets.continual.session import Session
from widgets.kit.markup import roughly


def advice(session: Session) -> str:
    """The line under the button."""
    if session.look_note:
        return f"{session.look_note} …"
    ground = session.looked
    if ground is None:
        return "Nothing can be run yet: change what the message names." if session.status == "error" else ""
    records, cells = session.done_so_far, len(ground.plan.cells)
    left = ground.plan.left(records)
    if not left:
        return f"{'The model is' if cells == 1 else f'All {_models(cells)} are'} there: nothing is left to train."
    doubts = "".join(f" {remark[0].upper()}{remark[1:]}." for remark in ground.remarks)
    kept = cells - len(left)
    there = f"{kept:,} of {_models(cells)} {'is' if kept == 1 else 'are'} kept. " if kept else ""
    asked = f"{there}{_models(len(left))}{' to go' if kept else ''}: {_grid(ground)}"
    spent = [record.numbers for record in records if record.numbers]
    if not spent:
        return f"{asked}.{doubts}"
    each = sum(one["update_seconds"] + one["train_seconds"] for one in spent) / len(spent)
    return f"{asked}; about {roughly(each * len(left))}.{doubts}"


def _grid(ground) -> str:
    """Of what so many models come: "4 streams, 5 tasks, 3 seeds"."""
    ask = ground.ask
    parts = {
        "stream": len(ask.streams),
        "size": len(ask.capacities),
        "task": ground.setting.many,
        "seed": len(ask.seeds),
    }
    return ", ".join(
        f"{many:,} {word}{'s' * (many != 1)}" for word, many in parts.items() if (word, many) != ("size", 1)
    )


def _models(count: int) -> str:
    return f"{count:,} model{'s' * (count != 1)}"
