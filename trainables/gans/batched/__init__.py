"""The one door to GANs that are trained as one computation, and to CUDA graphs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

from pydantic import Field

from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.training import TrainedEpoch, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData

Way: TypeAlias = Literal["auto", "one_at_a_time", "batched"]

# By device. On CPUs four processes do more than one that trains four as one computation. On NVIDIA GPUs neither
# has been measured: whoever does (benchmarks/gpu.py) has this line to change.
BEST_KNOWN: Mapping[str, Way] = {"cpu": "one_at_a_time", "cuda": "one_at_a_time"}


@settings
class GanExecution:
    """How a study's GANs are trained; but for rounding it changes no number.

    With `way` "batched" GANs of the same settings and as many images are one computation, at most `at_once`: those
    of a trial's classes, and those of all seeds that confirm a configuration, which the first of their trials
    trains. "auto" is what is known to be best on the device. With `cuda_graphs` steps are replayed from CUDA
    graphs where the device has them, and taken one by one elsewhere.
    """

    way: Way = "auto"
    at_once: int = Field(default=16, ge=2)
    cuda_graphs: bool = False

    def on(self, device_type: str) -> "GanExecution":
        """The same with the way decided, for "cpu" or "cuda"."""
        return replace(self, way=BEST_KNOWN[device_type]) if self.way == "auto" else self

    def replays_graphs(self, device_type: str) -> bool:
        """Whether steps are replayed from CUDA graphs on "cpu" or "cuda"."""
        return self.cuda_graphs and device_type == "cuda"


BY_DEVICE = GanExecution()


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialExecution:
    """How one trial's GANs are trained: as `settings` say, with those of other trials or without.

    `family` holds training sets and seeds of the balancers whose GANs may be trained as one computation, this
    trial's own among them, in an order that is the same for all of them.
    """

    settings: GanExecution = BY_DEVICE
    family: Sequence[tuple[TrainingSet, int]] = ()


ALONE = TrialExecution()


@dataclass(frozen=True, kw_only=True, eq=False)
class WantedGan:
    """A GAN to train: on what, and with a seed that no other has."""

    data: TrainingData
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class GanInTraining:
    """The epochs of a GAN to come, and a line for each thing worth knowing of how it is trained."""

    epochs: Iterator[TrainedEpoch]
    notes: tuple[str, ...] = ()


def train_all(
    variant: GanVariant,
    settings: GanSettings,
    wanted: Sequence[WantedGan],
    *,
    family: Sequence[WantedGan] = (),
    execution: GanExecution = BY_DEVICE,
    at: Collection[int],
    checkpoints: Checkpoints | None,
) -> list[GanInTraining]:
    """Each of `wanted` after each epoch of `at` and the last; ask them in turn: some may be trained together.

    `family` are all that may be trained as one computation, the wanted ones among them; without, these are. The
    iterator of a GAN that diverges raises DivergedError, and no other does.
    """
    device_type = wanted[0].data.images.device.type
    execution = execution.on(device_type)
    if execution.way == "batched" or execution.replays_graphs(device_type):
        from gan_study.trainables.gans.batched.together import train_together

        return train_together(
            variant, settings, wanted, family=family or wanted, execution=execution, at=at, checkpoints=checkpoints
        )
    train = partial(train_gan, variant, settings, at=at, checkpoints=checkpoints)
    return [GanInTraining(epochs=train(gan.data, seed=gan.seed)) for gan in wanted]
