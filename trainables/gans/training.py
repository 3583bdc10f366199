"""The training loop of every GAN."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainables.batches import index_batches
from trainables.data.images import ImageShape
from trainables.gans.variant import AdversarialStep, GanSettings, GanVariant, Networks, Term
from trainables.seeding import derive_seed, torch_generator


class DivergedError(RuntimeError):
    """A network's loss is no longer a finite number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedEpoch:
    """The state after one epoch (1-based): mean losses, terms included, and the generator.

    The generator is the one in training: it goes on changing once the next epoch is asked for.
    """

    epoch: int
    generator_loss: float
    discriminator_loss: float
    generator: nn.Module


def train_gan(
    variant: GanVariant, settings: GanSettings, images: Tensor, labels: Tensor, num_classes: int, *, seed: int
) -> Iterator[TrainedEpoch]:
    """`variant` trained on `images` [N, C, H, W] in [-1, 1] with their `labels` [N], epoch after epoch.

    An epoch takes as many discriminator steps as it takes batches to see all images once, and never fewer than go
    to one generator step; a generator step follows every `discriminator_steps` of them, counted on across epochs.
    Runs on the images' device. Neither reads nor changes the global random state. Raises DivergedError after an
    epoch in which a loss was not finite.
    """
    state = _Training(variant, settings, images, labels, num_classes, seed=seed)
    num_batches = max(math.ceil(len(images) / settings.batch_size), settings.discriminator_steps)
    for epoch in range(1, settings.epochs + 1):
        discriminator_loss, generator_loss = state.train_epoch(num_batches)
        for network, loss in (("discriminator", discriminator_loss), ("generator", generator_loss)):
            if not math.isfinite(loss):
                raise DivergedError(f"{variant.name}: the {network}'s loss is {loss} in epoch {epoch}")
        yield TrainedEpoch(
            epoch=epoch,
            generator_loss=generator_loss,
            discriminator_loss=discriminator_loss,
            generator=state.networks.generator,
        )


class _Training:
    """The networks, their optimisers and the random streams of one GAN in training."""

    def __init__(
        self,
        variant: GanVariant,
        settings: GanSettings,
        images: Tensor,
        labels: Tensor,
        num_classes: int,
        *,
        seed: int,
    ) -> None:
        self.variant, self.settings = variant, settings
        self.images, self.labels = images, labels
        shape = ImageShape(size=images.shape[-1], channels=images.shape[1])
        self.networks = _initialised(variant, shape, settings.latent_size, num_classes, seed=seed)
        self.networks.generator.to(images.device)
        self.networks.discriminator.to(images.device)
        self.generator_optimiser = _adam(self.networks.generator, settings)
        self.discriminator_optimiser = _adam(self.networks.discriminator, settings)
        self.random = torch_generator(seed, "steps", device=images.device)
        batches_random = torch_generator(seed, "batches", device=images.device)
        self.batches = (
            class_balanced_batches(labels, settings.batch_size, batches_random)
            if variant.conditional
            else index_batches(len(images), settings.batch_size, batches_random)
        )
        self.steps_taken = 0

    def train_epoch(self, num_batches: int) -> tuple[float, float]:
        """Mean losses of discriminator and generator over `num_batches` discriminator steps."""
        discriminator_losses: list[Tensor] = []
        generator_losses: list[Tensor] = []
        for _, batch in zip(range(num_batches), self.batches, strict=False):
            real, labels = self.images[batch], self.labels[batch]
            discriminator_losses.append(self._discriminator_step(real, labels))
            self.steps_taken += 1
            if self.steps_taken % self.settings.discriminator_steps == 0:
                generator_losses.append(self._generator_step(real, labels))
        # Read once an epoch: a read in every step would make a GPU wait for it.
        return torch.stack(discriminator_losses).mean().item(), torch.stack(generator_losses).mean().item()

    def _discriminator_step(self, real: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            fake = self._fake(labels)
        step = self._judged(real, fake, labels)
        loss = self.variant.loss.discriminator(step.real_logits, step.fake_logits)
        return self._descend(self.discriminator_optimiser, loss, self.variant.discriminator_terms, step)

    def _generator_step(self, real: Tensor, labels: Tensor) -> Tensor:
        self.networks.discriminator.requires_grad_(False)
        step = self._judged(real, self._fake(labels), labels)
        loss = self.variant.loss.generator(step.real_logits, step.fake_logits)
        total = self._descend(self.generator_optimiser, loss, self.variant.generator_terms, step)
        self.networks.discriminator.requires_grad_(True)
        return total

    def _fake(self, labels: Tensor) -> Tensor:
        latents = torch.randn(
            len(labels), self.settings.latent_size, generator=self.random, device=self.random.device
        )
        images: Tensor = self.networks.generator(latents, labels)
        return images

    def _judged(self, real: Tensor, fake: Tensor, labels: Tensor) -> AdversarialStep:
        discriminator = self.networks.discriminator
        return AdversarialStep(
            discriminator=discriminator,
            real_images=real,
            fake_images=fake,
            labels=labels,
            real_logits=discriminator(real, labels),
            fake_logits=discriminator(fake, labels),
            random=self.random,
        )

    def _descend(
        self, optimiser: torch.optim.Optimizer, loss: Tensor, terms: tuple[Term, ...], step: AdversarialStep
    ) -> Tensor:
        for term in terms:
            loss = loss + self.settings.weights[term.name] * term.function(step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach()


def class_balanced_batches(labels: Tensor, batch_size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Endless row indices [batch_size], each of a class drawn uniformly, for the rows that have `labels` [N].

    A conditional GAN that meets a rare class only as often as it occurs hardly learns it, and the rare classes are
    what it is wanted for: of 60 zeros among 6,000 digits it made other digits. BAGAN draws its classes uniformly
    as well (Mariani et al. 2018).
    """
    shares = 1 / labels.bincount()[labels]
    while True:
        yield shares.multinomial(batch_size, replacement=True, generator=random)


def _adam(network: nn.Module, settings: GanSettings) -> torch.optim.Optimizer:
    # Fused: a third of a small network's step goes into Adam otherwise.
    return torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, betas=(settings.beta1, settings.beta2), fused=True
    )


def _initialised(
    variant: GanVariant, shape: ImageShape, latent_size: int, num_classes: int, *, seed: int
) -> Networks:
    """The networks with weights drawn on the CPU, so that every device starts from the same ones."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would seed the GPUs as well.
        torch.default_generator.manual_seed(derive_seed(seed, "initialisation"))
        return variant.networks(shape, latent_size, num_classes)
