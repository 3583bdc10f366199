"""The exponential average of a generator's weights."""

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn


class AveragedGenerator(nn.Module):
    """A copy of `generator` whose weights are its exponential average; its buffers are those of the generator.

    The decay starts low and grows to `decay`, as min(decay, (1 + n) / (10 + n)) after n updates (as in
    TensorFlow's ExponentialMovingAverage); otherwise a short training would sample from its initial weights. The
    first update copies.
    """

    num_updates: Tensor

    def __init__(self, generator: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = deepcopy(generator).requires_grad_(False)
        self.decay = decay
        device = next(generator.parameters()).device
        self.register_buffer("num_updates", torch.zeros((), dtype=torch.float64, device=device))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Images of the averaged generator."""
        images: Tensor = self.module(latents, labels)
        return images

    def follow(self, generator: nn.Module) -> None:
        """One update towards `generator`."""
        move_average(
            zip(self.module.parameters(), generator.parameters(), strict=True),
            zip(self.module.buffers(), generator.buffers(), strict=True),
            num_updates=self.num_updates,
            decay=self.decay,
        )


def network_of(generator: nn.Module) -> nn.Module:
    """The network that generates images: the average's own copy, if there is one."""
    return generator.module if isinstance(generator, AveragedGenerator) else generator


@torch.no_grad()
def move_average(
    weights: Iterable[tuple[Tensor, Tensor]],
    buffers: Iterable[tuple[Tensor, Tensor]],
    *,
    num_updates: Tensor,
    decay: float,
) -> None:
    """Moves the first of each pair towards the second, in place, and counts the update in `num_updates` [].

    The count is on the weights' device and is not read, so a GPU never has to be waited for.
    """
    share = 1 - ((1 + num_updates) / (10 + num_updates)).clamp(max=decay)
    share = torch.where(num_updates == 0, torch.ones_like(share), share)
    for average, current in weights:
        average.lerp_(current, share.to(average.dtype))
    for average, current in buffers:
        average.copy_(current)
    num_updates += 1
