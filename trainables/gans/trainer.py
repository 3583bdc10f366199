"""How one GAN is trained: what its networks minimise, and one step of each.

`generator_trainer.py` takes many steps; `training.py` runs it from checkpoint to checkpoint; `batched/` trains
several GANs together, with the losses and the order of steps written here.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from gan_study.trainables.base.precision import gpu_products_in, products_in_bf16
from gan_study.trainables.base.seeding import derive_seed, index_batches, seeded_global_state, torch_generator
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.base.torch_internals import BatchNorm
from gan_study.trainables.gans.diff_augment import diff_augment
from gan_study.trainables.gans.ema import AveragedGenerator
from gan_study.trainables.gans.generator_trainer import GeneratorTrainer
from gan_study.trainables.gans.random_streams import GeneratorStream, RandomStream
from gan_study.trainables.gans.variant import (
    AdversarialStep,
    Discriminator,
    DiscriminatorOutput,
    GanSettings,
    GanVariant,
    LogitsLoss,
    Networks,
    Term,
    TrainingData,
)

# Placeholder: this step does not score real images.
NOT_SCORED = DiscriminatorOutput(logits=torch.empty(0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Objective:
    """What one network minimises: a loss of the discriminator's logits and `terms`, each with its weight.

    The discriminator `scores_alone` if its output for an image does not depend on the rest of the batch. Then real
    and fake images are scored in one batch: larger products, and only one gradient.
    """

    loss: LogitsLoss
    terms: tuple[Term, ...]
    settings: GanSettings
    num_classes: int
    scores_real: bool
    scores_alone: bool

    def __call__(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, labels: Tensor, random: RandomStream
    ) -> Tensor:
        """The loss [] for images [N, C, H, W] real and fake under the same `labels` [N]."""
        if self.settings.diff_augment:
            real, fake = diff_augment(real, random), diff_augment(fake, random)
        if self.scores_real and self.scores_alone:
            both = discriminator(torch.cat([real, fake]), torch.cat([labels, labels]))
            of_real = both.apply(lambda values: values[: len(real)])
            of_fake = both.apply(lambda values: values[len(real) :])
        else:
            of_real = discriminator(real, labels) if self.scores_real else NOT_SCORED
            of_fake = discriminator(fake, labels)
        step = AdversarialStep(
            discriminator=discriminator,
            real_images=real,
            fake_images=fake,
            labels=labels,
            num_classes=self.num_classes,
            # Losses keep the images' precision, whatever the networks compute in.
            real=of_real.apply(lambda values: values.to(real.dtype)),
            fake=of_fake.apply(lambda values: values.to(real.dtype)),
            random=random,
        )
        loss = self.loss(step.real.logits, step.fake.logits)
        for term in self.terms:
            loss = loss + self.settings.weights[term.name] * term.function(step)
        return loss


class GanTrainer(GeneratorTrainer):
    """One GAN in training: its networks, their optimisers and its batches."""

    def __init__(self, variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int) -> None:
        super().__init__(variant.name, data, latent_size=settings.latent_size, seed=seed)
        self.variant, self.settings = variant, settings
        self.batches_per_step = settings.batches_per_step
        if settings.precision == "tf32" and self.device.type != "cuda":
            kind = self.device.type
            raise ConfigError(f"gan.precision: 'tf32' cannot be used on {kind}; only NVIDIA GPUs have it")
        self.networks = draw_networks(variant, settings, data, seed=seed)
        if data.start is not None:
            self.networks.generator.load_state_dict(dict(data.start.generator))
            self.networks.discriminator.load_state_dict(dict(data.start.discriminator))
        for network in (self.networks.generator, self.networks.discriminator):
            network.to(device=self.device, dtype=data.images.dtype).to(memory_format=variant.memory_format)
        self.network, decay = self.networks.generator, settings.ema_decay
        self.average = AveragedGenerator(self.networks.generator, decay) if decay else None
        self.generator_optimiser = adam(self.networks.generator.parameters(), settings)
        self.discriminator_optimiser = adam(self.networks.discriminator.parameters(), settings)
        shared = partial(
            Objective,
            settings=settings,
            num_classes=data.num_classes,
            scores_alone=not has_batch_norm(self.networks.discriminator),
        )
        loss, terms = variant.loss, (variant.discriminator_terms, variant.generator_terms)
        self.discriminator_objective = shared(loss=loss.discriminator, terms=terms[0], scores_real=True)
        self.generator_objective = shared(loss=loss.generator, terms=terms[1], scores_real=loss.compares)
        self.stream = GeneratorStream(self.random)
        random = torch_generator(seed, "batches", device=self.device)
        self.batches = (
            class_balanced_batches(data.labels, settings.batch_size, random)
            if variant.conditional
            else index_batches(len(data.images), settings.batch_size, random)
        )

    # One step.

    def take_step(self, batch: Tensor, *, trains_generator: bool) -> tuple[Tensor, ...]:
        """A discriminator step on the rows `batch`, and, if due, a generator step: the loss [] of each.

        Both steps use the same fake images, so these are generated once.
        """
        real, labels = self.real_images(batch)
        with torch.set_grad_enabled(trains_generator), self.autocast():
            fake = self.fake_images(labels)
        discriminator_loss = self.train_discriminator(real, fake.detach(), labels)
        if not trains_generator:
            return (discriminator_loss,)
        return discriminator_loss, self.train_generator(real, fake, labels)

    def train_discriminator(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The discriminator's loss on images [N, C, H, W], before its step."""
        with self.autocast():
            loss = self.discriminator_loss(real, fake, labels)
        descend(self.discriminator_optimiser, loss)
        if self.settings.weight_clip is not None:
            clip_weights(self.discriminator_optimiser.param_groups[0]["params"], self.settings.weight_clip)
        return loss.detach()

    def train_generator(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The generator's loss on images [N, C, H, W], before its step; `fake` comes with its gradients."""
        with self.autocast():
            loss = self.generator_loss(real, fake, labels)
        descend(self.generator_optimiser, loss)
        self.update_average()
        return loss.detach()

    def latents(self, number: int) -> Tensor:
        """Latents [number, latent_size] from N(0, 1)."""
        shape, dtype = (number, self.settings.latent_size), self.data.images.dtype
        return torch.randn(shape, generator=self.random, device=self.device, dtype=dtype)

    def fake_images(self, labels: Tensor) -> Tensor:
        """A generated image for each of `labels` [N]."""
        images: Tensor = self.networks.generator(self.latents(len(labels)), labels)
        return images.to(self.data.images.dtype)

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the discriminator minimises []."""
        discriminator = NetworkDiscriminator(self.networks.discriminator)
        return self.discriminator_objective(discriminator, real, fake, labels, self.stream)

    def generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the generator minimises []; the discriminator gets no gradient."""
        network = self.networks.discriminator.requires_grad_(False)
        loss = self.generator_objective(NetworkDiscriminator(network), real, fake, labels, self.stream)
        network.requires_grad_(True)
        return loss

    def update_average(self) -> None:
        """Move the average of the generator's weights, if there is one."""
        if self.average is not None:
            self.average.follow(self.networks.generator)

    def autocast(self) -> AbstractContextManager[object]:
        """Within the block networks compute in bf16 if `settings.precision` says so."""
        return products_in_bf16(self.device) if self.settings.precision == "bf16" else nullcontext()

    # Many steps.

    def take_steps(self, batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
        """The losses of each step of discriminator and generator on `batches` of row indices.

        A generator step follows every `discriminator_steps` discriminator steps.
        """
        of_discriminator: list[Tensor] = []
        of_generator: list[Tensor] = []
        with gpu_products_in(self.settings.precision) if self.device.type == "cuda" else nullcontext():
            for number, batch in enumerate(batches, start=1):
                trains_generator = number % self.settings.discriminator_steps == 0
                losses = self.take_step(batch, trains_generator=trains_generator)
                of_discriminator.append(losses[0])
                of_generator += losses[1:]
        return torch.stack(of_discriminator), torch.stack(of_generator)

    def warm_start(self) -> None:
        """Run the variant's warm start, if it has one, before the first step only."""
        if not self.generator_steps and self.variant.warm_start:
            random = torch_generator(self.seed, "warm start", device=self.device)
            self.variant.warm_start(self.networks, self.data, self.settings, random)

    def parts(self) -> Mapping[str, nn.Module | torch.optim.Optimizer]:
        """Networks and optimisers, whose states are saved, by name."""
        return {
            "generator": self.networks.generator,
            "discriminator": self.networks.discriminator,
            "generator optimiser": self.generator_optimiser,
            "discriminator optimiser": self.discriminator_optimiser,
        }


@dataclass(frozen=True, eq=False)
class NetworkDiscriminator:
    """A network as the Discriminator that losses and terms use."""

    network: nn.Module

    def __call__(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        """The network's output for images [N, C, H, W] under `labels` [N]."""
        output: DiscriminatorOutput = self.network(images, labels)
        return output

    def input_gradients(self, images: Tensor, labels: Tensor) -> Tensor:
        """The gradient of each image's logit [N, C, H, W], itself differentiable by the weights."""
        points = images.detach().requires_grad_()
        (gradients,) = torch.autograd.grad(self(points, labels).logits.sum(), points, create_graph=True)
        return gradients


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of `optimiser` down `loss`: [], or [K] if K networks without common weights are trained."""
    optimiser.zero_grad(set_to_none=True)
    loss.sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()


@torch.no_grad()
def clip_weights(weights: Iterable[Tensor], limit: float) -> None:
    """Clips every weight to [-limit, limit], in place (Arjovsky et al. 2017, algorithm 1, line 7)."""
    for weight in weights:
        weight.clamp_(-limit, limit)


def adam(weights: Iterable[Tensor], settings: GanSettings) -> torch.optim.Optimizer:
    """The optimiser of either network."""
    weights = list(weights)
    # Fused: a third of a small network's step goes into Adam otherwise. Capturable: a CUDA graph can hold it.
    return torch.optim.Adam(
        weights,
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        fused=True,
        capturable=weights[0].is_cuda,
    )


def draw_networks(variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int) -> Networks:
    """The untrained networks, with weights drawn on the CPU, so that every device starts from the same ones."""
    with seeded_global_state(derive_seed(seed, "initialisation")):
        return variant.networks(data.shape, settings.latent_size, data.num_classes)


def has_batch_norm(network: nn.Module) -> bool:
    """Whether the outputs of `network` depend on the rest of the batch."""
    return any(isinstance(module, BatchNorm) for module in network.modules())


def class_balanced_batches(labels: Tensor, batch_size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Infinite row indices [batch_size], each of a uniformly drawn class, for rows with `labels` [N].

    A conditional GAN that sees rare classes only as often as they occur hardly learns them, although they are its
    purpose: with 60 zeros among 6,000 digits it generated other digits. BAGAN draws the labels of its fakes in the
    same way (Mariani et al. 2018).
    """
    shares = 1 / labels.bincount()[labels]
    if labels.is_cuda:
        while True:
            yield shares.multinomial(batch_size, replacement=True, generator=random)
    # What torch.multinomial does on a CPU, draw for draw, but that it adds up all shares for every batch: in their
    # precision and one after the other.
    up_to = np.cumsum(shares.numpy(), dtype=np.float32)
    cumulative = torch.from_numpy(up_to / up_to[-1]).double()
    while True:
        yield torch.searchsorted(cumulative, torch.rand(batch_size, generator=random, dtype=torch.float64))
