import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from gan_study.trainables.base.layers import DoubledConvolution
from gan_study.trainables.base.seeding import seeded_global_state
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.conditioning import StackLabels
from gan_study.trainables.gans.networks.convolutional import upsampling_generator
from gan_study.trainables.gans.penalties import gradient_penalty
from gan_study.trainables.gans.variants.cgan_sngp import CGAN_SNGP

SHAPE = ImageShape(size=28, channels=1)


def test_generator_repeats_pixels_and_convolves() -> None:
    generator = upsampling_generator(ImageShape(size=32, channels=3), input_size=110)
    assert not any(isinstance(m, nn.ConvTranspose2d) for m in generator.modules())
    assert sum(isinstance(m, DoubledConvolution) for m in generator.modules()) == 3
    channels = [(m.in_channels, m.out_channels) for m in generator.modules() if isinstance(m, nn.Conv2d)]
    assert channels == [(128, 64), (64, 32), (32, 16), (16, 3)]


def test_numbers_of_parameters_by_hand() -> None:
    networks = CGAN_SNGP.networks(SHAPE, 100, 10)

    def count(network: nn.Module) -> int:
        return sum(values.numel() for values in network.parameters())

    # Ten labels of 10 values; 110 -> 64 maps of 7x7; 3x3 kernels to 32, 16 and 1; scale and shift of each map.
    generator = 10 * 10 + 110 * 64 * 49 + 64 * 32 * 9 + 32 * 16 * 9 + (16 * 9 + 1) + 2 * (64 + 32 + 16)
    assert count(networks.generator) == generator == 368_469
    # Ten labels of 28x28 values; the image and they -> 32 -> 64 maps by 4x4 kernels; 7x7 of these -> 1.
    discriminator = 10 * 784 + (2 * 16 + 1) * 32 + (32 * 16 + 1) * 64 + (64 * 49 + 1)
    assert count(networks.discriminator) == discriminator == 44_865


def sizes_on_the_way(network: nn.Module, inputs: torch.Tensor) -> list[int]:
    """Pixels a side of each convolution's maps."""
    sizes: list[int] = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _module, _inputs, maps: sizes.append(maps.shape[-1]))
    network(inputs, torch.tensor([0, 1]))
    return sizes


@pytest.mark.parametrize(
    ("shape", "up", "down"),
    [
        (ImageShape(size=28, channels=1), [14, 28, 28], [14, 7]),
        (ImageShape(size=32, channels=3), [8, 16, 32, 32], [16, 8, 4]),
    ],
)
def test_doubles_up_and_halves_down(shape: ImageShape, up: list[int], down: list[int]) -> None:
    networks = CGAN_SNGP.networks(shape, 8, 2)
    assert sizes_on_the_way(networks.generator, torch.randn(2, 8)) == up
    assert sizes_on_the_way(networks.discriminator, torch.randn(2, shape.channels, shape.size, shape.size)) == down


def test_every_layer_of_the_discriminator_has_norm_one_also_while_it_learns() -> None:
    with seeded_global_state(0):
        discriminator = CGAN_SNGP.networks(SHAPE, 16, 10).discriminator
        real, fake, labels = torch.rand(4, 1, 28, 28), torch.zeros(4, 1, 28, 28), torch.arange(4)
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=CGAN_SNGP.defaults.learning_rate)
    for _ in range(50):
        loss = CROSS_ENTROPY.discriminator(discriminator(real, labels).logits, discriminator(fake, labels).logits)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    layers = [m for m in discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    norms = torch.stack([torch.linalg.matrix_norm(m.weight.flatten(1), ord=2) for m in layers])
    assert len(layers) == 3
    torch.testing.assert_close(norms, torch.ones(3), atol=0.02, rtol=0)
    assert not is_parametrized(discriminator.embedding)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in discriminator.modules())


def test_label_is_one_more_channel() -> None:
    network = StackLabels(nn.Identity(), num_classes=2, size=2)
    network.embedding.weight.data = torch.tensor([[0.0, 0.0, 0.0, 0.0], [5.0, 6.0, 7.0, 8.0]])
    stacked = network(torch.ones(1, 3, 2, 2), torch.tensor([1]))
    assert stacked.shape == (1, 4, 2, 2)
    assert stacked[0, :3].eq(1).all()
    assert stacked[0, 3].tolist() == [[5.0, 6.0], [7.0, 8.0]]


def test_is_trained_as_document_001_says() -> None:
    given = CGAN_SNGP.defaults
    assert CGAN_SNGP.conditional
    assert CGAN_SNGP.loss is CROSS_ENTROPY
    assert [term.function for term in CGAN_SNGP.discriminator_terms] == [gradient_penalty]
    assert (given.learning_rate, given.beta1, given.beta2, given.latent_size) == (2e-4, 0.5, 0.999, 100)
