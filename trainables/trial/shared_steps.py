"""The steps of a trial that the export of a balanced data set takes as well, so that its numbers are a trial's."""

from collections.abc import Sequence

import torch

from gan_study.trainables.balancing.balancer import BalancedSet
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.classifiers.training import (
    AfterEpoch,
    Validation,
    fit,
    num_steps,
    proportional_weights,
)
from gan_study.trainables.data.images import LabeledImages, TrainingSet, to_float
from gan_study.trainables.image_quality.judge import RealImages, Yardstick, yardstick
from gan_study.trainables.runtime.cache import Store
from gan_study.trainables.trial.config import TrialConfig
from gan_study.trainables.trial.data import TrialParts, held_out


def validation_on_device(images: LabeledImages, proportions: Sequence[float], device: torch.device) -> Validation:
    """The validation part on `device`, its classes weighted by their `proportions` [K] in the test part."""
    labels = torch.as_tensor(images.labels, device=device)
    return Validation(
        images=to_float(images.images, device),
        labels=labels,
        weights=proportional_weights(labels, proportions),
    )


def fit_classifier(
    config: TrialConfig,
    balanced: BalancedSet,
    validation: Validation,
    *,
    unbalanced_size: int,
    after_epoch: AfterEpoch | None = None,
) -> FittedClassifier:
    """The trial's classifier fitted to a balanced set of a training part that had `unbalanced_size` images."""
    return fit(
        config.classifier,
        balanced.training,
        steps=num_steps(config.classifier, balanced_size=len(balanced.training), unbalanced_size=unbalanced_size),
        seed=derive_seed(config.seed, "classifier"),
        plan=balanced.plan,
        validation=validation,
        after_epoch=after_epoch,
    )


def setting_yardstick(
    config: TrialConfig, parts: TrialParts, training: TrainingSet, store: Store
) -> tuple[RealImages, Yardstick]:
    """The real images of the trial's setting, and what generated images are measured with beside them."""
    real = RealImages(
        training=training,
        held_out=held_out(parts, training.images.device),
        classifier=config.classifier,
    )
    seed = derive_seed(config.seed, "quality")
    return real, yardstick(real, parts.pool, config.evaluation.image_features, store, seed=seed)
