import pytest
import torch
from torch import nn

from gan_study.trainables.base.layers import draw_for_leaky_relu
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.networks.plain_residual import PlainBlock, class_vectors
from gan_study.trainables.gans.penalties import r1, r2
from gan_study.trainables.gans.variants.r3gan import R3GAN

SHAPE = ImageShape(size=28, channels=1)


def test_a_block_begins_as_the_identity_and_can_learn() -> None:
    block, maps = PlainBlock(16, num_blocks=4), torch.randn(2, 16, 5, 5)
    assert torch.equal(block(maps), maps)
    block(maps).square().sum().backward()
    narrow = block.residual[4]
    assert narrow.weight.grad.abs().sum() > 0


def test_a_block_is_1x1_grouped_3x3_1x1() -> None:
    convolutions = [layer for layer in PlainBlock(32, num_blocks=1).modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.kernel_size for layer in convolutions] == [(1, 1), (3, 3), (1, 1)]
    assert [(layer.in_channels, layer.out_channels) for layer in convolutions] == [(32, 64), (64, 64), (64, 32)]
    assert [layer.groups for layer in convolutions] == [1, 4, 1]


def test_weights_shrink_with_the_number_of_blocks() -> None:
    # Sixteen blocks of three layers: 16^(-1/4) = 1/2 of sqrt(2 / (1.04 fan in)), fan in 9 x 16.
    block = PlainBlock(256, num_blocks=16)
    assert block.residual[2].weight.std().item() == pytest.approx(0.5 * (2 / 1.04 / 144) ** 0.5, rel=0.02)


def test_a_layer_without_activation_keeps_the_variance() -> None:
    layer = draw_for_leaky_relu(nn.Linear(400, 400), slope=1.0)
    assert layer.weight.std().item() == pytest.approx(0.05, rel=0.02)
    assert not layer.bias.any()


def test_class_vectors_are_a_linear_layer_of_one_hot_labels() -> None:
    assert class_vectors(4, 50_000).weight.std().item() == pytest.approx(0.5, rel=0.02)
    assert class_vectors(4, 50_000, gain=0.1).weight.std().item() == pytest.approx(0.05, rel=0.02)


def test_nothing_is_normalised() -> None:
    networks = R3GAN.networks(SHAPE, 16, 10)
    modules = [*networks.generator.modules(), *networks.discriminator.modules()]
    assert not any("norm" in type(module).__name__.lower() for module in modules)


def test_gamma_weighs_both_penalties() -> None:
    assert [term.function for term in R3GAN.discriminator_terms] == [r1, r2]
    assert R3GAN.defaults.weights["r1"] == R3GAN.defaults.weights["r2"]
