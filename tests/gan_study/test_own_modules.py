"""The product works beside a person's own `analysis.py`, `study.py` and `trainables.py`."""

import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from tests.distributions import FOLDERS, ROOT

OWN = f"""
import {", ".join(FOLDERS)}
assert {" and ".join(f"{name}.HERS" for name in FOLDERS)}
"""

OVER_SAMPLING = """
import numpy as np

import gan_study

X = np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
_, y = gan_study.ImageOverSampler("smote", random_state=0).fit_resample(X, np.repeat([0, 1], [12, 8]))
assert callable(gan_study.load_study) and gan_study.study_config("quickstart").name == "quickstart"
print(np.bincount(y).tolist())
"""

STUDY = """
import gan_study

CHANGES = [
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[class_weights]",
    "search.trials=0",
    # It makes no images, so that no network is trained to measure them.
    "search.parameters.balancing/name={kind: choice, options: [focal_loss]}",
    "confirm={seeds: [1], until: fixed, fits: 1}",
    "resources.max_concurrent=1",
]
if __name__ == "__main__":
    result = gan_study.run_study(gan_study.study_config("quickstart", CHANGES), out="first").check()
    print(sorted(set(result.records["status"])), sorted(set(result.records["phase"])))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with modules that are named as the project's folders are; the package is installed elsewhere."""
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "gan_study").symlink_to(ROOT / "gan_study")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
    hers = tmp_path / "hers"
    hers.mkdir()
    for name in FOLDERS:
        (hers / f"{name}.py").write_text("HERS = True\n")
    return hers


def run_script(folder, code):
    (folder / "script.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=os.environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_in_a_script(folder):
    assert run_script(folder, OWN + OVER_SAMPLING) == "[12, 12]"


def test_in_a_notebook(folder):
    cells = [nbformat.v4.new_code_cell(code) for code in (OWN, OVER_SAMPLING)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    [output] = notebook.cells[1].outputs
    assert output.text == "[12, 12]\n"


@pytest.mark.ray
def test_in_a_study_and_its_workers(folder):
    assert run_script(folder, OWN + STUDY) == "['complete'] ['baseline', 'confirm']"
