"""Bring what is generated up to date: the tables of README and CONTRIBUTING, and what the notebooks store."""

import base64
import io
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def table() -> None:
    """Write the registry's tables between the markers: methods for readers, and the laws that some do not meet."""
    for name, (mark, made) in tables().items():
        start, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
        before, _, rest = (ROOT / name).read_text().partition(start)
        (ROOT / name).write_text(f"{before}{start}{made}{end}{rest.partition(end)[2]}")


def tables() -> dict[str, tuple[str, str]]:
    """Each file that holds a table, with the marker around it and the table."""
    from coreset_explore.registry import method_table, skips_table

    return {"README.md": ("methods", method_table()), "CONTRIBUTING.md": ("skips", skips_table())}


def notebooks() -> None:
    """Drop widget state and views of panels, which no page shows.

    What cells drew and printed is what is read on GitHub, and stays; `execute` makes it anew, and `portraits.py` the
    pictures of panels.
    """
    import nbformat

    for path in walkthroughs():
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.metadata.clear()
                cell.outputs = [output for output in cell.outputs if not is_view(output)]
        nbformat.write(notebook, path)


def execute() -> None:
    """Run the walkthroughs that open no panel, in full (CORESET_DATA has the datasets), and keep what they show."""
    import nbformat
    from nbclient import NotebookClient

    for path in walkthroughs():
        notebook = nbformat.read(path, as_version=4)
        if opens_panels(notebook):
            continue
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(
            os.pathsep
        )
        NotebookClient(
            notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
        ).execute()
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.metadata.clear()  # when each cell ran
                cell.outputs = [output for output in map(kept, cell.outputs) if output is not None]
        notebook.metadata.pop("widgets", None)
        notebook.metadata.language_info = {"name": "python"}
        nbformat.write(notebook, path)


def walkthroughs() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def is_view(output) -> bool:
    """Whether an output is a live widget, which a reader does not have."""
    return any("widget-view" in kind for kind in output.get("data", {}))


def opens_panels(notebook) -> bool:
    """Whether a cell imports from `widgets`."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return re.search(r"^\s*(from|import) widgets\b", code, re.MULTILINE) is not None


def kept(output):
    """An output as it is stored: without progress bars, a picture in 256 colors and without the name of its class."""
    if output.output_type == "stream" and output.name == "stderr":
        lines = [line for line in re.split(r"[\r\n]", output.text) if line.strip() and "%|" not in line]
        output.text = "\n".join(lines)
        return output if lines else None
    if "image/png" in output.get("data", {}):
        output.data = {"image/png": lighter(output.data["image/png"])}
    return output


def lighter(picture: str) -> str:
    """A png (base64) in 256 colors: a third of the size, and no difference that shows."""
    from PIL import Image

    file = io.BytesIO()
    whole = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    # as many shades of grey as a picture has, but no color given up for them
    whole.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        file, format="png", optimize=True
    )
    return base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    {"table": table, "notebooks": notebooks, "execute": execute}[sys.argv[1]]()
