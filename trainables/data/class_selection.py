"""A data set of some of the classes of another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.images import LabeledImages
from gan_study.trainables.data.imbalance import class_label
from gan_study.trainables.data.source import ImageSource, Loaded


@dataclass(frozen=True)
class SelectedClasses:
    """The images of `source` that are of the classes `names`, which are numbered anew, in the order of the source.

    Raises ConfigError where the source has no class of such a name.
    """

    source: ImageSource
    names: tuple[str | int, ...]

    def pool(self) -> Loaded:
        """Everything that may be used for training and validation."""
        return self._selected(self._pool)

    def test(self) -> Loaded:
        """The test part."""
        return self._selected(self.source.test())

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each class that is kept, in label order."""
        counts = self.source.test_class_counts()
        return tuple(counts[label] for label in self._labels)

    @cached_property
    def _pool(self) -> Loaded:
        return self.source.pool()

    @cached_property
    def _labels(self) -> tuple[int, ...]:
        return selected_labels(self.names, self._pool.images.class_names)

    def _selected(self, loaded: Loaded) -> Loaded:
        return replace(loaded, images=of_classes(loaded.images, self._labels))


def selected_labels(names: Sequence[str | int], class_names: Sequence[str]) -> tuple[int, ...]:
    """The labels of `names`, ascending; raises ConfigError for an unknown name, or for fewer than two classes."""
    labels = tuple(sorted({class_label(name, class_names) for name in names}))
    if len(labels) < 2:
        raise ConfigError(f"data.classes: {list(names)} cannot be used; at least two classes are needed")
    return labels


def of_classes(images: LabeledImages, labels: Sequence[int]) -> LabeledImages:
    """The `images` of the classes `labels`, ascending, which become 0, 1, ..."""
    kept = images.subset(np.flatnonzero(np.isin(images.labels, labels)))
    return replace(
        kept,
        labels=np.searchsorted(labels, kept.labels).astype(np.int64),
        class_names=tuple(images.class_names[label] for label in labels),
    )
