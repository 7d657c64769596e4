"""The examples in docstrings are run, each alone in an empty folder, as a reader would who pastes it."""

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import coreset_explore as cx
from coreset_explore import registry

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("coreset_explore", "widgets/kit")


def examples() -> Iterator:
    """Every docstring with an example, found in the sources: collecting imports nothing."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ">>>" in (text := path.read_text()):
                yield from found_in(ast.parse(text), path, path.relative_to(ROOT).as_posix())


def found_in(node: ast.AST, path: Path, name: str) -> Iterator:
    """The docstring of this module, class or function, and of what it defines."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        text = ast.get_docstring(node)
        if text and ">>>" in text:
            line = node.body[0].lineno - 1
            yield pytest.param(text, path, line, id=name)
        for child in node.body:
            yield from found_in(child, path, f"{name}::{getattr(child, 'name', '')}")


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """An empty folder, nothing remembered, and no method left registered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CORESET_DATA", raising=False)
    registry.discover()
    for held in (registry.METHODS, registry.SCORES, registry.PICKERS, registry.STREAMS):
        monkeypatch.setattr(held, "_found", dict(held._found))


@pytest.mark.parametrize(("text", "path", "line"), list(examples()))
def test_an_example_shows_what_it_says(text, path, line, alone):
    example = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, path.name, str(path), line)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed, tried = runner.run(example, out=report.append)
    assert tried and not failed, "".join(report)


NO_EXAMPLE = {"Missing", "Cancelled"}  # exceptions: shown where they are raised


@pytest.mark.parametrize(
    "name", [name for name in cx._WHERE if not name.isupper() and name not in NO_EXAMPLE]
)
def test_every_public_name_shows_how_it_is_used(name):
    thing = getattr(cx, name)
    said = [thing, *vars(thing).values()] if isinstance(thing, type) else [thing]
    assert not isinstance(thing, ModuleType)
    assert any(">>>" in (getattr(one, "__doc__", None) or "") for one in said), f"{name} shows no example"
