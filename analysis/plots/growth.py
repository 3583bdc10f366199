"""How a GAN's images grew over its epochs: moving, and as a strip to be printed."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from pydantic import Field

from gan_study.analysis.plots.samples import EncodedImage, laid_out
from gan_study.analysis.plots.style import HOUSE_FONT
from gan_study.analysis.wording import listing
from gan_study.trainables.base.settings import settings
from gan_study.trainables.record import RecordError

# The last picture stays longer, so that it is seen that the film begins anew.
FRAME_MILLISECONDS, LAST_MILLISECONDS = 700, 2500
SCALE = 2
# A trial leaves half a million at most; the folder may be another person's.
MOST_PIXELS = 4_000_000
MARGIN_PIXELS, HEAD_PIXELS, TEXT_PIXELS = 96, 24, 14
INK, PAPER = "#1b1f24", "#ffffff"


@settings
class GrowthLayout:
    """Where the images of a growth are, in pixels: training images in the first row, then a row for each epoch."""

    size: int = Field(ge=1, le=512)
    gap: int = Field(ge=0, le=512)
    columns: int = Field(ge=1, le=100)
    classes: tuple[str, ...] = Field(min_length=1)
    epochs: tuple[int, ...] = Field(min_length=1)

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the whole."""
        pitch = self.size + self.gap
        return len(self.classes) * (self.columns * pitch + 2 * self.gap), (1 + len(self.epochs)) * pitch


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A growth as a `film` that repeats and as a `strip` with all epochs below one another."""

    film: EncodedImage
    strip: EncodedImage
    epochs: tuple[int, ...]
    classes: tuple[str, ...]

    @property
    def words(self) -> str:
        """What is to be seen, as a text alternative."""
        return (
            f"Training images of {listing(self.classes)} above, generated ones below, from the same latents after "
            f"epochs {listing([str(epoch) for epoch in self.epochs])}."
        )


def growth(path: Path) -> Growth:
    """The growth that a trial has left at `path`.

    Raises DataError where it cannot be read as an image, RecordError where it does not say what is where.
    """
    image, layout = laid_out(path, GrowthLayout, "growth", what="growth")
    if image.width * image.height > MOST_PIXELS:
        raise RecordError(f"{path}: {image.width} x {image.height} pixels are not those of a growth")
    height = layout.size + layout.gap
    rows = [
        image.crop((0, place * height, image.width, (place + 1) * height)).resize(
            (SCALE * image.width, SCALE * height), Image.Resampling.NEAREST
        )
        for place in range(1 + len(layout.epochs))
    ]
    labels = ["training", *(f"epoch {epoch}" for epoch in layout.epochs)]
    frames = [
        _labelled([rows[0], row], [labels[0], name], layout.classes)
        for row, name in zip(rows[1:], labels[1:], strict=True)
    ]
    return Growth(
        film=EncodedImage(content=_film(frames), media_type="image/webp"),
        strip=EncodedImage(content=_png(_labelled(rows, labels, layout.classes)), media_type="image/png"),
        epochs=layout.epochs,
        classes=layout.classes,
    )


def _labelled(rows: Sequence[Image.Image], labels: Sequence[str], classes: Sequence[str]) -> Image.Image:
    """`rows` below one another, their labels on the left and the classes above."""
    width, height = rows[0].size
    canvas = Image.new("RGB", (MARGIN_PIXELS + width, HEAD_PIXELS + height * len(rows)), PAPER)
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
    lengths = range(len(name), 0, -1)
    texts = (name if length == len(name) else f"{name[:length]}…" for length in lengths)
    return next((text for text in texts if font.getlength(text) <= most_pixels), "")


def _film(frames: Sequence[Image.Image]) -> bytes:
    buffer = io.BytesIO()
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [LAST_MILLISECONDS]
    first, *others = frames
    first.save(
        buffer,
        format="WEBP",
        save_all=True,
        append_images=others,
        duration=durations,
        loop=0,
        quality=80,
        method=4,
    )
    return buffer.getvalue()


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
