"""Where a dataset's files lie, and how they get there: manifest, cache, resumable downloads, checksums."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tarfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident
from typing import Any

from coreset_explore.machine import cache
from coreset_explore.progress import bar, track

_CHUNK = 100_000


def _manifest_file() -> Path:
    checkout = cache.PACKAGE.parent / "data" / "registry.toml"
    return checkout if checkout.is_file() else cache.PACKAGE / "_data" / "registry.toml"


@functools.cache
def manifest() -> dict[str, dict]:
    """What `data/registry.toml` says, by dataset name."""
    with open(_manifest_file(), "rb") as file:
        return tomllib.load(file)


def place(name: str, root: str | os.PathLike | None) -> tuple[Path, bool]:
    """The folder of dataset `name`, and whether it is the user's own (CORESET_DATA), never written to."""
    if root is not None:
        return Path(root).expanduser() / name, False
    if own := os.environ.get("CORESET_DATA"):
        if not Path(own).is_dir():
            raise FileNotFoundError(
                f"CORESET_DATA names {own}, which is no folder: correct it, or unset it to download."
            )
        if (Path(own) / name).is_dir():
            return Path(own) / name, True
    return cache.cache_root() / name, False


def obtain(name: str, root: str | os.PathLike | None = None) -> dict[str, Path]:
    """The paths of dataset `name`'s files by name: whole ones, fetched where missing, and known partial ones.

    Nothing is fetched where a partial file, or a part of an archive's files, lies in the folder already.
    """
    entry = manifest()[name]
    folder, own = place(name, root)
    inside = folder / entry.get("folder", ".")
    partial = {
        f["name"]: inside / f["name"] for f in entry.get("partial", []) if (inside / f["name"]).is_file()
    }
    whole = {f["name"]: inside / f["name"] for f in entry["files"]}
    missing = [n for n, path in whole.items() if not path.is_file()]
    here = {n: path for n, path in whole.items() if n not in missing}
    if not missing or partial or ("archive" in entry and here):
        return {**here, **partial}
    if own:
        raise FileNotFoundError(
            f"{name}: {inside / missing[0]} is missing; put the official file there, "
            "or unset CORESET_DATA to download it."
        )
    with bar(f"downloading {name}"):
        if "archive" in entry:
            _fetch_archive(entry, folder)
        else:
            for file in entry["files"]:
                if file["name"] in missing:
                    fetch(file, inside)
    return whole


def _fetch_archive(entry: dict, folder: Path) -> None:
    """Fetch a .tar.gz and unpack the listed files, whole or not at all; the archive itself is not kept."""
    archive = fetch(entry["archive"], folder)
    inside = folder / entry["folder"]
    fresh = folder / f"{entry['folder']}.new"
    with on_disk(inside):
        fresh.mkdir(exist_ok=True)
        with tarfile.open(archive) as tar:
            for file in track(entry["files"], "unpacking"):
                # names come from the manifest, never from the archive
                name = f"{entry['folder']}/{file['name']}"
                if (source := tar.extractfile(name)) is None:
                    raise ValueError(f"{archive} holds no file {name}, as the official one does: load again.")
                (fresh / file["name"]).write_bytes(source.read())
        if inside.exists():  # holds none of the files, or nothing would have been fetched
            inside.rmdir()
        fresh.rename(inside)
        archive.unlink()


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write (read-only, full, no folder) into one sentence about `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # one of our own sentences
            raise
        raise OSError(
            f"{path} cannot be written ({error.strerror}): free some space or make it writable, "
            "or name another folder with load(name, root=...)."
        ) from error


def fetch(file: dict, folder: Path) -> Path:
    """Download one file of the manifest with pooch into `folder` and return its path.

    What has arrived stays as NAME.part and is resumed by the next call; a whole file with another checksum is
    put aside as NAME.wrong. Errors: ConnectionError (network), ValueError (checksum), OSError (disk).
    """
    from pooch import retrieve
    from pooch.hashes import hash_matches

    name = file["name"]
    part = folder / f"{name}.part"

    def download(fname: str, action: Any, pooch: object, *, check_only: bool | None = None) -> None:
        """What pooch calls, by these names, with the address and the file to make."""
        _resume(fname, part, file.get("bytes"))
        if not hash_matches(part, file["checksum"]):
            part.replace(folder / f"{name}.wrong")
            raise ValueError(
                f"{fname} sent a whole file that is not the official {name} ({file['checksum']}); "
                f"it is put aside as {folder / name}.wrong: load again for a fresh copy, "
                f"or put the official file in {folder}."
            )
        part.replace(action)

    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part.touch()
        try:
            return Path(retrieve(file["url"], file["checksum"], name, folder, downloader=download))
        finally:
            if part.exists() and part.stat().st_size == 0:
                part.unlink()


def _resume(url: str, part: Path, size: int | None) -> None:
    """Bring `part` to the whole of `url`, asking the server only for what is missing."""
    import requests
    import urllib3

    held = part.stat().st_size
    if size and held == size:
        return
    headers = {"Accept-Encoding": "identity"}  # lengths must be the file's own
    if held and not (size and held > size):
        headers["Range"] = f"bytes={held}-"
    place = f"put the official file in {part.parent}."
    advice = f"what arrived is kept as {part}; load again to resume, or {place}"
    try:
        with requests.get(url, stream=True, headers=headers, timeout=(10, 30)) as answer:
            resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(
                f"bytes {held}-"
            )
            if answer.status_code == 416 and answer.headers.get("Content-Range") == f"bytes */{held}":
                return  # nothing is missing; the checksum decides
            if answer.status_code in (206, 416) and not resumed:
                part.write_bytes(b"")  # what is held does not fit this server's file
                return _resume(url, part, size)
            if answer.status_code not in (200, 206):
                raise ConnectionError(f"{url} answered {answer.status_code} {answer.reason}: {advice}")
            held = held if resumed else 0
            stated = int(answer.headers.get("Content-Length", 0))
            total = size or (held + stated if stated else None)
            blocks = answer.raw.stream(_CHUNK, decode_content=False)
            count = -(-(total - held) // _CHUNK) if total else None
            with open(part, "ab" if resumed else "wb") as out:
                for block in track(blocks, f"{part.stem}, blocks of 100 kB:", count):
                    held += out.write(block)
                    if total and held > total:
                        break
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        why = type(error).__name__
        if got := part.stat().st_size:
            raise ConnectionError(
                f"The download of {url} broke off after {got:,} bytes ({why}): {advice}"
            ) from error
        raise ConnectionError(f"{url} cannot be reached ({why}): check the network, or {place}") from error
    if total and held < total:
        raise ConnectionError(f"{url} sent {held:,} of {total:,} bytes and stopped: {advice}")
    if total and held > total:
        part.write_bytes(b"")
        raise ConnectionError(
            f"{url} sends more than the {total:,} bytes of the official file: try again later."
        )


def verify(name: str, path: Path) -> None:
    """Check a file against its checksum in the manifest, once: the answer is kept with its size and time."""
    entry = manifest()[name]
    known = {f["name"]: f for f in [*entry["files"], *entry.get("partial", [])]}[path.name]
    if "checksum" not in known:
        return
    memory = cache.cache_root() / "verified.json"
    state = path.stat()
    mark = [state.st_size, state.st_mtime_ns, known["checksum"]]
    remembered = _read_memory(memory)
    if remembered.get(str(path.absolute())) == mark:
        return
    kind, _, wanted = known["checksum"].rpartition(":")  # as pooch writes it: sha256 where nothing is said
    with path.open("rb") as file:
        found = hashlib.file_digest(file, kind or "sha256").hexdigest()
    if found != wanted.lower():
        raise ValueError(
            f"{path} is not the official file (its checksum is not {known['checksum']}): replace it, "
            "or load your own data as arrays with load((x, y))."
        )
    with suppress(OSError):  # a cache that cannot be written costs one more checksum next time, nothing else
        memory.parent.mkdir(parents=True, exist_ok=True)
        fresh = memory.with_suffix(f".{os.getpid()}-{get_ident()}")
        fresh.write_text(json.dumps({**remembered, str(path.absolute()): mark}, indent=0))
        fresh.replace(memory)


def _read_memory(memory: Path) -> dict:
    if not memory.is_file():
        return {}
    try:
        found = json.loads(memory.read_text())
    except ValueError:  # a damaged note costs one more checksum, nothing else
        return {}
    return found if isinstance(found, dict) else {}
