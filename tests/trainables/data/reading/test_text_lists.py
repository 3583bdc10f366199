"""Lists of images in texts: how their lines are divided, and what they say of classes and parts."""

from pathlib import Path, PurePosixPath

import pytest

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.columns import Columns
from gan_study.trainables.data.reading.known_pictures import KnownPictures
from gan_study.trainables.data.reading.listing import read_listing
from gan_study.trainables.data.reading.text_lists import as_list
from tests.trainables.data.reading.test_listing import config, counts, flat
from tests.trainables.data.tiny_sets import write_classes


@pytest.mark.parametrize(
    ("lines", "header", "first"),
    [
        (["1.jpg", "2.jpg"], ("column 1",), ("1.jpg",)),
        (["1 Boeing 737", "2 A320"], ("column 1", "column 2"), ("1", "Boeing 737")),
        (["my cat.jpg 4", "2.jpg 5"], ("column 1", "column 2"), ("my cat.jpg", "4")),
        (
            ["# comment", "p7 1.jpg yes", "p8 2.jpg no"],
            ("column 1", "column 2", "column 3"),
            ("p7", "1.jpg", "yes"),
        ),
        (["file\tname", "1.jpg\ta cat", "2.jpg\ta dog"], ("file", "name"), ("1.jpg", "a cat")),
        (["image,label", "1,0", "2,1"], ("image", "label"), ("1", "0")),
    ],
)
def test_the_lines_of_a_list_are_divided_where_a_column_names_images(
    lines: list[str], header: tuple[str, ...], first: tuple[str, ...]
) -> None:
    known = KnownPictures([PurePosixPath(name) for name in ("1.jpg", "2.jpg", "my cat.jpg")])
    found = as_list("\n".join(lines), "list.txt", known)
    assert found is not None and found.header == header and found.rows[0] == first


@pytest.mark.parametrize("text", ["", "\n", "a licence\nof many words", "cat 1.jpg extra\n2.jpg dog"])
def test_other_texts_are_no_lists(text: str) -> None:
    assert as_list(text, "x.txt", KnownPictures([PurePosixPath("1.jpg"), PurePosixPath("2.jpg")])) is None


def write_list(path: Path, names: list[str], classes: list[str]) -> None:
    path.write_text("\n".join(f"{name} {of}" for name, of in zip(names, classes, strict=True)))


def test_lists_say_classes_and_parts(tmp_path: Path) -> None:
    """As retinas are handed out (DDR): a folder and a list for each part, with names and grades."""
    for part, number in (("train", 6), ("valid", 2), ("test", 4)):
        names = [f"{part}{i}.png" for i in range(number)]
        flat(tmp_path / part, *names)
        write_list(tmp_path / f"{part}.txt", names, ["0", "1"] * (number // 2))
    found = read_listing(config(tmp_path))
    assert found.train.class_names == ("0", "1") and counts(found) == ((3, 3), (2, 2))
    assert any("column 2 is read as the class" in note for note in found.notes)


def test_lists_of_several_divisions_are_refused(tmp_path: Path) -> None:
    """As FGVC Aircraft is handed out: lists by variant and by maker, a part each, and one of two parts."""
    names = [f"{i}.png" for i in range(12)]
    flat(tmp_path / "images", *names)
    stems = [name.removesuffix(".png") for name in names]
    for kind, classes in (
        ("variant", [("B 0", "B1", "B 2 x")[i % 3] for i in range(12)]),
        ("maker", [f"M{i % 2}" for i in range(12)]),
    ):
        write_list(tmp_path / f"images_{kind}_train.txt", stems[:6], classes[:6])
        write_list(tmp_path / f"images_{kind}_test.txt", stems[6:], classes[6:])
        write_list(tmp_path / f"images_{kind}_trainval.txt", stems[:6], classes[:6])
    with pytest.raises(DataError, match=r"several sets of tables name the images .* data\.exclude"):
        read_listing(config(tmp_path))
    found = read_listing(config(tmp_path, exclude=("*maker*",)))
    assert found.train.class_names == ("B 0", "B 2 x", "B1") and counts(found) == ((2, 2, 2), (2, 2, 2))


def test_a_list_of_several_columns_asks_which_is_the_class(tmp_path: Path) -> None:
    """As COVIDx is handed out, but for its words: patient, file, class and source between blanks."""
    for part in ("train", "test"):
        names = [f"{part}{i}.png" for i in range(6)]
        flat(tmp_path / part, *names)
        rows = [f"{i} {name} {('no', 'yes')[i % 2]} {('a', 'b', 'c')[i % 3]}" for i, name in enumerate(names)]
        (tmp_path / f"{part}.txt").write_text("\n".join(rows))
    with pytest.raises(
        DataError, match=r"column 3 \(no, yes\), column 4 \(a, b, c\) may be the class; name it with"
    ):
        read_listing(config(tmp_path))
    found = read_listing(config(tmp_path, columns=Columns(label="column 3")))
    assert found.train.class_names == ("no", "yes") and counts(found) == ((3, 3), (3, 3))


@pytest.mark.parametrize("names", [("train", "test"), ("trainval", "test"), ("train_val_list", "test_list")])
def test_lists_divide_class_folders_where_they_name_each_image_once(
    names: tuple[str, str], tmp_path: Path
) -> None:
    write_classes(tmp_path / "images", cat=4, dog=4)
    for name, numbers in zip(names, ((0, 1, 2), (3,)), strict=True):
        # As in Food-101: without endings.
        (tmp_path / f"{name}.txt").write_text("\n".join(f"{of}/{i}" for of in ("cat", "dog") for i in numbers))
    found = read_listing(config(tmp_path))
    assert counts(found) == ((3, 3), (1, 1)) and {path.name for path in found.train.paths} == {
        "0.png",
        "1.png",
        "2.png",
    }


@pytest.mark.parametrize(
    ("classes", "expected"), [(("cat", "dog"), ((3, 3), (2, 2))), (("cat", "owl"), ((3, 3), None))]
)
def test_a_list_says_the_classes_of_a_part_without_folders(
    classes: tuple[str, str], expected: object, tmp_path: Path
) -> None:
    """As Tiny ImageNet is handed out: the class of each image and its box, in the folder of the part."""
    write_classes(tmp_path / "train", cat=3, dog=3)
    names = [f"val_{i}.png" for i in range(4)]
    flat(tmp_path / "val" / "images", *names)
    rows = [f"{name}\t{classes[i % 2]}\t0\t5" for i, name in enumerate(names)]
    (tmp_path / "val" / "val_annotations.txt").write_text("\n".join(rows))
    assert counts(read_listing(config(tmp_path))) == expected


@pytest.mark.parametrize(
    ("words", "expected"), [(("negative", "positive"), ("negative", "positive")), (("left", "right"), None)]
)
def test_a_column_of_outcomes_is_the_class(
    words: tuple[str, str], expected: tuple[str, str] | None, tmp_path: Path
) -> None:
    names = [f"{i}.png" for i in range(8)]
    flat(tmp_path / "images", *names)
    rows = [f"{name} {words[i % 2]} {'abc'[i % 3]}" for i, name in enumerate(names)]
    (tmp_path / "list.txt").write_text("\n".join(rows))
    if expected is None:
        with pytest.raises(DataError, match=r"column 2 \(left, right\), column 3 \(a, b, c\) may be the class"):
            read_listing(config(tmp_path))
        return
    found = read_listing(config(tmp_path))
    assert found.train.class_names == expected
    assert any(
        note.startswith("column 2 of list.txt is read as the class (negative, positive)") for note in found.notes
    )
