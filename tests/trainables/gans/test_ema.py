import pytest
import torch
from torch import nn

from gan_study.trainables.gans.ema import AveragedGenerator


def test_average_by_hand() -> None:
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(0.0)
    average = AveragedGenerator(layer, 0.5)
    weights = []
    for value in (1.0, 2.0, 3.0):
        layer.weight.data.fill_(value)
        average.follow(layer)
        weights.append(average.module.weight.item())
    # The first update copies; then the decay is (1 + 1) / (10 + 1), then (1 + 2) / (10 + 2).
    second = 2 - 2 / 11
    assert weights == pytest.approx([1.0, second, 3 + 0.25 * (second - 3)], abs=1e-6)


def test_a_late_average_decays_as_asked() -> None:
    layer = nn.Linear(1, 1, bias=False)
    average = AveragedGenerator(layer, 0.9)
    for _ in range(100):
        average.follow(layer)
    average.module.weight.data.fill_(0.0)
    layer.weight.data.fill_(1.0)
    average.follow(layer)
    assert average.module.weight.item() == pytest.approx(0.1, abs=1e-6)


def test_buffers_are_those_of_the_generator() -> None:
    norm = nn.BatchNorm1d(2)
    average = AveragedGenerator(norm, 0.9)
    norm(torch.randn(8, 2, generator=torch.Generator().manual_seed(0)))
    average.follow(norm)
    assert norm.running_mean is not None and norm.running_mean.abs().sum() > 0
    assert torch.equal(average.module.running_mean, norm.running_mean)
    assert average.module.num_batches_tracked == 1
