"""A tiny data set on disk for every name in the catalog, in the layout that its source reads."""

import io
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.source import DataConfig

# Training and test images of each of ten classes.
TRAIN_COUNTS = (6, 5, 4, 3, 6, 5, 4, 3, 6, 5)
TEST_COUNTS = (3, 2, 3, 2, 3, 2, 3, 2, 3, 2)


def mnist(folder: Path) -> DataConfig:
    write_mnist(folder / "mnist" / "MNIST" / "raw")
    return DataConfig(name="mnist", root=str(folder), image_size=8)


def fashion_mnist(folder: Path) -> DataConfig:
    write_mnist(folder / "FashionMNIST" / "raw")
    return DataConfig(name="fashion_mnist", root=str(folder), image_size=8)


def cifar10(folder: Path) -> DataConfig:
    parts: dict[str, np.ndarray] = {}
    for part, counts in (("train", TRAIN_COUNTS), ("test", TEST_COUNTS)):
        images, labels = photographs(part, counts)
        files = [jpeg(image) for image in images]
        parts[f"{part}_jpeg"] = np.frombuffer(b"".join(files), dtype=np.uint8)
        parts[f"{part}_offsets"] = np.cumsum([0, *map(len, files)])
        parts[f"{part}_labels"] = labels.astype(np.uint8)
    (folder / "cifar10").mkdir(parents=True)
    np.savez(folder / "cifar10" / "cifar10_jpeg.npz", allow_pickle=False, **parts)
    return DataConfig(name="cifar10", root=str(folder), image_size=8)


def gtsrb(folder: Path) -> DataConfig:
    write_gtsrb(folder / "gtsrb")
    return DataConfig(name="gtsrb", root=str(folder), image_size=8)


def imagefolder(folder: Path) -> DataConfig:
    write_classes(folder / "train", cat=7, dog=5)
    write_classes(folder / "test", cat=3, dog=2)
    return DataConfig(name="imagefolder", root=str(folder), image_size=8)


_WRITERS: Mapping[str, Callable[[Path], DataConfig]] = {
    write.__name__: write for write in (mnist, fashion_mnist, cifar10, gtsrb, imagefolder)
}


def tiny_config(name: str, folder: Path) -> DataConfig:
    """A small copy of the data set `name`: in `folder`, if it is read from files."""
    if not DATA_SETS[name].takes_folder:
        return DataConfig(name=name, image_size=8)
    return _WRITERS[name](folder)


def photographs(part: str, counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Noise [N, 32, 32, 3] and labels [N], grouped by class; other noise for "train" than for "test"."""
    labels = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(["train", "test"].index(part))
    return rng.integers(0, 256, (len(labels), 32, 32, 3), dtype=np.uint8), labels


def jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def write_mnist(raw: Path) -> None:
    """The four IDX files (LeCun's format: magic number, sizes, bytes)."""
    raw.mkdir(parents=True)
    for part, prefix, counts in (("train", "train", TRAIN_COUNTS), ("test", "t10k", TEST_COUNTS)):
        images, labels = photographs(part, counts)
        greys = np.ascontiguousarray(images[:, :28, :28, 0])
        header = struct.pack(">IIII", 0x803, len(greys), 28, 28)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(header + greys.tobytes())
        write_mnist_labels(raw / f"{prefix}-labels-idx1-ubyte", labels)


def write_mnist_labels(file: Path, labels: np.ndarray) -> None:
    file.write_bytes(struct.pack(">II", 0x801, len(labels)) + labels.astype(np.uint8).tobytes())


def write_gtsrb(folder: Path, *, training: str = "Training") -> None:
    """Two or three training and one or two test photographs of each of 43 classes, of many sizes."""
    for label in range(43):
        for i in range(2 + label % 2):
            write_sign(folder / "GTSRB" / training / f"{label:05d}" / f"00000_{i:05d}.ppm", label, i)
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    # As in the official list, classes come in no order.
    for number, label in enumerate([*range(42, -1, -1), *range(0, 43, 2)]):
        write_sign(folder / "GTSRB" / "Final_Test" / "Images" / f"{number:05d}.ppm", label, 10 + number)
        rows.append(f"{number:05d}.ppm;12;12;1;1;11;11;{label}")
    (folder / "GT-final_test.csv").write_text("\n".join(rows))


def write_sign(file: Path, label: int, number: int) -> None:
    """A PPM whose red is the label times 5, with noise in green and blue."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng([label, number]).integers(0, 256, (10 + number, 12, 3), dtype=np.uint8)
    pixels[..., 0] = 5 * label
    Image.fromarray(pixels).save(file)


def folder_config(root: Path, **changes: object) -> DataConfig:
    """An image folder, read at 8 pixels."""
    return DataConfig(name="imagefolder", root=str(root), image_size=8, **changes)  # type: ignore[arg-type]


def write_classes(folder: Path, **sizes: int) -> None:
    """`sizes[name]` grey PNG files of noise in a folder for each class, no two alike in any folder."""
    for label, (name, size) in enumerate(sizes.items()):
        (folder / name).mkdir(parents=True)
        for i in range(size):
            rng = np.random.default_rng([*folder.name.encode(), label, i])
            pixels = rng.integers(0, 256, (10, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
