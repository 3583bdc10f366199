"""The training loop against a plain one that is written step by step, in float64."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.architectures import ARCHITECTURES
from benchmarks.reference import with_torchs_layers
from gan_study.trainables.base.seeding import derive_seed, index_batches, seeded_global_state, torch_generator
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.trainer import class_balanced_batches
from gan_study.trainables.gans.training import train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings

SEED, STEPS = 3, 4
IMAGES = torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.double) * 2 - 1
DATA = TrainingData(images=IMAGES, labels=torch.arange(24) // 16, num_classes=2)
SETTINGS: Mapping[str, object] = {
    "generator_steps": STEPS,
    "batch_size": 8,
    "latent_size": 6,
    "learning_rate": 1e-3,
    "discriminator_steps": 2,
}


def cross_entropy_losses(discriminator: nn.Module, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
    of_real, of_fake = discriminator(real, labels).logits, discriminator(fake, labels).logits
    ones = torch.ones_like(of_real)
    on_real = binary_cross_entropy_with_logits(of_real, ones)
    return on_real + binary_cross_entropy_with_logits(of_fake, 0 * ones)


def penalised_difference(
    critic: nn.Module, real: Tensor, fake: Tensor, labels: Tensor, random: torch.Generator
) -> Tensor:
    share = torch.rand(len(real), 1, 1, 1, generator=random, dtype=real.dtype)
    points = (share * real + (1 - share) * fake).requires_grad_()
    (gradients,) = torch.autograd.grad(critic(points, labels).logits.sum(), points, create_graph=True)
    penalty = ((gradients.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return critic(fake, labels).logits.mean() - critic(real, labels).logits.mean() + 10 * penalty


def plain_training(variant: GanVariant, settings: GanSettings) -> tuple[nn.Module, list[tuple[float, float]]]:
    """One network's step after the other's, nothing shared between them, torch's layers and Adam as they come."""
    shape, wasserstein = DATA.shape, bool(settings.weights)
    with seeded_global_state(derive_seed(SEED, "initialisation")):
        networks = variant.networks(shape, settings.latent_size, DATA.num_classes)
    generator, discriminator = (
        with_torchs_layers(network.double()) for network in (networks.generator, networks.discriminator)
    )
    optimisers = [
        torch.optim.Adam(
            network.parameters(), lr=settings.learning_rate, betas=(settings.beta1, settings.beta2), foreach=False
        )
        for network in (generator, discriminator)
    ]
    random = torch_generator(SEED, "steps")
    of_batches = torch_generator(SEED, "batches")
    batches = (
        class_balanced_batches(DATA.labels, settings.batch_size, of_batches)
        if variant.conditional
        else index_batches(len(IMAGES), settings.batch_size, of_batches)
    )
    losses: dict[str, list[float]] = {"discriminator": [], "generator": []}
    means = []
    for _ in range(STEPS):
        for number in range(1, settings.discriminator_steps + 1):
            batch = next(batches)
            real, labels = IMAGES[batch], DATA.labels[batch]
            latents = torch.randn(len(real), settings.latent_size, generator=random, dtype=torch.double)
            fake = generator(latents, labels)
            loss = (
                penalised_difference(discriminator, real, fake.detach(), labels, random)
                if wasserstein
                else cross_entropy_losses(discriminator, real, fake.detach(), labels)
            )
            optimisers[1].zero_grad()
            loss.backward()
            optimisers[1].step()
            losses["discriminator"].append(loss.item())
            if number == settings.discriminator_steps:
                logits = discriminator(fake, labels).logits
                loss = (
                    -logits.mean()
                    if wasserstein
                    else binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
                )
                optimisers[0].zero_grad()
                loss.backward()
                optimisers[0].step()
                losses["generator"].append(loss.item())
        means.append(tuple(sum(losses[name]) / len(losses[name]) for name in ("discriminator", "generator")))
    return generator, means


# Fully connected, and told the class; batch norm, whose discriminator scores real and fake images apart; folded
# doubling; gradient penalties, whose critics score them together.
@pytest.mark.parametrize(
    "variant",
    [*(VARIANTS[name] for name in ("vanilla_gan", "cgan", "dcgan", "wgan_gp")), *ARCHITECTURES.values()],
    ids=lambda variant: variant.name,
)
def test_the_numbers_are_those_of_a_plain_loop(variant: GanVariant) -> None:
    settings = parse_gan_settings(variant, SETTINGS, where="gan")
    states = [
        (state.losses[-1].discriminator, state.losses[-1].generator, state.generator)
        for state in train_gan(variant, settings, DATA, seed=SEED, at=range(1, STEPS + 1))
    ]
    plain, means = plain_training(variant, settings)
    for state, wanted in zip(states, means, strict=True):
        assert state[:2] == pytest.approx(wanted, rel=0, abs=1e-10)
    ours, theirs = states[-1][2].state_dict(), plain.state_dict()
    for (key, our), their in zip(ours.items(), theirs.values(), strict=True):
        assert torch.allclose(our.double(), their.double(), rtol=0, atol=1e-10), key
