"""What is moved or pressed while the kernel is busy is heard afterwards, and the same control is heard again."""

from tests.browser.panel import until

CELL = """
import time
import ipywidgets as w
from widgets.job import kernel_loop
from widgets.mainthread import hear_on_main_thread
hear_on_main_thread(kernel_loop())
slow, other = w.IntSlider(0, 0, 10), w.IntSlider(0, 0, 10)
pause = 0.0
slow.observe(lambda change: time.sleep(pause), "value")
w.VBox([slow, other])
"""


def test_a_control_moved_while_another_is_being_heard_stays_alive(notebook):
    book = notebook(CELL)
    book.run_all()
    slow, other = (book.page.locator(".noUi-handle").nth(i) for i in (0, 1))
    for handle in (
        slow,
        other,
    ):  # from its second message on, JupyterLab sends a control's words over a subshell
        handle.press("ArrowRight")
    until(book, "slow.value == other.value == 1")
    book.execute("pause = 1.0")
    for turn in (2, 3):
        slow.press("ArrowRight")
        book.page.wait_for_timeout(300)
        other.press("ArrowRight")  # while the kernel sleeps in the first one's observer
        until(book, f"slow.value == other.value == {turn}", seconds=10)
