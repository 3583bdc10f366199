from copy import deepcopy

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_study.trainables.gans.networks.spectral_norm import normalise_spectrally


def test_values_and_gradients_are_those_of_torch() -> None:
    ours, theirs = (
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4)).double() for _ in range(2)
    )
    theirs.load_state_dict(deepcopy(ours.state_dict()))
    torch.manual_seed(0)
    normalise_spectrally(ours)
    torch.manual_seed(0)
    for layer in (theirs[0], theirs[3]):
        spectral_norm(layer)
    images = torch.randn(5, 2, 4, 4, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    for training in (True, True, False):
        for network in (ours, theirs):
            network.train(training).zero_grad()
            network(images).square().sum().backward()
        torch.testing.assert_close(ours(images), theirs(images), rtol=0, atol=1e-12)
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-12)


def test_the_largest_singular_value_becomes_one() -> None:
    layer = nn.Linear(6, 5)
    normalise_spectrally(layer)
    for _ in range(100):
        layer(torch.zeros(1, 6))
    torch.testing.assert_close(torch.linalg.matrix_norm(layer.weight, 2), torch.tensor(1.0), rtol=0, atol=1e-4)
