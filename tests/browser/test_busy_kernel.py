"""What is moved or pressed while the kernel is busy is heard afterwards, in its order, and the same control again."""

from tests.browser.panel import until

CELL = """
import time
import ipywidgets as w
from widgets.kit.kernel import kernel_loop
from widgets.kit.kernel import hear_on_main_thread
hear_on_main_thread(kernel_loop())
slow, other, button = w.IntSlider(0, 0, 10), w.IntSlider(0, 0, 10), w.Button(description="Note")
pause, noted = 0.0, []
slow.observe(lambda change: time.sleep(pause), "value")
button.on_click(lambda _: noted.append(other.value))
w.VBox([slow, other, button])
"""


def test_controls_used_while_another_is_being_heard_stay_alive_and_in_order(notebook):
    book = notebook(CELL)
    book.run_all()
    slow, other = (book.page.locator(".noUi-handle").nth(i) for i in (0, 1))
    note = book.page.get_by_role("button", name="Note", exact=True)
    for handle in (
        slow,
        other,
    ):  # from its second message on, JupyterLab may send a control's words over a subshell
        handle.press("ArrowRight")
    until(book, "slow.value == other.value == 1")
    book.execute("pause = 1.0")
    for turn in (2, 3, 4):
        slow.press("ArrowRight")
        book.page.wait_for_timeout(300)
        other.press("ArrowRight")  # while the kernel sleeps in the first one's observer
        note.click()
        until(book, f"slow.value == other.value == {turn} and len(noted) == {turn - 1}", seconds=10)
    assert book.kernel("noted") == [2, 3, 4]
