"""Medical pictures in DICOM files, by pydicom, an extra: `pip install 'gan-study[dicom]'`."""

from typing import Any, BinaryIO

import numpy as np

from gan_study.trainables.base.settings import DataError, UserError
from gan_study.trainables.data.reading.picture import MOST_LEVEL, Facts, Picture

_SIGNATURE, _OFFSET = b"DICM", 128


class MissingExtraError(UserError):
    """A library is needed that is not installed; no fault of the file, which is not left out as unreadable."""


def is_dicom(file: BinaryIO) -> bool:
    """Whether an open file is one of DICOM's, by its mark; it is at its beginning afterwards."""
    file.seek(_OFFSET)
    mark = file.read(len(_SIGNATURE))
    file.seek(0)
    return mark == _SIGNATURE


def read_dicom(file: BinaryIO) -> Picture:
    """The first frame of a DICOM file.

    Greys go through the file's rescale and its first window, if it has these, and what can be stored then becomes
    the levels 0 to 65535, white the brightest (MONOCHROME1 is turned). Colours are converted to RGB. Raises
    MissingExtraError without pydicom, and DataError for a file without pixels.
    """
    try:
        import pydicom
        from pydicom.pixels.processing import apply_modality_lut, apply_windowing, convert_color_space
    except ImportError:
        raise MissingExtraError("a DICOM file needs pydicom: pip install 'gan-study[dicom]'") from None
    data = pydicom.dcmread(file)
    if "PixelData" not in data:
        raise DataError("a DICOM file without pixels")
    meaning, bits = str(data.PhotometricInterpretation), int(data.BitsStored)
    num_pages = int(data.get("NumberOfFrames", 1) or 1)
    pixels = data.pixel_array
    pixels = pixels[0] if num_pages > 1 else pixels
    if pixels.ndim == 3:
        if meaning not in ("RGB",):
            pixels = convert_color_space(pixels, meaning, "RGB")
        white, colours, pixels = 255, 3, np.asarray(pixels, dtype=np.uint8)
    else:
        white, colours = MOST_LEVEL, 1
        # A file without a window is as it was.
        values = np.asarray(apply_windowing(apply_modality_lut(pixels, data), data), dtype=np.float64)
        low, high = sorted(apply_modality_lut(np.array(_stored_levels(data)), data).tolist())
        shares = np.clip((values - low) / (high - low), 0, 1)
        pixels = np.round((1 - shares if meaning == "MONOCHROME1" else shares) * MOST_LEVEL).astype(np.uint16)
    facts = Facts(
        kind="DICOM",
        width=pixels.shape[1],
        height=pixels.shape[0],
        bits=bits,
        num_colours=colours,
        num_pages=num_pages,
    )
    return Picture(pixels=pixels, white=white, facts=facts)


def _stored_levels(data: Any) -> tuple[int, int]:
    """The lowest and the highest value that a file's pixels can have."""
    bits = int(data.BitsStored)
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if data.PixelRepresentation else (0, 2**bits - 1)
