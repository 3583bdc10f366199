"""How many bits a picture's channels have in its file, and colours of 16 bits, of which Pillow gives 8."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps

from gan_study.trainables.data.reading.picture import MOST_LEVEL, Words

# Pillow's modes of greys with more than 8 bits.
SIXTEEN_BITS = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I"})
# TIFF's tags of the bits of each channel and of the largest value.
_TIFF_BITS, _TIFF_MOST_LEVEL = 258, 281
_HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Deep:
    """Colours [H, W, 3] or greys [H, W] of 16 bits; `opacity` [H, W] from 0 to 1, None if all is opaque."""

    pixels: Words
    opacity: npt.NDArray[np.float32] | None


# Of a dot, and of a real number.
_OTHER_BITS = {"1": 1, "F": 32}


def bits_of(image: Image.Image) -> int:
    """How many bits a channel of an opened file has, as it declares; TIFF's largest value may say fewer."""
    if image.mode in SIXTEEN_BITS:
        declared = getattr(image, "tag_v2", {}).get(_TIFF_MOST_LEVEL)
        level = declared[0] if isinstance(declared, tuple) else declared
        return int(level).bit_length() if level and 255 < level < MOST_LEVEL else 16
    if image.mode in _OTHER_BITS:
        return _OTHER_BITS[image.mode]
    if _raw_mode(image).partition(";")[2].startswith("16"):
        return 16
    if image.format is None or image.format not in _BITS_IN_FILE:
        return 8
    return _BITS_IN_FILE[image.format](image)


def read_deep(image: Image.Image) -> Deep | None:
    """What an opened PNG or TIFF of 16 bits holds, turned as its EXIF orientation says; None for all others.

    Greys without transparency are Pillow's own matter.
    """
    raw_mode = _raw_mode(image)
    if image.format not in ("PNG", "TIFF") or raw_mode not in _HALVES:
        return None
    content = _head(image, -1)
    halves = [_decode(content, image.format, as_if) for as_if in _HALVES[raw_mode]]
    if len(halves) == 1:
        halves = [halves[0][..., 0::2], halves[0][..., 1::2]]
    upper, lower = halves
    channels = np.asarray(256 * upper + lower, dtype=np.uint16)
    num = channels.shape[2]
    pixels = np.ascontiguousarray(channels[..., :3] if num >= 3 else channels[..., 0])
    alpha = channels[..., -1]
    if num in (1, 3) or bool((alpha == MOST_LEVEL).all()):
        return Deep(pixels=pixels, opacity=None)
    return Deep(pixels=pixels, opacity=alpha.astype(np.float32) / np.float32(MOST_LEVEL))


def _raw_mode(image: Image.Image) -> str:
    """How the bytes in an opened file are laid out, in Pillow's words; empty where they have another form."""
    tiles = getattr(image, "tile", ())
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


# Of a number of 16 bits Pillow keeps the byte that the order of bytes makes the upper one. So a file is decoded
# twice, the second time as if its numbers were in the other order; N is the order of this machine. Greys with
# transparency are decoded as if their four bytes were four channels.
_OTHER_ORDER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_HALVES: Mapping[str, tuple[str, ...]] = {
    "LA;16B": ("RGBA",),
    **{
        f"{name};16{order}": (f"{name};16{order}", f"{name};16{other}")
        for name in ("RGB", "RGBA", "RGBX")
        for order, other in _OTHER_ORDER.items()
    },
}


def _decode(content: bytes, kind: str, raw_mode: str) -> Words:
    """The bytes [H, W, C] of a file whose pixels are laid out in that way, turned as it says."""
    with Image.open(BytesIO(content), formats=(kind,)) as image:
        assert isinstance(image, ImageFile.ImageFile), "as it was opened"
        image.tile = [
            each._replace(args=(raw_mode, *each.args[1:]) if isinstance(each.args, tuple) else raw_mode)
            for each in image.tile
        ]
        ImageOps.exif_transpose(image, in_place=True)
        return np.asarray(image, dtype=np.uint16)


def _head(image: Image.Image, num_bytes: int = _HEAD_BYTES) -> bytes:
    """How an opened file begins; its place is as it was afterwards."""
    file = getattr(image, "fp", None)
    if file is None:
        return b""
    place = file.tell()
    file.seek(0)
    content: bytes = file.read(num_bytes)
    file.seek(place)
    return content


def _tiff_bits(image: Image.Image) -> int:
    declared = getattr(image, "tag_v2", {}).get(_TIFF_BITS, 8)
    return max(declared) if isinstance(declared, tuple) else int(declared)


def _jpeg_2000_bits(image: Image.Image) -> int:
    """By the marker of sizes (ISO 15444-1, A.5.1): the first component's depth, 40 bytes after its beginning."""
    head = _head(image)
    begin = head.find(b"\xff\x4f\xff\x51")
    return (head[begin + 42] & 0x7F) + 1 if 0 <= begin < len(head) - 42 else 8


def _pnm_bits(image: Image.Image) -> int:
    """By the largest value, the last number of the head."""
    tiles = getattr(image, "tile", ())
    arguments = tiles[0][3] if tiles else ()
    most = arguments[-1] if isinstance(arguments, tuple) and isinstance(arguments[-1], int) else 255
    return max(8, most.bit_length())


def _sgi_bits(image: Image.Image) -> int:
    head = _head(image)
    return 8 * head[3] if len(head) > 3 else 8


def _avif_bits(image: Image.Image) -> int:
    """By the decoder's configuration (AV1 in ISO BMFF, 2.3.3): flags of high bit depth and of twelve bits."""
    head = _head(image)
    place = head.find(b"av1C") + 4
    flags = head[place + 2] if 4 <= place < len(head) - 2 else 0
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10


_BITS_IN_FILE: Mapping[str, Callable[[Image.Image], int]] = {
    "TIFF": _tiff_bits,
    "JPEG2000": _jpeg_2000_bits,
    "PPM": _pnm_bits,
    "SGI": _sgi_bits,
    "AVIF": _avif_bits,
}
