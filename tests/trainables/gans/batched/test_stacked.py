"""GANs trained as one computation against the same ones trained alone, in float64."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_study.trainables.gans.batched.stacked import StackedTrainer, train_gans
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import TrainedGenerator, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings
from gan_study.trainables.runtime.cache import contents

SEEDS = (5, 6, 7)
NUM_IMAGES, STEPS = 10, 3
# Three batches a pass over the images and two a generator step: every second step ends in the middle of a pass.
SMALL: Mapping[str, object] = {
    "batch_size": 4,
    "latent_size": 6,
    "learning_rate": 1e-3,
    "discriminator_steps": 2,
}
SWITCHES: Mapping[str, object] = {"diff_augment": True, "ema_decay": 0.9, "weight_clip": 0.05}
# For what all have in common: batch norm; a penalty; class labels, class logits and a warm start.
NAMES = ("dcgan", "wgan_gp", "bagan")
three_variants = pytest.mark.parametrize("variant", [VARIANTS[name] for name in NAMES], ids=NAMES)


def data(seed: int) -> TrainingData:
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(NUM_IMAGES, 1, 8, 8, generator=random, dtype=torch.double) * 2 - 1
    return TrainingData(images=images, labels=torch.arange(NUM_IMAGES) % (seed % 3 + 1), num_classes=3)


def settings_of(variant: GanVariant, given: Mapping[str, object] = {}) -> GanSettings:
    warm_start = {"warm_start_epochs": 1} if variant.warm_start else {}
    return parse_gan_settings(variant, {**SMALL, **warm_start, **given}, where="gan")


def tensors(value: object, name: str = "") -> dict[str, Tensor]:
    """Every tensor of a nested state, by where it is."""
    if isinstance(value, Tensor):
        return {name: value}
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return {key: found for part, each in items for key, found in tensors(each, f"{name}/{part}").items()}


@pytest.mark.parametrize(
    ("variant", "switches"),
    [
        *(pytest.param(variant, SWITCHES, id=f"{name} switches") for name, variant in VARIANTS.items()),
        pytest.param(VARIANTS["bagan"], {}, id="bagan"),
    ],
)
def test_the_numbers_are_those_of_training_each_alone(variant: GanVariant, switches: Mapping[str, object]) -> None:
    settings = settings_of(variant, switches)
    # Seeds 5 and 6 have images of three classes and of one.
    alone, members = ([GanTrainer(variant, settings, data(seed), seed=seed) for seed in (5, 6)] for _ in range(2))
    stack = StackedTrainer(members, recorder=None)
    for trainer in (stack, *alone):
        trainer.train_until(STEPS)
    for one, member in zip(alone, members, strict=True):
        assert member.generator_steps == one.generator_steps == STEPS
        assert member.mean_of_latest() == pytest.approx(one.mean_of_latest(), rel=0, abs=1e-10)
        # Networks, average, optimisers and random streams.
        wanted_state, found_state = tensors(one.state()), tensors(member.state())
        assert wanted_state.keys() == found_state.keys()
        for name, value in wanted_state.items():
            # A bias that batch norm takes off again has no gradient but rounding, which Adam makes steps of.
            assert torch.allclose(found_state[name].double(), value.double(), rtol=0, atol=1e-9), name
        assert torch.equal(next(member.batches), next(one.batches))


def test_the_steps_that_are_asked_for_are_those_of_the_loop_for_one() -> None:
    variant = VARIANTS["bagan"]
    settings = settings_of(variant, {"ema_decay": 0.9})

    def seen(state: TrainedGenerator | DivergedError) -> tuple[int, int, Tensor]:
        assert isinstance(state, TrainedGenerator)
        weights = torch.cat([weight.flatten() for weight in state.generator.parameters()])
        return state.generator_steps, state.taken_from, weights.detach().clone()

    alone = [[seen(state) for state in train_gan(variant, settings, data(s), seed=s, at={1, 3})] for s in SEEDS]
    stacked = train_gans(variant, settings, [data(seed) for seed in SEEDS], seeds=SEEDS, at={1, 3})
    together = list(zip(*([seen(state) for state in outcomes] for outcomes in stacked), strict=True))
    for one, other in zip(alone, together, strict=True):
        assert [found[:2] for found in other] == [wanted[:2] for wanted in one] == [(1, 1), (3, 3)]
        for wanted, found in zip(one, other, strict=True):
            assert torch.allclose(found[2], wanted[2], rtol=0, atol=1e-10)


@three_variants
def test_one_that_diverges_harms_no_other(variant: GanVariant) -> None:
    settings = settings_of(variant)
    sets = [data(seed) for seed in SEEDS]
    sets[1] = replace(sets[1], images=sets[1].images * torch.nan)
    (last,) = train_gans(variant, settings, sets, seeds=SEEDS, at={STEPS})
    assert isinstance(last[1], DivergedError)
    assert "by generator step 3" in str(last[1])
    for number in (0, 2):
        (alone,) = train_gan(variant, settings, sets[number], seed=SEEDS[number], at={STEPS})
        outcome = last[number]
        assert isinstance(outcome, TrainedGenerator)
        assert outcome.losses[-1] == pytest.approx(alone.losses[-1], rel=0, abs=1e-10)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([], "0 sets of images and 3 seeds"),
        ([data(5), data(6)], "2 sets of images and 3 seeds"),
        ([data(5), data(6), replace(data(7), num_classes=4)], "differ"),
        ([data(5), data(6), replace(data(7), images=data(7).images[:9])], "differ"),
        ([data(5), data(6), replace(data(7), images=data(7).images.float())], "differ"),
    ],
)
def test_what_cannot_be_stacked_is_said(sets: list[TrainingData], message: str) -> None:
    variant = VARIANTS["vanilla_gan"]
    with pytest.raises(ValueError, match=message):
        next(train_gans(variant, settings_of(variant), sets, seeds=SEEDS, at={1}))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The generator steps that stacks were really trained for."""
    steps: list[int] = []
    train_until = StackedTrainer.train_until

    def counted(self: StackedTrainer, generator_steps: int) -> None:
        steps.extend(range(self.generator_steps + 1, generator_steps + 1))
        train_until(self, generator_steps)

    monkeypatch.setattr(StackedTrainer, "train_until", counted)
    return steps


def numbers(states: Iterator[tuple[TrainedGenerator | DivergedError, ...]]) -> list[object]:
    """Of each GAN its losses and a name for its weights after the last step, or what went wrong."""
    *_, last = states
    return [
        (state.losses, contents(*state.generator.state_dict().values()))
        if isinstance(state, TrainedGenerator)
        else str(state)
        for state in last
    ]


@three_variants
def test_a_stack_that_goes_on_is_bit_for_bit_the_one_that_never_stopped(
    variant: GanVariant, tmp_path: Path, trained: list[int]
) -> None:
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({1, 2}))

    def stack(steps: int, checkpoints: Checkpoints | None = None) -> list[object]:
        settings = settings_of(variant, SWITCHES)
        sets = [data(seed) for seed in SEEDS]
        return numbers(train_gans(variant, settings, sets, seeds=SEEDS, at={steps}, checkpoints=checkpoints))

    wanted = {steps: stack(steps) for steps in (1, 2)}
    trained.clear()
    for steps in (1, 2, 1):
        assert stack(steps, kept) == wanted[steps]
    assert trained == [1, 2]


def test_a_gan_that_diverged_is_so_also_where_its_stack_goes_on(tmp_path: Path, trained: list[int]) -> None:
    variant = VARIANTS["vanilla_gan"]
    sets = [data(seed) for seed in SEEDS]
    sets[1] = replace(sets[1], images=sets[1].images * torch.nan)

    def stack() -> list[object]:
        kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({1, 2}))
        return numbers(train_gans(variant, settings_of(variant), sets, seeds=SEEDS, at={1, 2}, checkpoints=kept))

    assert stack() == stack()
    assert "by generator step 1" in str(stack()[1])
    assert trained == [1, 2]


def test_a_state_is_named_by_all_that_are_trained_beside_it(tmp_path: Path) -> None:
    """In the last digits it may depend on them, and on whether there are any."""
    variant, kept = VARIANTS["vanilla_gan"], Checkpoints(folder=tmp_path, generator_steps=frozenset({1}))
    settings = settings_of(variant)
    for seeds in ((5, 6, 7), (5, 6), (6, 5), (5, 6)):
        sets = [data(seed) for seed in seeds]
        list(train_gans(variant, settings, sets, seeds=seeds, at={1}, checkpoints=kept))
    list(train_gan(variant, settings, data(5), seed=5, at={1}, checkpoints=kept))
    assert len(list(tmp_path.rglob("*.pt"))) == 4
