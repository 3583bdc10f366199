"""Images and labels in one `.npz`, in the format of MedMNIST and Keras; read if `imagefolder` is given one."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import expand, open_regular
from gan_study.trainables.base.memory import MemoryShortageError, refuse_beyond_memory
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.folder_names import Part
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.array_set import Arrays, Held, refuse_settings

ENDING = ".npz"
# The names of a part's images and labels: MedMNIST's and Keras'; without parts, all that there is.
_NAMES: Mapping[Part, Sequence[tuple[str, str]]] = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train"), ("X_train", "y_train")),
    "validation": (("val_images", "val_labels"), ("x_val", "y_val"), ("X_val", "y_val")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test"), ("X_test", "y_test")),
}
_WHOLE = (("images", "labels"), ("x", "y"), ("X", "y"), ("data", "labels"), ("data", "targets"))
# Settings that say something of files and folders.
_OF_FOLDERS = ("train", "test", "exclude", "class_level", "labels", "columns", "group")
_CLASS_NAMES = ("class_names", "label_names", "classes")


def is_array_file(root: str | None) -> bool:
    """Whether `data.root` is a file of arrays, and not a folder or table."""
    return root is not None and expand(root).suffix.lower() == ENDING


def read_array_file(config: DataConfig) -> Held:
    """What the file of arrays `config.root` holds.

    Raises ConfigError for settings that apply only to folders and tables, and DataError as `read_parts`.
    """
    refuse_settings(config, _OF_FOLDERS, "an array file; this setting needs a folder or a table")
    path = expand(str(config.root))
    return Held(
        path=path, names=(path.name,), kind="arrays", parts=read_parts(path), class_names=read_class_names(path)
    )


def read_parts(path: Path) -> Mapping[Part, Arrays]:
    """The parts of a file: to train on and, if it has these, to validate and to test.

    Raises DataError if its arrays are not images and labels, or are damaged.
    """
    with _Opened(path) as arrays:
        pairs: dict[Part, list[tuple[str, str]]] = {
            part: [each for each in names if set(each) <= set(arrays.names)] for part, names in _NAMES.items()
        }
        pairs["train"] += [each for each in _WHOLE if set(each) <= set(arrays.names)]
        for part, found in pairs.items():
            if len({images for images, _ in found}) > 1:
                first, second = (" and ".join(each) for each in found[:2])
                raise DataError(
                    f"{path}: {first}, and {second}, could both be the {part} set; remove one pair from the file"
                )
        if not any(pairs.values()):
            raise DataError(
                f"{path}: the arrays {', '.join(arrays.names)} are not those of a data set; train_images and "
                "train_labels, x_train and y_train, or images and labels are read"
            )
        if not pairs["train"]:
            raise DataError(f"{path}: there is no training set")
        return {part: _checked(path, *found[0], arrays) for part, found in pairs.items() if found}


def read_class_names(path: Path) -> tuple[str, ...]:
    """The names of the classes in the order of their labels; none if the file has none."""
    with _Opened(path) as arrays:
        name = next((each for each in _CLASS_NAMES if each in arrays.names), None)
        return () if name is None else tuple(one_form(str(each)) for each in _as_text(arrays.read(name)).ravel())


def _checked(path: Path, images_name: str, labels_name: str, arrays: "_Opened") -> Arrays:
    images, labels = arrays.read(images_name), _as_text(arrays.read(labels_name))
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
    if not images.size:
        raise DataError(f"{path}: {images_name} {list(images.shape)} hold no pixels")
    if len(images) != len(labels):
        raise DataError(f"{path}: {len(images)} {images_name} have {len(labels)} {labels_name}")
    return Arrays(images=images, labels=labels)


def _as_text(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Texts for bytes, which would be shown as b'cat'; other arrays as they are."""
    return np.char.decode(array, "utf-8", "backslashreplace") if array.dtype.kind == "S" else array


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
        return DataError(f"{self._path}: not an array file (.npz), or damaged ({' '.join(str(error).split())})")
