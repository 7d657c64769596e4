"""Kernels that begin with their imports done: each is forked from one process that imported what a panel needs.

A story's kernel is a process of its own, which JupyterLab starts, interrupts and restarts as any other; it only spares
the five seconds in which torch, jupyter-scatter and plotly are imported. `serve` is the process that has imported and
waits. `ask` is what JupyterLab starts: a stub that has a kernel forked and stands for it, so that a signal to the stub
goes on to the kernel, and where one ends, so does the other.
"""

import json
import os
import signal
import socket
import sys


def serve(door: str) -> None:
    """Import, then fork a kernel for each who asks at `door`, until the input ends."""
    import select

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(door)
    listener.listen()  # who asks before the imports are done waits
    imports()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a kernel here
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        stub, _ = listener.accept()
        words, streams, *_ = socket.recv_fds(stub, 1 << 16, 2)
        while not words.endswith(b"\n"):
            words += stub.recv(1 << 16)
        if os.fork() == 0:
            listener.close()
            return become_kernel(stub, streams, **json.loads(words))
        for number in (stub.detach(), *streams):
            os.close(number)


def imports() -> None:
    """What a panel has imported when all its tabs have been open, the compiled loops read."""
    import gc

    import ipykernel.debugger
    import ipykernel.kernelapp  # noqa: F401
    import jscatter  # noqa: F401
    from PIL import Image
    from plotly.graph_objs import Figure

    from coreset_explore.greedy import warm
    from coreset_explore.registry import discover
    from widgets.explorer import compare, curves, export, images, panel  # noqa: F401
    from widgets.kit.plot import figure_class

    discover()
    warm()
    figure_class()
    # no widget: one that is made here would be known to no page
    axes = {f"{axis}axis{which}": {"title": {"font": {}}} for axis in "xy" for which in ("", "2")}
    Figure(layout={"template": {}, **axes}).add_scatter(line={}, marker={}).add_bar().add_heatmap()
    Image.preinit()
    gc.freeze()  # what is there is never collected, and so stays shared


def become_kernel(stub: socket.socket, streams: list[int], file: str, folder: str, variables: dict) -> None:
    """Go on as `python -m ipykernel_launcher -f file` would, with the stub's folder, variables, stdout and stderr."""
    import threading

    from ipykernel.kernelapp import IPKernelApp

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    stub.sendall(b"%d" % os.getpid())

    def end_with_the_stub() -> None:
        stub.recv(1)
        os._exit(1)

    threading.Thread(target=end_with_the_stub, daemon=True).start()
    sys.argv = ["ipykernel_launcher", "-f", file]
    IPKernelApp.launch_instance()


def ask(door: str, file: str) -> None:
    """Have a kernel forked that reads the connection file; hand signals on to it, and end when it ends."""
    server = socket.socket(socket.AF_UNIX)
    server.connect(door)
    words = json.dumps({"file": file, "folder": os.getcwd(), "variables": dict(os.environ)})
    socket.send_fds(server, [words.encode() + b"\n"], [1, 2])
    kernel = int(server.recv(20))
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, _: os.kill(kernel, number))
    server.recv(1)


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
