from dataclasses import replace

import torch
from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
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


def trained(epochs, **options):
    settings = replace(CGAN.defaults, epochs=epochs, batch_size=6)
    *_, last = train_gan(CGAN, settings, DATA, seed=1, at=(), **options)
    return last


def test_epochs_that_double_are_shown():
    assert [epoch for epoch in range(1, 40) if has_snapshot(epoch)] == [1, 2, 4, 8, 16, 32]


def test_the_rarest_classes_are_shown_in_label_order():
    labels = torch.tensor([5] * 9 + [0] * 8 + [1] * 2 + [2] * 3 + [4] * 4)
    assert snapshot_labels(labels) == (0, 1, 2, 4)
    assert snapshot_labels(torch.tensor([7, 7])) == (7,)


def test_a_label_has_its_own_images_of_each_epoch():
    last = trained(3)
    assert list(last.snapshots) == [1, 2, 3]
    assert last.snapshots[3].shape == (2 * IMAGES_OF_A_CLASS, 1, 8, 8)
    split = split_by_label(last.snapshots, DATA.labels)
    assert torch.equal(torch.cat([split[0][2], split[1][2]]), last.snapshots[2])


def test_what_was_shown_is_kept_with_the_state(tmp_path):
    kept = Checkpoints(folder=tmp_path, epochs=frozenset({3}))
    shorter = trained(3, checkpoints=kept)
    whole, continued = trained(6), trained(6, checkpoints=kept)
    assert list(continued.snapshots) == [1, 2, 4, 6]
    assert all(torch.equal(whole.snapshots[epoch], images) for epoch, images in continued.snapshots.items())
    # The three epochs that another training took are in the time.
    assert continued.seconds > shorter.seconds > 0
