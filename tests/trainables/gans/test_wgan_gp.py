import math

import pytest
import torch
from torch import nn

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.images import ImageShape, pyramid
from gan_study.trainables.gans.networks.wasserstein import wasserstein_critic, wasserstein_generator
from gan_study.trainables.gans.penalties import gradient_penalty
from gan_study.trainables.gans.variants.wgan_gp import WGAN_GP

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def convolutions(network: nn.Module) -> list[tuple[int, int, int, int, int]]:
    """Channels in and out, kernel, stride and padding of each."""
    return [
        (layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0], layer.padding[0])
        for layer in network.modules()
        if isinstance(layer, CONVOLUTIONS)
    ]


def linear_sizes(network: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in network.modules() if isinstance(layer, nn.Linear)]


def sizes_on_the_way(network: nn.Module, inputs: torch.Tensor) -> list[int]:
    """Pixels a side of each convolution's maps."""
    sizes: list[int] = []
    for layer in network.modules():
        if isinstance(layer, CONVOLUTIONS):
            layer.register_forward_hook(lambda _module, _inputs, maps: sizes.append(maps.shape[-1]))
    network(inputs)
    return sizes


def num_parameters(network: nn.Module) -> int:
    return sum(values.numel() for values in network.parameters())


def test_28_pixels_have_the_layers_of_the_reference() -> None:
    shape = ImageShape(size=28, channels=1)
    generator, critic = wasserstein_generator(shape, latent_size=128), wasserstein_critic(shape)
    assert linear_sizes(generator) == [(128, 256 * 4 * 4)]
    assert convolutions(generator) == [(256, 128, 5, 1, 0), (128, 64, 5, 1, 0), (64, 1, 8, 2, 0)]
    # The 8 are cropped to 7: from them 5x5 kernels make 11, and 8x8 ones of stride 2 make 2 * 10 + 8.
    assert sizes_on_the_way(generator, torch.randn(2, 128)) == [8, 11, 28]
    assert convolutions(critic) == [(1, 64, 5, 2, 2), (64, 128, 5, 2, 2), (128, 256, 5, 2, 2)]
    assert sizes_on_the_way(critic, torch.randn(2, 1, 28, 28)) == [14, 7, 4]
    assert linear_sizes(critic) == [(256 * 4 * 4, 1)]
    assert not any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in generator.modules())


def test_32_pixels_have_the_layers_of_the_reference() -> None:
    shape = ImageShape(size=32, channels=3)
    generator, critic = wasserstein_generator(shape, latent_size=128), wasserstein_critic(shape)
    assert linear_sizes(generator) == [(128, 512 * 4 * 4)]
    assert convolutions(generator) == [(512, 256, 2, 2, 0), (256, 128, 2, 2, 0), (128, 3, 2, 2, 0)]
    assert sizes_on_the_way(generator, torch.randn(2, 128)) == [8, 16, 32]
    norms = [m.num_features for m in generator.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert norms == [512 * 4 * 4, 256, 128]
    assert convolutions(critic) == [(3, 128, 3, 2, 1), (128, 256, 3, 2, 1), (256, 512, 3, 2, 1)]
    assert sizes_on_the_way(critic, torch.randn(2, 3, 32, 32)) == [16, 8, 4]
    assert linear_sizes(critic) == [(512 * 4 * 4, 1)]


def test_numbers_of_parameters_by_hand() -> None:
    grey, colour = ImageShape(size=28, channels=1), ImageShape(size=32, channels=3)
    # Weights and biases: 128 -> 4096 values, 256 -> 128 -> 64 channels by 5x5, and -> 1 by 8x8.
    generator = 129 * 4096 + (256 * 25 + 1) * 128 + (128 * 25 + 1) * 64 + (64 * 64 + 1)
    assert num_parameters(wasserstein_generator(grey, latent_size=128)) == generator == 1_556_673
    critic = 26 * 64 + (64 * 25 + 1) * 128 + (128 * 25 + 1) * 256 + 4097
    assert num_parameters(wasserstein_critic(grey)) == critic == 1_030_145
    # Batch norm has a scale and a shift for each of the 8192 values, then of the 256 and the 128 channels.
    norms = 2 * (8192 + 256 + 128)
    generator = 129 * 8192 + (512 * 4 + 1) * 256 + (256 * 4 + 1) * 128 + (128 * 4 + 1) * 3 + norms
    assert num_parameters(wasserstein_generator(colour, latent_size=128)) == generator == 1_731_203
    critic = 28 * 128 + (128 * 9 + 1) * 256 + (256 * 9 + 1) * 512 + 8193
    assert num_parameters(wasserstein_critic(colour)) == critic == 1_487_105


def test_more_doublings_come_at_the_end_and_fewer_leave_the_widest_out() -> None:
    def channels(size: int) -> list[int]:
        critic = wasserstein_critic(ImageShape(size=size, channels=1))
        return [layer[1] for layer in convolutions(critic)]

    assert channels(56) == [32, 64, 128, 256]
    assert channels(64) == [64, 128, 256, 512]
    assert channels(16) == [128, 256]
    assert channels(8) == [128]
    generator = wasserstein_generator(ImageShape(size=56, channels=1), latent_size=8)
    assert convolutions(generator)[2:] == [(64, 32, 8, 2, 0), (32, 1, 8, 2, 3)]


def has_pyramid(size: int) -> bool:
    try:
        pyramid(size)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("size", [size for size in range(8, 65) if has_pyramid(size)])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_and_colour(size: int, channels: int) -> None:
    shape = ImageShape(size=size, channels=channels)
    images = wasserstein_generator(shape, latent_size=4)(torch.randn(2, 4))
    assert images.shape == (2, channels, size, size)
    assert wasserstein_critic(shape)(images).logits.shape == (2,)


@pytest.mark.parametrize("size", [28, 32])
def test_critic_has_no_batch_norm_and_both_leak(size: int) -> None:
    networks = WGAN_GP.networks(ImageShape(size=size, channels=3), 128, 2)
    critic, generator = list(networks.discriminator.modules()), list(networks.generator.modules())
    assert not any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in critic)
    assert not any(isinstance(layer, nn.ReLU) for layer in critic + generator)
    slopes = [layer.negative_slope for layer in critic + generator if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * 6


def test_weights_are_xaviers() -> None:
    networks = WGAN_GP.networks(ImageShape(size=28, channels=1), 128, 2)
    last = next(m for m in networks.discriminator.modules() if isinstance(m, nn.Linear))
    assert last.weight.abs().max().item() == pytest.approx(math.sqrt(6 / (4096 + 1)), rel=0.01)
    assert not last.bias.any()


def test_a_critic_judges_each_image_by_itself() -> None:
    critic = wasserstein_critic(ImageShape(size=28, channels=1)).train()
    images = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(critic(images).logits[:1], critic(images[:1]).logits)


def test_defaults_are_those_of_the_reference() -> None:
    given = WGAN_GP.defaults
    assert (given.learning_rate, given.beta1, given.beta2) == (1e-4, 0.5, 0.9)
    assert (given.latent_size, given.discriminator_steps) == (128, 5)
    assert given.weights == {"gradient_penalty": 10.0}
    assert [term.function for term in WGAN_GP.discriminator_terms] == [gradient_penalty]
