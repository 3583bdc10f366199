"""Packages that register parts, as an installer leaves them."""

from collections.abc import Mapping
from pathlib import Path

PARTS = """
from torch import nn

from gan_study.trainables.classifiers.classifier import ClassifierModel


def body(shape):
    return nn.Flatten(), shape.num_values


LINEAR = ClassifierModel(name="linear", summary="the pixels", body=body)
NUMBER = 3


class Holder:
    linear = LINEAR
"""


def install(folder: Path, module: str, source: str = PARTS, **entry_points: Mapping[str, str]) -> None:
    """Write a module and the metadata of the package that has it; by kind, the names that it registers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    groups = [
        f"[gan_study.{kind}]\n" + "".join(f"{name} = {place}\n" for name, place in names.items())
        for kind, names in entry_points.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
