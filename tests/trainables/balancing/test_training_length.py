from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.balancing.epoch_choice import best_so_far, pixel_distance
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.trainer import MeanLosses
from gan_study.trainables.gans.training import TrainedEpoch
from gan_study.trainables.gans.variant import TrainingData


class Grey(nn.Module):
    """Images of one brightness, with a little noise."""

    def __init__(self, brightness: float) -> None:
        super().__init__()
        self.brightness = nn.Parameter(torch.tensor(brightness))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self.brightness + 0.1 * latents[:, :, None, None].expand(-1, -1, 2, 2)


DATA = TrainingData(
    images=0.5 + 0.1 * torch.randn(50, 1, 2, 2, generator=torch.Generator().manual_seed(0)),
    labels=torch.zeros(50, dtype=torch.int64),
    num_classes=1,
)


def training(*brightness: float) -> Iterator[TrainedEpoch]:
    """One generator in training, which has these brightnesses one after another."""
    generator = Grey(0.0)
    for epoch, value in enumerate(brightness, start=1):
        generator.brightness.data.fill_(value)
        losses = (MeanLosses(discriminator=0.0, generator=0.0),) * epoch
        yield TrainedEpoch(losses=losses, taken_from=epoch, generator=generator)


def picked(*brightness: float) -> list[tuple[int, float]]:
    found = best_so_far(training(*brightness), DATA, (0,), latent_size=1, seed=0)
    return [(state.taken_from, round(state.generator.brightness.item(), 3)) for state in found]


def test_the_nearest_generator_so_far_is_kept() -> None:
    assert picked(-0.5, 0.5, 0.0, 0.9) == [(1, -0.5), (2, 0.5), (2, 0.5), (2, 0.5)]


def test_epochs_and_losses_stay_those_of_the_training() -> None:
    states = list(best_so_far(training(0.5, 0.0), DATA, (0,), latent_size=1, seed=0))
    assert [state.epoch for state in states] == [1, 2]


def test_one_image_cannot_be_judged_and_the_latest_is_kept() -> None:
    one = replace(DATA, images=DATA.images[:1], labels=DATA.labels[:1])
    states = best_so_far(training(0.5, 0.0), one, (0,), latent_size=1, seed=0)
    assert [state.taken_from for state in states] == [1, 2]


def test_distance_grows_with_the_difference() -> None:
    near, far = (pixel_distance(state, DATA, (0,), latent_size=1, seed=0) for state in training(0.52, 0.8))
    assert 0 < 10 * abs(near) < far


def test_a_balancer_says_which_epoch_it_picked(training: TrainingSet) -> None:
    gan = {"epochs": 4, "batch_size": 4, "latent_size": 8}
    balancer = parse_balancing({"name": "vanilla_gan", "gan": gan, "pick_epoch_every": 1}).balancer
    *_, last = balancer.balance(training, seed=1)
    assert len(last.notes) == 2
    assert all("of 4 was picked" in note for note in last.notes)
    plain = parse_balancing({"name": "vanilla_gan", "gan": gan}).balancer
    *_, unpicked = plain.balance(training, seed=1)
    assert not unpicked.notes
    picked_last = all("epoch 4 of 4" in note for note in last.notes)
    assert torch.equal(unpicked.training.images, last.training.images) == picked_last


def test_picking_cannot_be_less_often_than_never() -> None:
    from gan_study.trainables.base.settings import ConfigError

    with pytest.raises(ConfigError, match="pick_epoch_every"):
        parse_balancing({"name": "dcgan", "pick_epoch_every": 0})
