import torch
from torch import nn

from gan_study.trainables.classifiers.layers import convolved_and_pooled


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
