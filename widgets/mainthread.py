"""What the page says is heard on the kernel's main thread, where everything else of the panel happens.

JupyterLab sends widgets' messages over a subshell, where the kernel offers one: a thread beside the main one. A panel
drawn from two threads loses updates, and a timer set on the loop from another thread does not wake it.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any


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
    """`handle` for messages of any thread: called on this one's `loop`, the caller waiting without blocking its own."""
    home = threading.get_ident()

    async def handler(*message: Any) -> None:
        if threading.get_ident() == home or loop.is_closed():
            handle(*message)
            return
        here, heard = asyncio.get_running_loop(), asyncio.Event()

        def call() -> None:
            try:
                handle(*message)
            finally:
                here.call_soon_threadsafe(heard.set)

        # In the caller's context, which says whose output this is.
        loop.call_soon_threadsafe(call, context=contextvars.copy_context())
        await heard.wait()

    handler.routed = True
    return handler
