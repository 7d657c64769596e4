"""Messages that arrive on another thread are handled on the main one, in order, and errors there do not stick."""

import asyncio
import threading
import time

from widgets.kit.kernel import routed


def said(number: int) -> tuple:
    """A message as a shell hands it over: stream, ident and the message itself."""
    return None, None, {"header": {"msg_id": number, "subshell_id": "beside"}}


def number_of(message: tuple) -> int:
    return message[-1]["header"]["msg_id"]


def heard_at_home(handle, talk) -> None:
    """Run `talk(handler)` on another thread's loop, `handler` routed to this one's."""

    async def home():
        handler = routed(handle, asyncio.get_running_loop())
        await asyncio.to_thread(asyncio.run, talk(handler))

    asyncio.run(home())


def test_messages_of_another_thread_are_handled_on_the_home_loop_in_order():
    heard, here = [], threading.get_ident()

    async def talk(handler):
        for number in (1, 2, 3):
            handler(*said(number))
            heard.append(f"after {number}")

    heard_at_home(lambda *message: heard.append((number_of(message), threading.get_ident())), talk)
    assert heard == [x for n in (1, 2, 3) for x in ((n, here), f"after {n}")]


def test_an_answer_does_not_name_the_shell_beside():
    """By that name the kernel would send the next message of this control there, past those of other controls."""
    heard = []

    def handle(*message):
        heard.append(message[-1]["header"])

    async def talk(handler):
        handler(*said(1))

    async def at_home():
        routed(handle, asyncio.get_running_loop())(*said(0))

    asyncio.run(at_home())
    heard_at_home(handle, talk)
    assert heard == [{"msg_id": 0}, {"msg_id": 1}]


def test_a_handler_that_raises_lets_the_next_message_through():
    heard = []

    def handle(*message):
        heard.append(number_of(message))
        if heard == [1]:
            raise KeyError(1)

    async def home():
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, told: heard.append(type(told["exception"]))
        )
        handler = routed(handle, asyncio.get_running_loop())

        async def both():
            handler(*said(1))
            handler(*said(2))

        await asyncio.to_thread(asyncio.run, both())

    asyncio.run(home())
    assert heard == [1, KeyError, 2]


def test_the_other_thread_stands_still_until_the_message_is_heard():
    """One that only awaited would be taken for free, and its next message handled beside this one."""
    heard = []

    async def talk(handler):
        beside = asyncio.create_task(asyncio.sleep(0))
        beside.add_done_callback(lambda _: heard.append("something else of that thread"))
        handler(*said(1))
        assert heard == [1]
        await beside

    heard_at_home(lambda *message: (time.sleep(0.3), heard.append(number_of(message))), talk)
    assert heard == [1, "something else of that thread"]


def test_a_loop_that_has_stopped_is_not_waited_for():
    loop = asyncio.new_event_loop()
    handler = routed(lambda *message: None, loop)
    caller = threading.Thread(target=handler, args=said(1))
    caller.start()
    caller.join(5)
    assert not caller.is_alive()
    loop.close()
