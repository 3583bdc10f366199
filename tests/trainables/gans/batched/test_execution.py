"""How steps are executed must not change a number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gan_study.trainables.gans.batched.execution import EAGER, GRAPHED, NUM_WARM_UPS, Execution, Recorded
from gan_study.trainables.gans.batched.stacked import GanStack, StackedTraining, train_gans
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.training import TrainedEpoch, Training, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings

# Five batches an epoch, two discriminator steps to a generator step: both kinds of step warm up and are replayed.
SMALL: Mapping[str, object] = {
    "epochs": 4,
    "batch_size": 4,
    "latent_size": 6,
    "discriminator_steps": 2,
    "ema_decay": 0.9,
    "diff_augment": True,
}
DATA = TrainingData(
    images=torch.rand(18, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1,
    labels=torch.arange(18) % 3,
    num_classes=3,
)
needs_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


@dataclass
class Repetition:
    """Records by remembering what to do: all that a graph does, but for the capture."""

    warm_ups: int = 0
    recordings: list[Sequence[torch.Generator]] = field(default_factory=list)

    def warm_up(self, work: Callable[[], None]) -> None:
        self.warm_ups += 1
        work()

    def record(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        self.recordings.append(generators)
        return work


def settings_of(variant: GanVariant, given: Mapping[str, object] = {}) -> GanSettings:
    warm_start = {"warm_start_epochs": 1} if variant.warm_start else {}
    return parse_gan_settings(variant, {**SMALL, **warm_start, **given}, where="gan")


def on(device: str) -> TrainingData:
    return TrainingData(images=DATA.images.to(device), labels=DATA.labels.to(device), num_classes=3)


def outcome(states: Iterator[TrainedEpoch]) -> tuple[object, Tensor]:
    *_, last = states
    return last.losses, torch.cat([weight.detach().flatten() for weight in last.generator.parameters()])


@pytest.mark.parametrize("name", ["dcgan", "wgan_gp", "cgan_sngp", "bagan"])
def test_steps_through_static_places_are_the_same_to_the_bit(name: str) -> None:
    variant, recorder = VARIANTS[name], Repetition()
    settings = settings_of(variant)
    losses, weights = outcome(train_gan(variant, settings, DATA, seed=1, execution=EAGER))
    static = Recorded(name="static", recorder=recorder)
    found_losses, found_weights = outcome(train_gan(variant, settings, DATA, seed=1, execution=static))
    assert found_losses == losses
    assert torch.equal(found_weights, weights)
    # One kind of step is the discriminator's, the other that of both; each draws from one generator.
    assert recorder.warm_ups == 2 * NUM_WARM_UPS
    assert [len(generators) for generators in recorder.recordings] == [1, 1]


def test_stacked_steps_through_static_places_are_the_same_to_the_bit() -> None:
    variant, recorder = VARIANTS["acgan"], Repetition()

    def weights(execution: Execution) -> list[Tensor]:
        *_, last = train_gans(
            variant, settings_of(variant), [DATA, DATA], seeds=(1, 2), at=(), execution=execution
        )
        return [outcome(iter([state]))[1] for state in last if isinstance(state, TrainedEpoch)]

    eager, static = weights(EAGER), weights(Recorded(name="static", recorder=recorder))
    assert len(eager) == 2
    assert all(torch.equal(one, other) for one, other in zip(eager, static, strict=True))
    assert [len(generators) for generators in recorder.recordings] == [2, 2]


def test_a_state_that_is_loaded_is_recorded_anew() -> None:
    """Loading replaces the optimisers' tensors, and a recording would go on with the old ones."""
    variant, recorder = VARIANTS["vanilla_gan"], Repetition()
    settings = settings_of(variant, {"discriminator_steps": 1})
    training = Training(variant, settings, DATA, seed=1, execution=Recorded(name="static", recorder=recorder))
    training.train_epoch()
    assert len(recorder.recordings) == 1
    training.load(training.state())
    training.train_epoch()
    assert len(recorder.recordings) == 2


@needs_a_gpu
@pytest.mark.parametrize("name", VARIANTS)
def test_graphs_give_the_numbers_of_eager_steps(name: str) -> None:
    variant, data = VARIANTS[name], on("cuda")
    settings = settings_of(variant)
    eager, graphed = (
        outcome(train_gan(variant, settings, data, seed=1, execution=execution)) for execution in (EAGER, GRAPHED)
    )
    assert torch.allclose(graphed[1], eager[1], rtol=0, atol=1e-4)


@needs_a_gpu
@pytest.mark.parametrize("name", VARIANTS)
def test_stacked_graphs_give_the_numbers_of_each_alone(name: str) -> None:
    variant, data = VARIANTS[name], on("cuda")
    settings = settings_of(variant)
    *_, last = train_gans(variant, settings, [data, data], seeds=(1, 2), at=(), execution=GRAPHED)
    for seed, state in zip((1, 2), last, strict=True):
        assert isinstance(state, TrainedEpoch)
        alone = outcome(train_gan(variant, settings, data, seed=seed, execution=EAGER))
        assert torch.allclose(outcome(iter([state]))[1], alone[1], rtol=0, atol=1e-4)


class Calls(TorchDispatchMode):
    """The names of all operations that are executed within it, gradients' among them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


# What makes Python wait for a GPU, or brings it something from Python's memory: a graph can hold neither.
NOT_FOR_GRAPHS = {
    "_local_scalar_dense",
    "bincount",
    "equal",
    "is_nonzero",
    "lift_fresh",
    "masked_select",
    "multinomial",
    "nonzero",
    "unique_consecutive",
    "_unique2",
}


@pytest.mark.parametrize("name", VARIANTS)
def test_no_step_needs_what_a_graph_cannot_hold(name: str) -> None:
    variant = VARIANTS[name]
    settings = settings_of(variant, {"weight_clip": 0.1})
    alone, *members = (Training(variant, settings, DATA, seed=seed, execution=EAGER) for seed in (1, 2, 3))
    for training in (alone, *members):
        training.begin()
    stack = StackedTraining(members, execution=EAGER)
    rows = torch.arange(4)
    for steps, batch in ((alone.steps, rows), (stack.steps, torch.stack([rows, rows]))):
        # Optimisers make their state in their first step, which comes before a recording.
        list(steps.epoch([batch] * 2)[0].flatten())
        with Calls() as calls:
            steps._step_of_the_discriminator(batch)
            steps._steps_of_both(batch)
        assert {"_fused_adam_", "randn", "lerp_"} <= calls.names
        assert not calls.names & NOT_FOR_GRAPHS


def test_what_a_graph_cannot_hold_is_seen() -> None:
    with Calls() as calls:
        torch.ones(3).sum().item()
        torch.tensor([1.0, 2.0])
    assert {"_local_scalar_dense", "lift_fresh"} <= calls.names


class MetaStream:
    """Numbers of no value, on a device that has none."""

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype, device="meta")

    normal = uniform

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, dtype=torch.int64, device="meta")


@pytest.mark.parametrize("name", VARIANTS)
def test_a_step_makes_all_its_tensors_on_the_images_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The meta device stands in for a GPU: tensors of the CPU do not go together with its own either."""
    # Which it knows nothing of.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    variant = VARIANTS[name]
    trainings = [Training(variant, settings_of(variant), DATA, seed=seed, execution=EAGER) for seed in (1, 2, 3)]
    for gan in (training.gan for training in trainings):
        assert gan.average is not None
        for network in (gan.networks.generator, gan.networks.discriminator, gan.average):
            network.to("meta")
        gan.data, gan.stream = on("meta"), MetaStream()
    alone, *members = (training.gan for training in trainings)
    rows = torch.arange(4, device="meta")
    for gan, batch in ((alone, rows), (GanStack(members), torch.stack([rows, rows]))):
        real, labels = gan.rows(batch)
        fake = gan.fakes(labels)
        losses = gan.discriminator_loss(real, fake.detach(), labels), gan.generator_loss(real, fake, labels)
        for loss in losses:
            loss.sum().backward()
        gan.move_average()
        made = [*losses, *(weight.grad for weight in gan.generator_weights)]
        assert {tensor.device.type for tensor in made} == {"meta"}
