import pytest
import torch
from torch.nn import functional

from gan_study.trainables.gans.networks.doubled_convolution import DoubledConvolution


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
