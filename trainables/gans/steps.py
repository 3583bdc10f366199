"""The alternating steps of adversarial training: of one GAN, or of several side by side."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gan_study.trainables.base.torch_internals import BatchNorm
from gan_study.trainables.gans.batched.execution import Execution
from gan_study.trainables.gans.diff_augment import diff_augment
from gan_study.trainables.gans.precision import networks_in, products_in
from gan_study.trainables.gans.random_streams import RandomStream
from gan_study.trainables.gans.variant import (
    AdversarialStep,
    Discriminator,
    GanSettings,
    GanVariant,
    Judgement,
    LogitsLoss,
    Term,
)

# Of no images.
NOT_JUDGED = Judgement(logits=torch.empty(0))


@dataclass(frozen=True, eq=False)
class NetworkDiscriminator:
    """The discriminator that is a network of its own."""

    network: nn.Module

    def __call__(self, images: Tensor, labels: Tensor) -> Judgement:
        """What it says of images [N, C, H, W] under `labels` [N]."""
        judgement: Judgement = self.network(images, labels)
        return judgement

    def slopes(self, images: Tensor, labels: Tensor) -> Tensor:
        """The gradient of each image's logit [N, C, H, W], itself differentiable by the weights."""
        points = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self(points, labels).logits.sum(), points, create_graph=True)
        return gradient


@dataclass(frozen=True, kw_only=True, eq=False)
class StepLosses:
    """What the networks of one GAN minimise in one step: functions of images and a discriminator to a scalar.

    With `judges_alone` a judgement does not depend on the other images of a batch. Then real and fake ones are
    judged in one: larger products, and one gradient to add up.
    """

    variant: GanVariant
    settings: GanSettings
    num_classes: int
    judges_alone: bool

    def of_discriminator(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, labels: Tensor, random: RandomStream
    ) -> Tensor:
        """The discriminator's loss, extra terms included."""
        step = self._judged(discriminator, real, fake, labels, random, with_real=True)
        return self._loss(self.variant.loss.discriminator, self.variant.discriminator_terms, step)

    def of_generator(
        self, discriminator: Discriminator, real: Tensor, fake: Tensor, labels: Tensor, random: RandomStream
    ) -> Tensor:
        """The generator's loss, extra terms included."""
        step = self._judged(discriminator, real, fake, labels, random, with_real=self.variant.loss.compares)
        return self._loss(self.variant.loss.generator, self.variant.generator_terms, step)

    def _judged(
        self,
        discriminator: Discriminator,
        real: Tensor,
        fake: Tensor,
        labels: Tensor,
        random: RandomStream,
        *,
        with_real: bool,
    ) -> AdversarialStep:
        if self.settings.diff_augment:
            real, fake = diff_augment(real, random), diff_augment(fake, random)
        if with_real and self.judges_alone:
            both = discriminator(torch.cat([real, fake]), torch.cat([labels, labels]))
            of_real, of_fake = both.to(real.dtype).parted(len(real))
        else:
            of_real = discriminator(real, labels).to(real.dtype) if with_real else NOT_JUDGED
            of_fake = discriminator(fake, labels).to(real.dtype)
        return AdversarialStep(
            discriminator=discriminator,
            real_images=real,
            fake_images=fake,
            labels=labels,
            num_classes=self.num_classes,
            real=of_real,
            fake=of_fake,
            random=random,
        )

    def _loss(self, adversarial: LogitsLoss, terms: tuple[Term, ...], step: AdversarialStep) -> Tensor:
        loss = adversarial(step.real.logits, step.fake.logits)
        for term in terms:
            loss = loss + self.settings.weights[term.name] * term.function(step)
        return loss


def judges_alone(discriminator: nn.Module) -> bool:
    """Whether what it says of an image does not depend on the others of the batch."""
    return not has_batch_norm(discriminator)


def has_batch_norm(network: nn.Module) -> bool:
    """Whether a layer of it normalises by what it is in a batch."""
    return any(isinstance(module, BatchNorm) for module in network.modules())


class Adversaries(Protocol):
    """A generator and a discriminator in training, or several of each side by side.

    Of several every tensor has one more axis, which comes first, and losses are one a GAN.
    """

    @property
    def generators(self) -> Sequence[torch.Generator]:
        """All that a step draws from."""
        ...

    @property
    def generator_weights(self) -> Sequence[Tensor]:
        """What the generator's step moves."""
        ...

    @property
    def discriminator_weights(self) -> Sequence[Tensor]:
        """What the discriminator's step moves."""
        ...

    def rows(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The real images [N, C, H, W] with the indices `batch` [N], and their labels [N]."""
        ...

    def fakes(self, labels: Tensor) -> Tensor:
        """A generated image [N, C, H, W] for each label."""
        ...

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the discriminator minimises."""
        ...

    def generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the generator minimises; the discriminator gets no gradient."""
        ...

    def move_average(self) -> None:
        """Brings the average of the generator's weights up to date, where there is one."""
        ...


class AlternatingSteps:
    """The steps that `adversaries` take, and their optimisers.

    A generator step follows every `discriminator_steps` of the discriminator, counted on across epochs.
    """

    def __init__(self, adversaries: Adversaries, settings: GanSettings, execution: Execution) -> None:
        self.adversaries, self.settings, self.execution = adversaries, settings, execution
        self.device = adversaries.generator_weights[0].device
        self.generator_optimiser = _adam(adversaries.generator_weights, settings)
        self.discriminator_optimiser = _adam(adversaries.discriminator_weights, settings)
        self.taken = 0
        self.prepare()

    def prepare(self) -> None:
        """Has the steps executed anew; to be called after the optimisers' state was replaced."""
        generators = self.adversaries.generators
        self._discriminator_alone = self.execution.prepared(self._step_of_the_discriminator, generators)
        self._both = self.execution.prepared(self._steps_of_both, generators)

    def epoch(self, batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
        """One discriminator step a batch of row indices; the mean losses of discriminator and generator."""
        of_discriminator: list[Tensor] = []
        of_generator: list[Tensor] = []
        with products_in(self.settings.precision, self.device):
            for batch in batches:
                self.taken += 1
                generator_follows = self.taken % self.settings.discriminator_steps == 0
                losses = self._both(batch) if generator_follows else self._discriminator_alone(batch)
                of_discriminator.append(losses[0])
                of_generator += losses[1:]
        return torch.stack(of_discriminator).mean(dim=0), torch.stack(of_generator).mean(dim=0)

    def _step_of_the_discriminator(self, batch: Tensor) -> tuple[Tensor, ...]:
        real, labels = self.adversaries.rows(batch)
        with torch.no_grad(), self._networks():
            fake = self.adversaries.fakes(labels)
        return (self._discriminator_descends(real, fake, labels),)

    def _steps_of_both(self, batch: Tensor) -> tuple[Tensor, ...]:
        real, labels = self.adversaries.rows(batch)
        # Both networks' steps are taken on the same fake images, so these are made once.
        with self._networks():
            fake = self.adversaries.fakes(labels)
        of_discriminator = self._discriminator_descends(real, fake.detach(), labels)
        with self._networks():
            loss = self.adversaries.generator_loss(real, fake, labels)
        _descend(self.generator_optimiser, loss)
        self.adversaries.move_average()
        return of_discriminator, loss.detach()

    def _discriminator_descends(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        with self._networks():
            loss = self.adversaries.discriminator_loss(real, fake, labels)
        _descend(self.discriminator_optimiser, loss)
        if self.settings.weight_clip is not None:
            clip_weights(self.adversaries.discriminator_weights, self.settings.weight_clip)
        return loss.detach()

    def _networks(self) -> AbstractContextManager[Any]:
        return networks_in(self.settings.precision, self.device)


@torch.no_grad()
def clip_weights(weights: Iterable[Tensor], limit: float) -> None:
    """Brings every weight into [-limit, limit], in place (Arjovsky et al. 2017, algorithm 1, line 7)."""
    for weight in weights:
        weight.clamp_(-limit, limit)


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    # Of several GANs each has a loss of its own, and no weight is in two of them.
    loss.sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _adam(weights: Sequence[Tensor], settings: GanSettings) -> torch.optim.Optimizer:
    # Fused: a third of a small network's step goes into Adam otherwise. Capturable: a CUDA graph can hold it.
    return torch.optim.Adam(
        weights,
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        fused=True,
        capturable=weights[0].is_cuda,
    )
