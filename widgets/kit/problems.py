"""What went wrong, as a panel says it: one sentence, what to do, the details."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from coreset_explore.registry import METHODS, SCORES
from coreset_explore.training.models import MODELS


def problem(error: BaseException) -> Problem:
    """An exception as the panel shows it: the sentence, what to do about it, and the traceback.

    Our own errors say what was wrong before a semicolon or full stop, and what to do after it.
    """
    text = " ".join(str(error).split())
    own = (
        isinstance(error, ValueError | OSError | MemoryError) and text and not isinstance(error, UnicodeError)
    )
    details = "".join(traceback.format_exception(error)).strip()
    where = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    if not own:
        text = f"{type(error).__name__}{f': {text}' if text else ''}"
        last = traceback.extract_tb(error.__traceback__)[-1:] if error.__traceback__ else ()
        place = f"line {last[0].lineno} of {last[0].name}()" if last else "unknown place"
        return Problem(_sentence(where + text), f"It was raised in {place}.", details)
    cut = min((i for i in (text.find("; "), text.find(". "), text.find(": ", 40)) if i > 0), default=-1)
    head, rest = (text, "") if cut < 0 else (text[:cut], text[cut + 2 :])
    return Problem(_sentence(where + head), _sentence(rest), details)


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    word = text.split(" ")[0]
    named = word in MODELS or word in METHODS or word in SCORES  # a name keeps its case
    first = text[0].upper() if word.isalpha() and not named else text[0]
    return f"{first}{text[1:]}{'' if text[-1] in '.!?' else '.'}"


@dataclass(frozen=True)
class Problem:
    """An error as the panel shows it: one sentence, what to do, and the traceback for those who want it."""

    sentence: str
    advice: str = ""
    details: str = ""
