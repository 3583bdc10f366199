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

    Greys go through the file's rescale. They are bytes with a table of values of interest (VOI LUT) or a window,
    black and white at its ends, and with 8 bits; else numbers that the range of their set makes bytes of, as what
    can be stored says little of what is. What pads the picture is black and no level of it. In MONOCHROME1 0
    stands for white. Palettes and other colour spaces become RGB. Raises MissingExtraError
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
        padding = _is_padding(stored, data)
        if padding.any() and not padding.all():
            # The darkest that there is, so that it widens no range.
            values[padding] = values[~padding].max() if is_turned else values[~padding].min()
        has_table = bool(data.get("VOILUTSequence"))
        has_window = has_table or (data.get("WindowCenter") is not None and data.get("WindowWidth") is not None)
        if has_window or values.dtype == np.uint8:
            pixels = _shown(values, data, has_window=has_window, is_turned=is_turned)
            pixels[padding] = 0
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


def _is_padding(stored: Any, data: Any) -> Any:
    """Where a picture is padded, [H, W]: PS3.3 C.7.5.1.1.2, a value or all between two."""
    if data.get("PixelPaddingValue") is None:
        return np.zeros(stored.shape, dtype=bool)
    one = int(data.PixelPaddingValue)
    other = int(data.get("PixelPaddingRangeLimit", one))
    return (stored >= min(one, other)) & (stored <= max(one, other))


def _shown(values: Any, data: Any, *, has_window: bool, is_turned: bool) -> Any:
    """Rescaled `values` as bytes: by the first table or window if there is one, else as all that can be stored."""
    from pydicom.pixels.processing import apply_modality_lut, apply_windowing

    if data.get("VOILUTSequence"):
        levels, low, high = _looked_up(values, data)
    else:
        # What a window shows is spread over what can be stored.
        low, high = sorted(apply_modality_lut(np.array(_stored_levels(data)), data).tolist())
        levels = np.asarray(apply_windowing(values, data) if has_window else values, dtype=np.float64)
    shares = np.clip((levels - low) / (high - low), 0, 1)
    return np.round(255 * (1 - shares if is_turned else shares)).astype(np.uint8)


def _looked_up(values: Any, data: Any) -> tuple[Any, int, int]:
    """What the first table of values of interest makes of `values` (PS3.3 C.11.2.1.1), and its black and white.

    pydicom 3.0.2's `apply_voi` counts in the type of what the table holds, so that one of 8 bits is read wrongly.
    """
    table = data.VOILUTSequence[0]
    number, first, bits = (int(each) for each in table.LUTDescriptor)
    held = table.LUTData
    if isinstance(held, bytes):
        order = "<" if data.file_meta.TransferSyntaxUID.is_little_endian else ">"
        held = np.frombuffer(held, dtype="u1" if len(held) < 2 * (number or 2**16) else f"{order}u2")
    # 0 stands for 65536 values.
    places = np.clip(np.round(values) - first, 0, (number or 2**16) - 1).astype(np.int64)
    return np.asarray(held, dtype=np.float64)[places], 0, 2**bits - 1


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
