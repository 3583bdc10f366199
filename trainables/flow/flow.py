"""Rectified flow: straight lines from noise to images, the loss of a velocity network, and images from one.

Lipman et al. 2023 ("Flow Matching for Generative Modeling", arXiv 2210.02747) and Liu et al. 2023 ("Flow Straight
and Fast", arXiv 2209.03003) found the same: a noise z at time 0 and an image x at time 1 are joined by the line
(1 - t) z + t x, whose velocity is x - z. A network learns the mean velocity of all lines through a point; followed
from a noise it leads to an image.
"""

import math

import torch
from torch import Tensor, nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.flow.network import VelocityNetwork

# Images that take their steps at once: their maps stay in a processor's cache.
AT_ONCE = 64


def flow_loss(network: nn.Module, images: Tensor, noise: Tensor, times: Tensor, labels: Tensor) -> Tensor:
    """The mean square error [] of the velocity on the line from `noise` to `images` [N, C, H, W] at `times` [N].

    Lipman et al. 2023, equation 23, with their smallest deviation 0; Liu et al. 2023, equation 1.
    """
    share = times[:, None, None, None]
    velocities = network(torch.lerp(noise, images, share), times, labels)
    return nn.functional.mse_loss(velocities, images - noise)


def spread_times(number: int, random: torch.Generator, *, dtype: torch.dtype) -> Tensor:
    """Times [number] from U(0, 1), spread evenly over a batch, which makes its loss less noisy.

    The low-discrepancy sampler of Kingma et al. 2021 ("Variational Diffusion Models").
    """
    device = random.device
    first = torch.rand((), generator=random, device=device, dtype=dtype)
    return (torch.arange(number, device=device, dtype=dtype) / number + first) % 1


def drop_labels(labels: Tensor, share: float, random: torch.Generator, *, no_class: int) -> Tensor:
    """`labels` [N], on average a `share` of them replaced by `no_class` (Ho and Salimans 2022, algorithm 1)."""
    is_dropped = torch.rand(len(labels), generator=random, device=labels.device) < share
    return torch.where(is_dropped, no_class, labels)


class FlowGenerator(nn.Module):
    """Images [N, C, H, W] in [-1, 1] of labels [N], from normal latents [N, C H W].

    It takes `num_steps` steps of Heun's method, of two evaluations of the network each, and the last of Euler's
    (Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", algorithm 1): at time
    1, where Heun's would ask too, the network sees an image without noise and can only guess its noise.

    With `guidance` w other than 1 it follows u + w (v - u), where v is the velocity for the label and u that for
    no class (Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", equation 6, whose w is one less). That
    takes twice as long.
    """

    def __init__(
        self, shape: ImageShape, *, num_classes: int, width: int, num_steps: int, guidance: float
    ) -> None:
        super().__init__()
        self.velocity = VelocityNetwork(shape, width=width, num_classes=num_classes)
        self.shape, self.num_classes = shape, num_classes
        self.num_steps, self.guidance = num_steps, guidance

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """The images."""
        noise = latents.view(-1, self.shape.channels, self.shape.size, self.shape.size)
        parts = zip(torch.split(noise, AT_ONCE), torch.split(labels, AT_ONCE), strict=True)
        return torch.cat([self._follow(points, of_points) for points, of_points in parts])

    def _follow(self, points: Tensor, labels: Tensor) -> Tensor:
        step = 1 / self.num_steps
        for number in range(self.num_steps):
            velocity = self._guided(points, number * step, labels)
            if number + 1 < self.num_steps:
                ahead = self._guided(points + step * velocity, (number + 1) * step, labels)
                velocity = (velocity + ahead) / 2
            points = points + step * velocity
        return points.clamp(-1, 1)

    def _guided(self, points: Tensor, time: float, labels: Tensor) -> Tensor:
        times = torch.full_like(points[:, 0, 0, 0], time)
        if math.isclose(self.guidance, 1):
            of_labels: Tensor = self.velocity(points, times, labels)
            return of_labels
        both = torch.cat([labels, torch.full_like(labels, self.num_classes)])
        of_labels, of_none = self.velocity(points.repeat(2, 1, 1, 1), times.repeat(2), both).chunk(2)
        return torch.lerp(of_none, of_labels, self.guidance)
