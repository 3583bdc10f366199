from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.gans.penalties import dragan_penalty, gradient_penalty, r1, r2
from gan_study.trainables.gans.random_streams import GeneratorStream
from gan_study.trainables.gans.trainer import NetworkDiscriminator
from gan_study.trainables.gans.variant import AdversarialStep, DiscriminatorOutput


class LinearCritic(nn.Module):
    """3 x_0 + 4 x_1 + x_2 label: gradient (3, 4, label)."""

    def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        x = images.flatten(1)
        return DiscriminatorOutput(logits=3 * x[:, 0] + 4 * x[:, 1] + labels * x[:, 2])


class SquareCritic(nn.Module):
    """x^2 / 2 of one pixel: its gradient is the pixel itself, so that the penalty shows the points taken."""

    def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput(logits=images.flatten(1).square().sum(dim=1) / 2)


def step(critic: nn.Module, real: Tensor, fake: Tensor, labels: Tensor) -> AdversarialStep:
    return AdversarialStep(
        discriminator=NetworkDiscriminator(critic),
        real_images=real,
        fake_images=fake,
        labels=labels,
        num_classes=2,
        real=critic(real, labels),
        fake=critic(fake, labels),
        random=GeneratorStream(torch.Generator().manual_seed(0)),
    )


def test_linear_critic_by_hand() -> None:
    images = torch.randn(2, 3, 1, 1, dtype=torch.float64)
    # Gradient norms: |(3, 4, 0)| = 5 and |(3, 4, 12)| = 13, so the mean of 4^2 and 12^2.
    penalty = gradient_penalty(step(LinearCritic(), images, -images, torch.tensor([0, 12])))
    assert penalty.item() == pytest.approx(80.0, abs=1e-9)


def test_points_lie_between_real_and_fake_uniformly() -> None:
    real = torch.full((20_000, 1, 1, 1), 3.0, dtype=torch.float64)
    fake = torch.full_like(real, 1.0)
    penalty = gradient_penalty(step(SquareCritic(), real, fake, torch.zeros(20_000)))
    # Points x ~ U(1, 3): E (x - 1)^2 = 2^2 / 3.
    assert penalty.item() == pytest.approx(4 / 3, abs=0.03)


def test_one_share_holds_for_all_of_an_image() -> None:
    number = 100_000
    real = torch.tensor([3.0, 4.0], dtype=torch.float64).repeat(number, 1).reshape(-1, 1, 1, 2)
    penalty = gradient_penalty(step(SquareCritic(), real, torch.zeros_like(real), torch.zeros(number)))
    # Points u (3, 4) with slopes of length 5u, u ~ U(0, 1): E (5u - 1)^2 = 25/3 - 5 + 1. With a share for each
    # value it would be another: E |(3u, 4v)| is not 5/2.
    assert penalty.item() == pytest.approx(13 / 3, abs=0.06)


def test_penalty_reaches_the_critics_weights() -> None:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, bias=False), nn.Flatten(0))
    nn.init.constant_(critic[1].weight, 1.0)

    class Labelled(nn.Module):
        def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
            return DiscriminatorOutput(logits=critic(images))

    images = torch.zeros(3, 1, 2, 2)
    gradient_penalty(step(Labelled(), images, images, torch.zeros(3))).backward()
    # Norm of four ones is 2: d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w| = 1 each.
    torch.testing.assert_close(critic[1].weight.grad, torch.ones(1, 4))


def test_dragan_penalty_of_a_linear_critic_by_hand() -> None:
    images = torch.randn(2, 3, 1, 1, dtype=torch.float64)
    # Gradient norms 5 and 13, wherever the points are.
    penalty = dragan_penalty(step(LinearCritic(), images, -images, torch.tensor([0, 12])))
    assert penalty.item() == pytest.approx(80.0, abs=1e-9)


def test_dragan_points_lie_beside_the_real_images() -> None:
    number = 50_000
    real = torch.tensor([1.0, 5.0], dtype=torch.float64).repeat(number // 2).reshape(-1, 1, 1, 1)
    penalty = dragan_penalty(step(SquareCritic(), real, torch.full_like(real, 99.0), torch.zeros(number)))
    # The deviation of 1 and 5 is 2, so that half of it is 1: points 1 + uv and 5 + uv, u, v ~ U(0, 1).
    # E (uv)^2 = 1/9 and E (4 + uv)^2 = 16 + 8/4 + 1/9.
    assert penalty.item() == pytest.approx((1 / 9 + 18 + 1 / 9) / 2, abs=0.05)


def test_dragan_noise_is_drawn_for_each_value_and_its_share_for_each_image() -> None:
    seen: list[Tensor] = []

    class Watching(nn.Module):
        def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
            seen.append(images.detach())
            return DiscriminatorOutput(logits=images.flatten(1).sum(dim=1))

    real = torch.randn(20_000, 1, 1, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    dragan_penalty(step(Watching(), real, real, torch.zeros(len(real))))
    shift = (seen[-1] - real).flatten(1) * 2 / real.std(correction=0)
    assert shift.min() >= 0 and shift.max() <= 1
    # Two values u v and u w of an image: covariance var(u) / 4 = 1/48, variance 1/9 - 1/16 = 7/144; ratio 3/7.
    assert torch.corrcoef(shift.T)[0, 1].item() == pytest.approx(3 / 7, abs=0.03)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_dragan_penalty_of_one_flat_image_is_finite(value: float) -> None:
    image = torch.full((1, 1, 1, 1), value, dtype=torch.float64)
    # Nothing varies, so that the point is the image, whose slope is its value.
    penalty = dragan_penalty(step(SquareCritic(), image, image, torch.zeros(1)))
    assert penalty.item() == pytest.approx((value - 1) ** 2, abs=1e-12)


@pytest.mark.parametrize(("weight", "expected"), [(1.0, 1.0), (0.0, 0.0)])
def test_dragan_penalty_reaches_the_critics_weights(weight: float, expected: float) -> None:
    """Four ones have norm 2 and d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w| = 1; no slope at all is no NaN."""
    layer = nn.Linear(4, 1, bias=False)
    nn.init.constant_(layer.weight, weight)

    class Linear(nn.Module):
        def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
            return DiscriminatorOutput(logits=layer(images.flatten(1)).squeeze(1))

    images = torch.zeros(3, 1, 2, 2)
    dragan_penalty(step(Linear(), images, images, torch.zeros(3))).backward()
    torch.testing.assert_close(layer.weight.grad, torch.full((1, 4), expected))


def test_r1_and_r2_by_hand() -> None:
    # The gradient of x^2 / 2 is x: squared norms 1 + 4 and 9 of the real images, 16 and 0 of the fake ones.
    real = torch.tensor([[1.0, 2.0], [3.0, 0.0]], dtype=torch.float64).reshape(2, 1, 1, 2)
    fake = torch.tensor([[4.0, 0.0], [0.0, 0.0]], dtype=torch.float64).reshape(2, 1, 1, 2)
    judged = step(SquareCritic(), real, fake, torch.zeros(2))
    assert r1(judged).item() == pytest.approx((5 + 9) / 2 / 2, abs=1e-12)
    assert r2(judged).item() == pytest.approx((16 + 0) / 2 / 2, abs=1e-12)


def test_r1_takes_the_labels_that_the_images_have() -> None:
    images = torch.randn(2, 3, 1, 1, dtype=torch.float64)
    # Squared norms 5^2 and 13^2.
    penalty = r1(step(LinearCritic(), images, images, torch.tensor([0, 12])))
    assert penalty.item() == pytest.approx((25 + 169) / 2 / 2, abs=1e-9)


@pytest.mark.parametrize("penalty", [r1, r2])
def test_r1_and_r2_reach_the_critics_weights(penalty: Callable[[AdversarialStep], Tensor]) -> None:
    layer = nn.Linear(4, 1, bias=False)
    nn.init.constant_(layer.weight, 3.0)

    class Linear(nn.Module):
        def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
            return DiscriminatorOutput(logits=layer(images.flatten(1)).squeeze(1))

    images = torch.zeros(3, 1, 2, 2)
    penalty(step(Linear(), images, images, torch.zeros(3))).backward()
    # |w|^2 / 2 has the gradient w.
    torch.testing.assert_close(layer.weight.grad, torch.full((1, 4), 3.0))
