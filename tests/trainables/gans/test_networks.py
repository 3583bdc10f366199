import math

import pytest
import torch
from torch import nn

from gan_study.trainables.base.layers import draw_normal, draw_xavier
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.networks.conditioning import ConcatenateBeforeLinear, ConcatenateLabels
from gan_study.trainables.gans.variant import GanVariant

MNIST = ImageShape(size=28, channels=1)


def layers(network: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, kind)]


def linear_sizes(network: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in layers(network, nn.Linear)]


def conv_channels(network: nn.Module, kind: type[nn.Module]) -> list[tuple[int, int]]:
    return [(layer.in_channels, layer.out_channels) for layer in layers(network, kind)]


def test_vanilla_gan_has_the_layers_of_document_000() -> None:
    networks = VARIANTS["vanilla_gan"].networks(MNIST, 100, 10)
    assert linear_sizes(networks.generator) == [(100, 256), (256, 512), (512, 784)]
    assert linear_sizes(networks.discriminator) == [(784, 512), (512, 256), (256, 1)]
    assert [layer.negative_slope for layer in layers(networks.discriminator, nn.LeakyReLU)] == [0.2, 0.2]
    assert len(layers(networks.generator, nn.ReLU)) == 2
    assert len(layers(networks.generator, nn.Tanh)) == 1


def test_dcgan_doubles_up_and_halves_down() -> None:
    networks = VARIANTS["dcgan"].networks(ImageShape(size=64, channels=3), 100, 2)
    assert linear_sizes(networks.generator) == [(100, 256 * 4 * 4)]
    up = [(256, 128), (128, 64), (64, 32), (32, 3)]
    assert conv_channels(networks.generator, nn.ConvTranspose2d) == up
    assert conv_channels(networks.discriminator, nn.Conv2d) == [(b, a) for a, b in reversed(up)]
    assert [norm.num_features for norm in layers(networks.discriminator, nn.BatchNorm2d)] == [64, 128, 256]


def test_concatenate_labels_puts_the_labels_vector_after_the_input() -> None:
    network = ConcatenateLabels(nn.Identity(), num_classes=3, label_size=2)
    nn.init.zeros_(network.embedding.weight)
    network.embedding.weight.data[1] = torch.tensor([7.0, 8.0])
    inputs = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])
    expected = torch.tensor([[1.0, 2.0, 7.0, 8.0], [3.0, 4.0, 0.0, 0.0]])
    torch.testing.assert_close(network(inputs, torch.tensor([1, 2])), expected)


def test_labels_concatenated_before_a_linear_layer_are_as_concatenated_before_any() -> None:
    torch.manual_seed(0)
    linear, after = nn.Linear(12 + 2, 5), nn.Sequential(nn.ReLU(), nn.Linear(5, 1))
    apart = ConcatenateBeforeLinear(linear, after, num_classes=3, label_size=2).double()
    together = ConcatenateLabels(nn.Sequential(linear, after), num_classes=3, label_size=2).double()
    together.embedding = apart.embedding
    images = torch.randn(6, 3, 2, 2, dtype=torch.double, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 0, 1, 1])
    slopes = []
    for network in (apart, together):
        outputs = network(images, labels)
        weights = [apart.embedding.weight, after[1].weight, apart.bias]
        slopes.append([outputs, *torch.autograd.grad(outputs.square().sum(), [images, *weights])])
    for ours, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_normal_weights() -> None:
    layer, norm = nn.Linear(500, 500), nn.BatchNorm1d(10_000)
    draw_normal(nn.ModuleList([layer, norm]))
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert norm.weight.mean().item() == pytest.approx(1.0, abs=0.001)
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not layer.bias.any()


def test_xavier_weights_lie_within_their_bound() -> None:
    layer = draw_xavier(nn.Linear(100, 50))
    bound = math.sqrt(6 / 150)
    assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert not layer.bias.any()


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize(("size", "channels", "num_classes"), [(28, 1, 43), (32, 3, 2)])
def test_contract_of_networks(variant: GanVariant, size: int, channels: int, num_classes: int) -> None:
    networks = variant.networks(ImageShape(size=size, channels=channels), 16, num_classes)
    labels = torch.tensor([0, num_classes - 1, 1])
    images = networks.generator(5 * torch.randn(3, 16), labels)
    output = networks.discriminator(images, labels)
    assert images.shape == (3, channels, size, size)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert output.logits.shape == (3,)
    assert output.logits.isfinite().all()
    assert output.class_logits is None or output.class_logits.shape == (3, num_classes)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_labels_matter_exactly_where_the_variant_is_conditional(variant: GanVariant) -> None:
    networks = variant.networks(MNIST, 16, 3)
    latents, images = torch.randn(4, 16), torch.rand(4, 1, 28, 28)
    generator, discriminator = networks.generator.eval(), networks.discriminator.eval()
    zeros, ones = torch.zeros(4).long(), torch.ones(4).long()
    assert torch.equal(generator(latents, zeros), generator(latents, ones)) is not variant.conditional
    outputs = discriminator(images, zeros), discriminator(images, ones)
    tells_classes = outputs[0].class_logits is not None
    uses_labels = not torch.equal(outputs[0].logits, outputs[1].logits)
    # A conditional discriminator is told the class, or says it itself.
    assert (uses_labels or tells_classes) is variant.conditional
