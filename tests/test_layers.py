"""Who may import whom, read from the sources: a shortcut shows as a failing test and not as a cycle."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FACTS = "gradients pool selection progress checks"
MAY_IMPORT = {
    "palette": "",
    "progress": "",
    "gradients": "progress",
    "checks": "",
    "tensors": "checks",
    "fields": "tensors checks gradients",
    "params": "checks",
    "memory": "",
    "machine": "progress",
    "labels": "tensors",
    "pool": "checks fields gradients labels",
    "selection": "checks tensors gradients pool",
    "views": "gradients pool",
    "registry": f"{FACTS} params methods",  # methods: it lists the folder
    "kernels": "progress",
    "neighbors": "kernels gradients greedy progress",
    "greedy": "kernels machine gradients progress",
    "codes": "kernels neighbors progress",
    "weights": f"{FACTS} views greedy neighbors kernels",
    "merging": f"{FACTS} weights",
    "compose": f"{FACTS} views params registry bound weights merging",
    "bound": f"{FACTS} registry",
    "selecting": f"{FACTS} views params memory registry weights compose bound presets",
    "table": "registry",
    "methods": f"{FACTS} params views registry weights compose greedy neighbors kernels codes",
    "presets": f"{FACTS} registry",
    "datasets": "checks tensors labels progress",
    "models": "checks progress",
    "cache": "datasets progress",
    "evaluation": "checks models gradients progress",
    "descent": "",
    "subsets": "checks datasets pool selection",
    "training": "subsets checks params descent models evaluation datasets cache pool selection progress",
    "extras": "models evaluation gradients progress",
    "recording": "subsets checks fields training extras models evaluation datasets cache gradients pool progress",
    "embeddings": "subsets checks training extras models evaluation datasets gradients progress",
    "projection": "checks pool neighbors cache progress",
    "measures": f"{FACTS} views weights greedy neighbors kernels",
    "plots": "pool selection measures palette",
    "scale": "registry compose selecting",
}
MAY_IMPORT["experiment"] = " ".join(MAY_IMPORT)
ONLY_IN = {"numba": "kernels", "faiss": "neighbors", "dask": "scale"}
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
def test_a_file_imports_only_what_its_layer_may(path):
    own = layer(path)
    if own == "__init__":
        return  # the public names, imported when first used: see the subprocess below
    assert own in MAY_IMPORT, f"{path.name} has no layer yet: give it a row in MAY_IMPORT"
    allowed = {own} - {"methods"} | set(MAY_IMPORT[own].split())
    for name, at_import in imports(path):
        package, _, rest = name.partition(".")
        assert package != "widgets", f"{path.name} imports {name}: the library knows no panel"
        assert ONLY_IN.get(package, own) == own, f"only {ONLY_IN.get(package)}.py imports {package}"
        light = package in LIGHT or ONLY_IN.get(package) == own
        assert light or not at_import, f"{path.name}: {package} is heavy, import it inside a function"
        if package == "coreset_explore":
            target = layer(ROOT / package / rest.split(".")[0])
            # A name that is no module (`from coreset_explore import __version__`) has no layer.
            assert target not in MAY_IMPORT or target in allowed, (
                f"{path.name} ({own}) must not import {target}"
            )


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
