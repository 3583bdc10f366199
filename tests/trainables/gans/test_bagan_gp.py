from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.label_losses import mismatched_label
from gan_study.trainables.gans.networks.conditioning import ScaleByLabels
from gan_study.trainables.gans.penalties import gradient_penalty
from gan_study.trainables.gans.variant import Networks, TrainingData, parse_gan_settings
from gan_study.trainables.gans.variants import bagan_gp
from gan_study.trainables.gans.variants.bagan_gp import BAGAN_GP


def conv_channels(network: nn.Module, kind: type[nn.Module]) -> list[tuple[int, int]]:
    return [(layer.in_channels, layer.out_channels) for layer in network.modules() if isinstance(layer, kind)]


def linear_sizes(network: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in network.modules() if isinstance(layer, nn.Linear)]


def test_has_the_layers_of_the_authors_code() -> None:
    networks = BAGAN_GP.networks(ImageShape(size=64, channels=3), 128, 10)
    assert linear_sizes(networks.generator) == [(128, 256 * 4 * 4)]
    assert conv_channels(networks.generator, nn.ConvTranspose2d) == [(256, 128), (128, 128), (128, 64), (64, 3)]
    assert conv_channels(networks.discriminator, nn.Conv2d) == [(3, 64), (64, 128), (128, 128), (128, 256)]
    assert linear_sizes(networks.discriminator.scale) == [(512, 4096)]
    assert linear_sizes(networks.discriminator.after) == [(4096, 512), (512, 1)]
    embeddings = [m for n in (networks.generator, networks.discriminator) for m in n.modules()]
    sizes = [m.embedding_dim for m in embeddings if isinstance(m, nn.Embedding)]
    assert sizes == [128, 512]


def test_begins_with_the_weights_of_the_authors_code() -> None:
    """Convolutions N(0, 0.02); dense layers U(-a, a), a^2 = 6 / (fan in + fan out); embeddings U(-0.05, 0.05)."""
    networks = BAGAN_GP.networks(ImageShape(size=64, channels=3), 128, 10)
    for module in (*networks.generator.modules(), *networks.discriminator.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
        if isinstance(module, nn.Linear):
            largest = (6 / (module.in_features + module.out_features)) ** 0.5
            # Weights are float32, so that the largest may be rounded up.
            assert 0.9 * largest < module.weight.abs().max().item() <= largest * (1 + 1e-6)
        if isinstance(module, nn.Embedding):
            assert 0.045 < module.weight.abs().max().item() <= 0.05


def test_is_trained_as_in_the_authors_code() -> None:
    defaults = BAGAN_GP.defaults
    assert (defaults.learning_rate, defaults.beta1, defaults.beta2) == (2e-4, 0.5, 0.9)
    assert (defaults.batch_size, defaults.latent_size) == (128, 128)
    assert (defaults.discriminator_steps, defaults.warm_start_epochs) == (5, 30)


def test_terms() -> None:
    terms = {term.name: term.function for term in BAGAN_GP.discriminator_terms}
    assert terms == {"gradient_penalty": gradient_penalty, "mismatched_label": mismatched_label}
    assert BAGAN_GP.defaults.weights == {"gradient_penalty": 10.0, "mismatched_label": 1.0}
    assert BAGAN_GP.generator_terms == ()


def test_scale_by_labels_multiplies_value_by_value() -> None:
    scale = nn.Embedding(2, 2)
    scale.weight.data = torch.tensor([[1.0, 10.0], [-1.0, 0.5]])
    network = ScaleByLabels(nn.Identity(), nn.Identity(), scale=scale)
    made = network(torch.tensor([[3.0, 4.0], [3.0, 4.0]]), torch.tensor([0, 1]))
    torch.testing.assert_close(made, torch.tensor([[3.0, 40.0], [-3.0, 2.0]]))


def warmed(epochs: int) -> tuple[Networks, Networks]:
    """Networks before and after a warm start on images of one brightness a class: -0.8 and 0.8."""
    labels = torch.arange(24) % 2
    images = (labels.float() * 1.6 - 0.8)[:, None, None, None].expand(-1, 1, 8, 8)
    given = {"batch_size": 8, "latent_size": 8, "learning_rate": 2e-3, "warm_start_epochs": epochs}
    settings = parse_gan_settings(BAGAN_GP, given, where="gan")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = BAGAN_GP.networks(ImageShape(size=8, channels=1), 8, 2)
    before = deepcopy(networks)
    assert BAGAN_GP.warm_start is not None
    data = TrainingData(images=images, labels=labels, num_classes=2)
    BAGAN_GP.warm_start(networks, data, settings, torch.Generator().manual_seed(0))
    return before, networks


def test_warm_start_leaves_the_discriminator() -> None:
    before, after = warmed(1)
    learned = after.discriminator.state_dict()
    assert all(torch.equal(value, learned[name]) for name, value in before.discriminator.state_dict().items())


def test_decoder_and_encoder_learn_in_the_warm_start(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = []

    def recorded(made: Tensor, images: Tensor) -> Tensor:
        losses.append(l1_loss(made, images))
        return losses[-1]

    monkeypatch.setattr(bagan_gp, "l1_loss", recorded)
    warmed(40)
    assert len(losses) == 40 * 3
    # Images at -0.8 and 0.8 are 0.8 away from grey.
    assert losses[0].item() == pytest.approx(0.8, abs=0.1)
    assert losses[-1].item() < 0.1
