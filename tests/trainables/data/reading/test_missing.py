"""Pixels that are missing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from gan_study.trainables.data.pixels import read_picture
from gan_study.trainables.data.reading.missing import NO_DATA_TAG, with_missing_black


@pytest.mark.parametrize(
    ("levels", "declared", "expected"),
    [
        ([-9999, 100, 700], None, [0, 100, 700]),
        ([np.nan, 0.25, 0.5], None, [0, 0.25, 0.5]),
        ([-3.4e38, 0.25, 0.5], None, [0, 0.25, 0.5]),
        ([7, 100, 700], "7\0", [0, 100, 700]),
        ([-9999, -400, 700], "-9999 ", [-400, -400, 700]),
        # A level like others, as no others are farther apart.
        ([-999, 100, 2000], None, [-999, 100, 2000]),
        ([-9000, 100, 700], None, [-9000, 100, 700]),
        ([5, 100, 700], "nodata", [5, 100, 700]),
        ([7, 7, 7], "7", [7, 7, 7]),
    ],
)
def test_a_mark_of_missing_pixels_is_black_and_no_level(
    levels: list[float], declared: str | None, expected: list[float]
) -> None:
    found, has_missing = with_missing_black(np.array([levels], dtype=np.float32), declared)
    np.testing.assert_array_equal(found, np.array([expected], dtype=np.float32))
    assert has_missing is (levels != expected)


def test_a_mark_of_missing_pixels_is_black_where_0_is_white() -> None:
    found, _ = with_missing_black(np.array([[-9999, 100, 700]], dtype=np.int32), is_turned=True)
    assert found.tolist() == [[700, 100, 700]]


def test_a_file_says_which_level_is_missing(tmp_path: Path) -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info.tagtype[NO_DATA_TAG] = 2
    info[NO_DATA_TAG] = "65535"
    pixels = np.array([[65535, 100], [200, 300]], dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.tif", tiffinfo=info)
    found = read_picture(tmp_path / "a.tif")
    assert found.pixels.tolist() == [[0, 100], [200, 300]] and found.facts.has_missing and found.used.white == 300
