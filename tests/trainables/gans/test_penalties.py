import pytest
import torch
from torch import Tensor, nn

from trainables.gans.penalties import gradient_penalty
from trainables.gans.variant import AdversarialStep, Judgement


class LinearCritic(nn.Module):
    """3 x_0 + 4 x_1 + x_2 label: gradient (3, 4, label)."""

    def forward(self, images: Tensor, labels: Tensor) -> Judgement:
        x = images.flatten(1)
        return Judgement(logits=3 * x[:, 0] + 4 * x[:, 1] + labels * x[:, 2])


class SquareCritic(nn.Module):
    """x^2 / 2 of one pixel: its gradient is the pixel itself, so that the penalty shows the points taken."""

    def forward(self, images: Tensor, labels: Tensor) -> Judgement:
        return Judgement(logits=images.flatten(1).square().sum(dim=1) / 2)


def step(critic: nn.Module, real: Tensor, fake: Tensor, labels: Tensor) -> AdversarialStep:
    return AdversarialStep(
        discriminator=critic,
        real_images=real,
        fake_images=fake,
        labels=labels,
        num_classes=2,
        real=critic(real, labels),
        fake=critic(fake, labels),
        random=torch.Generator().manual_seed(0),
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


def test_penalty_reaches_the_critics_weights() -> None:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, bias=False), nn.Flatten(0))
    nn.init.constant_(critic[1].weight, 1.0)

    class Labelled(nn.Module):
        def forward(self, images: Tensor, labels: Tensor) -> Judgement:
            return Judgement(logits=critic(images))

    images = torch.zeros(3, 1, 2, 2)
    gradient_penalty(step(Labelled(), images, images, torch.zeros(3))).backward()
    # Norm of four ones is 2: d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w| = 1 each.
    torch.testing.assert_close(critic[1].weight.grad, torch.ones(1, 4))
