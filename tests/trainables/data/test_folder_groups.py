"""Pictures of an image folder that belong together, by group or by look, lie in one part."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.sources.image_folder import ImageFolder
from tests.trainables.data.tiny_sets import folder_config, write_classes


def write_groups(root: Path, pattern: str, **patients: int) -> None:
    """Five pictures of noise of each of `patients[name]` patients a class, named by `pattern`."""
    for label, (name, number) in enumerate(patients.items()):
        for patient in range(number):
            for i in range(5):
                path = root / pattern.format(name=name, patient=f"{name[0]}{patient}", i=i)
                path.parent.mkdir(parents=True, exist_ok=True)
                noise = np.random.default_rng([label, patient, i]).integers(0, 256, (10, 12), dtype=np.uint8)
                Image.fromarray(noise).save(path)


@pytest.mark.parametrize(
    ("pattern", "changes"),
    [
        ("{name}/{patient}/{i}.png", {}),
        ("{name}/{patient}/visit{i}/x.png", {}),
        ("data/train/{name}/{patient}/{i}.png", {}),
        ("{patient}/{name}/{i}.png", {"class_level": 2}),
    ],
)
def test_folders_are_groups(tmp_path: Path, pattern: str, changes: dict[str, object]) -> None:
    write_groups(tmp_path, pattern, cat=4, dog=8)
    source = image_source(folder_config(tmp_path, group="folder", **changes))
    pool, test = source.pool().images, source.test().images
    assert (pool.class_counts(), test.class_counts()) == ((15, 30), (5, 10))
    assert source.test_class_counts() == (5, 10)
    assert pool.groups is not None
    assert test.groups is not None
    assert not set(pool.groups) & set(test.groups)
    assert set(pool.groups) | set(test.groups) == {f"c{i}" for i in range(4)} | {f"d{i}" for i in range(8)}
    assert (pool.num_groups(), test.num_groups()) == (9, 3)
    assert all(f"/{group}/" in f"/{origin}" for group, origin in zip(pool.groups, pool.origins, strict=True))


def test_a_patient_of_all_classes_is_a_group(tmp_path: Path) -> None:
    for patient in range(6):
        write_classes(tmp_path / f"1025{patient}", **{"0": 4, "1": 2})
    source = image_source(folder_config(tmp_path, group="folder"))
    pool, test = source.pool().images, source.test().images
    assert set(pool.groups or ()) | set(test.groups or ()) == {f"1025{patient}" for patient in range(6)}
    assert set(pool.groups or ()).isdisjoint(test.groups or ())
    assert test.class_counts() in ((4, 2), (8, 4))


def test_a_column_names_groups(tmp_path: Path) -> None:
    write_groups(tmp_path, "images/{patient}-{i}.png", cat=4, dog=4)
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    rows = [
        f"{name},{'cat' if name[0] == 'c' else 'dog'},{'' if name == 'c0-0.png' else name[:2]}" for name in names
    ]
    (tmp_path / "labels.csv").write_text("\n".join(["image,finding,patient", *rows]))
    source = image_source(folder_config(tmp_path, group="patient"))
    pool, test = source.pool(), source.test().images
    assert set(pool.images.groups or ()).isdisjoint(test.groups or ())
    assert (pool.images.num_groups() or 0) + (test.num_groups() or 0) == 9
    assert "images without a group, each of which is its own: 1" in pool.reading
    with pytest.raises(
        DataError, match=r"data\.group: labels\.csv has no column 'patients'; did you mean 'patient'"
    ):
        image_source(folder_config(tmp_path, group="patients")).pool()


def test_folders_say_the_classes_and_a_table_the_patients(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=6, dog=6)
    rows = [f"{name}/{i}.png,{name[0]}{i // 2}" for name in ("cat", "dog") for i in range(6)]
    (tmp_path / "patients.csv").write_text("\n".join(["file,patient", *rows]))
    source = image_source(folder_config(tmp_path, labels="patients.csv", group="patient"))
    pool, test = source.pool(), source.test().images
    assert (pool.images.class_counts(), test.class_counts()) == ((4, 4), (2, 2))
    assert set(pool.images.groups or ()).isdisjoint(test.groups or ())
    assert "patients.csv gives the groups, by patient, and folders the classes" in pool.reading
    (tmp_path / "patients.csv").write_text("\n".join(["file,patient", *rows, "dog/0.png,d2"]))
    with pytest.raises(DataError, match=r"dog/0\.png appears twice, as d0 and as d2"):
        ImageFolder(folder_config(tmp_path, labels="patients.csv", group="patient")).pool()


def test_groups_that_cannot_be_had_are_refused(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    with pytest.raises(DataError, match=r"data\.group: 'folder' needs folders below those of the classes"):
        image_source(folder_config(tmp_path, group="folder")).pool()
    with pytest.raises(
        DataError, match=r"data\.group: no table gives the classes.*; no table here names the images"
    ):
        image_source(folder_config(tmp_path, group="patient")).pool()
    write_groups(tmp_path / "one", "{name}/{patient}/{i}.png", cat=1, dog=3)
    with pytest.raises(DataError, match="class 'cat' has one group of images"):
        image_source(folder_config(tmp_path / "one", group="folder")).pool()


def test_groups_of_both_given_parts_are_said(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_groups(tmp_path, part + "/{name}/{patient}/{i}.png", cat=2, dog=2)
    test = image_source(folder_config(tmp_path, group="folder")).test()
    assert any(
        note.startswith("groups that are in both the test set and the training set: 4 of 4") for note in test.notes
    )
    assert "test images that are, or look like, a training image: 20 of 20" in test.notes


def test_copies_lie_on_one_side_unless_they_may_be_apart(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=20, dog=20)
    for name in ("cat", "dog"):
        for i in range(10):
            # The same pixels in another file.
            Image.open(tmp_path / name / f"{i}.png").save(tmp_path / name / f"copy{i}.bmp")

    def common(look_alikes: str) -> int:
        source = image_source(folder_config(tmp_path, look_alikes=look_alikes))
        return len(set(source.pool().images.digests) & set(source.test().images.digests))

    assert common("together") == 0
    assert common("apart") > 0


def test_without_look_alikes_the_test_part_is_drawn_as_by_names_alone(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=20, dog=30)
    together, apart = (image_source(folder_config(tmp_path, look_alikes=each)) for each in ("together", "apart"))
    assert together.test().images.origins == apart.test().images.origins
    assert together.pool().images.units is None


def test_a_class_of_one_picture_again_and_again_is_split_and_said(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=1, dog=8)
    for i in range(1, 8):
        shutil.copy(tmp_path / "cat" / "0.png", tmp_path / "cat" / f"{i}.png")
    source = image_source(folder_config(tmp_path))
    assert source.test_class_counts() == (2, 2)
    assert any("too many of its images look alike" in line for line in source.pool().reading)


def test_the_share_of_the_test_part_is_the_one_that_came_out(tmp_path: Path) -> None:
    """Four patients of three pictures each: a whole one is taken of each class."""
    for name in ("cat", "dog"):
        for patient in range(4 if name == "cat" else 2):
            write_classes(tmp_path / name, **{f"{name}{patient}": 3})
    reading = ImageFolder(folder_config(tmp_path, group="folder")).pool().reading
    assert (
        "the test set is 25% to 50% of a class, but data.test_fraction asks for 25%, drawn without "
        "separating what belongs together"
    ) in reading
