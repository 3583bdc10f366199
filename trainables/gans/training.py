"""The training loop of every GAN."""

import hashlib
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

from trainables.batches import index_batches
from trainables.gans.checkpoints import Checkpoints
from trainables.gans.diff_augment import diff_augment
from trainables.gans.variant import (
    AdversarialStep,
    GanSettings,
    GanVariant,
    Judgement,
    LogitsLoss,
    Networks,
    Term,
    TrainingData,
)
from trainables.kept import State, arithmetic
from trainables.seeding import derive_seed, seeded_global_state, torch_generator
from trainables.settings import digest, dump


class DivergedError(RuntimeError):
    """A network's loss is no longer a finite number."""


class MeanLosses(NamedTuple):
    """What the networks' losses were in one epoch, extra terms included: the means over their steps."""

    discriminator: float
    generator: float


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedEpoch:
    """A GAN after an epoch: the losses of each epoch so far, and the generator to sample from.

    The generator is the one in training, or its average: it goes on changing once the next epoch is asked for.
    `taken_from` is the epoch (1-based) whose generator it is.
    """

    losses: tuple[MeanLosses, ...]
    taken_from: int
    generator: nn.Module

    @property
    def epoch(self) -> int:
        """How many epochs there have been."""
        return len(self.losses)


def train_gan(
    variant: GanVariant,
    settings: GanSettings,
    data: TrainingData,
    *,
    seed: int,
    at: Collection[int] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Iterator[TrainedEpoch]:
    """`variant` trained on `data`, after each epoch of `at` (by default every one) and after the last.

    An epoch takes as many discriminator steps as it takes batches to see all images once, and never fewer than go
    to one generator step; a generator step follows every `discriminator_steps` of them, counted on across epochs.
    With `checkpoints` epochs that have been trained before are not trained again; no number depends on that.
    Runs on the images' device and in their precision. Neither reads nor changes the global random state. Raises
    DivergedError after an epoch in which a loss was not finite.
    """
    training = _Training(variant, settings, data, seed=seed)
    kept = checkpoints.of(training_id(variant, settings, data, seed=seed)) if checkpoints else None
    shown = range(1, settings.epochs + 1) if at is None else sorted({*at, settings.epochs})
    for epoch in shown:
        state = kept.find(after=len(training.losses), up_to=epoch) if kept else None
        if state is not None:
            training.load(state)
        while len(training.losses) < epoch:
            training.train_epoch()
            if kept:
                kept.offer(len(training.losses), training.state)
        yield TrainedEpoch(losses=tuple(training.losses), taken_from=epoch, generator=training.answer)


def training_id(variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int) -> str:
    """A name for everything that the numbers of a training depend on, but for its length."""
    of_length = {"epochs", "milestones"}
    contents = hashlib.sha256()
    for tensor in (data.images, data.labels):
        contents.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest(
        {
            "variant": variant.name,
            "settings": {name: value for name, value in dump(settings).items() if name not in of_length},
            "data": [contents.hexdigest(), list(data.images.shape), str(data.images.dtype), data.num_classes],
            "seed": seed,
            "made by": arithmetic(data.images.device),
        }
    )


# Of no images.
NOT_JUDGED = Judgement(logits=torch.empty(0))


class _Stateful(Protocol):
    """Networks and optimisers."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


class _Training:
    """The networks, their optimisers and the random streams of one GAN in training."""

    def __init__(self, variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int) -> None:
        device = data.images.device
        self.variant, self.settings, self.data, self.seed = variant, settings, data, seed
        self.num_batches = max(math.ceil(len(data.images) / settings.batch_size), settings.discriminator_steps)
        self.losses: list[MeanLosses] = []
        self.networks = _initialised(variant, settings, data, seed=seed)
        for network in (self.networks.generator, self.networks.discriminator):
            network.to(data.images).to(memory_format=variant.memory_format)
        self.generator_optimiser = _adam(self.networks.generator, settings)
        self.discriminator_optimiser = _adam(self.networks.discriminator, settings)
        self.average = averaged(self.networks.generator, settings.ema_decay) if settings.ema_decay else None
        self.random = torch_generator(seed, "steps", device=device)
        batches_random = torch_generator(seed, "batches", device=device)
        self.batches = (
            class_balanced_batches(data.labels, settings.batch_size, batches_random)
            if variant.conditional
            else index_batches(len(data.images), settings.batch_size, batches_random)
        )
        # Then real and fake images are judged in one batch: larger products, and one gradient to add up.
        self.judges_alone = not any(isinstance(m, _BatchNorm) for m in self.networks.discriminator.modules())
        self.steps_taken = 0

    @property
    def answer(self) -> nn.Module:
        """The generator to sample from."""
        return self.networks.generator if self.average is None else self.average

    def state(self) -> State:
        """All that the epochs to come depend on."""
        return {
            **{name: part.state_dict() for name, part in self._parts().items()},
            "random": self.random.get_state(),
            "losses": [tuple(losses) for losses in self.losses],
        }

    def load(self, state: State) -> None:
        """Go on from a `state` of the same training."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.random.set_state(state["random"])
        self.losses = [MeanLosses(*losses) for losses in state["losses"]]
        # The batches up to there are drawn again, and thrown away.
        while self.steps_taken < len(self.losses) * self.num_batches:
            next(self.batches)
            self.steps_taken += 1

    def _parts(self) -> dict[str, "_Stateful"]:
        parts: dict[str, _Stateful] = {
            "generator": self.networks.generator,
            "discriminator": self.networks.discriminator,
            "generator optimiser": self.generator_optimiser,
            "discriminator optimiser": self.discriminator_optimiser,
        }
        return parts if self.average is None else {**parts, "average": self.average}

    def train_epoch(self) -> None:
        """One more epoch; raises DivergedError where a mean loss is not finite."""
        if not self.losses and self.variant.warm_start:
            random = torch_generator(self.seed, "warm start", device=self.data.images.device)
            self.variant.warm_start(self.networks, self.data, self.settings, random)
        self.losses.append(self._steps_of_an_epoch())
        for network, loss in self.losses[-1]._asdict().items():
            if not math.isfinite(loss):
                epoch = len(self.losses)
                raise DivergedError(f"{self.variant.name}: the {network}'s loss is {loss} in epoch {epoch}")

    def _steps_of_an_epoch(self) -> MeanLosses:
        discriminator_losses: list[Tensor] = []
        generator_losses: list[Tensor] = []
        for _, batch in zip(range(self.num_batches), self.batches, strict=False):
            real, labels = self.data.images[batch], self.data.labels[batch]
            self.steps_taken += 1
            generator_follows = self.steps_taken % self.settings.discriminator_steps == 0
            # Both networks' steps are taken on the same fake images, so these are made once.
            with torch.set_grad_enabled(generator_follows):
                fake = self._fake(labels)
            discriminator_losses.append(self._discriminator_step(real, fake.detach(), labels))
            if generator_follows:
                generator_losses.append(self._generator_step(real, fake, labels))
        # Read once an epoch: a read in every step would make a GPU wait for it.
        return MeanLosses(
            discriminator=torch.stack(discriminator_losses).mean().item(),
            generator=torch.stack(generator_losses).mean().item(),
        )

    def _discriminator_step(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        loss = self._loss(
            self.variant.loss.discriminator, self.variant.discriminator_terms, self._judged(real, fake, labels)
        )
        _descend(self.discriminator_optimiser, loss)
        if self.settings.weight_clip is not None:
            clip_weights(self.networks.discriminator, self.settings.weight_clip)
        return loss.detach()

    def _generator_step(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        self.networks.discriminator.requires_grad_(False)
        loss = self._loss(
            self.variant.loss.generator,
            self.variant.generator_terms,
            self._judged(real, fake, labels, with_real=self.variant.loss.compares),
        )
        _descend(self.generator_optimiser, loss)
        self.networks.discriminator.requires_grad_(True)
        if self.average is not None:
            self.average.update_parameters(self.networks.generator)
        return loss.detach()

    def _fake(self, labels: Tensor) -> Tensor:
        latents = torch.randn(
            (len(labels), self.settings.latent_size),
            generator=self.random,
            device=self.random.device,
            dtype=self.data.images.dtype,
        )
        images: Tensor = self.networks.generator(latents, labels)
        return images

    def _judged(self, real: Tensor, fake: Tensor, labels: Tensor, *, with_real: bool = True) -> AdversarialStep:
        if self.settings.diff_augment:
            real, fake = diff_augment(real, self.random), diff_augment(fake, self.random)
        of_real, of_fake = self._judgements(real, fake, labels, with_real=with_real)
        return AdversarialStep(
            discriminator=self.networks.discriminator,
            real_images=real,
            fake_images=fake,
            labels=labels,
            num_classes=self.data.num_classes,
            real=of_real,
            fake=of_fake,
            random=self.random,
        )

    def _judgements(
        self, real: Tensor, fake: Tensor, labels: Tensor, *, with_real: bool
    ) -> tuple[Judgement, Judgement]:
        discriminator = self.networks.discriminator
        if with_real and self.judges_alone:
            both: Judgement = discriminator(torch.cat([real, fake]), torch.cat([labels, labels]))
            return both.parted(len(real))
        return discriminator(real, labels) if with_real else NOT_JUDGED, discriminator(fake, labels)

    def _loss(self, adversarial: LogitsLoss, terms: tuple[Term, ...], step: AdversarialStep) -> Tensor:
        loss = adversarial(step.real.logits, step.fake.logits)
        for term in terms:
            loss = loss + self.settings.weights[term.name] * term.function(step)
        return loss


def class_balanced_batches(labels: Tensor, batch_size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Endless row indices [batch_size], each of a class drawn uniformly, for the rows that have `labels` [N].

    A conditional GAN that meets a rare class only as often as it occurs hardly learns it, and the rare classes are
    what it is wanted for: of 60 zeros among 6,000 digits it made other digits. BAGAN draws the labels of its
    fakes so (Mariani et al. 2018).
    """
    shares = 1 / labels.bincount()[labels]
    while True:
        yield shares.multinomial(batch_size, replacement=True, generator=random)


def averaged(generator: nn.Module, decay: float) -> AveragedModel:
    """A copy of `generator` whose weights follow it as an exponential average; its buffers are as the generator's.

    The decay starts low and grows to `decay`, as min(decay, (1 + n) / (10 + n)) after n updates (the practice of
    TensorFlow's ExponentialMovingAverage), or else a short training would sample from its initial weights.
    """

    def move(averages: Sequence[Tensor], currents: Sequence[Tensor], _: Tensor | int) -> None:
        # The model's own count lies in the CPU's memory; for the one handed over, a GPU would be waited for.
        n = int(model.n_averaged)
        for average, current in zip(averages, currents, strict=True):
            average.lerp_(current, 1 - min(decay, (1 + n) / (10 + n)))

    model = AveragedModel(generator, multi_avg_fn=move)
    return model


@torch.no_grad()
def clip_weights(discriminator: nn.Module, limit: float) -> None:
    """Brings every weight into [-limit, limit], in place (Arjovsky et al. 2017, algorithm 1, line 7)."""
    for weight in discriminator.parameters():
        weight.clamp_(-limit, limit)


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _adam(network: nn.Module, settings: GanSettings) -> torch.optim.Optimizer:
    # Fused: a third of a small network's step goes into Adam otherwise.
    return torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, betas=(settings.beta1, settings.beta2), fused=True
    )


def _initialised(variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int) -> Networks:
    """The networks with weights drawn on the CPU, so that every device starts from the same ones."""
    with seeded_global_state(derive_seed(seed, "initialisation")):
        return variant.networks(data.shape, settings.latent_size, data.num_classes)
