"""Several GANs of one variant, trained as one computation.

A small GAN leaves a GPU idle: launching an operation takes longer than the operation. Here one launch serves all.
Each GAN has its own seed, images, weights, random numbers and optimiser state, as if it were trained alone. Their
tensors are stacked along a new first axis, and torch.func.vmap makes one batched product or one grouped
convolution of what would be one for each GAN. The numbers are those of training each alone, up to rounding.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.optim import Optimizer

from gan_study.trainables.base.settings import ConfigError, digest
from gan_study.trainables.gans.batched.cuda_graphs import RecordedTrainer, Recorder, execution_name
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.ema import move_average
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.gans.trainer import GanTrainer, Objective, adam, draw_networks, has_batch_norm
from gan_study.trainables.gans.training import TrainedGenerator, reach, report, training_id
from gan_study.trainables.gans.variant import (
    DiscriminatorOutput,
    GanSettings,
    GanVariant,
    TrainingData,
)
from gan_study.trainables.runtime.cache import State

# By name, each with one axis more than in a network.
Tensors: TypeAlias = Mapping[str, Tensor]

# The part of Adam's state that is one for all, since they step together.
_SHARED = frozenset({"step"})


def train_gans(
    variant: GanVariant,
    settings: GanSettings,
    data: Sequence[TrainingData],
    *,
    seeds: Sequence[int],
    at: Collection[int],
    checkpoints: Checkpoints | None = None,
    recorder: Recorder | None = None,
) -> Iterator[tuple[TrainedGenerator | DivergedError, ...]]:
    """The states of `train_gan` for each of `data` and `seeds`, all trained at once.

    A GAN whose loss is not finite yields its DivergedError from then on; the others continue.
    States are cached for all together, under a name that says so: their last digits differ from those of GANs
    trained alone, or with other GANs. Raises ValueError if the sets differ in their `kind`, and ConfigError if
    batch norm would be in bf16.
    """
    if not data or len(data) != len(seeds):
        raise ValueError(f"{len(data)} sets of images and {len(seeds)} seeds cannot be trained as one computation")
    kinds = set(map(kind, data))
    if len(kinds) > 1:
        raise ValueError(
            f"sets of images that differ cannot be trained as one computation: {sorted(map(str, kinds))}"
        )
    if not can_be_stacked(variant, settings, data[0]):
        raise ConfigError(
            f"gan.precision: 'bf16' cannot be used for several GANs at once; {variant.name} has batch norm"
        )
    gans = tuple(zip(data, seeds, strict=True))
    execution = execution_name(recorder)
    names = [training_id(variant, settings, each, seed=seed, execution=execution) for each, seed in gans]
    stack = StackedTrainer(
        [GanTrainer(variant, settings, each, seed=seed) for each, seed in gans], recorder=recorder
    )
    # "side by side" is the name of batches in caches.
    for _ in reach(stack, digest({"side by side": list(names)}), at=at, checkpoints=checkpoints):
        yield stack.outcomes()


def kind(data: TrainingData) -> Hashable:
    """The properties that sets of images must share to be trained in one computation."""
    return data.images.shape, data.images.dtype, data.images.device, data.num_classes


def can_be_stacked(variant: GanVariant, settings: GanSettings, data: TrainingData) -> bool:
    """Whether torch.func.vmap supports it: it cannot compute batch norm in bf16."""
    if settings.precision != "bf16":
        return True
    networks = draw_networks(variant, settings, data, seed=0)
    return not (has_batch_norm(networks.generator) or has_batch_norm(networks.discriminator))


class StackedTrainer(RecordedTrainer):
    """Trainers of one variant with equal settings, whose steps are taken together.

    Their networks and optimisers become windows on the stack: after each call every member is what it would be
    had it been trained alone. Every tensor of a step has one more axis than in GanTrainer, which comes first, and
    losses are [K], one for each GAN.
    """

    def __init__(self, members: Sequence[GanTrainer], *, recorder: Recorder | None) -> None:
        # Not GanTrainer's own: networks, data, random numbers and batches are those of the members.
        first = members[0]
        self.members, self.recorder, self.recorded = members, recorder, {}
        self.settings, self.device = first.settings, first.device
        self.discriminator_objective = first.discriminator_objective
        self.generator_objective = first.generator_objective
        self.generator_steps = 0
        self.generator = NetworkStack([member.networks.generator for member in members])
        self.discriminator = NetworkStack([member.networks.discriminator for member in members])
        self.generator_optimiser = adam(self.generator.parameters.values(), self.settings)
        self.discriminator_optimiser = adam(self.discriminator.parameters.values(), self.settings)
        averages = [member.average for member in members if member.average is not None]
        self.averages = NetworkStack([average.module for average in averages]) if averages else None
        self.num_updates = torch.zeros((), dtype=torch.float64, device=self.device)
        for average in averages:
            average.num_updates = self.num_updates
        tensors = [each for member in members if isinstance(each := member.data.images, Tensor)]
        # Few images are stacked too, so that one launch takes a batch of all.
        self.images = torch.stack(tensors) if len(tensors) == len(members) else None
        self.labels = torch.stack([member.data.labels for member in members])
        self.numbers = torch.arange(len(members), device=self.device)

    @property
    def generators(self) -> list[torch.Generator]:
        """All random numbers of a step."""
        return [member.random for member in self.members]

    def real_images(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Real images [K, N, C, H, W] for each GAN with the indices `batch` [K, N], and their labels [K, N]."""
        labels = self.labels[self.numbers[:, None], batch]
        if self.images is not None:
            return self.images[self.numbers[:, None], batch], labels
        own = [member.data.images.index_select(0, rows) for member, rows in zip(self.members, batch, strict=True)]
        return torch.stack(own), labels

    def fake_images(self, labels: Tensor) -> Tensor:
        """Images [K, N, C, H, W] for labels [K, N]."""
        latents = torch.stack([member.latents(labels.shape[1]) for member in self.members])
        images = vmap(self.generator.call)(self.generator.parameters, self.generator.buffers, latents, labels)
        assert isinstance(images, Tensor)
        return images.to(self.members[0].data.images.dtype)

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the discriminators minimise [K]."""
        return self._each(self.discriminator_objective, self.discriminator.parameters, real, fake, labels)

    def generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the generators minimise [K]; the discriminators get no gradient."""
        frozen = {name: weight.detach() for name, weight in self.discriminator.parameters.items()}
        return self._each(self.generator_objective, frozen, real, fake, labels)

    def update_average(self) -> None:
        """Move the averages of the generators' weights, if there are any."""
        if self.averages is not None:
            move_average(
                _pairs(self.averages.parameters, self.generator.parameters),
                _pairs(self.averages.buffers, self.generator.buffers),
                num_updates=self.num_updates,
                decay=self.settings.ema_decay,
            )

    def _each(
        self, objective: Objective, parameters: Tensors, real: Tensor, fake: Tensor, labels: Tensor
    ) -> Tensor:
        def of_one(
            parameters: Tensors, buffers: Tensors, real: Tensor, fake: Tensor, labels: Tensor, number: Tensor
        ) -> Tensor:
            discriminator = _OneDiscriminator(self.discriminator, parameters, buffers)
            return objective(discriminator, real, fake, labels, _OneStream(self.members, number))

        losses: Tensor = vmap(of_one, randomness="same")(
            parameters, self.discriminator.buffers, real, fake, labels, self.numbers
        )
        return losses

    def train_until(self, generator_steps: int) -> None:
        """Train every member until its generator has taken this many steps."""
        began_at = perf_counter()
        for member in self.members:
            member.warm_start()
        while self.generator_steps < generator_steps:
            number = self.steps_to_go(generator_steps)
            together = zip(*(member.batches for member in self.members), strict=True)
            rows = islice(together, number * self.settings.discriminator_steps)
            losses = self.take_steps(torch.stack(batches) for batches in rows)
            for shared, own in self._optimisers():
                _share_state(shared, own)
            # Read once for all: a GPU waits for each read. [K] lists of the steps' losses.
            of_members = zip(*(each.t().tolist() for each in losses), strict=True)
            for member, (of_discriminator, of_generator) in zip(self.members, of_members, strict=True):
                member.end_interval(number, of_discriminator, of_generator)
            self.generator_steps += number
        # Each has its share of the time.
        share = (perf_counter() - began_at) / len(self.members)
        for member in self.members:
            member.seconds += share

    def state(self) -> State:
        """Everything that later steps depend on."""
        return {"members": [member.state() for member in self.members]}

    def load(self, state: State) -> None:
        """Continue from a `state` of the same trainings."""
        for member, of_member in zip(self.members, state["members"], strict=True):
            member.load(of_member)
        # Through the windows all else is there by now.
        for shared, own in self._optimisers():
            _take_state(shared, own)
        self.generator_steps = self.members[0].generator_steps
        self.recorded.clear()

    def outcomes(self) -> tuple[TrainedGenerator | DivergedError, ...]:
        """Each member after the last step, or the reason why it has ended."""
        return tuple(member.divergence or report(member) for member in self.members)

    def _optimisers(self) -> tuple[tuple[Optimizer, list[Optimizer]], ...]:
        """Both of the stack, each with those of the members."""
        return (
            (self.generator_optimiser, [member.generator_optimiser for member in self.members]),
            (self.discriminator_optimiser, [member.discriminator_optimiser for member in self.members]),
        )


def _share_state(shared: Optimizer, owners: Sequence[Optimizer]) -> None:
    """Makes the state of each owner its rows of that of `shared`."""
    for stacked, *weights in _weights(shared, owners):
        for number, (own, weight) in enumerate(zip(owners, weights, strict=True)):
            own.state[weight] = {
                name: value if name in _SHARED else value[number] for name, value in shared.state[stacked].items()
            }


def _take_state(shared: Optimizer, owners: Sequence[Optimizer]) -> None:
    """Makes the state of `shared` that of all owners, stacked."""
    for stacked, *weights in _weights(shared, owners):
        states = [own.state[weight] for own, weight in zip(owners, weights, strict=True)]
        # As the weights lie in memory: the fused Adam goes through both as they lie.
        shared.state[stacked] = {
            name: value
            if name in _SHARED
            else torch.empty_like(stacked).copy_(torch.stack([state[name] for state in states]))
            for name, value in states[0].items()
        }


def _weights(shared: Optimizer, owners: Sequence[Optimizer]) -> Iterator[tuple[Tensor, ...]]:
    """What is optimised, stacked, and by each owner; all optimise in the same order."""
    return zip(*(each.param_groups[0]["params"] for each in (shared, *owners)), strict=True)


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

    def call(
        self, parameters: Tensors, buffers: Tensors, inputs: Tensor, labels: Tensor
    ) -> Tensor | DiscriminatorOutput:
        """The output of the network with these values; buffers may change in place."""
        outputs: Tensor | DiscriminatorOutput = functional_call(
            self.architecture, (dict(parameters), dict(buffers)), (inputs, labels)
        )
        return outputs


@dataclass(frozen=True, eq=False)
class _OneDiscriminator:
    """A discriminator of a stack, as vmap shows it."""

    stack: NetworkStack
    parameters: Tensors
    buffers: Tensors

    def __call__(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        return self._output(images, self.parameters, self.buffers, labels)

    def input_gradients(self, images: Tensor, labels: Tensor) -> Tensor:
        def total(images: Tensor, parameters: Tensors, buffers: Tensors, labels: Tensor) -> Tensor:
            return self._output(images, parameters, buffers, labels).logits.sum()

        # Handed over one by one, since no tensor may change in place that the function only knows from outside.
        gradient: Tensor = grad(total)(images.detach(), self.parameters, self.buffers, labels)
        return gradient

    def _output(
        self, images: Tensor, parameters: Tensors, buffers: Tensors, labels: Tensor
    ) -> DiscriminatorOutput:
        output = self.stack.call(parameters, buffers, images, labels)
        assert isinstance(output, DiscriminatorOutput)
        return output


@dataclass(frozen=True, eq=False)
class _OneStream:
    """The stream of the GAN of a `number` [] that vmap shows: all streams draw, and it takes its row."""

    members: Sequence[GanTrainer]
    number: Tensor

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return self._row([member.stream.uniform(shape, dtype) for member in self.members])

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        return self._row([member.stream.integers(low, high, shape) for member in self.members])

    def _row(self, drawn: list[Tensor]) -> Tensor:
        return torch.stack(drawn).index_select(0, self.number.view(1)).squeeze(0)


def _pairs(averages: Tensors, currents: Tensors) -> Iterator[tuple[Tensor, Tensor]]:
    return ((average, currents[name]) for name, average in averages.items())
