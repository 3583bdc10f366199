"""A trial for the analysis: its record, and its arrays, which are read on access."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.markup import visible
from gan_study.trainables.records.arrays import Array, ArrayFile
from gan_study.trainables.records.record import Overall, Part, RecordError, TrialRecord

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class ClassCounts(NamedTuple):
    """Images of each class, in label order; see `counts/` in `trainables.records.arrays`."""

    available: tuple[int, ...]
    imbalanced: tuple[int, ...]
    training: tuple[int, ...]
    validation: tuple[int, ...]
    balanced: tuple[int, ...]
    synthetic: tuple[int, ...]
    test: tuple[int, ...] | None = None


class Predictions(NamedTuple):
    """The labels [N] of a part's images, and each fit's probabilities [fits, N, K]."""

    labels: Labels
    probabilities: npt.NDArray[np.float32]

    @property
    def predicted(self) -> Labels:
        """The predictions of each fit for each image [fits, N]."""
        found: Labels = self.probabilities.argmax(axis=2)
        return found


class ClassScores(NamedTuple):
    """Scores [K] of each class, means over the fits, and images [K, K] by true and predicted class, over all fits.

    NaN for a class without images.
    """

    precision: Floats
    recall: Floats
    f1: Floats
    confusion_matrix: Labels


class FitLosses(NamedTuple):
    """Losses of each fit of the classifier by epoch [fits, epochs]; NaN if not measured."""

    training: Floats
    validation: Floats


class Losses(NamedTuple):
    """Mean losses of a GAN's networks, and the generator step up to which each is the mean."""

    steps: npt.NDArray[np.int64]
    generator: Floats
    discriminator: Floats


class GanEnd(NamedTuple):
    """Why a GAN's training ended, and the distance of its images to real ones during training."""

    generator_steps: int
    reason: str
    still_improving: bool | None
    """None if it was not measured."""
    compared_at: tuple[int, ...]
    """Generator steps of the comparisons."""
    distances: tuple[float, ...]
    taken_from: int | None = None
    """The generator step whose generator fills the class; None if it was not recorded."""


@dataclass(frozen=True, kw_only=True)
class ImageQuality:
    """The quality of the generated images of one class; see `quality/` in `trainables.records.arrays`."""

    metrics: Mapping[str, float | None]
    num_generated: int
    num_training: int
    num_held_out: int
    features: str = "domain"
    flags: tuple[str, ...] = ()


class Samples(NamedTuple):
    """A few real and synthetic images [n, C, H, W] of one class."""

    real: Bytes
    synthetic: Bytes


class Snapshots(NamedTuple):
    """Training images of one class, and a GAN's by generator step, [n, C, H, W] each."""

    training: Bytes
    generated: Mapping[int, Bytes]


class Pairs(NamedTuple):
    """Generated images of one class, each with the training image that is nearest to it, [n, C, H, W] each.

    `ratio` [n] is the distance divided by that to the second nearest, NaN if there is none.
    """

    generated: Bytes
    training: Bytes
    ratio: Floats
    is_copy: npt.NDArray[np.bool_]


class MapPoints(NamedTuple):
    """Images as points [N, D], their `labels` [N] and which of them were generated."""

    features: Floats
    labels: Labels
    synthetic: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial(TrialRecord):
    """A record and its trial's arrays.

    Arrays that are missing, or cannot be read, are empty or None; `problems` collects the reasons.
    """

    stored: Mapping[str, Array] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def read(self, *names: str) -> tuple[Array, ...] | None:
        """The arrays of these names; None if one is missing, or cannot be read."""
        try:
            return tuple(map(_legible, (self.stored[name] for name in names)))
        except KeyError:
            return None
        except RecordError as error:
            self.note(str(error))
            return None

    def has(self, name: str) -> bool:
        """Whether there is such an array, in a readable file."""
        try:
            return name in self.stored
        except RecordError as error:
            self.note(str(error))
            return False

    def note(self, *problems: str) -> None:
        """Record why arrays could not be read, each reason once."""
        self.problems.extend(each for each in dict.fromkeys(problems) if each not in self.problems)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """In label order."""
        found = self.read("classes/names", "classes/minority")
        return tuple(found[0].tolist()) if found else ()

    @cached_property
    def minority_classes(self) -> tuple[int, ...]:
        """The labels of the minority classes."""
        found = self.read("classes/minority", "classes/names")
        return tuple(found[0].tolist()) if found else ()

    @cached_property
    def class_counts(self) -> ClassCounts | None:
        """Images of each class."""
        *always, last = (f"counts/{name}" for name in ClassCounts._fields)
        found, test = self.read("classes/names", *always), self.read(last)
        return ClassCounts(*(tuple(each.tolist()) for each in (*found[1:], *(test or ())))) if found else None

    def class_scores(self, part: Part) -> ClassScores | None:
        """The scores of each class on one part."""
        found = self.read("classes/names", *(f"{part}/{name}" for name in ClassScores._fields))
        if found is None:
            return None
        _, precision, recall, f1, confusion = found
        return ClassScores(precision.mean(axis=0), recall.mean(axis=0), f1.mean(axis=0), confusion.sum(axis=0))

    def predictions(self, part: Part) -> Predictions | None:
        """The classifiers' predictions for the images of one part."""
        found = self.read(f"{part}/labels", f"{part}/probabilities")
        return Predictions(*found) if found else None

    @cached_property
    def losses(self) -> dict[str, Losses]:
        """By what each GAN was trained on."""
        found = self.read("gan/trained_on", "gan/loss_steps", "gan/generator_loss", "gan/discriminator_loss")
        if found is None:
            return {}
        return {
            name: Losses(steps[steps >= 0], generator[steps >= 0], discriminator[steps >= 0])
            for name, steps, generator, discriminator in zip(found[0].tolist(), *found[1:], strict=True)
        }

    @property
    def gan_lengths(self) -> dict[str, int]:
        """Generator steps by what each GAN was trained on."""
        found = self.read("gan/trained_on", "gan/generator_steps")
        return dict(zip(found[0].tolist(), found[1].tolist(), strict=True)) if found else {}

    @cached_property
    def gan_ends(self) -> dict[str, GanEnd]:
        """By what each GAN was trained on."""
        names = ("generator_steps", "reason", "still_improving", "length_steps", "length_distances")
        found = self.read("gan/trained_on", *(f"gan/{name}" for name in names))
        if found is None:
            return {}
        (taken,) = self.read("gan/taken_from") or ((None,) * len(found[0]),)
        return {
            str(name): GanEnd(
                generator_steps=int(length),
                reason=str(reason),
                still_improving=None if improving < 0 else bool(improving),
                compared_at=tuple(steps[steps >= 0].tolist()),
                distances=tuple(distances[steps >= 0].tolist()),
                taken_from=None if step is None else int(step),
            )
            for name, length, reason, improving, steps, distances, step in zip(*found, taken, strict=True)
        }

    @cached_property
    def gan_seconds(self) -> dict[str, float]:
        """Wall time by what each GAN was trained on."""
        found = self.read("gan/trained_on", "gan/seconds")
        return dict(zip(found[0].tolist(), found[1].tolist(), strict=True)) if found else {}

    @cached_property
    def sampling_seconds(self) -> dict[str, float]:
        """Wall time of drawing the images that fill classes, by what their generator was trained on."""
        found = self.read("gan/trained_on", "gan/sampling_seconds")
        return dict(zip(found[0].tolist(), found[1].tolist(), strict=True)) if found else {}

    @cached_property
    def fit_losses(self) -> FitLosses | None:
        """The classifier's losses."""
        found = self.read("classifier/training_loss", "classifier/validation_loss")
        return FitLosses(*found) if found else None

    @cached_property
    def test_epochs(self) -> tuple[Overall, ...]:
        """Scores of the first fit on the test set after each epoch."""
        found = self.read("scores/metrics", "classifier/test_epochs")
        return tuple(_by_name(found[0].tolist(), row) for row in found[1]) if found else ()

    @cached_property
    def quality(self) -> dict[str, ImageQuality]:
        """The quality of the generated images, by class name, in label order."""
        by_row = ("classes", "num_generated", "num_training", "num_held_out", "values", "flags")
        names = ("metrics", "flag_names", "features", *by_row)
        found = self.read("classes/names", *(f"quality/{name}" for name in names))
        if found is None:
            return {}
        class_names, metrics, flag_names, features, *rows = found
        return {
            str(class_names[label]): ImageQuality(
                metrics=_by_name(metrics.tolist(), values),
                num_generated=int(generated),
                num_training=int(training),
                num_held_out=int(held_out),
                features=str(features),
                flags=tuple(flag_names[flags].tolist()),
            )
            for label, generated, training, held_out, values, flags in sorted(
                zip(*rows, strict=True), key=lambda row: int(row[0])
            )
        }

    @cached_property
    def samples(self) -> dict[str, Samples]:
        """A few images by class name."""
        real = self._by_class("samples/real_label", "samples/real")
        synthetic = self._by_class("samples/synthetic_label", "samples/synthetic")
        return {name: Samples(*real[name], *images) for name, images in synthetic.items() if name in real}

    @cached_property
    def snapshots(self) -> dict[str, Snapshots]:
        """A GAN's images during training, by class name."""
        training = self._by_class("snapshots/training_label", "snapshots/training")
        made = self._by_class("snapshots/label", "snapshots/generated", "snapshots/generator_steps")
        return {
            name: Snapshots(training[name][0], {step: images[at == step] for step in np.unique(at).tolist()})
            for name, (images, at) in made.items()
            if name in training
        }

    @cached_property
    def pairs(self) -> dict[str, Pairs]:
        """Generated images and their nearest training images, by class name."""
        found = self._by_class("nearest/label", *(f"nearest/{name}" for name in Pairs._fields))
        return {name: Pairs(*each) for name, each in found.items()}

    @property
    def copy_ratio(self) -> float | None:
        """A generated image with a smaller ratio is called a copy."""
        found = self.read("nearest/copy_ratio")
        return float(found[0]) if found else None

    @property
    def map_points(self) -> MapPoints | None:
        """Real and generated images as points, all of them finite."""
        found = self.read("map/features", "map/label", "map/synthetic", "classes/names")
        if found is None or not np.isfinite(found[0]).all():
            return None
        return MapPoints(found[0].astype(np.float64), *found[1:3])

    def _by_class(self, labels: str, *names: str) -> dict[str, tuple[Array, ...]]:
        """The rows of each array by the name of the class that `labels` says they are of."""
        found = self.read("classes/names", labels, *names)
        if found is None:
            return {}
        class_names, of_row, *values = found
        return {
            str(class_names[label]): tuple(each[of_row == label] for each in values)
            for label in dict.fromkeys(of_row.tolist())
        }


def open_trial(folder: Path, record: TrialRecord) -> Trial:
    """A record of the study in `folder`, with access to its arrays."""
    values = {each.name: getattr(record, each.name) for each in fields(TrialRecord)}
    if record.arrays is None:
        return Trial(**values)
    return Trial(**values, stored=ArrayFile(folder / record.arrays, expected=record.arrays_digest))


def _legible(array: Array) -> Array:
    """An array whose names, if it holds any, can be shown and written everywhere."""
    if array.dtype.kind != "U":
        return array
    return np.array([visible(name) for name in array.ravel().tolist()], dtype=str).reshape(array.shape)


def _by_name(names: Sequence[str], values: Floats) -> dict[str, float | None]:
    """Values by name, None if they are NaN."""
    return {name: None if np.isnan(value) else float(value) for name, value in zip(names, values, strict=True)}
