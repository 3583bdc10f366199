"""Images whose pixels are the cells of tables, in the forms in which they are handed out."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.base.settings import ConfigError, DataError
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.arrays import array_files, is_read_alone

NUMBER, SIDE = 24, 8
# Smooth ones, so that the order of colours shows.
RAMP = np.add.outer(np.arange(SIDE), np.arange(SIDE)) * 4
GREY = np.array([RAMP + 5 * i for i in range(NUMBER)])
RGB = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)
CLASSES = [i % 3 for i in range(NUMBER)]
LABELS = "name,age\n" + "".join(f"x{i},{i}\n" for i in range(9))
NAMES = [f"pixel{i}" for i in range(SIDE**2)]


def write(path: Path, header: Sequence[str] | None, rows: Iterable[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [*([] if header is None else [header]), *rows]
    path.write_text("\n".join(",".join(map(str, line)) for line in lines) + "\n")
    return path


def labelled(images: np.ndarray = GREY, classes: Sequence[object] = CLASSES) -> list[list[object]]:
    return [[label, *image.ravel()] for label, image in zip(classes, images, strict=True)]


def config(root: Path, **settings: object) -> DataConfig:
    return DataConfig(name="imagefolder", root=str(root), image_size=SIDE, look_alikes="apart", **settings)  # type: ignore[arg-type]


def counts(root: Path, **settings: object) -> tuple[tuple[int, ...], tuple[int, ...]]:
    source = image_source(config(root, **settings))
    return source.pool().images.class_counts(), source.test_class_counts()


def test_parts_by_the_names_of_the_tables(tmp_path: Path) -> None:
    """Headless, as MNIST is handed out in CSV."""
    write(tmp_path / "mnist_train.csv", None, labelled())
    write(tmp_path / "mnist_test.csv", None, labelled(GREY[:6], CLASSES[:6]))
    source = image_source(config(tmp_path))
    np.testing.assert_array_equal(source.pool().images.images[:, 0], GREY)
    np.testing.assert_array_equal(source.test().images.images[:, 0], GREY[:6])
    assert source.pool().images.class_names == ("0", "1", "2")
    assert source.pool().reading[0] == "mnist_train.csv and mnist_test.csv hold 24 to train, 6 to test"
    assert source.pool().reading[-1] == "found in all: 30 = 30 read + 0 skipped"
    assert {*array_files(config(tmp_path))} == {"mnist_train.csv", "mnist_test.csv"}
    assert not is_read_alone(config(tmp_path)) and is_read_alone(config(tmp_path / "mnist_train.csv"))


def test_a_contest_without_the_classes_of_its_test_part(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", ["label", *NAMES], labelled())
    write(tmp_path / "test.csv", NAMES, GREY[:6].reshape(6, -1).tolist())
    write(tmp_path / "sample_submission.csv", ["ImageId", "Label"], [[1, 0]])
    assert counts(tmp_path) == ((6, 6, 6), (2, 2, 2))
    reading = image_source(config(tmp_path)).pool().reading
    assert "skipped, images without a class: 6 (test.csv)" in reading
    assert reading[-1] == "found in all: 31 = 24 read + 7 skipped"


def test_another_test_part_is_not_read(tmp_path: Path) -> None:
    """As Kannada-MNIST has Dig-MNIST.csv."""
    write(tmp_path / "train.csv", ["label", *NAMES], labelled())
    write(tmp_path / "test.csv", ["label", *NAMES], labelled(GREY[:6], CLASSES[:6]))
    write(tmp_path / "Dig.csv", ["label", *NAMES], labelled(GREY + 1))
    assert counts(tmp_path) == ((8, 8, 8), (2, 2, 2))
    assert any(line.endswith("not read: Dig.csv") for line in image_source(config(tmp_path)).pool().reading)


def test_pixels_in_one_column_and_parts_in_another(tmp_path: Path) -> None:
    """As FER 2013."""
    usage = ["Training"] * 12 + ["PublicTest"] * 6 + ["PrivateTest"] * 6
    rows = [
        [label, " ".join(map(str, image.ravel())), part]
        for label, image, part in zip(CLASSES, GREY, usage, strict=True)
    ]
    write(tmp_path / "fer2013" / "fer2013.csv", ["emotion", "pixels", "Usage"], rows)
    assert counts(tmp_path) == ((4, 4, 4), (4, 4, 4))
    np.testing.assert_array_equal(image_source(config(tmp_path)).test().images.images[:, 0], GREY[12:])


@pytest.mark.parametrize("order", ["by pixel", "by colour"])
def test_the_order_of_colours_is_found(order: str, tmp_path: Path) -> None:
    images = RGB if order == "by pixel" else RGB.transpose(0, 3, 1, 2)
    rows = [[*image.ravel(), label] for image, label in zip(images, CLASSES, strict=True)]
    path = write(tmp_path / "rgb.csv", [*(f"pixel{i:04d}" for i in range(3 * SIDE**2)), "label"], rows)
    source = image_source(config(path))
    both = np.concatenate([source.pool().images.images, source.test().images.images])
    assert {image.tobytes() for image in both.transpose(0, 2, 3, 1)} == {
        image.astype(np.uint8).tobytes() for image in RGB
    }


@pytest.mark.parametrize("column", ["first", "last"])
@pytest.mark.parametrize("scale", [1, 255])
def test_fractions_and_the_place_of_the_class_without_names(column: str, scale: int, tmp_path: Path) -> None:
    shown = GREY if scale == 1 else (GREY / scale).round(4)
    rows = [
        [label, *image.ravel()] if column == "first" else [*image.ravel(), label]
        for label, image in zip(CLASSES, shown, strict=True)
    ]
    source = image_source(config(write(tmp_path / "a.csv", None, rows)))
    both = np.concatenate([source.pool().images.images, source.test().images.images])
    assert {image.tobytes() for image in both[:, 0]} == {image.astype(np.uint8).tobytes() for image in GREY}
    assert source.pool().images.class_names == ("0", "1", "2")


def test_groups_copies_and_a_few_images_beside(tmp_path: Path) -> None:
    patients = [f"p{i // 3}" for i in range(NUMBER)]
    rows = [[i, patient, *row] for i, (patient, row) in enumerate(zip(patients, labelled(), strict=True))]
    for name in ("set.csv", "set/set.csv"):
        write(tmp_path / name, ["id", "patient", "label", *NAMES], rows)
    Image.new("L", (9, 9)).save(tmp_path / "about.png")
    pool = image_source(config(tmp_path)).pool()
    assert any("data.group=patient keeps" in line for line in pool.reading)
    assert any("repeats" in line and line.endswith("read once") for line in pool.reading)
    assert pool.reading[-1] == "found in all: 26 = 24 read + 2 skipped"
    images = image_source(config(tmp_path, group="patient")).pool().images
    assert images.groups is not None and images.num_groups() == len(images) // 3 == 6


def test_columns_are_put_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Sorted as text, or column by column: what a name says counts."""
    grids = [f"{row}x{column}" for row in range(1, SIDE + 1) for column in range(1, SIDE + 1)]
    for names in (NAMES, grids):
        order = np.argsort(names) if names is NAMES else np.arange(SIDE**2).reshape(SIDE, SIDE).T.ravel()
        rows = [[label, *image.ravel()[order]] for label, image in zip(CLASSES, GREY, strict=True)]
        path = write(tmp_path / f"{names[0]}.csv", ["label", *(names[place] for place in order)], rows)
        images = image_source(config(path)).pool().images.images[:, 0]
        assert {image.tobytes() for image in images} <= {image.astype(np.uint8).tobytes() for image in GREY}


def test_the_first_row_is_an_image_beside_a_text_for_its_class(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", None, labelled(classes=["cat", "dog", "owl"] * 8))
    assert counts(path) == ((6, 6, 6), (2, 2, 2))
    assert image_source(config(path)).pool().images.class_names == ("cat", "dog", "owl")


def test_all_tables_have_one_scale(tmp_path: Path) -> None:
    """A test set of dark images stays dark."""
    write(tmp_path / "train.csv", ["label", *NAMES], labelled())
    write(tmp_path / "test.csv", ["label", *NAMES], labelled(np.ones_like(GREY)))
    assert image_source(config(tmp_path)).test().images.images.max() == 1


def test_values_of_transparency_are_refused(tmp_path: Path) -> None:
    rgba = np.concatenate([RGB, np.full((*GREY.shape, 1), 255)], axis=-1)
    path = write(tmp_path / "a.csv", ["label", *(f"pixel{i}" for i in range(4 * SIDE**2))], labelled(rgba))
    with pytest.raises(DataError, match="images with transparency"):
        image_source(config(path)).pool()


@pytest.mark.parametrize(
    "content",
    [LABELS.encode("utf-16"), LABELS.replace("\n", "\r").encode(), (LABELS + "x" * 200_000).encode()],
    ids=["UTF-16", "carriage returns", "a long line"],
)
def test_other_tables_beside_images_change_nothing(content: bytes, tmp_path: Path) -> None:
    for folder in ("cat", "dog"):
        (tmp_path / folder).mkdir()
        for i in range(6):
            Image.new("L", (8, 8), i).save(tmp_path / folder / f"{folder}{i}.png")
    (tmp_path / "notes.csv").write_bytes(content)
    assert counts(tmp_path) == ((4, 4), (2, 2))


def test_ten_comes_after_nine(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["label", *NAMES], labelled(classes=[(2, 10, 1)[i % 3] for i in range(NUMBER)]))
    assert image_source(config(tmp_path)).pool().images.class_names == ("1", "2", "10")


BLACK = " ".join(["0"] * 64)
WRONG = {
    "a number beyond a byte": (["label", *NAMES], [[0, *([256] * 64)], [1, *([0] * 64)]], "from 0 to 256"),
    "an empty cell": (["label", *NAMES], [[0, "", *([3] * 63)], [1, *([2] * 64)]], "image 1 has a pixel"),
    "a text": (["label", *NAMES], [[0, "x", *([3] * 63)], [1, *([2] * 64)]], "a pixel cell is not a number"),
    "a row that is too long": (["label", *NAMES], [[0, *([3] * 64)], [1, *([2] * 65)]], "row 3 has 66 cells"),
    "no image's number": (["label", *(f"x{i}" for i in range(600))], [[0, *([3] * 600)]], "rows of 600 pixels"),
    "no class and no names": (None, [[3] * 64, [4] * 64], "no column is left for the class"),
    "two places for the class": (None, [[i % 2, *([3] * 63), i % 2] for i in range(9)], "may be the class"),
    "no row": (["label", *NAMES], [], "no rows|not a table of pixels"),
    "a column twice": (["label", *NAMES[:-1], NAMES[0]], [[0, *([3] * 64)], [1, *([2] * 64)]], "two columns are"),
    "no class": (["label", *NAMES], [["", *([3] * 64)], [1, *([2] * 64)]], "row 2 has no class"),
    "no square": (["label", "pixels"], [[0, "1 2 3"], [1, "4 5 6"]], "rows of 3 pixels"),
    "uneven": (["label", "pixels"], [[0, "1 2 3"], [1, "4 5"]], "from 2 to 3 pixels"),
    "two columns for the class": (["a", "b", "pixels"], [[0, 1, BLACK], [0, 1, BLACK]], "data.columns.label"),
    "Cat and cat": (
        ["label", *NAMES],
        [["Cat", *([3] * 64)], ["cat", *([2] * 64)]],
        "differ only in upper and lower case",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_table_that_holds_no_images_is_refused(kind: str, tmp_path: Path) -> None:
    header, rows, why = WRONG[kind]
    with pytest.raises(DataError, match=why):
        image_source(config(write(tmp_path / "a.csv", header, rows))).pool()


def test_what_may_mean_two_things_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one.csv", ["label", *NAMES], labelled())
    with pytest.raises(ConfigError, match=r"data\.class_level: .* needs image files"):
        image_source(config(tmp_path, class_level=1)).pool()
    write(tmp_path / "two.csv", ["label", *NAMES], labelled(GREY + 1))
    with pytest.raises(DataError, match=r"several tables hold pixels \(one.csv, two.csv\).*data\.exclude"):
        image_source(config(tmp_path)).pool()
    assert counts(tmp_path, exclude=("two.csv",)) == ((6, 6, 6), (2, 2, 2))


def test_tables_of_other_numbers_are_none_of_pixels(tmp_path: Path) -> None:
    """Measurements, and a table of pixels beside as many images as a data set has."""
    for folder in ("cat", "dog"):
        (tmp_path / folder).mkdir()
        for i in range(6):
            Image.new("L", (8, 8), i).save(tmp_path / folder / f"{i}.png")
    write(tmp_path / "set.csv", ["label", *NAMES], labelled())
    assert image_source(config(tmp_path)).pool().images.class_names == ("cat", "dog")
    genes = write(tmp_path / "other" / "genes.csv", ["label", *(f"gene{i}" for i in range(64))], labelled())
    with pytest.raises(DataError, match="no column names the images"):
        image_source(config(genes)).pool()
