"""A trial's data: made imbalanced, and split into training, validation and the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from gan_study.trainables.balancing.balancer import BalancedSet
from gan_study.trainables.base.seeding import derive_seed, numpy_generator
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.classifiers.metrics import Measure
from gan_study.trainables.classifiers.training import Validation, proportional_weights
from gan_study.trainables.data.byte_images import Images, hold
from gan_study.trainables.data.images import (
    Classes,
    LabeledImages,
    Loaded,
    TrainingSet,
    class_counts,
    training_set,
)
from gan_study.trainables.data.imbalance import thin
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.data.split import Indices, carve
from gan_study.trainables.trial.config import TrialConfig

# A class of ten images cannot come closer to a ratio than this.
RATIO_TOLERANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class TrialParts:
    """A trial's data after the split, and the counts of each step."""

    pool: LabeledImages
    held_back: Indices
    """Rows of `pool` that the imbalance removed."""
    validating: Indices
    """Rows of `pool` in the validation set."""
    training: LabeledImages
    validation: LabeledImages
    classes: Classes
    available: tuple[int, ...]
    """Images of each class in `pool`."""
    imbalanced: tuple[int, ...]
    """Images of each class after the imbalance."""
    imbalance_ratio: float
    test_proportions: tuple[float, ...]
    """The share of each class in the test set."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class TestPart:
    """The test set, and its `images` on the device, float32 [N, C, H, W] in [-1, 1]."""

    loaded: Loaded
    images: Images


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialData:
    """A trial's data on its device; the test set is read on first access."""

    parts: TrialParts
    training: TrainingSet
    validation: Validation
    source: ImageSource
    device: torch.device
    may_test: bool
    added_measures: Mapping[str, Measure] = field(default_factory=dict)
    """The study's own scores beside the standard metrics."""

    @cached_property
    def test(self) -> TestPart:
        """The test set, which only a confirm trial may read."""
        assert self.may_test, "the test set may not be read"
        loaded = self.source.test()
        return TestPart(loaded=loaded, images=hold(loaded.images.images, self.device))


def load_data(config: TrialConfig, source: ImageSource, device: torch.device) -> TrialData:
    """The data of a trial on `device`; `source` holds the images that `config.data` asks for."""
    parts = prepare(config, source)
    return TrialData(
        parts=parts,
        training=training_set(parts.training, parts.classes, device),
        validation=validation_on_device(parts.validation, parts.test_proportions, device),
        source=source,
        device=device,
        may_test=config.evaluation.test,
    )


def validation_on_device(images: LabeledImages, proportions: Sequence[float], device: torch.device) -> Validation:
    """The validation set on `device`, its classes weighted by their `proportions` [K] in the test set."""
    labels = torch.as_tensor(images.labels, device=device)
    return Validation(
        images=hold(images.images, device),
        labels=labels,
        weights=proportional_weights(labels, proportions),
    )


def prepare(config: TrialConfig, source: ImageSource) -> TrialParts:
    """The training and validation sets: the pool is made imbalanced first, then the validation set is split off.

    `source` holds the images that `config.data` asks for. Only the class counts of its test set are used, to
    weight the validation scores. If the data have weights, those of the training images are 1 on average. Raises
    DataError for a class without images, as a damaged published set or one of another package may have.
    """
    pool = source.pool()
    counts, names = pool.images.class_counts(), pool.images.class_names
    if not all(counts):
        raise DataError(f"class {names[counts.index(0)]!r} has no image to train on")
    targets, units = config.imbalance.targets(counts, names), pool.images.units
    kept = thin(pool.images.labels, targets, seed=derive_seed(config.seed, "imbalance"), units=units)
    labels = pool.images.labels[kept]
    rest, carved = carve(
        labels,
        config.data.validation_fraction,
        seed=derive_seed(config.seed, "validation"),
        class_names=names,
        units=None if units is None else units[kept],
    )
    images, imbalanced = pool.images.weighing_one(kept[rest]), class_counts(labels, len(names))
    test_counts = source.test_class_counts()
    ratio = config.imbalance.ratio_of(targets)
    return TrialParts(
        pool=images,
        held_back=np.setdiff1d(np.arange(len(images)), kept),
        validating=kept[carved],
        training=images.subset(kept[rest]),
        validation=images.subset(kept[carved]),
        classes=Classes(names=names, minority=config.imbalance.minority(counts, names)),
        available=counts,
        imbalanced=imbalanced,
        imbalance_ratio=ratio,
        test_proportions=tuple(n / sum(test_counts) for n in test_counts),
        notes=(*pool.notes, *ratio_notes(ratio, imbalanced)),
    )


def add_held_back(balanced: BalancedSet, parts: TrialParts, *, seed: int) -> BalancedSet:
    """`balanced` with the real images that it requests; a note says if the data have fewer.

    None of them belongs with a validation image: is of the same patient, or looks like it.
    """
    for label, number in balanced.wanted.items():
        rows = _apart(parts.held_back, parts.validating, parts.pool)
        rows = rows[parts.pool.labels[rows] == label]
        drawn = numpy_generator(seed, label).permutation(rows)[:number]
        granted = training_set(parts.pool.subset(drawn), parts.classes, balanced.training.images.device)
        name = parts.classes.names[label]
        missing = (f"class {name!r}: {number} more real images were requested, {len(drawn)} were held back",)
        balanced = replace(
            balanced,
            training=balanced.training.extended(
                granted.images, granted.labels, synthetic=False, weights=granted.weights
            ),
            notes=balanced.notes + missing * (len(drawn) < number),
        )
    return balanced


def held_out(parts: TrialParts, device: torch.device) -> TrainingSet:
    """The real images of the rare classes that no training has seen: removed by the imbalance, or in the
    validation set.

    Without images that a training image repeats pixel by pixel, or belongs with: one of them at distance 0 would
    make any generator that copies look honest.
    """
    training = np.setdiff1d(np.arange(len(parts.pool)), np.concatenate([parts.held_back, parts.validating]))
    rows = np.concatenate([_apart(parts.held_back, training, parts.pool), parts.validating])
    met = set(parts.training.digests)
    is_new = np.array([parts.pool.digests[row] not in met for row in rows], dtype=bool)
    rare = rows[is_new & np.isin(parts.pool.labels[rows], parts.classes.minority)]
    return training_set(parts.pool.subset(rare), parts.classes, device)


def _apart(rows: Indices, others: Indices, images: LabeledImages) -> Indices:
    """The `rows` of images that belong with none of the `others`."""
    if images.units is None:
        return rows
    return rows[~np.isin(images.units[rows], images.units[others])]


def ratio_notes(asked: float, counts: Sequence[int]) -> tuple[str, ...]:
    """A note if the data do not have the requested imbalance ratio, up to rounding of counts."""
    found = max(counts) / min(counts)
    if abs(found / asked - 1) <= RATIO_TOLERANCE:
        return ()
    return (f"imbalance ratio {asked:g} was requested; the largest class has {found:.2f} times the smallest",)
