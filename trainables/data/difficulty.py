"""What makes imbalanced data harder: wrong labels, overlapping classes, borderline images, a shifted test set.

These are four of the characteristics that Lopez et al. 2013 ("An insight into classification with imbalanced
data", section 5) name beside the class sizes themselves. Settings, and pure functions of arrays and a seed.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import ndimage

from gan_study.trainables.base.seeding import derive_seed, numpy_generator
from gan_study.trainables.base.settings import dump, settings
from gan_study.trainables.data.byte_images import Pictures
from gan_study.trainables.data.images import LabeledImages, Labels, Loaded
from gan_study.trainables.data.reading.picture import Bytes
from gan_study.trainables.data.split import Indices, draw

Weights = npt.NDArray[np.float64]

# At a weight of one half an image belongs to both classes alike; borderline images go nine tenths of the way.
_BOUNDARY = 0.5
_BORDERLINE_DEPTH = 0.9
# One for all trials: the data are as hard, and in the same way, for every trial.
_SEED = 0
# Images at a time in floating point, so that a large set is never held as floats.
_BLOCK = 256


@settings
class Shift:
    """How the recording of the test set differs from that of the training pool; the defaults change nothing.

    In this order: rotation, contrast, brightness, noise. The last three are those of Hendrycks and Dietterich 2019
    (ImageNet-C), with brightness in grey levels.
    """

    brightness: float = Field(default=0.0, ge=-255, le=255)
    """Grey levels that are added, after contrast."""
    contrast: float = Field(default=1.0, gt=0)
    """A factor on the distance from the mean of each image and colour."""
    rotation_degrees: float = Field(default=0.0, ge=-180, le=180)
    """Anticlockwise; edges are repeated into the corners."""
    noise_deviation: float = Field(default=0.0, ge=0, le=255)
    """The standard deviation, in grey levels, of Gaussian noise on every value."""


@settings
class Difficulty:
    """Changes of the images and labels before a trial sees them; none by default.

    `class_overlap` and `borderline_share` are properties of the population, so both pool and test set have them,
    each blended within itself, by true labels. Since the pool is blended before it is split, a training image may
    contain a part of a validation image of another class.
    """

    label_noise: float = Field(default=0.0, ge=0, lt=1)
    """The share of each class's labels in the training pool that are wrong (`noisy_labels`); on average also the
    share in the training and validation sets drawn from it. Classes keep their sizes; test labels stay clean."""
    class_overlap: float = Field(default=0.0, ge=0, lt=_BOUNDARY)
    """How far *all* images are moved towards another class: the share of an image of another class that is
    blended into every image, so that whole classes overlap."""
    borderline_share: float = Field(default=0.0, ge=0, le=1)
    """How many images are *next to the boundary*: the share of each class's images that are blended to just below
    one half, while the others are unchanged (the disturbance ratio of Napierala, Stefanowski and Wilk 2010)."""
    shift: Shift | None = None
    """Changes of the test set only; null: none."""


def harder_pool(images: LabeledImages, difficulty: Difficulty) -> Loaded:
    """The training pool with its classes blended, by true labels, and then its label noise."""
    blend = _blended(images, difficulty, part="training pool")
    if not difficulty.label_noise:
        return blend
    labels = noisy_labels(
        images.labels, difficulty.label_noise, seed=derive_seed(_SEED, "difficulty", "training pool")
    )
    num_wrong, share = np.count_nonzero(labels != images.labels), difficulty.label_noise
    note = f"label noise {share:g}: {num_wrong} of the {len(labels)} labels of the training pool are wrong"
    return Loaded(images=replace(blend.images, labels=labels), notes=(*blend.notes, note))


def harder_test(images: LabeledImages, difficulty: Difficulty) -> Loaded:
    """The test set with its classes blended, and then shifted; its labels are not changed."""
    blend, shift = _blended(images, difficulty, part="test set"), difficulty.shift or Shift()
    neutral = dump(Shift())
    changes = [f"{name} {value:g}" for name, value in dump(shift).items() if value != neutral[name]]
    if not changes:
        return blend
    pixels = shifted(blend.images.images, shift, seed=derive_seed(_SEED, "difficulty", "test set"))
    note = f"data set shift: every image of the test set has {', '.join(changes)}"
    return Loaded(images=replace(blend.images, images=pixels), notes=(*blend.notes, note))


def _blended(images: LabeledImages, difficulty: Difficulty, *, part: str) -> Loaded:
    overlap, share = difficulty.class_overlap, difficulty.borderline_share
    if not overlap and not share:
        return Loaded(images=images)
    seed = derive_seed(_SEED, "difficulty", part)
    weights = blend_weights(images.labels, class_overlap=overlap, borderline_share=share, seed=seed)
    pixels = blended(images.images, images.labels, weights, seed=seed)
    whole, other = f"{len(images)} images of the {part}", "of an image of another class in them"
    near = np.count_nonzero(weights > overlap)
    overlap_note = f"class overlap: the {whole} have {overlap:g} {other}"
    borderline_note = f"borderline images: {near} of the {whole} have {weights.max():g} {other}"
    notes = (overlap_note,) * (overlap > 0) + (borderline_note,) * (share > 0)
    return Loaded(images=replace(images, images=pixels), notes=notes)


def noisy_labels(labels: Labels, share: float, *, seed: int) -> Labels:
    """`labels` [N] with `share` of each class's labels wrong, while every class keeps its exact size.

    Wrong labels are exchanged among rows drawn at random, so among the n images with a label, as many are wrong as
    among the n images that should have it: round(share * n). One exception: a class that would give away more
    labels than all others together gives away as many as they do, since there are no more to exchange. So the
    noise of two classes is bounded by the smaller one. The rows for a smaller share are among those for a larger
    one.
    """
    sizes = sizes_of_share(labels, share)
    total = sum(sizes.values())
    exchangeable = {label: min(n, total - n) for label, n in sizes.items()}
    rows = draw(labels, exchangeable, seed=seed, purpose="label noise")
    noisy = labels.copy()
    noisy[rows] = exchanged(labels[rows], numpy_generator(seed, "exchange"))
    return noisy


def exchanged(labels: Labels, rng: np.random.Generator) -> Labels:
    """`labels` [N] in a random order in which no position keeps its label or gets an equal one.

    No class may have more than half of the labels.
    """
    mixed = rng.permutation(labels)
    for i in np.flatnonzero(mixed == labels):
        # An earlier swap may have mended this one. A place to swap with always exists: of n labels of its class
        # (at most half of all) at most 2n - 1 places have or had one.
        if mixed[i] == labels[i]:
            j = rng.choice(np.flatnonzero((mixed != labels[i]) & (labels != labels[i])))
            mixed[i], mixed[j] = mixed[j], mixed[i]
    return mixed


def blend_weights(labels: Labels, *, class_overlap: float, borderline_share: float, seed: int) -> Weights:
    """How much of another class's image goes into each image, [N] in [0, 0.5).

    `class_overlap` for most images; for the borderline ones, round(borderline_share * n) of each class, nine
    tenths of the way from there to one half: 0.45 without overlap.
    """
    weights = np.full(len(labels), class_overlap)
    borderline = draw(labels, sizes_of_share(labels, borderline_share), seed=seed, purpose="borderline")
    weights[borderline] += _BORDERLINE_DEPTH * (_BOUNDARY - class_overlap)
    return weights


def blended(images: Pictures, labels: Labels, weights: Weights, *, seed: int) -> Bytes:
    """(1 - w) x + w x', rounded: images [N, C, H, W] with `weights` [N] of their `partners` in them.

    The blended images do not depend on the weights.
    """
    chosen, result = partners(labels, seed=seed), np.empty(images.shape, dtype=np.uint8)
    for rows in _blocks(len(images)):
        w = weights[rows, None, None, None]
        result[rows] = _to_bytes((1 - w) * images[rows] + w * images[chosen[rows]])
    return result


def partners(labels: Labels, *, seed: int) -> Indices:
    """For each of `labels` [N] an index of another class, drawn uniformly from all images of other classes."""
    chosen = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels).tolist():
        own, others = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        chosen[own] = numpy_generator(seed, "partners", label).choice(others, size=len(own))
    return chosen


def shifted(images: Pictures, shift: Shift, *, seed: int) -> Bytes:
    """Images [N, C, H, W] as recorded under `shift`, rounded and clipped to [0, 255]."""
    rng, result = numpy_generator(seed, "shift"), np.empty(images.shape, dtype=np.uint8)
    for rows in _blocks(len(images)):
        turned = ndimage.rotate(
            images[rows].astype(np.float64),
            shift.rotation_degrees,
            axes=(3, 2),
            reshape=False,
            order=1,
            mode="nearest",
        )
        mean = turned.mean(axis=(2, 3), keepdims=True)
        noise = shift.noise_deviation * rng.standard_normal(turned.shape)
        result[rows] = _to_bytes(mean + shift.contrast * (turned - mean) + shift.brightness + noise)
    return result


def sizes_of_share(labels: Labels, share: float) -> dict[int, int]:
    """`share` of each class that is present, in images, rounded."""
    present, counts = np.unique(labels, return_counts=True)
    return {int(label): round(share * int(n)) for label, n in zip(present, counts, strict=True)}


def _blocks(length: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, length, _BLOCK))


def _to_bytes(values: npt.NDArray[np.float64]) -> Bytes:
    return np.rint(values).clip(0, 255).astype(np.uint8)
