"""Medical pictures in DICOM files, by pydicom, an extra: `pip install 'gan-study[dicom]'`."""

from typing import Any, BinaryIO

import numpy as np

from gan_study.trainables.base.settings import DataError, UserError
from gan_study.trainables.data.reading.picture import Facts, Picture, colours_of, numbers_of

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

    Greys go through the file's rescale. They are bytes with a window, black and white at its ends, and with 8
    bits; else numbers that the range of their set makes bytes of, as what can be stored says little of what is.
    In MONOCHROME1 0 stands for white. Palettes and other colour spaces become RGB. Raises MissingExtraError
    without pydicom, and DataError for a file without pixels and for colours that cannot be converted.
    """
    try:
        import pydicom
        from pydicom.pixels.processing import apply_modality_lut
    except ImportError:
        raise MissingExtraError("a DICOM file needs pydicom: pip install 'gan-study[dicom]'") from None
    data = pydicom.dcmread(file)
    if "PixelData" not in data:
        raise DataError("a DICOM file without pixels")
    num_pages = int(data.get("NumberOfFrames", 1) or 1)
    stored = data.pixel_array
    stored = stored[0] if num_pages > 1 else stored
    meaning, bits = str(data.PhotometricInterpretation), int(data.BitsStored)
    is_turned, has_window = meaning == "MONOCHROME1", False
    if meaning.startswith("MONOCHROME"):
        values = apply_modality_lut(stored, data)
        has_window = data.get("WindowCenter") is not None and data.get("WindowWidth") is not None
        if has_window or values.dtype == np.uint8:
            pixels = _shown(values, data, has_window=has_window, is_turned=is_turned)
        else:
            pixels = numbers_of(values)
    else:
        rgb = colours_of(_rgb(stored, data, meaning))
        # A palette's colours have more bits than its numbers.
        bits = max(bits, 8 * rgb.dtype.itemsize)
        pixels = rgb if rgb.dtype == np.uint8 else numbers_of(rgb)
    facts = Facts(
        kind="DICOM",
        width=pixels.shape[1],
        height=pixels.shape[0],
        bits=bits,
        num_colours=1 if pixels.ndim == 2 else 3,
        num_pages=num_pages,
        values="window" if has_window else "bytes" if pixels.dtype == np.uint8 else "range",
        is_turned=is_turned,
    )
    return Picture(pixels=pixels, facts=facts)


def _shown(values: Any, data: Any, *, has_window: bool, is_turned: bool) -> Any:
    """Rescaled `values` as bytes: through the first window if there is one, else as all that can be stored."""
    from pydicom.pixels.processing import apply_modality_lut, apply_windowing

    # What a window shows is spread over what can be stored.
    low, high = sorted(apply_modality_lut(np.array(_stored_levels(data)), data).tolist())
    levels = np.asarray(apply_windowing(values, data) if has_window else values, dtype=np.float64)
    shares = np.clip((levels - low) / (high - low), 0, 1)
    return np.round(255 * (1 - shares if is_turned else shares)).astype(np.uint8)


def _rgb(stored: Any, data: Any, meaning: str) -> Any:
    """Stored colours as RGB, [H, W, 3], of 8 or 16 bits."""
    from pydicom.pixels.processing import apply_color_lut

    if meaning == "PALETTE COLOR":
        return apply_color_lut(stored, data)[..., :3]
    # `pixel_array` has converted YBR, by formulae for 8 bits.
    if meaning == "RGB" or (meaning.startswith("YBR") and stored.dtype == np.uint8):
        return stored
    raise DataError(f"{stored.dtype} colours as {meaning}; RGB, palettes and YBR of 8 bits are read")


def _stored_levels(data: Any) -> tuple[int, int]:
    """The lowest and the highest value that a file's pixels can have."""
    bits = int(data.BitsStored)
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if data.PixelRepresentation else (0, 2**bits - 1)
