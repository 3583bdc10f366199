"""Convolutions of grey images by matrix products against torch's own, in float64."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.gans.networks.convolutions import Convolution, TransposedConvolution


def derivatives(layer: nn.Module, forward: nn.Module, maps: Tensor) -> Sequence[Tensor]:
    """The outputs, the gradients of a sum of their cubes, and those of the squares of the inputs' gradients."""
    points = maps.clone().requires_grad_()
    outputs = forward(points)
    (slopes,) = torch.autograd.grad(outputs.pow(3).sum(), points, create_graph=True)
    return [outputs, slopes, *torch.autograd.grad(slopes.square().sum(), [points, *layer.parameters()])]


def with_forward_of(layer: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """`layer` as torch's own class would run it: the same weights."""
    plain = nn.Module()
    plain.forward = kind.forward.__get__(layer)  # type: ignore[method-assign]
    return plain


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"),
    [(4, 2, 1, 6), (5, 2, 2, 7), (8, 2, 0, 11), (3, 1, 1, 5), (5, 1, 0, 9)],
)
def test_the_numbers_are_torchs_own(
    channels: int, bias: bool, kernel: int, stride: int, padding: int, size: int
) -> None:
    torch.manual_seed(0)
    geometry = {"kernel_size": kernel, "stride": stride, "padding": padding, "bias": bias}
    down = Convolution(channels, 5, **geometry).double()  # type: ignore[arg-type]
    up = TransposedConvolution(5, channels, **geometry).double()  # type: ignore[arg-type]
    to_image = Convolution(5, channels, **geometry).double()  # type: ignore[arg-type]
    for layer, kind, inputs in (
        (down, nn.Conv2d, channels),
        (to_image, nn.Conv2d, 5),
        (up, nn.ConvTranspose2d, 5),
    ):
        maps = torch.randn(3, inputs, size, size, dtype=torch.double)
        ours = derivatives(layer, layer, maps)
        theirs = derivatives(layer, with_forward_of(layer, kind), maps)
        for our, their in zip(ours, theirs, strict=True):
            torch.testing.assert_close(our, their, rtol=1e-11, atol=1e-11)


def test_grey_images_take_another_way_than_torchs() -> None:
    layer = Convolution(1, 2, kernel_size=4, stride=2, padding=1)
    image = torch.zeros(1, 1, 4, 4)
    assert "Convolution" in type(layer(image).grad_fn).__name__
    assert "Convolution" not in type(layer(image.requires_grad_()).grad_fn).__name__
    # The sum of patches and its bias: their convolution comes before.
    geometry = {"kernel_size": 3, "padding": 1}
    for to_image in (TransposedConvolution(2, 1, **geometry), Convolution(2, 1, **geometry)):  # type: ignore[arg-type]
        assert "Convolution" not in type(to_image(torch.zeros(1, 2, 4, 4)).grad_fn).__name__
    to_two = Convolution(2, 2, **geometry)  # type: ignore[arg-type]
    assert "Convolution" in type(to_two(torch.zeros(1, 2, 4, 4)).grad_fn).__name__
