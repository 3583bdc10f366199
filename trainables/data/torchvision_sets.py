"""The published benchmark sets: MNIST, Fashion-MNIST and CIFAR-10, read in place or downloaded by torchvision.

A folder of data sets holds `mnist/MNIST/raw`, `fashion_mnist/FashionMNIST/raw` and
`cifar10/cifar-10-batches-py`; a root of torchvision's, without the first part, will do as well.
"""

import os
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels
from gan_study.trainables.data.pixels import Bytes, array_tiles, labeled_images, refusing_bombs
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE, DataConfig, Loaded

if TYPE_CHECKING:
    from torchvision.datasets import CIFAR10, MNIST

_CACHE = Path("~/.cache/gan-study")
# What a download may end in: no network or disk (OSError), a mirror's refusal (RuntimeError), half a file.
_DOWNLOAD_ERRORS = (OSError, RuntimeError, HTTPException, EOFError, tarfile.TarError)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One official part: N `images` [H, W] or [H, W, 3], `labels` [N], and what is to be known of it."""

    images: Iterable[Bytes]
    labels: Labels
    notes: tuple[str, ...] = ()


# (folder, is this the training part) -> the part
Reader: TypeAlias = Callable[[Path, bool], Part]
# Downloads the set into an empty folder, and says which files and folders there are to be kept, in order.
Download: TypeAlias = Callable[[Path], tuple[Path, ...]]


@dataclass(frozen=True, kw_only=True)
class PublishedSet:
    """A benchmark: how its files lie and are read, and what is published about it.

    `layouts` maps a file that tells that a layout is there to the layout's reader; where there are several, the
    first is read. The first is also that of `download`, which keeps the part with this file last; `by_hand` says
    what to put where if it fails.
    """

    name: str
    class_names: tuple[str, ...]
    channels: int
    test_counts: tuple[int, ...]
    layouts: tuple[tuple[str, Reader], ...]
    download: Download
    by_hand: str


@dataclass(frozen=True)
class PublishedSource:
    """A benchmark with its official parts; `test_class_counts` is what was published."""

    published: PublishedSet
    config: DataConfig

    def pool(self) -> Loaded:
        """The official training part."""
        return self._read(train=True)

    def test(self) -> Loaded:
        """The official test part; a note says where its class counts are not those published."""
        test = self._read(train=False)
        if test.images.class_counts() == self.published.test_counts:
            return test
        odd = f"the {self.published.name} test part is not the published one: its class counts differ"
        return replace(test, notes=(*test.notes, odd))

    def test_class_counts(self) -> tuple[int, ...]:
        """A constant of the published set; no file is opened."""
        return self.published.test_counts

    def _read(self, *, train: bool) -> Loaded:
        folder, read = locate(self.published, data_folders(self.config.root))
        channels = self.config.channels or self.published.channels
        with _damage_named(folder):
            part = read(folder, train)
            tiles = array_tiles(part.images, size=self.config.image_size, channels=channels)
        images = labeled_images(
            tiles,
            part.labels,
            channels=channels,
            class_names=self.published.class_names,
            origins=tuple(f"{'train' if train else 'test'}/{i}" for i in range(len(part.labels))),
        )
        return Loaded(images=images, notes=part.notes)


def data_folders(root: str | None) -> tuple[Path, ...]:
    """Where to look: `root` alone if given, else the environment variable's folder, then the user's cache."""
    if root is not None:
        return (Path(root).expanduser(),)
    named = os.environ.get(DATA_ENVIRONMENT_VARIABLE)
    return tuple(path.expanduser() for path in ((Path(named), _CACHE) if named else (_CACHE,)))


def locate(published: PublishedSet, folders: tuple[Path, ...]) -> tuple[Path, Reader]:
    """The folder that has the set, and its reader; downloaded into the first of `folders` where none has it.

    Raises DataError, which says where it looked, where that fails.
    """
    candidates = [inner for folder in folders for inner in (folder, folder / published.name)]
    found = _found(published, candidates)
    if found is None:
        try:
            _download(published, folders[0] / published.name)
        except _DOWNLOAD_ERRORS as error:
            raise DataError(
                f"{published.name} is not in {' or '.join(map(str, candidates))}, and its download failed "
                f"({' '.join(str(error).split())}); name a folder that has it with --data DIR, or put "
                f"{published.by_hand} in {candidates[-1]}"
            ) from error
        found = _found(published, candidates)
    assert found is not None, "what was downloaded lies where it is looked for"
    return found


def _found(published: PublishedSet, candidates: list[Path]) -> tuple[Path, Reader] | None:
    return next(
        (
            (folder, read)
            for marker, read in published.layouts
            for folder in candidates
            if (folder / marker).exists()
        ),
        None,
    )


def _download(published: PublishedSet, folder: Path) -> None:
    # Fetched aside and moved in one step: trials that start together never see half a data set.
    folder.mkdir(parents=True, exist_ok=True)
    marker, _ = published.layouts[0]
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as aside:
        for path in published.download(Path(aside)):
            try:
                path.rename(folder / path.name)
            except OSError:
                if not (folder / marker).exists():
                    raise


@contextmanager
def _damage_named(folder: Path) -> Iterator[None]:
    try:
        yield
    # All that torchvision, Pillow, NumPy and pickle raise on damaged files.
    except Exception as error:
        raise DataError(
            f"{folder}: the files are incomplete or damaged ({' '.join(str(error).split())})"
        ) from error


def _torchvision(name: str) -> Reader:
    def read(folder: Path, train: bool) -> Part:
        part = _dataset(name)(folder, train=train)
        return Part(images=np.asarray(part.data), labels=np.asarray(part.targets, dtype=np.int64))

    return read


def _by_torchvision(name: str, kept: str, aside: Path) -> tuple[Path, ...]:
    _dataset(name)(aside, download=True)
    return (aside / kept,)


def _dataset(name: str) -> type["MNIST | CIFAR10"]:
    from torchvision import datasets  # late: it takes a second

    dataset: type[MNIST | CIFAR10] = getattr(datasets, name)
    return dataset


def _cifar10_jpeg(folder: Path, train: bool) -> Part:
    split = "train" if train else "test"
    with np.load(folder / _CIFAR10_JPEG, allow_pickle=False) as file:
        buffer, offsets = file[f"{split}_jpeg"].tobytes(), file[f"{split}_offsets"]
        labels = file[f"{split}_labels"].astype(np.int64)
    files = (BytesIO(buffer[start:end]) for start, end in pairwise(offsets))
    with refusing_bombs():
        images = np.stack([np.asarray(Image.open(file)) for file in files])
    return Part(images=images, labels=labels, notes=("cifar10 is read from JPEG-degraded images",))


_CIFAR10_JPEG = "cifar10_jpeg.npz"

MNIST_SET = PublishedSet(
    name="mnist",
    class_names=tuple("0123456789"),
    channels=1,
    # Counted in the official t10k-labels-idx1-ubyte.
    test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    layouts=(("MNIST/raw/train-images-idx3-ubyte", _torchvision("MNIST")),),
    download=partial(_by_torchvision, "MNIST", "MNIST"),
    by_hand="the unpacked files of https://ossci-datasets.s3.amazonaws.com/mnist as MNIST/raw",
)

FASHION_MNIST_SET = PublishedSet(
    name="fashion_mnist",
    # Xiao, Rasul and Vollgraf 2017, table 2.
    class_names=(
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    channels=1,
    test_counts=(1000,) * 10,
    layouts=(("FashionMNIST/raw/train-images-idx3-ubyte", _torchvision("FashionMNIST")),),
    download=partial(_by_torchvision, "FashionMNIST", "FashionMNIST"),
    by_hand="the unpacked files of https://github.com/zalandoresearch/fashion-mnist as FashionMNIST/raw",
)

CIFAR10_SET = PublishedSet(
    name="cifar10",
    # Krizhevsky 2009, in the order of batches.meta.
    class_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    channels=3,
    test_counts=(1000,) * 10,
    layouts=(
        ("cifar-10-batches-py/batches.meta", _torchvision("CIFAR10")),
        (_CIFAR10_JPEG, _cifar10_jpeg),
    ),
    download=partial(_by_torchvision, "CIFAR10", "cifar-10-batches-py"),
    by_hand="the unpacked https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
