"""A classifier, a GAN and a metric that gan_study finds by this package's entry points."""

from dataclasses import replace

import numpy as np
from torch import Tensor, nn
from torch.nn.functional import softplus

from gan_study.trainables.classifiers.classifier import ClassifierModel
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.variant import AdversarialLoss
from gan_study.trainables.gans.variants.dcgan import DCGAN


def body(shape: ImageShape) -> tuple[nn.Module, int]:
    """The pixels themselves, and how many they are; gan_study puts a linear layer behind them."""
    return nn.Flatten(), shape.num_values


LINEAR = ClassifierModel(name="example_linear", summary="logistic regression on the pixels", body=body)


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Real images are to seem more real than fake ones on average, and the other way round."""
    real, fake = real_logits - fake_logits.mean(), fake_logits - real_logits.mean()
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """The same with the roles exchanged."""
    return discriminator_loss(fake_logits, real_logits)


RAGAN = replace(
    DCGAN,
    name="example_ragan",
    summary="DCGAN's networks; realness is relative to the other images' average",
    source="Jolicoeur-Martineau 2018, arXiv:1807.00734",
    loss=AdversarialLoss(discriminator=discriminator_loss, generator=generator_loss, compares=True),
)


def recall_of_last(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    """The weighted recall of the last class."""
    last = labels == probabilities.shape[1] - 1
    return float(np.average(probabilities[last].argmax(axis=1) == labels[last], weights=weights[last]))
