"""A trial's data for the report, as arrays under the names declared in `trainables.records.arrays`."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, zip_longest

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from gan_study.trainables.balancing.drawing import FilterCounts
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.classifiers.scores import Scores, to_arrays
from gan_study.trainables.data.byte_images import to_bytes
from gan_study.trainables.data.images import Classes, Labels, TrainingSet
from gan_study.trainables.gans.sampling import IMAGES_OF_A_CLASS, Snapshots
from gan_study.trainables.gans.training import FIXED, TrainedGenerator
from gan_study.trainables.image_quality.copying import COPY_RATIO
from gan_study.trainables.image_quality.judge import MeasuredImages
from gan_study.trainables.image_quality.nearest import pair_with_nearest, project_images
from gan_study.trainables.records.arrays import Array

# As many of each kind as a person is asked about, who says which are real (report, "real or fake?").
SAMPLES_PER_CLASS = 10
# Snapshots and pairs are shrunk to this: there may be ten rows of them in every trial of a GAN.
SMALL_PIXELS = 32
# More classes are not looked at.
MOST_CLASSES_OF_PAIRS = 6


def class_arrays(classes: Classes, counts: Mapping[str, Sequence[int]]) -> dict[str, Array]:
    """The names of the classes, which are the minority, and counts of images by class."""
    return {
        "classes/names": _text(classes.names),
        "classes/minority": np.array(classes.minority, dtype=np.int64),
        **{f"counts/{name}": np.array(each, dtype=np.int64) for name, each in counts.items()},
    }


def filter_arrays(classes: Classes, filtered: Mapping[int, FilterCounts]) -> dict[str, Array]:
    """How many images of each class a filter rejected, by reason; empty if none were checked."""
    if not filtered:
        return {}
    reasons = list(next(iter(filtered.values())).by_reason)
    rejected = [
        [filtered[label].by_reason[reason] if label in filtered else 0 for reason in reasons]
        for label in range(len(classes.names))
    ]
    return {"filter/reasons": _text(reasons), "filter/rejected": np.array(rejected, dtype=np.int64)}


def score_arrays(
    part: str, labels: Labels, probabilities: Sequence[npt.NDArray[np.float32]], scores: Sequence[Scores]
) -> dict[str, Array]:
    """The labels [N] of a part, each fit's `probabilities` [N, K], and their scores."""
    return {
        f"{part}/labels": labels.astype(np.int64),
        f"{part}/probabilities": np.stack(probabilities).astype(np.float32),
        **to_arrays(part, scores),
    }


def fit_arrays(
    fits: Sequence[FittedClassifier], *, seconds: Sequence[float], test_epochs: Sequence[Scores]
) -> dict[str, Array]:
    """Losses and time of each fit and, if there are any, overall test scores after each epoch of the first."""
    rows = [list(each.overall.values()) for each in test_epochs]
    return {
        "classifier/training_loss": np.array([each.training_losses for each in fits], dtype=np.float64),
        "classifier/validation_loss": np.array([each.validation_losses for each in fits], dtype=np.float64),
        "classifier/seconds": np.array(seconds, dtype=np.float64),
        **({"classifier/test_epochs": np.array(rows, dtype=np.float64)} if rows else {}),
    }


def gan_arrays(gans: Mapping[str, TrainedGenerator], *, pretrained_on: str | None) -> dict[str, Array]:
    """Losses, steps and times of each generator, by what it was trained on; empty without one."""
    if not gans:
        return {}
    found = list(gans.values())
    ends = [gan.end or FIXED for gan in found]
    improving = [-1 if end.still_improving is None else int(end.still_improving) for end in ends]
    return {
        "gan/trained_on": _text(list(gans)),
        "gan/loss_steps": _rows([gan.loss_steps for gan in found], -1),
        "gan/generator_loss": _rows([[each.generator for each in gan.losses] for gan in found], np.nan),
        "gan/discriminator_loss": _rows(
            [
                [np.nan if each.discriminator is None else each.discriminator for each in gan.losses]
                for gan in found
            ],
            np.nan,
        ),
        "gan/sampling_seconds": np.array([gan.sampling_seconds for gan in found], dtype=np.float64),
        "gan/seconds": np.array([gan.seconds for gan in found], dtype=np.float64),
        "gan/generator_steps": np.array([gan.generator_steps for gan in found], dtype=np.int64),
        "gan/taken_from": np.array([gan.taken_from for gan in found], dtype=np.int64),
        "gan/pretrained_on": _text([pretrained_on or ""] * len(found)),
        "gan/reason": _text([end.reason for end in ends]),
        "gan/still_improving": np.array(improving, dtype=np.int64),
        "gan/length_steps": _rows([end.compared_at for end in ends], -1),
        "gan/length_distances": _rows([end.distances for end in ends], np.nan),
    }


def _rows(rows: Sequence[Sequence[float]], rest: float) -> Array:
    """`rows` as an array [rows, longest], shorter ones filled up with `rest`, whose type all have."""
    padded = zip_longest(*rows, fillvalue=rest)
    return np.array(list(padded), dtype=type(rest)).reshape(-1, len(rows)).T


def sample_arrays(balanced: TrainingSet) -> dict[str, Array]:
    """A few real and synthetic images of each minority class that has synthetic ones; empty without any."""
    chosen: dict[str, list[Tensor]] = {"real": [], "synthetic": []}
    labels: dict[str, list[int]] = {"real": [], "synthetic": []}
    for label in balanced.classes.minority:
        of_class = balanced.labels == label
        if not (of_class & balanced.synthetic).any():
            continue
        for kind, rows in (("real", of_class & ~balanced.synthetic), ("synthetic", of_class & balanced.synthetic)):
            chosen[kind].append(balanced.images[torch.nonzero(rows).squeeze(1)[:SAMPLES_PER_CLASS]])
            labels[kind] += [label] * len(chosen[kind][-1])
    if not chosen["synthetic"]:
        return {}
    return {
        **{f"samples/{kind}": to_bytes(torch.cat(images)) for kind, images in chosen.items()},
        **{f"samples/{kind}_label": np.array(found, dtype=np.int64) for kind, found in labels.items()},
    }


def snapshot_arrays(training: TrainingSet, snapshots: Mapping[int, Snapshots]) -> dict[str, Array]:
    """Images of a GAN during training, at most 32 pixels high, and training images beside them; empty without any.

    `snapshots` maps a label to its images [n, C, H, W] by generator step.
    """
    if not snapshots:
        return {}
    real = [(label, to_bytes(training.of_class(label)[:IMAGES_OF_A_CLASS])) for label in snapshots]
    made = [
        (label, step, images.numpy())
        for label, by_step in snapshots.items()
        for step, images in sorted(by_step.items())
    ]
    size = min(training.shape.size, SMALL_PIXELS)
    return {
        "snapshots/training": _scale(np.concatenate([images for _, images in real]), size),
        "snapshots/training_label": _repeat((label, images) for label, images in real),
        "snapshots/generated": _scale(np.concatenate([images for *_, images in made]), size),
        "snapshots/label": _repeat((label, images) for label, _, images in made),
        "snapshots/generator_steps": _repeat((step, images) for _, step, images in made),
    }


def measured_arrays(measured: Mapping[int, MeasuredImages]) -> dict[str, Array]:
    """The quality of each class's generated images, the most copy-like ones, and all as points of a map.

    Empty if none were measured.
    """
    if not measured:
        return {}
    return {**_quality_arrays(measured), **_nearest_arrays(measured), **_map_arrays(measured)}


def _quality_arrays(measured: Mapping[int, MeasuredImages]) -> dict[str, Array]:
    found = [each.quality for each in measured.values()]
    metrics = list(found[0].metrics)
    flags = list(dict.fromkeys(name for each in found for name in each.flags))
    counts = {
        "num_generated": [each.num_generated for each in found],
        "num_training": [each.num_training for each in found],
        "num_held_out": [each.num_held_out for each in found],
        "num_distinct": [each.num_distinct for each in found],
    }
    values = [[each.metrics.get(name) for name in metrics] for each in found]
    ends = np.array(
        [[each.intervals.get(name, (None, None)) for name in metrics] for each in found], dtype=np.float64
    ).reshape(len(found), len(metrics), 2)
    return {
        "quality/classes": np.array(list(measured), dtype=np.int64),
        "quality/metrics": _text(metrics),
        "quality/values": np.array(values, dtype=np.float64),
        "quality/low": ends[..., 0],
        "quality/high": ends[..., 1],
        "quality/missing": _text([[each.missing.get(name, "") for name in metrics] for each in found]),
        "quality/flag_names": _text(flags),
        "quality/flags": np.array([[name in each.flags for name in flags] for each in found], dtype=np.bool_),
        "quality/features": _text(found[0].features),
        **{f"quality/{name}": np.array(numbers, dtype=np.int64) for name, numbers in counts.items()},
    }


def _nearest_arrays(measured: Mapping[int, MeasuredImages]) -> dict[str, Array]:
    """Generated images and the training images nearest to them, at most 32 pixels high, of six classes at most."""
    shown = dict(islice(measured.items(), MOST_CLASSES_OF_PAIRS))
    pairs = [pair_with_nearest(each.generated, each.training) for each in shown.values()]
    size = min(pairs[0].generated.shape[-1], SMALL_PIXELS)
    generated = np.concatenate([each.generated for each in pairs])
    training = np.concatenate([each.nearest for each in pairs])
    return {
        "nearest/generated": _scale(to_bytes(torch.from_numpy(generated)), size),
        "nearest/training": _scale(to_bytes(torch.from_numpy(training)), size),
        "nearest/label": np.repeat(np.array(list(shown), dtype=np.int64), [len(each.distances) for each in pairs]),
        "nearest/distance": np.concatenate([each.distances for each in pairs]).astype(np.float64),
        "nearest/ratio": np.concatenate([each.ratios for each in pairs]).astype(np.float64),
        "nearest/is_copy": np.concatenate([each.is_copy for each in pairs]),
        "nearest/copy_ratio": np.array(COPY_RATIO),
    }


def _map_arrays(measured: Mapping[int, MeasuredImages]) -> dict[str, Array]:
    points = project_images({label: (each.generated, each.training) for label, each in measured.items()})
    return {
        "map/features": points.features.astype(np.float32),
        "map/label": points.labels,
        "map/synthetic": points.synthetic,
    }


def _text(values: object) -> Array:
    return np.array(values, dtype=np.str_)


def _repeat(values: Iterable[tuple[int, npt.NDArray[np.uint8]]]) -> npt.NDArray[np.int64]:
    """Each value once for each of its images."""
    found = list(values)
    return np.repeat(np.array([value for value, _ in found], dtype=np.int64), [len(images) for _, images in found])


def _scale(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Images [n, C, H, W] at `size` pixels a side, as they are where they have that."""
    if images.shape[-1] == size:
        return images
    small = [Image.fromarray(channel).resize((size, size)) for image in images for channel in image]
    return np.stack([np.asarray(channel) for channel in small]).reshape(*images.shape[:2], size, size)
