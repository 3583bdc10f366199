from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.penalties import dragan_penalty
from gan_study.trainables.gans.variants.dragan import DRAGAN


def test_penalises_the_discriminator_alone_with_the_weight_of_the_paper() -> None:
    assert {term.name: term.function for term in DRAGAN.discriminator_terms} == {
        "gradient_penalty": dragan_penalty
    }
    assert DRAGAN.generator_terms == ()
    assert DRAGAN.defaults.weights == {"gradient_penalty": 10.0}
    assert DRAGAN.loss is CROSS_ENTROPY


def test_batch_norm_is_in_the_generator_alone() -> None:
    networks = DRAGAN.networks(ImageShape(size=32, channels=3), 100, 2)

    def num_norms(network: nn.Module) -> int:
        return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())

    assert num_norms(networks.generator) == 3
    assert num_norms(networks.discriminator) == 0
