"""Several GANs of one variant, trained side by side as one batched computation.

A small GAN leaves a GPU idle: launching an operation takes longer than the operation. Here one launch serves all.
Each GAN has its own seed, images, weights, random numbers and optimiser state, as if it were trained alone. Their
tensors are stacked along a new first axis, and torch.func.vmap makes one batched product or one grouped
convolution of what would be one a GAN. The numbers are those of training each alone, up to rounding.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from trainables.gans.averaging import move_average
from trainables.gans.execution import EAGER, Execution
from trainables.gans.random_streams import RandomStream
from trainables.gans.steps import AlternatingSteps, has_batch_norm
from trainables.gans.training import DivergedError, MeanLosses, OneGan, TrainedEpoch, Training
from trainables.gans.variant import Discriminator, GanSettings, GanVariant, Judgement, TrainingData
from trainables.settings import ConfigError

# By name, each with one axis more than in a network.
Tensors: TypeAlias = Mapping[str, Tensor]


def train_gans(
    variant: GanVariant,
    settings: GanSettings,
    data: Sequence[TrainingData],
    *,
    seeds: Sequence[int],
    at: Collection[int] | None = None,
    execution: Execution = EAGER,
) -> Iterator[tuple[TrainedEpoch | DivergedError, ...]]:
    """What `train_gan` gives for each of `data` and `seeds`, all trained at once.

    A GAN whose loss is no longer finite is from there on given as its DivergedError; the others go on unharmed.
    Raises ValueError where the sets differ in their number of images, their shape, type or device, and ConfigError
    where batch norm were to be in bf16, which torch.func.vmap cannot do.
    """
    _check(data, seeds)
    members = [
        Training(variant, settings, each, seed=seed, execution=EAGER)
        for each, seed in zip(data, seeds, strict=True)
    ]
    networks = members[0].gan.networks
    if settings.precision == "bf16" and (
        has_batch_norm(networks.generator) or has_batch_norm(networks.discriminator)
    ):
        raise ConfigError(f"gan.precision: 'bf16' cannot be used side by side; {variant.name} has batch norm")
    for member in members:
        member.begin()
    stack = StackedTraining(members, execution=execution)
    for epoch in range(1, settings.epochs + 1) if at is None else sorted({*at, settings.epochs}):
        while stack.epoch < epoch:
            stack.train_epoch()
        yield stack.outcomes()


def _check(data: Sequence[TrainingData], seeds: Sequence[int]) -> None:
    if not data or len(data) != len(seeds):
        raise ValueError(f"{len(data)} sets of images and {len(seeds)} seeds cannot be trained side by side")
    kinds = {(each.images.shape, each.images.dtype, each.images.device, each.num_classes) for each in data}
    if len(kinds) > 1:
        raise ValueError(f"sets of images that differ cannot be trained side by side: {sorted(map(str, kinds))}")


class StackedTraining:
    """Trainings of one variant and of equal settings, whose steps are taken together.

    They must have begun. Their networks and optimisers become windows on the stack: after each epoch every member
    is what it would be had it been trained alone.
    """

    def __init__(self, members: Sequence[Training], *, execution: Execution) -> None:
        first = members[0]
        self.members, self.num_batches = members, first.num_batches
        self.gans = GanStack([member.gan for member in members])
        self.steps = AlternatingSteps(self.gans, first.settings, execution)
        self.epoch = 0
        self._diverged: dict[int, DivergedError] = {}

    def train_epoch(self) -> None:
        """One more epoch of every member."""
        rows = islice(zip(*(member.batches for member in self.members), strict=True), self.num_batches)
        means = self.steps.epoch(torch.stack(batches) for batches in rows)
        self.epoch += 1
        self._share_optimiser_states()
        of_discriminator, of_generator = (mean.tolist() for mean in means)
        for number, member in enumerate(self.members):
            member.steps.taken = self.steps.taken
            try:
                member.note(MeanLosses(of_discriminator[number], of_generator[number]))
            except DivergedError as error:
                self._diverged.setdefault(number, error)

    def outcomes(self) -> tuple[TrainedEpoch | DivergedError, ...]:
        """Each member after the last epoch, or why there is no more of it."""
        return tuple(
            self._diverged.get(number)
            or TrainedEpoch(
                losses=tuple(member.losses),
                taken_from=len(member.losses),
                generator=member.gan.answer,
                growth={**member.growth, len(member.losses): member.look()},
            )
            for number, member in enumerate(self.members)
        )

    def _share_optimiser_states(self) -> None:
        for number, member in enumerate(self.members):
            for own, shared in (
                (member.steps.generator_optimiser, self.steps.generator_optimiser),
                (member.steps.discriminator_optimiser, self.steps.discriminator_optimiser),
            ):
                _share_state(own, shared, number)


def _share_state(own: torch.optim.Optimizer, shared: torch.optim.Optimizer, number: int) -> None:
    """Makes the state of `own` the rows `number` of that of `shared`; both optimise tensors in the same order."""
    for weight, stacked in zip(own.param_groups[0]["params"], shared.param_groups[0]["params"], strict=True):
        own.state[weight] = {
            name: value[number] if value.dim() else value for name, value in shared.state[stacked].items()
        }


class GanStack:
    """GANs of one architecture side by side; see Adversaries. Their own tensors become rows of the stack."""

    def __init__(self, gans: Sequence[OneGan]) -> None:
        first = gans[0]
        self.gans, self.losses, self.settings = gans, first.losses, first.settings
        self.generator = NetworkStack([gan.networks.generator for gan in gans])
        self.discriminator = NetworkStack([gan.networks.discriminator for gan in gans])
        averages = [gan.average for gan in gans if gan.average is not None]
        self.average = NetworkStack([average.module for average in averages]) if averages else None
        self.num_updates = torch.zeros((), dtype=torch.float64, device=first.data.images.device)
        for average in averages:
            average.num_updates = self.num_updates
        self.images = torch.stack([gan.data.images for gan in gans])
        self.labels = torch.stack([gan.data.labels for gan in gans])
        self.numbers = torch.arange(len(gans), device=self.images.device)

    @property
    def generators(self) -> list[torch.Generator]:
        """All that a step draws from."""
        return [gan.random for gan in self.gans]

    @property
    def generator_weights(self) -> list[Tensor]:
        """What the generators' step moves."""
        return list(self.generator.parameters.values())

    @property
    def discriminator_weights(self) -> list[Tensor]:
        """What the discriminators' step moves."""
        return list(self.discriminator.parameters.values())

    def rows(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Of each GAN the real images [K, N, C, H, W] with the indices `batch` [K, N], and their labels [K, N]."""
        return self.images[self.numbers[:, None], batch], self.labels[self.numbers[:, None], batch]

    def fakes(self, labels: Tensor) -> Tensor:
        """Images [K, N, C, H, W] for labels [K, N]."""
        latents = torch.stack([gan.latents(labels.shape[1]) for gan in self.gans])
        images = vmap(self.generator.call)(self.generator.parameters, self.generator.buffers, latents, labels)
        assert isinstance(images, Tensor)
        return images.to(self.images.dtype)

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the discriminators minimise [K]."""
        return self._each(self.losses.of_discriminator, self.discriminator.parameters, real, fake, labels)

    def generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the generators minimise [K]; the discriminators get no gradient."""
        frozen = {name: weight.detach() for name, weight in self.discriminator.parameters.items()}
        return self._each(self.losses.of_generator, frozen, real, fake, labels)

    def move_average(self) -> None:
        """Brings the averages up to date, where there are any."""
        if self.average is None:
            return
        move_average(
            _pairs(self.average.parameters, self.generator.parameters),
            _pairs(self.average.buffers, self.generator.buffers),
            num_updates=self.num_updates,
            decay=self.settings.ema_decay,
        )

    def _each(
        self,
        loss: Callable[[Discriminator, Tensor, Tensor, Tensor, RandomStream], Tensor],
        parameters: Tensors,
        real: Tensor,
        fake: Tensor,
        labels: Tensor,
    ) -> Tensor:
        def of_one(
            parameters: Tensors, buffers: Tensors, real: Tensor, fake: Tensor, labels: Tensor, number: Tensor
        ) -> Tensor:
            discriminator = _OneDiscriminator(self.discriminator, parameters, buffers)
            return loss(discriminator, real, fake, labels, _OneStream(self.gans, number))

        losses: Tensor = vmap(of_one, randomness="same")(
            parameters, self.discriminator.buffers, real, fake, labels, self.numbers
        )
        return losses


class NetworkStack:
    """Parameters and buffers of networks of one architecture, stacked; those of the networks become its rows."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        first = networks[0]
        self.parameters = {
            name: torch.stack([network.get_parameter(name).detach() for network in networks]).requires_grad_()
            for name, _ in first.named_parameters()
        }
        self.buffers = {
            name: torch.stack([network.get_buffer(name) for network in networks])
            for name, _ in first.named_buffers()
        }
        # What is computed, without the values.
        self.architecture = deepcopy(first).to("meta")
        for number, network in enumerate(networks):
            for name, weights in self.parameters.items():
                network.get_parameter(name).data = weights.data[number]
            for name, values in self.buffers.items():
                owner, _, attribute = name.rpartition(".")
                setattr(network.get_submodule(owner), attribute, values[number])

    def call(self, parameters: Tensors, buffers: Tensors, inputs: Tensor, labels: Tensor) -> Tensor | Judgement:
        """What the network of these values makes of its input; buffers may change in place."""
        outputs: Tensor | Judgement = functional_call(
            self.architecture, (dict(parameters), dict(buffers)), (inputs, labels)
        )
        return outputs


@dataclass(frozen=True, eq=False)
class _OneDiscriminator:
    """A discriminator of a stack, as vmap shows it."""

    stack: NetworkStack
    parameters: Tensors
    buffers: Tensors

    def __call__(self, images: Tensor, labels: Tensor) -> Judgement:
        return self._judge(images, self.parameters, self.buffers, labels)

    def slopes(self, images: Tensor, labels: Tensor) -> Tensor:
        def total(images: Tensor, parameters: Tensors, buffers: Tensors, labels: Tensor) -> Tensor:
            return self._judge(images, parameters, buffers, labels).logits.sum()

        # Handed over one by one, since no tensor may change in place that the function only knows from outside.
        gradient: Tensor = grad(total)(images.detach(), self.parameters, self.buffers, labels)
        return gradient

    def _judge(self, images: Tensor, parameters: Tensors, buffers: Tensors, labels: Tensor) -> Judgement:
        judgement = self.stack.call(parameters, buffers, images, labels)
        assert isinstance(judgement, Judgement)
        return judgement


@dataclass(frozen=True, eq=False)
class _OneStream:
    """The stream of the GAN of a `number` [] that vmap shows: all streams draw, and it takes its row."""

    gans: Sequence[OneGan]
    number: Tensor

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return self._row([gan.stream.uniform(shape, dtype) for gan in self.gans])

    def normal(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return self._row([gan.stream.normal(shape, dtype) for gan in self.gans])

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        return self._row([gan.stream.integers(low, high, shape) for gan in self.gans])

    def _row(self, drawn: list[Tensor]) -> Tensor:
        return torch.stack(drawn).index_select(0, self.number.view(1)).squeeze(0)


def _pairs(averages: Tensors, currents: Tensors) -> Iterator[tuple[Tensor, Tensor]]:
    return ((average, currents[name]) for name, average in averages.items())
