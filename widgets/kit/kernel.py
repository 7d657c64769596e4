"""What the page says is heard on the kernel's main thread, where everything else of the panel happens.

JupyterLab sends widgets' messages over a subshell, where the kernel offers one: a thread beside the main one. A panel
drawn from two threads loses updates, and a timer set on the loop from another thread does not wake it. Nor do two ways
keep an order: a button pressed after a menu was changed would be heard before it.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

PATIENCE = 0.2  # seconds between two looks at whether the loop still runs


def hear_on_main_thread(loop: asyncio.AbstractEventLoop | None) -> None:
    """Route this kernel's widget messages to `loop`, the running one of this thread; without a kernel do nothing."""
    import IPython

    kernel = getattr(IPython.get_ipython(), "kernel", None)
    handlers = getattr(kernel, "shell_handlers", None)
    if loop is None or not handlers or "comm_msg" not in handlers:
        return
    if not hasattr(handlers["comm_msg"], "routed"):
        handlers["comm_msg"] = routed(handlers["comm_msg"], loop)


def routed(handle: Callable[..., Any], loop: asyncio.AbstractEventLoop) -> Callable[..., Any]:
    """`handle` for messages (stream, ident, message) of any thread: called on this one's `loop`, and answered there.

    The kernel sends what a control says next to the shell that last answered it, so an answer forgets that its question
    came over a subshell: from then on that control is heard on the main shell, in turn with all others. Until then the
    other thread stands still while its message is heard.

    It stands still rather than awaits: ipykernel takes a thread that awaits for free, handles its next message beside
    this one and never says that it was heard, and a control that is not told so sends nothing more.
    """
    home = threading.get_ident()

    def handler(*message: Any) -> None:
        message[-1]["header"].pop("subshell_id", None)
        if threading.get_ident() == home or loop.is_closed():
            handle(*message)
            return
        heard = threading.Event()

        def call() -> None:
            try:
                handle(*message)
            finally:
                heard.set()

        # In the caller's context, which says whose output this is.
        loop.call_soon_threadsafe(call, context=contextvars.copy_context())
        while not heard.wait(PATIENCE) and loop.is_running():
            pass  # a cell may run for minutes; a kernel that is shut down hears nothing more

    handler.routed = True
    return handler


def kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs now (in a notebook the kernel's, on the main thread), or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
