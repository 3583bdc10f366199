"""What the images that a balancer made are worth, class by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor

from gan_study.trainables.base.batches import index_batches
from gan_study.trainables.base.seeding import derive_seed, torch_generator
from gan_study.trainables.base.settings import dump
from gan_study.trainables.classifiers.classifier import ClassifierConfig, FittedClassifier
from gan_study.trainables.classifiers.training import fit, num_steps
from gan_study.trainables.data.images import LabeledImages, TrainingSet, class_counts
from gan_study.trainables.image_quality.class_quality import ImageSample, class_quality
from gan_study.trainables.image_quality.extractor import domain_classifier, measuring_features
from gan_study.trainables.image_quality.features import ImageFeatures
from gan_study.trainables.record import ImageQuality
from gan_study.trainables.runtime.cache import Store, arithmetic, contents, made_once

# Of each kind, drawn at random: enough for every metric's second digit, and a second or two of work. Where a class
# has more training images, only copies of those drawn are seen as copies.
MAX_IMAGES = 2000
# Or as many times the number of features, where that is more: a Frechet distance needs more images than features.
IMAGES_PER_FEATURE = 2

# By class, in label order; None for a class without images to recognise.
Recall: TypeAlias = tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Yardstick:
    """What generated images are measured with: the same for every balancer of a setting.

    `domain` is a classifier of the setting's real training part, the rare classes weighted up; `features` is the
    one whose features tell how near images are to one another, the same for all settings of a data set. What was
    costly about them is kept in `store`.
    """

    domain: FittedClassifier
    features: FittedClassifier
    kind: str
    store: Store


@dataclass(frozen=True, kw_only=True, eq=False)
class RealImages:
    """The real images of a setting, and the classifier under study.

    `training` is what balancers are given; `held_out` are others, which they have not met.
    """

    training: TrainingSet
    held_out: TrainingSet
    classifier: ClassifierConfig

    def recall(self, training: TrainingSet, *, seed: int) -> Recall:
        """Recall [K] on held-out images of the classifier fitted to `training`; None for a class without any.

        It takes as many steps as for the real training part, whatever it is fitted to, and watches nothing:
        validation images are among those held out.
        """
        size, unwatching = len(self.training), self.classifier.unwatching()
        steps = num_steps(unwatching, balanced_size=size, unbalanced_size=size)
        fitted = fit(unwatching, training, steps=steps, seed=derive_seed(seed, "recall"))
        labels = range(len(training.classes.names))
        return tuple(recognised(fitted, self.held_out.of_class(label), label) for label in labels)


def yardstick(
    real: RealImages, pool: LabeledImages, choice: ImageFeatures, store: Store, *, seed: int
) -> Yardstick:
    """The yardstick of a setting of the data with the training part `pool`, with the features of `choice`."""
    return Yardstick(
        domain=domain_classifier(real.training, store, seed=derive_seed(seed, "domain")),
        features=measuring_features(choice, pool, real.training.images.device, store),
        kind=choice.kind,
        store=store,
    )


def recall_of_repeated(real: RealImages, numbers: Sequence[int], store: Store, *, seed: int) -> Recall:
    """GAN-train's floor: `real.recall` where the real images of a class are repeated up to its number.

    A class of number 0 stays as it is. So the floor differs from GAN-train in the images alone: it is as balanced.
    Made once, as balancers of a setting ask for the same numbers, and kept in `store`.
    """
    depends_on: dict[str, JsonValue] = {
        "recall of repeated": list(numbers),
        "training": [
            contents(real.training.images, real.training.labels, real.training.weights),
            list(real.training.classes.names),
        ],
        "held out": contents(real.held_out.images, real.held_out.labels),
        "classifier": dump(real.classifier),
        "seed": seed,
        "made by": arithmetic(real.training.images.device),
    }
    kept = made_once(
        store, depends_on, lambda: {"recall": real.recall(repeated(real.training, numbers, seed=seed), seed=seed)}
    )
    recall: Recall = kept["recall"]
    return recall


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A class's generated images: what they are worth, and those that were `generated` and `training` ones.

    Both as they were compared: drawn at random where there are many, the training images without duplicates.
    """

    quality: ImageQuality
    generated: ImageSample
    training: ImageSample


def image_quality(
    balanced: TrainingSet, real: RealImages, measure: Yardstick, *, seed: int
) -> dict[str, ImageQuality]:
    """Quality of the synthetic images of `balanced`, by the name of each class with some, as `judged` has it."""
    return {name: each.quality for name, each in judged(balanced, real, measure, seed=seed).items()}


def judged(balanced: TrainingSet, real: RealImages, measure: Yardstick, *, seed: int) -> dict[str, Judged]:
    """The synthetic images of `balanced` and their quality, by the name of each class that has some.

    Beside the metrics of `class_quality`: `gan_test`, the share of a class's images that `measure.domain` takes
    for it, with its recall on held-out images as the floor; and `gan_train`, the recall on held-out images of a
    classifier that has met generated images alone of the classes that have some, with that of one that met the
    real ones as often instead as the floor. GAN-train and GAN-test: Shmelkov et al. 2018, section 3, by class.
    """
    made = tuple(sorted(set(balanced.labels[balanced.synthetic].tolist())))
    if not made:
        return {}
    is_made = torch.isin(balanced.labels, torch.tensor(made, device=balanced.labels.device))
    without_real = balanced.take(torch.nonzero(balanced.synthetic | ~is_made).squeeze(1))
    gan_train = real.recall(without_real, seed=seed)
    numbers = class_counts(balanced.labels[balanced.synthetic].cpu().numpy(), len(balanced.classes.names))
    floor = recall_of_repeated(real, numbers, measure.store, seed=seed)
    return {
        balanced.classes.names[label]: _judged_class(
            label,
            balanced,
            real,
            measure,
            gan_train={"gan_train": gan_train[label], "gan_train_floor": floor[label]},
            seed=derive_seed(seed, label),
        )
        for label in made
    }


def _judged_class(
    label: int,
    balanced: TrainingSet,
    real: RealImages,
    measure: Yardstick,
    *,
    gan_train: Mapping[str, float | None],
    seed: int,
) -> Judged:
    of_class = balanced.images[balanced.synthetic & (balanced.labels == label)]
    training = distinct(real.training.of_class(label))
    num_features = measure.features.features(training[:1]).shape[1]
    most = max(MAX_IMAGES, IMAGES_PER_FEATURE * num_features)
    generated = drawn(of_class, most, seed=derive_seed(seed, "generated"))
    training = drawn(training, most, seed=derive_seed(seed, "training"))
    held_out = drawn(real.held_out.of_class(label), most, seed=derive_seed(seed, "held out"))
    compared = {
        "generated": _sample(generated, measure.features, num_features),
        "training": _sample(training, measure.features, num_features),
    }
    quality = class_quality(
        **compared,
        held_out=_sample(held_out, measure.features, num_features),
        probabilities=measure.features.probabilities(generated).cpu().numpy(),
        seed=seed,
    )
    usefulness = {
        "gan_test": recognised(measure.domain, generated, label),
        "gan_test_floor": recognised(measure.domain, held_out, label),
        **gan_train,
    }
    missing = {name: "needs a held-out image of the class" for name, value in usefulness.items() if value is None}
    worth = replace(
        quality,
        metrics={**quality.metrics, **usefulness},
        missing={**quality.missing, **missing},
        features=measure.kind,
    )
    return Judged(quality=worth, **compared)


def repeated(training: TrainingSet, numbers: Sequence[int], *, seed: int) -> TrainingSet:
    """`training` with as many images of each class as `numbers` [K] says, each equally often, to within one.

    A class of number 0 stays as it is.
    """
    rows = []
    for label, number in enumerate(numbers):
        own = torch.nonzero(training.labels == label).squeeze(1)
        if number and len(own):
            chosen = next(index_batches(len(own), number, torch_generator(seed, "repeated", label)))
            own = own[chosen.to(own.device)]
        rows.append(own)
    return training.take(torch.cat(rows))


def distinct(images: Tensor) -> Tensor:
    """`images` [N, C, H, W] without those that repeat an earlier one."""
    return images[distinct_rows(images)]


def distinct_rows(images: Tensor) -> list[int]:
    """The rows of `images` [N, C, H, W] that repeat no earlier one, ascending."""
    first = {image.tobytes(): row for row, image in reversed(list(enumerate(images.cpu().numpy())))}
    return sorted(first.values())


def drawn(images: Tensor, most: int, *, seed: int) -> Tensor:
    """At most `most` of `images` [N, C, H, W], at random."""
    if len(images) <= most:
        return images
    order = torch.randperm(len(images), generator=torch_generator(seed, "drawn"))[:most]
    return images[order.to(images.device)]


def recognised(classifier: FittedClassifier, images: Tensor, label: int) -> float | None:
    """The share of `images` that `classifier` takes for class `label`; None without images."""
    if not len(images):
        return None
    return float((classifier.probabilities(images).argmax(dim=1) == label).float().mean())


def _sample(images: Tensor, classifier: FittedClassifier, num_features: int) -> ImageSample:
    features = classifier.features(images) if len(images) else torch.empty(0, num_features)
    return ImageSample(images=images.cpu().numpy(), features=features.cpu().numpy().astype(np.float64))
