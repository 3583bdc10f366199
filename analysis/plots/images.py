"""Images of trials as pixels and files: laid out in rows, encoded, selected by a fixed rule."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from gan_study.analysis.records.select import Arm, arm_of
from gan_study.analysis.records.trial import Bytes, Trial
from gan_study.analysis.wording import ratio_text

# Between images, in pixels, and what is there.
GAP, WHITE, OPAQUE = 4, 255, 255
# Most pixels of one picture: a study's folder may come from somebody else.
MOST_PIXELS = 40_000_000


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image as a file of `media_type`."""

    content: bytes
    media_type: str

    @property
    def uri(self) -> str:
        """The image as a data URI."""
        return data_uri(self.content, self.media_type)


def data_uri(content: bytes, media_type: str) -> str:
    """`content` as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def encode(image: Image.Image, kind: str, **options: object) -> EncodedImage:
    """`image` as a PNG, JPEG or WEBP file."""
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return EncodedImage(content=buffer.getvalue(), media_type=f"image/{kind.lower()}")


def lay_out(images: Bytes, *, columns: int) -> Bytes:
    """The first `columns` of images [n, C, H, W] side by side, as pixels [H + GAP, ..., C + 1].

    The last channel is opaque inside images; between them the page shows through, in light or dark mode.
    """
    number, _, height, width = images.shape
    opaque = np.full((number, 1, height, width), OPAQUE, dtype=np.uint8)
    images = np.concatenate([images, opaque], axis=1)
    row = np.full((height + GAP, columns * (width + GAP) + 2 * GAP, images.shape[1]), WHITE, dtype=np.uint8)
    row[:, :, -1] = 0
    for column, image in enumerate(images[:columns]):
        left = column * (width + GAP) + GAP
        row[GAP // 2 : GAP // 2 + height, left : left + width] = image.transpose(1, 2, 0)
    return row


def to_image(pixels: Bytes) -> Image.Image | None:
    """Pixels [H, W, C] in colours, with the last of two or four channels as opacity; None if there are too
    many.
    """
    height, width, channels = pixels.shape
    if height * width > MOST_PIXELS or channels not in (1, 2, 3, 4):
        return None
    image = Image.fromarray(pixels.squeeze(axis=2) if channels == 1 else pixels)
    return image.convert("RGBA" if channels % 2 == 0 else "RGB")


def pick_trials(records: Sequence[Trial], array: str) -> tuple[Trial, ...]:
    """One trial that has an array for each condition and method, selected by a fixed rule.

    The smallest confirmed seed; for a method that was not confirmed, the search trial with the largest gain.
    """
    first: dict[Arm, Trial] = {}
    for record in sorted(records, key=_rank):
        arm = arm_of(record)
        if arm not in first and record.has(array):
            first[arm] = record
    return tuple(first.values())


def _rank(record: Trial) -> tuple[Arm, bool, float, int]:
    is_confirmed = record.phase == "confirm"
    gain = 0.0 if is_confirmed or record.objective is None else record.objective
    return arm_of(record), not is_confirmed, -gain, record.seed


def describe_trial(record: Trial) -> str:
    """Which trial it is, in words."""
    ratio = ratio_text(record.imbalance_ratio)
    return f"{record.dataset}, {record.classifier}, ratio {ratio}, {record.phase} seed {record.seed}"
