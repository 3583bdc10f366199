"""Images that are held as arrays, by part: an ImageSource whatever file they are from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.names import one_form
from gan_study.trainables.base.settings import ConfigError, DataError
from gan_study.trainables.data.images import LabeledImages, Labels, Loaded
from gan_study.trainables.data.look_alikes import (
    Look,
    leak_notes,
    look_alike_lines,
    look_of,
    similar_rows,
    test_part_line,
)
from gan_study.trainables.data.pixels import digest, images_of_arrays
from gan_study.trainables.data.reading.class_texts import refuse_invisible_differences
from gan_study.trainables.data.reading.division import what_validation_is, with_one_test
from gan_study.trainables.data.reading.facts import summarise
from gan_study.trainables.data.reading.folder_names import Part
from gan_study.trainables.data.reading.picture import Bytes, Facts, colour_is_idle
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.split import TEST_SEED, Indices, Together, belonging, carve

# What images of a part are for, in words.
_PURPOSES: Mapping[Part, str] = {"train": "train", "validation": "validate", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """A part: `images` uint8 [N, H, W] or [N, H, W, 3], `labels` [N] as they are."""

    images: Bytes
    labels: npt.NDArray[Any]
    groups: tuple[str, ...] | None = None
    """The group of each image, [N]; None without groups."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What files of arrays hold."""

    path: Path
    """The file, or the folder of the files: errors begin with it."""
    names: tuple[str, ...]
    """The names of the files."""
    kind: str
    """What the images are, in words."""
    parts: Mapping[Part, Arrays]
    class_names: tuple[str, ...] = ()
    """The names of labels that are numbers, in their order; none if labels are the names."""
    notes: tuple[str, ...] = ()
    num_left: int = 0
    """How much else was found there and is skipped, as lines of `notes` say."""


@dataclass(frozen=True)
class ArraySet:
    """An ImageSource of arrays; their own validation images, if any, are not read, since studies draw theirs.

    Labels may be numbers or text, and are the names of the classes unless the file names these. Without a test
    set, `test_fraction` of each class becomes it.
    """

    config: DataConfig
    read: Callable[[DataConfig], Held]

    def pool(self) -> Loaded:
        """The training set, or the rest of all images."""
        return self._pool

    def test(self) -> Loaded:
        """The test set, with the channels of the pool."""
        channels = self._pool.images.shape.channels
        if "test" in self._parts:
            images = replace(self._images("test", channels), groups=self._parts["test"].groups)
            loaded = self._loaded("test", None, images)
            if self.config.look_alikes == "apart":
                return loaded
            leaks = leak_notes(self._looks("train"), self._looks("test"), has_groups=self.config.group is not None)
            return replace(loaded, notes=(*loaded.notes, *leaks))
        return self._loaded("train", self._carved[1], self._whole.subset(self._carved[1]))

    def test_class_counts(self) -> tuple[int, ...]:
        """Images of each class; if the test set is split off, all labels are used for it."""
        labels = self._labels["test"] if "test" in self._parts else self._labels["train"][self._carved[1]]
        return tuple(np.bincount(labels, minlength=len(self._class_names)).tolist())

    @cached_property
    def _pool(self) -> Loaded:
        images = self._whole
        rows = None if "test" in self._parts else self._carved[0]
        loaded = self._loaded("train", rows, images if rows is None else images.subset(rows))
        num_read = sum(len(each.labels) for each in self._parts.values())
        return replace(loaded, reading=tuple(self._reading(num_read)), num_read=num_read)

    def _reading(self, num_read: int) -> Iterator[str]:
        """What parts the file has, and what became of them."""
        held, several = self._held.parts, len(self._held.names) > 1
        name = " and ".join(self._held.names)
        read = ", ".join(f"{len(each.labels):,} to {_PURPOSES[name]}" for name, each in held.items())
        if len(held) > 1:
            yield f"{name} {'hold' if several else 'holds'} {read}"
        else:
            yield f"{name} {'have' if several else 'has'} no test set"
        yield from self._held.notes
        if "validation" in held:
            yield what_validation_is("the validation set", is_read="test" not in held)
        if "test" not in self._parts:
            counts, carved = (np.bincount(self._labels["train"][rows]) for rows in (slice(None), self._carved[1]))
            yield test_part_line(self.config.test_fraction, counts.tolist(), carved.tolist(), self._together[1])
        yield from look_alike_lines(*self._together, self._class_names)
        found = self._held.num_left + sum(len(each.labels) for each in held.values())
        yield f"found in all: {found:,} = {num_read:,} read + {found - num_read:,} skipped"

    def _loaded(self, part: Part, rows: Indices | None, images: LabeledImages) -> Loaded:
        """The `images`, which are those at `rows` of a part or all of it, with what is to be said of them."""
        arrays = self._parts[part].images
        facts = [_facts_of(arrays[row], self._held.kind) for row in (range(len(arrays)) if rows is None else rows)]
        summary = summarise(facts, images.labels, images.class_names)
        notes = tuple(f"{each}: a classifier could distinguish them by that alone" for each in summary.giveaways)
        return Loaded(images=images, notes=notes, summary=summary)

    @cached_property
    def _carved(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return carve(
            self._labels["train"],
            self.config.test_fraction,
            seed=TEST_SEED,
            class_names=self._class_names,
            units=self._together[1].units,
            least_left=2,
        )

    @cached_property
    def _whole(self) -> LabeledImages:
        """The part to train on, and to carve the test set off if there is no other."""
        images = self._images("train", self.config.channels)
        return replace(images, groups=self._parts["train"].groups, units=self._together[1].units)

    @cached_property
    def _together(self) -> tuple[list[list[int]], Together]:
        """The rows to train on that look alike, and what must not be divided."""
        alike: list[list[int]] = []
        if self.config.look_alikes == "together":
            alike = similar_rows(self._looks("train"))
        groups, least = self._parts["train"].groups, 2 if "test" in self._parts else 3
        return alike, belonging(self._labels["train"], groups, alike, least=least)

    def _looks(self, part: Part) -> list[Look]:
        return [look_of(each, digest=digest(each)) for each in self._parts[part].images]

    def _images(self, part: Part, channels: int | None) -> LabeledImages:
        arrays = self._parts[part]
        return images_of_arrays(
            arrays.images,
            self._labels[part],
            size=self.config.image_size,
            channels=channels or (3 if arrays.images.ndim == 4 else 1),
            class_names=self._class_names,
            origin=part,
            fit=self.config.fit,
        )

    @cached_property
    def _parts(self) -> Mapping[Part, Arrays]:
        return with_one_test(self._held.parts)[0]

    @cached_property
    def _held(self) -> Held:
        return self.read(self.config)

    @cached_property
    def _class_names(self) -> tuple[str, ...]:
        values = self._values
        if len(values) < 2:
            raise DataError(
                f"{self._held.path}: one class ({', '.join(map(str, values))}); a classifier needs at least two"
            )
        named = self._held.class_names
        refuse_invisible_differences(map(str, named or values))
        if named and np.issubdtype(np.array(values).dtype, np.integer) and max(values) < len(named):
            return tuple(named[value] for value in values)
        return tuple(one_form(str(value)) for value in values)

    @cached_property
    def _values(self) -> tuple[Any, ...]:
        """The labels that occur to train on, ascending; raises DataError if the test set has others."""
        found = {name: set(each.labels.tolist()) for name, each in self._parts.items()}
        odd = sorted(map(str, found.get("test", found["train"]) ^ found["train"]))
        if odd:
            raise DataError(f"{self._held.path}: the parts have different classes; only one has {', '.join(odd)}")
        return tuple(sorted(found["train"]))

    @cached_property
    def _labels(self) -> Mapping[Part, Labels]:
        return {
            name: np.searchsorted(np.array(self._values), each.labels).astype(np.int64)
            for name, each in self._parts.items()
        }


def _facts_of(array: Bytes, kind: str) -> Facts:
    """Facts about an image [H, W] or [H, W, 3] of this kind."""
    colours = 1 if array.ndim == 2 or colour_is_idle(array) else 3
    return Facts(kind=kind, width=array.shape[1], height=array.shape[0], bits=8, num_colours=colours)


def refuse_settings(config: DataConfig, names: Sequence[str], why: str) -> None:
    """Raise ConfigError if one of these settings is set; `why` says of `config.root` what it is."""
    plain = DataConfig()
    for name in names:
        if getattr(config, name) != getattr(plain, name):
            raise ConfigError(f"data.{name}: {config.root} is {why}")
