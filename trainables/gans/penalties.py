"""Penalties on the discriminator: functions of one step to a scalar, without their weight."""

import torch
from torch import Tensor

from trainables.gans.variant import AdversarialStep


def gradient_penalty(step: AdversarialStep) -> Tensor:
    """Mean of (|grad D(x)| - 1)^2 at points x between real and fake (Gulrajani et al. 2017, equation 3).

    x = u real + (1 - u) fake with one u ~ U(0, 1) an image (algorithm 1), under the labels that both share.
    """
    share = torch.rand(
        (len(step.labels), 1, 1, 1), generator=step.random, device=step.random.device, dtype=step.real_images.dtype
    )
    points = (share * step.real_images + (1 - share) * step.fake_images).detach().requires_grad_()
    logits = step.discriminator(points, step.labels).logits
    (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return (norms - 1).square().mean()
