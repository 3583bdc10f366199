"""A flow in training: what it learns, what its settings do, and its cached states."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_study.trainables.base.settings import ConfigError, dump, parse
from gan_study.trainables.flow.training import FlowSettings, FlowTrainer
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.gans.training import TrainedGenerator, settings_id, train_generator
from gan_study.trainables.gans.variant import TrainingData

SMALL = FlowSettings(generator_steps=4, batch_size=8, width=16, sampler_steps=2)


def grey(*levels: float, each: int = 6) -> TrainingData:
    """Images of 8x8 pixels of one grey level for each class, nearly."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(len(levels)).repeat_interleave(each)
    images = torch.tensor(levels)[labels][:, None, None, None] + 0.02 * torch.randn(
        len(labels), 1, 8, 8, generator=random
    )
    return TrainingData(images=images, labels=labels, num_classes=len(levels))


DATA = grey(-0.6, 0.0, 0.6)


def trained(settings: FlowSettings = SMALL, steps: int = 4, *, seed: int = 1, **named: object) -> TrainedGenerator:
    trainer = FlowTrainer(settings, DATA, seed=seed)
    *_, last = train_generator(trainer, settings, at={steps}, **named)  # type: ignore[arg-type]
    return last


def images_of(made_by: TrainedGenerator, *labels: int) -> Tensor:
    return made_by.sample(torch.tensor(labels), seed=5)


@pytest.mark.slow
def test_it_learns_what_images_of_each_class_look_like() -> None:
    settings = FlowSettings(batch_size=16, width=16, sampler_steps=4, learning_rate=5e-3)
    made = images_of(trained(settings, 160), *[0] * 8, *[1] * 8, *[2] * 8).view(3, 8, 64)
    assert made.mean(dim=(1, 2)).tolist() == pytest.approx([-0.6, 0.0, 0.6], abs=0.15)
    # Noise has a deviation of 1 from pixel to pixel.
    assert made.std(dim=2).mean() < 0.3


def test_equal_seeds_give_equal_flows_and_the_global_state_is_left_alone() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, second, other = trained(), trained(), trained(seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(images_of(first, 0, 1), images_of(second, 0, 1))
    assert first.losses == second.losses
    assert not torch.equal(images_of(first, 0, 1), images_of(other, 0, 1))


@pytest.mark.parametrize(
    "changed",
    [
        {"learning_rate": 1e-3},
        {"batch_size": 4},
        {"width": 32},
        {"ema_decay": 0.0},
        {"balanced_batches": False},
        {"label_dropout": 0.5},
        {"sampler_steps": 3},
        {"guidance": 2.0},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_setting_changes_the_images(changed: dict[str, float]) -> None:
    # After so many steps the average has weights of its own.
    settings = replace(SMALL, generator_steps=12)
    assert not torch.equal(
        images_of(trained(settings, 12), 0, 1), images_of(trained(replace(settings, **changed), 12), 0, 1)
    )


def test_balanced_batches_show_every_class_equally_often() -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    data = TrainingData(images=torch.zeros(100, 1, 8, 8), labels=labels, num_classes=2)

    def share_of_rare(**settings: bool) -> float:
        trainer = FlowTrainer(replace(SMALL, batch_size=100, **settings), data, seed=0)
        return float(labels[torch.cat([next(trainer.batches) for _ in range(10)])].float().mean())

    # 1,000 draws: a standard deviation of 0.016.
    assert share_of_rare() == pytest.approx(0.5, abs=0.06)
    assert share_of_rare(balanced_batches=False) == pytest.approx(0.1)


def test_there_is_one_loss_an_interval_and_none_of_a_discriminator() -> None:
    found = trained(steps=20)
    assert [losses.discriminator for losses in found.losses] == [None, None]
    assert all(losses.generator > 0 for losses in found.losses)
    assert found.loss_steps == (16, 20)
    assert set(found.snapshots) == {16, 20}


def test_the_learning_rate_grows_to_its_value() -> None:
    trainer = FlowTrainer(SMALL, DATA, seed=0)
    trainer.train_until(3)
    assert trainer.optimiser.param_groups[0]["lr"] == pytest.approx(0.03 * SMALL.learning_rate)


def test_a_cached_training_continues_bit_for_bit(tmp_path: Path) -> None:
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({3}))
    trained(steps=3, checkpoints=kept)
    assert [path.stem for path in tmp_path.rglob("*.pt")] == ["0000003"]
    continued, whole = trained(steps=5, checkpoints=kept), trained(steps=5)
    assert torch.equal(images_of(continued, 0, 1, 2), images_of(whole, 0, 1, 2))
    assert continued.losses == whole.losses


def test_a_training_is_named_by_all_but_its_length() -> None:
    name = settings_id("flow_matching", SMALL, DATA, seed=1)
    assert settings_id("flow_matching", SMALL.of_length(9), DATA, seed=1) == name
    others = [
        settings_id("flow_matching", replace(SMALL, learning_rate=1e-3), DATA, seed=1),
        settings_id("flow_matching", SMALL, grey(-0.5, 0.0, 0.6), seed=1),
        settings_id("flow_matching", SMALL, DATA, seed=2),
    ]
    assert len({name, *others}) == 4


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    with pytest.raises(DivergedError, match="flow_matching: the generator's loss is nan by generator step"):
        trained(replace(SMALL, learning_rate=1e30), 16)


def test_guidance_needs_a_network_that_was_trained_without_labels() -> None:
    with pytest.raises(ConfigError, match=r"flow: guidance is 2.0 and label_dropout is 0: guidance needs"):
        parse(FlowSettings, {"guidance": 2.0, "label_dropout": 0.0}, where="flow")
    unguided = parse(FlowSettings, {"label_dropout": 0.0}, where="flow")
    assert dump(unguided)["guidance"] == 1.0
