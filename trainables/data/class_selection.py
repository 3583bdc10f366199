"""Some of the classes of a data set, by name or label."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.images import LabeledImages, Loaded, class_label
from gan_study.trainables.data.source import ImageSource


@dataclass(frozen=True)
class SelectedClasses:
    """The images of the classes `names` of `source`, with labels 0, 1, ... in the source's order.

    Raises ConfigError if the source has no class of such a name.
    """

    source: ImageSource
    names: tuple[str | int, ...]

    def pool(self) -> Loaded:
        """Everything that may be used for training and validation."""
        return replace(self._pool, images=select_classes(self._pool.images, self._labels))

    def test(self) -> Loaded:
        """The test part."""
        test = self.source.test()
        return replace(test, images=select_classes(test.images, self._labels))

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each selected class, in label order."""
        counts = self.source.test_class_counts()
        return tuple(counts[label] for label in self._labels)

    @cached_property
    def _pool(self) -> Loaded:
        return self.source.pool()

    @cached_property
    def _labels(self) -> tuple[int, ...]:
        return select_labels(self.names, self._pool.images.class_names)


def select_labels(names: Sequence[str | int], class_names: Sequence[str]) -> tuple[int, ...]:
    """The labels of `names`, ascending; raises ConfigError for an unknown name, or for fewer than two classes."""
    labels = tuple(sorted({class_label(name, class_names) for name in names}))
    if len(labels) < 2:
        raise ConfigError(f"data.classes: {list(names)} cannot be used; at least two classes are needed")
    return labels


def select_classes(images: LabeledImages, labels: Sequence[int]) -> LabeledImages:
    """The `images` of the classes `labels`, ascending, which become 0, 1, ..."""
    kept = images.subset(np.flatnonzero(np.isin(images.labels, labels)))
    return replace(
        kept,
        labels=np.searchsorted(labels, kept.labels).astype(np.int64),
        class_names=tuple(images.class_names[label] for label in labels),
    )
