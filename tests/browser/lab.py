"""A notebook in JupyterLab as a story drives it: run, look, ask the kernel, change theme or size."""

import ast
import json
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_client import BlockingKernelClient
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

# until the panel and its tabs have stood still for half a second, or six seconds have gone by
SETTLED = """() => new Promise(done => {
  let last = '', still = 0, left = 60;
  const look = () => {
    const boxes = [...document.querySelectorAll('.cx, .cx-tabs')].map(one => one.getBoundingClientRect());
    const now = JSON.stringify(boxes);
    still = now === last ? still + 1 : 0;
    last = now;
    if (still >= 5 || left-- <= 0) done(null); else setTimeout(look, 100);
  };
  setTimeout(look, 100);
})"""
STATUS = ".cx-status"
# What a browser says in every JupyterLab, whatever is shown in it. Files of other hosts, of which voila's
# templates name a few, are left out by their address.
HARMLESS = (
    "favicon",
    "the server responded with a status of 404",
    "GPU stall due to ReadPixels",
    "Automatic fallback to software WebGL",
    "GroupMarkerNotSet",
    "Could not restore the debugger state",
    # JupyterLab itself, when a kernel is restarted before it has answered the wish for a subshell.
    "Canceled future for create_subshell_request",
    # A busy page: jupyter-scatter drops points that come while it draws; the canvas sends the newest again.
    "Ignoring draw call as the previous draw call has not yet finished",
)


@dataclass
class Console:
    """The errors and uncaught exceptions that a page wrote; `check()` fails when there are any."""

    errors: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> "Console":
        page.on("console", self.heard)
        page.on("pageerror", self.uncaught)
        return self

    def leave(self, page: Page) -> None:
        page.remove_listener("console", self.heard)
        page.remove_listener("pageerror", self.uncaught)

    def uncaught(self, error: Exception) -> None:
        text = str(getattr(error, "stack", None) or error)
        if not any(h in text for h in HARMLESS):
            self.errors.append(f"uncaught: {text}")

    def heard(self, message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        elsewhere = address.startswith("http") and urlsplit(address).hostname != "127.0.0.1"
        if message.type == "error" and not elsewhere and not any(h in message.text for h in HARMLESS):
            self.errors.append(f"{message.text} ({address})")

    def check(self) -> None:
        assert not self.errors, "the browser's console holds errors:\n" + "\n".join(self.errors)


@dataclass
class Notebook:
    """One notebook open in JupyterLab."""

    page: Page
    address: str
    root: Path
    name: str
    console: Console

    def load(self) -> None:
        """Open or reload the page, and wait for the kernel."""
        self.page.goto(f"{self.address}/lab/tree/{self.name}?reset")
        self._wait_until_open()

    def show(self) -> None:
        """Open the notebook in a page where JupyterLab is open already, and wait for the kernel."""
        self.command("docmanager:open", {"path": self.name, "factory": "Notebook"})
        self._wait_until_open()

    def _wait_until_open(self) -> None:
        self.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell", timeout=60_000)
        self.wait_idle()
        self._wait_for_splash()
        self.collapse_sidebar()

    def wait_idle(self) -> None:
        """Wait until the kernel is connected and does nothing."""
        status = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
        self.page.wait_for_function(f"() => {status} === 'idle'", timeout=60_000)

    def command(self, name: str, arguments: dict | None = None) -> None:
        """Execute one of JupyterLab's commands and wait for its end."""
        call = "([name, given]) => jupyterapp.commands.execute(name, given).then(() => null)"
        self.page.evaluate(call, [name, arguments or {}])

    def collapse_sidebar(self) -> None:
        self.page.evaluate("() => { jupyterapp.shell.collapseLeft(); jupyterapp.shell.collapseRight(); }")

    def run_all(self) -> None:
        """Run every cell, first to last, and wait for the last one's end; an exception in a cell fails."""
        self.command("notebook:run-all-cells")
        failed = [output for output in self.outputs() if output["output_type"] == "error"]
        assert not failed, "a cell failed:\n" + "\n".join(
            f"{one['ename']}: {one['evalue']}" for one in failed
        )

    def outputs(self) -> list[dict]:
        """The outputs of all cells, as the notebook format writes them."""
        cells = "[...jupyterapp.shell.currentWidget.content.model.cells]"
        return self.page.evaluate(f"() => {cells}.flatMap(cell => cell.toJSON().outputs ?? [])")

    def wait_state(self, state: str = "done", timeout: float = 60, nth: int = 0) -> Locator:
        """Wait until the panel's status says `state`; after `timeout` seconds the failure shows its state."""
        status = self.page.locator(STATUS).nth(nth)
        expect(status).to_have_attribute("data-state", state, timeout=timeout * 1000)
        return status

    def theme(self, which: str) -> None:
        """Set JupyterLab's theme, "light" or "dark"."""
        self.command("apputils:change-theme", {"theme": f"JupyterLab {which.capitalize()}"})
        light = str(which == "light").lower()
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        self._wait_for_splash()

    def _wait_for_splash(self) -> None:
        # JupyterLab removes its splash 0.2 s after it faded, and throws when a second one began meanwhile.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def viewport(self, width: int, height: int = 1000) -> None:
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.evaluate(
            SETTLED
        )  # front ends answer a resize late; a click meanwhile may miss what moves away

    def save(self) -> dict:
        """Save through JupyterLab; gives the notebook as it lies on disk."""
        self.command("docmanager:save")
        return json.loads((self.root / self.name).read_text())

    def restart_kernel(self) -> None:
        """Restart the kernel without the question that the menu asks."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.wait_idle()

    def kernel(self, expression: str, timeout: float = 60) -> Any:
        """Evaluate an expression in this notebook's kernel; its value must be a Python literal."""
        content = self._execute("", timeout, user_expressions={"value": f"repr({expression})"})
        answer = content["user_expressions"]["value"]
        assert answer["status"] == "ok", f"{expression}: {answer.get('ename')}: {answer.get('evalue')}"
        return ast.literal_eval(ast.literal_eval(answer["data"]["text/plain"]))

    def execute(self, code: str, timeout: float = 60) -> None:
        """Run statements in this notebook's kernel, beside its cells; an exception there fails."""
        content = self._execute(code, timeout)
        assert content["status"] == "ok", "\n".join(content.get("traceback", [str(content)]))

    def _execute(self, code: str, timeout: float, **options: Any) -> dict:
        kernel = self._session()["kernel"]["id"]
        client = BlockingKernelClient(connection_file=str(self.root / "runtime" / f"kernel-{kernel}.json"))
        client.load_connection_file()
        # Nothing but the shell is listened to; a heartbeat's thread may begin as late as when the client is closed.
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            return client.execute(code, store_history=False, reply=True, timeout=timeout, **options)[
                "content"
            ]
        finally:
            client.stop_channels()

    def _session(self) -> dict:
        sessions = json.load(urllib.request.urlopen(f"{self.address}/api/sessions", timeout=10))
        return next(session for session in sessions if session["path"] == self.name)

    def close(self) -> None:
        """End the notebook's kernel: a second or two, in which the page may show another notebook."""
        address = f"{self.address}/api/sessions/{self._session()['id']}"
        urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=30)
