import torch
from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.networks.conditioning import ProjectLabels
from gan_study.trainables.gans.networks.residual import ConditionalBatchNorm
from gan_study.trainables.gans.variants.projection_sngan import PROJECTION_SNGAN

SHAPE = ImageShape(size=28, channels=1)


def test_projection_by_hand() -> None:
    embedding, verdict = nn.Embedding(2, 2), nn.Linear(2, 1)
    embedding.weight.data = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    verdict.weight.data, verdict.bias.data = torch.tensor([[10.0, 0.0]]), torch.tensor([0.5])
    features, labels = torch.tensor([[3.0, 4.0], [3.0, 4.0]]), torch.tensor([0, 1])
    plain = ProjectLabels(nn.Identity(), embedding=embedding)
    judging = ProjectLabels(nn.Identity(), embedding=embedding, verdict=verdict)
    # 3 + 8 and -4; the verdict adds 30.5 to either.
    assert plain(features, labels).logits.tolist() == [11.0, -4.0]
    assert judging(features, labels).logits.tolist() == [41.5, 26.5]


def test_conditional_batch_norm_by_hand() -> None:
    norm = ConditionalBatchNorm(1, 2)
    norm.scales.weight.data, norm.shifts.weight.data = torch.tensor([[2.0], [3.0]]), torch.tensor([[0.0], [1.0]])
    # Mean 0 and deviation 1: what is left is scale and shift of the label.
    maps = torch.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1)
    made = norm(maps, torch.tensor([0, 1])).flatten()
    torch.testing.assert_close(made, torch.tensor([-2.0, 4.0]), atol=1e-4, rtol=0)


def test_every_weight_of_the_discriminator_has_norm_one() -> None:
    networks = PROJECTION_SNGAN.networks(SHAPE, 16, 10)
    images, labels = torch.rand(1, 1, 28, 28), torch.arange(1)
    for _ in range(100):
        networks.discriminator(images, labels)
    layers = [m for m in networks.discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
    norms = torch.stack([torch.linalg.matrix_norm(m.weight.flatten(1), ord=2) for m in layers])
    # Three blocks of three convolutions, the verdict and the embedding.
    assert len(layers) == 11
    torch.testing.assert_close(norms, torch.ones(11), atol=0.02, rtol=0)


def test_every_norm_of_the_generators_blocks_knows_the_class() -> None:
    generator = PROJECTION_SNGAN.networks(SHAPE, 16, 10).generator
    norms = [m for m in generator.modules() if isinstance(m, ConditionalBatchNorm)]
    assert len(norms) == 4
    assert all(norm.scales.num_embeddings == 10 for norm in norms)
