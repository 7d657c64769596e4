"""Bring what is generated up to date: the README's method table, and notebooks without outputs."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def table() -> None:
    """Write the registry's method table between the README's markers."""
    from coreset_explore import method_table

    path = ROOT / "README.md"
    mark, end = "<!-- methods -->\n", "<!-- /methods -->"
    old = path.read_text()
    new = re.sub(f"{mark}.*?{end}", lambda _: f"{mark}{method_table().strip()}\n{end}", old, flags=re.DOTALL)
    path.write_text(new)


def notebooks() -> None:
    """Drop outputs, counts and widget state, so that a notebook's diff is what its author wrote."""
    import nbformat

    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)


if __name__ == "__main__":
    {"table": table, "notebooks": notebooks}[sys.argv[1]]()
