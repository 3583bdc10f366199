"""A GAN's images on the way: a film of its training, and a strip to be printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from gan_study.analysis.plots.images import EncodedImage, encode, lay_out, to_image
from gan_study.analysis.plots.style import HOUSE_FONT
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.wording import listing

# The last picture stays longer, so that it is seen that the film begins anew.
FRAME_MILLISECONDS, LAST_MILLISECONDS = 700, 2500
SCALE = 2
# Images of a class in a row; a trial leaves no more.
COLUMNS = 4
MARGIN_PIXELS, HEAD_PIXELS, TEXT_PIXELS = 96, 24, 14
# Of the labels, which both a white and a dark page show.
INK, CLEAR = "#737c85", (255, 255, 255, 0)


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A growth as a `film` that repeats and as a `strip` with all steps below one another."""

    film: EncodedImage
    strip_image: Image.Image
    steps: tuple[int, ...]
    classes: tuple[str, ...]

    @cached_property
    def strip(self) -> EncodedImage:
        """The strip as a file."""
        return encode(self.strip_image, "PNG")

    @property
    def words(self) -> str:
        """What is to be seen, as a text alternative."""
        return (
            f"Training images of {listing(self.classes)} above, generated ones below, from the same latents after "
            f"{listing([str(step) for step in self.steps])} generator steps."
        )


def draw_growth(record: Trial) -> Growth | None:
    """The growth of a trial's GANs; None if it left no snapshots."""
    snapshots = list(record.snapshots.values())
    steps = [
        step
        for step in (snapshots[0].generated if snapshots else ())
        if all(step in each.generated for each in snapshots)
    ]
    if not steps:
        return None
    rows = [
        [each.training for each in snapshots],
        *([each.generated[step] for each in snapshots] for step in steps),
    ]
    drawn = [
        to_image(np.concatenate([lay_out(images, columns=COLUMNS) for images in row], axis=1)) for row in rows
    ]
    enlarged = [
        image.resize((SCALE * image.width, SCALE * image.height), Image.Resampling.NEAREST)
        for image in drawn
        if image is not None
    ]
    if len(enlarged) < len(rows):
        return None
    labels = ["training", *(f"step {step}" for step in steps)]
    classes = tuple(record.snapshots)
    frames = [
        _labelled([enlarged[0], row], [labels[0], name], classes)
        for row, name in zip(enlarged[1:], labels[1:], strict=True)
    ]
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [LAST_MILLISECONDS]
    options = {"duration": durations, "loop": 0, "quality": 80, "method": 4}
    film = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], **options)
    return Growth(film=film, strip_image=_labelled(enlarged, labels, classes), steps=tuple(steps), classes=classes)


def _labelled(rows: Sequence[Image.Image], labels: Sequence[str], classes: Sequence[str]) -> Image.Image:
    """`rows` below one another, their labels on the left and the classes above."""
    width, height = rows[0].size
    canvas = Image.new("RGBA", (MARGIN_PIXELS + width, HEAD_PIXELS + height * len(rows)), CLEAR)
    draw, font = ImageDraw.Draw(canvas), label_font()
    of_class = width // len(classes)
    for place, name in enumerate(classes):
        draw.text((MARGIN_PIXELS + place * of_class + 8, 4), _cut(name, font, of_class - 16), fill=INK, font=font)
    for place, (row, label) in enumerate(zip(rows, labels, strict=True)):
        top = HEAD_PIXELS + place * height
        canvas.paste(row, (MARGIN_PIXELS, top))
        draw.text((4, top + (height - TEXT_PIXELS) // 2), label, fill=INK, font=font)
    return canvas


def label_font() -> ImageFont.FreeTypeFont:
    """That of the other figures; Pillow's own knows ASCII alone, and no "…"."""
    return ImageFont.truetype(findfont(HOUSE_FONT), size=TEXT_PIXELS)


def _cut(name: str, font: ImageFont.FreeTypeFont, most_pixels: int) -> str:
    """As much of `name` as has room."""
    # No letter is narrower than a pixel.
    lengths = range(min(len(name), most_pixels), 0, -1)
    texts = (name if length == len(name) else f"{name[:length]}…" for length in lengths)
    return next((text for text in texts if font.getlength(text) <= most_pixels), "")
