from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import leaky_relu

from gan_study.trainables.base.layers import (
    Convolution,
    DoubledConvolution,
    FlattenMaps,
    Leaky,
    TransposedConvolution,
    UnflattenMaps,
    convolved_and_pooled,
)


def test_values_of_a_position_lie_side_by_side() -> None:
    maps = torch.arange(2 * 3 * 2 * 2).view(2, 3, 2, 2)
    # The first image's channels begin at 0, 4 and 8.
    assert FlattenMaps()(maps)[0].tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]


def test_unflattening_undoes_flattening() -> None:
    maps = torch.randn(2, 3, 4, 4)
    assert torch.equal(UnflattenMaps(3, 4)(FlattenMaps()(maps)), maps)


def test_maps_with_channels_last_are_not_copied() -> None:
    maps = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    assert FlattenMaps()(maps).data_ptr() == maps.data_ptr()
    assert UnflattenMaps(3, 4)(torch.randn(2, 48)).is_contiguous(memory_format=torch.channels_last)


VALUES = torch.tensor([-3.0, -0.5, 0.0, 0.5, 2.0], dtype=torch.double)


def test_values_and_slopes_are_torchs_own() -> None:
    ours, theirs = VALUES.clone().requires_grad_(), VALUES.clone().requires_grad_()
    assert torch.equal(Leaky()(ours), leaky_relu(theirs, 0.2))
    Leaky()(ours).pow(3).sum().backward()
    leaky_relu(theirs, 0.2).pow(3).sum().backward()
    assert torch.equal(ours.grad, theirs.grad)  # type: ignore[arg-type]


def penalty_gradients(activation: nn.Module) -> list[torch.Tensor | None]:
    """Those of a penalty on the slopes of a small network, by weights and biases."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 4), activation, nn.Linear(4, 1)).double()
    points = torch.randn(6, 3, dtype=torch.double, requires_grad=True)
    (slopes,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
    ((slopes.norm(dim=1) - 1) ** 2).mean().backward()
    return [parameter.grad for parameter in network.parameters()]


def test_a_penalty_on_slopes_has_the_same_gradients_and_none_of_them_is_a_tensor_of_zeros() -> None:
    for ours, theirs in zip(penalty_gradients(Leaky()), penalty_gradients(nn.LeakyReLU(0.2)), strict=True):
        if ours is None:
            # A bias: it moves no slope, and is not even visited.
            assert theirs is None or not theirs.any()
        else:
            assert theirs is not None and theirs.any()
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


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


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (7, 7)])
def test_values_and_gradients_are_those_of_repeating_and_convolving(height: int, width: int, bias: bool) -> None:
    torch.manual_seed(0)
    layer = DoubledConvolution(3, 5, bias=bias).double()
    maps = torch.randn(2, 3, height, width, dtype=torch.double, requires_grad=True)

    def repeated_and_convolved() -> torch.Tensor:
        repeated = functional.interpolate(maps, scale_factor=2, mode="nearest")
        return functional.conv2d(repeated, layer.weight, layer.bias, padding=1)

    wanted, found = repeated_and_convolved(), layer(maps)
    assert found.shape == (2, 5, 2 * height, 2 * width)
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)
    weights = torch.randn_like(wanted)
    inputs = (maps, *layer.parameters())
    for one, other in zip(
        torch.autograd.grad((found * weights).sum(), inputs),
        torch.autograd.grad((wanted * weights).sum(), inputs),
        strict=True,
    ):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)


def test_its_parameters_are_a_convolutions_and_nothing_else_is_kept() -> None:
    assert {name: tuple(v.shape) for name, v in DoubledConvolution(3, 5).state_dict().items()} == {
        "weight": (5, 3, 3, 3),
        "bias": (5,),
    }


def test_pooling_before_relu_is_pooling_after_it() -> None:
    torch.manual_seed(0)
    convolution, pooling, relu = (layer.double() for layer in convolved_and_pooled(3, 5))
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    wanted = torch.randn(4, 5, 4, 4, dtype=torch.float64)

    def answers(network: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        convolution.zero_grad()
        made = network(images)
        (made * wanted).sum().backward()
        assert convolution.weight.grad is not None
        return made.detach(), convolution.weight.grad.clone()

    ours = answers(nn.Sequential(convolution, pooling, relu))
    usual = answers(nn.Sequential(convolution, relu, pooling))
    assert all(torch.equal(one, other) for one, other in zip(ours, usual, strict=True))
    assert (ours[0] == 0).any() and (ours[0] > 0).any()
