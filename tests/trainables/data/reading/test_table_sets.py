"""Several tables that name the images: which belong together, and which say the classes."""

from pathlib import Path

import pytest

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.listing import read_listing
from tests.trainables.data.reading.test_listing import NAMES, config, counts, flat
from tests.trainables.data.tiny_sets import write_classes


def write_table(path: Path, header: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]))


def test_tables_whose_names_differ_in_the_part_belong_together(tmp_path: Path) -> None:
    """As ISIC 2018 is handed out: a column for each class, a table a part, and one of lesions beside."""
    for part, start in (("Training", 0), ("Test", 50)):
        names = [f"I_{start + i}" for i in range(6)]
        flat(tmp_path / f"T3_{part}_Input", *(f"{name}.png" for name in names))
        rows = [f"{name},{float(i % 2 == 0)},{float(i % 2)}" for i, name in enumerate(names)]
        write_table(tmp_path / f"T3_{part}_Truth" / f"T3_{part}_Truth.csv", "image,MEL,NV", rows)
    lesions = [f"I_{i},{('histology', 'follow up')[i % 2]}" for i in range(6)]
    write_table(tmp_path / "T3_Training_Groups.csv", "image,diagnosis_kind", lesions)
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("MEL", "NV") and counts(found) == ((3, 3), (3, 3))
    assert any(note.endswith("says the classes: T3_Training_Groups.csv") for note in found.notes)


@pytest.mark.parametrize("same", [True, False])
def test_tables_of_the_same_images_are_one_if_they_say_the_same(same: bool, tmp_path: Path) -> None:
    flat(tmp_path / "images", *NAMES)
    write_table(tmp_path / "a.csv", "image,target", [f"{name},{i % 2}" for i, name in enumerate(NAMES)])
    labels = ["xy"[i % 2 if same else i // 4] for i in range(len(NAMES))]
    write_table(tmp_path / "b.csv", "image,class", [f"{n},{c}" for n, c in zip(NAMES, labels, strict=True)])
    if not same:
        with pytest.raises(
            DataError, match=r"several tables name the images \(a\.csv by target; b\.csv by class\)"
        ):
            read_listing(config(tmp_path))
        return
    # Names say more than numbers.
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("x", "y") and "not read, as b.csv says the classes: a.csv" in found.notes


def test_of_two_lists_that_say_the_same_the_one_with_parts_is_read(tmp_path: Path) -> None:
    """As HiRISE's landmarks are handed out: a list of classes, and one of classes and parts."""
    flat(tmp_path / "map", *NAMES)
    parts = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    rows = [(name, str(i % 2), part) for i, (name, part) in enumerate(zip(NAMES, parts, strict=True))]
    (tmp_path / "labels.txt").write_text("\n".join(" ".join(row[:2]) for row in rows))
    (tmp_path / "labels_train_val_test.txt").write_text("\n".join(map(" ".join, rows)))
    found = read_listing(config(tmp_path))
    assert counts(found) == ((2, 2), (1, 1)) and found.train.class_names == ("0", "1")
    assert "not read, as labels_train_val_test.txt says the classes: labels.txt" in found.notes


def test_a_cell_names_the_original_among_images_of_one_name(tmp_path: Path) -> None:
    """As the clothing data set is handed out: a table, the originals, and smaller copies of the same names."""
    for folder in ("images_original", "images_compressed", "masks"):
        flat(tmp_path / folder, *NAMES)
    rows = [f"{name.removesuffix('.png')},{'ab'[i % 2]}" for i, name in enumerate(NAMES)]
    write_table(tmp_path / "images.csv", "image,label", rows)
    found = read_listing(config(tmp_path))
    assert counts(found) == ((4, 4), None) and {path.parent.name for path in found.train.paths} == {
        "images_original"
    }


def test_a_column_of_patients_beside_class_folders_is_said(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    rows = [f"p{i},{name},{name}/{i}.png" for name in ("cat", "dog") for i in range(4)]
    write_table(tmp_path / "drivers.csv", "subject,classname,img", rows)
    assert any(
        note.startswith("the column subject of drivers.csv is not read; data.labels=drivers.csv with data.group=")
        for note in read_listing(config(tmp_path)).notes
    )


def test_folders_of_one_set_in_two_forms_are_refused_where_a_table_says_the_classes(tmp_path: Path) -> None:
    for folder in ("view A", "view B"):
        flat(tmp_path / folder, *NAMES)
    rows = [f"{name},{'ab'[i % 2]}" for i, name in enumerate(NAMES)]
    write_table(tmp_path / "truth.csv", "image,label", rows)
    with pytest.raises(DataError, match=r"view A, view B have images of the same names, and truth\.csv says one"):
        read_listing(config(tmp_path))
    assert counts(read_listing(config(tmp_path, exclude=("view B",)))) == ((4, 4), None)
    assert read_listing(config(tmp_path, exclude=("*.csv",))).train.class_names == ("view A", "view B")
