"""Views: other readings of the same pool, which any method can be given through `per_class(view=…)`.

Separate from `compose`, because stating weights anew has to look at a class through the same view as selecting did.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from coreset_explore.gradients import LastLayer
from coreset_explore.pool import Pool


def own_class(pool: Pool, label: int) -> Pool:
    """Only the gradient of class `label`'s own output row: d + 1 numbers an example instead of c(d + 1).

    GRAD-MATCH's "per gradient" approximation (Killamsetty et al. 2021, appendix A.2.1). The target, if any, is seen
    the same way.
    """
    grads = pool.need("grads")
    if not isinstance(grads, LastLayer):
        raise ValueError("own_class reads one output row of a last layer, and these gradients are not factored")
    target = None if pool.target is None or pool.target.grads is None else own_class(pool.target, label)
    seen = pool.add(grads=LastLayer(grads.r[:, :, label : label + 1], grads.h))
    return Pool(seen.fields, pool.classes, target, pool.info)


def pseudo_label(pool: Pool, label: int | None = None) -> Pool:
    """Labels and gradients as the model believes them, for data nobody labelled: y = argmax, r = softmax − one-hot(y)."""
    logits = pool.need("logits")
    y = logits.argmax(1)
    fields = {"y": y}
    if isinstance(pool.grads, LastLayer):
        r = logits.softmax(1)
        r[torch.arange(len(y), device=y.device), y] -= 1.0
        fields["grads"] = LastLayer(r[None], pool.grads.h[-1:])
    return pool.add(**fields)


VIEWS: dict[str, Callable[[Pool, int], Pool]] = {"own_class": own_class, "pseudo_label": pseudo_label}
