"""A balanced data set as a folder.

`train/` has a folder of images for each class, `real-*` and `synthetic-*`; `validation/` has separate real images,
which score a classifier of `train/`. `manifest.csv` says where each image comes from; `balanced.json` holds the
configuration, the counts and the validation scores; `generator/` the generator (see saved_generator); `README.md`
is the data card. `metadata.csv`, `classes.csv` and `croissant.json` have the same content for other readers.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field, JsonValue

from gan_study.trainables.balancing.generator import GeneratorBalancing
from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.files import named_path, read_text, sha256_of
from gan_study.trainables.base.markup import csv_cell, from_csv_cell
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import DataError, digest, settings
from gan_study.trainables.classifiers.scores import Scores, score
from gan_study.trainables.data.decoding import read_images
from gan_study.trainables.data.images import Classes, LabeledImages, training_set
from gan_study.trainables.data.reading.entries import find_entries
from gan_study.trainables.data.reading.listing import list_images
from gan_study.trainables.data.reading.origins import find_origin
from gan_study.trainables.data.reading.picture import Range
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.export.about import About
from gan_study.trainables.export.findings import ClassFindings, Fault
from gan_study.trainables.export.layout import read_settings
from gan_study.trainables.runtime.environment import Library, use
from gan_study.trainables.runtime.process import arithmetic_given_back, use_threads, with_torch_defaults
from gan_study.trainables.runtime.storage import write_atomically
from gan_study.trainables.trial.config import TrialConfig, parse_trial
from gan_study.trainables.trial.data import validation_on_device
from gan_study.trainables.trial.run import fit_classifier

TRAIN, VALIDATION, GENERATOR = "train", "validation", "generator"
# What the names of generated images begin with.
SYNTHETIC = "synthetic-"
MANIFEST, DESCRIPTION, CARD = "manifest.csv", "balanced.json", "README.md"
# So many of the images that were changed are named.
_SHOWN = 3

Origin = Literal["real", "synthetic"]


@dataclass(frozen=True, kw_only=True)
class ManifestRow:
    """The origin of an image; `file` and `nearest_real` are paths in the folder.

    `sha256` is of the bytes of the file. A real image has the `source` file and, if the data have weights, its
    `weight` for training, 1 on average. A synthetic one has the `seed` of its latents, and its nearest training
    image of the class, at a Euclidean `distance` in the features used to find copies; `repeats` is the file of the
    earlier synthetic image of which it is a near-copy, if any.
    """

    file: str
    class_name: str
    part: str
    origin: Origin
    source: str = ""
    seed: str = ""
    nearest_real: str = ""
    distance: str = ""
    repeats: str = ""
    sha256: str = ""
    weight: str = ""


@settings
class ClassDescription:
    """A class of a balanced folder."""

    name: str
    folder: str
    """The name of its folder in each part."""
    is_minority: bool
    num_real: int
    num_synthetic: int
    num_validation: int
    num_copies: int
    """Synthetic images that were near-duplicates of real ones and were removed."""
    num_missing: int
    """Synthetic images that could not be replaced."""
    num_distinct: int | None = None
    """Distinct images among the synthetic ones; near-copies count once; None in folders of earlier versions."""
    findings: ClassFindings | None = None
    """The findings on its synthetic images; None without any, and in folders of earlier versions."""
    test_proportion: float
    """Its share of the test set."""


@settings
class Description:
    """The content of a balanced folder, and the scores of its classifier."""

    format_version: Literal[1] = 1
    trial: Mapping[str, JsonValue]
    """The complete configuration."""
    generator_steps: int | None = None
    """How long the GAN was trained, its longest training if it has several; None if not noted."""
    channels: int
    levels: tuple[float, float] | None = None
    """The levels of real images of more than 8 bits that are black and white; None without any, and in folders of
    earlier versions."""
    classes: tuple[ClassDescription, ...]
    """In the order of their folders."""
    all_images: bool = False
    """Whether all images are in train/; then there is no validation/, and no score."""
    links: bool | None = None
    """Whether real images are links to the files that they were read from; None if not noted."""
    data: str | None = None
    """A digest of the files of real images; None if not noted."""
    validation: Mapping[str, float | None] = Field(default_factory=dict)
    """The scores on validation/ of a classifier fitted to train/, with classes weighted as in the test set. They
    can be reproduced to the last digit on a CPU with the same number of `threads` and the same `library` of
    matrix products."""
    study_validation: Mapping[str, float | None] | None = None
    """The same scores in the study that the configuration comes from, if any: there images are not rounded to
    bytes, and copies are not replaced."""
    threads: int
    library: Library
    environment: Mapping[str, str]
    notes: tuple[str, ...] = ()
    generator_sha256: str | None = None
    """SHA-256 of the generator's weights, which each synthetic image names; None if not noted."""
    manifest_digest: str | None = None
    """A digest of the rows of manifest.csv, in any order; None if not noted."""
    overruled: tuple[Fault, ...] = ()
    """Problems of the synthetic images that would have stopped the export."""
    about: About = About()
    """Facts from a person about the real images."""
    made_on: str | None = None
    """The day on which the export began; None if not noted."""

    @property
    def filled(self) -> tuple[ClassDescription, ...]:
        """The classes that should get synthetic images."""
        return tuple(each for each in self.classes if each.num_synthetic or each.num_copies or each.num_missing)

    @property
    def config(self) -> TrialConfig:
        """The configuration of the folder."""
        return parse_trial(self.trial)


def read_description(folder: Path | str) -> Description:
    """The description of the balanced folder; raises DataError if there is none, and ConfigError if it is
    invalid.
    """
    return read_settings(Description, Path(folder) / DESCRIPTION, what="balanced data set")


def write_manifest(folder: Path, rows: Iterable[ManifestRow]) -> None:
    """The list of all images."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(ManifestRow))
    writer.writerows(map(csv_cell, astuple(row)) for row in rows)
    # Names of files need not be UTF-8; what stands for a byte is written by its code.
    write_atomically(folder / MANIFEST, text.getvalue().encode(errors="backslashreplace"))


def read_manifest(folder: Path | str) -> list[ManifestRow]:
    """The list of all images; raises DataError if it is missing or damaged."""
    path, known = Path(folder) / MANIFEST, {field.name for field in fields(ManifestRow)}
    try:
        # Spreadsheets begin a file with a mark.
        text = read_text(path).removeprefix("\ufeff")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        names = rows[0] if rows else []
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"there is no column {unknown[0]!r}; commas divide those of a manifest")
        return [
            ManifestRow(**dict(zip(names, map(from_csv_cell, row), strict=True)))  # type: ignore[arg-type]
            for row in rows[1:]
            if row
        ]
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    # A column of another name is a TypeError, a cell too many or too few a ValueError.
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{path} is damaged: {' '.join(str(error).split())}") from None


def digest_manifest(folder: Path | str) -> str:
    """A digest of the rows of the manifest, in any order; raises DataError as `read_manifest` does."""
    rows: list[JsonValue] = [*sorted([*astuple(row)] for row in read_manifest(folder))]
    return digest(rows)


def find_change(folder: Path | str, description: Description) -> str | None:
    """How a complete folder differs from its description and its manifest, as the end of a sentence; None if
    it does not.
    """
    folder = Path(folder)
    if description.manifest_digest not in (None, digest_manifest(folder)):
        return f"has another {MANIFEST} than was written"
    rows = {row.file: row for row in read_manifest(folder)}
    there = {name: find_origin(folder, name) for name in rows}
    held = {name: path for name, path in there.items() if path.is_file()}
    found = {
        "has lost {} of its images": [name for name in rows if name not in held],
        # An early version noted no digest.
        "contains {} images that have changed": [
            name for name, path in held.items() if rows[name].sha256 not in ("", sha256_of(path))
        ],
        "contains {} images that are not in its manifest": [
            str(place)
            for place in find_entries(folder, skip_unreadable=True).pictures
            if place.parts[0] in (TRAIN, VALIDATION) and str(place) not in rows
        ],
    }
    for what, names in found.items():
        if names:
            listed = ", ".join(names[:_SHOWN]) + (", ..." if names[_SHOWN:] else "")
            return f"{what.format(len(names))} ({listed})"
    return None


def read_part(folder: Path | str, part: str, description: Description) -> LabeledImages:
    """All images below `part`, class by class and in the order of their names, read as in the trial.

    Real images have their original weights, and synthetic ones 1.
    """
    folder, data = Path(folder), description.config.data
    listing = list_images(folder, folder / part)
    # Nothing is split here.
    config = DataConfig(name="imagefolder", image_size=data.image_size, fit=data.fit, look_alikes="apart")
    levels = (
        None if description.levels is None else Range(black=description.levels[0], white=description.levels[1])
    )
    images = read_images(listing, config, channels=description.channels, levels=levels).images
    weights = {row.file: float(row.weight) for row in read_manifest(folder) if row.weight}
    return replace(images, weights=np.array([weights.get(each, 1.0) for each in images.origins]))


@with_torch_defaults
def validation_scores(folder: Path | str, description: Description, *, device: torch.device) -> Scores:
    """The validation scores of the trial's classifier, fitted to train/ instead of the trial's own balanced set.

    It takes the number of steps in the configuration: by default as many as for the real images alone. On a CPU
    this process uses the description's threads and library of matrix products from now on.
    """
    if device.type == "cpu":
        use_threads(description.threads)
        use(description.library)
    config, classes = description.config, description.classes
    images, held_out = (read_part(folder, part, description) for part in (TRAIN, VALIDATION))
    proportions = tuple(each.test_proportion for each in classes)
    minority = tuple(label for label, each in enumerate(classes) if each.is_minority)
    real = training_set(images, Classes(names=images.class_names, minority=minority), device)
    is_made = [Path(origin).name.startswith(SYNTHETIC) for origin in images.origins]
    balancer = config.balancing.balancer
    assert isinstance(balancer, GeneratorBalancing), "only images of a generator are exported"
    filled = replace(real, synthetic=torch.tensor(is_made, device=device)).weighing_as_real()
    planned = balancer.plan_fit(filled, seed=derive_seed(config.seed, "balancing"))
    validation = validation_on_device(held_out, proportions, device)
    num_real = sum(each.num_real for each in classes)
    classifier = fit_classifier(config, planned, validation, unbalanced_size=num_real)
    probabilities = classifier.probabilities(validation.images).cpu().numpy()
    return score(held_out.labels, probabilities, minority=minority, class_proportions=proportions)


@arithmetic_given_back()
@checked_arguments
def retrain(folder: Path | str) -> dict[str, float | None]:
    """Train the classifier on a balanced folder, on the CPU, and score it on the folder's validation set.

    Nothing but the images in the folder is read, so the scores are those of the data card if no image was changed.

    Parameters
    ----------
    folder : Path or str
        A folder that `gan-study balance` or `export_balanced` wrote.

    Returns
    -------
    dict
        The validation scores by name.

    Raises
    ------
    DataError
        If the folder has no validation set, or if images are missing or were changed.

    Examples
    --------
    This trains a classifier on an export, so the tests skip it.

    >>> from gan_study import retrain
    >>> retrain("balanced")["minority_f1"]  # doctest: +SKIP
    0.873
    """
    folder = named_path(folder)
    description = read_description(folder)
    if description.all_images:
        raise DataError(f"{folder} has no validation set: all images are in {TRAIN}/")
    if (change := find_change(folder, description)) is not None:
        raise DataError(f"{folder} {change}; scores are those of the images as they were made")
    return dict(validation_scores(folder, description, device=torch.device("cpu")).overall)
