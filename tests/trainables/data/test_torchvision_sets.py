import pickle
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torchvision
from torchvision.datasets import CIFAR10, GTSRB, MNIST

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.published import PublishedSource, data_folders
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE, DataConfig
from gan_study.trainables.data.sources.torchvision_sets import MNIST_SET
from tests.real_data import real_data
from tests.trainables.data import tiny_sets


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every download fails, and the user's own cache and data folder are out of sight."""

    def refuse(self: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(MNIST, "download", refuse)
    monkeypatch.setattr(CIFAR10, "download", refuse)
    monkeypatch.setattr(GTSRB, "download", refuse)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_files_are_read_in_place_from_either_root(tmp_path: Path) -> None:
    tiny_sets.mnist(tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    images, labels = tiny_sets.photographs("train", tiny_sets.TRAIN_COUNTS)
    for root in (tmp_path, tmp_path / "mnist"):
        pool = image_source(DataConfig(name="mnist", root=str(root))).pool().images
        np.testing.assert_array_equal(pool.images[:, 0], images[:, :28, :28, 0])
        np.testing.assert_array_equal(pool.labels, labels)
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_the_environment_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_sets.mnist(tmp_path)
    monkeypatch.setenv(DATA_ENVIRONMENT_VARIABLE, str(tmp_path))
    assert len(image_source(DataConfig(name="mnist")).pool().images) == sum(tiny_sets.TRAIN_COUNTS)
    monkeypatch.delenv(DATA_ENVIRONMENT_VARIABLE)
    assert data_folders(None) == (tmp_path / "home" / ".cache" / "gan-study",)
    assert data_folders("elsewhere") == (Path("elsewhere"),)


def test_pool_and_counts_are_blind_to_the_test_labels(tmp_path: Path) -> None:
    config = tiny_sets.mnist(tmp_path)
    before = PublishedSource(MNIST_SET, config)
    pool, counts, test = before.pool().images, before.test_class_counts(), before.test().images
    poison = np.roll(tiny_sets.photographs("test", tiny_sets.TEST_COUNTS)[1], 7)
    tiny_sets.write_mnist_labels(tmp_path / "mnist/MNIST/raw/t10k-labels-idx1-ubyte", poison)
    after = PublishedSource(MNIST_SET, config)
    assert after.test().images.labels.tolist() != test.labels.tolist()
    assert after.test_class_counts() == counts
    np.testing.assert_array_equal(after.pool().images.images, pool.images)
    np.testing.assert_array_equal(after.pool().images.labels, pool.labels)


def test_a_test_part_that_is_not_the_published_one_is_noted(tmp_path: Path) -> None:
    test = image_source(tiny_sets.mnist(tmp_path)).test()
    assert test.notes == ("the mnist test set is not the published one: its class counts differ",)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "gtsrb"])
def test_a_failed_download_says_where_it_looked(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        image_source(DataConfig(name=name, root=str(tmp_path))).pool()
    message = str(error.value)
    assert "\n" not in message
    for part in (f"{tmp_path} or {tmp_path / name}", "no network", "--data DIR, or put", f"in {tmp_path / name}"):
        assert part in message
    assert not list((tmp_path / name).iterdir())


def test_packed_files_are_named_where_the_download_fails(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"ubyte\.gz has to be unpacked\), and its download failed"):
        image_source(DataConfig(name="mnist", root=str(tmp_path))).pool()


def test_a_download_is_moved_into_place_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MNIST, "download", lambda self: tiny_sets.write_mnist(Path(self.raw_folder)))
    pool = image_source(DataConfig(name="mnist", root=str(tmp_path / "new"))).pool().images
    assert pool.class_counts() == tiny_sets.TRAIN_COUNTS
    assert [path.name for path in (tmp_path / "new" / "mnist").iterdir()] == ["MNIST"]


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    config = tiny_sets.mnist(tmp_path)
    (tmp_path / "mnist/MNIST/raw/train-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match="incomplete or damaged"):
        image_source(config).pool()


def test_cifar10_as_torchvision_keeps_it_comes_before_jpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision.datasets.cifar, "check_integrity", lambda path, md5=None: Path(path).exists())
    config = tiny_sets.cifar10(tmp_path)
    assert image_source(config).pool().notes[0] == "cifar10 is read from JPEG-degraded images"
    images, labels = tiny_sets.photographs("train", tiny_sets.TRAIN_COUNTS)
    batches = tmp_path / "cifar10" / "cifar-10-batches-py"
    batches.mkdir()
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    rows = [*np.array_split(np.arange(len(labels)), 5), np.array([0])]
    for (name, _), row in zip([*CIFAR10.train_list, *CIFAR10.test_list], rows, strict=True):
        data = images[row].transpose(0, 3, 1, 2).reshape(len(row), -1)
        (batches / name).write_bytes(pickle.dumps({"data": data, "labels": labels[row].tolist()}))
    exact = image_source(DataConfig(name="cifar10", root=str(tmp_path), image_size=32)).pool()
    assert not any("JPEG" in note for note in exact.notes)
    np.testing.assert_array_equal(exact.images.images, images.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(exact.images.labels, labels)


# Hundreds of megabytes are read.
LARGE = [pytest.param(name, marks=pytest.mark.soak) for name in ("cifar10", "gtsrb")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", *LARGE])
def test_the_published_test_counts_are_right(name: str) -> None:
    source = image_source(DataConfig(name=name, root=str(real_data(name))))
    test = source.test()
    assert test.images.class_counts() == source.test_class_counts()
    assert not any("not the published one" in note for note in test.notes)


@pytest.mark.slow
def test_real_mnist_and_fashion_mnist_pools() -> None:
    mnist = image_source(DataConfig(name="mnist", root=str(real_data("mnist")))).pool().images
    assert mnist.class_counts() == (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    # The published mean of the training pixels, 0.1307 of 255.
    assert abs(np.asarray(mnist.images).mean() / 255 - 0.1307) < 1e-4
    fashion = image_source(DataConfig(name="fashion_mnist", root=str(real_data("fashion_mnist")))).pool().images
    assert fashion.class_counts() == (6000,) * 10
    assert abs(np.asarray(fashion.images).mean() / 255 - 0.2860) < 1e-4
