import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import class_label
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.reading.origins import find_origin, read_folders
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.image_folder import ImageFolder
from tests.trainables.data.tiny_sets import folder_config, write_classes

# One name in two Unicode forms.
COMPOSED, DECOMPOSED = "M\u00fcll", "Mu\u0308ll"


def test_one_folder_for_each_class(tmp_path: Path) -> None:
    write_classes(tmp_path, dog=8, cat=4)
    source = image_source(folder_config(tmp_path, test_fraction=0.25))
    pool, test = source.pool().images, source.test().images
    assert pool.class_names == ("cat", "dog")
    assert pool.class_counts() == (3, 6)
    assert source.test_class_counts() == test.class_counts() == (1, 2)
    whole = sorted(f"{path.parent.name}/{path.name}" for path in tmp_path.rglob("*.png"))
    assert sorted([*pool.origins, *test.origins]) == whole
    assert list(pool.origins) == sorted(pool.origins)


def test_train_and_test_folders(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=4, dog=3)
    write_classes(tmp_path / "test", cat=2, dog=1)
    write_classes(tmp_path / "val", cat=1, dog=1)
    source = image_source(folder_config(tmp_path))
    assert source.pool().images.class_counts() == (4, 3)
    assert source.test_class_counts() == source.test().images.class_counts() == (2, 1)
    assert source.pool().images.origins[0] == "train/cat/0.png"
    assert source.pool().reading == (
        "val/ is not read, because validation images are drawn from the training set",
        "found in all: 12 = 10 read + 2 skipped",
        "skipped, of parts not read: 2 (val/cat/0.png, val/dog/0.png)",
    )


def test_a_train_folder_alone_is_carved(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=4, dog=8)
    source = image_source(folder_config(tmp_path))
    assert source.pool().images.class_counts() == (3, 6)
    assert source.test_class_counts() == (1, 2)


def test_train_may_be_the_name_of_a_class(tmp_path: Path) -> None:
    write_classes(tmp_path, bus=4, train=4)
    assert image_source(folder_config(tmp_path)).pool().images.class_names == ("bus", "train")


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("training", "testing"), ("TRAIN", "test")])
def test_parts_by_other_names_are_parts(tmp_path: Path, train: str, test: str) -> None:
    write_classes(tmp_path / train, ape=3, bee=2)
    write_classes(tmp_path / test, ape=1, bee=4)
    source = ImageFolder(DataConfig(name="imagefolder", root=str(tmp_path), image_size=8))
    assert source.pool().images.class_names == ("ape", "bee")
    assert source.pool().images.class_counts() == (3, 2)
    assert source.test_class_counts() == (1, 4)


def test_classes_may_have_names_like_those_of_parts(tmp_path: Path) -> None:
    write_classes(tmp_path, test_negative=4, test_positive=4)
    source = ImageFolder(DataConfig(name="imagefolder", root=str(tmp_path), image_size=8))
    assert source.pool().images.class_names == ("test_negative", "test_positive")


def test_links_to_folders_are_followed_and_rings_passed_over(tmp_path: Path) -> None:
    write_classes(tmp_path / "data", ape=4, bee=4)
    write_classes(tmp_path, elsewhere=6)
    (tmp_path / "data" / "ape" / "more").symlink_to(tmp_path / "elsewhere")
    config = DataConfig(name="imagefolder", root=str(tmp_path / "data"), image_size=8)
    source = ImageFolder(config)
    counts = zip(source.pool().images.class_counts(), source.test_class_counts(), strict=True)
    assert [a + b for a, b in counts] == [10, 4]
    assert (tmp_path / "elsewhere").resolve() in read_folders(tmp_path / "data")
    (tmp_path / "elsewhere" / "ring").symlink_to(tmp_path / "data")
    again = ImageFolder(config).pool()
    assert "skipped, links that lead back: 1 (ape/more/ring)" in again.reading
    assert len(again.images) == len(source.pool().images)


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    write_classes(tmp_path, ape=4, bee=4)
    thumbnails = tmp_path / "ape" / "@eaDir" / "0.png"
    thumbnails.mkdir(parents=True)
    shutil.copy(tmp_path / "ape" / "0.png", thumbnails / "small.png")
    (tmp_path / "__MACOSX").mkdir()
    source = ImageFolder(DataConfig(name="imagefolder", root=str(tmp_path), image_size=8))
    assert source.pool().images.class_names == ("ape", "bee")
    assert len(source.pool().images) + sum(source.test_class_counts()) == 8


def test_files_in_folders_of_folders_are_found_and_others_passed_over(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=3, dog=3)
    shutil.copytree(tmp_path / "cat", tmp_path / "dog" / "more")
    (tmp_path / "cat" / "labels.csv").write_text("a,b")
    (tmp_path / "cat" / "README").write_text("hello")
    (tmp_path / "cat" / ".hidden.png").write_bytes(b"no image")
    (tmp_path / ".cache").mkdir()
    pool = image_source(folder_config(tmp_path)).pool()
    assert pool.images.class_names == ("cat", "dog")
    assert pool.images.class_counts() == (2, 4)
    assert pool.reading == (
        "the folders in dog/ (more/) are read as part of the class",
        "the test set is 33% of each class, but data.test_fraction asks for 25%, drawn without separating "
        "what belongs together",
        "images that look like another one, including copies: 6, in 3 sets, each of which stays on one side of "
        "every split (data.look_alikes)",
        "found in all: 13 = 9 read + 4 skipped",
        "skipped, hidden: 2 (.cache, cat/.hidden.png)",
        "skipped, no images: 2 (.csv, no extension)",
    )


def test_pool_and_counts_are_blind_to_the_test_labels(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=4, dog=3)
    write_classes(tmp_path / "test", cat=2, dog=2)
    before = ImageFolder(folder_config(tmp_path))
    pool, counts, test = before.pool().images, before.test_class_counts(), before.test().images
    (tmp_path / "test" / "cat").rename(tmp_path / "test" / "kept")
    (tmp_path / "test" / "dog").rename(tmp_path / "test" / "cat")
    (tmp_path / "test" / "kept").rename(tmp_path / "test" / "dog")
    after = ImageFolder(folder_config(tmp_path))
    assert set(zip(after.test().images.digests, after.test().images.labels, strict=True)).isdisjoint(
        zip(test.digests, test.labels, strict=True)
    )
    assert after.test_class_counts() == counts
    np.testing.assert_array_equal(after.pool().images.images, pool.images)
    assert after.pool().images.origins == pool.origins


def test_the_pool_holds_nothing_of_carved_test_images(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=8)
    before = ImageFolder(folder_config(tmp_path))
    pool, test = before.pool().images, before.test().images
    assert set(pool.origins).isdisjoint(test.origins)
    # Other pictures in their place, which look like no other, change neither the pool nor the counts.
    for number, origin in enumerate(test.origins):
        noise = np.random.default_rng(number).integers(0, 256, (10, 12), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / origin)
    after = ImageFolder(folder_config(tmp_path))
    np.testing.assert_array_equal(after.pool().images.images, pool.images)
    assert after.pool().images.origins == pool.origins
    assert after.test_class_counts() == before.test_class_counts()
    assert set(after.test().images.digests).isdisjoint(test.digests)


def test_names_are_shown_in_one_form_and_lead_back_to_their_files(tmp_path: Path) -> None:
    write_classes(tmp_path, dog=4)
    # "Müll" as macOS writes it, a name in Latin-1, and one that would steer a terminal.
    for name in (DECOMPOSED, os.fsdecode(b"caf\xe9"), "a\n\x1b[31m"):
        shutil.copytree(tmp_path / "dog", tmp_path / name)
    (tmp_path / os.fsdecode(b"caf\xe9/0.png")).rename(tmp_path / os.fsdecode(b"caf\xe9/\xff.png"))
    pool = ImageFolder(folder_config(tmp_path)).pool().images
    assert pool.class_names == (COMPOSED, "a\\n\\x1b[31m", "caf\\udce9", "dog")
    assert [class_label(name, pool.class_names) for name in ("Mu\u0308ll", "M\u00fcll", "a\n\x1b[31m")] == [
        0,
        0,
        1,
    ]
    assert all("\\udcff" in origin or origin.isprintable() for origin in pool.origins)
    assert all(find_origin(tmp_path, origin).is_file() for origin in pool.origins)


def test_a_number_is_the_class_that_bears_it_as_its_name() -> None:
    assert [class_label(choice, ("1", "2", "3")) for choice in (1, "1", 3, 0)] == [0, 0, 2, 0]
    assert class_label("010", ("1", "010")) == 1


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    write_classes(tmp_path, dog=2)
    for name in (COMPOSED, DECOMPOSED):
        shutil.copytree(tmp_path / "dog", tmp_path / name)
    with pytest.raises(DataError, match="two class folders are named"):
        ImageFolder(folder_config(tmp_path)).pool()


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    def refused(root: Path, said: str) -> None:
        with pytest.raises(DataError, match=said):
            ImageFolder(folder_config(root)).pool()

    refused(tmp_path / "nowhere", "nowhere: no such folder")
    refused(tmp_path, "there is no image in it")
    write_classes(tmp_path, dog=2)
    refused(tmp_path, r"one class folder \(dog\)")
    write_classes(tmp_path, owl=2)
    (tmp_path / "cat").mkdir()
    refused(tmp_path, "class 'cat' has no image; if it is not a class, add it to data.exclude")
    write_classes(tmp_path / "flat", train=2, test=2)
    refused(tmp_path / "flat", "no class folders")
    write_classes(tmp_path / "untrained" / "test", cat=2, dog=2)
    refused(tmp_path / "untrained", "there is no training set besides test/")
    write_classes(tmp_path / "odd" / "train", cat=2, dog=2)
    write_classes(tmp_path / "odd" / "test", cat=2, owl=2)
    refused(tmp_path / "odd", "only one of them has dog, owl")
    write_classes(tmp_path / "rare", cat=2, dog=1)
    refused(tmp_path / "rare", "class 'dog' has 1 image")
    with pytest.raises(DataError, match="name it with --data DIR"):
        ImageFolder(DataConfig(name="imagefolder")).pool()


def test_all_that_was_found_is_read_or_passed_over(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=6, dog=4)
    for name in ("a.HEIC", "b.psd", "c.svg", "d.dng", "e.nii.gz"):
        (tmp_path / "cat" / name).write_bytes(b"II*\0 and so on")
    (tmp_path / "cat" / "phone").write_bytes(b"\0\0\0\x18ftypheic and so on")
    (tmp_path / "notes.txt").write_text("made by hand")
    reading = ImageFolder(folder_config(tmp_path)).pool().reading
    assert "found in all: 17 = 10 read + 7 skipped" in reading
    unread = "skipped, images of a kind that is not read: 6 (cat/a.HEIC, cat/b.psd, cat/c.svg, ...)"
    assert unread in reading
    assert "skipped, no images: 1 (.txt)" in reading


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("set.h5", "this kind of file is not supported"),
        ("set.parquet", "this kind of file is not supported"),
        ("set.npy", "this kind of file is not supported"),
        ("set.zip", "archives are not read; unpack it"),
        ("set.tar.gz", "archives are not read; unpack it"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_can_be_read(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(DataError, match=rf"{said}.*\.csv, \.tsv.*\.npz"):
        ImageFolder(folder_config(tmp_path / name)).pool()
