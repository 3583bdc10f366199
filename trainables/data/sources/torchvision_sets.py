"""MNIST, Fashion-MNIST and CIFAR-10, read in place or downloaded by torchvision.

A folder of data sets has `mnist/MNIST/raw`, `fashion_mnist/FashionMNIST/raw` and `cifar10/cifar-10-batches-py`; a
root in torchvision's layout, without the first part, is also accepted.
"""

import zipfile
from functools import partial
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_study.trainables.base.files import open_regular
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.data.pixels import open_picture
from gan_study.trainables.data.published import Layout, Part, PublishedSet
from gan_study.trainables.data.reading.picture import Bytes

if TYPE_CHECKING:
    from torchvision import datasets

# CIFAR-10 as JPEG files in one archive: a copy that is easily had, but degraded.
_CIFAR10_JPEG = "cifar10_jpeg.npz"


def _dataset(name: str) -> "type[datasets.MNIST | datasets.CIFAR10]":
    from torchvision import datasets  # late: it takes a second

    dataset: type[datasets.MNIST | datasets.CIFAR10] = getattr(datasets, name)
    return dataset


def _read(name: str, folder: Path, train: bool) -> Part:
    part = _dataset(name)(folder, train=train)
    return Part(images=np.asarray(part.data), labels=np.asarray(part.targets))


def _download(name: str, keep: str, aside: Path) -> tuple[Path, ...]:
    _dataset(name)(aside, download=True)
    return (aside / keep,)


def _read_cifar10_jpeg(folder: Path, train: bool) -> Part:
    split = "train" if train else "test"
    with open_regular(folder / _CIFAR10_JPEG) as file:
        with zipfile.ZipFile(file) as archive:
            refuse_beyond_memory(sum(member.file_size for member in archive.infolist()), _CIFAR10_JPEG)
        with np.load(file, allow_pickle=False) as arrays:
            buffer, offsets = arrays[f"{split}_jpeg"].tobytes(), arrays[f"{split}_offsets"]
            labels = arrays[f"{split}_labels"]
    images = [_decoded(buffer[start:end]) for start, end in pairwise(offsets)]
    return Part(images=images, labels=labels, notes=("cifar10 is read from JPEG-degraded images",))


def _decoded(jpeg: bytes) -> Bytes:
    with open_picture(BytesIO(jpeg)) as picture:
        return np.asarray(picture)


def _idx_layout(name: str) -> Layout:
    """The layout of a set that torchvision keeps as IDX files; of an early version, as tensors."""
    return Layout(
        marker=f"{name}/raw/train-images-idx3-ubyte",
        read=partial(_read, name),
        pool=(f"{name}/raw/train-*-ubyte", f"{name}/processed/training.pt"),
        test=(f"{name}/raw/t10k-*-ubyte", f"{name}/processed/test.pt"),
    )


MNIST_SET = PublishedSet(
    name="mnist",
    summary="60,000 + 10,000 handwritten digits, 28x28, grey",
    class_names=tuple("0123456789"),
    channels=1,
    # Counted in the official t10k-labels-idx1-ubyte.
    test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    layouts=(_idx_layout("MNIST"),),
    download=partial(_download, "MNIST", "MNIST"),
    by_hand="the unpacked files of https://ossci-datasets.s3.amazonaws.com/mnist as MNIST/raw",
)

FASHION_MNIST_SET = PublishedSet(
    name="fashion_mnist",
    summary="60,000 + 10,000 pieces of clothing, 28x28, grey",
    # Xiao, Rasul and Vollgraf 2017, table 2.
    class_names=(
        *("t-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    channels=1,
    test_counts=(1000,) * 10,
    layouts=(_idx_layout("FashionMNIST"),),
    download=partial(_download, "FashionMNIST", "FashionMNIST"),
    by_hand="the unpacked files of https://github.com/zalandoresearch/fashion-mnist as FashionMNIST/raw",
)

CIFAR10_SET = PublishedSet(
    name="cifar10",
    summary="50,000 + 10,000 photographs of animals and vehicles, 32x32, colour",
    # Krizhevsky 2009, in the order of batches.meta.
    class_names=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    channels=3,
    test_counts=(1000,) * 10,
    layouts=(
        Layout(
            marker="cifar-10-batches-py/batches.meta",
            read=partial(_read, "CIFAR10"),
            pool=("cifar-10-batches-py/batches.meta", "cifar-10-batches-py/data_batch_*"),
            test=("cifar-10-batches-py/batches.meta", "cifar-10-batches-py/test_batch"),
        ),
        Layout(marker=_CIFAR10_JPEG, read=_read_cifar10_jpeg, pool=(_CIFAR10_JPEG,), test=(_CIFAR10_JPEG,)),
    ),
    download=partial(_download, "CIFAR10", "cifar-10-batches-py"),
    by_hand="the unpacked https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)

MNIST, FASHION_MNIST, CIFAR10 = (each.as_data_set() for each in (MNIST_SET, FASHION_MNIST_SET, CIFAR10_SET))
