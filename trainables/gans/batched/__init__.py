"""The only interface to GANs that are trained together, and to CUDA graphs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

from pydantic import Field

from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.training import RunningTraining, WantedTraining, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant

Way: TypeAlias = Literal["auto", "one_at_a_time", "batched"]
# The training set and the seed that the balancer of the trial with a given seed has.
InputsOf: TypeAlias = Callable[[int], tuple[TrainingSet, int]]

# By device. On CPUs four processes do more than one that trains four as one computation. On NVIDIA GPUs neither
# has been measured: whoever does (benchmarks/gpu.py) has this line to change.
BEST_KNOWN: Mapping[str, Way] = {"cpu": "one_at_a_time", "cuda": "one_at_a_time"}


@settings
class GanExecution:
    """How a study's GANs are trained; it changes numbers only by rounding."""

    way: Way = "auto"
    """"batched": GANs with the same settings and the same number of images are trained in one computation: those
    of a trial's classes, and those of all seeds that confirm a configuration, which the first of their trials
    trains. "one_at_a_time": each separately. "auto": the best known way on the device."""
    at_once: int = Field(default=16, ge=2)
    """Maximum number of GANs in one computation."""
    cuda_graphs: bool = False
    """Whether steps are replayed from CUDA graphs on devices that have them; on others they run one by one."""

    def on(self, device_type: str) -> "GanExecution":
        """The same with "auto" resolved, for "cpu" or "cuda"."""
        return replace(self, way=BEST_KNOWN[device_type]) if self.way == "auto" else self

    def for_seeds(self, seeds: Sequence[int] = ()) -> "TrialExecution":
        """How to train the GANs of a trial that differs from other trials only by its seed, one of `seeds`."""
        return TrialExecution(settings=self, seeds=tuple(seeds) if self.way == "batched" else ())

    def replays_graphs(self, device_type: str) -> bool:
        """Whether steps are replayed from CUDA graphs on "cpu" or "cuda"."""
        return self.cuda_graphs and device_type == "cuda"


BY_DEVICE = GanExecution()


@dataclass(frozen=True, kw_only=True)
class TrialExecution:
    """How one trial's GANs are trained. Planners, requests and balancers pass it on, and read none of its
    fields.
    """

    settings: GanExecution = BY_DEVICE
    seeds: tuple[int, ...] = ()
    """Seeds of the trials, this one's among them, whose GANs may be trained as one computation, in an
    order that is the same for all of them."""
    inputs_of: InputsOf | None = None
    """Set where the trial runs, so that the GANs of other trials can be trained with its own."""

    @property
    def is_shared(self) -> bool:
        """Whether the first of several trials trains the GANs of all, and the others use its checkpoints."""
        return bool(self.seeds)

    def within_trial(self) -> "TrialExecution":
        """The same without the GANs of other trials."""
        return replace(self, seeds=())


ALONE = TrialExecution()


# What a balancer wants for a training set and its own seed.
WantedBy: TypeAlias = Callable[[TrainingSet, int], Sequence[WantedTraining]]


def train_all(
    variant: GanVariant,
    settings: GanSettings,
    wanted: Sequence[WantedTraining],
    *,
    wanted_by: WantedBy,
    execution: TrialExecution = ALONE,
    checkpoints: Checkpoints | None,
) -> list[RunningTraining]:
    """Each of `wanted`; iterate over them in turn: some may be trained together.

    `wanted_by` returns the GANs of a balancer with the same settings for another training set and seed. The
    iterator of a GAN that diverges raises DivergedError, but no other does.
    """
    device_type = wanted[0].data.images.device.type
    way = execution.settings.on(device_type)
    if way.way == "batched" or way.replays_graphs(device_type):
        from gan_study.trainables.gans.batched.together import train_together

        members = _members(execution, wanted_by) if way.way == "batched" else ()
        return train_together(
            variant, settings, wanted, members=members or wanted, execution=way, checkpoints=checkpoints
        )
    train = partial(train_gan, variant, settings, checkpoints=checkpoints)
    return [RunningTraining(states=train(gan.data, seed=gan.seed, at=gan.at)) for gan in wanted]


def _members(execution: TrialExecution, wanted_by: WantedBy) -> list[WantedTraining]:
    """All GANs that may be trained as one computation, the trial's own among them."""
    inputs_of = execution.inputs_of
    if not execution.seeds:
        return []
    assert inputs_of is not None, "it is set where the trial runs"
    return [gan for seed in execution.seeds for gan in wanted_by(*inputs_of(seed))]
