"""Adversarial losses: pure functions of the logits [N] of real and of fake images, in this order."""

from torch import Tensor
from torch.nn.functional import relu, softplus

from gan_study.trainables.gans.variant import AdversarialLoss


def cross_entropy_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log s(real) - log(1 - s(fake)), s the logistic function (Goodfellow et al. 2014, equation 1)."""
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def cross_entropy_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log s(fake): the non-saturating loss (Goodfellow et al. 2014, section 3); real logits are not used."""
    return softplus(-fake_logits).mean()


def wasserstein_critic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Mean of fake minus mean of real (Arjovsky et al. 2017, equation 3, as a loss)."""
    return fake_logits.mean() - real_logits.mean()


def wasserstein_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Minus the mean of fake (Arjovsky et al. 2017, theorem 3); real logits are not used."""
    return -fake_logits.mean()


def hinge_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """max(0, 1 - real) + max(0, 1 + fake), the means (Miyato et al. 2018, equation 16, as a loss)."""
    return relu(1 - real_logits).mean() + relu(1 + fake_logits).mean()


def least_squares_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Half of (real - 1)^2 + fake^2, the means (Mao et al. 2017, equation 9): real is coded 1 and fake 0."""
    return ((real_logits - 1).square().mean() + fake_logits.square().mean()) / 2


def least_squares_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Half the mean of (fake - 1)^2 (Mao et al. 2017, equation 9); real logits are not used."""
    return (fake_logits - 1).square().mean() / 2


def relativistic_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log s(real - fake), pair by pair (Jolicoeur-Martineau 2019; Huang et al. 2024, section 2)."""
    return softplus(fake_logits - real_logits).mean()


def relativistic_generator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log s(fake - real), pair by pair: the discriminator's loss with the roles exchanged."""
    return softplus(real_logits - fake_logits).mean()


CROSS_ENTROPY = AdversarialLoss(discriminator=cross_entropy_discriminator, generator=cross_entropy_generator)
WASSERSTEIN = AdversarialLoss(discriminator=wasserstein_critic, generator=wasserstein_generator)
# The generator of the hinge loss is Wasserstein's (Miyato et al. 2018, equation 17).
HINGE = AdversarialLoss(discriminator=hinge_discriminator, generator=wasserstein_generator)
LEAST_SQUARES = AdversarialLoss(discriminator=least_squares_discriminator, generator=least_squares_generator)
RELATIVISTIC = AdversarialLoss(
    discriminator=relativistic_discriminator, generator=relativistic_generator, compares=True
)
