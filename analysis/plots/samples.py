"""Sample grids as they were drawn in the trials, brought to a size that a page can carry."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from PIL import Image

from gan_study.analysis.select import Condition, condition_of
from gan_study.analysis.wording import ratio_text
from gan_study.trainables.base.settings import DataError, UserError, from_json, parse
from gan_study.trainables.record import RecordError, TrialRecord

WIDEST_PIXELS = 900
SMALLEST_PIXELS = 200
JPEG_QUALITY = 88


@dataclass(frozen=True, kw_only=True)
class SampleGrid:
    """Where a picture of one method under one condition lies (relative to the study folder), and whose it is."""

    condition: Condition
    balancer: str
    seed: int
    phase: str
    path: str
    objective: float | None = None

    @property
    def where(self) -> str:
        """The trial that it is of, in words."""
        return (
            f"{self.condition.dataset}, {self.condition.classifier}, "
            f"ratio {ratio_text(self.condition.imbalance_ratio)}, {self.phase} seed {self.seed}"
        )


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image as a file of `media_type`."""

    content: bytes
    media_type: str


def sample_data(records: Sequence[TrialRecord], kind: str = "samples") -> tuple[SampleGrid, ...]:
    """One picture of a kind for each condition and method, chosen without looking: the smallest confirmed seed's.

    A method that was not confirmed shows its search trial with the largest gain.
    """
    ranked = sorted((record for record in records if kind in record.artifacts), key=_rank)
    first: dict[tuple[Condition, str], TrialRecord] = {}
    for record in ranked:
        first.setdefault((condition_of(record), record.balancer), record)
    return tuple(_grid(record, kind) for record in first.values())


def extreme_data(records: Sequence[TrialRecord]) -> tuple[tuple[SampleGrid, SampleGrid], ...]:
    """The best and the worst search trial by their gain on validation, for each condition and method with both."""
    trials: dict[tuple[Condition, str], list[TrialRecord]] = {}
    for record in records:
        if record.phase == "search" and record.objective is not None and "samples" in record.artifacts:
            trials.setdefault((condition_of(record), record.balancer), []).append(record)
    return tuple(
        (_grid(max(found, key=_gain), "samples"), _grid(min(found, key=_gain), "samples"))
        for _, found in sorted(trials.items(), key=lambda item: item[0])
        if len({record.objective for record in found}) > 1
    )


def _gain(record: TrialRecord) -> float:
    assert record.objective is not None, "only trials with a gain are put in order by it"
    return record.objective


def _grid(record: TrialRecord, kind: str) -> SampleGrid:
    return SampleGrid(
        condition=condition_of(record),
        balancer=record.balancer,
        seed=record.seed,
        phase=record.phase,
        path=record.artifacts[kind],
        objective=record.objective,
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
    image, _ = opened(path)
    image.thumbnail((WIDEST_PIXELS, 100 * WIDEST_PIXELS))
    png = _encoded(image, "PNG", optimize=True)
    if len(png) <= most_bytes:
        return EncodedImage(content=png, media_type="image/png")
    jpeg = _encoded(image, "JPEG", quality=JPEG_QUALITY)
    while len(jpeg) > most_bytes and image.width * 0.8 >= SMALLEST_PIXELS:
        image = image.resize((int(image.width * 0.8), max(1, int(image.height * 0.8))))
        jpeg = _encoded(image, "JPEG", quality=JPEG_QUALITY)
    return EncodedImage(content=jpeg, media_type="image/jpeg")


def opened(path: Path) -> tuple[Image.Image, dict[str, str]]:
    """The image at `path` in colours, and its texts by name.

    Raises DataError where it cannot be read, or is a decompression bomb: the folder may be another person's.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as found:
                return found.convert("RGB"), {
                    str(name): str(text) for name, text in found.info.items() if isinstance(text, str)
                }
    # Pillow's decoders raise errors of many kinds on a damaged file.
    except Exception as error:
        raise DataError(f"{path}: cannot be read as an image ({' '.join(str(error).split())})") from error


class _Layout(Protocol):
    """Where things are in an image."""

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the whole."""
        ...


_Laid = TypeVar("_Laid", bound=_Layout)


def laid_out(path: Path, layout: type[_Laid], name: str, *, what: str) -> tuple[Image.Image, _Laid]:
    """The image at `path`, and where things are in it, as its text `name` says; it is a `what`.

    Raises DataError where it cannot be read as an image, RecordError where it does not say what is where.
    """
    image, texts = opened(path)
    try:
        found = parse(layout, from_json(texts.get(name, "")), where=name)
    except UserError as error:
        raise RecordError(f"{path}: {error}") from None
    if image.size != found.pixels:
        raise RecordError(f"{path}: {image.width} x {image.height} pixels are not those of a {what}")
    return image, found


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()
