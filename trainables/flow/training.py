"""How a flow is trained: its settings, its steps, and its states."""

from collections.abc import Iterable, Mapping
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gan_study.trainables.base.seeding import derive_seed, index_batches, seeded_global_state, torch_generator
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.flow.flow import FlowGenerator, drop_labels, flow_loss, spread_times
from gan_study.trainables.gans.ema import AveragedGenerator
from gan_study.trainables.gans.generator_trainer import GeneratorTrainer
from gan_study.trainables.gans.length import MOST_AT_ONCE, MOST_STEPS, TrainingLength
from gan_study.trainables.gans.trainer import class_balanced_batches, descend
from gan_study.trainables.gans.variant import TrainingData

# The learning rate grows over so many steps: five epochs in Goyal et al. 2017 ("Accurate, Large Minibatch SGD",
# section 2.2), which would be most of a training here.
WARM_UP_STEPS = 100


@settings
class FlowSettings(TrainingLength):
    """How a flow is trained and sampled."""

    generator_steps: int | None = Field(default=2000, ge=1, le=MOST_STEPS)
    """Length of the training, in steps; the minimum length if `most_generator_steps` is set. From 500 images of 28
    pixels a class, clothes are recognisable after 500 steps, and get finer up to 3,000; a step took 70 ms of one
    core (docs/benchmarks.md). A training that is to end by itself samples 256 images of each rare class every 250
    steps, which takes 1.5 s a class."""
    batch_size: int = Field(default=64, ge=2, le=MOST_AT_ONCE)
    """Real images in each step."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """The learning rate of Adam."""
    width: int = Field(default=32, ge=16, le=MOST_AT_ONCE, multiple_of=16)
    """Channels of the network's largest maps; the smaller maps have twice as many."""
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    """Above 0, images are sampled from an exponential average of the weights (Ho et al. 2020, appendix B, have
    0.9999 for trainings a hundred times as long)."""
    balanced_batches: bool = True
    """Whether each image of a batch is of a uniformly drawn class, as for conditional GANs, and not a uniformly
    drawn image."""
    label_dropout: float = Field(default=0.1, ge=0, lt=1)
    """The share of images that are shown without their label, so that guidance is possible (Ho and Salimans 2022,
    section 4.2: 0.1 or 0.2)."""
    sampler_steps: int = Field(default=10, ge=1, le=MOST_STEPS)
    """Steps from noise to an image, of two evaluations of the network each, and the last of one."""
    guidance: float = Field(default=1.0, ge=0)
    """How far images are pushed towards their class: 1 is none, and above 1 they are more typical and less varied,
    at twice the cost of sampling."""

    @model_validator(mode="after")
    def _can_be_guided(self) -> Self:
        if self.guidance != 1 and not self.label_dropout:
            raise ValueError(
                f"guidance is {self.guidance} and label_dropout is 0: guidance needs a network that was also "
                "trained without labels; set label_dropout to 0.1, or guidance to 1"
            )
        return self


class FlowTrainer(GeneratorTrainer):
    """One flow in training."""

    network: FlowGenerator

    def __init__(self, settings: FlowSettings, data: TrainingData, *, seed: int) -> None:
        shape = data.shape
        super().__init__("flow_matching", data, latent_size=shape.channels * shape.size**2, seed=seed)
        self.settings = settings
        self.network = draw_flow(settings, data, seed=seed).to(device=self.device, dtype=data.images.dtype)
        self.average = AveragedGenerator(self.network, settings.ema_decay) if settings.ema_decay else None
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=settings.learning_rate, fused=True, capturable=self.device.type == "cuda"
        )
        random = torch_generator(seed, "batches", device=self.device)
        self.batches = (
            class_balanced_batches(data.labels, settings.batch_size, random)
            if settings.balanced_batches
            else index_batches(len(data.images), settings.batch_size, random)
        )

    def warm_start(self) -> None:
        """Nothing comes before the first step."""

    def take_steps(self, batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
        """No losses of a discriminator, and the loss of each step on `batches` of row indices."""
        losses = [self.take_step(batch, number) for number, batch in enumerate(batches, self.generator_steps)]
        return torch.empty(0), torch.stack(losses)

    def take_step(self, batch: Tensor, number: int) -> Tensor:
        """The loss [] of the rows `batch`, before step `number`, from 0."""
        images, labels = self.real_images(batch)
        noise = torch.randn(images.shape, generator=self.random, device=self.device, dtype=images.dtype)
        times = spread_times(len(images), self.random, dtype=images.dtype)
        shown = drop_labels(labels, self.settings.label_dropout, self.random, no_class=self.data.num_classes)
        loss = flow_loss(self.network.velocity, images, noise, times, shown)
        warmth = min(1.0, (number + 1) / WARM_UP_STEPS)
        self.optimiser.param_groups[0]["lr"] = warmth * self.settings.learning_rate
        descend(self.optimiser, loss)
        if self.average is not None:
            self.average.follow(self.network)
        return loss.detach()

    def parts(self) -> Mapping[str, nn.Module | torch.optim.Optimizer]:
        """Network and optimiser, whose states are saved, by name."""
        return {"generator": self.network, "optimiser": self.optimiser}


def draw_flow(settings: FlowSettings, data: TrainingData, *, seed: int) -> FlowGenerator:
    """An untrained flow, with weights drawn on the CPU, so that every device starts from the same ones."""
    with seeded_global_state(derive_seed(seed, "initialisation")):
        return make_flow(settings, data.shape, num_classes=data.num_classes)


def make_flow(settings: FlowSettings, shape: ImageShape, *, num_classes: int) -> FlowGenerator:
    """A flow with weights from the global random state, its maps channels last, as they are faster on a CPU."""
    flow = FlowGenerator(
        shape,
        num_classes=num_classes,
        width=settings.width,
        num_steps=settings.sampler_steps,
        guidance=settings.guidance,
    )
    return flow.to(memory_format=torch.channels_last)
