"""Files that a trial leaves, as bytes: predictions and sample grids."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from gan_study.trainables.data.images import Labels, TrainingSet, to_bytes
from gan_study.trainables.data.pixels import refusing_bombs
from gan_study.trainables.image_quality.copying import COPY_RATIO
from gan_study.trainables.image_quality.nearest import Pairs, Points

# As many of each kind as a person is asked about, who says which are real (report, "real or fake?").
SAMPLES_PER_CLASS = 10
_GAP = 4
_SHADE = 255
# Larger images are made smaller where there may be ten rows of them in every trial of a GAN.
SMALL_PIXELS = 32
# Of a panel: more are not looked at.
MOST_CLASSES = 6


def predictions_file(labels: Labels, probabilities: npt.NDArray[np.float32]) -> bytes:
    """An .npz with `labels` int64 [N] and `probabilities` float32 [N, K]: any metric can be had from it later."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, labels=labels, probabilities=probabilities.astype(np.float32))
    return buffer.getvalue()


def sample_grid(balanced: TrainingSet) -> bytes | None:
    """A PNG with a row for each minority class, real images left and synthetic ones right; None without any.

    Its text chunk "grid" says in JSON where they are: `size` and `gap` in pixels, `columns` of each kind, and for
    each row the `name` of the class and how many `real` and `synthetic` images it has.
    """
    rows = {label: _sample_row(balanced, label) for label in balanced.classes.minority}
    present = {label: row for label, row in rows.items() if row is not None}
    if not present:
        return None
    layout = {
        "size": balanced.images.shape[-1],
        "gap": _GAP,
        "columns": SAMPLES_PER_CLASS,
        "rows": [_row_layout(balanced, label) for label in present],
    }
    return _picture(np.concatenate(list(present.values()), axis=0), "grid", layout)


def growth_strip(training: TrainingSet, growth: Mapping[int, Mapping[int, Tensor]]) -> bytes | None:
    """A PNG of how a GAN's images grew; None without `growth`, which maps a label to its images by epoch.

    The first row has training images, each other one images of an epoch, from the same latents; the classes
    stand side by side. Images are at most 32 pixels high. The text chunk "growth" says in JSON where they are:
    `size` and `gap` in pixels, the names of the `classes`, how many images each has (`columns`), the `epochs`.
    """
    if not growth:
        return None
    epochs = sorted(next(iter(growth.values())))
    columns = max(len(images) for by_epoch in growth.values() for images in by_epoch.values())
    size = min(training.shape.size, SMALL_PIXELS)
    rows = [
        [to_bytes(training.of_class(label)[:columns]) for label in growth],
        *([by_epoch[epoch].numpy() for by_epoch in growth.values()] for epoch in epochs),
    ]
    layout = {
        "size": size,
        "gap": _GAP,
        "columns": columns,
        "classes": [training.classes.names[label] for label in growth],
        "epochs": epochs,
    }
    strips = [
        np.concatenate([_strip(_scaled(images, size), columns=columns) for images in row], axis=1) for row in rows
    ]
    return _picture(np.concatenate(strips, axis=0), "growth", layout)


def nearest_panel(by_class: Mapping[str, Pairs]) -> bytes:
    """A PNG with two rows for each class: generated images, and below each the training image nearest to it.

    The text chunk "nearest" says in JSON where they are and how near: `size` and `gap` in pixels, how many
    `columns` there are, whose `features` the distance is taken in, below which `copy_ratio` an image is a copy,
    and for each of the `classes` its `name` and for each pair the `distances`, the `ratios` (distance over that to
    the next nearest; null where there is none) and whether it `is_copy`. At most MOST_CLASSES classes, images at
    most 32 pixels high.
    """
    shown = dict(islice(by_class.items(), MOST_CLASSES))
    first = next(iter(shown.values()))
    size = min(first.generated.shape[-1], SMALL_PIXELS)
    columns = max(len(each.distances) for each in shown.values())
    layout = {
        "size": size,
        "gap": _GAP,
        "columns": columns,
        "features": first.features,
        "copy_ratio": COPY_RATIO,
        "classes": [
            {
                "name": name,
                "distances": each.distances.tolist(),
                "ratios": [None if np.isnan(ratio) else ratio for ratio in each.ratios.tolist()],
                "is_copy": each.is_copy.tolist(),
            }
            for name, each in shown.items()
        ],
    }
    strips = [
        _strip(_scaled(to_bytes(torch.from_numpy(images)), size), columns=columns)
        for each in shown.values()
        for images in (each.generated, each.nearest)
    ]
    return _picture(np.concatenate(strips, axis=0), "nearest", layout)


def map_file(points: Points) -> bytes:
    """An .npz with `features` float32 [N, D], `labels` int64 [N] and `synthetic` bool [N]."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        features=points.features.astype(np.float32),
        labels=np.asarray(points.labels, dtype=np.int64),
        synthetic=points.synthetic,
    )
    return buffer.getvalue()


def _picture(pixels: npt.NDArray[np.uint8], chunk: str, layout: Mapping[str, object]) -> bytes:
    """Pixels [H, W, C] as a PNG whose text `chunk` has `layout` as JSON."""
    info = PngInfo()
    info.add_itxt(chunk, json.dumps(layout))
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(buffer, format="PNG", optimize=True, pnginfo=info)
    return buffer.getvalue()


def _scaled(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Images [n, C, H, W] at `size` pixels a side, as they are where they have that."""
    if images.shape[-1] == size:
        return images
    channels = [[Image.fromarray(channel).resize((size, size)) for channel in image] for image in images]
    return np.stack([np.stack([np.asarray(channel) for channel in image]) for image in channels])


def _row_layout(balanced: TrainingSet, label: int) -> dict[str, str | int]:
    of_class = balanced.labels == label
    synthetic = int((of_class & balanced.synthetic).sum())
    return {
        "name": balanced.classes.names[label],
        "real": min(SAMPLES_PER_CLASS, int(of_class.sum()) - synthetic),
        "synthetic": min(SAMPLES_PER_CLASS, synthetic),
    }


def damage(path: Path) -> str | None:
    """What is wrong with a file that a trial left, in a few words; None where all of it is readable."""
    try:
        if path.suffix == ".png":
            with refusing_bombs(), Image.open(path) as image:
                image.load()
        else:
            # Nothing in a study's folder is unpickled: another person may have written it.
            with np.load(path, allow_pickle=False) as arrays:
                for name in arrays:
                    arrays[name]
    except FileNotFoundError:
        return "is missing"
    except (OSError, ValueError, EOFError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
        return f"cannot be read: {' '.join(str(error).split())}"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return f"is not read: {error}"
    return None


def _sample_row(balanced: TrainingSet, label: int) -> npt.NDArray[np.uint8] | None:
    of_class = balanced.labels == label
    real = balanced.images[of_class & ~balanced.synthetic][:SAMPLES_PER_CLASS]
    synthetic = balanced.images[of_class & balanced.synthetic][:SAMPLES_PER_CLASS]
    if not len(synthetic):
        return None
    return np.concatenate([_strip(to_bytes(real)), _strip(to_bytes(synthetic))], axis=1)


def _strip(images: npt.NDArray[np.uint8], *, columns: int = SAMPLES_PER_CLASS) -> npt.NDArray[np.uint8]:
    """Images [n, C, H, W] side by side on a white strip [H + gap, ..., C] with room for `columns`."""
    _, channels, height, width = images.shape
    strip = np.full((height + _GAP, columns * (width + _GAP) + 2 * _GAP, channels), _SHADE, dtype=np.uint8)
    for column, image in enumerate(images):
        left = column * (width + _GAP) + _GAP
        strip[_GAP // 2 : _GAP // 2 + height, left : left + width] = image.transpose(1, 2, 0)
    return strip
