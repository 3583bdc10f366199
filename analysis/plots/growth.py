"""A GAN's images during training: a film, and a strip for print."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np
import vl_convert
from PIL import Image

from gan_study.analysis.plots.chart import FONT
from gan_study.analysis.plots.images import EncodedImage, encode, lay_out, to_image
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.wording import listing

# The last picture stays longer, so that it is seen that the film begins again.
FRAME_MILLISECONDS, LAST_MILLISECONDS = 700, 2500
SCALE = 2
# Images of a class in a row; a trial leaves no more.
COLUMNS = 4
MARGIN_PIXELS, HEAD_PIXELS, TEXT_PIXELS, LETTER_PIXELS = 96, 24, 14, 8
# The colour of the labels, legible on a white and on a dark page.
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
        """A description of the image, as a text alternative."""
        return (
            f"Training images of {listing(self.classes)} at the top, generated ones below, from the "
            f"same latents after {listing([str(step) for step in self.steps])} generator steps."
        )


def draw_growth(record: Trial) -> Growth | None:
    """The growth of a trial's GANs; None if it has no snapshots."""
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
    of_class = width // len(classes)
    texts = [
        (MARGIN_PIXELS + place * of_class + 8, 4, shortened(name, most=(of_class - 16) // LETTER_PIXELS))
        for place, name in enumerate(classes)
    ]
    for place, (row, label) in enumerate(zip(rows, labels, strict=True)):
        top = HEAD_PIXELS + place * height
        canvas.paste(row, (MARGIN_PIXELS, top))
        texts.append((4, top + (height - TEXT_PIXELS) // 2, label))
    canvas.alpha_composite(write_texts(canvas.size, texts))
    return canvas


def write_texts(size: tuple[int, int], texts: Sequence[tuple[int, int, str]]) -> Image.Image:
    """A transparent image of this size with texts, each at its left and upper end, in the letters of every script.

    Pillow's own font has only ASCII; the charts' renderer finds installed fonts.
    """
    marks = (
        f'<text x="{left}" y="{top + 0.85 * TEXT_PIXELS:g}">{escape(text)}</text>' for left, top, text in texts
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" fill="{INK}" '
        f'font-family="{escape(FONT)}" font-size="{TEXT_PIXELS}">{"".join(marks)}</svg>'
    )
    return Image.open(io.BytesIO(vl_convert.svg_to_png(svg))).convert("RGBA")


def shortened(name: str, *, most: int) -> str:
    """`name` with at most this many letters."""
    return name if len(name) <= most else f"{name[: max(0, most - 1)]}…"
