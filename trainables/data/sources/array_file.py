"""Images and labels in one `.npz`, in the format of MedMNIST and Keras; read if `imagefolder` is given one."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import expand, open_regular
from gan_study.trainables.base.memory import MemoryShortageError, refuse_beyond_memory
from gan_study.trainables.base.names import one_form, shown
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
from gan_study.trainables.data.reading.division import what_validation_is, with_one_test
from gan_study.trainables.data.reading.facts import summarise
from gan_study.trainables.data.reading.folder_names import Part
from gan_study.trainables.data.reading.picture import Bytes, Facts, colour_is_idle
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.split import TEST_SEED, Indices, Together, belonging, carve

ENDING = ".npz"
# The names of a part's images and labels: MedMNIST's and Keras'; without parts, all that there is.
_NAMES: Mapping[Part, Sequence[tuple[str, str]]] = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train"), ("X_train", "y_train")),
    "validation": (("val_images", "val_labels"), ("x_val", "y_val"), ("X_val", "y_val")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test"), ("X_test", "y_test")),
}
_WHOLE = (("images", "labels"), ("x", "y"), ("X", "y"), ("data", "labels"), ("data", "targets"))
# What images of a part are for, in words.
_PURPOSES: Mapping[Part, str] = {"train": "train", "validation": "validate", "test": "test"}
# Settings that say something of files and folders.
_OF_FOLDERS = ("train", "test", "exclude", "class_level", "labels", "columns")
_CLASS_NAMES = ("class_names", "label_names", "classes")


def is_array_file(root: str | None) -> bool:
    """Whether `data.root` is a file of arrays, and not a folder or table."""
    return root is not None and expand(root).suffix.lower() == ENDING


@dataclass(frozen=True, kw_only=True)
class _Arrays:
    """A part: `images` uint8 [N, H, W] or [N, H, W, 3], `labels` [N] as they are."""

    images: Bytes
    labels: npt.NDArray[Any]


@dataclass(frozen=True)
class ArrayFile:
    """An ImageSource of one file; its own validation images, if any, are not read, since studies draw theirs.

    Labels may be numbers or text, and are the names of the classes unless the file names these. Without a test
    part, `test_fraction` of each class becomes it.
    """

    config: DataConfig

    def pool(self) -> Loaded:
        """The training part, or the rest of all images."""
        return self._pool

    def test(self) -> Loaded:
        """The test part, with the channels of the pool."""
        channels = self._pool.images.shape.channels
        if "test" in self._parts:
            loaded = self._loaded("test", None, self._images("test", channels))
            if self.config.look_alikes == "apart":
                return loaded
            leaks = leak_notes(self._looks("train"), self._looks("test"), has_groups=False)
            return replace(loaded, notes=(*loaded.notes, *leaks))
        return self._loaded("train", self._carved[1], self._whole.subset(self._carved[1]))

    def test_class_counts(self) -> tuple[int, ...]:
        """Images of each class; if the test part is split off, all labels are used for it."""
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
        held = self._held
        read = ", ".join(f"{len(each.labels):,} to {_PURPOSES[name]}" for name, each in held.items())
        yield f"{self._path.name} holds {read}" if len(held) > 1 else f"{self._path.name} has no test part"
        if "validation" in held:
            yield what_validation_is("the validation part", is_read="test" not in held)
        if "test" not in self._parts:
            counts, carved = (np.bincount(self._labels["train"][rows]) for rows in (slice(None), self._carved[1]))
            yield test_part_line(self.config.test_fraction, counts.tolist(), carved.tolist(), self._together[1])
        yield from look_alike_lines(*self._together, self._class_names)
        num_held = sum(len(each.labels) for each in held.values())
        yield f"found in all: {num_held:,} = {num_read:,} read + {num_held - num_read:,} passed over"

    def _loaded(self, part: Part, rows: Indices | None, images: LabeledImages) -> Loaded:
        """The `images`, which are those at `rows` of a part or all of it, with what is to be said of them."""
        arrays = self._parts[part].images
        facts = [_facts_of(arrays[row]) for row in (range(len(arrays)) if rows is None else rows)]
        summary = summarise(facts, images.labels, images.class_names)
        notes = tuple(f"{each}: a classifier could distinguish them by that alone" for each in summary.giveaways)
        return Loaded(images=images, notes=notes, summary=summary)

    @property
    def _path(self) -> Path:
        assert self.config.root is not None, "see is_array_file"
        return expand(self.config.root)

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
        """The part to train on, and to carve the test part off if there is no other."""
        return replace(self._images("train", self.config.channels), units=self._together[1].units)

    @cached_property
    def _together(self) -> tuple[list[list[int]], Together]:
        """The rows to train on that look alike, and what must not be divided."""
        alike: list[list[int]] = []
        if self.config.look_alikes == "together":
            alike = similar_rows(self._looks("train"))
        return alike, belonging(self._labels["train"], None, alike, least=2 if "test" in self._parts else 3)

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
    def _parts(self) -> Mapping[Part, _Arrays]:
        return with_one_test(self._held)[0]

    @cached_property
    def _held(self) -> Mapping[Part, _Arrays]:
        return read_parts(self._path)

    @cached_property
    def _class_names(self) -> tuple[str, ...]:
        values = self._values
        if len(values) < 2:
            raise DataError(
                f"{self._path}: one class ({', '.join(map(str, values))}); a classifier needs at least two"
            )
        named = read_class_names(self._path)
        if named and np.issubdtype(np.array(values).dtype, np.integer) and max(values) < len(named):
            return tuple(named[value] for value in values)
        return tuple(one_form(str(value)) for value in values)

    @cached_property
    def _values(self) -> tuple[Any, ...]:
        """The labels that occur to train on, ascending; raises DataError if the test part has others."""
        found = {name: set(each.labels.tolist()) for name, each in self._parts.items()}
        odd = sorted(map(str, found.get("test", found["train"]) ^ found["train"]))
        if odd:
            raise DataError(f"{self._path}: the parts have different classes; only one has {', '.join(odd)}")
        return tuple(sorted(found["train"]))

    @cached_property
    def _labels(self) -> Mapping[Part, Labels]:
        return {
            name: np.searchsorted(np.array(self._values), each.labels).astype(np.int64)
            for name, each in self._parts.items()
        }


def read_array_file(config: DataConfig) -> ArrayFile:
    """The file of arrays `config.root`; raises ConfigError for settings that apply only to folders and tables."""
    plain = DataConfig()
    for name in _OF_FOLDERS:
        if getattr(config, name) != getattr(plain, name):
            raise ConfigError(f"data.{name}: {config.root} is a file of arrays; only folders and tables have that")
    return ArrayFile(config)


def _facts_of(array: Bytes) -> Facts:
    """Facts about an image [H, W] or [H, W, 3] of a file."""
    colours = 1 if array.ndim == 2 or colour_is_idle(array) else 3
    return Facts(kind="arrays", width=array.shape[1], height=array.shape[0], bits=8, num_colours=colours)


def read_parts(path: Path) -> Mapping[Part, _Arrays]:
    """The parts of a file: to train on and, if it has these, to validate and to test.

    Raises DataError if its arrays are not images and labels, or are damaged.
    """
    with _Opened(path) as arrays:
        found: dict[Part, _Arrays] = {}
        for part, names in _NAMES.items():
            pair = next((each for each in names if set(each) <= set(arrays.names)), None)
            if pair is not None:
                found[part] = _checked(path, *pair, arrays)
        if not found:
            pair = next((each for each in _WHOLE if set(each) <= set(arrays.names)), None)
            if pair is None:
                raise DataError(
                    f"{path}: the arrays {', '.join(arrays.names)} are not those of a data set; train_images and "
                    "train_labels, x_train and y_train, or images and labels are read"
                )
            found["train"] = _checked(path, *pair, arrays)
    if "train" not in found:
        raise DataError(f"{path}: there is no part to train on")
    return found


def read_class_names(path: Path) -> tuple[str, ...]:
    """The names of the classes in the order of their labels; none if the file has none."""
    with _Opened(path) as arrays:
        name = next((each for each in _CLASS_NAMES if each in arrays.names), None)
        return () if name is None else tuple(one_form(str(each)) for each in arrays.read(name).ravel())


def _checked(path: Path, images_name: str, labels_name: str, arrays: "_Opened") -> _Arrays:
    images, labels = arrays.read(images_name), arrays.read(labels_name)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and set(np.unique(labels).tolist()) <= {0, 1} and (labels.sum(axis=1) == 1).all():
        labels = labels.argmax(axis=1)
    if labels.ndim != 1 or not (np.issubdtype(labels.dtype, np.integer) or labels.dtype.kind in "US"):
        raise DataError(f"{path}: {labels_name} {labels.dtype} {list(labels.shape)} is not a list of classes")
    if images.ndim == 4 and images.shape[-1] not in (1, 3) and images.shape[1] in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
        raise DataError(
            f"{path}: {images_name} {images.dtype} {list(images.shape)} are not images; bytes [N, H, W] or "
            "[N, H, W, 3] are read"
        )
    if len(images) != len(labels):
        raise DataError(f"{path}: {len(images)} {images_name} have {len(labels)} {labels_name}")
    return _Arrays(images=images, labels=labels)


class _Opened:
    """The arrays of a `.npz`, none of which runs anything; DataError for all that can be wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "_Opened":
        try:
            self._file = open_regular(self._path)
        except OSError as error:
            raise DataError(f"{self._path}: {error.strerror}") from error
        try:
            with zipfile.ZipFile(self._file) as archive:
                self._sizes = {each.filename.removesuffix(".npy"): each.file_size for each in archive.infolist()}
            self._arrays = np.load(self._file, allow_pickle=False)
        except Exception as error:
            self._file.close()
            raise self._damaged(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays, for display."""
        return tuple(map(shown, self._sizes))

    def read(self, name: str) -> npt.NDArray[Any]:
        """The array of that name."""
        refuse_beyond_memory(2 * self._sizes[name], f"{self._path.name}: {name}")
        try:
            array: npt.NDArray[Any] = self._arrays[name]
        except MemoryShortageError:
            raise
        # zipfile, zlib and NumPy have an error of another kind for every way in which a file can be damaged.
        except Exception as error:
            raise self._damaged(error) from error
        return array

    def _damaged(self, error: Exception) -> DataError:
        return DataError(f"{self._path}: no file of arrays, or a damaged one ({' '.join(str(error).split())})")
