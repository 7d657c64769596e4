"""Downloads against a local server that breaks off, lies about lengths or resumes: one sentence, nothing lost."""

import errno
import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from coreset_explore.datasets import download, load
from coreset_explore.datasets.download import fetch
from coreset_explore.machine import cache
from coreset_explore.progress import Cancelled, listening

BODY = np.random.default_rng(0).integers(0, 256, 1_000_000).astype(np.uint8).tobytes()


class Server(ThreadingHTTPServer):
    """Serves `body` as `mode` says and keeps the Range header of every request."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.mode, self.asked = BODY, "honest", []

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the game."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        body, mode, asked = self.server.body, self.server.mode, self.headers.get("Range")
        self.server.asked.append(asked)
        if mode == "missing":
            return self.send_error(404)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and mode != "no range" else 0
        if start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        rest = body[start:]
        stated = {"cuts off": len(rest), "states less": 1000, "states more": len(rest) + 5000}.get(
            mode, len(rest)
        )
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(stated))
        if start:
            shift = 7 if mode == "wrong range" else 0
            self.send_header("Content-Range", f"bytes {start + shift}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(rest[:300_000] if mode == "cuts off" else rest)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def file(server):
    """The manifest's row of one file, with its length known."""
    checksum = f"md5:{hashlib.md5(BODY).hexdigest()}"
    return {"name": "big.gz", "checksum": checksum, "bytes": len(BODY), "url": server.url("big.gz")}


def is_one_sentence(caught, *parts):
    text = str(caught.value)
    assert "\n" not in text and all(str(part) in text for part in parts), text


def test_an_honest_server_gives_the_file_and_leaves_nothing_else(server, file, tmp_path):
    path = fetch(file, tmp_path / "new" / "folder")
    assert path.read_bytes() == BODY and [p.name for p in path.parent.iterdir()] == ["big.gz"]
    assert fetch(file, path.parent) == path and len(server.asked) == 1


def test_a_download_cut_short_keeps_its_part_and_is_resumed(server, file, tmp_path):
    server.mode = "cuts off"
    with pytest.raises(ConnectionError) as caught:
        fetch(file, tmp_path)
    part = tmp_path / "big.gz.part"
    is_one_sentence(caught, file["url"], "broke off after 300,000 bytes", part, "load again to resume")
    assert part.read_bytes() == BODY[:300_000] and not (tmp_path / "big.gz").exists()
    with pytest.raises(ConnectionError, match="600,000 bytes"):
        fetch(file, tmp_path)
    server.mode = "honest"
    assert fetch(file, tmp_path).read_bytes() == BODY and not part.exists()
    assert server.asked == [None, "bytes=300000-", "bytes=600000-"]


def test_a_length_stated_too_small_is_noticed_and_resumed(server, file, tmp_path):
    server.mode = "states less"
    with pytest.raises(ConnectionError) as caught:
        fetch(file, tmp_path)
    is_one_sentence(
        caught, "sent 1,000 of 1,000,000 bytes and stopped", "big.gz.part", "load again to resume"
    )
    assert (tmp_path / "big.gz.part").stat().st_size == 1000
    server.mode = "honest"
    assert fetch(file, tmp_path).read_bytes() == BODY and server.asked[-1] == "bytes=1000-"


def test_a_length_stated_too_large_loses_nothing(server, file, tmp_path):
    server.mode = "states more"
    with pytest.raises(ConnectionError) as caught:
        fetch(file, tmp_path)
    is_one_sentence(caught, "broke off after 1,000,000 bytes", "big.gz.part")
    # all of it has come: nothing is asked for again
    assert fetch(file, tmp_path).read_bytes() == BODY and len(server.asked) == 1


def test_the_same_where_the_manifest_knows_no_length(server, file, tmp_path):
    del file["bytes"]
    server.mode = "states more"
    with pytest.raises(ConnectionError):
        fetch(file, tmp_path)
    server.mode = "honest"
    assert fetch(file, tmp_path).read_bytes() == BODY
    assert server.asked == [None, "bytes=1000000-"]  # answered 416: nothing is missing


@pytest.mark.parametrize("mode", ["no range", "wrong range"])
def test_a_server_that_cannot_resume_is_asked_from_the_start(server, file, tmp_path, mode):
    (tmp_path / "big.gz.part").write_bytes(BODY[:1234])
    server.mode = mode
    assert fetch(file, tmp_path).read_bytes() == BODY and server.asked[0] == "bytes=1234-"


def test_a_part_longer_than_the_file_is_thrown_away(server, file, tmp_path):
    (tmp_path / "big.gz.part").write_bytes(BODY + b"junk")
    assert fetch(file, tmp_path).read_bytes() == BODY and server.asked == [None]


def test_a_body_that_does_not_end_is_not_followed(server, file, tmp_path):
    server.body = BODY * 3
    with pytest.raises(ConnectionError, match="sends more than the 1,000,000 bytes of the official file"):
        fetch(file, tmp_path)
    assert not (tmp_path / "big.gz").exists()


def test_a_wrong_file_is_put_aside(server, file, tmp_path):
    server.body = BODY[::-1]
    with pytest.raises(ValueError) as caught:
        fetch(file, tmp_path)
    is_one_sentence(caught, "is not the official big.gz", tmp_path / "big.gz.wrong", "load again")
    assert (tmp_path / "big.gz.wrong").read_bytes() == BODY[::-1] and not (tmp_path / "big.gz").exists()
    server.body = BODY
    assert fetch(file, tmp_path).read_bytes() == BODY and server.asked == [None, None]


def test_a_refusal_and_silence_are_told_apart(server, file, tmp_path):
    server.mode = "missing"
    with pytest.raises(ConnectionError, match="answered 404 Not Found"):
        fetch(file, tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionError) as caught:
        fetch({**file, "url": "http://127.0.0.1:9/big.gz"}, tmp_path)
    is_one_sentence(caught, "cannot be reached", "check the network", f"put the official file in {tmp_path}")


def test_a_download_reports_progress_and_can_be_cancelled(server, file, tmp_path):
    seen, stop = [], [False]

    def report(fraction, text):
        seen.append((fraction, text))
        stop[0] = fraction > 0.4

    with pytest.raises(Cancelled), listening(report, lambda: stop[0], interval=0):
        fetch(file, tmp_path)
    assert "big.gz" in seen[0][1] and seen[-1][0] > 0.4
    assert 0 < (tmp_path / "big.gz.part").stat().st_size < len(BODY)
    assert fetch(file, tmp_path).read_bytes() == BODY


def test_a_cache_that_is_no_folder_gives_one_sentence(file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError) as caught:
        fetch(file, tmp_path / "file" / "mnist")
    is_one_sentence(caught, tmp_path / "file", "cannot be written", "load(name, root=...)")


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no /dev/full to play the full disk"
)
def test_a_full_disk_gives_one_sentence(file, tmp_path):
    (tmp_path / "big.gz.part").symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        fetch(file, tmp_path)
    is_one_sentence(caught, "cannot be written (No space left on device)", "free some space")


def test_a_read_only_cache_gives_one_sentence(file, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(OSError) as caught:
        fetch(file, tmp_path)
    is_one_sentence(caught, "cannot be written (Read-only file system)", "make it writable")


@pytest.fixture
def archive(server, monkeypatch):
    """cifar10 as a small official archive on the server."""
    records = np.random.default_rng(0).integers(0, 10, (6, 2, 3073)).astype(np.uint8)
    files = [f["name"] for f in download.manifest()["cifar10"]["files"]]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, record in zip(files, records):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = record.nbytes
            tar.addfile(info, io.BytesIO(record.tobytes()))
    server.body = packed.getvalue()
    entry = {
        **download.manifest()["cifar10"],
        "files": [{"name": name, "records": 2} for name in files],
        "archive": {
            "name": "cifar-10-binary.tar.gz",
            "checksum": f"md5:{hashlib.md5(server.body).hexdigest()}",
            "url": server.url("cifar-10-binary.tar.gz"),
        },
    }
    monkeypatch.setitem(download.manifest(), "cifar10", entry)
    return records


def test_an_archive_is_fetched_unpacked_and_not_kept(server, archive, tmp_path):
    data = load("cifar10", root=tmp_path)
    assert data.y.tolist() == archive[:5, :, 0].flatten().tolist() and len(data.x_test) == 2
    assert [p.name for p in (tmp_path / "cifar10").iterdir()] == ["cifar-10-batches-bin"]
    load("cifar10", root=tmp_path)
    assert len(server.asked) == 1


def test_an_archive_cut_short_is_resumed_by_load(server, archive, tmp_path, monkeypatch):
    whole, server.mode = server.body, "states more"
    server.body = whole[:2000]
    with pytest.raises(ConnectionError, match="load again to resume"):
        load("cifar10", root=tmp_path)
    server.body, server.mode = whole, "honest"
    assert len(load("cifar10", root=tmp_path)) == 10 and server.asked == [None, "bytes=2000-"]


def test_an_unpacking_that_is_cancelled_leaves_no_half_folder(server, archive, tmp_path):
    stop = [False]

    def report(fraction, text):
        stop[0] = "unpacking 3" in text

    with pytest.raises(Cancelled), listening(report, lambda: stop[0], interval=0):
        load("cifar10", root=tmp_path)
    assert not (tmp_path / "cifar10" / "cifar-10-batches-bin").exists()
    assert len(load("cifar10", root=tmp_path)) == 10 and len(server.asked) == 1


def test_the_cache_lies_in_the_checkout_or_with_the_user(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "registry.toml").touch()
    monkeypatch.setattr(cache, "PACKAGE", tmp_path / "coreset_explore")
    assert cache.cache_root() == tmp_path / "data" / "cache"
    monkeypatch.setattr("os.access", lambda *args: False)
    assert cache.cache_root().name == "coreset_explore"
    assert tmp_path not in cache.cache_root().parents


def test_an_installed_package_finds_its_manifest_inside(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "PACKAGE", tmp_path / "coreset_explore")
    assert download._manifest_file() == tmp_path / "coreset_explore" / "_data" / "registry.toml"
