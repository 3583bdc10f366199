"""Generated images, each above its nearest training image."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from gan_study.analysis.plots.images import GAP, WHITE, encode, lay_out, to_image
from gan_study.analysis.records.trial import Bytes, Pairs, Trial

# Most pairs shown of one class; a trial leaves no more.
MOST_PAIRS = 8


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A generated image above its nearest training image, as a PNG's data URI.

    `ratio` is their distance divided by the distance to the second nearest training image; None if there is none.
    """

    class_name: str
    uri: str
    ratio: float | None
    is_copy: bool


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The pairs of a trial by class, from the most to the least copy-like; below `copy_ratio` one is a copy."""

    copy_ratio: float
    by_class: dict[str, tuple[Pair, ...]]


def draw_pairs(record: Trial) -> Panel | None:
    """The pairs of a trial; None if it left none."""
    if record.copy_ratio is None or not record.pairs:
        return None
    return Panel(
        copy_ratio=record.copy_ratio,
        by_class={name: _pairs(name, found) for name, found in record.pairs.items()},
    )


def draw_panel(record: Trial) -> Image.Image | None:
    """The pairs of a trial as one picture, two rows for each class; None if it left none."""
    rows = [lay_out(images, columns=MOST_PAIRS) for found in record.pairs.values() for images in found[:2]]
    return to_image(np.concatenate(rows, axis=0)) if rows else None


def _pairs(name: str, found: Pairs) -> tuple[Pair, ...]:
    columns = zip(*(column[:MOST_PAIRS] for column in found), strict=True)
    return tuple(
        Pair(
            class_name=name,
            uri=encode(image, "PNG", optimize=True).uri,
            ratio=None if np.isnan(ratio) else float(ratio),
            is_copy=bool(is_copy),
        )
        for generated, training, ratio, is_copy in columns
        if (image := to_image(_stack(generated, training))) is not None
    )


def _stack(upper: Bytes, lower: Bytes) -> Bytes:
    """Two images [C, H, W] above one another, as pixels [2 H + GAP, W, C]."""
    channels, height, width = upper.shape
    both = np.full((2 * height + GAP, width, channels), WHITE, dtype=np.uint8)
    both[:height], both[-height:] = upper.transpose(1, 2, 0), lower.transpose(1, 2, 0)
    return both
