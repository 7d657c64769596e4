"""What an installed copy holds, read from pyproject.toml: every room, and every file that the code reads."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS = {"coreset_explore._data": "data"}  # the others lie where their names say


def folder(package: str) -> Path:
    return ROOT / FOLDERS.get(package, package.replace(".", "/"))


def test_every_room_is_packaged():
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("coreset_explore", "widgets")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert found | set(FOLDERS) == set(SETUP["packages"])


def test_every_file_that_is_no_python_is_packaged():
    """The markers of typed packages, the panels' styles and scripts; include-package-data is off."""
    assert not SETUP["include-package-data"]
    for top in ("coreset_explore", "widgets"):
        named = [str(folder(top) / pattern) for pattern in SETUP["package-data"][top]]
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc", ".nbi", ".nbc"):  # the last two: numba's
                assert any(fnmatch(str(path), pattern) for pattern in named), path.relative_to(ROOT)
        assert (folder(top) / "py.typed").is_file()
    for name in SETUP["package-data"]["coreset_explore._data"]:
        assert (ROOT / "data" / name).is_file()
