"""A `Dataset` of torch's, or of torchvision's, as a data set of a study."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.names import one_form
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Loaded
from gan_study.trainables.data.look_alikes import leak_notes, look_alike_lines, similar_rows, test_part_line
from gan_study.trainables.data.pixels import labeled_images
from gan_study.trainables.data.reading.class_texts import refuse_invisible_differences
from gan_study.trainables.data.reading.facts import summarise
from gan_study.trainables.data.reading.picture import FULL_RANGE, Range, range_of
from gan_study.trainables.data.reading.value_notes import value_notes
from gan_study.trainables.data.source import DataConfig, DataSet
from gan_study.trainables.data.split import TEST_SEED, Indices, Together, belonging, carve
from gan_study.trainables.data.torch_items import Items, MapDataset, look_at


@checked_arguments
def torch_data_set(
    name: str,
    train: Callable[[], MapDataset],
    test: Callable[[], MapDataset] | None = None,
    *,
    class_names: Sequence[str] | None = None,
    summary: str = "a Dataset of torch's",
) -> DataSet:
    """A data set of a study from torch's map-style `Dataset`s.

    Random transforms would change the data set each time, and normalised values are refused. Identical and nearly
    identical images are on one side of every split (`data.look_alikes`).

    Parameters
    ----------
    name : str
        What the data set is called.
    train : callable
        Returns the `Dataset` of the training pool; called when images are first needed. An item is an image and
        its label, a whole number from 0 on, whatever follows. An image is a Pillow image, whole numbers [H, W],
        [H, W, 3] or [3, H, W], or floats in [0, 1] [C, H, W] as torchvision's `ToTensor` makes them. Those of more
        than 8 bits are read by one range, as in a folder, and are asked for twice.
    test : callable, optional
        Returns the `Dataset` of the test set. Without it a part of each class is set aside for the test.
    class_names : sequence of str, optional
        The names by label; by default the `classes` of `train()`, else the numbers that occur.
    summary : str
        A line on the data set.

    Returns
    -------
    DataSet
        The data set, which `data.name: module:attribute` or an entry point names (`docs/plugins.md`).

    Raises
    ------
    DataError
        For an empty name; for items of another kind, when they are read.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_study import torch_data_set
    >>> squares = [(np.full((8, 8), label * 80, dtype=np.uint8), label) for label in (0, 1, 2)]
    >>> torch_data_set("squares", lambda: squares, class_names=("dark", "grey", "light")).name
    'squares'
    """
    if not name.strip():
        raise DataError(f"name: {name!r} is no name of a data set")
    return DataSet(
        name=name,
        summary=summary,
        source=lambda config: TorchSource(
            config=config, train=train, test_part=test, names=tuple(class_names) if class_names else None
        ),
        takes_folder=False,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class TorchSource:
    """An ImageSource of two such functions.

    Images that are the same, or nearly, are on one side of every split, as in a folder.
    """

    config: DataConfig
    train: Callable[[], MapDataset]
    test_part: Callable[[], MapDataset] | None
    names: tuple[str, ...] | None

    def pool(self) -> Loaded:
        """All of `train()`, or the rest of it."""
        return self._pool

    def test(self) -> Loaded:
        """All of `test()`, or the part that was split off, with the channels and the range of the pool."""
        channels = self._pool.images.shape.channels
        if self._given is None:
            return self._loaded(self._train, self._carved[1], channels, "test images")
        loaded = self._loaded(self._given, np.arange(len(self._given.labels)), channels, "test images")
        looks = [[each.look for each in part.items] for part in (self._train, self._given)]
        return replace(loaded, notes=(*loaded.notes, *leak_notes(*looks, has_groups=False)))

    def test_class_counts(self) -> tuple[int, ...]:
        """Images of each class; read once."""
        part, rows = (self._train, self._carved[1]) if self._given is None else (self._given, slice(None))
        return tuple(np.bincount(part.labels[rows], minlength=len(part.class_names)).tolist())

    @cached_property
    def _pool(self) -> Loaded:
        loaded = self._loaded(self._train, self._carved[0], self.config.channels, "images")
        units = self._together[1].units
        images = replace(loaded.images, units=None if units is None else units[self._carved[0]])
        return replace(loaded, images=images, reading=tuple(self._reading()))

    def _reading(self) -> Iterator[str]:
        """How the test set was drawn, and what looks alike."""
        if self.test_part is None:
            labels = self._train.labels
            counts, carved = (np.bincount(each).tolist() for each in (labels, labels[self._carved[1]]))
            yield test_part_line(self.config.test_fraction, counts, carved, self._together[1])
        yield from look_alike_lines(*self._together, self._train.class_names)

    @cached_property
    def _names(self) -> tuple[str, ...] | None:
        names = self.names or getattr(self._dataset, "classes", None)
        if names is None:
            return None
        found = tuple(one_form(str(name)) for name in names)
        if odd := [name for name, times in Counter(found).items() if times > 1 or not name]:
            raise DataError(f"class names: {odd[0]!r} is " + ("named twice" if odd[0] else "no name"))
        refuse_invisible_differences(found)
        return found

    @cached_property
    def _dataset(self) -> MapDataset:
        return self.train()

    @cached_property
    def _train(self) -> Items:
        return look_at(self._dataset, "train", self.config, self.config.channels, names=self._names)

    @cached_property
    def _given(self) -> Items | None:
        """The test set, where it is not to be carved off."""
        if self.test_part is None:
            return None
        channels = self._pool.images.shape.channels
        return look_at(self.test_part(), "test", self.config, channels, names=self._names, train=self._train)

    @cached_property
    def _together(self) -> tuple[list[list[int]], Together]:
        """The rows of `train()` that look alike, and what must not be divided."""
        alike = similar_rows([each.look for each in self._train.items])
        least = 3 if self.test_part is None else 2
        return alike, belonging(self._train.labels, None, alike, least=least)

    @cached_property
    def _carved(self) -> tuple[Indices, Indices]:
        """The rows of the pool in `train()`, and those of the test set if it is carved off."""
        labels = self._train.labels
        if self.test_part is not None:
            return np.arange(len(labels)), np.empty(0, dtype=np.int64)
        return carve(
            labels,
            self.config.test_fraction,
            seed=TEST_SEED,
            class_names=self._train.class_names,
            units=self._together[1].units,
            least_left=2,
        )

    @cached_property
    def _levels(self) -> Range | None:
        """The range of the images to train on that have more than 8 bits; None if there are none."""
        deep = [each for row in self._carved[0] if (each := self._train.items[row]).used is not None]
        used = [each.used for each in deep if each.used is not None]
        has_fractions = any(each.facts.used_bits is None for each in deep)
        return range_of(used, [each.declared for each in deep], has_fractions=has_fractions) if deep else None

    def _loaded(self, part: Items, rows: Indices, channels: int | None, called: str) -> Loaded:
        """The images at `rows` of a part."""
        levels = self._levels or FULL_RANGE
        items = [part.items[row] for row in rows]
        images = labeled_images(
            (part.tile_at(row, levels, self.config, channels) for row in rows.tolist()),
            part.labels[rows],
            channels=channels,
            class_names=part.class_names,
            origins=tuple(f"{part.name}/{row}" for row in rows),
        )
        summary = summarise([each.facts for each in items], images.labels, images.class_names)
        used = [each.used for each in items if each.used is not None]
        declared = {each.declared for each in items if each.used is not None}
        notes = value_notes(called, summary, self._levels, used=used, declared=declared)
        return Loaded(images=images, notes=tuple(notes), summary=summary, levels=self._levels)
