from pathlib import Path

import pytest
import torch

from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import pretrain, train_gan
from gan_study.trainables.gans.variant import TrainingData, parse_gan_settings

GAN = {"generator_steps": 6, "batch_size": 4, "latent_size": 8}
VARIANT = VARIANTS["vanilla_gan"]
SETTINGS = parse_gan_settings(VARIANT, GAN, where="gan")


def data(number: int, *, seed: int = 0) -> TrainingData:
    images = torch.rand(number, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return TrainingData(images=images, labels=torch.zeros(number, dtype=torch.int64), num_classes=1)


def balancer(pretrain: str) -> GanBalancing:
    parsed = parse_balancing({"name": "vanilla_gan", "gan": {**GAN, "pretrain": pretrain}}).balancer
    assert isinstance(parsed, GanBalancing)
    return parsed


def test_a_training_begins_with_the_pretrained_weights() -> None:
    start = pretrain(VARIANT, SETTINGS, data(9), seed=1)
    (trained,) = train_gan(VARIANT, SETTINGS, data(9), seed=1, at=[6])
    assert all(torch.equal(start.generator[name], value) for name, value in trained.generator.state_dict().items())
    begun = GanTrainer(
        VARIANT,
        SETTINGS,
        TrainingData(images=data(4).images, labels=data(4).labels, num_classes=1, start=start),
        seed=2,
    )
    for network, weights in (
        (begun.networks.generator, start.generator),
        (begun.networks.discriminator, start.discriminator),
    ):
        assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def test_pretraining_is_made_once_with_checkpoints(tmp_path: Path) -> None:
    checkpoints = Checkpoints(folder=tmp_path, every_seconds=1e9)
    first = pretrain(VARIANT, SETTINGS, data(9), seed=1, checkpoints=checkpoints)
    (kept,) = tmp_path.rglob("*.pt")
    written = kept.stat().st_mtime_ns, kept.read_bytes()
    again = pretrain(VARIANT, SETTINGS, data(9), seed=1, checkpoints=checkpoints)
    assert kept.read_bytes() == written[1] and list(tmp_path.rglob("*.pt")) == [kept]
    assert all(torch.equal(again.generator[name], value) for name, value in first.generator.items())


def test_pretraining_sees_all_classes_and_changes_the_images(training: TrainingSet) -> None:
    (plain,), (begun,) = (list(balancer(start).balance(training, seed=1)) for start in ("none", "all_classes"))
    assert plain.training.class_counts() == begun.training.class_counts()
    assert not torch.equal(plain.training.images, begun.training.images)
    # What all GANs begin with follows from the largest class too, which no GAN of a rare class is shown.
    largest = max(range(3), key=lambda label: training.class_counts()[label])
    changed = training.images.clone()
    changed[training.labels == largest] *= -1
    other = TrainingSet(**{**vars(training), "images": changed})
    (of_other,) = balancer("all_classes").balance(other, seed=1)
    made = begun.training.images[begun.training.synthetic]
    assert not torch.equal(made, of_other.training.images[of_other.training.synthetic])
    (plain_other,) = balancer("none").balance(other, seed=1)
    assert torch.equal(
        plain.training.images[plain.training.synthetic],
        plain_other.training.images[plain_other.training.synthetic],
    )


def test_a_conditional_gan_has_no_use_for_it() -> None:
    with pytest.raises(ConfigError, match=r"gan\.pretrain: 'all_classes' cannot be used; acgan does not use it"):
        parse_gan_settings(VARIANTS["acgan"], {"pretrain": "all_classes"}, where="gan")
