"""Messages that arrive on another thread are handled on the main one, in order, and errors there do not stick."""

import asyncio
import threading
import time

from widgets.mainthread import routed


def test_messages_of_another_thread_are_handled_on_the_home_loop_in_order():
    heard = []

    def handle(stream, ident, message):
        heard.append((message, threading.get_ident()))

    async def home():
        handler = routed(handle, asyncio.get_running_loop())
        handler(None, None, 0)

        async def several():
            for message in (1, 2, 3):
                handler(None, None, message)
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
            handler(1)
            handler(2)

        await asyncio.to_thread(asyncio.run, both())

    asyncio.run(home())
    assert heard == [1, KeyError, 2]


def test_the_other_thread_stands_still_until_the_message_is_heard():
    """One that only awaited would be taken for free, and its next message handled beside this one."""
    heard = []

    async def home():
        handler = routed(lambda message: (time.sleep(0.3), heard.append(message)), asyncio.get_running_loop())

        async def two():
            beside = asyncio.create_task(asyncio.sleep(0))
            beside.add_done_callback(lambda _: heard.append("something else of that thread"))
            handler(1)
            assert heard == [1]
            await beside

        await asyncio.to_thread(asyncio.run, two())

    asyncio.run(home())
    assert heard == [1, "something else of that thread"]


def test_a_loop_that_has_stopped_is_not_waited_for():
    loop = asyncio.new_event_loop()
    handler = routed(lambda message: None, loop)
    caller = threading.Thread(target=handler, args=(1,))
    caller.start()
    caller.join(5)
    assert not caller.is_alive()
    loop.close()
