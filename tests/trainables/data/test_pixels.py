from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.base.memory import MemoryShortageError
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.pixels import (
    TileArray,
    decoded,
    digest,
    images_of_arrays,
    labeled_images,
    read_picture,
    read_pixels,
    tile,
)
from gan_study.trainables.data.reading.picture import FULL_RANGE, Range, range_of

RED = (255, 0, 0)


def solid(mode: str, colour: object, size: tuple[int, int] = (4, 4)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (solid("1", 1), 255),
        (solid("L", 100), 100),
        (solid("RGB", (7, 7, 7)), 7),
        (solid("RGB", RED), RED),
        # Half transparent black on white: 255 * (1 - 128 / 255) = 127.
        (solid("RGBA", (0, 0, 0, 128)), 127),
        (solid("RGBA", (255, 0, 0, 0)), 255),
        (solid("LA", (100, 255)), 100),
        (solid("LA", (100, 0)), 255),
        (solid("RGB", RED).convert("P"), RED),
        (solid("CMYK", (0, 255, 255, 0)), RED),
        # 65535 / 257 = 255 and 25700 / 257 = 100.
        (Image.fromarray(np.full((4, 4), 65535, dtype=np.uint16)), 255),
        (Image.fromarray(np.full((4, 4), 25700, dtype=np.uint16)), 100),
        (Image.fromarray(np.full((4, 4), 25700, dtype=np.int32)), 100),
    ],
)
def test_every_mode_becomes_grey_or_rgb(image: Image.Image, expected: object) -> None:
    pixels = decoded(image).to_bytes(FULL_RANGE)
    assert pixels.shape == ((4, 4, 3) if isinstance(expected, tuple) else (4, 4))
    np.testing.assert_array_equal(pixels[2, 2], expected)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.full((2, 2), 65536, dtype=np.int32), "more than 16 bits"),
        (np.full((2, 2), -32769, dtype=np.int32), "more than 16 bits"),
        (np.full((2, 2), 16.5 - 3.4e38, dtype=np.float32), "more than 24 bits"),
        (np.full((2, 2), np.nan, dtype=np.float32), "not all numbers"),
    ],
)
def test_pixels_without_a_known_range_are_refused(pixels: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        decoded(Image.fromarray(pixels))


def test_real_numbers_are_read_by_the_range_of_their_set(tmp_path: Path) -> None:
    """Levels 0 to 0.8, of which the highest becomes white; whole ones as those of files of 16 bits."""
    shares, whole = np.linspace(0, 0.8, 9, dtype=np.float32), np.arange(9, dtype=np.float32) * 100
    # The highest level alone says nothing: shares up to 1 are shares.
    for levels, white in ((shares, 0.8), (shares / np.float32(0.8), 1.0), (whole, 1023)):
        Image.fromarray(levels.reshape(3, 3)).save(tmp_path / "a.tiff")
        picture = read_picture(tmp_path / "a.tiff")
        assert picture.facts.values == "range" and picture.facts.bits == 32
        expected = np.rint(levels.reshape(3, 3).astype(np.float64) * 255 / white)
        np.testing.assert_array_equal(picture.to_bytes(picture.own_range), expected)


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "a.png", transparency=0)
    assert read_pixels(tmp_path / "a.png").tolist() == [[[255, 255, 255], [0, 0, 255]]]


def test_sixteen_bit_files_are_read_to_scale(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 257], [25700, 65535]], dtype=np.uint16))
    for name in ("a.png", "a.tif", "a.pgm"):
        image.save(tmp_path / name)
        assert read_pixels(tmp_path / name).tolist() == [[0, 1], [100, 255]]


def test_white_is_what_a_file_declares_of_its_depth(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 4095]], dtype=np.uint16))
    image.save(tmp_path / "a.tif", tiffinfo={281: 4095})
    picture = read_picture(tmp_path / "a.tif")
    assert (picture.declared, picture.facts.bits) == (Range(black=0, white=4095), 12)
    assert picture.to_bytes(picture.own_range).tolist() == [[0, 255]]


@pytest.mark.parametrize("white", [0, 1])
def test_a_white_of_zero_is_turned(white: int, tmp_path: Path) -> None:
    """Photometric interpretation 0, white is zero, which Pillow heeds for 8 bits alone."""
    path = tmp_path / "a.tif"
    Image.fromarray(np.array([[0, 65535]], dtype=np.uint16)).save(path, tiffinfo={262: white})
    with Image.open(path) as image:
        assert image.tag_v2[262] == white
    assert read_pixels(path).tolist() == ([[255, 0]] if white == 0 else [[0, 255]])


def test_a_white_of_zero_is_turned_within_the_range_of_its_set(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(np.array([[0, 1365, 4095]], dtype=np.uint16)).save(path, tiffinfo={262: 0})
    picture = read_picture(path)
    assert picture.own_range == Range(black=0, white=4095)
    # 255 - 255 / 3.
    assert picture.to_bytes(picture.own_range).tolist() == [[255, 170, 0]]


@pytest.mark.parametrize(
    ("used", "declared", "expected"),
    [
        ([(0, 4012), (5, 300)], [None, None], (0, 4095)),
        # 8 bits in a file of 16 are read as if the file had 8.
        ([(0, 200)], [None], (0, 255)),
        ([(0, 256)], [None], (0, 511)),
        ([(0, 65535), (0, 10)], [None, None], (0, 65535)),
        ([(0, 4000), (0, 4095)], [4095, 4095], (0, 4095)),
        # What one file declares says nothing of another.
        ([(0, 900), (0, 3000)], [1023, None], (0, 4095)),
        ([(0, 900), (0, 1000)], [1023, 4095], (0, 4095)),
        # Hounsfield units.
        ([(-1024, 3071)], [None], (-1024, 4095)),
        ([(-1000, -5), (0, 1500)], [None, None], (-1024, 2047)),
    ],
)
def test_one_range_for_a_set(
    used: list[tuple[float, float]], declared: list[int | None], expected: tuple[float, float]
) -> None:
    found = range_of(
        [Range(black=low, white=high) for low, high in used],
        [None if white is None else Range(black=0, white=white) for white in declared],
    )
    assert (found.black, found.white) == expected


def test_the_shape_of_a_picture_that_is_not_square(tmp_path: Path) -> None:
    bars = np.repeat(np.array([[0, 100, 100, 200]], dtype=np.uint8), 4, axis=0).repeat(2, axis=1)
    fitted = {fit: tile(bars, size=8, channels=None, fit=fit).pixels for fit in ("squash", "pad", "crop")}
    assert {fit: each.shape for fit, each in fitted.items()} == dict.fromkeys(fitted, (8, 8))
    # Squeezed, all of it is there; padded, black above and below; cropped, the middle alone.
    assert fitted["squash"][0, 0] == 0 and fitted["squash"][0, -1] == 200
    assert fitted["pad"][0].tolist() == [0] * 8 and fitted["pad"][4, -1] == 200
    assert fitted["crop"].min() == 75 and fitted["crop"].max() == 125


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[10, 200]], dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise by a quarter
    image.save(tmp_path / "a.png", exif=exif)
    assert read_pixels(tmp_path / "a.png").tolist() == [[10], [200]]


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [solid("L", 10), solid("L", 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_pixels(tmp_path / "a.gif").tolist() == [[10] * 4] * 4


def test_grey_and_colour_as_asked() -> None:
    # ITU-R 601: 0.299 * 255 = 76.2.
    assert tile(np.asarray(solid("RGB", RED)), size=8, channels=1).pixels.tolist() == [[76] * 8] * 8
    assert tile(np.asarray(solid("L", 9)), size=8, channels=3).pixels.tolist() == [[[9] * 3] * 8] * 8


def test_resizing_is_bilinear_with_antialiasing() -> None:
    # Enlarged by 2, the new pixels lie a quarter off the old centres.
    step = np.array([[0, 100], [0, 100]], dtype=np.uint8)
    assert tile(step, size=4, channels=None).pixels[0].tolist() == [0, 25, 75, 100]
    # Reduced by 8, a checkerboard becomes its mean and not one of its fields.
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 200).astype(np.uint8)
    assert abs(tile(board, size=8, channels=None).pixels.astype(int) - 100).max() <= 1


@pytest.mark.parametrize("colour", [(), (3,)])
def test_a_picture_that_fits_stays_as_it_is(colour: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, *colour), dtype=np.uint8)
    for channels in (None, 3 if colour else 1):
        assert tile(pixels, size=8, channels=channels).pixels.tolist() == pixels.tolist()
    # Neither another width, nor other colours fit.
    assert tile(pixels[:, :4], size=8, channels=None).pixels.shape == pixels.shape
    assert tile(pixels, size=8, channels=1 if colour else 3).pixels.ndim != pixels.ndim


def test_the_digest_names_pixels_and_shape_not_the_format() -> None:
    grey = np.arange(16, dtype=np.uint8)

    def digests(*arrays: np.ndarray, channels: int) -> tuple[str, ...]:
        labels = np.zeros(len(arrays), dtype=np.int64)
        names = ("a",)
        return images_of_arrays(arrays, labels, size=8, channels=channels, class_names=names, origin="x").digests

    square = grey.reshape(4, 4)
    first, second = digests(square, square, channels=1)
    (as_colour,) = digests(np.stack([square] * 3, axis=-1), channels=3)
    assert first == second == as_colour
    assert digest(grey.reshape(2, 8)) != first
    assert digest(255 - square) != first


def test_one_coloured_picture_makes_all_of_them_rgb() -> None:
    labels = np.array([0, 1], dtype=np.int64)
    tiles = [tile(np.asarray(picture), size=8, channels=None) for picture in (solid("L", 9), solid("RGB", RED))]
    both = labeled_images(tiles, labels, channels=None, class_names=("a", "b"), origins=("0", "1"))
    assert both.images.shape == (2, 3, 8, 8)
    assert both.images[:, :, 0, 0].tolist() == [[9, 9, 9], [255, 0, 0]]
    grey = labeled_images(tiles[:1], labels[:1], channels=None, class_names=("a", "b"), origins=("0",))
    assert grey.images.shape == (1, 1, 8, 8)


def test_more_tiles_than_fit_into_memory_are_refused_before_any_is_made() -> None:
    with pytest.raises(MemoryShortageError, match=r"^1,000,000,000 images of 4096 pixels a side would take"):
        TileArray(10**9, 4096)
