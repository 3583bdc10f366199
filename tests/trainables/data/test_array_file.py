"""Images in one `.npz`, as MedMNIST and Keras hand them out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_study.trainables.base.settings import ConfigError, DataError
from gan_study.trainables.data.fingerprint import take_fingerprint
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig

RNG = np.random.default_rng(0)


def images(number: int, *colours: int, size: int = 28) -> np.ndarray:
    return RNG.integers(0, 256, (number, size, size, *colours), dtype=np.uint8)


def labels(number: int, *, columns: bool = False) -> np.ndarray:
    found = (np.arange(number) % 2).astype(np.uint8)
    return found[:, None] if columns else found


def config(folder: Path, **arrays: np.ndarray) -> DataConfig:
    np.savez(folder / "set.npz", **arrays)
    return DataConfig(name="imagefolder", root=str(folder / "set.npz"), image_size=28)


def test_medmnist(tmp_path: Path) -> None:
    """Labels in a column, a validation set beside the test set."""
    train, test = images(20, 3), images(8, 3)
    source = image_source(
        config(
            tmp_path,
            train_images=train,
            train_labels=labels(20, columns=True),
            val_images=images(4, 3),
            val_labels=labels(4, columns=True),
            test_images=test,
            test_labels=labels(8, columns=True),
        )
    )
    pool = source.pool().images
    assert (pool.class_names, pool.class_counts(), source.test_class_counts()) == (("0", "1"), (10, 10), (4, 4))
    np.testing.assert_array_equal(pool.images, train.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(source.test().images.images, test.transpose(0, 3, 1, 2))
    assert source.pool().reading == (
        "set.npz holds 20 to train, 4 to validate, 8 to test",
        "the validation set is not read, because validation images are drawn from the training set",
        "found in all: 32 = 28 read + 4 skipped",
    )


def test_validation_is_the_test_part_where_there_is_no_other(tmp_path: Path) -> None:
    arrays = {
        "train_images": images(8),
        "train_labels": labels(8),
        "val_images": images(4),
        "val_labels": labels(4),
    }
    source = image_source(config(tmp_path, **arrays))
    assert source.test_class_counts() == (2, 2)
    assert source.pool().reading == (
        "set.npz holds 8 to train, 4 to validate",
        "the validation set is the test set, as there is no other",
        "found in all: 12 = 12 read + 0 skipped",
    )


def test_without_a_test_part_it_is_carved(tmp_path: Path) -> None:
    named = np.array(["cat", "dog"])[labels(20)]
    source = image_source(config(tmp_path, images=images(20), labels=named))
    assert source.pool().images.class_names == ("cat", "dog")
    assert source.pool().images.class_counts() == (8, 8)
    assert source.test_class_counts() == source.test().images.class_counts() == (2, 2)
    assert not set(source.pool().images.origins) & set(source.test().images.origins)


def test_classes_may_be_named_and_labels_stand_in_columns(tmp_path: Path) -> None:
    arrays = {
        "x_train": images(8),
        "y_train": np.eye(2, dtype=int)[labels(8)],
        "class_names": np.array(["cat", "dog"]),
    }
    assert image_source(config(tmp_path, **arrays)).pool().images.class_names == ("cat", "dog")


def test_labels_of_bytes_are_texts(tmp_path: Path) -> None:
    named = np.array([b"cat", "Hündin".encode()])[labels(8)]
    assert image_source(config(tmp_path, x=images(8), y=named)).pool().images.class_names == ("Hündin", "cat")


def test_channels_first_and_one_channel(tmp_path: Path) -> None:
    whole = images(8, 3)
    turned = image_source(config(tmp_path, x=whole.transpose(0, 3, 1, 2), y=labels(8))).pool().images
    assert turned.shape.channels == 3
    # Elsewhere, since equal settings share what was read.
    (tmp_path / "other").mkdir()
    assert image_source(config(tmp_path / "other", x=images(8, 1), y=labels(8))).pool().images.shape.channels == 1


def test_the_file_is_what_a_study_knows_its_data_by(tmp_path: Path) -> None:
    before = take_fingerprint(config(tmp_path, x=images(8), y=labels(8)))
    assert list(before.pool) == ["set.npz"]
    assert take_fingerprint(config(tmp_path, x=images(8), y=labels(8))).pool_digest != before.pool_digest


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": images(4), "b": labels(4)}, "the arrays a, b are not those of a data set; train_images and"),
        ({"x": images(4).astype(float), "y": labels(4)}, r"x float64 \[4, 28, 28\] are not images; bytes"),
        ({"x": images(4, 5), "y": labels(4)}, r"x uint8 \[4, 28, 28, 5\] are not images"),
        ({"x": images(4), "y": labels(3)}, "4 x have 3 y"),
        ({"x": images(4), "y": np.array([0.5, 1, 2, 3])}, r"y float64 \[4\] is not a list of classes"),
        ({"x": images(4), "y": np.zeros(4, int)}, "one class"),
        ({"x": images(4), "y": np.array([None, 1, 2, 3], dtype=object)}, "or damaged"),
        ({"x_test": images(4), "y_test": labels(4)}, "there is no training set"),
        ({"x": images(4)[:, :0], "y": labels(4)}, r"x \[4, 0, 28\] hold no pixels"),
        ({"x": images(4), "y": np.array(["cat", "cat ", "cat", "cat "])}, "differ only in spaces or invisible"),
        ({"x": images(0), "y": labels(0)}, "hold no pixels"),
        (
            {"x": images(4), "y": labels(4), "x_train": images(4), "y_train": labels(4)},
            "x_train and y_train, and x and y, could both be the train set; remove one pair from the file",
        ),
        (
            {"x_train": images(4), "y_train": labels(4), "x_test": images(4), "y_test": labels(4) + 1},
            "have different classes; only one has 0, 2",
        ),
    ],
)
def test_files_that_are_refused(arrays: dict[str, np.ndarray], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        image_source(config(tmp_path, **arrays)).pool()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all"])
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.npz: not an array file \(\.npz\), or damaged"):
        image_source(DataConfig(name="imagefolder", root=str(path))).pool()


@pytest.mark.parametrize(
    "changes",
    [
        {"exclude": ("a*",)},
        {"labels": "labels.csv"},
        {"class_level": 2},
        {"train": ("a",)},
        {"test": ("a",)},
    ],
)
def test_settings_of_folders_are_refused(changes: dict[str, object], tmp_path: Path) -> None:
    asked = replace(config(tmp_path, images=images(8), labels=labels(8)), **changes)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"data.{next(iter(changes))}: .*needs a folder or a table"):
        image_source(asked).pool()


def test_arrays_are_fitted_and_their_shape_is_said(tmp_path: Path) -> None:
    wide = np.full((8, 14, 28), 200, dtype=np.uint8)
    asked = replace(config(tmp_path, images=wide, labels=labels(8)), fit="pad", look_alikes="apart")
    pool = image_source(asked).pool()
    # Seven rows of black above and below.
    assert pool.images.images[0, 0, :, 5].tolist() == [0] * 7 + [200] * 14 + [0] * 7
    assert pool.summary is not None
    assert (dict(pool.summary.sizes), dict(pool.summary.depths)) == ({(28, 14): 6}, {"8 bits": 6})


def test_a_test_part_that_repeats_the_training_part_is_said(tmp_path: Path) -> None:
    train = images(8, 3)
    near = np.clip(train[:4].astype(int) + 1, 0, 255).astype(np.uint8)
    arrays = {"x_train": train, "y_train": labels(8), "x_test": near, "y_test": labels(4)}
    notes = image_source(config(tmp_path, **arrays)).test().notes
    assert any(note.startswith("test images that are, or look like, a training image: 4 of 4") for note in notes)
