"""Every walkthrough runs from its first cell to its last, and is stored in a state that GitHub can show."""

import json
import os
from pathlib import Path

import pytest

from scripts.refresh import is_view

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_the_first_walkthrough_is_where_make_explore_opens():
    assert [path.name for path in NOTEBOOKS][:1] == ["01_explore.ipynb"]
    assert NOTEBOOKS[0].name in (ROOT / "scripts" / "make.py").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("CORESET_FAST", "1")  # the walkthroughs read this and take smaller constants
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    )
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_the_methods_walkthrough_takes_the_digits_where_fashion_mnist_is_not(tmp_path, monkeypatch, capsys):
    """Its first cell; what follows knows the data alone, which the tests of the library record and select from."""
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "none"))
    cells = json.loads((ROOT / "notebooks" / "02_methods.ipynb").read_text())["cells"]
    first = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    exec(first, names := {})
    assert "The built-in digits stand in" in capsys.readouterr().out
    assert repr(names["data"]).startswith("Data(digits: 1,438 images")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_light_and_without_widget_state(path):
    assert path.stat().st_size < 1_000_000, "over 1 MB: GitHub shows no such notebook"
    import nbformat  # which takes seconds: not where tests are collected

    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata, "carries widget state: clear it (make notebooks)"
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", f"stores a traceback: {output.get('evalue')}"
            assert not is_view(output), "stores a view of a widget that no reader has"


def test_what_is_read_on_github_was_run_as_it_stands():
    """A walkthrough stores what every cell showed, in one run, without progress bars; of a panel its picture."""
    import nbformat

    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), path.name
        streams = [o for cell in code for o in cell.outputs if o.output_type == "stream"]
        assert not [stream.text for stream in streams if stream.name == "stderr"], path.name
        assert any("image/png" in o.get("data", {}) for cell in code for o in cell.outputs), path.name
