"""A class filled with generated images that are not copies of real ones, of its own class or of another."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from gan_study.trainables.balancing.drawing import MAX_DRAWS
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.data.byte_images import ByteImages, Images, as_bytes, hold, take, to_bytes
from gan_study.trainables.data.images import TrainingSet, distinct_rows, first_rows
from gan_study.trainables.data.reading.picture import Bytes
from gan_study.trainables.image_quality.class_quality import has_collapsed
from gan_study.trainables.image_quality.copying import Repeats, find_repeats, nearest, repeat_distance
from gan_study.trainables.image_quality.memorisation import Memorisation, measure_memorisation
from gan_study.trainables.image_quality.ssim import mean_pairwise_ssim

# Names the streams of later draws where no filter has named them.
INSTEAD_OF_COPIES = "instead of copies"

# From a number of images and a seed to at most so many images [N, C, H, W] in [-1, 1].
Draw = Callable[[int, int], Images]


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownImages:
    """The real training images of all classes, and the measure that detects copies of them."""

    training: TrainingSet
    features: npt.NDArray[np.float64]
    """[N, D]."""
    first: npt.NDArray[np.intp]
    """[N]: the first image that each equals."""

    @classmethod
    def of(cls, training: TrainingSet, measure: FittedClassifier) -> "KnownImages":
        """With the features of `measure`."""
        images = training.images
        return cls(
            training=training,
            features=_features(measure, images),
            first=np.array(first_rows(images), dtype=np.intp),
        )

    def of_class(self, label: int) -> "ClassImages":
        """The distinct images of a class."""
        is_own = self._labels == label
        rows, beside = self._first_of(np.flatnonzero(is_own)), self._first_of(np.flatnonzero(~is_own))
        real = self.training.images
        return ClassImages(
            images=take(real, torch.from_numpy(rows).to(real.device)),
            rows=np.searchsorted(np.flatnonzero(is_own), rows),
            features=self.features[rows],
            others=self.features[beside[~np.isin(self.first[beside], self.first[is_own])]],
        )

    @property
    def _labels(self) -> npt.NDArray[np.int64]:
        labels: npt.NDArray[np.int64] = self.training.labels.cpu().numpy()
        return labels

    def _first_of(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        _, places = np.unique(self.first[rows], return_index=True)
        found: npt.NDArray[np.intp] = rows[np.sort(places)]
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassImages:
    """The distinct real images of a class."""

    images: Images
    rows: npt.NDArray[np.intp]
    """[N]: their places among all images of the class."""
    features: npt.NDArray[np.float64]
    """[N, D]."""
    others: npt.NDArray[np.float64]
    """[M, D]: of the different images of the other classes that equal none of this one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Filling:
    """Images generated for one class, as bytes [N, C, H, W], as they are written and used for training."""

    images: npt.NDArray[np.uint8]
    seeds: npt.NDArray[np.int64]
    """[N]: the seed that each was drawn with."""
    nearest: npt.NDArray[np.intp]
    """[N]: the row of the nearest real image of the class."""
    distances: npt.NDArray[np.float64]
    """[N]: the distance to that image."""
    repeats: Repeats
    """Which of them repeat an earlier one."""
    has_collapsed: bool
    """Whether they, or the first ones drawn, including copies, show hardly more than five different images while
    real ones differ, and also look alike in pixels: a classifier may mistake noise for one image."""
    num_distinct_real: int
    """Different images among the real ones, by the measure of `repeats`."""
    memorisation: Memorisation
    """Measured on the first draw, before copies were removed."""
    num_copies: int
    """Images that were removed."""
    num_missing: int
    """Images that could not be made."""

    @property
    def has_only_copies(self) -> bool:
        """Whether every image that was drawn was removed as a copy."""
        return not len(self.images) and self.num_copies > 0


def fill_class(
    known: KnownImages,
    label: int,
    held_out: Images,
    number: int,
    draw: Draw,
    measure: FittedClassifier,
    *,
    seed: int,
    later_draws: str = INSTEAD_OF_COPIES,
) -> Filling:
    """`number` images from `draw` for class `label`, none of them a near-duplicate of a `known` one.

    The `held_out` images [H, C, H, W] of the class show whether the generator has memorised the known ones.
    Near-duplicates are detected in the features of `measure`, which are those of `known`, as in
    `image_quality.copying.nearest`. The first draw uses `seed` itself. Removed images are drawn again, MAX_DRAWS
    times in all; `later_draws` names their seeds.
    """
    device, own = known.training.images.device, known.of_class(label)
    drawn = _draw_no_copies(own, number, draw, measure, seeds=_seeds(seed, later_draws), device=device)
    near = repeat_distance(own.features, seed=seed)
    repeats, of_first, of_real = (
        find_repeats(each, nearer_than=near) for each in (drawn.features, drawn.first_features, own.features)
    )
    met_never = _features(measure, _without_repeats(held_out)) if len(held_out) else own.features[:0]
    return Filling(
        images=drawn.images,
        seeds=drawn.seeds,
        nearest=drawn.nearest,
        distances=drawn.distances,
        repeats=repeats,
        has_collapsed=any(
            has_collapsed(found, of_real) and _look_alike(hold(each, device), as_much_as=own.images, seed=seed)
            for found, each in ((of_first, drawn.first_images), (repeats, drawn.images))
        ),
        num_distinct_real=of_real.num_distinct,
        memorisation=measure_memorisation(
            drawn.first_features, own.features, met_never, others=own.others, seed=seed
        ),
        num_copies=drawn.num_copies,
        num_missing=number - len(drawn.images),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Drawn:
    """What stays of the images that were drawn for a class, and the first ones, copies among them."""

    images: Bytes
    seeds: npt.NDArray[np.int64]
    nearest: npt.NDArray[np.intp]
    distances: npt.NDArray[np.float64]
    features: npt.NDArray[np.float64]
    first_images: Bytes
    first_features: npt.NDArray[np.float64]
    num_copies: int


def _seeds(seed: int, later_draws: str) -> Iterator[int]:
    yield seed
    yield from (derive_seed(seed, later_draws, attempt) for attempt in range(1, MAX_DRAWS))


def _draw_no_copies(
    own: ClassImages,
    number: int,
    draw: Draw,
    measure: FittedClassifier,
    *,
    seeds: Iterable[int],
    device: torch.device,
) -> _Drawn:
    """At most `number` images that copy no real one: what is missing after a draw is drawn with the next seed."""
    none, no_features = to_bytes(own.images[:0]), own.features[:0]
    first_images, first_features, num_copies = none, no_features, 0
    nothing = (none, np.array([], dtype=np.int64), own.rows[:0], np.array([]), no_features)
    columns: list[tuple[np.ndarray, ...]] = [nothing]
    all_features = np.concatenate([own.features, own.others])
    for seed in seeds:
        num_missing = number - sum(len(images) for images, *_ in columns)
        if not num_missing:
            break
        # Rounded to bytes before they are compared, since nobody will see them otherwise.
        images = _to_bytes(draw(num_missing, seed))
        if not len(images):
            continue
        features = _features(measure, hold(images, device))
        if not len(first_features):
            first_images, first_features = images, features
        found = nearest(features, own.features)
        new = ~nearest(features, all_features).is_copy
        of_new = (own.rows[found.row[new]], found.distance[new], features[new])
        columns.append((images[new], np.full(int(new.sum()), seed), *of_new))
        num_copies += int((~new).sum())
    made, made_with, rows, distances, shown = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return _Drawn(
        images=made,
        seeds=made_with,
        nearest=rows,
        distances=distances,
        features=shown,
        first_images=first_images,
        first_features=first_features,
        num_copies=num_copies,
    )


def _to_bytes(images: Images) -> Bytes:
    blocks = images.stored_blocks() if isinstance(images, ByteImages) else [as_bytes(images)]
    found: Bytes = torch.cat(list(blocks)).cpu().numpy()
    return found


def _without_repeats(images: Images) -> Images:
    return take(images, torch.tensor(distinct_rows(images), dtype=torch.int64, device=images.device))


def _look_alike(made: Images, *, as_much_as: Images, seed: int) -> bool:
    """Whether pairs of images [N, C, H, W] are no less alike than pairs of real ones, by their mean SSIM."""
    found, real = (
        mean_pairwise_ssim(each if isinstance(each, ByteImages) else each.cpu().numpy(), seed=seed)
        for each in (made, as_much_as)
    )
    return found is not None and (real is None or found >= real)


def _features(measure: FittedClassifier, images: Images) -> npt.NDArray[np.float64]:
    features: npt.NDArray[np.float64] = measure.features(images).cpu().numpy().astype(np.float64)
    return features
