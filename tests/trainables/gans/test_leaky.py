"""LeakyReLU against torch's own, and that its second derivative costs nothing."""

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from gan_study.trainables.gans.networks.leaky import Leaky

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
