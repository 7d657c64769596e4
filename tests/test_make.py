"""The two commands as a newcomer meets them: the page answers, a failed install ends with a line that helps."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from scripts import make as script

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {".git", ".venv", "__pycache__", ".pytest_cache", ".hypothesis", ".ruff_cache", "cache"}


@pytest.fixture
def clone(tmp_path) -> Path:
    """A copy of the project's files in an empty folder."""
    return Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=lambda _, names: SKIPPED & set(names)))


@pytest.fixture
def variables(tmp_path) -> dict[str, str]:
    """The environment, less what the outer `make` put into it, with Jupyter folders of its own."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in ("VENV", "CONSTRAINTS", "PORT", "MAKEFLAGS", "MAKELEVEL")
    }
    own = (
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTERLAB_SETTINGS_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
    )
    return {**kept, **{name: str(tmp_path / name) for name in own}}


def make(folder: Path, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def last_own_line(done: subprocess.CompletedProcess) -> str:
    assert done.returncode, done.stdout
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    return lines[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_make_explore_prints_an_address_that_answers_and_stops(clone, variables):
    if Path(sys.prefix) != script.VENV or not script.stands("panel"):
        pytest.skip("this interpreter's environment was not made, or is not up to date: run `make test`")
    (clone / ".venv").symlink_to(sys.prefix)
    port = free_port()
    command = ["make", f"PYTHON={sys.executable}", "explore", f"PORT={port}", f"DATA={clone}"]
    server = subprocess.Popen(
        command, cwd=clone, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
        # where the tests run in a shell's background, Ctrl-C is ignored by all that they start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        printed = []
        for line in server.stdout:
            printed.append(line)
            if found := re.search(
                rf"http://127\.0\.0\.1:{port}/lab/tree/notebooks/01_explore\.ipynb\?token=\w+", line
            ):
                break
        else:
            raise AssertionError("no address was printed:\n" + "".join(printed))
        page = urllib.request.urlopen(found.group(), timeout=30)
        assert page.status == 200 and "JupyterLab" in page.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(
                f"http://127.0.0.1:{port}/api/contents", timeout=30
            )  # not without the token
    finally:
        os.killpg(server.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        server.communicate(timeout=30)
    assert_nothing_listens(port)


def assert_nothing_listens(port: int) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    raise AssertionError(f"port {port} is still open")


def test_a_server_that_does_not_end_when_asked_is_made_to():
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    server = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    with server.stdout:
        server.stdout.readline()
        script.stop(server, patience=0.2)
    assert server.poll() == -signal.SIGKILL
    script.stop(server)  # one that has ended is left alone


@pytest.mark.slow
def test_a_failed_install_says_what_failed_the_free_space_and_what_to_do(clone, variables):
    """Here on top of what a killed install left: a half-made environment, which must not be trusted."""
    (clone / "broken.txt").write_text("this is no pin\n")
    half_made = clone / ".venv" / "bin"
    half_made.mkdir(parents=True)
    (half_made / "python").write_text("cut short")
    offline = {**variables, "PIP_NO_INDEX": "1"}  # no newer pip is had then, and that is no failure
    line = last_own_line(make(clone, "explore", "CONSTRAINTS=broken.txt", env=offline))
    assert line.startswith("coreset_explore: installing failed (")
    assert "this is no pin" in line
    assert re.search(r"; \d+\.\d GB free at ", line)
    assert line.endswith("run the same command again.")
    assert subprocess.run([clone / ".venv/bin/python", "-c", "import pip"]).returncode == 0
    assert json.loads((clone / ".venv" / "installed.json").read_text())["done"] == {}
    assert not (clone / ".venv" / "installing").exists()


def test_what_cannot_work_is_said_before_anything_is_made(clone, variables):
    line = last_own_line(make(clone, "test", "CONSTRAINTS=absent.txt", env=variables))
    assert "there is no" in line and "absent.txt" in line
    assert not (clone / ".venv").exists()


def test_a_port_in_use_is_named(clone, variables):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        script = [sys.executable, "scripts/make.py", "explore"]
        env = {**variables, "PORT": str(taken.getsockname()[1])}
        done = subprocess.run(script, cwd=clone, env=env, capture_output=True, text=True, timeout=60)
    assert f"port {env['PORT']} is in use" in last_own_line(done)


def test_every_dependency_is_pinned():
    """constraints.txt pins each package that pyproject.toml names, to one version and to no build of it."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    pins = dict(line.split("==") for line in lines)
    missing = {re.split("[<>=]", name)[0].lower() for name in named} - {pin.lower() for pin in pins}
    assert not missing
    assert not [pin for pin in lines if "+" in pin or "@" in pin]
    assert pins["torch"] == "2.13.0"


def test_every_pin_installs_on_the_oldest_python_promised():
    """Debian 12 has 3.11.2: a pin that asks for 3.11.5 makes pip give up there after a minute of backtracking."""
    import importlib.metadata

    from packaging.specifiers import SpecifierSet

    pins = [
        line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    ]
    asked = {}
    for pin in pins:
        try:
            asked[pin] = importlib.metadata.metadata(pin)["Requires-Python"] or ""
        except importlib.metadata.PackageNotFoundError:  # of the bench extra
            continue
    assert len(asked) > 100
    assert {pin: wanted for pin, wanted in asked.items() if "3.11.0" not in SpecifierSet(wanted)} == {}
