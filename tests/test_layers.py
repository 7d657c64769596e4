"""Who may import whom, read from the sources: a shortcut shows as a failing test and not as a cycle."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# The floors of the library, from the ground up. A file may use its own room and those on lower floors.
FLOORS = (
    "gradients progress compiled",
    "inputs",
    "machine pool params",
    "selection greedy datasets streaming",
    "registry neighbors training",
    "selecting projection groups recording",
    "methods measures scale",
    "experiment plots",
    "labs",
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms.split()}
DISCOVERY = ("registry", "methods")  # the one arrow that runs up: the registry lists the folder
# A method is a function of a pool and a budget: it trains nothing, loads nothing and calls no other method.
NEVER = {"methods": {"methods", "training", "datasets", "recording", "projection"}}
ONLY_IN = {
    "numba": "compiled",
    "faiss": "neighbors",
    "dask": "scale",
    "threadpoolctl": "machine",
    "psutil": "machine",
}
LIGHT = {"torch", "numpy", "tqdm", "coreset_explore"} | sys.stdlib_module_names
FILES = sorted((ROOT / "coreset_explore").rglob("*.py"))


def layer(path: Path) -> str:
    """A file's layer: its name, or its folder's."""
    return path.relative_to(ROOT / "coreset_explore").parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Each imported module, and whether importing the file imports it (in no function, not for types)."""
    tree = ast.parse(path.read_text())
    deferred: set[int] = set()
    for node in ast.walk(tree):
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if for_types or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            deferred.update(map(id, ast.walk(node)))
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in deferred) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}, line {node.lineno}: imports are absolute here"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name, id(node) not in deferred) for name in whole)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_from_its_room_and_the_floors_below(path):
    own = layer(path)
    if own == "__init__":
        return  # the public names, imported when first used: see the subprocess below
    assert own in FLOOR, f"{path.name} is in no room yet: give {own} a place in FLOORS"
    for name, at_import in imports(path):
        package, _, rest = name.partition(".")
        assert package != "widgets", f"{path.name} imports {name}: the library knows no panel"
        assert ONLY_IN.get(package, own) == own, f"only {ONLY_IN.get(package)} imports {package}"
        light = package in LIGHT or ONLY_IN.get(package) == own
        assert light or not at_import, f"{path.name}: {package} is heavy, import it inside a function"
        target = rest.split(".")[0]
        # A name that is no module (`from coreset_explore import __version__`) has no floor.
        if package != "coreset_explore" or target not in FLOOR or (own, target) == DISCOVERY:
            continue
        assert target not in NEVER.get(own, ()), f"{path.name}: a method never imports {target}"
        assert target == own or FLOOR[target] < FLOOR[own], (
            f"{path.name} ({own}) must not import {target}, which is on no lower floor"
        )


def test_every_room_of_the_floors_is_there_or_to_come():
    rooms = {layer(path) for path in FILES} - {"__init__"}
    assert set(FLOOR) - rooms <= {"scale"}


PANELS = sorted((ROOT / "widgets").rglob("*.py"))


@pytest.mark.parametrize("path", PANELS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_panel_stands_on_the_kit_and_on_no_other_panel(path):
    own = path.relative_to(ROOT / "widgets").parts[0].removesuffix(".py")
    for name, _ in imports(path):
        package, _, rest = name.partition(".")
        if package == "ipywidgets":
            assert path.name == "plain.py", (
                "controls are those of widgets.kit.plain, without layouts and styles"
            )
        target = rest.split(".")[0]
        if package != "widgets" or own == "__init__" or not (ROOT / "widgets" / target).exists():
            continue
        assert target in (own, "kit"), f"{path.name}: {own} must not import {target}"


HEAVY = {
    "coreset_explore": "umap numba faiss pandas plotly matplotlib sklearn scipy dask pyarrow ipywidgets",
    "widgets": "umap numba sklearn",
}


@pytest.mark.parametrize("package", HEAVY)
def test_importing_a_package_pulls_nothing_heavy(package):
    code = (
        f"import sys, {package}; print(*[name for name in {HEAVY[package].split()} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
