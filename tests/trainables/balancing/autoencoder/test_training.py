"""An autoencoder in training: what it learns, what its settings do, and its cached states."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_study.trainables.balancing.autoencoder import training as deep_smote
from gan_study.trainables.balancing.autoencoder.training import (
    AutoencoderSettings,
    AutoencoderTrainer,
    one_class_batches,
    rows_by_label,
)
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.training import TrainedGenerator, train_generator
from gan_study.trainables.gans.variant import TrainingData

SMALL = AutoencoderSettings(generator_steps=4, batch_size=8, code_size=4)


def shades(each: int = 6) -> TrainingData:
    """Images of 8x8 pixels, dark or bright above; of each, some darker than others."""
    labels = torch.arange(2).repeat_interleave(each)
    images = torch.linspace(-0.8, -0.4, 2 * each).view(-1, 1, 1, 1).repeat(1, 1, 8, 8)
    images[labels == 1, :, :4] += 1.0
    return TrainingData(images=images, labels=labels, num_classes=2)


DATA = shades()


def trained(
    settings: AutoencoderSettings = SMALL, steps: int = 4, *, seed: int = 1, **named: object
) -> TrainedGenerator:
    trainer = AutoencoderTrainer(settings, DATA, seed=seed)
    *_, last = train_generator(trainer, settings, at={steps}, **named)  # type: ignore[arg-type]
    return last


def images_of(made_by: TrainedGenerator, *labels: int) -> Tensor:
    return made_by.sample(torch.tensor(labels), seed=5)


@pytest.mark.slow
def test_it_learns_what_images_of_each_class_look_like() -> None:
    settings = AutoencoderSettings(batch_size=16, code_size=4, learning_rate=2e-3)
    made = images_of(trained(settings, 300), *[0] * 20, *[1] * 20).view(2, 20, 8, 8)
    above, below = made[:, :, :4].mean(dim=(2, 3)), made[:, :, 4:].mean(dim=(2, 3))
    # Nearly all of the first class lies between -0.8 and -0.62, of the second between -0.58 and -0.4.
    assert below.mean(dim=1).tolist() == pytest.approx([-0.71, -0.49], abs=0.08)
    assert (above - below).mean(dim=1).tolist() == pytest.approx([0.0, 1.0], abs=0.1)


def test_equal_seeds_give_equal_images_and_the_global_state_is_left_alone() -> None:
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
        {"learning_rate": 1e-4},
        {"batch_size": 4},
        {"code_size": 8},
        {"k_neighbors": 1},
        {"penalty": "pairs"},
    ],
    ids=str,
)
def test_every_setting_changes_the_images(changed: dict[str, float]) -> None:
    assert not torch.equal(images_of(trained(), *[0] * 8), images_of(trained(replace(SMALL, **changed)), *[0] * 8))


def test_a_batch_of_one_class_is_of_each_equally_often_and_has_all_of_its_images() -> None:
    rows = rows_by_label(torch.tensor([3] * 90 + [1] * 10))
    assert {label: len(own) for label, own in rows.items()} == {1: 10, 3: 90}
    batches = list(islice(one_class_batches(rows, 20, seed=0), 400))
    of_rare = [batch for batch in batches if batch[0] >= 90]
    # A standard deviation of 10.
    assert len(of_rare) == pytest.approx(200, abs=40)
    assert all(sorted(batch.tolist()) == sorted([*range(90, 100)] * 2) for batch in of_rare)
    assert all((batch < 90).all() for batch in batches if batch[0] < 90)


def test_a_large_class_is_represented_by_some_of_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_smote, "MOST_CODES", 3)
    trainer = AutoencoderTrainer(SMALL, DATA, seed=0)
    assert trainer.network.num_codes == 3
    codes = trainer.sampled_generator.codes[0]
    with torch.no_grad():
        expected = trainer.encoder(DATA.images[[0, 2, 5]])
    assert torch.allclose(codes, expected, atol=1e-6)


def test_a_cached_training_continues_bit_for_bit(tmp_path: Path) -> None:
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({3}))
    trained(steps=3, checkpoints=kept)
    assert [path.stem for path in tmp_path.rglob("*.pt")] == ["0000003"]
    continued, whole = trained(steps=5, checkpoints=kept), trained(steps=5)
    assert torch.equal(images_of(continued, 0, 1), images_of(whole, 0, 1))
    assert continued.losses == whole.losses
