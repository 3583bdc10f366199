"""The common format of pictures from every source: 8 bits, grey or RGB, square, with a digest of the original
pixels.
"""

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gan_study.trainables.base.files import open_regular
from gan_study.trainables.base.memory import MemoryShortageError, refuse_beyond_memory
from gan_study.trainables.base.names import shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.byte_images import Indices, Pictures, picture_rows
from gan_study.trainables.data.images import LabeledImages, Labels
from gan_study.trainables.data.reading.depth import SIXTEEN_BITS, bits_of, read_deep
from gan_study.trainables.data.reading.dicom import MissingExtraError, is_dicom, read_dicom
from gan_study.trainables.data.reading.missing import NO_DATA_TAG, with_missing_black
from gan_study.trainables.data.reading.picture import (
    FULL_RANGE,
    LEAST_LEVEL,
    MOST_LEVEL,
    Bytes,
    Facts,
    Fit,
    Numbers,
    Picture,
    Range,
    Values,
    colour_is_idle,
    colours_of,
    numbers_of,
)

_MODES = {1: "L", 3: "RGB"}
# Pillow's decoders of pictures in pixels. None runs a program, as that of EPS does, whatever a file's name.
_FORMATS = frozenset(
    {"AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA"}
    | {"TIFF", "WEBP"}
)
# A photograph's file has some bits a pixel. Large pictures of less than a 200th of a byte say next to nothing, and
# only take memory: a PNG of one colour has a thousandth.
_LARGE_PIXELS, _MOST_PIXELS_A_BYTE = 2**24, 200
# Measured: at most so many a pixel are in use at once, with 16 bits, colours and transparency; 12 with 8 bits.
_BYTES_A_PIXEL = 48


@contextlib.contextmanager
def open_picture(file: BinaryIO) -> Iterator[Image.Image]:
    """The picture in an open file, not yet decoded; the one place where pictures are opened.

    Only `reading.depth` decodes a file a second time.

    Raises DataError for a decompression bomb: more pixels than `PIL.Image.MAX_IMAGE_PIXELS`, or very many in a
    small file; MemoryShortageError for more than fit into memory. Pillow raises for files that it cannot read.
    """
    num_bytes = file.seek(0, os.SEEK_END)
    if not num_bytes:
        raise DataError("the file is empty")
    file.seek(0)
    # Pillow only warns of up to twice as many. Its warning is not made an error: filters of warnings are those of
    # the whole process, and images are opened in threads.
    with Image.open(file, formats=_formats()) as image:
        num_pixels = image.width * image.height
        most = max(_LARGE_PIXELS, _MOST_PIXELS_A_BYTE * num_bytes)
        if num_pixels > min(most, Image.MAX_IMAGE_PIXELS or math.inf):
            raise DataError(f"a decompression bomb: {num_pixels:,} pixels in {num_bytes:,} bytes")
        refuse_beyond_memory(_BYTES_A_PIXEL * num_pixels, f"an image of {num_pixels:,} pixels")
        yield image


@lru_cache
def _formats() -> tuple[str, ...]:
    """Those of _FORMATS that this Pillow was built with."""
    Image.init()
    return tuple(sorted(_FORMATS & Image.OPEN.keys()))


def read_picture(path: Path) -> Picture:
    """The picture in a file.

    Raises DataError with the file name if it is not completely readable, not a regular file, or a decompression
    bomb as in `open_picture`; MemoryShortageError if it does not fit into memory.
    """
    try:
        with open_regular(path) as file:
            if is_dicom(file):
                return read_dicom(file)
            with open_picture(file) as image:
                return decoded(image)
    # No fault of the file, so that it is not left out as unreadable.
    except MemoryShortageError as error:
        raise MemoryShortageError(f"{shown(str(path))}: {error}") from None
    except UnidentifiedImageError:
        raise DataError(
            f"{shown(str(path))}: cannot be read as an image (not an image in a supported format)"
        ) from None
    except MissingExtraError as error:
        raise MissingExtraError(f"{shown(str(path))}: {error}") from None
    # Pillow's decoders raise errors of many kinds on a corrupt file, SyntaxError and struct.error among them.
    except Exception as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())
        raise DataError(f"{shown(str(path))}: cannot be read as an image ({reason})") from error


def read_pixels(path: Path) -> Bytes:
    """The pixels of a file [H, W] or [H, W, 3] in 8 bits, by the range that it declares, else 0 to 65535."""
    picture = read_picture(path)
    return picture.to_bytes(picture.declared or FULL_RANGE)


def decoded(image: Image.Image) -> Picture:
    """An opened file as a picture: the first page, rotated according to its EXIF orientation.

    Transparent areas become white, as on paper or in a browser; CMYK and the other colour spaces are
    converted by Pillow, without colour profiles. Raises DataError for pixels without a fixed range.
    """
    kind, num_pages = image.format or "unknown", getattr(image, "n_frames", 1)
    bits, is_turned, is_generated = bits_of(image), _white_is_zero(image), _says_generated(image)
    no_data = getattr(image, "tag_v2", {}).get(NO_DATA_TAG)
    deep, has_missing = read_deep(image), False
    # In place: another copy of a large picture is not needed.
    ImageOps.exif_transpose(image, in_place=True)
    opacity, declared = None, None
    values: Values = "range"
    if deep is not None:
        pixels: Bytes | Numbers = colours_of(deep.pixels)
        opacity = deep.opacity
    elif image.mode in (*SIXTEEN_BITS, "F"):
        levels, has_missing = with_missing_black(np.asarray(image), no_data, is_turned=is_turned)
        pixels = numbers_of(levels)
        if image.mode != "F" and not LEAST_LEVEL <= pixels.min() <= pixels.max() <= MOST_LEVEL:
            raise DataError("its pixels need more than 16 bits; save it with 8 or 16")
        declared = None if bits == 16 or image.mode == "F" else Range(black=0, white=2**bits - 1)
    else:
        pixels = _plain(image)
        values = "bytes" if bits <= 8 else "upper bits"
    facts = Facts(
        kind="JPEG" if kind == "MPO" else kind,
        width=pixels.shape[1],
        height=pixels.shape[0],
        bits=bits,
        num_colours=_num_channels(pixels),
        # A camera's second picture is the same one, for the eye or in another exposure.
        num_pages=1 if kind == "MPO" else num_pages,
        values=values,
        is_turned=is_turned,
        has_missing=has_missing,
        is_generated=is_generated,
    )
    return Picture(pixels=pixels, facts=facts, declared=declared, opacity=opacity)


# In the XMP of a file: IPTC's DigitalSourceType of what a trained model made, whichever program wrote it.
_GENERATED = "trainedAlgorithmicMedia"


def _says_generated(image: Image.Image) -> bool:
    """Whether the file says that a trained model made it; Pillow has its XMP by one of two names."""
    found = (image.info.get(name) for name in ("xmp", "XML:com.adobe.xmp"))
    texts = (each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in found)
    return any(isinstance(text, str) and _GENERATED in text for text in texts)


def _plain(image: Image.Image) -> Bytes:
    """The pixels of a picture of 8 bits, [H, W] if none has colour, else [H, W, 3]."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    mode = "L" if image.mode in ("1", "L") else "RGB"
    return colours_of(np.asarray(image if image.mode == mode else image.convert(mode)))


# TIFF's tag of the meaning of 0.
_TIFF_MEANING = 262


def _white_is_zero(image: Image.Image) -> bool:
    """Whether 0 is white in numbers; Pillow turns bytes."""
    return image.mode in (*SIXTEEN_BITS, "F") and getattr(image, "tag_v2", {}).get(_TIFF_MEANING) == 0


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture at its final size: `pixels` [H, W] or [H, W, 3], and the digest of the original."""

    pixels: Bytes
    digest: str


def tile(pixels: Bytes, *, size: int, channels: int | None, fit: Fit = "squash", name: str | None = None) -> Tile:
    """A picture's pixels [H, W] or [H, W, 3], resized to `size` x `size` and, unless None, converted to
    `channels` colours.

    Colour becomes grey by Pillow's ITU-R 601 luma, grey becomes colour by repetition; then a picture that is not
    square is squeezed, padded with black or cropped around its middle, with bilinear resizing and antialiasing.
    The digest is that of the `pixels`, independent of the file format, unless their `name` is given.
    """
    name = name or digest(pixels)
    if pixels.shape[:2] == (size, size) and channels in (None, _num_channels(pixels)):
        return Tile(pixels=pixels, digest=name)
    picture = Image.fromarray(pixels)
    coloured = picture.convert(_MODES[channels]) if channels else picture
    return Tile(pixels=np.asarray(_FITS[fit](coloured, (size, size), Image.Resampling.BILINEAR)), digest=name)


_FITS: Mapping[Fit, Callable[[Image.Image, tuple[int, int], Image.Resampling], Image.Image]] = {
    "squash": Image.Image.resize,
    "pad": ImageOps.pad,
    "crop": ImageOps.fit,
}


class TileArray:
    """Memory for `number` tiles of `size` pixels, filled as pictures are read.

    Grey and coloured tiles are separate, since it is known only at the end whether any has colour; unused tiles
    take no memory. Raises MemoryShortageError if they do not fit.
    """

    def __init__(self, number: int, size: int) -> None:
        what = f"{number:,} images of {size} pixels a side"
        refuse_beyond_memory(number * size**2, what)
        try:
            self._grey = np.empty((number, 1, size, size), dtype=np.uint8)
            self._coloured = np.empty((number, 3, size, size), dtype=np.uint8)
        except MemoryError:
            # The system promises no more than it has, by itself or for a limit (`ulimit -v`).
            raise MemoryShortageError(f"{what} do not fit into memory") from None
        self._has_colour = np.zeros(number, dtype=np.bool_)

    def put(self, row: int, pixels: Bytes) -> None:
        """The pixels [H, W] or [H, W, 3] of a tile; threads may write different ones at the same time."""
        self._has_colour[row] = pixels.ndim == 3
        if pixels.ndim == 3:
            self._coloured[row] = pixels.transpose(2, 0, 1)
        else:
            self._grey[row, 0] = pixels

    def has_colour(self, row: int) -> bool:
        """Whether the tile there has three colours."""
        return bool(self._has_colour[row])

    def pictures(self, rows: Indices, channels: int | None) -> Pictures:
        """Those at `rows` [N, C, H, W]; `channels` None: 3 if one of them has colour, else 1."""
        is_grey = ~self._has_colour[rows]
        if (channels or (1 if is_grey.all() else 3)) == 1:
            return picture_rows(self._grey, rows)
        for row in rows[is_grey]:
            self._coloured[row] = self._grey[row]
        return picture_rows(self._coloured, rows)


def labeled_images(
    tiles: Iterable[Tile],
    labels: Labels,
    *,
    channels: int | None,
    class_names: tuple[str, ...],
    origins: tuple[str, ...],
) -> LabeledImages:
    """The tiles of one part, as they come, with their labels [N].

    `channels` None: 3 if one of them has colour, else 1. Raises DataError if there are more or fewer than labels.
    """
    array, digests = None, list[str]()
    for row, each in enumerate(tiles):
        array = array or TileArray(len(labels), len(each.pixels))
        if row < len(labels):
            array.put(row, each.pixels)
        digests.append(each.digest)
    if array is None or len(digests) != len(labels):
        raise DataError(f"{len(digests)} images have {len(labels)} labels")
    images = array.pictures(np.arange(len(labels)), channels)
    return LabeledImages(
        images=images, labels=labels, class_names=class_names, digests=tuple(digests), origins=origins
    )


def images_of_arrays(
    arrays: Iterable[Bytes],
    labels: Labels,
    *,
    size: int,
    channels: int,
    class_names: tuple[str, ...],
    origin: str,
    fit: Fit = "squash",
) -> LabeledImages:
    """N arrays [H, W] or [H, W, 3], whose sizes may differ, with their `labels` [N]; image i is from "`origin`/i".

    Arrays are read one at a time.
    """
    pictures = (array[..., 0] if colour_is_idle(array) else array for array in arrays)
    tiles = (tile(pixels, size=size, channels=channels, fit=fit) for pixels in pictures)
    origins = tuple(f"{origin}/{i}" for i in range(len(labels)))
    return labeled_images(tiles, labels, channels=channels, class_names=class_names, origins=origins)


def _num_channels(pixels: Bytes | Numbers) -> int:
    return 1 if pixels.ndim == 2 else 3


def picture_digest(picture: Picture) -> str:
    """The digest of a picture's pixels in its file, and of everything else that affects its look."""
    pixels = (
        np.invert(picture.pixels)
        if picture.facts.is_turned and picture.pixels.dtype.kind in "ui"
        else picture.pixels
    )
    if picture.opacity is None:
        return digest(pixels)
    return hashlib.blake2b((digest(pixels) + digest(picture.opacity)).encode(), digest_size=16).hexdigest()


def digest(pixels: Bytes | Numbers) -> str:
    """32 hexadecimal digits that identify a picture's pixels [H, W] or [H, W, 3], its height and its width."""
    return hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=16).hexdigest()
