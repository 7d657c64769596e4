"""What the README shows is run, and its method table is the registry's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_python_blocks_run_one_after_the_other(tmp_path):
    """One namespace, in an empty folder, as a reader would who pastes them one by one."""
    assert BLOCKS, "the README shows no Python"
    script = "\n".join(f"# block {i}\n{block}" for i, block in enumerate(BLOCKS, start=1))
    (tmp_path / "readme.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CORESET_FAST": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "readme.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_folder_of_pictures_is_opened_as_shown(tmp_path, monkeypatch):
    """The call in the prose, with pictures where it says they are; one class a color, so that it can be learnt."""
    from PIL import Image

    from widgets import explore

    call = re.search(r'`(explore\("folder:[^`]+\))`', README).group(1)
    for folder, many in (("photos", 6), ("held_out", 2)):
        for color in ("red", "blue"):
            (tmp_path / folder / color).mkdir(parents=True)
            for i in range(many):
                Image.new("RGB", (20 + i, 20), color).save(tmp_path / folder / color / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))
    panel = eval(call[:-1] + ", epochs=1, run=False)", {"explore": explore}).run(wait=True)
    pool = panel.session.result.pool
    assert len(pool) == 12 and len(pool.test) == 4 and len(panel.selection) >= 1


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_a_generated_table_is_the_registrys(name):
    from scripts.refresh import tables

    mark, wanted = tables()[name]
    shown = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", (ROOT / name).read_text(), flags=re.DOTALL)
    assert shown, f"{name} has no <!-- {mark} --> … <!-- /{mark} -->"
    assert shown.group(1) == wanted, "run `make table`"


def test_the_files_that_the_readme_points_to_exist():
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", README):
        assert (ROOT / target).exists(), f"the README points to {target}"
