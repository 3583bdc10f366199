"""Measures the images that a balancer generated, class by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor, nn

from gan_study.trainables.base.seeding import derive_seed, repeat_rows, torch_generator
from gan_study.trainables.base.settings import dump
from gan_study.trainables.classifiers.backbone import FrozenBody
from gan_study.trainables.classifiers.classifier import ClassifierConfig, FittedClassifier
from gan_study.trainables.classifiers.training import fit, num_steps
from gan_study.trainables.data.byte_images import ByteImages, Images, take
from gan_study.trainables.data.images import LabeledImages, TrainingSet, class_counts, distinct_rows
from gan_study.trainables.image_quality.class_quality import ClassQuality, ImageSample, class_quality
from gan_study.trainables.image_quality.extractor import data_set_classifier, domain_classifier, inception
from gan_study.trainables.image_quality.features import (
    IMAGE_FEATURES,
    BackboneFeatures,
    ImageFeatures,
    InceptionFeatures,
)
from gan_study.trainables.image_quality.image_filter import ImageFilter, passed_share
from gan_study.trainables.runtime.cache import Store, arithmetic, contents, made_once

# Images of each kind, drawn at random: enough for every metric's second digit, and a second or two of work. If a
# class has more training images, only copies of those drawn are found.
MAX_IMAGES = 2000
# At least so many: a Frechet distance needs more images than features.
IMAGES_PER_FEATURE = 2

# Images that teach less than half of what as many real ones do are called weak.
WEAK_SHARE = 0.5

# By class, in label order; None for a class without images to recognise.
Recall: TypeAlias = tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReferenceModels:
    """The models that measure generated images: the same for every balancer of a setting."""

    domain: FittedClassifier
    """Classifies the real images of the setting; fitted to its training set, with rare classes weighted up."""
    features: FittedClassifier
    """Its features measure the distance between images; the same for all settings of a data set."""
    kind: str
    """Whose features these are: "domain", "inception" or "backbone", which has no classes."""
    store: Store
    """Where expensive states are cached."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RealImages:
    """The real images of a setting, and the classifier under study."""

    training: TrainingSet
    """What balancers are given."""
    held_out: TrainingSet
    """Images that are not given to it."""
    classifier: ClassifierConfig

    def recall(self, training: TrainingSet, *, seed: int) -> Recall:
        """Recall [K] on held-out images of the classifier fitted to `training`; None for a class without any.

        It takes as many steps as for the real training set, whatever it is fitted to, and has no validation set:
        validation images are among the held-out ones.
        """
        size, unwatching = len(self.training), self.classifier.unwatching()
        steps = num_steps(unwatching, balanced_size=size, unbalanced_size=size)
        fitted = fit(unwatching, training, steps=steps, seed=derive_seed(seed, "recall"))
        labels = range(len(training.classes.names))
        return tuple(recognised_share(fitted, self.held_out.of_class(label), label) for label in labels)


def fit_reference_models(
    real: RealImages, pool: LabeledImages, choice: ImageFeatures, store: Store, *, seed: int
) -> ReferenceModels:
    """The reference models of a setting, with the features of `choice`; `pool` is the whole training set."""
    device = real.training.images.device
    if isinstance(choice, InceptionFeatures):
        features = inception(choice.weights, device)
    elif isinstance(choice, BackboneFeatures):
        features = FittedClassifier(body=FrozenBody(choice, where=IMAGE_FEATURES), head=nn.Identity())
    else:
        features = data_set_classifier(pool, device, store)
    return ReferenceModels(
        domain=domain_classifier(real.training, store, seed=derive_seed(seed, "domain")),
        features=features,
        kind=choice.kind,
        store=store,
    )


def reference_recall(real: RealImages, numbers: Sequence[int], store: Store, *, seed: int) -> Recall:
    """GAN-train's real-image reference: `real.recall` if a class's real images are repeated up to its number.

    A class of number 0 stays as it is. So it differs from GAN-train only in the images: it is equally balanced.
    Computed once, since balancers of a setting use the same numbers, and cached in `store`.
    """
    training, held_out = real.training, real.held_out
    depends_on: dict[str, JsonValue] = {
        "recall of repeated": list(numbers),
        "training": [contents(training.images, training.labels, training.weights), list(training.classes.names)],
        "held out": contents(held_out.images, held_out.labels),
        "classifier": dump(real.classifier),
        "seed": seed,
        "made by": arithmetic(training.images.device),
    }
    repeated = partial(repeat_images, training, numbers, seed=seed)
    cached = made_once(store, depends_on, lambda: {"recall": real.recall(repeated(), seed=seed)})
    recall: Recall = cached["recall"]
    return recall


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredImages:
    """The measured images of a class; both samples as they were compared."""

    quality: ClassQuality
    generated: ImageSample
    """Drawn at random if there are many."""
    training: ImageSample
    """Without duplicates, drawn at random if there are many."""
    rejected: Mapping[str, Tensor]
    """Which of its images an `ImageFilter` rejects, bool [N] for each reason."""


def measure_images(
    balanced: TrainingSet, real: RealImages, models: ReferenceModels, *, seed: int
) -> dict[int, MeasuredImages]:
    """The synthetic images of `balanced` and their quality, by the label of each class that has some.

    Beside the metrics of `class_quality`: `gan_test`, the share of a class's images that `models.domain`
    recognises as the class, with its recall on held-out images as the reference; and `gan_train`, the recall on
    held-out images of a classifier fitted only to generated images for the classes that have some, with that of
    one fitted to as many real images as the reference. Shmelkov et al. 2018, section 3, by class. And
    `filter_passed`, the share of a class's images that an `ImageFilter` passes, with that of held-out images.
    Weights of the images of `balanced` are ignored: here each counts as one.
    """
    balanced = balanced.unweighted()
    made = tuple(sorted(set(balanced.labels[balanced.synthetic].tolist())))
    if not made:
        return {}
    is_made = torch.isin(balanced.labels, torch.tensor(made, device=balanced.labels.device))
    without_real = balanced.take(torch.nonzero(balanced.synthetic | ~is_made).squeeze(1))
    gan_train = real.recall(without_real, seed=seed)
    numbers = class_counts(balanced.labels[balanced.synthetic].cpu().numpy(), len(balanced.classes.names))
    reference = reference_recall(real, numbers, models.store, seed=seed)
    return {
        label: _measure_class(
            label,
            balanced,
            real,
            models,
            gan_train={"gan_train": gan_train[label], "gan_train_floor": reference[label]},
            seed=derive_seed(seed, label),
        )
        for label in made
    }


def _measure_class(
    label: int,
    balanced: TrainingSet,
    real: RealImages,
    models: ReferenceModels,
    *,
    gan_train: Mapping[str, float | None],
    seed: int,
) -> MeasuredImages:
    of_class = take(balanced.images, balanced.synthetic & (balanced.labels == label))
    training = drop_duplicates(real.training.of_class(label))
    num_features = models.features.features(training[:1]).shape[1]
    most = max(MAX_IMAGES, IMAGES_PER_FEATURE * num_features)
    judge = ImageFilter(classifier=models.domain, training=real.training)
    rejected = judge(of_class, label)
    generated = draw_images(of_class, most, seed=derive_seed(seed, "generated"))
    training = draw_images(training, most, seed=derive_seed(seed, "training"))
    held_out = draw_images(real.held_out.of_class(label), most, seed=derive_seed(seed, "held out"))
    compared = {
        "generated": _sample(generated, models.features, num_features),
        "training": _sample(training, models.features, num_features),
    }
    quality = class_quality(
        **compared,
        held_out=_sample(held_out, models.features, num_features),
        probabilities=None
        if models.kind == "backbone"
        else models.features.probabilities(generated).cpu().numpy(),
        seed=seed,
    )
    usefulness = {
        "gan_test": recognised_share(models.domain, generated, label),
        "gan_test_floor": recognised_share(models.domain, held_out, label),
        **gan_train,
        "filter_passed": passed_share(rejected),
        "filter_passed_floor": passed_share(judge(held_out, label)) if len(held_out) else None,
    }
    missing = {name: "needs a held-out image of the class" for name, value in usefulness.items() if value is None}
    complete = replace(
        quality,
        metrics={**quality.metrics, **usefulness},
        missing={**quality.missing, **missing},
        flags=(*quality.flags, *weakness_flags(gan_train["gan_train"], gan_train["gan_train_floor"])),
        features=models.kind,
    )
    return MeasuredImages(quality=complete, rejected=rejected, **compared)


def weakness_flags(gan_train: float | None, reference: float | None) -> tuple[str, ...]:
    """The flag "weak", if GAN-train is less than WEAK_SHARE of that of as many real images."""
    if gan_train is None or reference is None or gan_train >= WEAK_SHARE * reference:
        return ()
    return ("weak",)


def repeat_images(training: TrainingSet, numbers: Sequence[int], *, seed: int) -> TrainingSet:
    """`training` with `numbers` [K] images of each class, each used equally often, to within one.

    A class of number 0 stays as it is.
    """
    own = {label: torch.nonzero(training.labels == label).squeeze(1) for label in range(len(numbers))}
    wanted = {label: number for label, number in enumerate(numbers) if number}
    rows = own | repeat_rows(training.labels, wanted, seed=seed, purpose="repeated")
    return training.take(torch.cat(list(rows.values())))


def drop_duplicates(images: Images) -> Images:
    """`images` [N, C, H, W] without those that repeat an earlier one."""
    return take(images, torch.tensor(distinct_rows(images), dtype=torch.int64, device=images.device))


def draw_images(images: Images, most: int, *, seed: int) -> Images:
    """At most `most` of `images` [N, C, H, W], at random."""
    if len(images) <= most:
        return images
    order = torch.randperm(len(images), generator=torch_generator(seed, "drawn"))[:most]
    return take(images, order.to(images.device))


def recognised_share(classifier: FittedClassifier, images: Images, label: int) -> float | None:
    """The share of `images` that `classifier` recognises as class `label`; None without images."""
    if not len(images):
        return None
    return float((classifier.probabilities(images).argmax(dim=1) == label).float().mean())


def _sample(images: Images, classifier: FittedClassifier, num_features: int) -> ImageSample:
    features = classifier.features(images) if len(images) else torch.empty(0, num_features)
    held = images if isinstance(images, ByteImages) else images.cpu().numpy()
    return ImageSample(images=held, features=features.cpu().numpy().astype(np.float64))
