"""Sample sheets: real and synthetic images of a trial, scaled to fit into a page."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from gan_study.analysis.plots.images import EncodedImage, encode, lay_out, to_image
from gan_study.analysis.records.select import Arm, arm_of, comparable
from gan_study.analysis.records.trial import Trial

WIDEST_PIXELS = 900
SMALLEST_PIXELS = 200
QUALITY = 88
# Images of each kind, real and synthetic, in a row; a trial leaves no more.
COLUMNS = 10


def extreme_trials(records: Sequence[Trial]) -> tuple[tuple[Trial, Trial], ...]:
    """The best and the worst trial in the search's split by gain, for each condition and method with both."""
    trials: dict[Arm, list[Trial]] = {}
    for record in comparable(records):
        if record.objective is not None and record.has("samples/synthetic"):
            trials.setdefault(arm_of(record), []).append(record)
    return tuple(
        (max(found, key=_gain), min(found, key=_gain))
        for _, found in sorted(trials.items(), key=lambda item: item[0])
        if len({record.objective for record in found}) > 1
    )


def _gain(record: Trial) -> float:
    assert record.objective is not None, "only trials with a gain are put in order by it"
    return record.objective


def draw_sheet(record: Trial) -> Image.Image | None:
    """A row for each minority class, real images on the left and synthetic ones on the right; None if there are
    none.
    """
    rows = [
        np.concatenate(
            [lay_out(images, columns=COLUMNS) for images in (of_class.real, of_class.synthetic)], axis=1
        )
        for of_class in record.samples.values()
    ]
    return to_image(np.concatenate(rows, axis=0)) if rows else None


def draw_beside(record: Trial, *, columns: int, most_rows: int) -> tuple[Image.Image, Image.Image] | None:
    """Real and synthetic images separately, a row for each of the first minority classes; None without."""
    found = list(record.samples.values())[:most_rows]
    both = [
        to_image(np.concatenate([lay_out(getattr(each, kind), columns=columns) for each in found], axis=0))
        for kind in ("real", "synthetic")
        if found
    ]
    real, synthetic = both if len(both) == 2 else (None, None)
    return None if real is None or synthetic is None else (real, synthetic)


def shrink(image: Image.Image, *, most_bytes: int) -> EncodedImage:
    """`image` in at most `most_bytes`: as PNG if that fits, else as JPEG or WEBP, scaled down until it fits.

    At least 200 pixels wide, since smaller images show nothing.
    """
    image = image.copy()
    image.thumbnail((WIDEST_PIXELS, 100 * WIDEST_PIXELS))
    png = encode(image, "PNG", optimize=True)
    if len(png.content) <= most_bytes:
        return png
    # A JPEG has nothing that shows the page through.
    kind = "WEBP" if image.mode == "RGBA" else "JPEG"
    lossy = encode(image, kind, quality=QUALITY)
    while len(lossy.content) > most_bytes and image.width * 0.8 >= SMALLEST_PIXELS:
        image = image.resize((int(image.width * 0.8), max(1, int(image.height * 0.8))))
        lossy = encode(image, kind, quality=QUALITY)
    return lossy
