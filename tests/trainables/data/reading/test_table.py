"""Tables of labels as people and their tools write them."""

from pathlib import Path, PurePosixPath

import pytest

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.by_table import arrange_by_table
from gan_study.trainables.data.reading.columns import Columns
from gan_study.trainables.data.reading.table import read_table

PICTURES = [PurePosixPath("images", f"{name}.jpg") for name in ("a", "b", "c", "d")]
EXPECTED = {PICTURES[0]: "cat", PICTURES[1]: "dog", PICTURES[2]: "cat", PICTURES[3]: "dog"}


def written(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return path


PLAIN = "path,label\nimages/a.jpg,cat\nimages/b.jpg,dog\nimages/c.jpg,cat\nimages/d.jpg,dog\n"
TABLES = {
    "paths and labels": PLAIN,
    "lines end as on Windows": PLAIN.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + PLAIN,
    "semicolons": PLAIN.replace(",", ";"),
    "semicolons, as Excel is told": "sep=;\n" + PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "quotes": PLAIN.replace("cat", '"cat"'),
    "blanks": PLAIN.replace(",", " , "),
    "names alone": PLAIN.replace("images/", ""),
    "names without an ending": PLAIN.replace("images/", "").replace(".jpg", ""),
    "paths of another machine": PLAIN.replace("images/", "/home/someone/data/images/"),
    "paths of Windows": PLAIN.replace("images/", "C:\\data\\images\\"),
    "names that are not usual": PLAIN.replace("path,label", "scan,finding"),
    "other columns": "id,age,dx\na,40,cat\nb,41,dog\nc,42,cat\nd,43,dog\n",
    "an index in front": ",image,class\n0,a.jpg,cat\n1,b.jpg,dog\n2,c.jpg,cat\n3,d.jpg,dog\n",
    "columns in which nothing stands": PLAIN.replace("\n", ",,,\n"),
    "a place in the image is no class": "id,x,y,Target\na,1,2,cat\nb,,,dog\nc,,,cat\nd,,,dog\n",
    "a yes a class": "image,cat,dog\na,True,False\nb,False,True\nc,TRUE,False\nd,False,true\n",
    "a column a class": "image,cat,dog\na,1.0,0.0\nb,0.0,1.0\nc,1.0,0.0\nd,0.0,1.0\n",
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_that_are_read(kind: str, tmp_path: Path) -> None:
    found = arrange_by_table(read_table(written(tmp_path, TABLES[kind])), PICTURES, Columns())
    assert found.parts == {"train": EXPECTED}
    assert found.passed_over == {}


def test_a_column_says_the_parts(tmp_path: Path) -> None:
    text = "file,label,split\na,cat,train\nb,dog,Training\nc,cat,TEST\nd,dog,test\n"
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert found.parts == {
        "train": {PICTURES[0]: "cat", PICTURES[1]: "dog"},
        "test": {PICTURES[2]: "cat", PICTURES[3]: "dog"},
    }


def test_a_column_says_yes_or_no_to_training(tmp_path: Path) -> None:
    text = "file,label,is_training_image\na,cat,1\nb,dog,1\nc,cat,0\nd,dog,0\n"
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert {part: list(each) for part, each in found.parts.items()} == {
        "train": PICTURES[:2],
        "test": PICTURES[2:],
    }


def test_a_column_of_parts_that_are_not_known_is_said(tmp_path: Path) -> None:
    text = "file,label,split\na,cat,0\nb,dog,1\nc,cat,0\nd,dog,2\n"
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert found.parts == {"train": EXPECTED}
    assert "the column split of labels.csv (0, 1, 2) is not read" in found.notes[-1]


def test_columns_may_be_named(tmp_path: Path) -> None:
    text = "scan;one;two;fold\na;cat;x;test\nb;dog;x;train\nc;cat;y;train\nd;dog;y;train\n"
    table = read_table(written(tmp_path, text))
    with pytest.raises(DataError, match=r"the columns one, two may be the class; name it with data\.columns\."):
        arrange_by_table(table, PICTURES, Columns())
    found = arrange_by_table(table, PICTURES, Columns(label="one", split="fold"))
    assert list(found.parts["test"]) == [PICTURES[0]]
    with pytest.raises(
        DataError, match=r"data\.columns\.label: labels\.csv has no column 'ona'; did you mean 'one'"
    ):
        arrange_by_table(table, PICTURES, Columns(label="ona"))


def test_what_has_no_class_and_what_is_not_named_is_said(tmp_path: Path) -> None:
    text = "path,label\na,cat\nb,dog\nc,\n"
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert found.passed_over == {
        "images that the table does not name": (PICTURES[3],),
        "images without a class in the table": (PICTURES[2],),
    }


def test_labels_are_text(tmp_path: Path) -> None:
    text = "path,label\na,no\nb,010\nc,1\nd,1:30\n"
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert list(found.parts["train"].values()) == ["no", "010", "1", "1:30"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "path,label\na,cat\na,dog\nb,dog\nc,cat\nd,dog\n",
            r"images/a\.jpg appears twice, as cat and as dog",
        ),
        (PLAIN + "images/e.jpg,cat\n", r"1 of 5 rows name a missing image in the column path \(images/e\.jpg\)"),
        ("path,label\na,cat,1\n", "row 2 has 3 cells; the first has 2"),
        (
            "path,label\na,Acne, mild\nb,ok\n",
            "row 2 has 3 cells; the first has 2; 'a,Acne, mild' needs quotes around a cell in which ',' stands",
        ),
        (
            "# made by hand\npath,label\na,cat\nb,dog\n",
            r"row 2 has 2 cells; the first has 1 \('# made by hand'\); the first row has the names of the columns",
        ),
        (
            "path,label\nx/b.png,cat\nB.JPG,dog\n",
            r"0 of 2 cells of the column path name an image; row 2 has 'x/b\.png', and the image nearest to it "
            r"is called 'images/b\.jpg'",
        ),
        ("id,label\n0,cat\n1,dog\nb,cat\n", r"1 of 3 cells of the column id name an image; row 2 has '0'"),
        (
            "image,cat,dog,owl\na,1,0,0\nb,0,0,0\nc,0,1,0\nd,0,0,1\n",
            r"the columns cat, dog, owl may be the class; name it with data\.columns\.label; cat, dog, owl have 0 "
            "and 1 as a column for each class has, but row 3 has no 1; one 1 in each row",
        ),
        (
            "image,age,sex,cat,dog\na,40,0,1,0\nb,41,1,1,0\nc,42,1,0,1\nd,43,0,0,1\n",
            "sex, cat, dog have 0 and 1 as a column for each class has, but row 3 has a 1 in sex and cat; one 1",
        ),
        (
            "path,label,label.1\na,cat,fox\nb,dog,cat\nc,cat,dog\nd,dog,fox\n",
            r"the columns label, label\.1 may be the class",
        ),
        ("path,path\na,cat\n", "two columns are named 'path'"),
        ("nothing\nhere\n", "a table of labels has two columns or more"),
        ("", "a table of labels has two columns or more"),
        (
            "size,label\n3,cat\n4,dog\n",
            r"no column names the images \(size, label\); name it with data\.columns\.path",
        ),
        ("path,label,split\na,cat,train\nb,dog,later\n", "the part 'later' in the column split is not known"),
        ("path,label\0\na,cat\n", "it contains NUL characters"),
        ("path,label\na," + 140_000 * "A" + "\n", "not a table of labels; field larger than field limit"),
        (
            "path,label\na,cat\nb,dog\nc,cat|dog\nd,dog\n",
            r"'cat\|dog' are several classes; here an image has one",
        ),
    ],
)
def test_tables_that_are_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        columns = Columns(split="split" if "later" in text else None)
        arrange_by_table(read_table(written(tmp_path, text)), PICTURES, columns)


def test_a_missing_picture_may_be_skipped(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, PLAIN + "images/e.jpg,cat\n"))
    found = arrange_by_table(table, PICTURES, Columns(), skip_missing=True)
    assert found.parts == {"train": EXPECTED}
    assert "rows of labels.csv whose image is missing: 1 (images/e.jpg)" in found.notes


def test_a_name_that_several_pictures_have_needs_its_path(tmp_path: Path) -> None:
    pictures = [PurePosixPath(folder, "a.jpg") for folder in ("left", "right")]
    table = read_table(written(tmp_path, "path,label\nleft/a,cat\nright/a.jpg,dog\n"))
    assert arrange_by_table(table, pictures, Columns()).parts == {
        "train": dict(zip(pictures, ("cat", "dog"), strict=True))
    }
    with pytest.raises(DataError, match=r"'a' may be left/a\.jpg or right/a\.jpg; write its path"):
        arrange_by_table(read_table(written(tmp_path, "path,label\na,cat\nb,dog\n")), pictures, Columns())


def test_text_in_another_encoding_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN.replace("dog", "Müll"), encoding="latin-1")
    assert set(arrange_by_table(read_table(path), PICTURES, Columns()).parts["train"].values()) == {"cat", "Müll"}


def weighted(column: str, *cells: str, more: str = "") -> str:
    rows = zip(("a,cat", "b,dog", "c,cat", "d,dog"), cells, strict=True)
    return "".join(
        f"{row}\n" for row in (f"path,label,{column}{more}", *(f"{a},{b}{',1' * bool(more)}" for a, b in rows))
    )


@pytest.mark.parametrize(
    ("column", "columns", "more"),
    [
        ("weight", Columns(), ""),
        ("Weight", Columns(), ",group"),
        ("sample_weight", Columns(), ",age"),
        ("weight", Columns(weight="weight"), ",age"),
        ("trust", Columns(weight="trust"), ",age"),
    ],
)
def test_a_column_says_the_weights(column: str, columns: Columns, more: str, tmp_path: Path) -> None:
    text = weighted(column, "1", "0.5", "2e1", "3", more=more)
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, columns)
    assert found.parts == {"train": EXPECTED}
    assert found.weights == dict(zip(PICTURES, (1, 0.5, 20, 3), strict=True))
    assert found.notes == (f"labels.csv gives the classes: path and label; the weights: {column}",)


def test_what_may_be_the_weight_of_an_animal_is_not_read_and_is_said(tmp_path: Path) -> None:
    text = weighted("weight", "4.1", "23", "3.9", "31", more=",age")
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert found.parts == {"train": EXPECTED} and found.weights == {}
    assert found.notes[1] == (
        "the column weight of labels.csv is not read: beside age it may not be a weight in the loss; "
        "if it is one, set data.columns.weight=weight"
    )


def test_a_class_may_be_called_weight(tmp_path: Path) -> None:
    text = "path,weight\na,light\nb,heavy\nc,light\nd,heavy\n"
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert set(found.parts["train"].values()) == {"light", "heavy"} and found.weights == {}


@pytest.mark.parametrize("cell", ["0", "-1", "inf", "0,5", "1e999", "1e308", "1e30"])
def test_a_weight_is_a_number_above_0(cell: str, tmp_path: Path) -> None:
    text = weighted("weight", "1", f'"{cell}"', "1", "1")
    with pytest.raises(
        DataError, match=rf"labels\.csv: '{cell}' in the column weight is not a weight; a weight is a number"
    ):
        arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())


@pytest.mark.parametrize("cell", ["high", "50%", "1.2.3"])
def test_a_text_among_sample_weights_is_no_reason_to_leave_them_out(cell: str, tmp_path: Path) -> None:
    text = weighted("sample_weight", "1", cell, "1", "1")
    with pytest.raises(DataError, match=rf"'{cell}' in the column sample_weight is not a weight"):
        arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())


def test_lines_of_json_that_are_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text("[" * 100_000)
    with pytest.raises(DataError, match="line 1 is no JSON, or nested too deeply"):
        read_table(file)


def test_a_comma_is_that_of_a_decimal_in_a_table_of_semicolons(tmp_path: Path) -> None:
    text = weighted("weight", "1", "0.5", "2.25", "3").replace(",", ";").replace(".", ",")
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert found.weights == dict(zip(PICTURES, (1, 0.5, 2.25, 3), strict=True))


def test_a_column_of_parts_leaves_the_other_as_the_class(tmp_path: Path) -> None:
    text = "file,kind,phase\na,cat,train\nb,dog,train\nc,cat,test\nd,dog,test\n"
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert {part: list(of.values()) for part, of in found.parts.items()} == {
        part: ["cat", "dog"] for part in found.parts
    }
    assert found.notes[0] == "labels.csv gives the classes: file and kind, phase"
    assert "kind is read as the class, as it is the only column of labels.csv left (cat, dog)" in found.notes[1]


@pytest.mark.parametrize(
    ("header", "classes"),
    [("bus,car,train", ["bus", "car", "train", "bus"]), ("cat,dog,is_test", ["cat", "dog", "cat", "dog"])],
)
def test_a_column_a_class_may_be_called_train(header: str, classes: list[str], tmp_path: Path) -> None:
    rows = [",".join(str(int(name == each)) for name in header.split(",")) for each in classes]
    if "is_test" in header:
        rows = [row[:-1] + str(int(i > 1)) for i, row in enumerate(rows)]
    text = "\n".join([f"file,{header}", *(f"{name},{row}" for name, row in zip("abcd", rows, strict=True))])
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert [of[each] for each in PICTURES for of in found.parts.values() if each in of] == classes
    assert len(found.parts) == (2 if "is_test" in header else 1)


@pytest.mark.parametrize(
    ("column", "cells", "said"),
    [
        ("patient", ["p1", "p2"] * 10, "patient can be used with data.group=patient"),
        ("caption", [f"photo {i}" for i in range(20)], "caption has 20 different values in 20 rows"),
        ("age", [f"{i}.5" for i in range(40)], "age has 40 different values in 40 rows"),
    ],
)
def test_the_only_column_left_may_be_no_class(column: str, cells: list[str], said: str, tmp_path: Path) -> None:
    pictures = [PurePosixPath(f"{i:02}.jpg") for i in range(len(cells))]
    rows = [f"{place},{cell}" for place, cell in zip(pictures, cells, strict=True)]
    table = read_table(written(tmp_path, "\n".join([f"file,{column}", *rows])))
    with pytest.raises(DataError, match=f"no column is left for the class; {said}"):
        arrange_by_table(table, pictures, Columns())
    found = arrange_by_table(table, pictures, Columns(label=column))
    assert list(found.parts["train"].values()) == cells and len(found.notes) == 1


def test_tags_between_blanks_are_several_classes(tmp_path: Path) -> None:
    cells = ["clear", "clear primary", "haze", "primary"]
    text = "\n".join(["image,tags", *(f"{name},{cell}" for name, cell in zip("abcd", cells, strict=True))])
    with pytest.raises(DataError, match="'clear primary' are several classes"):
        arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    named = read_table(
        written(tmp_path, text.replace("tags", "label").replace("clear", "car").replace("primary", "sports"))
    )
    found = arrange_by_table(named, PICTURES, Columns())
    assert set(found.parts["train"].values()) == {"car", "car sports", "haze", "sports"}
    assert found.notes[1].startswith("classes of labels.csv share words (car sports); each is read as one class")


def test_two_weights_of_one_picture_are_refused(tmp_path: Path) -> None:
    text = weighted("weight", "1", "1", "1", "1") + "a,cat,2\n"
    with pytest.raises(DataError, match=r"images/a\.jpg appears twice, as 1\.0 and as 2\.0"):
        arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())


@pytest.mark.parametrize("name", ["None", "none", "NA", "nan", "null", "n/a"])
def test_a_class_may_be_called_none(name: str, tmp_path: Path) -> None:
    text = f"path,label\na,{name}\nb,Mild\nc,{name}\nd,\n"
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert found.parts == {"train": {PICTURES[0]: name, PICTURES[1]: "Mild", PICTURES[2]: name}}
    assert found.passed_over == {"images without a class in the table": (PICTURES[3],)}
    assert (
        f"{name!r} in labels.csv is read as the name of a class (2 images); if it means that an image has "
        "no class, leave the cell empty" in found.notes
    )


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (("Cat", "dog", "cat", "dog"), r"the classes 'Cat' and 'cat' differ only in upper and lower case"),
        (("0", "1", "0.0", "1"), r"the classes '0' and '0\.0' differ only in how a number is written"),
        (("2.", "1", "1", "2.0"), r"the classes '2\.' and '2\.0' differ only in how a number is written"),
    ],
)
def test_classes_that_are_hardly_two_are_refused(classes: tuple[str, ...], said: str, tmp_path: Path) -> None:
    text = "path,label\n" + "".join(f"{name},{each}\n" for name, each in zip("abcd", classes, strict=True))
    with pytest.raises(DataError, match=f"labels.csv: {said}; write one name for both"):
        arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())


@pytest.mark.parametrize("classes", [("A", "a", "A", "a"), ("010", "10", "1e1", "10"), ("1.5", "1", "1.50", "1")])
def test_classes_that_may_well_be_two_stay_so(classes: tuple[str, ...], tmp_path: Path) -> None:
    text = "path,label\n" + "".join(f"{name},{each}\n" for name, each in zip("abcd", classes, strict=True))
    found = arrange_by_table(read_table(written(tmp_path, text)), PICTURES, Columns())
    assert tuple(found.parts["train"].values()) == classes
