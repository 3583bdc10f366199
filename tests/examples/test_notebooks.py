"""The notebooks run from the first cell to the last, and say what they promise."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"


def outputs(notebook):
    """All that its cells gave back or printed, as text."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output.get("text") or output["data"]["text/plain"] for output in found]


def test_notebooks_are_kept_without_outputs():
    for path in EXAMPLES.glob("*.ipynb"):
        assert outputs(nbformat.read(path, as_version=4)) == []


@pytest.mark.ray
def test_a_folder_of_images_leads_to_an_answer_and_a_balanced_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    notebook = nbformat.read(EXAMPLES / "from_images_to_answer.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "\n".join(outputs(notebook))
    assert "dcgan, the GAN chosen on validation" in said
    assert "'eight': (24, 66)" in said
    assert "balanced_accuracy" in said
    assert (tmp_path / "balanced" / "generator" / "generator.safetensors").exists()
