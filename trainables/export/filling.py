"""A class filled with generated images that are no copies of real ones."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.data.images import to_bytes, to_float
from gan_study.trainables.image_quality.copying import nearest
from gan_study.trainables.image_quality.judge import distinct_rows

# Draws after which a class is left as it is: a generator whose every image is a copy will make no other.
MAX_DRAWS = 10

# Of a number of images and a seed, to so many images [N, C, H, W] in [-1, 1].
Draw = Callable[[int, int], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Filling:
    """Images made for one class, as bytes [N, C, H, W], as they are written and trained on.

    `seeds` [N] are those that they were drawn with; `nearest` [N] is the row of the real image of the class that
    each is nearest to, `distances` [N] how far it is from it. `num_copies` were thrown away, and `num_missing`
    could not be made.
    """

    images: npt.NDArray[np.uint8]
    seeds: npt.NDArray[np.int64]
    nearest: npt.NDArray[np.intp]
    distances: npt.NDArray[np.float64]
    num_copies: int
    num_missing: int


def filling(real: Tensor, number: int, draw: Draw, measure: FittedClassifier, *, seed: int) -> Filling:
    """`number` images from `draw`, none of them a near-duplicate of one of the `real` images [M, C, H, W].

    Near-duplicates are told by the features of `measure`, as `metrics.copying.nearest` has it. The first draw has
    `seed` itself. What is thrown away is drawn again, MAX_DRAWS times in all.
    """
    rows = np.array(distinct_rows(real))
    features = _features(measure, real[rows])
    kept: list[Filling] = []
    num_missing, num_copies = number, 0
    for attempt in range(MAX_DRAWS):
        drawn_with = derive_seed(seed, "instead of copies", attempt) if attempt else seed
        # Rounded to bytes before they are compared, as nobody will see them otherwise.
        images = to_bytes(draw(num_missing, drawn_with))
        found = nearest(_features(measure, to_float(images, real.device)), features)
        new = ~found.is_copy
        kept.append(
            Filling(
                images=images[new],
                seeds=np.full(int(new.sum()), drawn_with),
                nearest=rows[found.row[new]],
                distances=found.distance[new],
                num_copies=0,
                num_missing=0,
            )
        )
        num_copies += int(found.is_copy.sum())
        num_missing -= int(new.sum())
        if not num_missing:
            break
    return Filling(
        images=np.concatenate([part.images for part in kept]),
        seeds=np.concatenate([part.seeds for part in kept]),
        nearest=np.concatenate([part.nearest for part in kept]),
        distances=np.concatenate([part.distances for part in kept]),
        num_copies=num_copies,
        num_missing=num_missing,
    )


def _features(measure: FittedClassifier, images: Tensor) -> npt.NDArray[np.float64]:
    features: npt.NDArray[np.float64] = measure.features(images).cpu().numpy().astype(np.float64)
    return features
