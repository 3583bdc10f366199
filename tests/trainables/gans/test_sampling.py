from dataclasses import replace

import torch
from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import LOSS_INTERVAL
from gan_study.trainables.gans.sampling import (
    IMAGES_OF_A_CLASS,
    has_snapshot,
    sample,
    snapshot_labels,
    split_by_label,
)
from gan_study.trainables.gans.training import train_gan
from gan_study.trainables.gans.variant import TrainingData

LABELS = torch.tensor([0, 1, 1, 0, 1])


def generator() -> nn.Module:
    return VARIANTS["dcgan"].networks(ImageShape(size=28, channels=1), 8, 2).generator


def test_equal_seeds_give_equal_images_whatever_the_batch() -> None:
    network = generator()
    whole = sample(network, LABELS, 8, seed=1)
    assert whole.shape == (5, 1, 28, 28)
    torch.testing.assert_close(sample(network, LABELS, 8, seed=1, batch=2), whole)
    assert not torch.equal(sample(network, LABELS, 8, seed=2), whole)


def test_leaves_the_generator_as_it_was() -> None:
    for training in (True, False):
        network = generator().train(training)
        before = {name: value.clone() for name, value in network.state_dict().items()}
        images = sample(network, LABELS, 8, seed=1)
        assert network.training is training
        assert not images.requires_grad
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_does_not_touch_the_global_random_state() -> None:
    network, state = generator(), torch.get_rng_state()
    sample(network, LABELS, 8, seed=1)
    assert torch.equal(torch.get_rng_state(), state)


DATA = TrainingData(
    images=torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1,
    labels=torch.tensor([0, 1] * 6),
    num_classes=2,
)
CGAN = VARIANTS["cgan"]


def trained(steps, **options):
    settings = replace(CGAN.defaults, batch_size=6)
    (last,) = train_gan(CGAN, settings, DATA, seed=1, at={steps}, **options)
    return last


def test_steps_that_double_are_shown_from_the_sixteenth_on():
    assert [step for step in range(1, 150) if has_snapshot(step)] == [16, 32, 64, 128]


def test_every_snapshot_comes_at_the_end_of_an_interval_of_losses():
    """Within one the trainer does not stop, and would miss it."""
    assert not [step for step in range(1, 5000) if has_snapshot(step) and step % LOSS_INTERVAL]


def test_the_rarest_classes_are_shown_in_label_order():
    labels = torch.tensor([5] * 9 + [0] * 8 + [1] * 2 + [2] * 3 + [4] * 4)
    assert snapshot_labels(labels) == (0, 1, 2, 4)
    assert snapshot_labels(torch.tensor([7, 7])) == (7,)


def test_a_label_has_its_own_images_of_each_step():
    last = trained(33)
    assert list(last.snapshots) == [16, 32, 33]
    assert last.snapshots[33].shape == (2 * IMAGES_OF_A_CLASS, 1, 8, 8)
    split = split_by_label(last.snapshots, DATA.labels)
    assert torch.equal(torch.cat([split[0][32], split[1][32]]), last.snapshots[32])


def test_what_was_shown_is_kept_with_the_state(tmp_path):
    kept = Checkpoints(folder=tmp_path, generator_steps=frozenset({20}))
    shorter = trained(20, checkpoints=kept)
    whole, continued = trained(40), trained(40, checkpoints=kept)
    assert list(continued.snapshots) == [16, 32, 40]
    assert all(torch.equal(whole.snapshots[step], images) for step, images in continued.snapshots.items())
    # The twenty steps that another training took are in the time.
    assert continued.seconds > shorter.seconds > 0
