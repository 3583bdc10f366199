from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.variants.fc_dcgan import FC_DCGAN


def linear_sizes(network: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in network.modules() if isinstance(layer, nn.Linear)]


def test_has_the_layers_of_document_000() -> None:
    networks = FC_DCGAN.networks(ImageShape(size=28, channels=1), 100, 10)
    assert linear_sizes(networks.generator) == [(100, 128), (128, 256), (256, 784)]
    assert linear_sizes(networks.discriminator) == [(784, 256), (256, 128), (128, 1)]
    kinds = [type(layer) for layer in networks.generator.body]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear, nn.Tanh, nn.Unflatten]
    leaks = [m.negative_slope for m in networks.discriminator.modules() if isinstance(m, nn.LeakyReLU)]
    assert leaks == [0.2, 0.2]


def test_loss_and_learning_rate_of_document_000() -> None:
    assert FC_DCGAN.loss is CROSS_ENTROPY
    assert FC_DCGAN.defaults.learning_rate == 2e-4
