"""Sample grids as they were drawn in the trials, brought to a size that a page can carry."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from analysis.select import Condition, condition_of
from trainables.record import TrialRecord
from trainables.settings import DataError

WIDEST_PIXELS = 900
SMALLEST_PIXELS = 200
JPEG_QUALITY = 88


@dataclass(frozen=True, kw_only=True)
class SampleGrid:
    """Where the samples of one method under one condition lie (relative to the study folder), and their seed."""

    condition: Condition
    balancer: str
    seed: int
    phase: str
    path: str


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image as a file of `media_type`."""

    content: bytes
    media_type: str


def sample_data(records: Sequence[TrialRecord]) -> tuple[SampleGrid, ...]:
    """One grid for each condition and method, chosen without looking: the smallest seed that was confirmed.

    A method that was not confirmed shows its search trial with the largest gain.
    """
    ranked = sorted((record for record in records if "samples" in record.artifacts), key=_rank)
    first: dict[tuple[Condition, str], TrialRecord] = {}
    for record in ranked:
        first.setdefault((condition_of(record), record.balancer), record)
    return tuple(
        SampleGrid(
            condition=condition,
            balancer=balancer,
            seed=record.seed,
            phase=record.phase,
            path=record.artifacts["samples"],
        )
        for (condition, balancer), record in first.items()
    )


def _rank(record: TrialRecord) -> tuple[Condition, str, bool, float, int]:
    is_confirmed = record.phase == "confirm"
    gain = 0.0 if is_confirmed or record.objective is None else record.objective
    return condition_of(record), record.balancer, not is_confirmed, -gain, record.seed


def shrunk(path: Path, *, most_bytes: int) -> EncodedImage:
    """The image at `path` in at most `most_bytes`: as PNG if that fits, else as JPEG, smaller until it fits.

    No narrower than 200 pixels, below which nothing is to be seen. Raises DataError where it cannot be read, or
    is a decompression bomb: the folder may be another person's.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                image = opened.convert("RGB")
    # Pillow's decoders raise errors of many kinds on a damaged file.
    except Exception as error:
        raise DataError(f"{path}: cannot be read as an image ({' '.join(str(error).split())})") from error
    image.thumbnail((WIDEST_PIXELS, 100 * WIDEST_PIXELS))
    png = _encoded(image, "PNG", optimize=True)
    if len(png) <= most_bytes:
        return EncodedImage(content=png, media_type="image/png")
    jpeg = _encoded(image, "JPEG", quality=JPEG_QUALITY)
    while len(jpeg) > most_bytes and image.width * 0.8 >= SMALLEST_PIXELS:
        image = image.resize((int(image.width * 0.8), max(1, int(image.height * 0.8))))
        jpeg = _encoded(image, "JPEG", quality=JPEG_QUALITY)
    return EncodedImage(content=jpeg, media_type="image/jpeg")


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()
