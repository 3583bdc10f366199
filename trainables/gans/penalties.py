"""Penalties on the discriminator: functions of one step that return a scalar, without their weight."""

import torch
from torch import Tensor

from gan_study.trainables.gans.variant import AdversarialStep


def gradient_penalty(step: AdversarialStep) -> Tensor:
    """Mean of (|grad D(x)| - 1)^2 at points x between real and fake (Gulrajani et al. 2017, equation 3).

    x = u real + (1 - u) fake with one u ~ U(0, 1) for each image (algorithm 1), with the labels that both share.
    """
    share = step.random.uniform((len(step.labels), 1, 1, 1), step.real_images.dtype)
    return _distance_from_slope_one(step, share * step.real_images + (1 - share) * step.fake_images)


def dragan_penalty(step: AdversarialStep) -> Tensor:
    """Mean of (|grad D(x)| - 1)^2 at points x near the real images (Kodali et al. 2017, section 2.3).

    x = real + u v s / 2 with one u ~ U(0, 1) for each image, one v ~ U(0, 1) for each value, and s the standard
    deviation of all values of the batch: as in the authors' code, whose noise is never negative.
    """
    real = step.real_images
    share = step.random.uniform((len(real), 1, 1, 1), real.dtype)
    noise = step.random.uniform(tuple(real.shape), real.dtype)
    return _distance_from_slope_one(step, real + share * noise * real.std(correction=0) / 2)


def r1(step: AdversarialStep) -> Tensor:
    """Half the mean of |grad D(x)|^2 at real images x: weighted by gamma (Mescheder et al. 2018, equation 9)."""
    return _half_squared_gradient(step, step.real_images)


def r2(step: AdversarialStep) -> Tensor:
    """Half the mean of |grad D(x)|^2 at fake images x: weighted by gamma (Mescheder et al. 2018, equation 10)."""
    return _half_squared_gradient(step, step.fake_images)


def _distance_from_slope_one(step: AdversarialStep, images: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(
        step.discriminator.input_gradients(images, step.labels).flatten(1), dim=1
    )
    return (norms - 1).square().mean()


def _half_squared_gradient(step: AdversarialStep, images: Tensor) -> Tensor:
    return step.discriminator.input_gradients(images, step.labels).square().sum(dim=(1, 2, 3)).mean() / 2
