"""A data set as a whole: from the entries of a folder and the settings to the files of its parts."""

import json
import re
import shutil
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.fingerprint import take_fingerprint
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.reading.columns import Columns
from gan_study.trainables.data.reading.listing import Reading, read_listing
from gan_study.trainables.data.source import DataConfig
from tests.trainables.data.tiny_sets import write_classes


def config(root: Path, **changes: object) -> DataConfig:
    return DataConfig(name="imagefolder", root=str(root), image_size=8, **changes)  # type: ignore[arg-type]


def counts(found: Reading) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    return found.train.class_counts(), None if found.test is None else found.test.class_counts()


def flat(folder: Path, *names: str) -> None:
    """Pictures that no folder tells apart."""
    folder.mkdir(parents=True, exist_ok=True)
    for level, name in enumerate(names):
        Image.new("L", (8, 8), 20 * level).save(folder / name)


NAMES = [f"{letter}.png" for letter in "abcdefgh"]
LABELS = "image,label\n" + "".join(f"{name},{'cat' if i % 2 else 'dog'}\n" for i, name in enumerate(NAMES))


def test_read_and_passed_over_is_all_that_was_found(tmp_path: Path) -> None:
    for part in ("Training", "Testing", "val"):
        write_classes(tmp_path / "archive" / part, cat=3, dog=2)
    shutil.copytree(tmp_path / "archive" / "Testing", tmp_path / "archive" / "copy" / "Testing")
    (tmp_path / "archive" / "README.md").write_text("# A set")
    (tmp_path / "archive" / ".DS_Store").write_bytes(b"\0")
    flat(tmp_path / "archive", "cover.png")
    found = read_listing(config(tmp_path))
    assert counts(found) == ((3, 2), (3, 2))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found.num_found == len(files)
    assert found.notes == (
        "Testing/ is read as the test set, Training/ is read as the train set",
        "val/ is not read, because validation images are drawn from the training set",
    )
    assert found.passed_over_lines() == (
        "skipped, hidden: 1 (archive/.DS_Store)",
        "skipped, no images: 1 (.md)",
        "skipped, copies, by folders and names, of images read: 5 (archive/copy/Testing/cat/0.png, "
        "archive/copy/Testing/cat/1.png, archive/copy/Testing/cat/2.png, ...)",
        "skipped, images outside of class folders: 1 (archive/cover.png)",
        "skipped, of parts not read: 5 (archive/val/cat/0.png, archive/val/cat/1.png, archive/val/cat/2.png, ...)",
    )


@pytest.mark.parametrize("how", ["found", "named", "given"])
def test_a_table_says_the_classes(how: str, tmp_path: Path) -> None:
    flat(tmp_path / "train_images", *NAMES)
    table = tmp_path / "train.csv"
    table.write_text(LABELS)
    settings = {
        "found": config(tmp_path),
        "named": config(tmp_path, labels="train.csv"),
        "given": config(table),
    }[how]
    found = read_listing(settings)
    assert found.train.class_names == ("cat", "dog") and counts(found) == ((4, 4), None)
    source = image_source(settings)
    assert source.pool().images.class_counts() == (3, 3) and source.test_class_counts() == (1, 1)
    # What the table says is part of the data.
    before = take_fingerprint(settings)
    table.write_text(LABELS.replace("a.png,dog", "a.png,cat"))
    assert take_fingerprint(settings).pool_digest != before.pool_digest


def test_a_table_for_each_part(tmp_path: Path) -> None:
    for part in ("train", "test"):
        flat(tmp_path / f"{part}_images", *NAMES)
        (tmp_path / f"{part}_labels.csv").write_text(LABELS)
    found = read_listing(config(tmp_path))
    assert counts(found) == ((4, 4), (4, 4))
    assert {path.parent.name for path in found.train.paths} == {"train_images"}


def test_several_tables_need_a_name(tmp_path: Path) -> None:
    flat(tmp_path, *NAMES)
    (tmp_path / "first.csv").write_text(LABELS)
    (tmp_path / "second.csv").write_text(
        "image,class\n" + "".join(f"{name},{i // 4}\n" for i, name in enumerate(NAMES))
    )
    with pytest.raises(
        DataError,
        match=r"several tables name the images \(first\.csv by label; second\.csv by class\); name one with",
    ):
        read_listing(config(tmp_path))
    assert counts(read_listing(config(tmp_path, labels="second.csv"))) == ((4, 4), None)
    with pytest.raises(DataError, match=r"data\.labels: third\.csv: no such file"):
        read_listing(config(tmp_path, labels="third.csv"))


def test_columns_are_named_by_the_settings(tmp_path: Path) -> None:
    flat(tmp_path, *NAMES)
    (tmp_path / "a.csv").write_text(
        "image,one,two\n" + "".join(f"{name},{i % 2},{i % 3}\n" for i, name in enumerate(NAMES))
    )
    with pytest.raises(DataError, match="no class folders"):
        read_listing(config(tmp_path))
    with pytest.raises(DataError, match=r"the columns one, two may be the class; name it with data"):
        read_listing(config(tmp_path, labels="a.csv"))
    assert counts(read_listing(config(tmp_path, labels="a.csv", columns=Columns(label="two")))) == (
        (3, 3, 2),
        None,
    )


def test_parts_are_named_by_the_settings(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        write_classes(tmp_path / name, cat=3, dog=2)
    with pytest.raises(DataError, match="either may be the classes; choose the level with"):
        read_listing(config(tmp_path))
    found = read_listing(config(tmp_path, train=("first", "second"), test=("third",)))
    assert counts(found) == ((6, 4), (3, 2))
    assert counts(read_listing(config(tmp_path, train=("second",)))) == ((3, 2), None)
    assert counts(read_listing(config(tmp_path, class_level=2))) == ((9, 6), None)
    with pytest.raises(
        DataError, match=r"data\.train: 'fourth' holds no image; the folder of the data has first/, se"
    ):
        read_listing(config(tmp_path, train=("fourth",)))
    with pytest.raises(DataError, match=r"data\.test is given without data\.train"):
        read_listing(config(tmp_path, test=("third",)))
    with pytest.raises(DataError, match="name the same images"):
        read_listing(config(tmp_path, train=("first",), test=("first",)))


def test_what_is_excluded_is_not_read(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=3, dog=2, drafts=4)
    found = read_listing(config(tmp_path, exclude=("drafts",)))
    assert found.train.class_names == ("cat", "dog")
    assert found.passed_over_lines() == ("skipped, excluded by data.exclude: 1 (drafts)",)
    assert not any("leaves nothing out" in note for note in found.notes)
    misspelt = read_listing(config(tmp_path, exclude=("draffts", "dra*s", "[")))
    assert misspelt.notes[0] == "data.exclude leaves nothing out by draffts, ["


def test_a_class_whose_pictures_are_of_no_known_kind_does_not_vanish(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=3, dog=2)
    (tmp_path / "owl").mkdir()
    (tmp_path / "owl" / "raw.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(DataError, match=r"class .owl. has no image; if it is not a class, add it to"):
        read_listing(config(tmp_path))


def test_a_link_to_a_class_is_read(tmp_path: Path) -> None:
    write_classes(tmp_path / "data", cat=3, dog=2)
    write_classes(tmp_path / "elsewhere", owl=4)
    (tmp_path / "data" / "owl").symlink_to(tmp_path / "elsewhere" / "owl")
    assert counts(read_listing(config(tmp_path / "data"))) == ((3, 2, 4), None)


def cameras(root: Path, *folders: str) -> str:
    """Six pictures in each folder, and a table that says another class of each: every third is a lynx."""
    rows = ["path,species"]
    for folder in folders:
        flat(root / folder, *(f"{folder}_{i}.png" for i in range(6)))
        rows += [f"{folder}/{folder}_{i}.png,{'lynx' if i % 3 == 0 else 'deer'}" for i in range(6)]
    return "\n".join(rows) + "\n"


def test_a_table_of_all_pictures_is_read_where_folders_are_but_numbered(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(cameras(tmp_path, "S1", "S2", "S3"))
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("deer", "lynx")
    assert found.train.class_counts() == (12, 6)


def test_a_table_and_folders_that_say_other_classes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(cameras(tmp_path, "north", "south"))
    with pytest.raises(DataError, match=r"gives other classes \(deer, lynx\) than the folders \(north, south\)"):
        read_listing(config(tmp_path))
    assert read_listing(config(tmp_path, labels="labels.csv")).train.class_counts() == (8, 4)
    assert read_listing(config(tmp_path, exclude=("labels.csv",))).train.class_names == ("north", "south")


def test_a_table_that_says_what_folders_say_changes_nothing(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=3, dog=2)
    rows = [f"{path.relative_to(tmp_path).as_posix()},{path.parent.name}" for path in tmp_path.rglob("*.png")]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    found = read_listing(config(tmp_path))
    assert (found.train.class_names, found.tables) == (("cat", "dog"), ())


def test_a_table_of_patients_says_that_their_folders_are_no_classes(tmp_path: Path) -> None:
    for number in range(4):
        flat(tmp_path / f"P{number}" / "study", "0.png", "1.png")
    (tmp_path / "patients.csv").write_text("patient,diagnosis\nP0,ill\nP1,well\nP2,ill\nP3,well\n")
    with pytest.raises(DataError, match="gives a class for each folder"):
        read_listing(config(tmp_path))


def test_a_row_takes_no_picture_of_another_folder(tmp_path: Path) -> None:
    flat(tmp_path / "train", *NAMES)
    flat(tmp_path / "test", "z.png")
    rows = [f"train/{name},{'cat' if i % 2 else 'dog'}" for i, name in enumerate([*NAMES, "z.png"])]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    with pytest.raises(DataError, match=r"1 of 9 rows name a missing image in the column path \(train/z.png\)"):
        read_listing(config(tmp_path))


def test_a_table_without_a_header_loses_no_row(tmp_path: Path) -> None:
    flat(tmp_path / "images", *NAMES)
    (tmp_path / "labels.csv").write_text(LABELS.split("\n", 1)[1])
    found = read_listing(config(tmp_path))
    assert (found.train.class_names, found.train.class_counts()) == (("cat", "dog"), (4, 4))


def test_what_a_contest_wants_guessed_is_no_table_of_classes(tmp_path: Path) -> None:
    flat(tmp_path / "train", *NAMES)
    flat(tmp_path / "test", "x.png", "y.png")
    (tmp_path / "train.csv").write_text(LABELS)
    (tmp_path / "sample_submission.csv").write_text("image,label\nx.png,cat\ny.png,cat\n")
    assert read_listing(config(tmp_path)).train.class_counts() == (4, 4)


def test_a_table_may_be_named_after_its_part_among_other_words(tmp_path: Path) -> None:
    flat(tmp_path / "SKIN_2019_Training_Input", *NAMES)
    flat(tmp_path / "SKIN_2019_Test_Input", *NAMES)
    (tmp_path / "SKIN_2019_Training_GroundTruth.csv").write_text(LABELS)
    found = read_listing(config(tmp_path))
    assert found.train.class_counts() == (4, 4)
    assert {path.parent.name for path in found.train.paths} == {"SKIN_2019_Training_Input"}


@pytest.mark.parametrize("other", ["cat ", "cat\u200b", " cat", "c\u00adat", "cat\u00a0"])
def test_classes_that_look_alike_are_not_two(other: str, tmp_path: Path) -> None:
    for name in ("cat", other, "dog"):
        flat(tmp_path / name, *NAMES)
    with pytest.raises(DataError, match="differ only in spaces or invisible characters") as refused:
        read_listing(config(tmp_path))
    # It is seen which is which.
    assert ascii("cat") in str(refused.value) and ascii(other) in str(refused.value)
    shutil.rmtree(tmp_path / other)
    assert read_listing(config(tmp_path)).train.class_names == ("cat", "dog")


def test_a_group_is_the_same_however_its_number_is_written(tmp_path: Path) -> None:
    flat(tmp_path, *NAMES)
    patients = ["7", "7.0", "8", "8.0", "07", "7.5", "P7", "P7\u200b"]
    rows = [f"{row},{who}" for row, who in zip(LABELS.splitlines()[1:], patients, strict=True)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label,patient", *rows]), encoding="utf-8")
    found = read_listing(config(tmp_path, group="patient")).train
    groups = dict(zip((path.name for path in found.paths), found.groups or (), strict=True))
    assert [groups[name] for name in NAMES] == ["7", "7", "8", "8", "07", "7.5", "P7", "P7"]


def test_weights_are_read_back_and_all_pictures_to_train_on_have_one(tmp_path: Path) -> None:
    flat(tmp_path, *NAMES)
    cells = ["1", "2", "3", "4", "1", "2", "3", ""]
    names, classes = zip(*(row.split(",") for row in LABELS.splitlines()[1:]), strict=True)
    rows = [
        f"{name},{label},{'test' if i > 5 else 'train'},"
        for i, (name, label) in enumerate(zip(names, classes, strict=True))
    ]
    text = "image,label,split,weight\n" + "\n".join(row + cell for row, cell in zip(rows, cells, strict=True))
    (tmp_path / "labels.csv").write_text(text)
    found = read_listing(config(tmp_path))
    # Class by class: b, d, f and a, c, e; the test set has none.
    assert found.train.weights is not None and found.train.weights.tolist() == [2, 4, 2, 1, 3, 1]
    assert found.test is not None and found.test.weights is None
    assert found.notes[-1].startswith("weights of images in the loss of a classifier: 1 to 4, 2.167 on average; ")
    assert found.train.subset(np.array([4, 0])).weights.tolist() == [3, 2]  # type: ignore[union-attr]
    (tmp_path / "labels.csv").write_text(text.replace("train,3", "train,"))
    with pytest.raises(DataError, match=r"1 training images have no weight, but others do \(c\.png\)"):
        read_listing(config(tmp_path))
    (tmp_path / "labels.csv").write_text(text.replace("train,3", "train,1e9"))
    with pytest.raises(DataError, match="weights of 1 to 1e\\+09: the least are negligible beside the largest"):
        read_listing(config(tmp_path))


def test_a_table_may_say_weights_and_groups_where_folders_say_the_classes(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=3, dog=3)
    rows = [f"{name}/{i}.png,{i + 1},p{i}" for name in ("cat", "dog") for i in range(3)]
    (tmp_path / "more.csv").write_text("\n".join(["file,weight,patient", *rows]))
    found = read_listing(config(tmp_path, labels="more.csv", group="patient"))
    assert found.train.class_counts() == (3, 3)
    assert found.train.weights is not None and found.train.weights.tolist() == [1, 2, 3] * 2
    assert found.train.groups == ("p0", "p1", "p2") * 2
    assert (
        "more.csv gives the groups, by patient, and the weights, by weight, and folders the classes" in found.notes
    )


def test_a_table_says_the_classes_of_a_test_part_without_folders(tmp_path: Path) -> None:
    write_classes(tmp_path / "Train", cat=3, dog=3)
    flat(tmp_path / "Test", *NAMES)
    flat(tmp_path / "Meta", "a.png")
    rows = [f"Test/{name},{'cat' if i < 3 else 'dog'}" for i, name in enumerate(NAMES)]
    (tmp_path / "Test.csv").write_text("\n".join(["Path,ClassId", *rows]))
    found = read_listing(config(tmp_path))
    assert counts(found) == ((3, 3), (3, 5))
    assert "Test.csv gives the classes: Path and ClassId" in found.notes
    assert found.passed_over["images without a class"] == (PurePosixPath("Meta/a.png"),)
    assert tmp_path / "Test.csv" in found.tables
    (tmp_path / "Test.csv").write_text("\n".join(["Path,ClassId", *rows[1:]]))
    assert counts(read_listing(config(tmp_path))) == ((3, 3), None)


def test_tables_that_name_the_pictures_and_are_not_read_are_said(tmp_path: Path) -> None:
    write_classes(tmp_path / "sorted", cat=3, dog=3)
    names = [f"{name}/{i}.png" for name in ("cat", "dog") for i in range(3)]
    (tmp_path / "meta.csv").write_text(
        "\n".join(["file,age,sex", *(f"{name},4{i},f" for i, name in enumerate(names))])
    )
    read_with = "data.labels and data.columns.label: meta.csv (file, age, sex)"
    said = f"tables that name the images can be read with {read_with}"
    assert read_listing(config(tmp_path)).notes == (f"folders give the classes; {said}",)
    shutil.rmtree(tmp_path / "sorted" / "dog")
    with pytest.raises(DataError, match=r"one class.*; tables that name the images can be read with .* meta\.csv"):
        read_listing(config(tmp_path))


def test_a_list_of_paths_and_classes_between_blanks_is_read(tmp_path: Path) -> None:
    flat(tmp_path / "images" / "imagesa", "one.png", "a b.png")
    flat(tmp_path / "images" / "imagesb", "two.png", "three.png")
    rows = ["imagesa/one.png 0", "imagesa/a b.png 1", "imagesb/two.png 0", "imagesb/three.png 1"]
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "train.txt").write_text("\n".join(rows))
    found = read_listing(config(tmp_path, labels="labels/train.txt"))
    assert found.train.class_names == ("0", "1") and counts(found) == ((2, 2), None)


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_a_table_in_each_part_names_the_pictures_beside_it(name: str, tmp_path: Path) -> None:
    """As Hugging Face has them; file names come again in each part."""
    for part, number in (("train", 8), ("valid", 4), ("test", 6)):
        flat(tmp_path / part, *NAMES[:number])
        labels = [("cat" if i % 2 else "dog") for i in range(number)]
        if name.endswith("csv"):
            rows = [f"{each},{label}" for each, label in zip(NAMES, labels, strict=False)]
            text = "\n".join(["file_name,label", *rows])
        else:
            both = zip(NAMES, labels, strict=False)
            text = "\n".join(json.dumps({"file_name": each, "boxes": [1], "label": label}) for each, label in both)
        (tmp_path / part / name).write_text(text)
    found = read_listing(config(tmp_path))
    assert counts(found) == ((4, 4), (3, 3))
    assert {path.parent.name for path in found.train.paths} == {"train"}
    assert {path.parent.name for path in found.test.paths} == {"test"}  # type: ignore[union-attr]
    assert len(found.passed_over["of parts not read"]) == 4
    assert f"train/{name} gives the classes: file_name and label" in found.notes
    assert {f"table {part}/{name}" for part in ("train", "test", "valid")} <= take_fingerprint(
        config(tmp_path)
    ).pool.keys()
    alone = read_listing(config(tmp_path, labels=f"train/{name}"))
    assert counts(alone) == ((4, 4), None)
    assert len(alone.passed_over["images that the table does not name"]) == 10


def test_a_column_a_class_in_a_table_of_each_part(tmp_path: Path) -> None:
    """As Roboflow has them, with blanks after the commas."""
    for part in ("train", "test"):
        flat(tmp_path / part, *NAMES)
        rows = [f"{name}, {int(i % 2 == 0)}, {i % 2}" for i, name in enumerate(NAMES)]
        (tmp_path / part / "_classes.csv").write_text("\n".join(["filename, Scab, Rust", *rows]))
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("Rust", "Scab") and counts(found) == ((4, 4), (4, 4))


def test_tables_of_one_name_are_named_with_their_folders(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        flat(tmp_path / folder, *(f"{folder}-{name}" for name in NAMES))
        rows = [f"{folder}-{name},{'cat' if i % 2 else 'dog'}" for i, name in enumerate(NAMES)]
        (tmp_path / folder / "labels.csv").write_text("\n".join(["image,label", *rows]))
    with pytest.raises(DataError, match=r"one/labels\.csv, two/labels\.csv give other classes \(cat, dog\) than"):
        read_listing(config(tmp_path))


def test_excels_unicode_text_is_read(tmp_path: Path) -> None:
    flat(tmp_path / "images", *NAMES)
    (tmp_path / "labels.csv").write_bytes(LABELS.replace(",", "\t").replace("cat", "Müll").encode("utf-16"))
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("Müll", "dog") and counts(found) == ((4, 4), None)


def test_a_table_of_patients_is_none_of_classes(tmp_path: Path) -> None:
    """Neither where folders say the classes nor where these may mean two things."""
    write_classes(tmp_path / "plain", cat=4, dog=4)
    for name in ("cat", "dog"):
        for camera in ("cam0", "cam1"):
            flat(tmp_path / "cameras" / name / camera, *(f"{name}{camera}{i}.png" for i in range(2)))
    for folder in ("plain", "cameras"):
        pictures = sorted(path for path in (tmp_path / folder).rglob("*.png"))
        rows = [f"{path.relative_to(tmp_path / folder).as_posix()},P{i // 2}" for i, path in enumerate(pictures)]
        (tmp_path / folder / "patients.csv").write_text("\n".join(["path,patient", *rows]))
    named = {"labels": "patients.csv", "group": "patient"}
    assert read_listing(config(tmp_path / "plain", **named)).train.groups == tuple(f"P{i // 2}" for i in range(8))
    with pytest.raises(DataError, match=r"patients.csv: no column is left.*either may be the classes"):
        read_listing(config(tmp_path / "cameras", **named))
    found = read_listing(config(tmp_path / "cameras", class_level=1, **named))
    assert found.train.class_names == ("cat", "dog") and len(set(found.train.groups or ())) == 4
    said = r"tables that name the images can be read with .*: patients\.csv \(path, patient\)"
    assert len([note for note in read_listing(config(tmp_path / "plain")).notes if re.search(said, note)]) == 1
    with pytest.raises(DataError, match=rf"data\.group: no table gives the classes.*{said}"):
        read_listing(config(tmp_path / "plain", group="patient"))
    with pytest.raises(
        DataError, match=r"no column is left for the class; patient can be used with data\.group=patient"
    ):
        read_listing(config(tmp_path / "plain", labels="patients.csv"))


def test_what_may_hold_the_classes_and_is_not_read_is_named(tmp_path: Path) -> None:
    flat(tmp_path / "jpg", *NAMES)
    (tmp_path / "imagelabels.mat").write_bytes(b"MATLAB")
    with pytest.raises(
        DataError,
        match=r"one class folder \(jpg\).*not read: imagelabels\.mat; a table labels\.csv with the columns",
    ):
        read_listing(config(tmp_path))


def test_folders_that_repeat_names_alone_are_refused(tmp_path: Path) -> None:
    """data/cat and data/more photos/cat, in which 0.png is another image."""
    write_classes(tmp_path, cat=12, dog=12)
    shutil.copytree(tmp_path / "cat", tmp_path / "more" / "cat")
    shutil.copytree(tmp_path / "dog", tmp_path / "more" / "dog")
    assert counts(read_listing(config(tmp_path))) == ((12, 12), None)
    flat(tmp_path / "more" / "cat", "0.png")
    (said,) = (line for line in read_listing(config(tmp_path)).notes if "skipped copies" in line)
    assert said.endswith("differ from the originals: 1 (more/cat/0.png)")
    flat(tmp_path / "more" / "dog", *(f"{i}.png" for i in range(12)))
    with pytest.raises(DataError, match=r"13 of 24 differ \(more/cat/0.png.*data\.exclude"):
        read_listing(config(tmp_path))
    assert counts(read_listing(config(tmp_path, exclude=("more",)))) == ((12, 12), None)


@pytest.mark.parametrize("name", ["{}-d.bmp", "{}_label.png", "{}_L.png", "{}.png"])
def test_masks_beside_images_are_told_by_names_and_levels(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    for folder in ("cat", "dog"):
        (tmp_path / folder).mkdir()
        for i in range(5):
            pixels = noise.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{folder}{i}.jpg", quality=95)
            mask = np.where(np.arange(256).reshape(16, 16) % 16 > i, 255, 0).astype(np.uint8)
            Image.fromarray(mask).save(tmp_path / folder / name.format(f"{folder}{i}"))
    found = read_listing(config(tmp_path))
    assert counts(found) == ((5, 5), None)
    assert sum(map(len, found.passed_over.values())) == 10
    for path in (tmp_path / "cat").glob(name.format("*")):
        if path.suffix != ".jpg":
            Image.fromarray(noise.integers(0, 256, (16, 16), dtype=np.uint8)).save(path)
    found = read_listing(config(tmp_path))
    assert counts(found) == ((10, 10), None) and any("have a partner" in note for note in found.notes)


@pytest.mark.parametrize("names", [("dicom_dir", "tiff_images"), ("rgb", "depth"), ("thumbs", "full")])
def test_forms_of_one_set_are_no_classes(names: tuple[str, str], tmp_path: Path) -> None:
    for name in names:
        flat(tmp_path / name, *(f"x{i}.png" for i in range(8)))
    with pytest.raises(DataError, match="versions of one set"):
        read_listing(config(tmp_path))
    for path in (tmp_path / names[0]).iterdir():
        path.rename(path.with_name(f"other-{path.name}"))
    assert counts(read_listing(config(tmp_path))) == ((8, 8), None)


@pytest.mark.parametrize(
    ("names", "is_said"),
    [
        (("IMD002", "IMD003", "IMD004"), True),
        (("TCGA-A1-A0SB", "TCGA-A2-A04P", "TCGA-A2-A0CM"), True),
        (("30601258@N03", "7153718@N04", "10044155@N06"), True),
        (("0", "1", "2"), False),
        (("n01440764", "n01443537", "n01484850"), False),
        (("grade1", "grade2", "grade3"), False),
        (("cat", "dog", "owl2"), False),
        (("character_1_ka", "character_2_kha", "digit_0"), False),
    ],
)
def test_folders_that_may_be_patients_are_said(names: tuple[str, ...], is_said: bool, tmp_path: Path) -> None:
    for name in names:
        flat(tmp_path / name, *(f"{name}-{i}.png" for i in range(4)))
    notes = read_listing(config(tmp_path)).notes
    assert any("numbers and codes" in note for note in notes) == is_said


@pytest.mark.parametrize("form", ["{}_{:03}.png", "{}__{}_0f47.png", "obj{}__{}.png"])
def test_names_of_files_that_begin_with_a_number(form: str, tmp_path: Path) -> None:
    flat(tmp_path / "all", *(form.format(i % 3, i) for i in range(12)))
    found = read_listing(config(tmp_path))
    assert counts(found) == ((4, 4, 4), None)
    assert any("the beginning of each file name is its class" in note for note in found.notes)


def test_a_second_test_part_is_said(tmp_path: Path) -> None:
    for part in ("train", "test", "auto_test"):
        write_classes(tmp_path / part, cat=5, dog=5)
    found = read_listing(config(tmp_path))
    assert counts(found) == ((5, 5), (5, 5))
    assert any(note.startswith("auto_test/ with 10 images is not read") for note in found.notes)


@pytest.mark.parametrize("column", ["Majority Vote Label", "Class Name (str)", "pathology"])
def test_a_column_whose_name_speaks_of_the_class(column: str, tmp_path: Path) -> None:
    flat(tmp_path / "images", *NAMES)
    rows = "".join(f"{name},{'ab'[i % 2]},{i % 4}\n" for i, name in enumerate(NAMES))
    (tmp_path / "annotations.csv").write_text(f"Image Name,{column},Number of experts\n{rows}")
    assert read_listing(config(tmp_path)).train.class_names == ("a", "b")


def test_names_that_begin_with_a_patient_say_no_class(tmp_path: Path) -> None:
    flat(tmp_path / "all", *(f"patient{i % 3}_{i}.png" for i in range(12)))
    with pytest.raises(DataError, match="class folder"):
        read_listing(config(tmp_path))


@pytest.mark.parametrize("column", ["label", "score"])
def test_a_column_of_scores_is_no_class(column: str, tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(20)]
    flat(tmp_path, *names)
    rows = "".join(f"{name},{i / 40}\n" for i, name in enumerate(names))
    (tmp_path / "labels.csv").write_text(f"file,{column}\n{rows}")
    with pytest.raises(
        DataError, match=rf"{column} has 20 different numbers with fractions .*data\.columns\.label"
    ):
        read_listing(config(tmp_path, labels="labels.csv"))


def test_names_of_files_are_read_where_nothing_else_says_the_classes(tmp_path: Path) -> None:
    names = [f"{name}.{i}.png" for name in ("cat", "dog") for i in range(4)]
    flat(tmp_path / "train", *names)
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("cat", "dog") and counts(found) == ((4, 4), None)
    rows = [f"{name},{'odd' if i % 2 else 'even'}" for i, name in enumerate(names)]
    (tmp_path / "train.csv").write_text("\n".join(["file,label", *rows]))
    assert read_listing(config(tmp_path)).train.class_names == ("even", "odd")


@pytest.mark.parametrize("header", ["emotion,pixels", "label," + ",".join(f"pixel{i}" for i in range(784))])
@pytest.mark.parametrize("number", [0, 3])
def test_a_table_of_pixels_names_no_images(header: str, number: int, tmp_path: Path) -> None:
    flat(tmp_path, *NAMES[:number])
    (tmp_path / "train.csv").write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    for asked in (config(tmp_path), config(tmp_path / "train.csv")):
        with pytest.raises(
            DataError, match=r"train\.csv: .*cells may be the pixels themselves.*--data names the table"
        ):
            read_listing(asked)


@pytest.mark.parametrize("label", ["label", "age"])
def test_a_table_says_the_parts_of_class_folders(label: str, tmp_path: Path) -> None:
    """Whether or not it says the same classes as the folders, too."""
    write_classes(tmp_path, cat=6, dog=6)
    rows = [
        f"{name}/{i}.png,{name if label == 'label' else i % 3},{('train', 'train', 'test')[i % 3]}"
        for name in ("cat", "dog")
        for i in range(6)
    ]
    (tmp_path / "meta.csv").write_text("\n".join([f"file,{label},fold", *rows]))
    found = read_listing(config(tmp_path))
    assert counts(found) == ((4, 4), (2, 2)) and found.tables == (tmp_path / "meta.csv",)
    assert sorted(path.name for path in found.test.paths) == ["2.png", "2.png", "5.png", "5.png"]  # type: ignore[union-attr]
    assert "folders give the classes, and meta.csv the parts, by fold" in found.notes
    (tmp_path / "meta.csv").write_text("\n".join([f"file,{label},fold", *rows[1:]]))
    assert counts(read_listing(config(tmp_path))) == ((6, 6), None)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["path,label", "cat/0.png,cat", "cat/1.png,cat,dog"], "labels.csv: row 3 has 3 cells"),
        (["path,label,label", "cat/0.png,cat,cat"], "labels.csv: two columns are named 'label'"),
        (["epoch,loss", "1,0.5", "2,0.4,0.3"], None),
    ],
    ids=["ragged", "two columns", "names no image"],
)
def test_a_broken_table_beside_class_folders_is_said_if_it_names_pictures(
    rows: list[str], said: str | None, tmp_path: Path
) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    found = read_listing(config(tmp_path))
    assert counts(found) == ((4, 4), None)
    notes = [note for note in found.notes if "is not read" in note]
    assert len(notes) == (said is not None)
    assert said is None or said in notes[0]


# How EuroSAT is handed out, among others: class folders, and a table for each part beside them.
PARTS_OF_SIX = {"train": (0, 1, 2), "validation": (3,), "test": (4, 5)}


def write_tables(folder: Path, places: dict[str, tuple[int, ...]], header: str = "Filename,Label") -> None:
    for part, numbers in places.items():
        rows = [f"{name}/{i}.png,{label}" for label, name in enumerate(("cat", "dog")) for i in numbers]
        (folder / f"{part}.csv").write_text("\n".join([header, *rows]))


@pytest.mark.parametrize("header", ["Filename,Label", "path,checksum"])
def test_a_table_for_each_part_says_the_parts_of_class_folders(header: str, tmp_path: Path) -> None:
    write_classes(tmp_path, cat=6, dog=6)
    write_tables(tmp_path, PARTS_OF_SIX, header)
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("cat", "dog") and counts(found) == ((3, 3), (2, 2))
    assert {path.name for path in found.test.paths} == {"4.png", "5.png"}  # type: ignore[union-attr]
    assert "the names of test.csv, train.csv, validation.csv say the parts" in found.notes
    assert sum(map(len, found.passed_over.values())) == 2 + len(PARTS_OF_SIX)


@pytest.mark.parametrize(
    "parts",
    [{"train": (0, 1, 2), "test": (4, 5)}, {"train": (0, 1, 2, 3), "test": (3, 4, 5)}, {"train": tuple(range(6))}],
    ids=["not all", "one twice", "one part"],
)
def test_tables_that_do_not_divide_class_folders_are_named(
    parts: dict[str, tuple[int, ...]], tmp_path: Path
) -> None:
    write_classes(tmp_path, cat=6, dog=6)
    write_tables(tmp_path, parts)
    found = read_listing(config(tmp_path))
    assert counts(found) == ((6, 6), None)
    assert any("tables that name the images can be read with data.labels" in note for note in found.notes)


@pytest.mark.parametrize("column", ["patient", "sample_weight", ""])
def test_a_named_table_without_classes_says_the_parts_too(column: str, tmp_path: Path) -> None:
    write_classes(tmp_path, cat=6, dog=6)
    rows = [f"{name}/{i}.png,{int(i > 3)},{name[0]}{i // 2}" for name in ("cat", "dog") for i in range(6)]
    if column == "sample_weight":
        rows = [f"{row[:-2]}{1 + i % 6}" for i, row in enumerate(rows)]
    header = f"file,is_test,{column}" if column else "file,is_test"
    text = "\n".join([header, *(row if column else row.rsplit(",", 1)[0] for row in rows)])
    (tmp_path / "more.csv").write_text(text)
    named = config(tmp_path, labels="more.csv", **({"group": "patient"} if column == "patient" else {}))
    found = read_listing(named)
    assert counts(found) == ((4, 4), (2, 2)) and found.tables == (tmp_path / "more.csv",)
    if column == "patient":
        assert found.train.groups == ("c0", "c0", "c1", "c1", "d0", "d0", "d1", "d1")
    if column == "sample_weight":
        assert found.train.weights is not None and found.train.weights.tolist() == [1, 2, 3, 4] * 2


def test_lists_of_a_test_part_are_said(tmp_path: Path) -> None:
    write_classes(tmp_path / "images", cat=4, dog=4)
    (tmp_path / "train.txt").write_text("cat/2.png\ncat/3.png\ndog/1.png")
    (tmp_path / "test.txt").write_text("cat/1.png 0")
    assert read_listing(config(tmp_path)).notes == (
        "lists that may define the splits are not read, and the test set is drawn: test.txt (1 of 8 images), "
        "train.txt (3 of 8 images); a table of the images with a column split (train, test), or data.test, "
        "defines the splits",
    )


LISTS = ["train_test_split.txt", "testlist01.txt", "testing_list.txt", "list_test.txt", "filelist_test.txt"]
LISTS += ["split.json", "split_zhou.json", "train.lst", "test_split.csv", "Ebay_test.txt", "TestImages.txt"]
LISTS += ["splits/first.json", "trainval.txt", "val.csv"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_parts_is_said_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    write_classes(tmp_path / "images", cat=4, dog=4)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("1 0\n2 1\n")
    # A table of two numbers may name images by their stems besides.
    *_, note = read_listing(config(tmp_path)).notes
    assert note.startswith(f"lists that may define the splits are not read, and the test set is drawn: {name}")


@pytest.mark.parametrize("name", ["README.txt", "requirements-test.txt", "classes.json", "images/cat/train.json"])
def test_other_files_are_no_lists_of_parts(name: str, tmp_path: Path) -> None:
    write_classes(tmp_path / "images", cat=4, dog=4)
    # A file beside a picture of its name says something of that picture.
    flat(tmp_path / "images" / "cat", "train.png")
    (tmp_path / name).write_text("{}")
    assert read_listing(config(tmp_path)).notes == ()


def test_tables_of_parts_that_leave_pictures_out_are_said(tmp_path: Path) -> None:
    write_classes(tmp_path / "set", cat=6, dog=6)
    for part, numbers in (("train", range(4)), ("test", [5])):
        rows = [f"{i},{name}/{i}.png,{name}" for name in ("cat", "dog") for i in numbers]
        (tmp_path / f"{part}.csv").write_text("\n".join([",Filename,ClassName", *rows]))
    notes = read_listing(config(tmp_path)).notes
    assert notes[-1].startswith(
        "lists that may define the splits are not read, and the test set is drawn: test.csv (2 of 12 images), "
        "train.csv (8 of 12 images); a table of the images with a column"
    )


def test_a_set_that_was_unpacked_twice_is_read_once(tmp_path: Path) -> None:
    """As HAM10000 is handed out: pieces twice, in folders whose names differ in their case."""
    for name in ("SKIN_part_1", "skin_part_1"):
        flat(tmp_path / name, *NAMES[:4])
    for name in ("SKIN_part_2", "skin_part_2"):
        flat(tmp_path / name, *NAMES[4:])
    (tmp_path / "metadata.csv").write_text(LABELS)
    found = read_listing(config(tmp_path))
    assert counts(found) == ((4, 4), None)
    assert {path.parent.name for path in found.train.paths} == {"SKIN_part_1", "SKIN_part_2"}
    assert len(found.passed_over["images that the table does not name"]) == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LABELS + "a.png,cat,dog\n", "labels.csv: row 10 has 3 cells; the first has 2"),
        ("# mine\n" + LABELS, "labels.csv: row 2 has 2 cells; the first has 1"),
        (
            LABELS.replace(".png", ".jpg"),
            "row 2 has 'a.jpg', and the image nearest to it is called 'images/a.png'",
        ),
        (LABELS.upper(), "row 2 has 'A.PNG', and the image nearest to it is called 'images/a.png'"),
        (LABELS.replace("image,label", "label,label"), "labels.csv: two columns are named 'label'"),
    ],
)
def test_why_a_table_that_is_there_says_no_classes(text: str, said: str, tmp_path: Path) -> None:
    flat(tmp_path / "images", *NAMES)
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=re.escape(said)) as error:
        read_listing(config(tmp_path))
    assert "with the columns path and label" not in str(error.value)


@pytest.mark.parametrize("name", ["labels.json", "labels.csv.gz", "labels.xlsx"])
def test_kinds_of_tables_that_are_not_read_are_refused_by_name(name: str, tmp_path: Path) -> None:
    flat(tmp_path, *NAMES)
    (tmp_path / name).write_bytes(b'{"a.png": "cat", "b.png": "dog"}')
    with pytest.raises(DataError, match=rf"{name}: files of this kind are not read; a table of text is \(\.csv"):
        read_listing(config(tmp_path, labels=name))


def test_a_number_and_a_name_of_the_same_classes(tmp_path: Path) -> None:
    """As DeepWeeds is handed out: a table with a number and a name of each class, and lists of its folds."""
    flat(tmp_path, *NAMES)
    (tmp_path / "labels.csv").write_text(
        "Filename,Label,Species\n" + "".join(f"{name},{i % 2},{'ab'[i % 2]}\n" for i, name in enumerate(NAMES))
    )
    for subset in range(2):
        (tmp_path / f"test_subset{subset}.csv").write_text(LABELS)
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("a", "b") and counts(found) == ((4, 4), None)
    assert "Species of labels.csv is the class, and Label the same by another name" in found.notes
    assert "not read, as labels.csv says the classes: test_subset0.csv, test_subset1.csv" in found.notes


@pytest.mark.parametrize("folder", ["Photos", "Microscopy"])
def test_folders_around_the_classes_of_a_table_are_no_classes(folder: str, tmp_path: Path) -> None:
    """As BACH is handed out: photos by class, slides beside them, and a table without a header of the photos.

    By its name alone a folder of photos is no class; another may be one, so that the table is asked about.
    """
    for name in ("Benign", "InSitu", "Normal"):
        flat(tmp_path / folder / name, *(f"{name}{i}.png" for i in range(5)))
    flat(tmp_path / "WSI" / "thumbnails", "A01.png", "A02.png")
    rows = [f"{name}{i}.png,{name}" for name in ("Benign", "InSitu", "Normal") for i in range(5)]
    (tmp_path / folder / "truth.csv").write_text("\n".join(rows))
    if folder == "Microscopy":
        with pytest.raises(
            DataError,
            match=r"truth\.csv gives other classes \(Benign, InSitu, Normal\) than the folders \(Micro.*, WSI\)",
        ):
            read_listing(config(tmp_path))
    labels = None if folder == "Photos" else f"{folder}/truth.csv"
    assert counts(read_listing(config(tmp_path, labels=labels))) == ((5, 5, 5), None)


@pytest.mark.parametrize(
    ("benign", "malignant"),
    [
        (("P000", "P002"), ("P001", "P003")),
        (("patient_12",), ("patient_13",)),
        (("subject a", "subject b"), ("subject c",)),
        (("10253", "8863"), ("8864", "9035")),
    ],
)
def test_folders_of_patients_in_classes_hint_at_groups(
    benign: tuple[str, ...], malignant: tuple[str, ...], tmp_path: Path
) -> None:
    for class_name, names in (("benign", benign), ("malignant", malignant)):
        for name in names:
            flat(tmp_path / class_name / name, *NAMES[:3])
    [note] = read_listing(config(tmp_path)).notes
    assert note.endswith("if each is a patient or similar, data.group=folder keeps it on one side of every split")
    groups = read_listing(config(tmp_path, group="folder")).train.groups
    assert groups is not None and set(groups) == {*benign, *malignant}


@pytest.mark.parametrize("column", ["patient", "Subject ID", "lesion", "patient_age"])
def test_a_column_of_patients_hints_at_groups(column: str, tmp_path: Path) -> None:
    flat(tmp_path, *NAMES)
    rows = [f"{name},{'cat' if i % 2 else 'dog'},{i // 4}\n" for i, name in enumerate(NAMES)]
    (tmp_path / "labels.csv").write_text("".join([f"image,label,{column}\n", *rows]))
    said = (
        f"the column {column} of labels.csv is not read; data.group={column} keeps what it names on one side of "
        "every split"
    )
    assert (said in read_listing(config(tmp_path)).notes) == (column in ("patient", "Subject ID"))
    assert said not in read_listing(config(tmp_path, group=column)).notes


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cifar-10-batches-py/data_batch_1", "data.name=cifar10"),
        ("MNIST/raw/train-images-idx3-ubyte", "data.name=mnist"),
        ("MNIST/raw/train-images-idx3-ubyte.gz", "data.name=mnist"),
    ],
)
def test_files_of_a_set_with_a_name_are_refused_with_it(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(b"\0\0\x08\3" * 8)
    with pytest.raises(DataError, match=f"read these files with {said}"):
        read_listing(config(tmp_path))


def test_a_validation_part_is_called_by_its_own_folder(tmp_path: Path) -> None:
    for part in ("train", "validation"):
        write_classes(tmp_path / part / "images", cat=3, dog=3)
    assert "validation/ is the test set, as there is no other" in read_listing(config(tmp_path)).notes


def test_a_row_that_has_no_class_of_its_columns_is_named(tmp_path: Path) -> None:
    flat(tmp_path / "images", *NAMES)
    rows = [f"{name},{int(i % 4 == 1)},{int(i % 4 == 2)}\n" for i, name in enumerate(NAMES)]
    (tmp_path / "labels.csv").write_text("".join(["image,cat,dog\n", *rows]))
    with pytest.raises(
        DataError, match="cat, dog have 0 and 1 as a column for each class has, but row 2 has no 1"
    ):
        read_listing(config(tmp_path))


def test_a_table_of_all_pictures_to_train_on_is_no_list_of_a_part(tmp_path: Path) -> None:
    write_classes(tmp_path / "set", cat=4, dog=4)
    rows = [f"{name}/{i}.png" for name in ("cat", "dog") for i in range(4)]
    (tmp_path / "training_files.txt").write_text("\n".join(rows))
    assert read_listing(config(tmp_path)).notes == ()
    (tmp_path / "training_files.txt").write_text("\n".join(rows[1:]))
    assert "training_files.txt (7 of 8 images)" in read_listing(config(tmp_path)).notes[0]
