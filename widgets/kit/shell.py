"""What every panel wears: the shell's style first, then its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def stylesheet(own: Iterable[Path]) -> str:
    """All of a panel's CSS: the shell's, then its `own` files."""
    shell = Path(__file__).with_name("css") / "shell.css"
    return "\n".join(file.read_text() for file in (shell, *own))
