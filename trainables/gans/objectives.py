"""Adversarial losses: pure functions of the logits [N] of real and of fake images, in this order."""

from torch import Tensor
from torch.nn.functional import softplus

from trainables.gans.variant import AdversarialLoss


def cross_entropy_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log s(real) - log(1 - s(fake)), s the logistic function (Goodfellow et al. 2014, equation 1)."""
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def cross_entropy_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log s(fake): the non-saturating loss (Goodfellow et al. 2014, section 3); real logits play no part."""
    return softplus(-fake_logits).mean()


def wasserstein_critic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Mean of fake minus mean of real (Arjovsky et al. 2017, equation 3, as a loss)."""
    return fake_logits.mean() - real_logits.mean()


def wasserstein_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Minus the mean of fake (Arjovsky et al. 2017, theorem 3); real logits play no part."""
    return -fake_logits.mean()


CROSS_ENTROPY = AdversarialLoss(discriminator=cross_entropy_discriminator, generator=cross_entropy_generator)
WASSERSTEIN = AdversarialLoss(discriminator=wasserstein_critic, generator=wasserstein_generator)
