"""Initial weights, drawn from the global random state."""

from typing import TypeVar

from torch import nn

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

_WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
_NORMALISING = (nn.BatchNorm1d, nn.BatchNorm2d)

# Radford et al. 2015, section 4; that batch norm's scales are drawn about 1 is the practice of its first code.
DCGAN_DEVIATION = 0.02


def draw_normal(network: nn.Module) -> nn.Module:
    """`network` with weights from N(0, 0.02), batch norm's scales from N(1, 0.02), and biases 0."""
    for module in network.modules():
        if isinstance(module, _WEIGHTED):
            nn.init.normal_(module.weight, 0.0, DCGAN_DEVIATION)
        if isinstance(module, _NORMALISING):
            nn.init.normal_(module.weight, 1.0, DCGAN_DEVIATION)
    return _without_biases(network)


def draw_xavier(network: nn.Module) -> nn.Module:
    """`network` with weights from U(-a, a), a^2 = 6 / (fan in + fan out), biases 0 (Glorot and Bengio 2010)."""
    for module in network.modules():
        if isinstance(module, _WEIGHTED):
            nn.init.xavier_uniform_(module.weight)
    return _without_biases(network)


def draw_for_leaky_relu(layer: Layer, *, slope: float, gain: float = 1.0) -> Layer:
    """`layer` with weights from N(0, 2 gain^2 / ((1 + slope^2) fan in)), biases 0 (He et al. 2015, section 2.2).

    That keeps the size of what goes through a LeakyReLU of `slope`, times `gain`.
    """
    nn.init.kaiming_normal_(layer.weight, a=slope)
    layer.weight.data.mul_(gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _without_biases(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, (*_WEIGHTED, *_NORMALISING)) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return network
