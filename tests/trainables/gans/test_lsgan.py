import torch
from torch import nn

from gan_study.trainables.base.layers import Leaky
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import LEAST_SQUARES
from gan_study.trainables.gans.variants.lsgan import LSGAN


def test_has_the_kinds_of_layers_of_document_002() -> None:
    networks = LSGAN.networks(ImageShape(size=64, channels=3), 100, 3)
    kinds = [type(layer) for layer in networks.generator.body]
    hidden = [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert kinds == [*hidden, *hidden, nn.Linear, nn.Tanh, nn.Unflatten]
    assert networks.generator.body[-3].out_features == 3 * 64 * 64
    judging = [m for m in networks.discriminator.modules() if not list(m.children())]
    assert [type(m) for m in judging[:-1]] == [
        nn.Flatten,
        *([nn.Linear, Leaky] * 2),
        nn.Linear,
    ]
    assert [m.negative_slope for m in judging if isinstance(m, Leaky)] == [0.2, 0.2]


def test_no_sigmoid_bounds_the_output_that_least_squares_compares_with_its_codes() -> None:
    discriminator = LSGAN.networks(ImageShape(size=8, channels=1), 5, 2).discriminator
    far = discriminator(
        100 * torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(50)
    )
    assert far.logits.min() < 0 and far.logits.max() > 1
    assert LSGAN.loss is LEAST_SQUARES
