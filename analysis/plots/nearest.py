"""Generated images, each beside the training image that it is nearest to."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from pydantic import Field

from gan_study.analysis.plots.samples import laid_out
from gan_study.trainables.base.settings import settings


@settings
class ClassPairs:
    """How near the pairs of a class are: distances, ratios to the next nearest image, and which are copies."""

    name: str
    distances: tuple[float, ...]
    ratios: tuple[float | None, ...]
    is_copy: tuple[bool, ...]


@settings
class PanelLayout:
    """Where the images of a panel are, in pixels: of each class generated images, and below them the nearest."""

    size: int = Field(ge=1, le=512)
    gap: int = Field(ge=0, le=512)
    columns: int = Field(ge=1, le=100)
    features: str
    copy_ratio: float
    classes: tuple[ClassPairs, ...] = Field(min_length=1)

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the whole."""
        pitch = self.size + self.gap
        return self.columns * pitch + 2 * self.gap, 2 * len(self.classes) * pitch


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A generated image above its nearest training image, as a PNG's data URI.

    `distance` is Euclidean in the features of the panel, `ratio` that over the distance to the next nearest.
    """

    class_name: str
    uri: str
    distance: float
    ratio: float | None
    is_copy: bool


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The pairs of a trial by class, from the most to the least like a copy; below `copy_ratio` one is a copy."""

    features: str
    copy_ratio: float
    by_class: dict[str, tuple[Pair, ...]]


def panel(path: Path) -> Panel:
    """The panel that a trial has left at `path`.

    Raises DataError where it cannot be read as an image, RecordError where it does not say what is where.
    """
    image, layout = laid_out(path, PanelLayout, "nearest", what="panel")
    return Panel(
        features=layout.features,
        copy_ratio=layout.copy_ratio,
        by_class={
            each.name: tuple(_pairs(image, layout, place, each)) for place, each in enumerate(layout.classes)
        },
    )


def _pairs(image: Image.Image, layout: PanelLayout, place: int, found: ClassPairs) -> Iterator[Pair]:
    pitch = layout.size + layout.gap
    top = 2 * place * pitch + layout.gap // 2
    for column, (distance, ratio, is_copy) in enumerate(
        zip(found.distances, found.ratios, found.is_copy, strict=True)
    ):
        left = layout.gap + column * pitch
        buffer = io.BytesIO()
        both = image.crop((left, top, left + layout.size, top + pitch + layout.size))
        both.save(buffer, format="PNG", optimize=True)
        yield Pair(
            class_name=found.name,
            uri=f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}",
            distance=distance,
            ratio=ratio,
            is_copy=is_copy,
        )
