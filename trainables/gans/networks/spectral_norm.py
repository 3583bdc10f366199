"""Spectral normalisation (Miyato et al. 2018).

Gives the same numbers as torch's own parametrization, whose power iteration uses `out=`, which torch.func.vmap
does not support: several GANs could not be trained together.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

# As in torch's parametrization.
FIRST_ITERATIONS = 15
SMALLEST_NORM = 1e-12


class SpectralNorm(nn.Module):
    """Divides a weight [O, ...], as a matrix of O rows, by its largest singular value.

    The value is u^T W v, with u and v from one more power iteration at each use in training (section 2.1).
    """

    left: Tensor
    right: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        height, width = weight.flatten(1).shape
        self.register_buffer("left", _unit(weight.new_empty(height).normal_()))
        self.register_buffer("right", _unit(weight.new_empty(width).normal_()))
        for _ in range(FIRST_ITERATIONS):
            self._iterate(weight.flatten(1))

    def forward(self, weight: Tensor) -> Tensor:
        """The divided weight."""
        matrix = weight.flatten(1)
        # Weights keep their precision, whatever the networks compute in. On the device "meta", where networks are
        # only measured, there is no autocast to turn off.
        with torch.autocast("cpu" if weight.is_meta else weight.device.type, enabled=False):
            if self.training:
                self._iterate(matrix)
            # As they are now: the next use changes them in place, and the gradient of this one still needs them.
            left, right = self.left.clone(), self.right.clone()
            return weight / torch.dot(left, matrix @ right)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        self.left.copy_(_unit(matrix @ self.right))
        self.right.copy_(_unit(matrix.T @ self.left))


def normalise_spectrally(network: nn.Module) -> nn.Module:
    """`network` with every weight matrix divided by its largest singular value."""
    for module in list(network.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
            parametrize.register_parametrization(module, "weight", SpectralNorm(module.weight))
    return network


def _unit(vector: Tensor) -> Tensor:
    return normalize(vector, dim=0, eps=SMALLEST_NORM)
