"""JupyterLab and voila as the tests start them: on a free port, with folders of their own and no token."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
QUIET = '{"@jupyterlab/apputils-extension:notification": {"checkForUpdates": false, "fetchNews": "false"}}'
COLD = "python3"  # the kernel that every Jupyter has
OWN = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(folder: Path) -> dict[str, str]:
    """The variables that keep a Jupyter server inside `folder` and let its kernels import the project."""
    own = {name: str(folder / name.lower()) for name in OWN}
    own["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
    own["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / "workspaces")
    own["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
    own["PYTHONPATH"] = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    for path in own.values():
        if path.startswith(str(folder)):
            Path(path).mkdir(parents=True, exist_ok=True)
    return {**os.environ, **own}


@contextmanager
def serving(command: list[str], port: int, folder: Path, path: str = "/api") -> Iterator[str]:
    """Run a server until the block ends; gives its address once it answers, or shows what it printed."""
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=folder, env=environment(folder), stdout=output, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(address + path, server, log)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until_it_answers(url: str, server: subprocess.Popen, log: Path, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}:\n{log.read_text()[-3000:]}")
        try:
            urllib.request.urlopen(url, timeout=60)
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer in {seconds} s:\n{log.read_text()[-3000:]}")


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """JupyterLab over `folder`; `window.jupyterapp` is there for the tests to give commands to."""
    port = free_port()
    environment(folder)
    (folder / "jupyter_data_dir" / "lab" / "settings").mkdir(parents=True, exist_ok=True)
    (folder / "jupyter_config_dir" / "labconfig").mkdir(parents=True, exist_ok=True)
    (folder / "jupyter_config_dir" / "labconfig" / "default_setting_overrides.json").write_text(QUIET)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += [
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
        f"--ServerApp.root_dir={folder}",
    ]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    with serving(command, port, folder) as address:
        yield address


@contextmanager
def voila(notebook: Path, folder: Path, *options: str) -> Iterator[str]:
    """Voila serving one notebook; the first answer comes when its cells have run."""
    port = free_port()
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}"]
    command += ["--Voila.ip=127.0.0.1", "--show_tracebacks=True", *options]
    with serving(command, port, folder, path="/voila/static/voila.js") as address:
        yield address


@contextmanager
def warm_kernels(folder: Path) -> Iterator[str]:
    """Offer JupyterLab over `folder` kernels whose imports are done (`warm.py`) until the block ends; gives their name.

    On Linux: elsewhere a process that has loaded these libraries cannot safely be forked, and kernels start cold.
    """
    if sys.platform != "linux":
        yield COLD
        return
    door, spec = folder / "warm.socket", folder / "jupyter_data_dir" / "kernels" / "warm"
    module = Path(__file__).with_name("warm.py")
    # without site packages and the variables that ask for more: the stub is there in thirty milliseconds
    stub = [sys.executable, "-S", "-E", str(module), "ask", str(door), "{connection_file}"]
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        json.dumps({"argv": stub, "display_name": "Warm", "language": "python"})
    )
    command = [sys.executable, "-m", "tests.browser.warm", "serve", str(door)]
    with (folder / "warm.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment(folder), stdin=subprocess.PIPE, stdout=log, stderr=log
        )
    try:
        while not door.exists() and server.poll() is None:
            time.sleep(0.02)
        if server.poll() is not None:
            raise RuntimeError(f"no kernels can be forked:\n{(folder / 'warm.log').read_text()[-3000:]}")
        yield "warm"
    finally:
        server.communicate()  # the end of its input ends it


def write_notebook(path: Path, cells: list[str], kernel: str = COLD) -> Path:
    """A notebook of these code cells."""
    # By hand: to import nbformat takes two seconds.
    made = [
        {"cell_type": "code", "id": f"cell-{i}", "source": cell, "metadata": {}}
        | {"execution_count": None, "outputs": []}
        for i, cell in enumerate(cells)
    ]
    named = {"name": kernel, "display_name": kernel, "language": "python"}
    page = {"cells": made, "metadata": {"kernelspec": named}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(page))
    return path
