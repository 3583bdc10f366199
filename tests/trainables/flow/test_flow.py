"""Lines from noise to images: their loss, and where they lead, by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.flow.flow import FlowGenerator, drop_labels, flow_loss, spread_times

SHAPE = ImageShape(size=8, channels=1)


class Velocity(nn.Module):
    """A known velocity instead of a network."""

    def __init__(self, function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.asked_for: set[int] = set()

    def forward(self, images: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        self.asked_for |= set(labels.tolist())
        return self.function(images, times[:, None, None, None], labels[:, None, None, None])


def followed(
    function: Callable[[Tensor, Tensor, Tensor], Tensor], *, num_steps: int, guidance: float = 1.0
) -> tuple[Tensor, Tensor, Velocity]:
    """Latents, the images that they become, and the velocity that was asked, for labels 0 and 1 of 2 classes."""
    flow = FlowGenerator(SHAPE, num_classes=2, width=16, num_steps=num_steps, guidance=guidance)
    flow.velocity = velocity = Velocity(function)  # type: ignore[assignment]
    latents = torch.linspace(-0.4, 0.4, 128).view(2, 64)
    return latents, flow(latents, torch.tensor([0, 1])).flatten(1), velocity


def test_the_loss_is_that_of_the_velocity_at_the_point_of_the_line() -> None:
    images, noise = torch.full((2, 1, 2, 2), 0.5), torch.full((2, 1, 2, 2), -0.5)
    seen = {}

    def guess(points: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        seen.update(points=points[:, 0, 0, 0].tolist(), times=times.tolist(), labels=labels.tolist())
        return torch.full_like(points, 0.75)

    loss = flow_loss(guess, images, noise, torch.tensor([0.0, 0.25]), torch.tensor([3, 4]))  # type: ignore[arg-type]
    # From -0.5 to 0.5 the velocity is 1 everywhere, and a quarter of the way is at -0.25.
    assert loss.item() == pytest.approx(0.25**2)
    assert seen == {"points": [-0.5, -0.25], "times": [0.0, 0.25], "labels": [3, 4]}


def test_a_constant_velocity_is_followed_exactly_in_one_step() -> None:
    latents, images, _ = followed(lambda points, times, labels: torch.full_like(points, 0.3), num_steps=1)
    torch.testing.assert_close(images, latents + 0.3)


def test_a_velocity_that_grows_with_time_is_followed_exactly_up_to_the_last_step() -> None:
    # Heun's rule is exact for straight lines: 2/9 up to time 2/3. Euler's has the velocity at the step's start.
    latents, images, _ = followed(lambda points, times, labels: times.expand_as(points), num_steps=3)
    torch.testing.assert_close(images, latents + 2 / 9 + 1 / 3 * 2 / 3)


@pytest.mark.parametrize("num_steps", [1, 4])
def test_steps_are_those_of_heuns_method_and_the_last_is_eulers(num_steps: int) -> None:
    latents, images, _ = followed(lambda points, times, labels: -points, num_steps=num_steps)
    step = 1 / num_steps
    torch.testing.assert_close(images, latents * (1 - step + step**2 / 2) ** (num_steps - 1) * (1 - step))


def test_images_lie_between_black_and_white() -> None:
    _, images, _ = followed(lambda points, times, labels: torch.full_like(points, 5.0), num_steps=2)
    assert images.unique().tolist() == [1.0]


def test_guidance_goes_beyond_the_velocity_of_the_class() -> None:
    # 0.1 for class 0, 0.2 for class 1, 0.05 for no class, which has the label 2.
    of_labels = torch.tensor([0.1, 0.2, 0.05])
    latents, images, velocity = followed(
        lambda points, times, labels: of_labels[labels].expand_as(points), num_steps=2, guidance=3.0
    )
    expected = latents + torch.tensor([[0.05 + 3 * 0.05], [0.05 + 3 * 0.15]])
    torch.testing.assert_close(images, expected)
    assert velocity.asked_for == {0, 1, 2}


def test_without_guidance_the_network_is_asked_for_the_class_alone() -> None:
    _, _, velocity = followed(lambda points, times, labels: torch.zeros_like(points), num_steps=2)
    assert velocity.asked_for == {0, 1}


def test_images_do_not_depend_on_how_many_are_made_at_once() -> None:
    torch.manual_seed(0)
    flow = FlowGenerator(SHAPE, num_classes=2, width=16, num_steps=2, guidance=1.0)
    nn.init.normal_(flow.velocity.leave[-1].weight, std=0.1)  # type: ignore[arg-type]
    latents, labels = torch.randn(70, 64), torch.arange(70) % 2
    with torch.no_grad():
        torch.testing.assert_close(flow(latents, labels)[65:67], flow(latents[65:67], labels[65:67]))


def test_times_of_a_batch_are_spread_evenly() -> None:
    times = spread_times(5, torch.Generator().manual_seed(0), dtype=torch.float64).sort().values
    assert ((times >= 0) & (times < 1)).all()
    assert times.diff().tolist() == pytest.approx([0.2] * 4)
    other = spread_times(5, torch.Generator().manual_seed(1), dtype=torch.float64).sort().values
    assert not torch.allclose(times, other)


def test_a_share_of_the_labels_is_dropped() -> None:
    labels = torch.arange(4000) % 3
    shown = drop_labels(labels, 0.1, torch.Generator().manual_seed(0), no_class=3)
    is_dropped = shown == 3
    # 400 on average, with a standard deviation of 19.
    assert 340 < int(is_dropped.sum()) < 460
    assert torch.equal(shown[~is_dropped], labels[~is_dropped])
    assert torch.equal(drop_labels(labels, 0.0, torch.Generator(), no_class=3), labels)
