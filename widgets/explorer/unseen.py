"""Why rows show no pictures, or not all of them, and which call would show them."""

from __future__ import annotations

from coreset_explore import datasets
from coreset_explore.inputs.code import python
from widgets.explorer.rows import Reading
from widgets.kit.markup import brief_name
from widgets.kit.pictures import missing


def told(reading: Reading) -> str:
    """A sentence or two; nothing where every row is seen as it is."""
    data = reading.result.data
    gone = missing(getattr(data, "files", None) or ())
    if reading.pictures.has_images:
        return f"{gone}: a grey cross stands for each." if gone else ""
    if reading.pictures.shown.kind:
        return ""
    if wanted := of_pictures(reading):
        return wanted
    name = brief_name(getattr(data, "name", "")) or "This data"
    shown = "each card shows the row's first values; explore(…, images=), texts=, frame= or render= show more"
    return f"{name} has no images{f', {gone}' if gone else ''}: {shown}."


def of_pictures(reading: Reading) -> str:
    """Of a pool whose signals are of pictures, and that holds none: the call that shows them; else nothing."""
    info, pictures = reading.result.pool.info, reading.pictures
    if info.get("kind") != "images" or pictures.has_images or pictures.shown.kind:
        return ""
    name = info.get("name")
    data = f"cx.load({python(name)})" if name in datasets.names() else "data"
    of = "" if data != "data" else ", with the data that its signals were recorded from"
    return f"This pool was made of pictures and holds none: explore(pool, images={data}.x) shows them{of}."
