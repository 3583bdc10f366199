"""How steps are executed must not change a number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from benchmarks.pretended_gpu import PretendedGpu
from benchmarks.torch_internals import TorchDispatchMode
from gan_study.trainables.gans.batched.cuda_graphs import (
    CUDA_GRAPHS,
    NUM_WARM_UPS,
    RecordedTrainer,
    Recorder,
    train_recorded_gan,
)
from gan_study.trainables.gans.batched.stacked import StackedTrainer, train_gans
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import TrainedGenerator, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings

# Two discriminator steps to a generator step: within STEPS both kinds of step warm up and are replayed.
STEPS = 10
SMALL: Mapping[str, object] = {
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

    name: str = "static"
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


def on_gpu() -> TrainingData:
    """The images there, in 64 bits.

    A bias that batch norm takes off again has no gradient but rounding. In 32 bits that is as large as Adam's
    epsilon, which makes whole steps of it, each way another; in 64 it is a hundred million times smaller.
    """
    return TrainingData(images=DATA.images.double().to("cuda"), labels=DATA.labels.to("cuda"), num_classes=3)


def outcome(states: Iterator[TrainedGenerator]) -> tuple[object, Tensor]:
    *_, last = states
    return last.losses, torch.cat([weight.detach().flatten() for weight in last.generator.parameters()])


@pytest.mark.parametrize("name", ["dcgan", "wgan_gp", "cgan_sngp", "bagan"])
def test_steps_through_static_places_are_the_same_to_the_bit(name: str) -> None:
    variant, recorder = VARIANTS[name], Repetition()
    settings = settings_of(variant)
    losses, weights = outcome(train_gan(variant, settings, DATA, seed=1, at={STEPS}))
    recorded = train_recorded_gan(variant, settings, DATA, seed=1, at={STEPS}, recorder=recorder)
    found_losses, found_weights = outcome(recorded)
    assert found_losses == losses
    assert torch.equal(found_weights, weights)
    # One kind of step is the discriminator's, the other that of both; each draws from one generator.
    assert recorder.warm_ups == 2 * NUM_WARM_UPS
    assert [len(generators) for generators in recorder.recordings] == [1, 1]


def test_stacked_steps_through_static_places_are_the_same_to_the_bit() -> None:
    variant, recorder = VARIANTS["acgan"], Repetition()

    def weights(recorder: Recorder | None) -> list[Tensor]:
        (last,) = train_gans(
            variant, settings_of(variant), [DATA, DATA], seeds=(1, 2), at={STEPS}, recorder=recorder
        )
        return [outcome(iter([state]))[1] for state in last if isinstance(state, TrainedGenerator)]

    eager, static = weights(None), weights(recorder)
    assert len(eager) == 2
    assert all(torch.equal(one, other) for one, other in zip(eager, static, strict=True))
    assert [len(generators) for generators in recorder.recordings] == [2, 2]


def test_a_state_that_is_loaded_is_recorded_anew() -> None:
    """Loading replaces the optimisers' tensors, and a recording would go on with the old ones."""
    variant, recorder = VARIANTS["vanilla_gan"], Repetition()
    settings = settings_of(variant, {"discriminator_steps": 1})
    training = RecordedTrainer(variant, settings, DATA, seed=1, recorder=recorder)
    training.train_until(STEPS)
    assert len(recorder.recordings) == 1
    training.load(training.state())
    training.train_until(2 * STEPS)
    assert len(recorder.recordings) == 2


@needs_a_gpu
@pytest.mark.parametrize("name", VARIANTS)
def test_graphs_give_the_numbers_of_eager_steps(name: str) -> None:
    variant, data = VARIANTS[name], on_gpu()
    settings = settings_of(variant)
    eager, graphed = (
        outcome(train_recorded_gan(variant, settings, data, seed=1, at={STEPS}, recorder=recorder))
        for recorder in (None, CUDA_GRAPHS)
    )
    assert torch.allclose(graphed[1], eager[1], rtol=0, atol=1e-8)


@needs_a_gpu
@pytest.mark.parametrize("name", VARIANTS)
def test_stacked_graphs_give_the_numbers_of_each_alone(name: str) -> None:
    variant, data = VARIANTS[name], on_gpu()
    settings = settings_of(variant)
    (last,) = train_gans(variant, settings, [data, data], seeds=(1, 2), at={STEPS}, recorder=CUDA_GRAPHS)
    for seed, state in zip((1, 2), last, strict=True):
        assert isinstance(state, TrainedGenerator)
        alone = outcome(train_gan(variant, settings, data, seed=seed, at={STEPS}))
        assert torch.allclose(outcome(iter([state]))[1], alone[1], rtol=0, atol=1e-8)


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
    alone, *members = (GanTrainer(variant, settings, DATA, seed=seed) for seed in (1, 2))
    for training in (alone, *members):
        training.warm_start()
    stack = StackedTrainer(members, recorder=None)
    rows = torch.arange(4)
    for trainer, batch in ((alone, rows), (stack, rows[None])):
        # Optimisers make their state in their first step, which comes before a recording.
        list(trainer.take_steps([batch] * 2)[0].flatten())
        with Calls() as calls:
            for trains_generator in (False, True):
                trainer.take_step(batch, trains_generator=trains_generator)
        assert {"_fused_adam_", "randn", "lerp_"} <= calls.names
        assert not calls.names & NOT_FOR_GRAPHS


def test_what_a_graph_cannot_hold_is_seen() -> None:
    with Calls() as calls:
        torch.ones(3).sum().item()
        torch.tensor([1.0, 2.0])
    assert {"_local_scalar_dense", "lift_fresh"} <= calls.names


@pytest.mark.parametrize("name", VARIANTS)
def test_a_step_of_several_gans_waits_for_no_gpu_and_brings_it_nothing(name: str) -> None:
    """One alone is trained so in tests/contracts/test_pretended_gpu.py."""
    variant = VARIANTS[name]
    with PretendedGpu() as gpu:
        data = replace(DATA, images=DATA.images.to("cuda"), labels=DATA.labels.to("cuda"))
        members = [GanTrainer(variant, settings_of(variant), data, seed=seed) for seed in (1, 2)]
        StackedTrainer(members, recorder=None).train_until(2)
    assert gpu.waits_within(GanTrainer.take_step) == []
    # Two losses of each GAN, read for all at once.
    assert len([wait for wait in gpu.waits_within(StackedTrainer.train_until) if wait.what == "download"]) >= 2
