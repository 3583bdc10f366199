"""The notebooks run from the first cell to the last, and say what they promise."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import FEW_DOMAIN_STEPS

EXAMPLES = Path(__file__).parents[2] / "examples"


def outputs(notebook):
    """All that its cells gave back or printed, as text."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output.get("text") or output["data"]["text/plain"] for output in found]


def test_a_notebook_has_its_outputs_and_is_small():
    paths = list(EXAMPLES.glob("*.ipynb"))
    assert paths
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        # In order, from a fresh start; the first cell writes files and prints nothing.
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        assert all(cell.outputs for cell in code[1:])
        text = path.read_text(encoding="utf-8")
        assert len(text) < 150_000 and not re.search(r"/(tmp|home|root|Users)/", text)
        assert "Traceback" not in text


# What the test changes in the notebook's study: one worker, and as few seeds, epochs and steps as give an answer.
SMALL = {
    "epochs: 100,": "epochs: 5,",
    '"confirm.seeds=[1, 2, 3]"': '"confirm.seeds=[1, 2]", "resources.max_concurrent=1"',
    # After five epochs a GAN makes one grey image.
    '(result.folder, "balanced")': '(result.folder, "balanced", allow_memorised=True, allow_collapsed=True)',
}
# What measures images is trained for a moment, here and in the workers.
FEW_DOMAIN_STEPS_THERE = f"""
from gan_study.study.run import place
from gan_study.trainables.image_quality import extractor
from tests.shared_images import measured_for_a_moment, share_as

extractor.DOMAIN_STEPS = {FEW_DOMAIN_STEPS}
place.share = share_as(measured_for_a_moment({FEW_DOMAIN_STEPS}))
"""


def made_small(notebook):
    """Makes the changes of SMALL, each of which has to find its place once, and puts a cell first."""
    for old, new in SMALL.items():
        (cell,) = (cell for cell in notebook.cells if old in cell.source)
        cell.source = cell.source.replace(old, new)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(FEW_DOMAIN_STEPS_THERE))
    return notebook


@pytest.mark.ray
def test_a_folder_of_images_leads_to_an_answer_and_a_balanced_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    notebook = made_small(nbformat.read(EXAMPLES / "from_images_to_answer.ipynb", as_version=4))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "\n".join(outputs(notebook))
    assert "dcgan, the GAN chosen on validation" in said
    assert "'eight': (24, 66)" in said
    assert "balanced_accuracy" in said
    assert (tmp_path / "balanced" / "generator" / "generator.safetensors").exists()
