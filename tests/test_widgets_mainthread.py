"""Messages that arrive on another thread are handled on the main one, in order, and errors there do not stick."""

import asyncio
import threading

from widgets.mainthread import routed


def test_messages_of_another_thread_are_handled_on_the_home_loop_in_order():
    heard = []

    def handle(stream, ident, message):
        heard.append((message, threading.get_ident()))

    async def home():
        handler = routed(handle, asyncio.get_running_loop())
        await handler(None, None, 0)

        async def several():
            for message in (1, 2, 3):
                await handler(None, None, message)
                heard.append((f"after {message}", None))

        await asyncio.to_thread(asyncio.run, several())

    asyncio.run(home())
    here = threading.get_ident()
    assert heard[0] == (0, here)
    assert heard[1:] == [x for m in (1, 2, 3) for x in ((m, here), (f"after {m}", None))]


def test_a_handler_that_raises_lets_the_next_message_through():
    heard = []

    def handle(message):
        heard.append(message)
        if message == 1:
            raise KeyError(message)

    async def home():
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, told: heard.append(type(told["exception"]))
        )
        handler = routed(handle, asyncio.get_running_loop())

        async def both():
            await handler(1)
            await handler(2)

        await asyncio.to_thread(asyncio.run, both())

    asyncio.run(home())
    assert heard == [1, KeyError, 2]
