"""What a user may give to a panel: data of their own, a model of their own, options for `load`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from coreset_explore.inputs import checks
from coreset_explore.pool import Pool
from coreset_explore.training.models import MODELS

LOAD = ("classes", "columns", "files", "test", "test_from", "root", "size")
YOURS = "your data"


def refuse_unknown(call: str, options: Mapping[str, Any], own: Iterable[str]) -> None:
    """ValueError for an option that is none of `load`; `own` are the panel's, which may have been meant."""
    for name in options:
        if name not in LOAD:
            near = difflib.get_close_matches(name, (*LOAD, *own), 1)
            raise ValueError(f"{call} takes no {name!r}{f'; did you mean {near[0]!r}?' if near else ''}")


def name_of(data: Any) -> str:
    """What the rail calls data of the user's own."""
    from coreset_explore import datasets

    given = getattr(data, "name", "") if isinstance(data, datasets.Data) else ""
    if isinstance(data, Pool):
        given = data.info.get("name", "")
    if not given or given == "arrays":
        return YOURS
    return f"{given} (yours)" if given in datasets.names() else given


def model_of(model: Any) -> tuple[str, Any]:
    """The name of the model that is meant, "" for the data's choice, and the module where it is one's own."""
    import torch

    if isinstance(model, torch.nn.Module):
        return yours(model), model
    if model is None or (isinstance(model, str) and model in ("", *MODELS)):
        return model or "", None
    near = checks.nearest(model, MODELS, 1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    made = f"; make one, {model.__name__}()" if isinstance(model, type) else ""
    raise ValueError(
        f"model is one of {', '.join(MODELS)} or a torch.nn.Module that ends in Linear, not "
        f"{checks.shown(model)}{guess or made}"
    )


def yours(module: Any) -> str:
    """What the rail calls a module of the user's own."""
    return f"{type(module).__name__} (yours)"


def state(module: Any) -> tuple | None:
    """What tells a module from itself after more training: torch counts every change of a tensor in place."""
    if module is None:
        return None
    return id(module), *((id(t), t._version) for t in (*module.parameters(), *module.buffers()))
