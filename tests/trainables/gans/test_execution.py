"""How steps are executed must not change a number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from trainables.gans.catalog import VARIANTS
from trainables.gans.execution import EAGER, GRAPHED, NUM_WARM_UPS, Execution, Recorded, execution_on
from trainables.gans.stacked import train_gans
from trainables.gans.training import TrainedEpoch, Training, train_gan
from trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings

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


def test_each_device_has_its_execution() -> None:
    assert execution_on(torch.device("cpu")) is EAGER
    assert execution_on(torch.device("cuda")) is GRAPHED


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
