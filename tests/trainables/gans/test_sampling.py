import torch
from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.sampling import sample

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
