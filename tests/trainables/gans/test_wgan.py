from dataclasses import replace

import pytest
import torch
from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.training import train_gan
from gan_study.trainables.gans.variant import Networks, TrainingData, parse_gan_settings
from gan_study.trainables.gans.variants.dcgan import DCGAN
from gan_study.trainables.gans.variants.wgan import WGAN


def test_is_a_dcgan_whose_losses_are_means_of_scores() -> None:
    shape = ImageShape(size=32, channels=3)
    assert str(WGAN.networks(shape, 100, 2)) == str(DCGAN.networks(shape, 100, 2))
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([4.0, -1.0])
    # The means are 2 and 1.5: algorithm 1 ascends 2 - 1.5 for the critic, and 1.5 for the generator.
    assert WGAN.loss.discriminator(real, fake).item() == pytest.approx(-0.5, abs=1e-6)
    assert WGAN.loss.generator(real, fake).item() == pytest.approx(-1.5, abs=1e-6)
    assert WGAN.term_names == ()


def test_every_weight_of_the_critic_is_within_the_clip_after_training() -> None:
    """And five steps of the critic go to one of the generator: algorithm 1 with its own constants."""
    built: list[Networks] = []

    def networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
        built.append(WGAN.networks(shape, latent_size, num_classes))
        return built[-1]

    images = torch.rand(6, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    data = TrainingData(images=images, labels=torch.zeros(6).long(), num_classes=1)
    settings = parse_gan_settings(WGAN, {"epochs": 2, "batch_size": 4}, where="gan")
    at = {settings.num_generator_steps(len(images))}
    (last,) = train_gan(replace(WGAN, networks=networks), settings, data, seed=0, at=at)
    # Two batches would see all six images, but an epoch has five, and so one step of the generator.
    assert last.generator_steps == 2
    largest = max(weight.abs().max().item() for weight in built[0].discriminator.parameters())
    assert largest == pytest.approx(0.01, abs=1e-9)
    assert max(weight.abs().max().item() for weight in built[0].generator.parameters()) > 0.5


def test_adam_without_momentum_is_rmsprop_once_its_correction_has_died_away() -> None:
    """With beta1 = 0, beta2 the decay, and the square root that both put outside of epsilon."""
    gradients = torch.randn(1200, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    beta2, rate = WGAN.defaults.beta2, 1e-3
    by_adam, by_rmsprop = (nn.Parameter(torch.zeros(4, dtype=torch.float64)) for _ in range(2))
    adam = torch.optim.Adam([by_adam], lr=rate, betas=(0.0, beta2))
    rmsprop = torch.optim.RMSprop([by_rmsprop], lr=rate, alpha=beta2)
    for number, gradient in enumerate(gradients):
        before = by_adam.detach().clone(), by_rmsprop.detach().clone()
        by_adam.grad, by_rmsprop.grad = gradient.clone(), gradient.clone()
        adam.step()
        rmsprop.step()
        steps = by_adam.detach() - before[0], by_rmsprop.detach() - before[1]
        if number == 0:
            # The first step of Adam is the rate itself, of RMSprop ten times that: 1 / sqrt(1 - 0.99).
            torch.testing.assert_close(steps[0].abs(), torch.full_like(steps[0], rate), rtol=1e-6, atol=0)
            torch.testing.assert_close(steps[1], 10 * steps[0], rtol=1e-5, atol=0)
    # What is left of the correction: 0.99^1200 = 6e-6, of which the root is half.
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-5, atol=0)
