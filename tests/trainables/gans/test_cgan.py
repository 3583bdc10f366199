from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.conditioning import ConcatenateBeforeLinear, ConcatenateLabels
from gan_study.trainables.gans.variants.cgan import CGAN


def test_has_the_layers_of_document_002() -> None:
    """Dense layers that a learned vector of the label is put beside the input of, in both networks."""
    networks = CGAN.networks(ImageShape(size=64, channels=3), 100, 3)
    generator, discriminator = list(networks.generator.modules()), list(networks.discriminator.modules())
    linear = [(m.in_features, m.out_features) for m in generator + discriminator if isinstance(m, nn.Linear)]
    values = 3 * 64 * 64
    assert linear == [(110, 256), (256, 512), (512, values), (512, 256), (256, 1)]
    assert isinstance(networks.discriminator, ConcatenateBeforeLinear)
    assert networks.discriminator.weight.shape == (512, values)
    assert networks.discriminator.label_weight.shape == (512, 50)
    assert [m.num_features for m in generator if isinstance(m, nn.BatchNorm1d)] == [256, 512]
    assert [m.negative_slope for m in discriminator if isinstance(m, nn.LeakyReLU)] == [0.2, 0.2]
    assert isinstance(networks.generator, ConcatenateLabels)
    assert networks.generator.embedding.num_embeddings == networks.discriminator.embedding.num_embeddings == 3


def test_is_trained_as_document_002_says() -> None:
    assert CGAN.loss is CROSS_ENTROPY
    assert CGAN.conditional
    assert (CGAN.defaults.learning_rate, CGAN.defaults.latent_size) == (2e-4, 100)
