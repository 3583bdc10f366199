from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.variants.dcgan import DCGAN


def test_is_trained_as_the_vanilla_gan_of_document_002() -> None:
    given = DCGAN.defaults
    assert (given.learning_rate, given.beta1, given.beta2) == (2e-4, 0.5, 0.999)
    assert (given.batch_size, given.latent_size, given.discriminator_steps) == (32, 100, 1)
    assert DCGAN.loss is CROSS_ENTROPY
    assert not DCGAN.conditional


def test_has_the_activations_of_the_vanilla_gan_of_document_002() -> None:
    networks = DCGAN.networks(ImageShape(size=64, channels=3), 100, 2)
    generator, discriminator = list(networks.generator.modules()), list(networks.discriminator.modules())
    assert (
        sum(isinstance(m, nn.ReLU) for m in generator)
        == sum(isinstance(m, nn.BatchNorm2d) for m in generator)
        == 4
    )
    assert sum(isinstance(m, nn.Tanh) for m in generator) == 1
    assert [m.negative_slope for m in discriminator if isinstance(m, nn.LeakyReLU)] == [0.2] * 4
    assert sum(isinstance(m, nn.BatchNorm2d) for m in discriminator) == 3
