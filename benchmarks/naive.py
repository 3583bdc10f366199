"""A trial whose networks are trained by the plain loops of benchmarks/reference.py.

In a module of its own, since workers import what they run.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import WeightedRandomSampler

from benchmarks import reference
from benchmarks.reference import with_torchs_layers
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.classifier import ClassifierConfig, ClassifierModel, FittedClassifier
from gan_study.trainables.classifiers.loss_plans import PLAIN, FittingPlan
from gan_study.trainables.data.byte_images import to_bytes
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.generator_trainer import MeanLosses
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.sampling import take_snapshot
from gan_study.trainables.gans.training import FIXED, TrainedGenerator
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData
from gan_study.trainables.trial.request import TrialRequest
from gan_study.trainables.trial.trainable import GanStudyTrainable, SharedImages


class PlainlyTrained(GanStudyTrainable):
    """A trial whose networks are trained by the plain loops."""

    def setup(self, config: dict[str, TrialRequest], images: SharedImages) -> None:
        """Begin the trial that `config` describes, in a process that trains plainly from now on."""
        for name, plain in REPLACED.items():
            patch(name, plain).start()
        super().setup(config, images)


def plainly_trained(
    variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int, **_: object
) -> Iterator[TrainedGenerator]:
    """What `train_gan` gives for a `variant` with cross-entropy, after the last epoch alone."""
    assert variant.loss == CROSS_ENTROPY and not settings.weights, "the plain loop has no other loss"
    torch.manual_seed(seed)
    networks = variant.networks(data.shape, settings.latent_size, data.num_classes)
    generator, discriminator = map(with_torchs_layers, (networks.generator, networks.discriminator))
    # As many of each class, as ours: a script for imbalanced data has this sampler.
    shares = (1 / data.labels.bincount()[data.labels]).tolist()
    losses = reference.train_gan(
        generator,
        discriminator,
        settings,
        pictures(data.images[:], data.labels),
        sampler=WeightedRandomSampler(shares, len(shares)),
    )
    batches = math.ceil(len(shares) / settings.batch_size)
    steps = reference.num_epochs(settings, batches) * batches
    means = MeanLosses(discriminator=losses.discriminator / steps, generator=losses.generator / steps)
    seen = take_snapshot(generator, data.labels, latent_size=settings.latent_size, seed=seed)
    yield TrainedGenerator(
        latent_size=settings.latent_size,
        generator_steps=steps,
        losses=(means,),
        taken_from=steps,
        generator=generator,
        snapshots={steps: seen},
        end=FIXED,
    )


def plainly_fitted(
    config: ClassifierConfig,
    training: TrainingSet,
    *,
    steps: int,
    seed: int,
    plan: FittingPlan = PLAIN,
    model: ClassifierModel | None = None,
    **_: object,
) -> FittedClassifier:
    """What `fit` gives for a plain `plan`, with Adam at a constant rate."""
    assert plan == PLAIN, "the plain loop knows no plans"
    torch.manual_seed(seed)
    num_classes = len(training.classes.names)
    body, num_features = (model or CLASSIFIERS[config.name]).body(training.shape)
    network = with_torchs_layers(nn.Sequential(body, nn.Linear(num_features, num_classes)))
    # Weights go by class; a class without images has any.
    class_weights = torch.ones(num_classes)
    class_weights[training.labels] = training.weights
    reference.train_classifier(
        network,
        pictures(training.images[:], training.labels),
        steps=steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        class_weights=class_weights,
    )
    network.eval()
    body, head = network.children()
    return FittedClassifier(body=body, head=head)


def pictures(images: Tensor, labels: Tensor) -> reference.Pictures:
    """Images [N, C, H, W] in [-1, 1] and labels [N] as scripts hold them."""
    pixels = np.moveaxis(to_bytes(images), 1, -1)
    return reference.Pictures(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, labels.numpy())


# The functions of a trial that plain loops stand in for.
REPLACED: Mapping[str, Callable[..., object]] = {
    "gan_study.trainables.gans.batched.train_gan": plainly_trained,
    "gan_study.trainables.trial.run.fit": plainly_fitted,
    "gan_study.trainables.image_quality.judge.fit": plainly_fitted,
    "gan_study.trainables.image_quality.extractor.fit": plainly_fitted,
}
