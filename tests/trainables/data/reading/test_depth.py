"""Colours of 16 bits keep them, and no file is said to have another depth than its own."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.data.pixels import picture_digest, read_picture
from gan_study.trainables.data.reading.depth import bits_of
from gan_study.trainables.data.reading.picture import Range

# 255 * 273 / 4095 = 17, and 2 of these 4.095 thousands are 34.
LEVELS = np.array([[[0, 273, 546], [4095, 0, 273]], [[273, 273, 0], [546, 0, 0]]], dtype=np.uint16)
BYTES = [[[0, 17, 34], [255, 0, 17]], [[17, 17, 0], [34, 0, 0]]]
OPAQUE = np.full((2, 2, 1), 65535, dtype=np.uint16)


def write_png(path: Path, pixels: np.ndarray, orientation: int | None = None) -> None:
    """A PNG of 16 bits [H, W, C], which Pillow cannot write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, num = pixels.shape
    meaning = {1: 0, 2: 4, 3: 2, 4: 6}[num]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation or 1
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, meaning, 0, 0, 0))
        + (chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) if orientation else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def write_tiff(path: Path, pixels: np.ndarray, order: str = "<", compression: int = 1) -> None:
    """A TIFF of 16 bits [H, W, C] in one strip; 32946 is zlib's compression."""
    height, width, num = pixels.shape
    content = pixels.astype(f"{order}u2").tobytes()
    content = zlib.compress(content) if compression != 1 else content
    content += b"\0" * (len(content) % 2)
    after = 8 + len(content)
    tags = [
        (256, 3, [width]),
        (257, 3, [height]),
        (258, 3, [16] * num),
        (259, 3, [compression]),
        (262, 3, [2]),
        (273, 4, [8]),
        (277, 3, [num]),
        (278, 3, [height]),
        (279, 4, [len(content)]),
        *([(338, 3, [2])] if num == 4 else []),
    ]
    extra_at = after + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, kind, values in tags:
        packed = struct.pack(order + {3: "H", 4: "I"}[kind] * len(values), *values)
        if len(packed) > 4:
            packed, bits = struct.pack(order + "I", extra_at), packed
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, after)
    path.write_bytes(mark + content + struct.pack(order + "H", len(tags)) + entries + b"\0" * 4 + bits)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize(
    "write",
    [
        write_png,
        write_tiff,
        lambda path, pixels: write_tiff(path, pixels, order=">"),
        lambda path, pixels: write_tiff(path, pixels, compression=32946),
    ],
    ids=["png", "tiff", "big-endian tiff", "packed tiff"],
)
def test_colours_of_sixteen_bits_keep_them(
    write: Callable[[Path, np.ndarray], None], alpha: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    write(path, np.concatenate([LEVELS, OPAQUE], axis=2) if alpha else LEVELS)
    picture = read_picture(path)
    np.testing.assert_array_equal(picture.pixels, LEVELS)
    assert (picture.facts.bits, picture.used_bits, picture.facts.num_colours) == (16, 12, 3)
    assert picture.to_bytes(Range(black=0, white=4095)).tolist() == BYTES


def test_a_picture_of_one_bit_is_called_so(tmp_path: Path) -> None:
    Image.new("1", (4, 4)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").facts.depth == "1 bit"


def test_greys_with_transparency(tmp_path: Path) -> None:
    grey = LEVELS[..., :1]
    alpha = np.array([[65535, 65535], [0, 32768]], dtype=np.uint16)[..., None]
    write_png(tmp_path / "opaque.png", np.concatenate([grey, OPAQUE], axis=2))
    write_png(tmp_path / "through.png", np.concatenate([grey, alpha], axis=2))
    opaque, through = (read_picture(tmp_path / f"{name}.png") for name in ("opaque", "through"))
    by = Range(black=0, white=4095)
    assert opaque.to_bytes(by).tolist() == [[0, 255], [17, 34]]
    # On white; the last is half of 34 and half of 255.
    assert through.to_bytes(by).tolist() == [[0, 255], [255, 144]]
    assert picture_digest(opaque) != picture_digest(through)
    Image.fromarray(grey[..., 0]).save(tmp_path / "grey.png")
    assert picture_digest(opaque) == picture_digest(read_picture(tmp_path / "grey.png"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_as_pillow_has_it(orientation: int, tmp_path: Path) -> None:
    pixels = np.arange(18, dtype=np.uint16).reshape(2, 3, 3) * 256
    write_png(tmp_path / "a.png", pixels, orientation)
    image = Image.fromarray((pixels // 256).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "b.png", exif=exif)
    upright = read_picture(tmp_path / "b.png").pixels
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels // 256, upright)


@pytest.mark.parametrize(
    ("content", "bits"),
    [
        (b"P6 1 1 65535\n" + b"\0\1" * 3, 16),
        (b"P6 1 1 255\n" + b"\1" * 3, 8),
    ],
)
def test_what_is_cut_is_said(content: bytes, bits: int, tmp_path: Path) -> None:
    path = tmp_path / "a.ppm"
    path.write_bytes(content)
    facts = read_picture(path).facts
    assert (facts.bits, facts.values) == (bits, "bytes" if bits == 8 else "upper bits")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "JPEG2000", "SGI", "GIF", "BMP"])
def test_common_files_have_eight_bits(kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 10, 10)).save(file, kind)
    file.seek(0)
    with Image.open(file) as image:
        assert bits_of(image) == 8


def test_the_depth_of_jpeg_2000_is_in_its_head() -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((16, 16), 4000, dtype=np.uint16)).save(file, "JPEG2000")
    content = file.getvalue()
    assert content[content.find(b"\xff\x4f\xff\x51") + 42] & 0x7F == 15
