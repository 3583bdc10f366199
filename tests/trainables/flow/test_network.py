"""The velocity network, for images of every size that a study may have."""

import pytest
import torch
from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.flow.network import VelocityNetwork


def network(size: int, channels: int = 1, *, width: int = 16) -> VelocityNetwork:
    """A network whose last layers are not 0, as they are before the first step."""
    torch.manual_seed(0)
    made = VelocityNetwork(ImageShape(size=size, channels=channels), width=width, num_classes=3)
    for module in made.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.1)
    return made.eval()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 11, 28, 29, 32, 33, 45, 64])
def test_a_velocity_has_the_shape_of_the_image(size: int, channels: int) -> None:
    images = torch.randn(2, channels, size, size)
    with torch.no_grad():
        velocities = network(size, channels)(images, torch.tensor([0.1, 0.9]), torch.tensor([0, 3]))
    assert velocities.shape == images.shape
    assert velocities.isfinite().all()
    # Up to every edge: no row or column of it is left out.
    assert velocities.abs().amax(dim=(0, 1, 2)).min() > 0 and velocities.abs().amax(dim=(0, 1, 3)).min() > 0


def test_a_network_begins_with_no_velocity() -> None:
    fresh = VelocityNetwork(ImageShape(size=12, channels=1), width=16, num_classes=3)
    velocities = fresh(torch.randn(2, 1, 12, 12), torch.rand(2), torch.tensor([0, 1]))
    assert velocities.abs().max() == 0


def test_a_velocity_depends_on_time_class_and_image_and_on_no_other_image() -> None:
    made = network(12)
    image = torch.randn(1, 1, 12, 12)
    images = torch.cat([image, image, image, image + 0.1])
    times, labels = torch.tensor([0.3, 0.8, 0.3, 0.3]), torch.tensor([1, 1, 2, 1])
    with torch.no_grad():
        first, *others = made(images, times, labels)
        alone = made(image, times[:1], labels[:1])[0]
    assert all((first - other).abs().max() > 1e-3 for other in others)
    torch.testing.assert_close(first, alone, rtol=1e-4, atol=1e-5)


def test_every_weight_is_trained() -> None:
    made = network(28)
    made(torch.randn(4, 1, 28, 28), torch.rand(4), torch.arange(4)).square().mean().backward()  # type: ignore[no-untyped-call]
    assert [name for name, weight in made.named_parameters() if weight.grad is None or not weight.grad.any()] == []


@pytest.mark.parametrize(("size", "coarsest"), [(8, 4), (16, 8), (28, 7), (32, 8), (33, 5), (64, 8)])
def test_maps_are_halved_until_all_positions_can_attend_to_each_other(size: int, coarsest: int) -> None:
    made, sides = network(size), []
    made.attention.register_forward_hook(lambda module, given, maps: sides.append(maps.shape[-1]))
    made(torch.randn(1, 1, size, size), torch.rand(1), torch.zeros(1, dtype=torch.int64))
    assert sides == [coarsest]
