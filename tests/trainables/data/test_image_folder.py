import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.base import memory
from gan_study.trainables.base.settings import DataError, UserError
from gan_study.trainables.data.images import class_label
from gan_study.trainables.data.pixels import read_pixels
from gan_study.trainables.data.prepared import image_source, twin_indices
from gan_study.trainables.data.reading.origins import find_origin, read_folders
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.image_folder import ImageFolder
from tests.real_data import real_data
from tests.trainables.data.tiny_sets import write_classes

# One name in two Unicode forms.
COMPOSED, DECOMPOSED = "M\u00fcll", "Mu\u0308ll"


def folder(root: Path, **changes: object) -> DataConfig:
    return DataConfig(name="imagefolder", root=str(root), image_size=8, **changes)  # type: ignore[arg-type]


def test_one_folder_for_each_class(tmp_path: Path) -> None:
    write_classes(tmp_path, dog=8, cat=4)
    source = image_source(folder(tmp_path, test_fraction=0.25))
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
    source = image_source(folder(tmp_path))
    assert source.pool().images.class_counts() == (4, 3)
    assert source.test_class_counts() == source.test().images.class_counts() == (2, 1)
    assert source.pool().images.origins[0] == "train/cat/0.png"
    assert source.pool().reading == (
        "val/ is not read, as validation images are drawn from those to train on",
        "found in all: 12 = 10 read + 2 passed over",
        "passed over, of parts not read: 2 (val/cat/0.png, val/dog/0.png)",
    )


def test_a_train_folder_alone_is_carved(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=4, dog=8)
    source = image_source(folder(tmp_path))
    assert source.pool().images.class_counts() == (3, 6)
    assert source.test_class_counts() == (1, 2)


def test_train_may_be_the_name_of_a_class(tmp_path: Path) -> None:
    write_classes(tmp_path, bus=4, train=4)
    assert image_source(folder(tmp_path)).pool().images.class_names == ("bus", "train")


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
    assert "passed over, links that lead back: 1 (ape/more/ring)" in again.reading
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


def test_pixels_are_those_of_the_files(tmp_path: Path) -> None:
    for name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.new("RGB", (5 + i, 9), colour).save(tmp_path / name / f"{i}.png")
    pool = image_source(folder(tmp_path)).pool().images
    assert pool.images.shape == (2, 3, 8, 8)
    assert pool.images[:, :, 4, 4].tolist() == [[0, 0, 255], [255, 0, 0]]
    assert pool.labels.tolist() == [0, 1]


def test_files_in_folders_of_folders_are_found_and_others_passed_over(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=3, dog=3)
    shutil.copytree(tmp_path / "cat", tmp_path / "dog" / "more")
    (tmp_path / "cat" / "labels.csv").write_text("a,b")
    (tmp_path / "cat" / "README").write_text("hello")
    (tmp_path / "cat" / ".hidden.png").write_bytes(b"no image")
    (tmp_path / ".cache").mkdir()
    pool = image_source(folder(tmp_path)).pool()
    assert pool.images.class_names == ("cat", "dog")
    assert pool.images.class_counts() == (2, 4)
    assert pool.reading == (
        "the folders in dog/ (more/) are read as part of the class",
        "the test part is 33% of each class, but data.test_fraction asks for 25%, drawn without separating "
        "what belongs together",
        "pictures that look like another one, including copies: 6, in 3 sets, each of which stays on one side of "
        "every split (data.look_alikes)",
        "found in all: 13 = 9 read + 4 passed over",
        "passed over, hidden: 2 (.cache, cat/.hidden.png)",
        "passed over, no pictures: 2 (.csv, no extension)",
    )


def test_pool_and_counts_are_blind_to_the_test_labels(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=4, dog=3)
    write_classes(tmp_path / "test", cat=2, dog=2)
    before = ImageFolder(folder(tmp_path))
    pool, counts, test = before.pool().images, before.test_class_counts(), before.test().images
    (tmp_path / "test" / "cat").rename(tmp_path / "test" / "kept")
    (tmp_path / "test" / "dog").rename(tmp_path / "test" / "cat")
    (tmp_path / "test" / "kept").rename(tmp_path / "test" / "dog")
    after = ImageFolder(folder(tmp_path))
    assert set(zip(after.test().images.digests, after.test().images.labels, strict=True)).isdisjoint(
        zip(test.digests, test.labels, strict=True)
    )
    assert after.test_class_counts() == counts
    np.testing.assert_array_equal(after.pool().images.images, pool.images)
    assert after.pool().images.origins == pool.origins


def test_the_pool_holds_nothing_of_carved_test_images(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=8)
    before = ImageFolder(folder(tmp_path))
    pool, test = before.pool().images, before.test().images
    assert set(pool.origins).isdisjoint(test.origins)
    # Other pictures in their place, which look like no other, change neither the pool nor the counts.
    for number, origin in enumerate(test.origins):
        noise = np.random.default_rng(number).integers(0, 256, (10, 12), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / origin)
    after = ImageFolder(folder(tmp_path))
    np.testing.assert_array_equal(after.pool().images.images, pool.images)
    assert after.pool().images.origins == pool.origins
    assert after.test_class_counts() == before.test_class_counts()
    assert set(after.test().images.digests).isdisjoint(test.digests)


def test_an_unreadable_picture_is_named_whichever_part_it_is_in(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=8)
    origin = ImageFolder(folder(tmp_path)).test().images.origins[-1]
    (tmp_path / origin).write_bytes(b"poison")
    with pytest.raises(DataError, match="cannot be read"):
        ImageFolder(folder(tmp_path)).pool()
    source = ImageFolder(folder(tmp_path, skip_unreadable=True))
    assert source.test().images.class_counts() == (1, 1)
    assert source.test_class_counts() == (1, 2)


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
    source = image_source(folder(tmp_path, group="folder", **changes))
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
    source = image_source(folder(tmp_path, group="folder"))
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
    source = image_source(folder(tmp_path, group="patient"))
    pool, test = source.pool(), source.test().images
    assert set(pool.images.groups or ()).isdisjoint(test.groups or ())
    assert (pool.images.num_groups() or 0) + (test.num_groups() or 0) == 9
    assert "pictures without a group, each of which is its own: 1" in pool.reading
    with pytest.raises(
        DataError, match=r"data\.group: labels\.csv has no column 'patients'; did you mean 'patient'"
    ):
        image_source(folder(tmp_path, group="patients")).pool()


def test_folders_say_the_classes_and_a_table_the_patients(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=6, dog=6)
    rows = [f"{name}/{i}.png,{name[0]}{i // 2}" for name in ("cat", "dog") for i in range(6)]
    (tmp_path / "patients.csv").write_text("\n".join(["file,patient", *rows]))
    source = image_source(folder(tmp_path, labels="patients.csv", group="patient"))
    pool, test = source.pool(), source.test().images
    assert (pool.images.class_counts(), test.class_counts()) == ((4, 4), (2, 2))
    assert set(pool.images.groups or ()).isdisjoint(test.groups or ())
    assert "patients.csv says the groups, by patient, and folders the classes" in pool.reading
    (tmp_path / "patients.csv").write_text("\n".join(["file,patient", *rows, "dog/0.png,d2"]))
    with pytest.raises(DataError, match=r"dog/0\.png stands there twice, as d0 and as d2"):
        ImageFolder(folder(tmp_path, labels="patients.csv", group="patient")).pool()


def test_groups_that_cannot_be_had_are_refused(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    with pytest.raises(DataError, match=r"data\.group: 'folder' needs folders below those of the classes"):
        image_source(folder(tmp_path, group="folder")).pool()
    with pytest.raises(
        DataError, match=r"data\.group: no table says the classes.*; no table here names the pictures"
    ):
        image_source(folder(tmp_path, group="patient")).pool()
    write_groups(tmp_path / "one", "{name}/{patient}/{i}.png", cat=1, dog=3)
    with pytest.raises(DataError, match="class 'cat' has one group of images"):
        image_source(folder(tmp_path / "one", group="folder")).pool()


def test_groups_of_both_given_parts_are_said(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_groups(tmp_path, part + "/{name}/{patient}/{i}.png", cat=2, dog=2)
    test = image_source(folder(tmp_path, group="folder")).test()
    assert any(
        note.startswith("groups that are in both the test part and the training part: 4 of 4")
        for note in test.notes
    )
    assert "test images that are, or look like, a training image: 20 of 20" in test.notes


def test_copies_lie_on_one_side_unless_they_may_be_apart(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=20, dog=20)
    for name in ("cat", "dog"):
        for i in range(10):
            # The same pixels in another file.
            Image.open(tmp_path / name / f"{i}.png").save(tmp_path / name / f"copy{i}.bmp")

    def common(look_alikes: str) -> int:
        source = image_source(folder(tmp_path, look_alikes=look_alikes))
        return len(set(source.pool().images.digests) & set(source.test().images.digests))

    assert common("together") == 0
    assert common("apart") > 0


def test_without_look_alikes_the_test_part_is_drawn_as_by_names_alone(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=20, dog=30)
    together, apart = (image_source(folder(tmp_path, look_alikes=each)) for each in ("together", "apart"))
    assert together.test().images.origins == apart.test().images.origins
    assert together.pool().images.units is None


def test_a_class_of_one_picture_again_and_again_is_split_and_said(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=1, dog=8)
    for i in range(1, 8):
        shutil.copy(tmp_path / "cat" / "0.png", tmp_path / "cat" / f"{i}.png")
    source = image_source(folder(tmp_path))
    assert source.test_class_counts() == (2, 2)
    assert any("too many of its pictures look alike" in line for line in source.pool().reading)


def spoil(file: Path, how: str) -> None:
    """Make an image file empty, cut it, or fill it with something else."""
    content = file.read_bytes()
    file.write_bytes({"empty": b"", "truncated": content[: len(content) // 2], "corrupt": b"not an image"}[how])


@pytest.mark.parametrize("how", ["empty", "truncated", "corrupt"])
@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_unreadable_files(how: str, extension: str, tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=4, dog=3)
    write_classes(tmp_path / "test", cat=2, dog=2)
    file = tmp_path / "train" / "cat" / f"9.{extension}"
    Image.new("L", (20, 20), 7).save(file)
    spoil(file, how)
    with pytest.raises(DataError, match=rf"9\.{extension}: cannot be read as an image \(.+\); --skip-unreadable"):
        image_source(folder(tmp_path)).pool()
    pool = image_source(folder(tmp_path, skip_unreadable=True)).pool()
    assert pool.images.class_counts() == (4, 3)
    assert pool.notes == (f"unreadable image files skipped: 1 (9.{extension})",)


def test_a_link_that_leads_nowhere_is_unreadable(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    for name in ("cat", "dog"):
        for file in (tmp_path / name).iterdir():
            file.unlink()
            file.symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"cannot be read as an image \(.*No such file"):
        image_source(folder(tmp_path)).pool()


def test_a_class_of_unreadable_files_alone_is_refused(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=2, dog=2)
    write_classes(tmp_path / "test", cat=2, dog=2)
    for file in (tmp_path / "train" / "cat").iterdir():
        spoil(file, "corrupt")
    with pytest.raises(DataError, match="class 'cat' has no readable image"):
        image_source(folder(tmp_path, skip_unreadable=True)).pool()


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(tmp_path / "train", cat=2, dog=2)
    write_classes(tmp_path / "test", cat=2, dog=2)
    # The files have 120 pixels: above the limit Pillow only warns, above its double it raises.
    for limit in (100, 50):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match="decompression bomb"):
            ImageFolder(folder(tmp_path)).pool()


def test_a_large_picture_in_a_small_file_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "white.png"
    Image.new("1", (6000, 6000)).save(path)
    with pytest.raises(DataError, match=r"a decompression bomb: 36,000,000 pixels in"):
        read_pixels(path)


def test_no_decoder_that_runs_a_program_reads_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    path = tmp_path / "photograph.png"
    Image.new("RGB", (8, 8)).save(path, format="EPS")
    with pytest.raises(DataError, match="not a picture in a supported format"):
        read_pixels(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "TGA", "ICO"])
def test_a_picture_is_known_by_its_content(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.png"
    Image.new("RGB", (16, 16), "red").save(path, format=kind)
    assert read_pixels(path).shape == (16, 16, 3)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    os.mkfifo(tmp_path / "cat" / "pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png: cannot be read as an image \(a pipe, but a file is needed\)"):
        ImageFolder(folder(tmp_path)).pool()


def test_names_are_shown_in_one_form_and_lead_back_to_their_files(tmp_path: Path) -> None:
    write_classes(tmp_path, dog=4)
    # "Müll" as macOS writes it, a name in Latin-1, and one that would steer a terminal.
    for name in (DECOMPOSED, os.fsdecode(b"caf\xe9"), "a\n\x1b[31m"):
        shutil.copytree(tmp_path / "dog", tmp_path / name)
    (tmp_path / os.fsdecode(b"caf\xe9/0.png")).rename(tmp_path / os.fsdecode(b"caf\xe9/\xff.png"))
    pool = ImageFolder(folder(tmp_path)).pool().images
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
        ImageFolder(folder(tmp_path)).pool()


def test_images_of_few_levels_are_said(tmp_path: Path) -> None:
    for name, level in (("cat", 3), ("dog", 15)):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("L", (8, 8), level).save(tmp_path / name / f"{i}.png")
    note = image_source(folder(tmp_path)).pool().notes[0]
    assert note.startswith("the images use the levels 3 to 15 of 0 to 255 only")


def test_more_images_than_fit_into_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    monkeypatch.setattr(memory, "free_bytes", lambda: 1_000)
    with pytest.raises(UserError, match="GB of memory"):
        ImageFolder(folder(tmp_path)).pool()


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    def refused(root: Path, said: str) -> None:
        with pytest.raises(DataError, match=said):
            ImageFolder(folder(root)).pool()

    refused(tmp_path / "nowhere", "nowhere: no such folder")
    refused(tmp_path, "there is no picture in it")
    write_classes(tmp_path, dog=2)
    refused(tmp_path, r"one class folder \(dog\)")
    write_classes(tmp_path, owl=2)
    (tmp_path / "cat").mkdir()
    refused(tmp_path, "class 'cat' is without a picture; if it is no class, name it by data.exclude")
    write_classes(tmp_path / "flat", train=2, test=2)
    refused(tmp_path / "flat", "no class folders")
    write_classes(tmp_path / "untrained" / "test", cat=2, dog=2)
    refused(tmp_path / "untrained", "there is no part to train on beside test/")
    write_classes(tmp_path / "odd" / "train", cat=2, dog=2)
    write_classes(tmp_path / "odd" / "test", cat=2, owl=2)
    refused(tmp_path / "odd", "only one of them has dog, owl")
    write_classes(tmp_path / "rare", cat=2, dog=1)
    refused(tmp_path / "rare", "class 'dog' has 1 image")
    with pytest.raises(DataError, match="name it with --data DIR"):
        ImageFolder(DataConfig(name="imagefolder")).pool()


@pytest.mark.soak
def test_covid19_has_six_test_images_in_its_training_pool() -> None:
    root = real_data("covid19")
    source = image_source(folder(root))
    pool, test = source.pool(), source.test()
    assert pool.images.class_names == ("Covid", "Normal", "Viral Pneumonia")
    assert pool.images.class_counts() == (111, 70, 70)
    assert source.test_class_counts() == test.images.class_counts() == (26, 20, 20)
    same_name = ("COVID-00003b", "COVID-00012", "COVID-00022", "COVID-00033", "COVID-00037")
    renamed = "radiopaedia-2019-novel-coronavirus-infected-pneumonia"
    twins = twin_indices(pool.images, test.images)
    assert {(pool.images.origins[i], test.images.origins[j]) for j, i in twins.items()} == {
        *((f"train/Covid/{name}.jpg", f"test/Covid/{name}.jpg") for name in same_name),
        ("train/Covid/069.jpg", f"test/Covid/{renamed}.jpg"),
    }
    assert any("pixel by pixel: 6 (kept;" in note for note in test.notes)
    # Two more are nearly the same.
    assert any(
        note.startswith("test images that are, or look like, a training image: 8 of 66") for note in test.notes
    )
    assert "repeat an earlier one, pixel by pixel: 3 (kept for training)" in pool.notes[0]


@pytest.mark.soak
def test_covid19_without_duplicates() -> None:
    source = image_source(folder(real_data("covid19"), drop_duplicates=True))
    assert source.test_class_counts() == source.test().images.class_counts() == (20, 20, 20)
    assert source.pool().images.class_counts() == (111, 70, 70)
    assert any("6 (left out)" in note for note in source.test().notes)


def words(root: Path, name: str, most: int, number: int = 6, white_is_zero: bool = False) -> None:
    """Greys of 16 bits that use the levels 0 to `most`."""
    (root / name).mkdir(parents=True)
    for i in range(number):
        pixels = np.random.default_rng(i).integers(0, most, (8, 8)).astype(np.uint16)
        pixels[0, :2] = (0, most)
        Image.fromarray(pixels).save(root / name / f"{i}.tif", tiffinfo={262: 0} if white_is_zero else {})


def test_two_scanners_in_one_container_are_a_giveaway(tmp_path: Path) -> None:
    words(tmp_path, "cat", 1023)
    words(tmp_path, "dog", 4095)
    pool = ImageFolder(folder(tmp_path)).pool()
    said = "classes differ in depth (cat: 10 of 16 bits 100%, dog: 12 of 16 bits 100%)"
    assert any(note.startswith(said) for note in pool.notes)
    # One white for both: 255 * 1023 / 4095 = 63.7.
    images = np.asarray(pool.images.images[:])
    assert [int(images[pool.images.labels == label].max()) for label in (0, 1)] == [64, 255]


def test_a_white_of_zero_is_turned_by_the_white_of_all(tmp_path: Path) -> None:
    words(tmp_path, "cat", 4095)
    words(tmp_path, "dog", 4095, white_is_zero=True)
    pool = ImageFolder(folder(tmp_path, look_alikes="apart")).pool()
    cats, dogs = (np.asarray(pool.images.images[:])[pool.images.labels == label] for label in (0, 1))
    # Black and white are the first two pixels of each.
    assert {tuple(each) for each in cats[:, 0, 0, :2].tolist()} == {(0, 255)}
    assert {tuple(each) for each in dogs[:, 0, 0, :2].tolist()} == {(255, 0)}
    assert len(np.unique(dogs)) > 100
    assert f"pictures in which 0 means white, which are inverted: {len(dogs)}" in pool.notes


def test_all_that_was_found_is_read_or_passed_over(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=6, dog=4)
    for name in ("a.HEIC", "b.psd", "c.svg", "d.dng", "e.nii.gz"):
        (tmp_path / "cat" / name).write_bytes(b"II*\0 and so on")
    (tmp_path / "cat" / "phone").write_bytes(b"\0\0\0\x18ftypheic and so on")
    (tmp_path / "notes.txt").write_text("made by hand")
    reading = ImageFolder(folder(tmp_path)).pool().reading
    assert "found in all: 17 = 10 read + 7 passed over" in reading
    unread = "passed over, pictures of a kind that is not read: 6 (cat/a.HEIC, cat/b.psd, cat/c.svg, ...)"
    assert unread in reading
    assert "passed over, no pictures: 1 (.txt)" in reading


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
        ImageFolder(folder(tmp_path / name)).pool()


def test_the_share_of_the_test_part_is_the_one_that_came_out(tmp_path: Path) -> None:
    """Four patients of three pictures each: a whole one is taken of each class."""
    for name in ("cat", "dog"):
        for patient in range(4 if name == "cat" else 2):
            write_classes(tmp_path / name, **{f"{name}{patient}": 3})
    reading = ImageFolder(folder(tmp_path, group="folder")).pool().reading
    assert (
        "the test part is 25% to 50% of a class, but data.test_fraction asks for 25%, drawn without "
        "separating what belongs together"
    ) in reading
